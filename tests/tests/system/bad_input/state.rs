//! What is stored survives: a control plane killed at any moment, full disks, unwritable folders, damaged files.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use system_tests::harness::{
    ControlPlane, DataPlane, Upstream,
    http::post,
    manifest::{KEYLESS_PLAN, Manifest},
    places,
};

use crate::common::{ECHO, V1, assert_serves, send_message};

fn manifest(agent: &Upstream, id: &str) -> String {
    Manifest::new().keyless().agent(id, &agent.url(), KEYLESS_PLAN).yaml()
}

#[test]
fn a_control_plane_killed_between_and_in_commits_loses_none_that_it_acknowledged() {
    let agent = Upstream::well_behaved();
    let mut control_plane = ControlPlane::new();
    let mut acknowledged = Vec::new();
    for round in 0..6_u64 {
        let cli = control_plane.cli();
        let agent_url = agent.url();
        let writer = std::thread::spawn(move || {
            let mut done = Vec::new();
            for number in 0.. {
                let id = format!("agent-{round}-{number}");
                let text = Manifest::new().keyless().agent(&id, &agent_url, KEYLESS_PLAN).yaml();
                if !cli.apply_output(&text).status.success() {
                    return done;
                }
                done.push(id);
            }
            done
        });
        std::thread::sleep(Duration::from_millis(150 + 37 * round));
        control_plane.process.kill();
        acknowledged.extend(writer.join().expect("the writer ends"));
        let (data, _) = control_plane.kill();
        control_plane = ControlPlane::on(data, "127.0.0.1:0");
    }
    assert!(!acknowledged.is_empty(), "nothing was committed");
    let stored = control_plane.cli().json(&["get", "agents"]).to_string();
    for id in &acknowledged {
        assert!(stored.contains(&format!("agents/{id}\"")), "{id} was acknowledged and is gone: {stored}");
    }
    let gateway = control_plane.data_plane("edge-1", "eu");
    gateway.wait_for_agent(acknowledged.last().expect("one at least"));
}

/// Starts a program with a limit on the size of the files that it may write: the nearest thing to a full disk.
fn limited(program: &Path, blocks: u32) -> Command {
    let mut command = Command::new("sh");
    // An ignored signal stays ignored in the program, which then sees an error instead.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(program);
    command
}

#[test]
fn a_full_disk_refuses_commits_and_harms_none() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    control_plane.cli().apply(&manifest(&agent, "before"));
    let (data, _) = control_plane.kill();
    let database = largest_file(&data.path().join("data"));
    let blocks =
        u32::try_from(fs::metadata(&database).expect("a file").len() / 512).expect("a small file") + 8;
    let full = ControlPlane::started_by(limited(&places::program("signalbox-control-plane"), blocks), data);
    let cli = full.cli();
    let failed = (0..400).find_map(|number| {
        let output = cli.apply_output(&manifest(&agent, &format!("agent-{number}")));
        (!output.status.success()).then_some(output)
    });
    let said = failed.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(said.as_ref().is_some_and(|said| !said.is_empty()), "the limit was never reached");
    assert!(cli.json(&["get", "agents"]).to_string().contains("agents/before"), "reading works no more");
    let (data, _) = full.kill();
    let again = ControlPlane::on(data, "127.0.0.1:0");
    again.cli().apply(&manifest(&agent, "after"));
    let stored = again.cli().json(&["get", "agents"]).to_string();
    assert!(stored.contains("agents/before") && stored.contains("agents/after"), "{stored}");
}

fn largest_file(folder: &Path) -> PathBuf {
    let files = files_in(folder);
    files
        .into_iter()
        .max_by_key(|path| fs::metadata(path).map(|about| about.len()).unwrap_or_default())
        .expect("a file")
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let (files, folders): (Vec<_>, Vec<_>) =
        entries.map(|entry| entry.path()).partition(|path| path.is_file());
    files.into_iter().chain(folders.iter().flat_map(|folder| files_in(folder))).collect()
}

/// A fleet of one whose data plane has served and was then killed, with its control plane.
fn left_behind(agent: &Upstream) -> (ControlPlane, tempfile::TempDir) {
    let mut control_plane = ControlPlane::new();
    let gateway = control_plane.data_plane("edge-1", "eu");
    for id in ["echo", "second", "third"] {
        control_plane.cli().apply(&manifest(agent, id));
        gateway.wait_for_agent(id);
    }
    gateway.wait_until_cached();
    control_plane.process.kill();
    (control_plane, gateway.kill())
}

