use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::super::error::UpstreamErrorKind;
use super::*;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn roots(&self) -> Option<Vec<CertificateDer<'static>>> {
        Some(vec![self.0.der().clone()])
    }

    fn server(&self, name: &str, alpn: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// An agent that answers over TLS in the protocol that was negotiated, with the name that the client asked for.
async fn agent(acceptor: TlsAcceptor) -> Agent {
    Agent::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                let service = hyper::service::service_fn(|_| async {
                    Ok::<_, std::convert::Infallible>(Response::new(http_body_util::Full::new(
                        Bytes::from_static(b"h2"),
                    )))
                });
                let connection =
                    hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new())
                        .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
                let _ = connection.await;
                return;
            }
            let mut bytes = vec![0; 4096];
            while stream.read(&mut bytes).await.is_ok_and(|length| length > 0) {
                stream.write_all(ANSWER).await.unwrap();
            }
        }
    })
    .await
}

async fn call_tls(
    agent: &Agent,
    change: impl FnOnce(&mut EndpointParameters),
) -> Result<String, UpstreamError> {
    let mut parameters = EndpointParameters { tls: true, host: "localhost".into(), ..agent.parameters() };
    change(&mut parameters);
    call(&pool(), &Endpoint::new(parameters, &TlsClients::new()), "{}").await
}

#[tokio::test]
async fn the_agents_own_roots_are_trusted_and_no_others() {
    let authority = Authority::new();
    let agent = agent(authority.server("localhost", &[])).await;
    assert_eq!(
        call_tls(&agent, |parameters| parameters.ca_certificates = authority.roots()).await.unwrap(),
        "ok"
    );
    for roots in [None, Authority::new().roots()] {
        let error = call_tls(&agent, |parameters| parameters.ca_certificates = roots).await.unwrap_err();
        assert_eq!((error.kind(), error.nothing_sent()), (UpstreamErrorKind::Tls, true));
    }
}

#[tokio::test]
async fn the_name_is_verified_and_can_be_given() {
    let authority = Authority::new();
    let agent = agent(authority.server("agent.example", &[])).await;
    let error =
        call_tls(&agent, |parameters| parameters.ca_certificates = authority.roots()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Tls);
    let answer = call_tls(&agent, |parameters| {
        parameters.ca_certificates = authority.roots();
        parameters.server_name = "agent.example".try_into().ok();
    });
    assert_eq!(answer.await.unwrap(), "ok");
}

#[tokio::test]
async fn the_protocol_is_negotiated() {
    use UpstreamProtocol::{Auto, Http1, Http2};
    let authority = Authority::new();
    let both = agent(authority.server("localhost", &["h2", "http/1.1"])).await;
    let old = agent(authority.server("localhost", &["http/1.1"])).await;
    for (agent, protocol, answer) in [
        (&both, Auto, "h2"),
        (&both, Http1, "ok"),
        (&both, Http2, "h2"),
        (&old, Auto, "ok"),
        (&old, Http1, "ok"),
    ] {
        let result = call_tls(agent, |parameters| {
            parameters.ca_certificates = authority.roots();
            parameters.protocol = protocol;
        });
        assert_eq!(result.await.unwrap(), answer, "{protocol:?}");
    }
    let error = call_tls(&old, |parameters| {
        parameters.ca_certificates = authority.roots();
        parameters.protocol = Http2;
    });
    assert_eq!(error.await.unwrap_err().kind(), UpstreamErrorKind::Tls);
}

#[tokio::test]
async fn plaintext_where_tls_was_meant_fails_before_anything_was_sent() {
    let agent = Agent::start(|_, mut stream| async move {
        stream.write_all(ANSWER).await.unwrap();
        while stream.read_u8().await.is_ok() {}
    })
    .await;
    let error = call_tls(&agent, |_| ()).await.unwrap_err();
    assert_eq!((error.kind(), error.nothing_sent()), (UpstreamErrorKind::Tls, true));
}
