//! The connections to agents: kept, given up when the agent closes them, never the reason for a failed call.

use std::time::Duration;

use system_tests::harness::{
    Upstream,
    http::{get, post},
    upstream::{Then, json_answer, result, well_behaved, write},
    wait_until,
};

use crate::common::{ECHO, V1, assert_serves, in_front_of, send_message};

#[test]
fn one_connection_serves_one_call_after_another() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    for _ in 0..50 {
        assert_serves(&gateway);
    }
    // One for each thread that serves requests.
    assert!(agent.connections_ever() <= std::thread::available_parallelism().map_or(1, Into::into) + 1);
}

#[test]
fn an_agent_that_closes_after_each_answer_without_saying_so() {
    let agent = Upstream::start(|request, stream| {
        well_behaved(request, stream);
        Then::Close
    });
    let gateway = in_front_of(&agent);
    // The first call would follow the card's connection so closely that no one could know it is closing.
    assert_eq!(get(gateway.address, "/a2a/echo/.well-known/agent-card.json", &[]).status(), 200);
    for number in 0..30 {
        wait_until("the agent has closed", || (agent.connections() == 0).then_some(()));
        // The gateway has to notice by itself.
        std::thread::sleep(Duration::from_millis(5));
        let answer = post(gateway.address, ECHO, &V1, &send_message(number));
        assert_eq!(answer.status(), 200, "{number}: {}", answer.text());
    }
    assert_eq!(agent.calls().len(), 30, "a call was sent twice");
}

#[test]
fn an_agent_that_says_that_it_closes() {
    let agent = Upstream::start(|request, stream| {
        let body = result(&request.json(), "bye").to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        write(stream, head.as_bytes());
        write(stream, body.as_bytes());
        Then::Close
    });
    let gateway = in_front_of(&agent);
    for number in 0..30 {
        let answer = post(gateway.address, ECHO, &V1, &send_message(number));
        assert_eq!(answer.status(), 200, "{number}: {}", answer.text());
    }
    assert_eq!(agent.calls().len(), 30);
}

#[test]
fn a_message_is_never_sent_twice() {
    let agent = Upstream::start(
        |request, stream| {
            if request.is_card() { well_behaved(request, stream) } else { Then::Close }
        },
    );
    let gateway = in_front_of(&agent);
    let answer = post(gateway.address, ECHO, &V1, &send_message(1));
    assert_eq!(answer.status(), 502, "{}", answer.text());
    assert_eq!(agent.calls().len(), 1, "a message that may have been acted upon was sent again");
}

#[test]
fn answers_in_every_framing_arrive_whole() {
    let agent = Upstream::start(|request, stream| {
        let body = result(&request.json(), &"z".repeat(100_000)).to_string();
        match request.json()["id"].as_i64().unwrap_or_default() % 3 {
            0 => write(stream, &json_answer(&serde_json::from_str(&body).expect("JSON"))),
            1 => {
                write(stream, b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n");
                for chunk in body.as_bytes().chunks(999) {
                    write(stream, format!("{:x}\r\n", chunk.len()).as_bytes());
                    write(stream, chunk);
                    write(stream, b"\r\n");
                }
                write(stream, b"0\r\n\r\n");
            }
            _ => {
                write(
                    stream,
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n",
                );
                write(stream, body.as_bytes());
                return Then::Close;
            }
        }
        Then::Keep
    });
    let gateway = in_front_of(&agent);
    for number in 0..12 {
        let answer = post(gateway.address, ECHO, &V1, &send_message(number));
        assert_eq!(answer.status(), 200, "{number}: {}", answer.text());
        let text = answer.json()["result"]["message"]["parts"][0]["text"].as_str().map(str::len);
        assert_eq!((&answer.json()["id"], text), (&number.into(), Some(100_000)));
    }
}
