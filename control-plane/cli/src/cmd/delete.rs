//! `signalbox delete`: delete a resource.

use clap::Args;
use signalbox_proto::wire::config::v1 as wire;

use crate::connect::Connection;
use crate::exit::Failure;
use crate::names::Kind;
use crate::output::print;

/// What to delete.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Kind of resource
    #[arg(value_enum)]
    kind: Kind,
    /// Its full name, or its ids with slashes between them, as in app/gold/k1
    name: String,
    /// Organization of a short name
    #[arg(long, value_name = "ID", default_value = "default")]
    organization: String,
    /// Delete only this version of it
    #[arg(long, default_value = "")]
    etag: String,
    /// Delete what hangs from it too: subscriptions and keys; agents lose a plan
    #[arg(long)]
    force: bool,
    /// Check only
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(crate) async fn run(connection: &Connection, options: Options) -> Result<(), Failure> {
    let Options { kind, name, organization, etag, force, dry_run: validate_only } = options;
    let name = kind.full_name(&organization, &name)?;
    let mut client = connection.config().await?;
    let request_id = uuid::Uuid::new_v4().to_string();
    let shown = name.clone();
    match kind {
        Kind::Agents => {
            client.delete_agent(wire::DeleteAgentRequest { name, etag, validate_only, request_id }).await?;
        }
        Kind::Plans => {
            client
                .delete_plan(wire::DeletePlanRequest { name, etag, validate_only, request_id, force })
                .await?;
        }
        Kind::Consumers => {
            let request = wire::DeleteConsumerRequest { name, etag, validate_only, request_id, force };
            client.delete_consumer(request).await?;
        }
        Kind::Subscriptions => {
            let request = wire::DeleteSubscriptionRequest { name, etag, validate_only, request_id, force };
            client.delete_subscription(request).await?;
        }
        Kind::Keys => {
            client
                .delete_api_key(wire::DeleteApiKeyRequest { name, etag, validate_only, request_id })
                .await?;
        }
    }
    print(&format!("{shown} deleted{}", if validate_only { " (dry run)" } else { "" }))
}
