//! `signalbox get`: show resources.

use clap::Args;
use signalbox_proto::wire::config::v1 as wire;

use super::resource::Resource;
use crate::connect::Connection;
use crate::exit::Failure;
use crate::names::Kind;
use crate::output::{self, Format, note, table};

/// What to show.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Kind of resource
    #[arg(value_enum)]
    kind: Kind,
    /// One resource: its full name, or its ids with slashes between them, as in app/gold/k1
    name: Option<String>,
    /// Organization of short names and of lists; - stands for all
    #[arg(long, value_name = "ID", default_value = "default")]
    organization: String,
    /// How to write it; YAML and JSON lists are manifests that can be applied
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Runs the command.
pub(crate) async fn run(connection: &Connection, options: Options) -> Result<(), Failure> {
    match options.kind {
        Kind::Agents => get::<wire::Agent>(connection, options).await,
        Kind::Plans => get::<wire::Plan>(connection, options).await,
        Kind::Consumers => get::<wire::Consumer>(connection, options).await,
        Kind::Subscriptions => get::<wire::Subscription>(connection, options).await,
        Kind::Keys => get::<wire::ApiKey>(connection, options).await,
    }
}

async fn get<R: Resource>(connection: &Connection, options: Options) -> Result<(), Failure> {
    let Options { kind, name, organization, output } = options;
    let mut client = connection.config().await?;
    if let Some(name) = name {
        let name = kind.full_name(&organization, &name)?;
        let resource = R::get(&mut client, name).await?;
        return output::show(output, &resource, |resource| table(R::HEADER, [resource.row()]));
    }
    list::<R>(&mut client, &kind.parent_of_all(&organization), output).await
}

/// Shows everything of a parent.
pub(crate) async fn list<R: Resource>(
    client: &mut super::resource::Config,
    parent: &str,
    output: Format,
) -> Result<(), Failure> {
    let list = R::all(client, parent).await?;
    if list.is_empty() && output == Format::Table {
        note("there are none");
        return Ok(());
    }
    let rows: Vec<[String; 5]> = list.iter().map(Resource::row).collect();
    output::show(output, &R::manifest(list), |_| table(R::HEADER, rows))
}
