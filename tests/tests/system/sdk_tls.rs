//! Official clients and agents with TLS on both sides of the gateway: HTTP/1.1 and HTTP/2 by ALPN on one listener.

use std::fs;

use system_tests::harness::{
    Agent, Client, DataPlane,
    manifest::{KEYLESS_PLAN, Manifest},
    sdk::{EVERYTHING, Sdk, record},
    tls::Authority,
};

use crate::sdk_table::BINDINGS;

/// Clients over every binding to an agent whose gRPC is behind TLS, too.
fn clients_over_tls(sdk: Sdk) {
    let (folder, authority) = (tempfile::tempdir().expect("a temporary folder"), Authority::new());
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.pem()).expect("the folder can be written");
    let files = authority.issue(&["localhost"], folder.path(), "server");
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let options = ["--hybrid", "--grpc-tls", &format!("{certificate},{key}")];
    let agent = Agent::start_with(sdk, &[&EVERYTHING[..], &options].concat(), &[]);
    let grpc = agent.grpc.as_deref().expect("the agent serves gRPC");
    let pem: String = authority.pem().lines().map(|line| format!("        {line}\n")).collect();
    let upstreams = format!(
        "  - url: {}\n  - url: https://{grpc}\n    bindings: [BINDING_GRPC]\n    tls:\n      caCertificatesPem: |\n{pem}",
        agent.url
    );
    let fields =
        format!("  addresses: {{hosts: [localhost]}}\n  upstreams:\n{upstreams}  plans: [{KEYLESS_PLAN}]\n");
    let manifest = Manifest::new().keyless().raw_agent("echo", &fields);
    let listener = format!("127.0.0.1:0,cert={certificate},key={key}");
    let gateway = DataPlane::standalone_with(&manifest, &["--listen", &listener]);
    let authority = gateway.authority();
    let base = format!("https://{authority}");
    std::thread::scope(|scope| {
        for sdk in Sdk::ALL {
            let client = Client::new(sdk, &base).bindings(&BINDINGS).grpc(Some(&authority)).ca(&ca);
            scope.spawn(move || {
                let records = client.run(&["discover", "send", "stream", "large", "extended-card"]);
                assert_eq!(record(&records, "send")["text"], "echo: hello there");
            });
        }
    });
    gateway.assert_calls("echo", agent.calls());
}

#[test]
fn every_client_over_tls_to_python_1() {
    clients_over_tls(Sdk::Python1);
}

#[test]
fn every_client_over_tls_to_javascript_1() {
    clients_over_tls(Sdk::JavaScript1);
}
