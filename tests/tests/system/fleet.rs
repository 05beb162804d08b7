//! A control plane, data planes that it steers, and the command line.

use std::time::Duration;

use system_tests::harness::{
    Client, ControlPlane, DataPlane, EventStream, Upstream,
    events::Item,
    http::post,
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    sdk::{Agent, Sdk},
    upstream::{STREAM_HEAD, Then, event, hang, result, well_behaved, write},
    wait_until,
};

use crate::common::{
    ECHO, V1, assert_error, assert_refused, assert_serves, send_message, send_streaming_message,
};

/// An agent whose streams stay open after the first event.
fn agent_with_long_streams() -> Upstream {
    Upstream::start(|request, stream| {
        if request.json()["method"] != "SendStreamingMessage" {
            return well_behaved(request, stream);
        }
        write(stream, STREAM_HEAD);
        write(stream, &event(&result(&request.json(), "first")));
        hang(stream)
    })
}

const SUBSCRIPTION: &str = "organizations/default/consumers/shop/subscriptions/shop";

/// Makes a key of the consumer `shop`; gives its name and the key itself.
pub(crate) fn new_key(control_plane: &ControlPlane) -> (String, String) {
    let made = control_plane.cli().json(&["keys", "create", SUBSCRIPTION]);
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let name = text(&made["apiKey"]["name"]).unwrap_or_else(|| panic!("no name in {made}"));
    let key = text(&made["key"]).unwrap_or_else(|| panic!("no key in {made}"));
    assert!(key.starts_with("sbx_"), "{key}");
    (name, key)
}

fn keyed_fleet(agent: &str) -> (ControlPlane, DataPlane) {
    let control_plane = ControlPlane::new();
    control_plane
        .cli()
        .apply(&Manifest::new().api_key().agent("echo", agent, KEY_PLAN).consumer("shop", KEY_PLAN).yaml());
    let gateway = control_plane.data_plane("edge-1", "eu");
    gateway.wait_for_agent("echo");
    (control_plane, gateway)
}

fn status_with(gateway: &DataPlane, key: &str) -> u16 {
    post(gateway.address, ECHO, &[V1[0], ("x-api-key", key)], &send_message(1)).status()
}

#[test]
fn a_key_works_and_once_revoked_is_refused_and_its_streams_end_with_the_error() {
    let agent = agent_with_long_streams();
    let (control_plane, gateway) = keyed_fleet(&agent.url());
    let (name, key) = new_key(&control_plane);
    let (_, other) = new_key(&control_plane);
    wait_until("the key works", || (status_with(&gateway, &key) == 200).then_some(()));
    wait_until("the other key works", || (status_with(&gateway, &other) == 200).then_some(()));

    let with = |key: &'static str| [V1[0], ("x-api-key", key)];
    let (key, other): (&'static str, &'static str) = (key.leak(), other.leak());
    let mut stream = EventStream::open(gateway.address, ECHO, &with(key), &send_streaming_message(8));
    let mut kept = EventStream::open(gateway.address, ECHO, &with(other), &send_streaming_message(9));
    stream.event();
    kept.event();

    control_plane.cli().text(&["keys", "revoke", &name]);
    let (events, end) = stream.rest();
    assert_eq!(end, Item::End, "{events:?}");
    let last = events.last().expect("an error before the end");
    assert_eq!(last["id"], 8);
    assert_error(&last["error"], -32000, "CREDENTIAL_REVOKED");
    let refused = post(gateway.address, ECHO, &with(key), &send_message(1));
    assert_eq!(refused.status(), 401, "{}", refused.text());
    assert_eq!(status_with(&gateway, other), 200, "another key was revoked too");
}

#[test]
fn an_official_client_sees_the_in_stream_error_of_a_revoked_key() {
    let agent = Agent::start(Sdk::Python1);
    let (control_plane, gateway) = keyed_fleet(&agent.url);
    let (name, key) = new_key(&control_plane);
    wait_until("the key works", || (status_with(&gateway, &key) != 401).then_some(()));
    let client = Client::new(Sdk::Python1, &gateway.agent("echo")).key(&key, "X-API-Key");
    let mut process = client.start(&["stream-cut"]);
    let open = process.json_line().expect("the stream opens");
    assert_eq!(open["open"], true, "{open}");
    control_plane.cli().text(&["keys", "revoke", &name]);
    let cut = process.json_line().expect("the stream ends");
    assert_eq!(cut["ok"], true, "{cut}");
    assert!(cut["error"]["type"].is_string(), "{cut}");
}

#[test]
fn two_data_planes_in_two_regions_serve_what_was_applied() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    let gateways = [control_plane.data_plane("edge-1", "eu"), control_plane.data_plane("edge-2", "us")];
    control_plane.cli().apply(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN).yaml());
    for gateway in &gateways {
        gateway.wait_for_agent("echo");
        assert_serves(gateway);
        gateway.assert_calls("echo", 1);
    }
    assert_eq!(agent.calls().len(), 2);
    let status = control_plane.cli().text(&["fleet", "status"]);
    for word in ["edge-1", "edge-2", "eu", "us"] {
        assert!(status.contains(word), "{status}");
    }
}

