//! Where an agent answers, and which of its servers is asked.

use system_tests::harness::{
    DataPlane, Upstream,
    http::{get, post},
    manifest::{KEYLESS_PLAN, Manifest},
};

use crate::common::{V1, send_message};

fn status(gateway: &DataPlane, path: &str, host: &str) -> u16 {
    post(gateway.address, path, &[V1[0], ("host", host)], &send_message(1)).status()
}

#[test]
fn a_context_path_is_one_more_address() {
    let agent = Upstream::well_behaved();
    let fields = "  addresses:\n    contextPath: /support/chat\n";
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, fields);
    let gateway = DataPlane::standalone(&manifest);
    for path in ["/support/chat", "/support/chat/", "/a2a/echo", "/a2a/default/echo"] {
        assert_eq!(status(&gateway, path, "h"), 200, "{path}");
    }
    for path in ["/support", "/support/chatter", "/support/chat/more", "/a2a/echo2", "/"] {
        assert_eq!(status(&gateway, path, "h"), 404, "{path}");
    }
    let card = get(gateway.address, "/support/chat/.well-known/agent-card.json", &[]).json();
    assert_eq!(card["url"], format!("http://{}/support/chat", gateway.address).as_str(), "{card}");
}

#[test]
fn a_host_of_its_own_is_one_more_address() {
    let agents = [Upstream::well_behaved(), Upstream::well_behaved()];
    let fields = "  addresses:\n    hosts: [echo.agents.example]\n";
    let manifest = Manifest::new()
        .keyless()
        .agent_with("echo", &agents[0].url(), KEYLESS_PLAN, fields)
        .agent("other", &agents[1].url(), KEYLESS_PLAN);
    let gateway = DataPlane::standalone(&manifest);
    assert_eq!(status(&gateway, "/", "echo.agents.example"), 200);
    assert_eq!(status(&gateway, "/", "ECHO.agents.example:8080"), 200);
    assert_eq!(status(&gateway, "/", "other.example"), 404);
    assert_eq!(agents[0].calls().len(), 2);
    let card = get(gateway.address, "/.well-known/agent-card.json", &[("host", "echo.agents.example")]);
    assert_eq!(card.status(), 200, "{}", card.text());
}

#[test]
fn the_longest_prefix_of_whole_segments_wins() {
    let agents = [Upstream::well_behaved(), Upstream::well_behaved()];
    let manifest = Manifest::new()
        .keyless()
        .agent_with("short", &agents[0].url(), KEYLESS_PLAN, "  addresses:\n    contextPath: /team\n")
        .agent_with("long", &agents[1].url(), KEYLESS_PLAN, "  addresses:\n    contextPath: /team/sales\n");
    let gateway = DataPlane::standalone(&manifest);
    assert_eq!(status(&gateway, "/team/sales", "h"), 200);
    assert_eq!(status(&gateway, "/team", "h"), 200);
    assert_eq!((agents[0].calls().len(), agents[1].calls().len()), (1, 1));
}

#[test]
fn a_data_plane_asks_the_servers_of_its_own_region() {
    let [near, far, any] = [Upstream::well_behaved(), Upstream::well_behaved(), Upstream::well_behaved()];
    let selected = |upstream: &Upstream, region: &str| {
        format!("  - url: {}\n    selector:\n      regions: [{region}]\n", upstream.url())
    };
    let fields = format!(
        "  upstreams:\n{}{}  - url: {}\n  plans: [{KEYLESS_PLAN}]\n",
        selected(&near, "eu"),
        selected(&far, "us"),
        any.url()
    );
    let manifest = Manifest::new().keyless().raw_agent("echo", &fields);
    let gateway = DataPlane::standalone_with(&manifest, &["--region", "eu"]);
    for _ in 0..5 {
        assert_eq!(status(&gateway, "/a2a/echo", "h"), 200);
    }
    assert_eq!((near.calls().len(), far.calls().len(), any.calls().len()), (5, 0, 0));
    let elsewhere = DataPlane::standalone_with(&manifest, &["--region", "asia"]);
    assert_eq!(status(&elsewhere, "/a2a/echo", "h"), 200);
    assert_eq!(any.calls().len(), 1);
}

#[test]
fn a_data_plane_never_calls_itself_or_link_local_addresses() {
    let agent = Upstream::well_behaved();
    let gateway = crate::common::in_front_of(&agent);
    let own = format!("http://{}/a2a/echo", gateway.address);
    let manifest =
        Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN).agent("loop", &own, KEYLESS_PLAN);
    gateway.replace_manifest(&manifest.yaml());
    gateway.wait_for_agent("loop");
    let answer = post(gateway.address, "/a2a/loop", &V1, &send_message(1));
    assert!((500..600).contains(&answer.status()), "{}", answer.text());
    assert!(answer.text().contains("UPSTREAM_FORBIDDEN"), "{}", answer.text());
    assert_eq!(agent.calls().len(), 0);
}

#[test]
fn a_metadata_address_as_upstream_is_refused() {
    let answerless = Manifest::new().keyless().agent("echo", "http://169.254.169.254/latest", KEYLESS_PLAN);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("manifest.yaml");
    std::fs::write(&file, answerless.yaml()).expect("the manifest can be written");
    let mut command =
        std::process::Command::new(system_tests::harness::places::program("signalbox-data-plane"));
    command.arg("--config-file").arg(&file).args([
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]);
    command.args(["--health-listen", "127.0.0.1:0"]);
    let mut process = system_tests::harness::process::Process::start("data plane", command);
    let status = process.wait(system_tests::harness::PATIENCE);
    assert!(!status.success() && process.log().contains("upstreams[0].url"), "{}", process.log());
}
