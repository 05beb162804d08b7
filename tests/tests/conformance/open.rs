//! A stream of any binding while it is open.

use std::io::{BufRead as _, BufReader, Read as _};

use system_tests::harness::{
    grpc::{self, End, GrpcStream},
    http::{Body, Connection, Head, Response},
};

use crate::{
    agents::Target,
    call::{Answer, Call},
};

/// A stream being read, event by event.
pub(crate) enum Open {
    Http { head: Head, body: BufReader<Body<Connection>>, seen: Vec<u8> },
    Grpc { stream: GrpcStream, seen: Vec<Vec<u8>> },
}

/// What comes next in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// An event, with its data; or a message.
    Event(Vec<u8>),
    /// A comment line.
    Comment,
    /// The end; over gRPC with a status.
    End(Option<u32>),
    /// The transfer broke off.
    Broken,
}

impl Open {
    /// Makes a call and reads the head of its answer.
    pub(crate) fn start(target: &Target, call: &Call, headers: &[(&str, &str)]) -> Self {
        if let Call::Grpc { .. } = call {
            return Self::Grpc { stream: target.open_grpc(call, headers), seen: Vec::new() };
        }
        let mut connection = target.open_http(call, headers);
        let head = connection.head().expect("an answer and not a closed connection");
        let body = BufReader::new(connection.into_body(&head));
        Self::Http { head, body, seen: Vec::new() }
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> Next {
        match self {
            Self::Grpc { stream, seen } => match stream.message() {
                Ok(message) => {
                    seen.push(message.clone());
                    Next::Event(message)
                }
                Err(End::Trailers(trailers)) => {
                    let status = grpc::find(&trailers, "grpc-status");
                    let status = status.or_else(|| grpc::find(&stream.headers, "grpc-status"));
                    Next::End(status.and_then(|status| status.parse().ok()))
                }
                Err(End::Reset(_)) => Next::Broken,
            },
            Self::Http { body, seen, .. } => next_event(body, seen),
        }
    }

    /// The next event; comments before it are passed over.
    #[track_caller]
    pub(crate) fn event(&mut self) -> Vec<u8> {
        loop {
            match self.next() {
                Next::Event(data) => return data,
                Next::Comment => (),
                end => panic!("{end:?} instead of an event"),
            }
        }
    }

    /// Everything up to the end, comments left out: the events, and how it ended.
    pub(crate) fn rest(&mut self) -> (Vec<Vec<u8>>, Next) {
        let mut events = Vec::new();
        loop {
            match self.next() {
                Next::Event(data) => events.push(data),
                Next::Comment => (),
                end => return (events, end),
            }
        }
    }

    /// The whole answer, with what was read of it before.
    pub(crate) fn whole(self) -> Answer {
        match self {
            Self::Http { head, mut body, mut seen } => {
                body.read_to_end(&mut seen).expect("the body arrives whole");
                Answer::Http(Response { head, body: seen })
            }
            Self::Grpc { stream, seen } => {
                let mut answer = stream.whole();
                answer.messages.splice(0..0, seen);
                Answer::Grpc(answer)
            }
        }
    }
}

fn next_event(body: &mut BufReader<Body<Connection>>, seen: &mut Vec<u8>) -> Next {
    let mut data = Vec::new();
    let mut is_event = false;
    loop {
        let start = seen.len();
        match body.read_until(b'\n', seen) {
            Ok(0) => return Next::End(None),
            Err(_) => return Next::Broken,
            Ok(_) => (),
        }
        let mut line = &seen[start..];
        while let [rest @ .., b'\r' | b'\n'] = line {
            line = rest;
        }
        match line {
            [] if is_event => return Next::Event(data),
            [] => (),
            [b':', ..] if !is_event => return Next::Comment,
            _ => {
                is_event = true;
                if let Some(part) = line.strip_prefix(b"data:") {
                    data.extend_from_slice(part.strip_prefix(b" ").unwrap_or(part));
                }
            }
        }
    }
}
