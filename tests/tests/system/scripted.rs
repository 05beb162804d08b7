//! The harness's own parts that other tests trust: the raw client, the scripted agent, nginx, the OTLP sink.

use std::{
    io::Read as _,
    sync::{Mutex, mpsc},
};

use serde_json::json;
use system_tests::harness::{
    Agent, Client, Upstream,
    grpc::{self, End, GrpcStream, GrpcUpstream},
    http::{Connection, get, post, request},
    metrics::Metrics,
    nginx::Nginx,
    protobuf,
    sdk::Sdk,
    sink::Sink,
    upstream::Then,
    wait_until,
};

fn address(upstream: &Upstream) -> std::net::SocketAddr {
    upstream.url()["http://".len()..].parse().expect("an address")
}

#[test]
fn a_scripted_agent_serves_its_card_and_answers() {
    let upstream = Upstream::well_behaved();
    let card = get(address(&upstream), "/.well-known/agent-card.json", &[("host", "h:1")]).json();
    assert_eq!(card["url"], "http://h:1/");
    let call = json!({"jsonrpc": "2.0", "id": 7, "method": "SendMessage"}).to_string();
    let answer = post(address(&upstream), "/", &[], call.as_bytes()).json();
    assert_eq!(answer["id"], 7);
    assert_eq!(answer["result"]["message"]["role"], "ROLE_AGENT");
    assert_eq!(upstream.calls().len(), 1);
}

#[test]
fn chunked_bodies_are_read_both_ways() {
    let upstream = Upstream::start(|request, stream| {
        let size = request.body.len();
        let text = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\n{size}\r\n0\r\n\r\n"
        );
        system_tests::harness::upstream::write(stream, text.as_bytes());
        Then::Keep
    });
    let mut connection = Connection::open(address(&upstream));
    for _ in 0..2 {
        connection.send(&request("POST", "/", &[("transfer-encoding", "chunked")], b"3\r\nxyz\r\n0\r\n\r\n"));
        assert_eq!(connection.response().text(), "ab3");
    }
    connection.send(&request("GET", "/", &[], b""));
    let head = connection.head().expect("an answer");
    let mut body = String::new();
    connection.body(&head).read_to_string(&mut body).expect("a body");
    assert_eq!(body, "ab0");
}

#[test]
fn metrics_are_summed_by_labels() {
    let text = "# HELP a b\na_total{x=\"1\",y=\"p,\\\"q\\\"\"} 2\na_total{x=\"1\",y=\"r\"} 3\na_total{x=\"2\"} 4\nb 1\n";
    let metrics = Metrics::parse(text);
    assert!((metrics.sum("a_total", &[("x", "1")]) - 5.0).abs() < 0.1);
    assert!((metrics.sum("a_total", &[("y", "p,\\\"q\\\"")]) - 2.0).abs() < 0.1);
    assert!((metrics.sum("b", &[]) - 1.0).abs() < 0.1);
}

#[test]
fn nginx_passes_on_what_comes_below_its_prefix() {
    let upstream = Upstream::well_behaved();
    let nginx = Nginx::start("/edge", address(&upstream));
    assert_eq!(get(nginx.address, "/edge/.well-known/agent-card.json", &[]).status(), 200);
    let arrived = &upstream.requests()[0];
    assert_eq!(arrived.target, "/.well-known/agent-card.json");
    assert_eq!(arrived.header("x-forwarded-host"), Some("gateway.test"));
    assert_eq!(arrived.header("x-forwarded-prefix"), Some("/edge"));
}

#[test]
fn the_sink_tells_of_the_spans_of_client_and_agent() {
    let mut sink = Sink::start();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint.as_str());
    let agent = Agent::start_with(Sdk::Python1, &[], &[endpoint]);
    let client = Client::new(Sdk::Python1, &agent.url).environment(endpoint.0, endpoint.1);
    let trace = client.run_one("send")["traceId"].as_str().expect("a trace id").to_owned();
    let spans = sink.spans_of(&trace, 2);
    let of = |service: &str| spans.iter().find(|span| span["service"] == service).expect("its span").clone();
    assert_eq!(of("python-agent")["parent_span_id"], of("python-client")["span_id"]);
}

#[test]
fn a_scripted_grpc_agent_answers_with_messages_and_trailers() {
    let (permit, permits) = mpsc::channel();
    let permits = Mutex::new(permits);
    let agent = GrpcUpstream::start(move |call, reply| match call.method() {
        "Refused" => reply.trailers_only(&[("grpc-status", "5"), ("grpc-message", "gone")]),
        "Reset" => reply.reset(),
        "Broken" => {
            reply.message(&call.messages[0]);
            // A reset overtakes what has not been sent yet.
            permits.lock().expect("no holder has panicked").recv().expect("the test goes on");
            reply.reset();
        }
        "Held" => {
            reply.head(&[]);
            reply.wait_until_cancelled();
        }
        _ => {
            reply.head(&[("x-one", "1")]);
            reply.message(&call.messages[0]);
            reply.message(b"");
            reply.end(&[("grpc-status", "0"), ("x-two", "2")]);
        }
    });
    let message = protobuf::Message::new().text(1, "t").message(2, &protobuf::Message::new().number(4, 300));
    let call = |path: &str| grpc::call(agent.address(), "a.test", path, &[("x-m", "v")], &message.bytes());
    let good = call("/s.S/Good");
    assert_eq!(good.messages, [message.bytes(), Vec::new()]);
    assert_eq!((good.status(), good.word("x-two")), (Some(0), Some("2")));
    assert_eq!(grpc::find(&good.headers, "x-one"), Some("1"));
    assert_eq!(protobuf::read(&good.messages[0]), json!({"1": ["t"], "2": [{"4": [300]}]}));
    assert_eq!((call("/s.S/Refused").status(), call("/s.S/Reset").reset), (Some(5), true));
    assert_eq!((agent.calls()[0].authority.as_str(), agent.calls()[0].header("x-m")), ("a.test", Some("v")));
    let held = GrpcStream::open(agent.address(), "a.test", "/s.S/Held", &[], b"");
    assert_eq!(agent.open(), 1);
    drop(held);
    wait_until("the agent sees the caller go", || (agent.open() == 0).then_some(()));
    let mut stream = GrpcStream::open(agent.address(), "a.test", "/s.S/Broken", &[], b"one");
    assert_eq!(stream.message().as_deref(), Ok(b"one".as_slice()));
    permit.send(()).expect("the agent listens");
    assert!(matches!(stream.message(), Err(End::Reset(_))));
}
