use std::ffi::OsString;
use std::time::Duration;

use super::{EXIT_USAGE, Settings, Source, UsageError, table};

fn read(arguments: &[&str]) -> Result<Settings, UsageError> {
    let program = std::iter::once("signalbox-data-plane");
    Settings::read(program.chain(arguments.iter().copied()).map(OsString::from))
}

fn refusal(arguments: &[&str]) -> String {
    let error = read(arguments).unwrap_err();
    assert_eq!(error.exit_code(), EXIT_USAGE);
    error.to_string()
}

#[test]
fn a_manifest_alone_is_enough() {
    let settings = read(&["--config-file", "m.yaml"]).unwrap();
    assert_eq!(settings.id, "standalone");
    assert_eq!(settings.listeners[0].address.port(), 8080);
    assert_eq!((settings.admin_listen.port(), settings.health_listen.port()), (8081, 8082));
    assert_eq!(settings.drain_delay, Duration::from_secs(5));
    assert_eq!(settings.limits.max_buffered_bytes, 256 << 20);
    assert!(settings.threads >= 1);
    assert!(matches!(settings.source, Source::File(_)));
}

#[test]
fn listeners_carry_certificates_and_public_urls() {
    let settings = read(&[
        "--config-file",
        "m",
        "--public-url",
        "https://all.example/x",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "[::]:8443,cert=a.pem,key=a.key,cert=b.pem,key=b.key,public-url=https://eu.example",
    ])
    .unwrap();
    let [plain, tls] = settings.listeners.as_slice() else { panic!("two listeners") };
    assert_eq!(plain.public_url_at(plain.address).as_deref(), Some("https://all.example/x"));
    assert_eq!(tls.certificates.len(), 2);
    assert_eq!(tls.public_url_at(tls.address).as_deref(), Some("https://eu.example"));
}

#[test]
fn a_listener_on_loopback_is_its_own_public_url() {
    let settings =
        read(&["--config-file", "m", "--listen", "127.0.0.1:0,cert=a,key=b", "--listen", "0.0.0.0:1"])
            .unwrap();
    let bound = "127.0.0.1:4242".parse().unwrap();
    assert_eq!(settings.listeners[0].public_url_at(bound).as_deref(), Some("https://127.0.0.1:4242"));
    assert_eq!(settings.listeners[1].public_url_at(settings.listeners[1].address), None);
}

#[test]
fn a_control_plane_needs_id_and_token() {
    let all = [
        "--control-plane",
        "https://cp.example",
        "--id",
        "edge-1",
        "--token-file",
        "t",
        "--label",
        "tier=gold,x=1",
    ];
    let settings = read(&all).unwrap();
    let Source::ControlPlane(control_plane) = settings.source else { panic!("a control plane") };
    assert_eq!((control_plane.addresses[0].tls, control_plane.addresses[0].port), (true, 9900));
    assert_eq!(settings.site.labels.len(), 2);
    assert!(refusal(&all[..4]).contains("--token-file"));
    assert!(refusal(&["--control-plane", "https://cp", "--token-file", "t"]).contains("--id"));
}

#[test]
fn wrong_usage_says_what_to_write() {
    for (arguments, expected) in [
        (vec![], "--config-file"),
        (vec!["--config-file", "m", "--control-plane", "https://x"], "cannot be used with"),
        (vec!["--config-file", "m", "--listen", "8080"], "ADDRESS:PORT"),
        (vec!["--config-file", "m", "--listen", "0.0.0.0:1,cert=a"], "followed by its key"),
        (vec!["--config-file", "m", "--listen", "0.0.0.0:1,key=a"], "followed by its key"),
        (vec!["--config-file", "m", "--listen", "0.0.0.0:1,tls"], "cert=FILE"),
        (vec!["--config-file", "m", "--public-url", "ftp://x"], "--public-url"),
        (vec!["--config-file", "m", "--admin-listen", "0.0.0.0:1"], "loopback"),
        (vec!["--config-file", "m", "--head-timeout", "0s"], "longer than 0s"),
        (vec!["--config-file", "m", "--label", "x"], "KEY=VALUE"),
        (vec!["--config-file", "m", "--id", "Upper"], "--id"),
        (vec!["--control-plane", "http://cp.example", "--id", "a", "--token-file", "t"], "plaintext"),
        (
            vec!["--control-plane", "https://cp.example/path", "--id", "a", "--token-file", "t"],
            "https://HOST",
        ),
        (vec!["--no-such-flag"], "--no-such-flag"),
    ] {
        let text = refusal(&arguments);
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
    assert_eq!(read(&["--help"]).unwrap_err().exit_code(), 0);
}

#[test]
fn plaintext_to_the_control_plane_stays_on_loopback() {
    for url in ["http://127.0.0.1:9900", "http://[::1]:1", "http://localhost:1"] {
        assert!(read(&["--control-plane", url, "--id", "a", "--token-file", "t"]).is_ok(), "{url}");
    }
    assert!(read(&["--insecure", "--control-plane", "http://cp", "--id", "a", "--token-file", "t"]).is_ok());
}

/// `UPDATE_DOCS=1 cargo test -p signalbox-data-plane settings` rewrites the table.
#[test]
fn docs_settings_is_current() {
    const BEGIN: &str = "<!-- settings: made from data-plane/src/settings/arguments.rs -->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, current) = text.split_once(BEGIN).expect("docs/settings.md marks where the table begins");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{}", table())).unwrap();
        return;
    }
    assert_eq!(
        current,
        table(),
        "docs/settings.md is stale: run UPDATE_DOCS=1 cargo test -p signalbox-data-plane settings"
    );
}
