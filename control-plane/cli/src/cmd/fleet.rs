//! `signalbox fleet`: data planes and what they have applied.

use clap::{Args, Subcommand};
use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::wire::fleet::v1 as wire;

use super::token;
use crate::connect::Connection;
use crate::exit::Failure;
use crate::output::{self, Format, note, print, table, time};

/// What to do with the fleet.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the data planes and what they enforce
    Status(Status),
    /// Tokens that let data planes in
    #[command(subcommand)]
    Token(token::Command),
}

/// How to show the data planes.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Go on, and show them again whenever something changes; JSON then comes as one line a time
    #[arg(long)]
    watch: bool,
    /// How to write them
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Runs the command.
pub(crate) async fn run(connection: &Connection, command: Command) -> Result<(), Failure> {
    match command {
        Command::Status(options) if options.watch => watch(connection, options.output).await,
        Command::Status(options) => {
            let data_planes = all(connection).await?;
            show(
                &wire::ListDataPlanesResponse { data_planes, next_page_token: String::new() },
                options.output,
            )
        }
        Command::Token(command) => token::run(connection, command).await,
    }
}

/// Every data plane.
pub(crate) async fn all(connection: &Connection) -> Result<Vec<wire::DataPlane>, Failure> {
    let mut client = connection.fleet().await?;
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = wire::ListDataPlanesRequest { page_size: 500, page_token };
        let page = client.list_data_planes(request).await?.into_inner();
        found.extend(page.data_planes);
        if page.next_page_token.is_empty() {
            return Ok(found);
        }
        page_token = page.next_page_token;
    }
}

async fn watch(connection: &Connection, output: Format) -> Result<(), Failure> {
    let mut client = connection.fleet().await?;
    let mut lists = client.watch_data_planes(wire::WatchDataPlanesRequest {}).await?.into_inner();
    while let Some(list) = lists.message().await? {
        match output {
            Format::Json => print(&serde_json::to_string(&list).map_err(anyhow::Error::from)?)?,
            Format::Yaml => {
                print("---")?;
                show(&list, output)?;
            }
            Format::Table => {
                show(&list, output)?;
                print("")?;
            }
        }
    }
    Ok(())
}

fn show(list: &wire::ListDataPlanesResponse, output: Format) -> Result<(), Failure> {
    if list.data_planes.is_empty() && output == Format::Table {
        note("no data plane has connected yet; `signalbox fleet token create` lets one in");
        return Ok(());
    }
    output::show(output, list, |list| {
        let mut text = table(
            ["DATA PLANE", "REGION", "VERSION", "STATE", "CONFIG", "CREDENTIALS", "STREAMS", "LAST CONTACT"],
            list.data_planes.iter().map(row),
        );
        for trouble in list.data_planes.iter().flat_map(troubles) {
            text.push('\n');
            text.push_str(&trouble);
        }
        text
    })
}

fn row(data_plane: &wire::DataPlane) -> [String; 8] {
    let state = match (data_plane.connected, data_plane.ready) {
        (true, true) => "ready",
        (true, false) => "connected",
        (false, _) => "away",
    };
    [
        data_plane.name.clone(),
        data_plane.region.clone(),
        data_plane.version.clone(),
        state.to_owned(),
        progress(data_plane, Lane::Config),
        progress(data_plane, Lane::Credentials),
        data_plane.open_streams.to_string(),
        time(data_plane.last_contact_time.as_ref(), "never"),
    ]
}

/// What it enforces of a lane, and what it should if that is more.
fn progress(data_plane: &wire::DataPlane, lane: Lane) -> String {
    let find = |cursors: &[signalbox_proto::wire::discovery::v1::Cursor]| {
        cursors
            .iter()
            .filter_map(Cursor::from_wire)
            .find(|(found, _)| *found == lane)
            .map(|(_, cursor)| cursor)
    };
    let head = find(&data_plane.heads).unwrap_or_default();
    match find(&data_plane.applied) {
        Some(applied) if applied == head => applied.revision.to_string(),
        Some(applied) if applied.epoch == head.epoch => format!("{} of {}", applied.revision, head.revision),
        _ => format!("- of {}", head.revision),
    }
}

/// What is wrong with a data plane, a line each.
fn troubles(data_plane: &wire::DataPlane) -> Vec<String> {
    let name = &data_plane.name;
    let mut lines = Vec::new();
    if let Some(refusal) = &data_plane.last_refusal {
        let at = time(refusal.time.as_ref(), "");
        for error in &refusal.errors {
            let (resource, field, reason) = (&error.name, &error.field, &error.reason);
            lines.push(format!(
                "{name} refused revision {} at {at}: {resource} {field}: {reason}",
                refusal.revision
            ));
        }
    }
    for withheld in &data_plane.withheld {
        lines.push(format!("{name} lacks {} for {}", withheld.capability, withheld.name));
    }
    lines
}

#[cfg(test)]
mod tests {
    use signalbox_proto::wire::discovery::v1::{Cursor as WireCursor, ResourceError};

    use super::*;

    fn cursor(lane: Lane, epoch: u8, revision: u64) -> WireCursor {
        WireCursor { lane: lane.to_wire().into(), epoch: vec![epoch; 16], revision }
    }

    fn data_plane() -> wire::DataPlane {
        wire::DataPlane {
            name: "dataPlanes/edge".to_owned(),
            region: "eu".to_owned(),
            version: "0.1.0".to_owned(),
            connected: true,
            ready: true,
            applied: vec![cursor(Lane::Config, 1, 7), cursor(Lane::Credentials, 2, 9)],
            heads: vec![cursor(Lane::Config, 1, 8), cursor(Lane::Credentials, 1, 3)],
            ..Default::default()
        }
    }

    #[test]
    fn a_row_says_what_is_enforced_and_what_should_be() {
        let row = row(&data_plane());
        assert_eq!(row[3..6], ["ready", "7 of 8", "- of 3"]);
        assert_eq!(row[7], "never");
        let current = wire::DataPlane { applied: data_plane().heads, connected: false, ..data_plane() };
        assert_eq!(super::row(&current)[3..6], ["away", "8", "3"]);
    }

    #[test]
    fn refusals_and_lacks_are_told_line_by_line() {
        let error =
            ResourceError { name: "a".to_owned(), field: "f".to_owned(), reason: "is wrong".to_owned() };
        let refusal = wire::Refusal { revision: 8, errors: vec![error], ..Default::default() };
        let withheld = wire::Withheld { name: "p".to_owned(), capability: "plan.jwt".to_owned() };
        let troubled =
            wire::DataPlane { last_refusal: Some(refusal), withheld: vec![withheld], ..data_plane() };
        assert_eq!(
            troubles(&troubled),
            ["dataPlanes/edge refused revision 8 at : a f: is wrong", "dataPlanes/edge lacks plan.jwt for p"]
        );
        assert!(troubles(&data_plane()).is_empty());
    }
}
