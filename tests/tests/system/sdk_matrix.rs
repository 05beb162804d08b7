//! Official clients to official agents through the gateway, version by version and side by side on one address.

use system_tests::harness::{
    Agent, Client, DataPlane,
    http::get,
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    sdk::{EVERYTHING, Sdk, record},
};

use crate::{
    common::{header_of, new_api_key},
    sdk_table::{BINDINGS, Route},
};

/// Every client over every binding to one agent, with every operation: what fails directly fails, and nothing else.
fn every_client_over_every_binding(sdk: Sdk) {
    let agent = Agent::full(sdk);
    let grpc = agent.grpc.as_deref().expect("the agent serves gRPC");
    let manifest = Manifest::new().keyless().agent_with_grpc("echo", &agent.url, grpc, KEYLESS_PLAN);
    let gateway = DataPlane::standalone(&manifest);
    let (base, authority) = (gateway.own_host(), gateway.authority());
    let route = Route { agent: sdk, base: &base, grpc: Some(&authority) };
    let runs = route.run_every_client();
    assert_went_through(&gateway, &agent);
    for (client, records) in runs {
        for record in records {
            assert_names_no_backend(&agent, &record["card"].to_string(), &format!("{client:?}"));
        }
    }
    for version in [None, Some("0.3"), Some("1.0")] {
        let headers: Vec<_> = version.iter().map(|version| ("a2a-version", *version)).collect();
        for path in ["/a2a/echo/.well-known/agent-card.json", "/a2a/echo/.well-known/agent.json"] {
            let card = get(gateway.address, path, &headers);
            assert_eq!(card.status(), 200, "{}", card.text());
            assert_names_no_backend(&agent, &card.text(), path);
        }
    }
}

/// Every call that reached the agent is one that the gateway counted and passed on.
fn assert_went_through(gateway: &DataPlane, agent: &Agent) {
    gateway.assert_calls("echo", agent.calls());
    for request in agent.observed() {
        let path = request["path"].as_str().expect("a path");
        if !path.starts_with("/.well-known/") {
            assert!(header_of(&request, "x-forwarded-for").is_some(), "straight to the agent: {request}");
        }
    }
}

/// Neither of the agent's ports occurs in a card, in whatever spelling of the host.
fn assert_names_no_backend(agent: &Agent, card: &str, reader: &str) {
    for address in [Some(&agent.url["http://".len()..]), agent.grpc.as_deref()].into_iter().flatten() {
        let port = address.rsplit(':').next().expect("a port");
        assert!(!card.contains(&format!(":{port}")), "{reader} sees the agent's address {address}: {card}");
    }
}

#[test]
fn every_client_over_every_binding_to_python_1() {
    every_client_over_every_binding(Sdk::Python1);
}

#[test]
fn every_client_over_every_binding_to_python_0_3() {
    every_client_over_every_binding(Sdk::Python03);
}

#[test]
fn every_client_over_every_binding_to_javascript_1() {
    every_client_over_every_binding(Sdk::JavaScript1);
}

#[test]
fn every_client_over_every_binding_to_javascript_0_3() {
    every_client_over_every_binding(Sdk::JavaScript03);
}

fn works(sdk: Sdk, gateway: &DataPlane) {
    let records = Client::new(sdk, &gateway.agent("echo")).run(&["all"]);
    let interfaces = &record(&records, "discover")["interfaces"];
    assert!(!interfaces.to_string().contains("GRPC"), "an interface that no host leads to: {interfaces}");
}

/// Agents of 1.0 alone, of which no client may fall back to 0.3.
#[test]
fn clients_of_1_to_agents_that_speak_nothing_else() {
    for sdk in [Sdk::Python1, Sdk::JavaScript1] {
        let agent = Agent::start(sdk);
        let manifest = Manifest::new().keyless().agent("echo", &agent.url, KEYLESS_PLAN);
        let gateway = DataPlane::standalone(&manifest);
        works(sdk, &gateway);
        gateway.assert_calls("echo", agent.calls());
    }
}

/// Every client on one address behind which each version and binding has an upstream of its own.
fn side_by_side_on_upstreams_of_one_version_each(old_sdk: Sdk, new_sdk: Sdk) {
    let (old, new) = (Agent::full(old_sdk), Agent::start_with(new_sdk, &EVERYTHING, &[]));
    let mut fields = "  addresses: {hosts: [localhost]}\n  upstreams:\n".to_owned();
    for (agent, version) in [(&old, "0.3"), (&new, "1.0")] {
        let grpc = agent.grpc.as_deref().expect("the agent serves gRPC");
        fields += &format!("  - {{url: {}, versions: [\"{version}\"]}}\n", agent.url);
        fields +=
            &format!("  - {{url: http://{grpc}, versions: [\"{version}\"], bindings: [BINDING_GRPC]}}\n");
    }
    fields += &format!("  plans: [{KEYLESS_PLAN}]\n");
    let gateway = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &fields));
    let (base, authority) = (gateway.own_host(), gateway.authority());
    let to = |agent| Route { agent, base: &base, grpc: Some(&authority) };
    std::thread::scope(|scope| {
        scope.spawn(|| to(old_sdk).run_clients(&[Sdk::Python03, Sdk::JavaScript03]));
        scope.spawn(|| to(new_sdk).run_clients(&[Sdk::Python1, Sdk::JavaScript1, Sdk::Rust]));
    });
    let (old_calls, new_calls) = (old.calls(), new.calls());
    assert!(old_calls > 0 && new_calls > 0, "calls by version: {old_calls} and {new_calls}");
    gateway.assert_calls("echo", old_calls + new_calls);
}

