use std::time::SystemTime;

use rustls_pki_types::ServerName;
use signalbox_proto::pin::{Fingerprint, PinnedCa};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_stream::StreamExt as _;
use tonic::transport::server::Connected as _;

use super::*;
use crate::net::Ca;

struct Server {
    address: SocketAddr,
    pin: Fingerprint,
    certificate: Arc<ServerCertificate>,
    connections: ReceiverStream<io::Result<Connection>>,
}

async fn server() -> Server {
    let directory = tempfile::tempdir().unwrap();
    let ca = Arc::new(Ca::load_or_create(directory.path(), SystemTime::now()).unwrap());
    let pin = ca.fingerprint();
    let certificate =
        Arc::new(ServerCertificate::new(ca, vec!["localhost".to_owned()], SystemTime::now()).unwrap());
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address;
    let connections = listener.connections(TlsSettings::new(Arc::clone(&certificate)).unwrap());
    Server { address, pin, certificate, connections }
}

async fn connect(
    address: SocketAddr,
    pin: Fingerprint,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let config = Arc::new(PinnedCa::client_config(pin).unwrap());
    let name = ServerName::try_from("somewhere.else.example").unwrap();
    TlsConnector::from(config).connect(name, TcpStream::connect(address).await?).await
}

#[tokio::test]
async fn a_client_that_pins_the_ca_gets_through() {
    let mut server = server().await;
    for _ in 0..2 {
        let mut client = connect(server.address, server.pin).await.unwrap();
        client.write_all(b"hi").await.unwrap();
        let mut connection = server.connections.next().await.unwrap().unwrap();
        let mut bytes = [0; 2];
        connection.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"hi");
        assert!(connection.connect_info().0.is_some());
        server.certificate.renew(SystemTime::now()).unwrap();
    }
}

#[tokio::test]
async fn another_pin_is_refused() {
    let server = server().await;
    let error = connect(server.address, Fingerprint([1; 32])).await.unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn a_silent_client_delays_nobody() {
    let mut server = server().await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    let _client = connect(server.address, server.pin).await.unwrap();
    server.connections.next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let ca = Arc::new(Ca::load_or_create(directory.path(), SystemTime::now()).unwrap());
    let error = ServerCertificate::new(ca, vec!["\u{f6}".to_owned()], SystemTime::now()).unwrap_err();
    assert!(matches!(error, super::super::certificate::CertificateError::Name { .. }));
}
