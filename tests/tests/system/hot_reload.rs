//! A standalone data plane whose manifest changes under it.

use system_tests::harness::{
    DataPlane, EventStream, Upstream,
    events::Item,
    http::post,
    manifest::{KEYLESS_PLAN, Manifest},
    upstream::{STREAM_HEAD, Then, event, hang, result, well_behaved, write},
    wait_until,
};

use crate::common::{ECHO, V1, assert_serves, in_front_of, send_message, send_streaming_message};

fn status(gateway: &DataPlane, agent: &str) -> u16 {
    post(gateway.address, &format!("/a2a/{agent}"), &V1, &send_message(1)).status()
}

#[test]
fn a_new_manifest_is_enforced_without_a_restart() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    assert_eq!(status(&gateway, "second"), 404);
    let manifest = Manifest::new().keyless().agent("second", &agent.url(), KEYLESS_PLAN);
    gateway.replace_manifest(&manifest.yaml());
    wait_until("the new agent is served", || (status(&gateway, "second") == 200).then_some(()));
    assert_eq!(status(&gateway, "echo"), 404, "an agent that left the manifest is served");
}

#[test]
fn a_bad_manifest_is_refused_and_the_last_good_one_serves() {
    let agent = Upstream::well_behaved();
    let mut gateway = in_front_of(&agent);
    let good = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN).yaml();
    for (bad, names) in [
        (format!("{good}  colour: blue\n"), "colour"),
        (good.replace("plans/open]", "plans/none]"), "plans/none"),
        ("plans: [".to_owned(), "manifest.yaml"),
    ] {
        gateway.replace_manifest(&bad);
        gateway.process.wait_for_log(names);
        assert_serves(&gateway);
    }
    gateway.replace_manifest(&good.replace("agents/echo", "agents/again"));
    wait_until("a good manifest is taken again", || (status(&gateway, "again") == 200).then_some(()));
}

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

#[test]
fn an_open_stream_survives_a_reload_of_something_else() {
    let agent = Upstream::start(|request, stream| {
        if request.json()["method"] != "SendStreamingMessage" {
            return well_behaved(request, stream);
        }
        write(stream, STREAM_HEAD);
        for number in 0..40 {
            write(stream, &event(&result(&request.json(), &number.to_string())));
            std::thread::sleep(std::time::Duration::from_millis(25));
        }
        Then::Close
    });
    let gateway = in_front_of(&agent);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(1));
    stream.event();
    let both = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    gateway.replace_manifest(&both.agent("second", &agent.url(), KEYLESS_PLAN).yaml());
    wait_until("the new agent is served", || (status(&gateway, "second") == 200).then_some(()));
    let (events, end) = stream.rest();
    assert_eq!((events.len(), end), (39, Item::End));
}

#[test]
fn a_stream_of_an_agent_that_is_stopped_ends_with_an_error() {
    let agent = agent_with_long_streams();
    let gateway = in_front_of(&agent);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(7));
    stream.event();
    let fields = "  state: AGENT_STATE_STOPPED\n";
    let stopped = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, fields);
    gateway.replace_manifest(&stopped.yaml());
    let (events, end) = stream.rest();
    assert_eq!(end, Item::End);
    let last = events.last().expect("an error before the end");
    assert_eq!(last["id"], 7, "{last}");
    assert!(last["error"]["code"].is_i64(), "{last}");
    wait_until("the agent's connection is closed", || (agent.connections() <= 1).then_some(()));
}