#[test]
fn side_by_side_on_python_upstreams_of_one_version_each() {
    side_by_side_on_upstreams_of_one_version_each(Sdk::Python03, Sdk::Python1);
}

#[test]
fn side_by_side_on_javascript_upstreams_of_one_version_each() {
    side_by_side_on_upstreams_of_one_version_each(Sdk::JavaScript03, Sdk::JavaScript1);
}

/// A tenant that the interfaces name: in the body, in the message, as the first segment of the path.
#[test]
fn clients_of_1_name_the_tenant_of_the_agent() {
    for sdk in [Sdk::Python1, Sdk::JavaScript1] {
        let options = [&EVERYTHING[..], &["--tenant", "acme"]].concat();
        let agent = Agent::start_with(sdk, &options, &[]);
        let grpc = agent.grpc.as_deref().expect("the agent serves gRPC");
        let manifest = Manifest::new().keyless().agent_with_grpc("echo", &agent.url, grpc, KEYLESS_PLAN);
        let gateway = DataPlane::standalone(&manifest);
        let (base, authority) = (gateway.own_host(), gateway.authority());
        let route = Route { agent: sdk, base: &base, grpc: Some(&authority) };
        for (_, records) in route.run_clients(&[Sdk::Python1, Sdk::JavaScript1, Sdk::Rust]) {
            assert_eq!(record(&records, "discover")["interfaces"][0]["tenant"], "acme");
        }
        assert_went_through(&gateway, &agent);
        let is_rest = |request: &serde_json::Value| {
            request["path"].as_str().is_some_and(|path| path.contains("/acme/message:send"))
        };
        assert!(agent.observed().iter().any(is_rest), "no tenant in a path of HTTP+JSON");
    }
}

/// Every client with a key, in each of the headers that their card names, over every binding.
fn every_client_with_a_key_in_either_header(agent_sdk: Sdk) {
    let agent = Agent::full(agent_sdk);
    let grpc = agent.grpc.as_deref().expect("the agent serves gRPC");
    let (key, sha256) = new_api_key();
    let manifest = Manifest::new().api_key().agent_with_grpc("echo", &agent.url, grpc, KEY_PLAN);
    let gateway = DataPlane::standalone(&manifest.consumer_with_key("shop", KEY_PLAN, &sha256));
    let (base, authority) = (gateway.own_host(), gateway.authority());
    let new = |sdk| Client::new(sdk, &base).bindings(&BINDINGS).grpc(Some(&authority)).legacy();
    std::thread::scope(|scope| {
        let rust = (!agent_sdk.is_old()).then_some(Sdk::Rust);
        // Not every SDK reads the streams of every other of 0.3.
        let scenarios: &[&str] =
            if agent_sdk.is_old() { &["discover", "send"] } else { &["discover", "send", "stream"] };
        for sdk in Sdk::ALL.into_iter().chain(rust) {
            let clients = ["X-API-Key", "Authorization"].map(|header| new(sdk).key(&key, header));
            scope.spawn(move || {
                for client in clients {
                    let _ = client.run(scenarios);
                }
            });
        }
    });
    for request in agent.observed() {
        let credentials = [header_of(&request, "x-api-key"), header_of(&request, "authorization")];
        assert_eq!(credentials, [None, None], "a key reached the agent");
    }
    gateway.assert_calls("echo", agent.calls());
}

#[test]
fn every_client_with_a_key_in_either_header_to_python_1() {
    every_client_with_a_key_in_either_header(Sdk::Python1);
}

#[test]
fn every_client_with_a_key_in_either_header_to_javascript_1() {
    every_client_with_a_key_in_either_header(Sdk::JavaScript1);
}

#[test]
fn every_client_with_a_key_in_either_header_to_python_0_3() {
    every_client_with_a_key_in_either_header(Sdk::Python03);
}

#[test]
fn every_client_with_a_key_in_either_header_to_javascript_0_3() {
    every_client_with_a_key_in_either_header(Sdk::JavaScript03);
}

/// Clients on a stream so slow that heartbeats come between its events.
#[test]
fn clients_read_on_over_heartbeats() {
    let agent = Agent::hybrid(Sdk::JavaScript1);
    let fields = "  heartbeatInterval: 1s\n";
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url, KEYLESS_PLAN, fields);
    let gateway = DataPlane::standalone(&manifest);
    let base = gateway.agent("echo");
    let clients = ["JSONRPC", "HTTP+JSON"].into_iter().flat_map(|binding| {
        Sdk::ALL.map(|sdk| Client::new(sdk, &base).bindings(&[binding]).message("stream 2 2500"))
    });
    let readers: Vec<_> =
        clients.map(|client| std::thread::spawn(move || client.run_one("message"))).collect();
    for reader in readers {
        let seen = reader.join().expect("a client succeeds");
        assert_eq!(seen["texts"], serde_json::json!(["part 0", "part 1"]), "{seen}");
        assert_eq!(
            seen["states"].as_array().and_then(|states| states.last()),
            Some(&"completed".into()),
            "{seen}"
        );
    }
    let beats = gateway.metrics().sum("signalbox_stream_heartbeats_total", &[("agent", "echo")]);
    assert!(beats >= 16.0, "{beats} heartbeats in eight times five seconds");
}
