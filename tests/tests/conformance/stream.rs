//! S1 to S7: event streams.

use std::{
    net::TcpStream,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use system_tests::harness::{
    grpc::Reply,
    upstream::{STREAM_HEAD, Then, event, hang, write},
    wait_until,
};

use crate::{
    agents::{Binding, Fixture, Kind, Target},
    call::{Operation, call, task_of},
    compare::{Comparison, events},
    forwarding::wait_for_work,
    open::{Next, Open},
    record::statement,
    scripted::{Script, grpc_reply, reply_to},
};

/// Time within which an agent has to learn that the caller has gone.
const ABORT_TIME: Duration = Duration::from_secs(1);
/// Streams that stay open at once.
const IDLE_STREAMS: usize = 1_000;
/// Time for which they do.
const IDLE_TIME: Duration = Duration::from_secs(6);
/// Bytes of text in the largest event.
const LARGE_BYTES: usize = 10 << 20;

fn open(target: &Target) -> Open {
    Open::start(target, &call(target.binding, target.version, Operation::Stream("x")), &[])
}

/// A script whose streams are written by closures.
fn streaming(
    http: impl Fn(&dyn Fn(&str) -> Value, &mut TcpStream) -> Then + Send + Sync + 'static,
    grpc: impl Fn(&mut Reply) + Send + Sync + 'static,
) -> Script {
    Script::new()
        .http(move |request, stream| {
            write(stream, STREAM_HEAD);
            http(&|text| reply_to(request, text), stream)
        })
        .grpc(move |_, reply| grpc(reply))
}

#[test]
fn s1_no_event_waits_for_the_next() {
    statement("S1", |evidence| {
        const EVENTS: usize = 20;
        let (permit, permits) = mpsc::channel::<()>();
        let permits = Arc::new(Mutex::new(permits));
        let over_grpc = Arc::clone(&permits);
        // The agent sends an event only when the caller has read the one before.
        let scripted = streaming(
            move |make, stream| {
                let permits = permits.lock().expect("no holder has panicked");
                for number in 0..EVENTS {
                    permits.recv().expect("the test goes on");
                    write(stream, &event(&make(&number.to_string())));
                }
                Then::Close
            },
            move |reply| {
                let permits = over_grpc.lock().expect("no holder has panicked");
                reply.head(&[]);
                for number in 0..EVENTS {
                    permits.recv().expect("the test goes on");
                    reply.message(&grpc_reply(&number.to_string()));
                }
                reply.end(&[("grpc-status", "0")]);
            },
        )
        .start();
        let targets = scripted.targets();
        for target in &targets {
            let mut stream = open(target);
            for number in 0..EVENTS {
                permit.send(()).expect("the agent listens");
                let data = stream.event();
                assert!(String::from_utf8_lossy(&data).contains(&number.to_string()), "{}", target.label());
            }
            assert!(matches!(stream.next(), Next::End(_)), "{}", target.label());
        }
        evidence.add(format!("lockstep: the agent sends an event when the caller has the one before; {EVENTS} events each over {} of binding and version", targets.len()));
    });
}

/// Event streams in every shape that the format allows.
const SHAPES: &str = ": hello\r\n\r\nid: 1\r\nevent: x\r\nretry: 100\r\ndata: {\"a\":\r\ndata: 1.10}\r\n\r\n\ndata:{\"b\":\"\u{e9}\\u00e9\"}\n\nid\ndata: {}\nx-unknown: y\n\n: ping - now\n\ndata: {\"big\":12345678901234567890123}\n\n";

#[test]
fn s2_streams_as_direct() {
    statement("S2", |evidence| {
        let fixture = Fixture::start(&Kind::ALL);
        let mut comparison = Comparison::default();
        let mut interfaces = 0;
        for kind in Kind::ALL {
            for (binding, version) in Binding::ALL
                .into_iter()
                .flat_map(|binding| kind.versions().iter().map(move |version| (binding, *version)))
            {
                let [direct, through] = [fixture.direct(kind), fixture.through(kind)].map(|side| {
                    let target = side.target(binding, version).expect("the card names the interface");
                    target.run(Operation::Stream("stream 25 4")).outcome()
                });
                let items = if binding == Binding::Grpc { &direct["messages"] } else { &direct["events"] };
                assert!(items.as_array().is_some_and(|items| items.len() >= 25), "{direct}");
                comparison.add(
                    "call",
                    &format!("{} {} {version}", kind.id(), binding.name()),
                    &direct,
                    &through,
                );
                interfaces += 1;
            }
        }
        let _ = comparison.finish(evidence);
        evidence.add(format!("streams of 25 parts at {interfaces} interfaces of {} SDK agents: events, order and data as direct", Kind::ALL.len()));
        let scripted = Script::new()
            .fields("  heartbeatInterval: 0s\n")
            .http(|_, stream| {
                write(stream, STREAM_HEAD);
                // Cut anywhere, as networks do.
                for bytes in SHAPES.as_bytes().chunks(7) {
                    write(stream, bytes);
                }
                Then::Close
            })
            .grpc(|_, reply| {
                for size in [0, 1, 5, 70_000, 3] {
                    reply.message(&vec![b'x'; size]);
                }
                reply.end(&[("grpc-status", "0")]);
            })
            .start();
        for target in scripted.targets() {
            let answer = open(&target).whole();
            match target.binding {
                Binding::Grpc => {
                    let sizes: Vec<_> = answer.grpc().messages.iter().map(Vec::len).collect();
                    assert_eq!(sizes, [0, 1, 5, 70_000, 3], "{}", target.label());
                }
                _ => assert_eq!(answer.http().text(), SHAPES, "{}", target.label()),
            }
        }
        evidence.add("scripted streams with CRLF, comments, ids, retry, data over several lines, empty and large messages: byte for byte");
    });
}

#[test]
fn s3_heartbeats() {
    statement("S3", |evidence| {
        let head_sent = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&head_sent);
        let script = move || {
            let flag = Arc::clone(&flag);
            Script::new()
                .http(move |request, stream| {
                    std::thread::sleep(Duration::from_millis(2200));
                    flag.store(true, Ordering::SeqCst);
                    write(stream, STREAM_HEAD);
                    let one = event(&reply_to(request, "first"));
                    let (start, end) = one.split_at(20);
                    write(stream, start);
                    std::thread::sleep(Duration::from_millis(1300));
                    write(stream, end);
                    std::thread::sleep(Duration::from_millis(2300));
                    Then::Close
                })
                .grpc(|_, reply| {
                    reply.message(&grpc_reply("first"));
                    std::thread::sleep(Duration::from_millis(2300));
                    reply.end(&[("grpc-status", "0")]);
                })
        };
        let beating = script().fields("  heartbeatInterval: 1s\n").start();
        let silent = script().fields("  heartbeatInterval: 0s\n").start();
        let mut running = Vec::new();
        for (scripted, beats) in [(&beating, true), (&silent, false)] {
            // One after another for the first: the flag is about one stream.
            for target in scripted.targets() {
                let flag = Arc::clone(&head_sent);
                running.push(std::thread::spawn(move || check_heartbeats(&target, beats, &flag)));
            }
        }
        for checked in running {
            checked.join().expect("as it should be");
        }
        evidence.add("an interval of 1 s over JSON-RPC and HTTP+JSON: nothing before the agent's head, no comment inside an event that dawdles, comments after it; an interval of 0: none; over gRPC no message is added");
    });
}

