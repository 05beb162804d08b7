//! The `signalbox` command against a real control plane: what people read, what scripts parse, how it ends.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use system_tests::harness::{ControlPlane, cli::Cli, places};

const MANIFEST: &str = "\
plans:
- name: organizations/default/plans/gold
  apiKey: {}
agents:
- name: organizations/default/agents/echo
  displayName: Echo
  addresses: {contextPath: /echo}
  upstreams:
  - url: http://127.0.0.1:9
  plans: [organizations/default/plans/gold]
consumers:
- name: organizations/default/consumers/app
subscriptions:
- name: organizations/default/consumers/app/subscriptions/gold
  plan: organizations/default/plans/gold
";

/// Exit code, stdout and stderr.
fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().trim_end().to_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn run(cli: &Cli, arguments: &[&str]) -> (i32, String, String) {
    parts(&cli.output(arguments))
}

/// Runs a command that reads a manifest from stdin.
fn pipe(control_plane: &ControlPlane, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(places::program("signalbox"));
    command.args(["--server", &control_plane.url, "--data-dir"]).arg(control_plane.folder().join("data"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    parts(&child.wait_with_output().unwrap())
}

fn apply(control_plane: &ControlPlane, manifest: &str) -> (i32, String, String) {
    pipe(control_plane, &["apply", "-f", "-"], manifest)
}

#[test]
fn what_may_not_be_meant_is_told_and_applied() {
    let control_plane = ControlPlane::new();
    let manifest = MANIFEST.replace("  apiKey: {}\n", "  apiKey: {}\n  skills: [search]\n");
    for arguments in [&["apply", "-f", "-", "--dry-run"][..], &["apply", "-f", "-"]] {
        let (code, _, stderr) = pipe(&control_plane, arguments, &manifest);
        assert_eq!(code, 0, "{stderr}");
        let told = "note: stdin: line 6, column 3: agents[0].skill_selector: is absent";
        assert!(stderr.starts_with(told), "{stderr}");
    }
    let selector = "  skillSelector: {messageMetadata: [/skill]}\n  displayName: Echo\n";
    let (code, _, stderr) = apply(&control_plane, &manifest.replace("  displayName: Echo\n", selector));
    assert_eq!((code, stderr.as_str()), (0, ""));
}

#[test]
fn a_manifest_is_applied_once_and_then_only_what_differs() {
    let control_plane = ControlPlane::new();
    let dry = pipe(&control_plane, &["apply", "-f", "-", "--dry-run"], MANIFEST);
    assert!(dry.1.starts_with("organizations/default/plans/gold created (dry run)\n"), "{dry:?}");
    let all = |plan: &str, agent: &str, rest: &str| {
        format!(
            "organizations/default/plans/gold {plan}\norganizations/default/agents/echo {agent}\n\
             organizations/default/consumers/app {rest}\n\
             organizations/default/consumers/app/subscriptions/gold {rest}"
        )
    };
    let created = all("created", "created", "created");
    assert_eq!(apply(&control_plane, MANIFEST), (0, created, String::new()), "the dry run left nothing");
    let unchanged = all("unchanged", "unchanged", "unchanged");
    assert_eq!(apply(&control_plane, MANIFEST), (0, unchanged, String::new()));
    let changed = apply(&control_plane, &MANIFEST.replace("Echo", "Parrot"));
    assert_eq!(changed, (0, all("unchanged", "updated", "unchanged"), String::new()));

    let cli = control_plane.cli();
    let yaml = cli.text(&["get", "agents", "-o", "yaml"]);
    let again = apply(&control_plane, &yaml);
    assert_eq!(again, (0, "organizations/default/agents/echo unchanged".to_owned(), String::new()));
    let table = cli.text(&["get", "agents"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "STATE", "UPSTREAMS", "PLANS", "UPDATED"]);
    assert_eq!(
        lines[1][..4],
        ["organizations/default/agents/echo", "deployed", "http://127.0.0.1:9", "gold"]
    );
    assert_eq!(cli.json(&["get", "agents", "echo"])["displayName"], "Parrot");
}

#[test]
fn errors_quote_the_offending_line_whoever_found_them() {
    let control_plane = ControlPlane::new();
    assert_eq!(apply(&control_plane, MANIFEST).0, 0);
    let check = |manifest: &str, expected: &str| {
        let (code, stdout, stderr) = apply(&control_plane, manifest);
        assert_eq!((code, stdout.as_str()), (7, ""), "{stderr}");
        assert_eq!(stderr, expected.trim_start_matches('\n').trim_end());
    };
    // Found by the command alone.
    check(
        &MANIFEST.replace("http://127.0.0.1:9", "ftp://127.0.0.1:9"),
        "
error: stdin: line 9, column 10: agents[0].upstreams[0].url: must begin with https:// or http://
  |
8 |   upstreams:
9 |   - url: ftp://127.0.0.1:9
  |          ^",
    );
    let (code, _, stderr) = apply(&control_plane, &MANIFEST.replace("displayName", "displayNaem"));
    assert_eq!(code, 7);
    assert!(stderr.starts_with("error: stdin: line 6, column 3: unknown field `displayNaem`"), "{stderr}");
    assert!(stderr.ends_with("6 |   displayNaem: Echo\n  |   ^"), "{stderr}");
    let (code, _, stderr) = apply(&control_plane, &MANIFEST.replace("displayName", "name"));
    assert_eq!(code, 7);
    assert!(stderr.starts_with("error: stdin: line 6, column 3: duplicate"), "{stderr}");

    // Found by the control plane.
    check(
        &MANIFEST.replace(
            "plans: [organizations/default/plans/gold]",
            "plans: [organizations/default/plans/nope]",
        ),
        "
error: stdin: line 10, column 11: agents[0].plans[0]: organizations/default/plans/nope does not exist
   |
 9 |   - url: http://127.0.0.1:9
10 |   plans: [organizations/default/plans/nope]
   |           ^",
    );
    let rival = MANIFEST.replace("agents/echo", "agents/rival");
    let (code, _, stderr) = apply(&control_plane, &rival);
    assert_eq!(code, 7, "{stderr}");
    assert!(stderr.contains("line 7, column 28: agents[0].addresses.context_path: "), "{stderr}");
    assert!(stderr.contains("organizations/default/agents/echo"), "it says who has the address: {stderr}");
    let cli = control_plane.cli();
    assert_eq!(run(&cli, &["get", "agents", "rival"]).0, 3, "nothing of a refused manifest is kept");
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let control_plane = ControlPlane::new();
    assert_eq!(apply(&control_plane, MANIFEST).0, 0);
    let cli = control_plane.cli();
    let (code, stdout, stderr) = run(&cli, &["get", "agents", "nobody"]);
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert_eq!(stderr, "error: organizations/default/agents/nobody does not exist");
    assert_eq!(run(&cli, &["get", "teapots"]).0, 2);
    assert_eq!(run(&cli, &["get", "agents", "a/b/c"]).0, 2);
    let stale = run(&cli, &["delete", "agents", "echo", "--etag", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]);
    assert_eq!(stale.0, 4, "{stale:?}");
    let (code, _, stderr) = run(&cli, &["delete", "plans", "gold"]);
    assert_eq!(code, 7);
    assert!(stderr.contains("is in use by") && stderr.contains("--force"), "{stderr}");
    let deleted = run(&cli, &["delete", "plans", "gold", "--force"]);
    assert_eq!(deleted, (0, "organizations/default/plans/gold deleted".to_owned(), String::new()));
    assert_eq!(
        cli.json(&["get", "agents", "echo"])["plans"],
        serde_json::Value::Null,
        "the agent stays, without it"
    );
}

#[test]
fn nobody_gets_in_with_the_wrong_token_and_no_token_goes_to_a_stranger() {
    let control_plane = ControlPlane::new();
    let cli = control_plane.cli();
    let made = cli.json(&["fleet", "token", "create", "edge", "--region", "eu"]);
    let token = |name: &str, text: &str| {
        let path = control_plane.folder().join(name);
        std::fs::write(&path, text).unwrap();
        Cli::new(&control_plane.url, &control_plane.ca_sha256, &path)
    };
    for wrong in ["", "nonsense", made["token"].as_str().unwrap()] {
        let (code, stdout, stderr) = run(&token("wrong", wrong), &["get", "agents"]);
        assert_eq!((code, stdout.as_str()), (5, ""), "{stderr}");
    }
    let admin = control_plane.admin_token_file();
    let stranger = Cli::new(&control_plane.url, &"ab".repeat(32), &admin);
    let (code, _, stderr) = run(&stranger, &["get", "agents"]);
    assert_eq!(code, 6);
    assert!(stderr.contains("certificate is not trusted") && stderr.contains("--ca-sha256"), "{stderr}");
    let (code, _, stderr) = run(&Cli::new("http://198.51.100.7:9900", "", &admin), &["get", "agents"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--insecure"), "{stderr}");

    let (url, ca_sha256) = (control_plane.url.clone(), control_plane.ca_sha256.clone());
    let (folder, _) = control_plane.kill();
    let (code, _, stderr) =
        run(&Cli::new(&url, &ca_sha256, &folder.path().join("data/admin-token")), &["get", "agents"]);
    assert_eq!(code, 6);
    assert!(stderr.starts_with(&format!("error: cannot reach the control plane at {url}: ")), "{stderr}");
}

#[test]
fn a_key_is_shown_once_and_kept_nowhere() {
    let control_plane = ControlPlane::new();
    assert_eq!(apply(&control_plane, MANIFEST).0, 0);
    let cli = control_plane.cli();
    let (code, stdout, stderr) =
        run(&cli, &["keys", "create", "app/gold", "--id", "k1", "--expires-in", "1h"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stderr, "The key is shown this once. Keep it like a password.");
    let key = stdout.lines().next().unwrap().strip_prefix("key      ").unwrap().to_owned();
    assert_eq!(
        signalbox_proto::key::id(signalbox_proto::key::TokenKind::ApiKey, &key).map(str::len),
        Some(12)
    );

    let list = cli.text(&["keys", "list", "app/gold"]);
    assert!(list.contains(&key[..16]) && !list.contains(&key[..20]), "the id alone: {list}");
    assert_eq!(
        cli.json(&["get", "keys", "app/gold/k1"])["keySha256"],
        signalbox_proto::key::sha256(&key).to_string()
    );
    let name = "organizations/default/consumers/app/subscriptions/gold/apiKeys/k1";
    assert_eq!(run(&cli, &["keys", "revoke", "app/gold/k1"]), (0, format!("{name} revoked"), String::new()));
    let again = run(&cli, &["keys", "revoke", "app/gold/k1"]);
    assert_eq!(again, (0, format!("{name} was revoked already"), String::new()));

    let (folder, _) = control_plane.kill();
    for entry in std::fs::read_dir(folder.path().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(20).any(|window| window == &key.as_bytes()[..20]);
        assert!(!found, "{} holds the key", path.display());
    }
}

#[test]
fn a_key_can_be_made_without_a_control_plane() {
    let mut command = Command::new(places::program("signalbox"));
    let (code, stdout, _) = parts(&command.args(["keys", "generate", "-o", "json"]).output().unwrap());
    assert_eq!(code, 0);
    let made: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let key = made["key"].as_str().unwrap();
    assert_eq!(made["keySha256"], signalbox_proto::key::sha256(key).to_string());
}

#[test]
fn tokens_of_data_planes_are_made_listed_and_ended() {
    let control_plane = ControlPlane::new();
    let cli = control_plane.cli();
    assert_eq!(run(&cli, &["fleet", "token", "create", "edge", "--region", "Not A Region"]).0, 7);
    let made = cli.json(&["fleet", "token", "create", "edge", "--region", "eu", "--lifetime", "1d"]);
    assert_eq!(made["caSha256"], control_plane.ca_sha256.as_str());
    assert_eq!(made["dataPlaneToken"]["dataPlane"], "dataPlanes/edge");
    let name = made["dataPlaneToken"]["name"].as_str().unwrap();
    assert!(!cli.text(&["fleet", "token", "list", "-o", "json"]).contains(made["token"].as_str().unwrap()));
    assert_eq!(cli.text(&["fleet", "token", "revoke", name]).trim_end(), format!("{name} revoked"));
    let list = cli.text(&["fleet", "token", "list"]);
    assert!(list.lines().nth(1).unwrap().contains("revoked"), "{list}");
    let (code, stdout, stderr) = run(&cli, &["wait"]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", "no data plane is connected"));
    let audit = cli.json(&["audit", "--limit", "2"]);
    assert_eq!(audit["auditEvents"][0]["method"], "signalbox.fleet.v1.FleetService/RevokeDataPlaneToken");
    assert_eq!(audit["auditEvents"].as_array().unwrap().len(), 2);
}