fn damaged(damage: impl Fn(&mut Vec<u8>)) {
    let agent = Upstream::well_behaved();
    let (control_plane, files) = left_behind(&agent);
    let newest = newest_file(&files.path().join("cache"));
    let mut bytes = fs::read(&newest).expect("a cache file");
    damage(&mut bytes);
    fs::write(&newest, bytes).expect("a cache file can be written");
    let gateway = control_plane.data_plane_on(files, "edge-1", "eu");
    // The generation before serves: it has the first agent at least.
    assert_serves(&gateway);
}

fn newest_file(folder: &Path) -> PathBuf {
    let newest = |path: &PathBuf| fs::metadata(path).and_then(|about| about.modified()).expect("a time");
    files_in(folder).into_iter().max_by_key(newest).expect("a cache file")
}

#[test]
fn a_flipped_bit_in_the_newest_cache_file() {
    damaged(|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    });
}

#[test]
fn a_half_written_newest_cache_file() {
    damaged(|bytes| bytes.truncate(bytes.len() / 2));
}

#[test]
fn an_empty_newest_cache_file() {
    damaged(Vec::clear);
}

#[test]
fn a_cache_that_is_all_damaged_is_not_served_from_and_is_healed() {
    let agent = Upstream::well_behaved();
    let (control_plane, files) = left_behind(&agent);
    for file in files_in(&files.path().join("cache")) {
        fs::write(file, b"garbage").expect("a cache file can be written");
    }
    let gateway = control_plane.data_plane_on(files, "edge-1", "eu");
    assert!(!gateway.is_ready(), "ready without configuration");
    assert_eq!(post(gateway.address, ECHO, &V1, &send_message(1)).status(), 503);
    let address = control_plane.url["https://".len()..].to_owned();
    let (data, _) = control_plane.kill();
    let _again = ControlPlane::on(data, &address);
    gateway.wait_for_agent("echo");
    system_tests::harness::wait_until("it serves again", || gateway.is_ready().then_some(()));
    assert_serves(&gateway);
}

#[test]
fn an_unwritable_cache_folder_costs_a_warning_and_no_request() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    control_plane.cli().apply(&manifest(&agent, "echo"));
    let made = control_plane.cli().json(&["fleet", "token", "create", "edge-1", "--region", "eu"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("token"), made["token"].as_str().expect("a token")).expect("a file");
    // A file where the folder should be: unwritable for root too.
    fs::write(folder.path().join("cache"), b"").expect("a file");
    fs::set_permissions(folder.path().join("cache"), fs::Permissions::from_mode(0o400)).expect("a mode");
    let mut gateway: DataPlane = control_plane.data_plane_on(folder, "edge-1", "eu");
    gateway.wait_for_agent("echo");
    assert_serves(&gateway);
    gateway.process.wait_for_log("cache");
}

#[test]
fn a_full_disk_under_the_cache_costs_a_warning_and_no_request() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    let made = control_plane.cli().json(&["fleet", "token", "create", "edge-1", "--region", "eu"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("token"), made["token"].as_str().expect("a token")).expect("a file");
    let plain = control_plane.data_plane_command(folder.path(), "edge-1", "eu");
    // Two blocks: the addresses fit, the state does not.
    let mut command = limited(Path::new(plain.get_program()), 2);
    command.args(plain.get_args());
    let mut gateway = DataPlane::start(command, folder);
    for id in ["echo", "second", "third"] {
        let fields = format!("  description: {}\n", "x".repeat(4000));
        let large = Manifest::new().keyless().agent_with(id, &agent.url(), KEYLESS_PLAN, &fields);
        control_plane.cli().apply(&large.yaml());
        gateway.wait_for_agent(id);
    }
    assert_serves(&gateway);
    system_tests::harness::wait_until("the failure is counted", || {
        (gateway.metrics().sum("signalbox_cache_failures_total", &[]) > 0.5).then_some(())
    });
    gateway.process.wait_for_log("File too large");
    assert_serves(&gateway);
}