#[test]
fn callers_do_not_notice_that_the_control_plane_is_gone() {
    let agent = Upstream::start(|request, stream| {
        if request.json()["method"] != "SendStreamingMessage" {
            return well_behaved(request, stream);
        }
        write(stream, STREAM_HEAD);
        for number in 0..100 {
            write(stream, &event(&result(&request.json(), &number.to_string())));
            std::thread::sleep(Duration::from_millis(20));
        }
        Then::Close
    });
    let (control_plane, gateway) = keyed_fleet(&agent.url());
    let (_, key) = new_key(&control_plane);
    wait_until("the key works", || (status_with(&gateway, &key) == 200).then_some(()));
    let headers = [V1[0], ("x-api-key", key.as_str())];
    let mut stream = EventStream::open(gateway.address, ECHO, &headers, &send_streaming_message(1));
    stream.event();
    let (_data, _address) = control_plane.kill();
    for _ in 0..20 {
        assert_eq!(status_with(&gateway, &key), 200);
    }
    assert!(gateway.is_ready());
    let (events, end) = stream.rest();
    assert_eq!((events.len(), end), (99, Item::End));
}

#[test]
fn a_key_that_expires_is_refused_and_its_streams_end() {
    let agent = agent_with_long_streams();
    let (control_plane, gateway) = keyed_fleet(&agent.url());
    let made = control_plane.cli().json(&["keys", "create", SUBSCRIPTION, "--expires-in", "4s"]);
    let key = made["key"].as_str().unwrap_or_else(|| panic!("no key in {made}")).to_owned();
    wait_until("the key works", || (status_with(&gateway, &key) == 200).then_some(()));
    let headers = [V1[0], ("x-api-key", key.as_str())];
    let mut stream = EventStream::open(gateway.address, ECHO, &headers, &send_streaming_message(2));
    let (events, end) = stream.rest();
    assert_eq!((events.len(), end), (2, Item::End), "{events:?}");
    assert_eq!(events[1]["error"]["code"], -32000, "{}", events[1]);
    assert_refused(&post(gateway.address, ECHO, &headers, &send_message(1)), 401, -32000, "KEY_EXPIRED");
}

#[test]
fn a_closed_plan_admits_nobody_and_its_streams_end() {
    let agent = agent_with_long_streams();
    let (control_plane, gateway) = keyed_fleet(&agent.url());
    let (_, key) = new_key(&control_plane);
    wait_until("the key works", || (status_with(&gateway, &key) == 200).then_some(()));
    let headers = [V1[0], ("x-api-key", key.as_str())];
    let mut stream = EventStream::open(gateway.address, ECHO, &headers, &send_streaming_message(3));
    stream.event();
    let closed = Manifest::new().plan(KEY_PLAN, "  state: PLAN_STATE_CLOSED\n  apiKey: {}\n");
    control_plane.cli().apply(&closed.yaml());
    let (events, end) = stream.rest();
    assert_eq!((events.len(), end), (1, Item::End), "{events:?}");
    assert!(events[0]["error"]["code"].is_i64(), "{}", events[0]);
    let status = status_with(&gateway, &key);
    assert!(status == 401 || status == 403, "{status}");
}

#[test]
fn a_data_plane_restarted_while_the_control_plane_is_dead_still_serves() {
    let agent = Upstream::well_behaved();
    let (mut control_plane, gateway) = keyed_fleet(&agent.url());
    let (_, key) = new_key(&control_plane);
    wait_until("the key works", || (status_with(&gateway, &key) == 200).then_some(()));
    control_plane.process.kill();
    let files = gateway.kill();
    let restarted = control_plane.data_plane_on(files, "edge-1", "eu");
    assert_eq!(status_with(&restarted, &key), 200);
    assert_eq!(status_with(&restarted, "sbx_wrong"), 401);
    assert!(restarted.is_ready());
}

#[test]
fn a_data_plane_finds_its_control_plane_again_and_hears_what_it_missed() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    let gateway = control_plane.data_plane("edge-1", "eu");
    control_plane.cli().apply(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN).yaml());
    gateway.wait_for_agent("echo");
    let (data, address) = control_plane.kill();
    let again = ControlPlane::on(data, &address);
    again.cli().apply(&Manifest::new().keyless().agent("second", &agent.url(), KEYLESS_PLAN).yaml());
    gateway.wait_for_agent("second");
    assert_serves(&gateway);
}

#[test]
fn wait_returns_once_the_data_planes_enforce_the_commit() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    let gateway = control_plane.data_plane("edge-1", "eu");
    for number in 0..5 {
        let id = format!("agent-{number}");
        let manifest = Manifest::new().keyless().agent(&id, &agent.url(), KEYLESS_PLAN).yaml();
        let commit = control_plane.cli().apply(&manifest);
        let revision =
            commit["commit"]["configRevision"].as_str().unwrap_or_else(|| panic!("no revision in {commit}"));
        control_plane.cli().text(&["wait", "--config-revision", revision, "--timeout", "20s"]);
        let answer = post(gateway.address, &format!("/a2a/{id}"), &V1, &send_message(1));
        assert_eq!(answer.status(), 200, "{id} after its revision was waited for: {}", answer.text());
    }
}

#[test]
fn a_deleted_agent_is_served_no_more() {
    let agent = Upstream::well_behaved();
    let control_plane = ControlPlane::new();
    let gateway = control_plane.data_plane("edge-1", "eu");
    control_plane.cli().apply(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN).yaml());
    gateway.wait_for_agent("echo");
    control_plane.cli().text(&["delete", "agents", "echo"]);
    wait_until("the agent is gone", || {
        (post(gateway.address, ECHO, &V1, &send_message(1)).status() == 404).then_some(())
    });
    let answer = post(gateway.address, ECHO, &V1, &send_message(1));
    assert_eq!(answer.json()["error"]["details"][0]["reason"], "NOT_FOUND", "{}", answer.text());
}
