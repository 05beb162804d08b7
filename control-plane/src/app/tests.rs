use clap::Parser as _;
use signalbox_proto::pin::PinnedCa;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn settings(directory: &Path, more: &[&str]) -> Settings {
    let directory = directory.display().to_string();
    let fixed = ["signalbox-control-plane", "--listen", "127.0.0.1:0", "--data-dir", &directory];
    Settings::parse_from(fixed.iter().chain(more))
}

async fn start(directory: &Path, more: &[&str]) -> anyhow::Result<App> {
    App::start(&settings(directory, more), Arc::new(Telemetry::default())).await
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_restart_keeps_the_ca_the_token_and_the_history() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("deep/data");
    let app = start(&data, &[]).await.unwrap();
    let token = data.join(ADMIN_TOKEN_FILE);
    assert_eq!(std::fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
    let (secret, ca) = (std::fs::read_to_string(&token).unwrap(), app.addresses.ca_sha256.clone());
    assert!(get(app.addresses.http, "/readyz").await.starts_with("HTTP/1.0 200"));
    assert!(get(app.addresses.http, "/metrics").await.contains("signalbox_revision"));
    app.stop().await;

    let app = start(&data, &[]).await.unwrap();
    assert_eq!(app.addresses.ca_sha256, ca);
    assert_eq!(std::fs::read_to_string(&token).unwrap(), secret);
    app.stop().await;
}

#[tokio::test]
async fn a_data_directory_has_one_owner() {
    let directory = tempfile::tempdir().unwrap();
    let app = start(directory.path(), &[]).await.unwrap();
    let refused = start(directory.path(), &[]).await.err().unwrap();
    assert!(refused.to_string().contains("another control plane uses the data directory"), "{refused:#}");
    app.stop().await;
    start(directory.path(), &[]).await.unwrap().stop().await;
}

#[tokio::test]
async fn a_new_history_begins_when_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE_FILE);
    let epoch = async || SqliteStore::open(&path).await.unwrap().identity().epoch;
    let first = epoch().await;
    assert_eq!(epoch().await, first);
    start(directory.path(), &["--new-history"]).await.unwrap().stop().await;
    let second = epoch().await;
    assert_ne!(second, first);
    start(directory.path(), &[]).await.unwrap().stop().await;
    assert_eq!(epoch().await, second);
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let app = start(directory.path(), &[]).await.unwrap();
    let taken = app.addresses.http.to_string();
    let other = tempfile::tempdir().unwrap();
    let refused = start(other.path(), &["--http-listen", &taken]).await.err().unwrap();
    assert!(format!("{refused:#}").contains("--http-listen"), "{refused:#}");
    let refused = start(other.path(), &["--tls-name", "not a name"]).await.err().unwrap();
    assert!(format!("{refused:#}").contains("--tls-name"), "{refused:#}");
    std::fs::write(other.path().join("file"), "").unwrap();
    let refused = start(&other.path().join("file/data"), &[]).await.err().unwrap();
    assert!(format!("{refused:#}").contains("cannot create the data directory"), "{refused:#}");
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join(DATABASE_FILE), "this is no database, whatever its name says").unwrap();
    let refused = start(other.path(), &[]).await.err().unwrap();
    assert!(format!("{refused:#}").contains("cannot open the database"), "{refused:#}");
    app.stop().await;
}

#[tokio::test]
async fn the_port_speaks_tls_from_the_first_start() {
    let directory = tempfile::tempdir().unwrap();
    let app = start(directory.path(), &[]).await.unwrap();
    let pin = app.addresses.ca_sha256.as_ref().unwrap().parse().unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(PinnedCa::client_config(pin).unwrap()));
    let stream = tokio::net::TcpStream::connect(app.addresses.grpc).await.unwrap();
    let stream = connector.connect(signalbox_proto::pin::server_name(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    drop(stream);
    let plain = get(app.addresses.grpc, "/").await;
    assert!(!plain.starts_with("HTTP"), "{plain:?}");
    app.stop().await;
}
