//! V1 to V6: versions and extensions.

use system_tests::harness::{
    grpc::find,
    http::Head,
    sdk::Sdk,
    upstream::{Then, write},
};

use crate::{
    agents::{Binding, Fixture, Kind, Target, client},
    call::{Answer, Operation, call},
    errors::{assert_reason, error_info},
    record::statement,
    scripted::{Script, Scripted, reply_to, well_behaved_grpc},
};

/// Extensions as callers and agents write them, with everything that somebody could be tempted to tidy up.
const EXTENSIONS: &str = "https://example.com/Ext/v1, https://example.com/ext?x=%C3%A9,,";
const ACTIVATED: &str = "https://example.com/Ext/v1,  https://example.com/b";
const NAMES: [&str; 2] = ["a2a-extensions", "x-a2a-extensions"];

/// A header of the call that reached the agent last.
fn arrived(scripted: &Scripted, target: &Target, name: &str) -> Option<String> {
    if target.binding == Binding::Grpc {
        let calls = scripted.grpc.calls();
        return calls.last().expect("a call").header(name).map(str::to_owned);
    }
    // GETs of HTTP+JSON are calls too.
    let requests = scripted.http.requests();
    let last = requests.iter().rev().find(|request| !request.is_card());
    last.expect("a call").header(name).map(str::to_owned)
}

fn answered<'answer>(answer: &'answer Answer, name: &str) -> Option<&'answer str> {
    match answer {
        Answer::Http(response) => header(&response.head, name),
        Answer::Grpc(answer) => find(&answer.headers, name),
    }
}

fn header<'head>(head: &'head Head, name: &str) -> Option<&'head str> {
    head.get(name)
}

/// An agent that says which extensions it has activated.
fn activating() -> Scripted {
    Script::new()
        .http(|request, stream| {
            let body = reply_to(request, "hello").to_string();
            let own = format!(
                "A2A-Extensions: {ACTIVATED}\r\nX-A2A-Extensions: {ACTIVATED}\r\nA2A-Version: 1.0\r\n"
            );
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{own}content-length: {}\r\n\r\n{body}",
                body.len()
            );
            write(stream, head.as_bytes());
            Then::Keep
        })
        .grpc(|call, reply| {
            reply.head(&[
                ("a2a-extensions", ACTIVATED),
                ("x-a2a-extensions", ACTIVATED),
                ("a2a-version", "1.0"),
            ]);
            well_behaved_grpc(call, reply);
        })
        .start()
}

#[test]
fn v1_version_and_extensions_pass() {
    statement("V1", |evidence| {
        let scripted = activating();
        let mut count = 0;
        for target in scripted.targets() {
            let headers = [(NAMES[0], EXTENSIONS), (NAMES[1], EXTENSIONS)];
            let answer =
                target.send(&call(target.binding, target.version, Operation::Send("hello")), &headers);
            assert!(answer.is_success(), "{}: {answer:?}", target.label());
            for name in NAMES {
                assert_eq!(
                    arrived(&scripted, &target, name).as_deref(),
                    Some(EXTENSIONS),
                    "{} {name}",
                    target.label()
                );
                assert_eq!(answered(&answer, name), Some(ACTIVATED), "{} {name}", target.label());
            }
            let version = target.version_header().map(|(_, value)| value);
            assert_eq!(arrived(&scripted, &target, "a2a-version").as_deref(), version, "{}", target.label());
            assert_eq!(answered(&answer, "a2a-version"), Some("1.0"), "{}", target.label());
            count += 1;
        }
        evidence.add(format!("scripted agent, {count} of binding and version: all three headers equal at the agent and back at the caller"));
        let count = observed_by_agents();
        evidence.add(format!("{count} calls of 2 SDK agents observed with them"));
    });
}

fn observed_by_agents() -> usize {
    let kinds = [Kind::PythonBoth, Kind::JavaScriptBoth];
    let fixture = Fixture::start(&kinds);
    let mut count = 0;
    for (kind, agent) in &fixture.agents {
        for (binding, version) in Binding::ALL
            .into_iter()
            .flat_map(|binding| kind.versions().iter().map(move |version| (binding, *version)))
        {
            let target =
                fixture.through(*kind).target(binding, version).expect("the card names the interface");
            let answer =
                target.send(&call(binding, version, Operation::Send("hello")), &[(NAMES[0], EXTENSIONS)]);
            assert!(answer.is_success(), "{answer:?}");
            let observed = agent.observed();
            let headers = observed.last().expect("a call")["headers"].as_array().cloned().expect("headers");
            let value = |name: &str| headers.iter().find(|pair| pair[0] == name).map(|pair| pair[1].clone());
            assert_eq!(value(NAMES[0]), Some(EXTENSIONS.into()), "{} {}", kind.id(), target.label());
            assert_eq!(
                value("a2a-version"),
                target.version_header().map(|(_, version)| version.into()),
                "{} {}",
                kind.id(),
                target.label()
            );
            count += 1;
        }
    }
    count
}

