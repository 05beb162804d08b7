//! An event stream as a client meets it: comments, events and its end, one at a time.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
};

use serde_json::Value;

use super::http::{Body, Connection, Head, request};

/// An event stream being read.
pub struct EventStream {
    /// Status and headers of the answer.
    pub head: Head,
    body: BufReader<Body<Connection>>,
}

/// What an event stream holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A comment line, with its text.
    Comment(String),
    /// An event, with its data as JSON.
    Event(Value),
    /// The answer ended as its framing says it should.
    End,
    /// The connection broke inside the answer.
    Broken,
}

impl EventStream {
    /// Sends a POST of JSON on a connection of its own, and reads the head of the answer.
    #[must_use]
    pub fn open(address: SocketAddr, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        Self::ask("POST", address, target, headers, body)
    }

    /// Sends a request, with JSON if it has a body, on a connection of its own, and reads the head of the answer.
    #[must_use]
    pub fn ask(
        method: &str,
        address: SocketAddr,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Self {
        let mut all = vec![("accept", "text/event-stream")];
        if !body.is_empty() {
            all.push(("content-type", "application/json"));
        } else if method == "POST" {
            all.push(("content-length", "0"));
        }
        all.extend_from_slice(headers);
        let mut connection = Connection::open(address);
        connection.send(&request(method, target, &all, body));
        let head = connection.head().expect("an answer and not a closed connection");
        let body = BufReader::new(connection.into_body(&head));
        Self { head, body }
    }

    /// The next comment or event, or how the stream ended.
    pub fn item(&mut self) -> Item {
        let mut data = String::new();
        loop {
            let Ok(line) = self.line() else { return Item::Broken };
            let Some(line) = line else { return Item::End };
            if let Some(comment) = line.strip_prefix(':') {
                return Item::Comment(comment.trim().to_owned());
            }
            if let Some(part) = line.strip_prefix("data:") {
                data.push_str(part);
            } else if line.is_empty() && !data.is_empty() {
                let value = serde_json::from_str(&data);
                return Item::Event(value.unwrap_or_else(|error| panic!("no JSON ({error}): {data}")));
            }
        }
    }

    /// The next event; comments before it are passed over.
    pub fn event(&mut self) -> Value {
        loop {
            match self.item() {
                Item::Event(value) => return value,
                Item::Comment(_) => (),
                end => panic!("{end:?} instead of an event"),
            }
        }
    }

    /// Everything up to the end, comments left out: the events, and how it ended.
    pub fn rest(&mut self) -> (Vec<Value>, Item) {
        let mut events = Vec::new();
        loop {
            match self.item() {
                Item::Event(value) => events.push(value),
                Item::Comment(_) => (),
                end => return (events, end),
            }
        }
    }

    fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut bytes = Vec::new();
        let length = self.body.read_until(b'\n', &mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned();
        Ok((length > 0).then_some(text))
    }
}
