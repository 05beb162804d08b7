//! Process settings from flags and the environment.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{CommandFactory as _, Parser};

use crate::telemetry::TelemetryArguments;

/// Port of the gRPC APIs.
pub const GRPC_PORT: u16 = 9900;
/// Port of health and metrics.
pub const HTTP_PORT: u16 = 9901;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The control plane of Signalbox: stores agents, plans and keys, and streams them to the data planes.
#[derive(Clone, Debug, Parser)]
#[command(name = "signalbox-control-plane", version)]
pub struct Settings {
    /// Directory of the database, the CA and the first admin token; made if it does not exist
    #[arg(long, env = "SIGNALBOX_DATA_DIR", value_name = "DIRECTORY", default_value = "signalbox-data")]
    pub data_dir: PathBuf,

    /// Address of the gRPC APIs; port 0 takes a free one
    #[arg(long, env = "SIGNALBOX_LISTEN", value_name = "ADDRESS", default_value_t = SocketAddr::new(LOOPBACK, GRPC_PORT))]
    pub listen: SocketAddr,

    /// Address of health and metrics, in plain HTTP; without it, port 9901 of the loopback, or a free one if --listen
    /// asks for a free one
    #[arg(long, env = "SIGNALBOX_HTTP_LISTEN", value_name = "ADDRESS")]
    pub http_listen: Option<SocketAddr>,

    /// Host names and addresses by which clients reach the control plane, for its certificate; repeat or separate by
    /// commas. Clients that pin the CA do not need them
    #[arg(long, env = "SIGNALBOX_TLS_NAMES", value_name = "NAME", value_delimiter = ',')]
    pub tls_name: Vec<String>,

    /// Serve the gRPC APIs without TLS; on a loopback address only
    #[arg(long, env = "SIGNALBOX_PLAINTEXT")]
    pub plaintext: bool,

    /// With --plaintext, serve on any address: tokens and keys then cross the network unprotected
    #[arg(long, env = "SIGNALBOX_INSECURE", requires = "plaintext")]
    pub insecure: bool,

    /// Begin a new history: give this once after the database was restored from a backup, so that every data plane takes
    /// everything anew
    #[arg(long)]
    pub new_history: bool,

    /// File that is written with the bound addresses as JSON once the control plane serves
    #[arg(long, env = "SIGNALBOX_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// Telemetry
    #[command(flatten)]
    pub telemetry: TelemetryArguments,
}

/// Settings that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Plaintext beyond the machine.
    #[error(
        "--plaintext on {0} would send tokens and keys over the network unprotected; leave it out, or add --insecure"
    )]
    PlaintextBeyondLoopback(SocketAddr),
}

impl Settings {
    /// Checks what single flags cannot.
    ///
    /// # Errors
    ///
    /// What does not go together.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.plaintext && !self.insecure && !self.listen.ip().is_loopback() {
            return Err(SettingsError::PlaintextBeyondLoopback(self.listen));
        }
        Ok(())
    }

    /// Where health and metrics are served.
    pub fn http_address(&self) -> SocketAddr {
        let port = if self.listen.port() == 0 { 0 } else { HTTP_PORT };
        self.http_listen.unwrap_or(SocketAddr::new(LOOPBACK, port))
    }

    /// Names of the server certificate: those given, and those by which the machine is reached anyway.
    pub fn certificate_names(&self) -> Vec<String> {
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        if !self.listen.ip().is_unspecified() {
            names.push(self.listen.ip().to_string());
        }
        names.extend(self.tls_name.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }
}

/// The table of docs/control-plane-settings.md.
pub fn table() -> String {
    let mut text = String::from("| flag | environment | default | what for |\n|---|---|---|---|\n");
    for argument in Settings::command().get_arguments() {
        let Some(long) = argument.get_long() else { continue };
        let value = argument.get_value_names().filter(|_| argument.get_action().takes_values());
        let value = value.and_then(<[_]>::first).map(|name| format!(" {name}")).unwrap_or_default();
        let environment = argument.get_env().map(|name| format!("`{}`", name.to_string_lossy()));
        let defaults = argument.get_default_values().iter();
        let defaults: Vec<_> = defaults.map(|value| format!("`{}`", value.to_string_lossy())).collect();
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let (environment, defaults) = (environment.unwrap_or_default(), defaults.join(" "));
        text.push_str(&format!("| `--{long}{value}` | {environment} | {defaults} | {help} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1 cargo test -p signalbox-control-plane settings` rewrites the table.
    #[test]
    fn docs_control_plane_settings_is_current() {
        const BEGIN: &str = "<!-- settings: made from control-plane/src/settings.rs -->\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/control-plane-settings.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (before, current) = text.split_once(BEGIN).expect("the file marks where the table begins");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, format!("{before}{BEGIN}{}", table())).unwrap();
            return;
        }
        assert_eq!(
            current,
            table(),
            "docs/control-plane-settings.md is stale: run UPDATE_DOCS=1 cargo test -p signalbox-control-plane settings"
        );
    }

    fn settings(arguments: &[&str]) -> Settings {
        Settings::try_parse_from(["signalbox-control-plane"].iter().chain(arguments)).unwrap()
    }

    #[test]
    fn defaults_are_safe() {
        let settings = settings(&[]);
        settings.check().unwrap();
        assert!(settings.listen.ip().is_loopback() && settings.http_address().ip().is_loopback());
        assert_eq!((settings.listen.port(), settings.http_address().port()), (9900, 9901));
        assert!(!settings.plaintext);
    }

    #[test]
    fn plaintext_stays_on_the_machine_unless_asked_twice() {
        settings(&["--plaintext"]).check().unwrap();
        settings(&["--plaintext", "--listen", "0.0.0.0:9900"]).check().unwrap_err();
        settings(&["--plaintext", "--insecure", "--listen", "0.0.0.0:9900"]).check().unwrap();
        Settings::try_parse_from(["signalbox-control-plane", "--insecure"]).unwrap_err();
    }

    #[test]
    fn the_certificate_has_every_name_once() {
        let names = settings(&[
            "--listen",
            "10.0.0.1:0",
            "--tls-name",
            "a.example,localhost",
            "--tls-name",
            "b.example",
        ]);
        assert_eq!(
            names.certificate_names(),
            ["localhost", "127.0.0.1", "::1", "10.0.0.1", "a.example", "b.example"]
        );
    }
}
