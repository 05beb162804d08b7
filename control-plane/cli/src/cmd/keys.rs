//! `signalbox keys`: API keys.

use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use signalbox_proto::key::{Token, TokenKind};
use signalbox_proto::model::check::to_timestamp;
use signalbox_proto::wire::config::v1 as wire;

use super::get::list;
use super::wait;
use crate::connect::Connection;
use crate::exit::Failure;
use crate::names::Kind;
use crate::output::{self, Format, note, print, time};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key of a subscription; it is shown this once
    Create(Create),
    /// Show keys, without their secrets
    List(List),
    /// End a key for good; its open streams end too
    Revoke(Revoke),
    /// Make a key without a control plane, for the manifest of a data plane that runs alone
    Generate(Generate),
}

/// A key to be made.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Subscription: its full name, or consumer and subscription as in app/gold
    subscription: String,
    /// Id of the key; made up if absent
    #[arg(long, default_value = "")]
    id: String,
    /// For people
    #[arg(long, default_value = "")]
    display_name: String,
    /// Time after which it stops working; never if absent
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires_in: Option<Duration>,
    /// Organization of a short name
    #[arg(long, value_name = "ID", default_value = "default")]
    organization: String,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Keys to be shown.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Subscription: its full name, or consumer and subscription as in app/gold; all if absent
    subscription: Option<String>,
    /// Organization of short names and lists
    #[arg(long, value_name = "ID", default_value = "default")]
    organization: String,
    /// How to write them
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// A key to be ended.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// Its full name, or its ids as in app/gold/k1
    name: String,
    /// Organization of a short name
    #[arg(long, value_name = "ID", default_value = "default")]
    organization: String,
    /// Wait until every connected data plane refuses it
    #[arg(long)]
    wait: bool,
    /// Longest time to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// A key that no control plane knows.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Runs the command.
pub(crate) async fn run(connection: &Connection, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(options) => create(connection, options).await,
        Command::List(options) => {
            let parent = match &options.subscription {
                Some(name) => Kind::Subscriptions.full_name(&options.organization, name)?,
                None => Kind::Keys.parent_of_all(&options.organization),
            };
            list::<wire::ApiKey>(&mut connection.config().await?, &parent, options.output).await
        }
        Command::Revoke(options) => revoke(connection, options).await,
        Command::Generate(options) => generate(&options),
    }
}

async fn create(connection: &Connection, options: Create) -> Result<(), Failure> {
    let parent = Kind::Subscriptions.full_name(&options.organization, &options.subscription)?;
    let expire_time = options.expires_in.map(|lifetime| to_timestamp(SystemTime::now() + lifetime));
    let request = wire::CreateApiKeyRequest {
        parent,
        api_key_id: options.id,
        api_key: Some(wire::ApiKey { display_name: options.display_name, expire_time, ..Default::default() }),
        validate_only: false,
        // A repeated request has no key to show, so there is nothing to repeat.
        request_id: String::new(),
    };
    let answer = connection.config().await?.create_api_key(request).await?.into_inner();
    output::show(options.output, &answer, |answer| {
        let key = answer.api_key.clone().unwrap_or_default();
        note("The key is shown this once. Keep it like a password.");
        let expires = time(key.expire_time.as_ref(), "never");
        format!("key      {}\nname     {}\nexpires  {expires}", answer.key, key.name)
    })
}

async fn revoke(connection: &Connection, options: Revoke) -> Result<(), Failure> {
    let name = Kind::Keys.full_name(&options.organization, &options.name)?;
    let request = wire::RevokeApiKeyRequest {
        name: name.clone(),
        etag: String::new(),
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let answer = connection.config().await?.revoke_api_key(request).await?.into_inner();
    print(&format!("{name} {}", if answer.commit.is_some() { "revoked" } else { "was revoked already" }))?;
    match answer.commit {
        Some(commit) if options.wait => {
            let revisions = wait::Revisions::of(&commit);
            wait::until(connection, revisions, &[], options.timeout, Format::Table).await
        }
        _ => Ok(()),
    }
}

/// A key and its hash.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    key: String,
    key_sha256: String,
}

fn generate(options: &Generate) -> Result<(), Failure> {
    let token = Token::generate(TokenKind::ApiKey).map_err(anyhow::Error::from)?;
    let made = Generated { key: token.expose().to_owned(), key_sha256: token.sha256().to_string() };
    output::show(options.output, &made, |made| {
        format!("key        {}\nkeySha256  {}", made.key, made.key_sha256)
    })
}