fn check_heartbeats(target: &Target, beats: bool, head_sent: &AtomicBool) {
    let mut stream = open(target);
    if target.binding == Binding::Grpc {
        let (messages, end) = stream.rest();
        assert_eq!((messages, end), (vec![grpc_reply("first")], Next::End(Some(0))), "{}", target.label());
        return;
    }
    assert!(head_sent.load(Ordering::SeqCst), "{}: a head before the agent's", target.label());
    let text = stream.whole().http().text();
    let comments = text.lines().filter(|line| line.starts_with(':')).count();
    assert_eq!(comments > 0, beats, "{}: {text}", target.label());
    // A comment inside an event would come between its lines or cut one of them.
    let found = events(&text);
    assert_eq!(found.len(), 1, "{text}");
    assert!(found[0]["data"].is_object(), "{text}");
    let after = text.split("data:").nth(1).unwrap_or_default();
    assert_eq!(after.contains("\n:"), beats, "{}: {text}", target.label());
}

#[test]
fn s4_aborts() {
    statement("S4", |evidence| {
        let ended = Arc::new(AtomicUsize::new(0));
        let (http, over_grpc) = (Arc::clone(&ended), Arc::clone(&ended));
        let scripted = streaming(
            move |make, stream| {
                write(stream, &event(&make("first")));
                let then = hang(stream);
                http.fetch_add(1, Ordering::SeqCst);
                then
            },
            move |reply| {
                reply.message(&grpc_reply("first"));
                reply.wait_until_cancelled();
                over_grpc.fetch_add(1, Ordering::SeqCst);
            },
        )
        .start();
        let targets = scripted.targets();
        for (at, target) in targets.iter().enumerate() {
            let mut stream = open(target);
            stream.event();
            let left = Instant::now();
            drop(stream);
            wait_until("the agent sees the caller go", || {
                (ended.load(Ordering::SeqCst) == at + 1).then_some(())
            });
            assert!(left.elapsed() < ABORT_TIME, "{}: {:?}", target.label(), left.elapsed());
        }
        evidence.add(format!(
            "the agent sees a caller go within a second, over {} of binding and version",
            targets.len()
        ));
        broken_off();
        evidence.add(
            "an agent that breaks off: a JSON-RPC error with the request's id, an error event, status 14",
        );
    });
}

