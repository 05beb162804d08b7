//! Manifests that must be refused, here by a standalone data plane.

use std::process::Command;

use system_tests::harness::{
    PATIENCE, Upstream,
    manifest::{KEYLESS_PLAN, Manifest},
    places,
    process::Process,
};

/// A manifest that is in order, for a given agent.
pub(super) fn good(agent: &Upstream) -> Manifest {
    Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN)
}

/// Manifests at fault, each with what the message has to name.
pub(super) fn at_fault(agent: &Upstream) -> Vec<(String, Vec<&'static str>)> {
    let yaml = good(agent).yaml();
    let twice = good(agent).agent_with(
        "second",
        &agent.url(),
        KEYLESS_PLAN,
        "  addresses:\n    contextPath: /same\n",
    );
    let twice = twice
        .agent_with("third", &agent.url(), KEYLESS_PLAN, "  addresses:\n    contextPath: /same\n")
        .yaml();
    vec![
        (format!("{yaml}  colour: blue\n"), vec!["colour"]),
        (yaml.replace("plans/open]", "plans/none]"), vec!["plans/none"]),
        (twice, vec!["/same"]),
        (yaml.replace("http://127", "ftp://127"), vec!["url"]),
        (yaml.replace("agents/echo", "agents/Echo_1"), vec!["name"]),
        (yaml.replace("keyless: {}", "displayName: Open"), vec!["plans[0]"]),
        (format!("{yaml}- name: organizations/default/agents/echo\n"), vec!["agents[0]"]),
    ]
}

#[test]
fn a_standalone_data_plane_does_not_start_on_them() {
    let agent = Upstream::well_behaved();
    for (manifest, words) in at_fault(&agent) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("manifest.yaml");
        std::fs::write(&file, &manifest).expect("the manifest can be written");
        let mut command = Command::new(places::program("signalbox-data-plane"));
        command.arg("--config-file").arg(&file).args([
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ]);
        command.args(["--health-listen", "127.0.0.1:0"]);
        let mut process = Process::start("data plane", command);
        let status = process.wait(PATIENCE);
        assert!(!status.success(), "it started on:\n{manifest}");
        let said = process.log();
        for word in words {
            assert!(said.contains(word), "{status}, and no {word:?} in:\n{said}\nfor:\n{manifest}");
        }
    }
}
