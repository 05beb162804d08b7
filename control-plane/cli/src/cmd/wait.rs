//! `signalbox wait`: wait until the data planes enforce a change.

use std::time::Duration;

use clap::Args;
use signalbox_proto::model::check::to_duration;
use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::wire::config::v1::Commit;
use signalbox_proto::wire::fleet::v1 as wire;

use super::fleet;
use crate::connect::Connection;
use crate::exit::{Code, Failure};
use crate::output::{self, Format, note};

/// What to wait for.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Revision of the config lane; with neither revision, the newest of both lanes
    #[arg(long, value_name = "REVISION")]
    config_revision: Option<u64>,
    /// Revision of the credentials lane
    #[arg(long, value_name = "REVISION")]
    credentials_revision: Option<u64>,
    /// Data planes of this region only; repeat for more
    #[arg(long)]
    region: Vec<String>,
    /// Longest time to wait, at most 10 min
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// How to write the answer
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// What the data planes should enforce; 0: whatever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revisions {
    config: u64,
    credentials: u64,
}

impl Revisions {
    /// Those of a commit.
    pub(crate) fn of(commit: &Commit) -> Self {
        Self { config: commit.config_revision, credentials: commit.credentials_revision }
    }

    /// The newest ones, as the fleet view has them.
    fn newest(data_planes: &[wire::DataPlane]) -> Self {
        let newest = |wanted: Lane| {
            let heads =
                data_planes.iter().flat_map(|data_plane| &data_plane.heads).filter_map(Cursor::from_wire);
            heads
                .filter(|(lane, _)| *lane == wanted)
                .map(|(_, cursor)| cursor.revision)
                .max()
                .unwrap_or_default()
        };
        Self { config: newest(Lane::Config), credentials: newest(Lane::Credentials) }
    }
}

/// Runs the command.
pub(crate) async fn run(connection: &Connection, options: Options) -> Result<(), Failure> {
    let revisions = match (options.config_revision, options.credentials_revision) {
        (None, None) => Revisions::newest(&fleet::all(connection).await?),
        (config, credentials) => {
            Revisions { config: config.unwrap_or_default(), credentials: credentials.unwrap_or_default() }
        }
    };
    until(connection, revisions, &options.region, options.timeout, options.output).await
}

/// Waits, says who confirmed, and fails if somebody did not in time.
pub(crate) async fn until(
    connection: &Connection,
    revisions: Revisions,
    regions: &[String],
    timeout: Duration,
    output: Format,
) -> Result<(), Failure> {
    let request = wire::WaitForRevisionRequest {
        config_revision: revisions.config,
        credentials_revision: revisions.credentials,
        timeout: Some(to_duration(timeout)),
        regions: regions.to_vec(),
    };
    let answer = connection.fleet().await?.wait_for_revision(request).await?.into_inner();
    if output == Format::Table {
        // For people this is no data: what counts is the exit code.
        match (answer.reached, answer.confirmed.len()) {
            (true, 0) => note("no data plane is connected"),
            (true, 1) => note("1 data plane enforces it"),
            (true, count) => note(&format!("{count} data planes enforce it")),
            (false, _) => {}
        }
    } else {
        output::show(output, &answer, |_| String::new())?;
    }
    if answer.reached {
        return Ok(());
    }
    let text = format!("not enforced in time by {}", answer.pending.join(", "));
    Err(Failure::new(Code::TimedOut, text))
}
