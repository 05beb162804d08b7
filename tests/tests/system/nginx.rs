//! nginx in front, as a proxy that the data plane trusts.

use system_tests::harness::{
    Agent, Client, DataPlane, Upstream,
    http::get,
    manifest::{KEYLESS_PLAN, Manifest},
    nginx::Nginx,
    sdk::{Sdk, record},
};

fn behind_nginx(agent: &str) -> (DataPlane, Nginx) {
    let manifest = Manifest::new().keyless().agent("echo", agent, KEYLESS_PLAN);
    let gateway = DataPlane::standalone_with(&manifest, &["--trusted-proxies", "127.0.0.0/8"]);
    let nginx = Nginx::start("/edge", gateway.address);
    (gateway, nginx)
}

#[test]
fn the_card_names_the_scheme_host_port_and_prefix_of_nginx() {
    let agent = Upstream::well_behaved();
    let (_gateway, nginx) = behind_nginx(&agent.url());
    let port = nginx.address.port();
    let host = format!("agents.example:{port}");
    let card = get(nginx.address, "/edge/a2a/echo/.well-known/agent-card.json", &[("host", &host)]);
    assert_eq!(card.status(), 200, "{}", card.text());
    let expected = format!("http://agents.example:{port}/edge/a2a/echo");
    assert_eq!(card.json()["url"], expected.as_str());
    assert_eq!(card.json()["supportedInterfaces"][0]["url"], expected.as_str());
}

#[test]
fn official_clients_stay_on_nginx() {
    let agent = Agent::hybrid(Sdk::Python1);
    let (gateway, nginx) = behind_nginx(&agent.url);
    let base = format!("http://{}/edge/a2a/echo", nginx.address);
    for sdk in Sdk::ALL {
        let records = Client::new(sdk, &base).run(&["all"]);
        assert_eq!(record(&records, "stream")["ok"], true);
    }
    gateway.assert_calls("echo", agent.calls());
}
