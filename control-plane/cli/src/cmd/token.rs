//! `signalbox fleet token`: tokens that let data planes in.

use std::time::Duration;

use clap::{Args, Subcommand};
use signalbox_proto::model::check::to_duration;
use signalbox_proto::wire::fleet::v1 as wire;

use crate::connect::Connection;
use crate::exit::Failure;
use crate::names;
use crate::output::{self, Format, note, print, table, time};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a token for a data plane; it is shown this once
    Create(Create),
    /// Show tokens, without their secrets
    List {
        /// How to write them
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// End a token; a stream that it opened ends too
    Revoke {
        /// Its name or id
        name: String,
    },
}

/// A token to be made.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Id of the data plane that may use it
    data_plane: String,
    /// Region that the data plane must name
    #[arg(long)]
    region: String,
    /// Time after which it stops working; never if absent
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    lifetime: Option<Duration>,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Runs the command.
pub(crate) async fn run(connection: &Connection, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(options) => create(connection, options).await,
        Command::List { output } => list(connection, output).await,
        Command::Revoke { name } => {
            let name = names::data_plane_token(&name);
            let request = wire::RevokeDataPlaneTokenRequest { name: name.clone() };
            connection.fleet().await?.revoke_data_plane_token(request).await?;
            print(&format!("{name} revoked"))
        }
    }
}

async fn create(connection: &Connection, options: Create) -> Result<(), Failure> {
    let request = wire::CreateDataPlaneTokenRequest {
        data_plane: names::data_plane(&options.data_plane),
        region: options.region,
        lifetime: options.lifetime.map(to_duration),
    };
    let answer = connection.fleet().await?.create_data_plane_token(request).await?.into_inner();
    output::show(options.output, &answer, |answer| {
        note("The token is shown this once. Give it to the data plane with --token-file.");
        let token = answer.data_plane_token.clone().unwrap_or_default();
        let expires = time(token.expire_time.as_ref(), "never");
        format!(
            "token      {}\nname       {}\nexpires    {expires}\nca sha256  {}",
            answer.token, token.name, answer.ca_sha256
        )
    })
}

async fn list(connection: &Connection, output: Format) -> Result<(), Failure> {
    let mut client = connection.fleet().await?;
    let mut all = wire::ListDataPlaneTokensResponse::default();
    loop {
        let page_token = std::mem::take(&mut all.next_page_token);
        let request = wire::ListDataPlaneTokensRequest { page_size: 500, page_token };
        let page = client.list_data_plane_tokens(request).await?.into_inner();
        all.data_plane_tokens.extend(page.data_plane_tokens);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if all.data_plane_tokens.is_empty() && output == Format::Table {
        note("there are none");
        return Ok(());
    }
    output::show(output, &all, |all| {
        let row = |token: &wire::DataPlaneToken| {
            let state = if token.revoke_time.is_some() { "revoked" } else { "active" };
            [
                token.name.clone(),
                token.data_plane.clone(),
                token.region.clone(),
                state.to_owned(),
                time(token.expire_time.as_ref(), "never"),
                time(token.create_time.as_ref(), ""),
            ]
        };
        let header = ["TOKEN", "DATA PLANE", "REGION", "STATE", "EXPIRES", "CREATED"];
        table(header, all.data_plane_tokens.iter().map(row))
    })
}
