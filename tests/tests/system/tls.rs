//! TLS on the listener: several certificates by name, replaced while calls go on; TLS to agents.

use std::fs;

use system_tests::harness::{
    DataPlane, Upstream,
    http::{Connection, request},
    manifest::{KEYLESS_PLAN, Manifest},
    tls::{Authority, Files},
    wait_until,
};

use crate::common::{ECHO, V1, send_message};

fn call(connection: &mut Connection) -> u16 {
    let headers = [("content-type", "application/json"), V1[0]];
    connection.send(&request("POST", ECHO, &headers, &send_message(1)));
    connection.response().status()
}

/// A data plane with TLS on its listener, and certificates for the names `one` and `two`.
fn with_two_certificates(agent: &Upstream, authority: &Authority) -> (DataPlane, tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let one = authority.issue(&["one.example"], folder.path(), "one");
    let two = authority.issue(&["two.example"], folder.path(), "two");
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let pair = |files: &Files| format!(",cert={},key={}", files.certificate.display(), files.key.display());
    let listener = format!("127.0.0.1:0{}{}", pair(&one), pair(&two));
    (DataPlane::standalone_with(&manifest, &["--listen", &listener]), folder, one)
}

#[test]
fn the_certificate_is_chosen_by_name() {
    let (agent, authority) = (Upstream::well_behaved(), Authority::new());
    let (gateway, _folder, _) = with_two_certificates(&agent, &authority);
    let (mut one, first) =
        authority.connect(gateway.address, "one.example").expect("a certificate for the name");
    let (mut two, second) =
        authority.connect(gateway.address, "two.example").expect("a certificate for the name");
    assert_ne!(first, second);
    assert_eq!((call(&mut one), call(&mut two)), (200, 200));
    assert!(
        authority.connect(gateway.address, "three.example").is_err(),
        "a certificate for another name was taken"
    );
}

#[test]
fn a_replaced_certificate_is_shown_to_new_connections_and_open_ones_go_on() {
    let (agent, authority) = (Upstream::well_behaved(), Authority::new());
    let (gateway, folder, _) = with_two_certificates(&agent, &authority);
    let (mut open, before) = authority.connect(gateway.address, "one.example").expect("a handshake");
    assert_eq!(call(&mut open), 200);
    authority.issue(&["one.example"], folder.path(), "one");
    gateway.process.signal("HUP");
    wait_until("the new certificate is shown", || {
        let (_, after) = authority.connect(gateway.address, "one.example").expect("a handshake");
        (after != before).then_some(())
    });
    assert_eq!(call(&mut open), 200);
}

#[test]
fn a_broken_replacement_is_refused_and_the_old_certificate_stays() {
    let (agent, authority) = (Upstream::well_behaved(), Authority::new());
    let (mut gateway, _folder, files) = with_two_certificates(&agent, &authority);
    let (_, before) = authority.connect(gateway.address, "one.example").expect("a handshake");
    fs::write(&files.certificate, "no certificate").expect("the folder can be written");
    gateway.process.signal("HUP");
    gateway.process.wait_for_log("one.crt");
    let (mut connection, after) = authority.connect(gateway.address, "one.example").expect("a handshake");
    assert_eq!(before, after);
    assert_eq!(call(&mut connection), 200);
}

#[test]
fn plaintext_on_a_tls_listener_harms_nobody() {
    let (agent, authority) = (Upstream::well_behaved(), Authority::new());
    let (gateway, _folder, _) = with_two_certificates(&agent, &authority);
    let mut plain = Connection::open(gateway.address);
    plain.send(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    let said = plain.rest();
    assert!(!said.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&said));
    let (mut connection, _) = authority.connect(gateway.address, "two.example").expect("a handshake");
    assert_eq!(call(&mut connection), 200);
}