fn broken_off() {
    let (permit, permits) = mpsc::channel::<()>();
    let permits = Arc::new(Mutex::new(permits));
    // A reset overtakes what has not been read.
    let wait = move || {
        permits.lock().expect("no holder has panicked").recv().expect("the test goes on");
    };
    let http = Arc::new(wait);
    let over_grpc = Arc::clone(&http);
    let scripted = Script::new()
        .http(move |request, stream| {
            let one = event(&reply_to(request, "first"));
            write(
                stream,
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
            );
            write(stream, format!("{:x}\r\n", one.len()).as_bytes());
            write(stream, &one);
            write(stream, b"\r\n");
            http();
            Then::Close
        })
        .grpc(move |_, reply| {
            reply.message(&grpc_reply("first"));
            over_grpc();
            reply.reset();
        })
        .start();
    for target in scripted.targets() {
        let mut stream = open(&target);
        stream.event();
        permit.send(()).expect("the agent listens");
        if target.binding == Binding::Grpc {
            assert_eq!(stream.next(), Next::End(Some(14)), "{}", target.label());
            continue;
        }
        let found = events(&stream.whole().http().text());
        assert_eq!(found.len(), 2, "{found:?}");
        let (last, label) = (&found[1], target.label());
        match (target.binding, target.version) {
            (Binding::JsonRpc, _) => {
                assert_eq!(
                    (&last["data"]["id"], &last["data"]["error"]["code"]),
                    (&json!(7), &json!(-32603)),
                    "{label} {last}"
                );
            }
            (_, "1.0") => assert_eq!(
                (&last["event"], &last["data"]["error"]["code"]),
                (&json!("error"), &json!(502)),
                "{label} {last}"
            ),
            _ => assert_eq!(
                (&last["event"], &last["data"]["code"]),
                (&json!("error"), &json!(-32603)),
                "{label} {last}"
            ),
        }
    }
}

#[test]
fn s5_errors_instead_of_streams() {
    statement("S5", |evidence| {
        let scripted = Script::new()
            .http(|request, stream| {
                let status = request.header("x-status").unwrap_or("200 OK").to_owned();
                let body = json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32004, "message": "no streams"}}).to_string();
                let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nretry-after: 3\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                write(stream, head.as_bytes());
                Then::Keep
            })
            .grpc(|_, reply| reply.trailers_only(&[("grpc-status", "9"), ("grpc-message", "no streams")]))
            .start();
        let mut count = 0;
        for target in scripted.targets() {
            let stream = call(target.binding, target.version, Operation::Stream("x"));
            if target.binding == Binding::Grpc {
                let answer = target.send(&stream, &[]).grpc();
                assert_eq!((answer.status(), answer.word("grpc-message")), (Some(9), Some("no streams")));
                count += 1;
                continue;
            }
            for status in ["200 OK", "400 Bad Request", "404 Not Found", "503 Service Unavailable"] {
                let got = target.send(&stream, &[("x-status", status)]).http();
                assert_eq!(got.status().to_string(), status[..3], "{}", target.label());
                assert_eq!(got.head.get("content-type"), Some("application/json"), "{}", target.label());
                assert_eq!(
                    (got.error_code(), got.head.get("retry-after")),
                    (-32004, Some("3")),
                    "{}",
                    target.label()
                );
                count += 1;
            }
        }
        evidence.add(format!("{count} answers of 200 to 503 and gRPC 9 to streaming calls, over 3 bindings in 2 versions, as sent"));
    });
}

