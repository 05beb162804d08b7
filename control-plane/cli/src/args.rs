//! The command line as a whole.

use clap::{Parser, Subcommand};

use crate::cmd;
use crate::connect::Connection;

/// Publishes agents, manages keys and watches the fleet of a Signalbox control plane.
///
/// Exit codes: 0 done; 1 failed; 2 wrong usage; 3 not found; 4 exists already, or changed meanwhile; 5 token missing,
/// wrong or not allowed; 6 control plane not reachable or busy; 7 the manifest or a field is wrong; 8 waited in vain.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub connection: Connection,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create or update everything in a manifest, in one commit
    Apply(cmd::apply::Options),
    /// Show resources
    Get(cmd::get::Options),
    /// Delete a resource
    Delete(cmd::delete::Options),
    /// API keys
    #[command(subcommand)]
    Keys(cmd::keys::Command),
    /// Data planes and their tokens
    #[command(subcommand)]
    Fleet(cmd::fleet::Command),
    /// Wait until the data planes enforce a change
    Wait(cmd::wait::Options),
    /// Show who changed what, newest first
    Audit(cmd::audit::Options),
}
