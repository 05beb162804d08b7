//! Manifests that must be refused, here by the command line and the control plane.

use system_tests::harness::{ControlPlane, Upstream};

use super::manifests::{at_fault, good};

#[test]
fn the_control_plane_refuses_them_and_keeps_its_state() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    let cli = control_plane.cli();
    cli.apply(&good(&agent).yaml());
    let before = cli.json(&["get", "agents"]);
    for (manifest, words) in at_fault(&agent) {
        let output = cli.apply_output(&manifest);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "applied:\n{manifest}");
        for word in words {
            assert!(said.contains(word), "no {word:?} in:\n{said}\nfor:\n{manifest}");
        }
        assert_eq!(cli.json(&["get", "agents"]), before, "the state changed after:\n{manifest}");
    }
}

#[test]
fn the_command_line_quotes_the_line_at_fault() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    let manifest = format!("{}  colour: blue\n", good(&agent).yaml());
    let output = control_plane.cli().apply_output(&manifest);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = manifest.lines().count().to_string();
    assert!(said.contains(&line) && said.contains("colour: blue"), "{said}");
}