#[test]
fn s6_many_streams_and_large_events() {
    statement("S6", |evidence| {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let opened = Arc::clone(&gate);
        let scripted = streaming(
            move |make, stream| {
                write(stream, &event(&make("first")));
                let open = opened.0.lock().expect("no holder has panicked");
                drop(opened.1.wait_while(open, |open| !*open).expect("no holder has panicked"));
                write(stream, &event(&make("last")));
                Then::Close
            },
            |reply| reply.end(&[("grpc-status", "0")]),
        )
        .fields("  heartbeatInterval: 2s\n")
        .start();
        let target = scripted.target(Binding::JsonRpc, "1.0");
        let started = Instant::now();
        let mut streams: Vec<_> = (0..IDLE_STREAMS).map(|_| open(&target)).collect();
        for stream in &mut streams {
            stream.event();
        }
        std::thread::sleep(IDLE_TIME.saturating_sub(started.elapsed()).max(Duration::from_secs(5)));
        assert!(scripted.gateway.metrics().sum("signalbox_streams_open", &[]) > IDLE_STREAMS as f64 - 0.5);
        *gate.0.lock().expect("no holder has panicked") = true;
        gate.1.notify_all();
        for mut stream in streams {
            let mut beats = 0;
            let last = loop {
                match stream.next() {
                    Next::Comment => beats += 1,
                    Next::Event(data) => break data,
                    end => panic!("{end:?} instead of an event"),
                }
            };
            assert!(beats >= 1 && String::from_utf8_lossy(&last).contains("last"), "{beats} heartbeats");
            assert!(matches!(stream.next(), Next::End(_)));
        }
        evidence.add(format!("{IDLE_STREAMS} streams idle at once for seconds, with heartbeats every 2 s in the place of minutes, then an event and an orderly end on each"));
        let count = large_events();
        evidence.add(format!("an event of 10 MiB over {count} of binding and version"));
    });
}

fn large_events() -> usize {
    let text = Arc::new("x".repeat(LARGE_BYTES));
    let (http, over_grpc) = (Arc::clone(&text), text);
    let scripted = streaming(
        move |make, stream| {
            write(stream, &event(&make(&http)));
            Then::Close
        },
        move |reply| {
            reply.message(&grpc_reply(&over_grpc));
            reply.end(&[("grpc-status", "0")]);
        },
    )
    .start();
    let targets = scripted.targets();
    for target in &targets {
        let (events, end) = open(target).rest();
        assert!(matches!(end, Next::End(None | Some(0))), "{}: {end:?}", target.label());
        assert_eq!(events.len(), 1, "{}", target.label());
        assert!(events[0].len() >= LARGE_BYTES, "{}: {} bytes", target.label(), events[0].len());
    }
    targets.len()
}

#[test]
fn s7_two_subscribers() {
    statement("S7", |evidence| {
        let kinds = [Kind::PythonBoth, Kind::JavaScriptBoth];
        let fixture = Fixture::start(&kinds);
        let mut interfaces = 0;
        for kind in kinds {
            for binding in Binding::ALL {
                let target =
                    fixture.through(kind).target(binding, "1.0").expect("the card names the interface");
                let started = target.run(Operation::Start("work"));
                let task = task_of(&started).unwrap_or_else(|| panic!("{started:?}")).0;
                wait_for_work(&target, &task);
                let subscribe = call(binding, "1.0", Operation::Subscribe(&task));
                let mut streams = [(); 2].map(|()| Open::start(&target, &subscribe, &[]));
                for stream in &mut streams {
                    stream.event();
                }
                assert!(target.run(Operation::Cancel(&task)).is_success());
                let [one, two] = streams.map(|stream| stream.whole().outcome());
                let items = |outcome: &Value| {
                    if binding == Binding::Grpc {
                        outcome["messages"].clone()
                    } else {
                        outcome["events"].clone()
                    }
                };
                assert!(items(&one).as_array().is_some_and(|items| items.len() >= 2), "{one}");
                assert_eq!(items(&one), items(&two), "{} {}", kind.id(), target.label());
                interfaces += 1;
            }
        }
        evidence.add(format!("two subscribers to a task at each of {interfaces} interfaces of 2 SDK agents, from the first event to the end"));
    });
}
