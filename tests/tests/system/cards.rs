//! Agent cards: where they come from, what they say to whom, and how they are asked for again.

use std::{
    net::TcpStream,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, Upstream,
    http::{Response, get},
    upstream::{Request, Then, answer, card, json_answer, well_behaved, write},
};

mod conditional;
mod odd;
mod origin;
mod plans;
mod sdk;

/// Path of the card of `/a2a/echo`.
const CARD: &str = "/a2a/echo/.well-known/agent-card.json";

/// The card of the agent `echo`, as callers see it.
fn read(gateway: &DataPlane, headers: &[(&str, &str)]) -> Response {
    get(gateway.address, CARD, headers)
}

/// The same, which has to be there.
#[track_caller]
fn card_of(gateway: &DataPlane, headers: &[(&str, &str)]) -> Value {
    let answer = read(gateway, headers);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

/// The base URL at which a scripted agent was asked.
fn own(request: &Request) -> String {
    format!("http://{}", request.header("host").unwrap_or_default())
}

/// The paths at which a scripted agent was asked for its card.
fn asked(agent: &Upstream) -> Vec<String> {
    agent
        .requests()
        .into_iter()
        .filter(|request| request.method == "GET")
        .map(|request| request.target)
        .collect()
}

/// An agent whose card can be changed while it runs: the closure gets the request and what is held now.
fn changing<T: Clone + Send + 'static>(
    first: T,
    respond: impl Fn(&Request, T) -> Vec<u8> + Send + Sync + 'static,
) -> (Upstream, Arc<Mutex<T>>) {
    let held = Arc::new(Mutex::new(first));
    let shared = Arc::clone(&held);
    let agent = Upstream::start(move |request: &Request, stream: &mut TcpStream| {
        if request.method != "GET" {
            return well_behaved(request, stream);
        }
        let now = shared.lock().expect("no holder has panicked").clone();
        write(stream, &respond(request, now));
        Then::Keep
    });
    (agent, held)
}

/// A hybrid card with skills `echo`, `admin` and `report`, and every capability.
fn rich_card(own: &str) -> Value {
    let mut card = card(own);
    let skill = |id: &str| json!({"id": id, "name": id, "description": id, "tags": []});
    card["skills"] = json!([skill("echo"), skill("admin"), skill("report")]);
    card["capabilities"] = json!({"streaming": true, "pushNotifications": true, "extendedAgentCard": true});
    card["supportsAuthenticatedExtendedCard"] = json!(true);
    let rest = json!({"url": own, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"});
    card["supportedInterfaces"].as_array_mut().expect("a list").push(rest);
    card
}

/// Ids of the skills that a card shows.
fn skills(card: &Value) -> Vec<&str> {
    let skills = card["skills"].as_array().expect("a list of skills");
    skills.iter().map(|skill| skill["id"].as_str().expect("an id")).collect()
}

/// An answer with further header lines.
fn with_headers(status: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let plain = answer(status, "application/json", body);
    let split = plain.windows(2).position(|pair| pair == b"\r\n").expect("a status line") + 2;
    [&plain[..split], lines.as_bytes(), &plain[split..]].concat()
}

/// What a card is in an answer.
fn json_of(card: &Value) -> Vec<u8> {
    json_answer(card)
}