#[test]
fn v2_absent_stays_absent() {
    statement("V2", |evidence| {
        let scripted = Script::new().start();
        let mut count = 0;
        for target in scripted.targets().into_iter().filter(|target| target.version == "0.3") {
            for operation in
                [Operation::Send("x"), Operation::Stream("x"), Operation::Get("t"), Operation::Cancel("t")]
            {
                let _ = target.run(operation);
                assert_eq!(
                    arrived(&scripted, &target, "a2a-version"),
                    None,
                    "{} {operation:?}",
                    target.label()
                );
                count += 1;
            }
        }
        evidence.add(format!("{count} calls of 0.3 over 3 bindings reached the agent without A2A-Version"));
    });
}

#[test]
fn v3_unsupported_versions() {
    statement("V3", |evidence| {
        let scripted = Script::new().upstream_fields("    versions: [\"1.0\"]\n").start();
        let mut count = 0;
        for binding in Binding::ALL {
            let target = scripted.target(binding, "1.0");
            for version in ["2.0", "0.3"] {
                let answer =
                    target.send(&call(binding, "1.0", Operation::Send("x")), &[("a2a-version", version)]);
                // The caller of 0.3 is answered as 0.3 has it.
                let as_caller =
                    Target { version: if version == "0.3" { "0.3" } else { "1.0" }, ..target.clone() };
                assert_reason(
                    &as_caller,
                    &answer,
                    "VERSION_NOT_SUPPORTED",
                    &format!("{} asking for {version}", target.label()),
                );
                let offered = error_info(&as_caller, &answer)["metadata"].to_string();
                assert!(offered.contains("1.0"), "no version on offer: {offered}");
                count += 1;
            }
        }
        assert_eq!(
            (scripted.http.calls().len(), scripted.grpc.calls().len()),
            (0, 0),
            "a refused call reached the agent"
        );
        evidence.add(format!(
            "{count} calls for 2.0 and 0.3 over 3 bindings refused, each naming 1.0 as on offer"
        ));
    });
}

#[test]
fn v4_patch_versions() {
    statement("V4", |evidence| {
        let scripted = Script::new().start();
        for binding in Binding::ALL {
            let target = scripted.target(binding, "1.0");
            let answer =
                target.send(&call(binding, "1.0", Operation::Send("x")), &[("a2a-version", "1.0.1")]);
            assert!(answer.is_success(), "{answer:?}");
            assert_eq!(
                arrived(&scripted, &target, "a2a-version").as_deref(),
                Some("1.0"),
                "{}",
                target.label()
            );
        }
        let fixture = Fixture::start(&[Kind::JavaScript1]);
        let patch = |side: crate::agents::Side| {
            let target = side.target(Binding::JsonRpc, "1.0").expect("the card names the interface");
            target.send(&call(Binding::JsonRpc, "1.0", Operation::Send("x")), &[("a2a-version", "1.0.1")])
        };
        let direct = patch(fixture.direct(Kind::JavaScript1));
        assert_eq!(direct.http().error_code(), -32009);
        let through = patch(fixture.through(Kind::JavaScript1));
        assert!(through.is_success(), "{through:?}");
        evidence.add("1.0.1 reaches the agent as 1.0 over 3 bindings; the JavaScript agent, which refuses 1.0.1, answers");
    });
}

#[test]
fn v5_version_in_the_query() {
    statement("V5", |evidence| {
        let scripted = Script::new().start();
        let fixture = Fixture::start(&[Kind::Python1]);
        for binding in [Binding::JsonRpc, Binding::HttpJson] {
            let target = scripted.target(binding, "1.0");
            let answer = queried(&target);
            assert!(answer.is_success(), "{answer:?}");
            assert_eq!(
                arrived(&scripted, &target, "a2a-version").as_deref(),
                Some("1.0"),
                "{}",
                target.label()
            );
            let agent =
                fixture.through(Kind::Python1).target(binding, "1.0").expect("the card names the interface");
            let answer = queried(&agent);
            assert!(answer.is_success(), "{}: {answer:?}", agent.label());
        }
        evidence.add("sent on as the header over JSON-RPC and HTTP+JSON; the Python agent, which does not read the query, answers");
    });
}

/// A call whose version is in the query alone.
fn queried(target: &Target) -> Answer {
    let crate::call::Call::Http { path, body, method, is_stream } =
        call(target.binding, "1.0", Operation::Send("x"))
    else {
        panic!("a call over HTTP")
    };
    let call = crate::call::Call::Http { path: format!("{path}?A2A-Version=1.0"), body, method, is_stream };
    target.send(&call, &[("a2a-version", "")])
}

#[test]
fn v6_side_by_side() {
    statement("V6", |evidence| {
        let kinds = [Kind::PythonBoth, Kind::JavaScriptBoth];
        let fixture = Fixture::start(&kinds);
        for (kind, agent) in &fixture.agents {
            let running: Vec<_> = Sdk::ALL
                .map(|sdk| client(&fixture, sdk, *kind))
                .into_iter()
                .map(|client| {
                    std::thread::spawn(move || client.run(&["discover", "send", "stream", "get"]).len())
                })
                .collect();
            for client in running {
                assert_eq!(client.join().expect("a client succeeds"), 4);
            }
            fixture.gateway.assert_calls(kind.id(), agent.calls());
        }
        evidence.add("4 SDK clients of 2 versions at once on one address, before a Python and a JavaScript agent of both; the gateway counted every call of theirs");
    });
}
