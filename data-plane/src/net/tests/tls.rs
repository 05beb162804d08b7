use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::tls::{CertificateError, CertificateFiles, ServerTls};
use super::*;

/// Writes a self-signed certificate for a name and returns it.
fn write(directory: &Path, file: &str, name: &str) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(directory.join(format!("{file}.pem")), certificate.pem()).unwrap();
    std::fs::write(directory.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    certificate.der().clone()
}

fn files(directory: &Path, file: &str) -> CertificateFiles {
    CertificateFiles {
        certificates: directory.join(format!("{file}.pem")),
        key: directory.join(format!("{file}.key")),
    }
}

fn listening(tls: &Arc<ServerTls>) -> Server {
    Server::telling(ListenerSettings { tls: Some(Arc::clone(tls)), ..ListenerSettings::default() })
}

/// Connects, trusting any of these certificates, and returns the one that was shown.
async fn connect(
    server: &Server,
    name: &str,
    trusted: &[CertificateDer<'static>],
    alpn: &[&str],
) -> Result<(TlsStream<TcpStream>, CertificateDer<'static>), std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().cloned());
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await?;
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    Ok((stream, shown))
}

async fn call_http1(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn certificates_are_chosen_by_name_and_the_first_is_the_default() {
    let directory = TempDir::new().unwrap();
    let first = write(directory.path(), "first", "one.example");
    let second = write(directory.path(), "second", "*.two.example");
    let tls =
        ServerTls::load(vec![files(directory.path(), "first"), files(directory.path(), "second")]).unwrap();
    let server = listening(&tls);
    let trusted = [first.clone(), second.clone()];
    let (mut stream, shown) = connect(&server, "one.example", &trusted, &["http/1.1"]).await.unwrap();
    assert_eq!(shown, first);
    assert!(call_http1(&mut stream).await.ends_with("7 Http1 tls=true name=one.example body=0"));
    let (stream, shown) = connect(&server, "a.two.example", &trusted, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(shown, second);
    assert_eq!(call_http2(stream).await, "7 Http2 tls=true name=a.two.example body=3");
    let error = connect(&server, "three.example", &trusted, &[]).await.unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn new_certificates_serve_new_connections_and_open_ones_go_on() {
    let directory = TempDir::new().unwrap();
    let old = write(directory.path(), "it", "one.example");
    let tls = ServerTls::load(vec![files(directory.path(), "it")]).unwrap();
    let server = listening(&tls);
    let (mut open, _) = connect(&server, "one.example", std::slice::from_ref(&old), &[]).await.unwrap();
    assert!(!tls.reload().unwrap(), "nothing has changed");
    let new = write(directory.path(), "it", "one.example");
    assert!(tls.reload().unwrap());
    let (_, shown) = connect(&server, "one.example", &[old, new.clone()], &[]).await.unwrap();
    assert_eq!(shown, new);
    assert!(call_http1(&mut open).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn bad_certificates_leave_the_good_ones() {
    let directory = TempDir::new().unwrap();
    let good = write(directory.path(), "it", "one.example");
    let tls = ServerTls::load(vec![files(directory.path(), "it")]).unwrap();
    let server = listening(&tls);
    write(directory.path(), "other", "one.example");
    std::fs::copy(directory.path().join("other.pem"), directory.path().join("it.pem")).unwrap();
    assert!(
        matches!(tls.reload().unwrap_err(), CertificateError::Unusable { .. }),
        "key of another certificate"
    );
    std::fs::write(directory.path().join("it.pem"), "half a cer").unwrap();
    assert!(tls.reload().is_err());
    std::fs::remove_file(directory.path().join("it.pem")).unwrap();
    assert!(matches!(tls.reload().unwrap_err(), CertificateError::Read { .. }));
    let (_, shown) = connect(&server, "one.example", std::slice::from_ref(&good), &[]).await.unwrap();
    assert_eq!(shown, good);
}

#[test]
fn a_listener_without_certificates_does_not_start() {
    assert!(matches!(ServerTls::load(Vec::new()).unwrap_err(), CertificateError::None));
}

#[tokio::test(start_paused = true)]
async fn files_are_read_again_at_every_interval() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "it", "one.example");
    let tls = ServerTls::load(vec![files(directory.path(), "it")]).unwrap();
    let watching = tokio::spawn(Arc::clone(&tls).watch(Duration::from_secs(10)));
    let new = write(directory.path(), "it", "one.example");
    while tls.shown() != new {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    watching.abort();
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_cut_off() {
    let directory = TempDir::new().unwrap();
    write(directory.path(), "it", "one.example");
    let tls = ServerTls::load(vec![files(directory.path(), "it")]).unwrap();
    let server = Server::telling(ListenerSettings {
        tls: Some(tls),
        handshake_timeout: Duration::from_millis(50),
        ..ListenerSettings::default()
    });
    let mut silent = server.connect().await;
    assert_eq!(rest(&mut silent).await, "");
    server.workers.idle().await;
}
