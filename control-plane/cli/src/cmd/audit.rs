//! `signalbox audit`: who changed what.

use clap::Args;
use signalbox_proto::wire::fleet::v1 as wire;

use crate::connect::Connection;
use crate::exit::Failure;
use crate::output::{self, Format, table, time};

/// How much to show.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Most events to show, newest first
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// How to write them
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Runs the command.
pub(crate) async fn run(connection: &Connection, options: Options) -> Result<(), Failure> {
    let mut client = connection.fleet().await?;
    let mut all = wire::ListAuditEventsResponse::default();
    while all.audit_events.len() < options.limit {
        let page_token = std::mem::take(&mut all.next_page_token);
        let request = wire::ListAuditEventsRequest { page_size: 500, page_token };
        let page = client.list_audit_events(request).await?.into_inner();
        all.audit_events.extend(page.audit_events);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    all.audit_events.truncate(options.limit);
    all.next_page_token.clear();
    output::show(options.output, &all, |all| {
        let row = |event: &wire::AuditEvent| {
            let method = event.method.rsplit('/').next().unwrap_or_default().to_owned();
            [time(event.time.as_ref(), ""), event.actor.clone(), method, event.resources.join(" ")]
        };
        table(["TIME", "ACTOR", "CALL", "RESOURCES"], all.audit_events.iter().map(row))
    })
}
