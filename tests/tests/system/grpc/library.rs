//! gRPC as a client library speaks it: tonic, with messages as they lie on the wire.

use std::{net::SocketAddr, time::Duration};

use bytes::{Buf as _, BufMut as _};
use http::uri::PathAndQuery;
use system_tests::harness::tls::Authority;
use tonic::{
    Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

/// Messages as bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}

/// A client of a data plane, over TLS with ALPN or over HTTP/2 with prior knowledge.
pub(super) async fn client(gateway: SocketAddr, host: &str, tls: Option<&Authority>) -> Grpc<Channel> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{gateway}")).expect("an address");
    if let Some(authority) = tls {
        let roots = Certificate::from_pem(authority.pem());
        let config = ClientTlsConfig::new().ca_certificate(roots).domain_name(host);
        endpoint = endpoint.tls_config(config).expect("a right configuration");
    }
    let origin = format!("{scheme}://{host}:{}", gateway.port()).parse().expect("an origin");
    Grpc::new(endpoint.origin(origin).connect().await.expect("the data plane accepts"))
}

pub(super) fn path(method: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(method)
}

/// A request that gives up after a while.
pub(super) fn request(message: Vec<u8>, timeout: Duration) -> tonic::Request<Vec<u8>> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(timeout);
    request
}
