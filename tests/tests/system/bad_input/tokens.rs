//! Wrong and missing tokens, and changes that rest on what is no longer so.

use system_tests::harness::{
    ControlPlane, Upstream,
    cli::Cli,
    manifest::{KEYLESS_PLAN, Manifest},
    process::Process,
};

fn refused_as_admin(token: &str) {
    let control_plane = ControlPlane::new();
    let file = control_plane.folder().join("other-token");
    std::fs::write(&file, token).expect("a token can be written");
    let cli = Cli::new(&control_plane.url, &control_plane.ca_sha256, &file);
    let output = cli.output(&["get", "agents"]);
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(!output.status.success());
    assert!(said.contains("token"), "{said}");
    assert!(token.is_empty() || !said.contains(&token.to_lowercase()), "the token is in the message: {said}");
    assert!(control_plane.cli().output(&["get", "agents"]).status.success(), "the right token works no more");
}

#[test]
fn a_wrong_admin_token() {
    refused_as_admin("sbx_admin_0000000000000000000000000000000000000000");
}

#[test]
fn an_empty_admin_token() {
    refused_as_admin("");
}

#[test]
fn a_control_plane_with_another_certificate_is_not_talked_to() {
    let control_plane = ControlPlane::new();
    let cli = Cli::new(&control_plane.url, &"0".repeat(64), &control_plane.admin_token_file());
    let output = cli.output(&["get", "agents"]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(said.contains("certificate"), "{said}");
}

/// Starts a data plane with a token that is not its own, and gives what the fleet knows of it.
fn fleet_with(token: impl FnOnce(&ControlPlane) -> String, id: &str, region: &str, said: &str) -> String {
    let control_plane = ControlPlane::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("token"), token(&control_plane)).expect("the token can be written");
    let mut command = control_plane.data_plane_command(folder.path(), id, region);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--health-listen",
        "127.0.0.1:0",
    ]);
    let mut process = Process::start("data plane", command);
    process.wait_for_log(said);
    control_plane.cli().json(&["fleet", "status"]).to_string()
}

fn token_of(control_plane: &ControlPlane, id: &str, region: &str) -> String {
    let made = control_plane.cli().json(&["fleet", "token", "create", id, "--region", region]);
    made["token"].as_str().unwrap_or_else(|| panic!("no token in {made}")).to_owned()
}

#[test]
fn a_wrong_data_plane_token() {
    let fleet = fleet_with(
        |_| "sbxdp_0000000000000000000000000000000000000000000000000000000000000".to_owned(),
        "edge-1",
        "eu",
        "the token is wrong",
    );
    assert!(!fleet.contains("edge-1"), "{fleet}");
}

#[test]
fn the_token_of_another_data_plane() {
    let fleet = fleet_with(
        |control_plane| token_of(control_plane, "edge-2", "eu"),
        "edge-1",
        "eu",
        "another data plane",
    );
    assert!(!fleet.contains("edge-1"), "{fleet}");
}

#[test]
fn a_token_for_another_region() {
    let fleet =
        fleet_with(|control_plane| token_of(control_plane, "edge-1", "us"), "edge-1", "eu", "another region");
    assert!(!fleet.contains("\"connected\":true"), "{fleet}");
}

#[test]
fn a_revoked_data_plane_token_ends_the_stream_and_the_last_good_state_serves_on() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    control_plane.cli().apply(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN).yaml());
    let mut gateway = control_plane.data_plane("edge-1", "eu");
    gateway.wait_for_agent("echo");
    let tokens = control_plane.cli().json(&["fleet", "token", "list"]);
    let name = tokens.pointer("/dataPlaneTokens/0/name").and_then(serde_json::Value::as_str);
    let name = name.unwrap_or_else(|| panic!("no token in {tokens}"));
    control_plane.cli().text(&["fleet", "token", "revoke", name]);
    gateway.process.wait_for_log("the token");
    control_plane.cli().apply(&Manifest::new().keyless().agent("later", &agent.url(), KEYLESS_PLAN).yaml());
    crate::common::assert_serves(&gateway);
    let later = system_tests::harness::http::post(gateway.address, "/a2a/later", &[], b"{}");
    assert_eq!(later.status(), 404, "it still hears of changes");
}

#[test]
fn a_stale_etag() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    let cli = control_plane.cli();
    let manifest = |fields: &str| {
        Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, fields).yaml()
    };
    cli.apply(&manifest(""));
    let read = cli.json(&["get", "agents", "echo"]);
    let etag = read["etag"].as_str().unwrap_or_else(|| panic!("no etag in {read}")).to_owned();
    let with_etag = |text: &str| manifest(&format!("  etag: '{etag}'\n  displayName: {text}\n"));
    cli.apply(&with_etag("First"));
    let output = cli.apply_output(&with_etag("Second"));
    assert!(!output.status.success(), "a stale etag was accepted");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("agents/echo"), "{said}");
    let stored = cli.json(&["get", "agents", "echo"]);
    assert_eq!(stored["displayName"], "First");
}
