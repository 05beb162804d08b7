use super::*;

fn parameters() -> EndpointParameters {
    EndpointParameters {
        tls: false,
        host: "agent.example".into(),
        port: 80,
        path: "/a2a".into(),
        ca_certificates: None,
        server_name: None,
        protocol: UpstreamProtocol::Auto,
        connect_timeout: Duration::from_secs(5),
    }
}

fn endpoint(parameters: EndpointParameters) -> Endpoint {
    Endpoint::new(parameters, &TlsClients::new())
}

#[test]
fn the_identity_ignores_path_and_timeout_and_nothing_else() {
    let base = endpoint(parameters());
    let same = [
        EndpointParameters { path: "/other".into(), ..parameters() },
        EndpointParameters { connect_timeout: Duration::from_secs(1), ..parameters() },
    ];
    for other in same {
        assert_eq!(base.identity(), endpoint(other).identity());
    }
    let certificate = |bytes: &[u8]| Some(vec![CertificateDer::from(bytes.to_vec())]);
    let different = [
        EndpointParameters { host: "agent2.example".into(), ..parameters() },
        EndpointParameters { port: 8080, ..parameters() },
        EndpointParameters { protocol: UpstreamProtocol::Http2, ..parameters() },
        EndpointParameters { tls: true, ..parameters() },
        EndpointParameters { tls: true, ca_certificates: certificate(b"one"), ..parameters() },
        EndpointParameters { tls: true, ca_certificates: certificate(b"two"), ..parameters() },
        EndpointParameters { tls: true, server_name: "x.example".try_into().ok(), ..parameters() },
    ];
    let mut identities: Vec<_> =
        different.into_iter().map(|other| endpoint(other).identity().clone()).collect();
    identities.push(base.identity().clone());
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), 8);
}

#[test]
fn the_target_joins_the_path_and_what_is_below_it() {
    let at = |path: &str, below: &str| {
        endpoint(EndpointParameters { path: path.into(), ..parameters() }).target(below).unwrap().to_string()
    };
    assert_eq!(at("", ""), "/");
    assert_eq!(at("/a2a", ""), "/a2a");
    assert_eq!(at("", "/v1/tasks?x=1"), "/v1/tasks?x=1");
    assert_eq!(at("/a2a", "/v1/tasks?x=1"), "/a2a/v1/tasks?x=1");
}

#[test]
fn the_host_header_leaves_the_default_port_out() {
    let host = |host: &str, port, tls| {
        let host = endpoint(EndpointParameters { host: host.into(), port, tls, ..parameters() });
        host.host_header().to_str().unwrap().to_owned()
    };
    assert_eq!(host("agent.example", 80, false), "agent.example");
    assert_eq!(host("agent.example", 443, true), "agent.example");
    assert_eq!(host("agent.example", 80, true), "agent.example:80");
    assert_eq!(host("::1", 8080, false), "[::1]:8080");
}
