//! Paths as they were sent.

/// What follows an agent's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest<'a> {
    /// Nothing: the JSON-RPC endpoint.
    Root,
    /// `/.well-known/agent-card.json`.
    AgentCard,
    /// `/.well-known/agent.json`, the card's place before 0.3.
    LegacyAgentCard,
    /// `/message/stream`: JSON-RPC that always streams.
    MessageStream,
    /// Anything else, with its leading slash and without a trailing one.
    Other(&'a str),
}

impl<'a> Rest<'a> {
    /// Reads what follows an address; a trailing slash has been taken off.
    #[must_use]
    pub fn parse(rest: &'a str) -> Self {
        match rest {
            "" => Self::Root,
            "/.well-known/agent-card.json" => Self::AgentCard,
            "/.well-known/agent.json" => Self::LegacyAgentCard,
            "/message/stream" => Self::MessageStream,
            other => Self::Other(other),
        }
    }

    /// The text: empty or with a leading slash.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        match self {
            Self::Root => "",
            Self::AgentCard => "/.well-known/agent-card.json",
            Self::LegacyAgentCard => "/.well-known/agent.json",
            Self::MessageStream => "/message/stream",
            Self::Other(other) => other,
        }
    }
}

/// The path without one trailing slash, if it can be read in one way only.
pub(super) fn unambiguous(path: &str) -> Option<&str> {
    if !path.starts_with('/') {
        return None;
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    // Most paths have none of these bytes after a slash, so look closely only at those that do.
    let bytes = path.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let odd = match byte {
            b'/' => segment_is_odd(&bytes[at + 1..]),
            b'%' => encodes_separator(&bytes[at + 1..]),
            b'\\' | b'#' | b'?' => true,
            _ => false,
        };
        if odd {
            return None;
        }
    }
    Some(path)
}

/// Whether a segment is empty or, with `%2e` read as a dot, is `.` or `..`.
fn segment_is_odd(rest: &[u8]) -> bool {
    let mut rest = rest;
    for _ in 0..2 {
        rest = match rest {
            [b'.', tail @ ..] | [b'%', b'2', b'e' | b'E', tail @ ..] => tail,
            other => return matches!(other, [] | [b'/', ..]),
        };
    }
    matches!(rest, [] | [b'/', ..])
}

/// Whether what follows a percent sign stands for a slash, a backslash or NUL.
fn encodes_separator(rest: &[u8]) -> bool {
    matches!(rest, [b'2', b'f' | b'F', ..] | [b'5', b'c' | b'C', ..] | [b'0', b'0', ..])
}

/// Number of segments of a path without a trailing slash.
pub(super) fn depth(path: &str) -> usize {
    path.bytes().filter(|&b| b == b'/').count()
}
