//! Text of a card without addresses of the agent's own servers, however they are spelled.
//!
//! A URL that means an interface becomes the public URL. Any other URL of the agent's servers leads nowhere for callers,
//! since the gateway forwards no paths that it does not know: an optional text that is one goes, a required one becomes
//! the public URL. Inside prose, the address alone is replaced.

use std::ops::Range;

use super::host::{Numbers, canonical, decode_percent, is_ipv6, is_this_machine};
use super::rewrite::CardRewrite;
use super::url::{Address, Known, Target, clean};

/// Longest IPv6 address in brackets, zone included, in bytes.
const MAX_ADDRESS_BYTES: usize = 64;

/// How far before a host its scheme and user are looked for, in bytes: looking through all of a long text for every host
/// in it would take too long.
const MAX_USER_BYTES: usize = 1024;

/// How often an address may be percent-encoded over itself and is still found.
const MAX_ENCODINGS: usize = 3;

/// Finds and replaces addresses of the agent's servers.
#[derive(Debug)]
pub(in crate::a2a) struct Scrub<'a> {
    hidden: Vec<Hidden<'a>>,
    public: Public<'a>,
    /// Host and port of the gateway for gRPC.
    grpc_authority: Option<&'a str>,
    /// Paths of the interfaces, at any target.
    interface_paths: Vec<String>,
}

/// What becomes of a text that is nothing but an address of the agent's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::a2a) enum Fate {
    /// It goes.
    Remove,
    /// It becomes the public URL.
    Replace,
}

/// What becomes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::a2a) enum Scrubbed {
    /// It names no address of the agent's.
    Keep,
    /// This instead.
    Change(String),
    /// It goes.
    Remove,
}

/// A target whose address may not show.
#[derive(Debug)]
struct Hidden<'a> {
    target: &'a Target,
    /// The host alone gives the server away, whatever the port. Not so the names of this machine, plain words, and the
    /// gateway's own host.
    by_host: bool,
}

#[derive(Debug)]
struct Public<'a> {
    /// Without a slash at the end.
    url: &'a str,
    /// The same without scheme.
    rest: &'a str,
    host: String,
    port: u16,
}

/// Where a text names one of the agent's servers.
#[derive(Debug)]
struct Found {
    range: Range<usize>,
    /// With scheme, or at least with the slashes of one.
    is_url: bool,
}

impl<'a> Scrub<'a> {
    /// For cards that name these interfaces.
    pub(in crate::a2a) fn new<'u>(
        policy: &CardRewrite<'a>,
        interface_urls: impl IntoIterator<Item = &'u str>,
    ) -> Self {
        let url = policy.public_url.trim_end_matches('/');
        let (host, port) = Address::parse(url).map_or((String::new(), 0), |own| (own.host, own.port));
        let public = Public { url, rest: url.split_once("://").map_or(url, |(_, rest)| rest), host, port };
        let by_host = |target: &Target| {
            let is_name = target.host().contains(['.', ':']);
            is_name && !is_this_machine(target.host()) && target.host() != public.host
        };
        // An agent that shares its address with the gateway has nothing to hide.
        let may_show = |target: &&Target| target.host() == public.host && target.port() == public.port;
        let hidden = policy.targets.iter().filter(|target| !may_show(target));
        let hidden = hidden.map(|target| Hidden { target, by_host: by_host(target) }).collect();
        let paths = interface_urls
            .into_iter()
            .flat_map(|url| policy.targets.iter().filter_map(move |target| target.path_of(url)));
        Self { hidden, interface_paths: paths.collect(), grpc_authority: policy.grpc_authority, public }
    }

    /// What becomes of a text.
    pub(in crate::a2a) fn text(&self, text: &str, fate: Fate) -> Scrubbed {
        if self.grpc_authority == Some(text) {
            return Scrubbed::Keep;
        }
        let word = clean(text);
        if !word.contains(char::is_whitespace) && self.is_hidden(&word) && !self.is_below_public(&word) {
            return match fate {
                Fate::Remove if !self.is_interface(&word) => Scrubbed::Remove,
                _ => Scrubbed::Change(self.public.url.to_owned()),
            };
        }
        let found = self.find(text, 0);
        let changed = if found.is_empty() { None } else { Some(self.without(text, &found)) };
        // Line breaks and tabs inside an address, encodings across its parts: nothing that a person would write.
        if self.is_disguised(changed.as_deref().unwrap_or(text)) {
            return match fate {
                Fate::Remove => Scrubbed::Remove,
                Fate::Replace => Scrubbed::Change(self.public.url.to_owned()),
            };
        }
        changed.map_or(Scrubbed::Keep, Scrubbed::Change)
    }

    /// Whether a text names one of the agent's servers anywhere.
    pub(in crate::a2a) fn is_named_in(&self, text: &str) -> bool {
        !self.find(text, 0).is_empty() || self.is_disguised(text)
    }

    /// The same of bytes that are no text as a whole, such as fields of protobuf that nobody knows.
    pub(in crate::a2a) fn is_named_in_bytes(&self, bytes: &[u8]) -> bool {
        self.is_named_in(&String::from_utf8_lossy(bytes))
    }

    fn is_hidden(&self, word: &str) -> bool {
        let address = Address::parse(word);
        self.hidden.iter().any(|Hidden { target, by_host }| {
            let names_host = |address: &Address| *by_host && address.host == target.host();
            address.as_ref().is_some_and(|address| target.is_own(address) || names_host(address))
        })
    }

    fn is_interface(&self, word: &str) -> bool {
        let paths = self.hidden.iter().filter_map(|hidden| hidden.target.path_of(word));
        paths.into_iter().any(|path| self.interface_paths.contains(&path))
    }

    /// A gateway and an agent may share a host in small set-ups; what the rewriting has just written stays.
    fn is_below_public(&self, word: &str) -> bool {
        let rest = word.strip_prefix(self.public.url);
        rest.is_some_and(|rest| {
            (rest.is_empty() || rest.starts_with(['/', '?', '#'])) && self.find(rest, 0).is_empty()
        })
    }

    /// Whether an address comes to light when line breaks, tabs and encodings are taken away.
    fn is_disguised(&self, text: &str) -> bool {
        let mut plain = joined(text);
        if plain.len() != text.len() && !self.find(&plain, 0).is_empty() {
            return true;
        }
        for _ in 0..=MAX_ENCODINGS {
            let decoded = joined(&decode_percent(&plain));
            if decoded == plain {
                return false;
            }
            if !self.find(&decoded, MAX_ENCODINGS).is_empty() {
                return true;
            }
            plain = decoded;
        }
        false
    }

    fn without(&self, text: &str, found: &[Found]) -> String {
        let mut cleaned = String::with_capacity(text.len());
        let mut done = 0;
        for Found { range, is_url } in found {
            cleaned.push_str(&text[done..range.start]);
            cleaned.push_str(if *is_url { self.public.url } else { self.public.rest });
            done = range.end;
        }
        cleaned.push_str(&text[done..]);
        cleaned
    }

    /// Every place where the text names one of the agent's servers, in order.
    fn find(&self, text: &str, encodings: usize) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let mut at = 0;
        while let Some(candidate) = Candidate::next(text, at) {
            at = candidate.end;
            let done = found.last().map_or(0, |last| last.range.end);
            if candidate.start >= done
                && let Some(hit) = self.judge(text, &candidate, done, encodings)
            {
                found.push(hit);
            }
        }
        found
    }

    fn judge(&self, text: &str, candidate: &Candidate, from: usize, encodings: usize) -> Option<Found> {
        let from = from.max(text.floor_char_boundary(candidate.start.saturating_sub(MAX_USER_BYTES)));
        let before = &text[from..candidate.start];
        let scheme = Scheme::before(before);
        let numbers = if scheme.is_some() { Numbers::All } else { Numbers::Unmistakable };
        let host = canonical(&text[candidate.start..candidate.host_end], numbers);
        let port = candidate.port.or(scheme.as_ref().and_then(|scheme| scheme.port));
        // Not part of a mail address, which may well have the domain of a public agent.
        let stands_alone = scheme.is_some() || candidate.port.is_some() || !before.ends_with('@');
        if host == self.public.host && port == Some(self.public.port) {
            return None;
        }
        let is_named = self.hidden.iter().any(|Hidden { target, by_host }| {
            let same_host = host == target.host();
            let same_machine = same_host || is_this_machine(&host) && is_this_machine(target.host());
            (same_machine && port.is_some_and(|port| target.answers_at(port)))
                || (same_host && *by_host && stands_alone)
        });
        if is_named {
            let start = scheme.as_ref().map_or(candidate.start, |scheme| from + scheme.start);
            return Some(Found { range: start..candidate.end, is_url: scheme.is_some() });
        }
        let word = &text[candidate.start..candidate.end];
        let decoded = if encodings < MAX_ENCODINGS { decode_percent(word) } else { word.into() };
        if decoded != word && !self.find(&decoded, encodings + 1).is_empty() {
            return Some(Found { range: candidate.start..candidate.end, is_url: true });
        }
        None
    }
}

fn joined(text: &str) -> String {
    text.replace(['\t', '\r', '\n'], "")
}

/// A part of a text that may be host and port.
#[derive(Debug)]
struct Candidate {
    start: usize,
    host_end: usize,
    port: Option<u16>,
    /// Port included.
    end: usize,
}

impl Candidate {
    /// The next one from `at`.
    fn next(text: &str, at: usize) -> Option<Self> {
        let begins = |letter: char| is_host_letter(letter) || letter == '[';
        let mut start = at + text[at..].find(begins)?;
        let host_end = loop {
            if let Some(length) = bracketed(&text[start..]) {
                break start + length;
            }
            let rest = &text[start..];
            let length = rest.find(|letter| !is_host_letter(letter)).unwrap_or(rest.len());
            if length > 0 {
                break start + length;
            }
            // A bracket that opens no address.
            start += 1;
            start += text[start..].find(begins)?;
        };
        let after = text[host_end..].strip_prefix(':').unwrap_or_default();
        let digits = after.len() - after.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
        let port = after[..digits].parse().ok();
        if port.is_some() {
            return Some(Self { start, host_end, port, end: host_end + 1 + digits });
        }
        // The dot of a sentence is none of the host.
        let host_end = start + text[start..host_end].trim_end_matches('.').len();
        Some(Self { start, host_end, port, end: host_end.max(start + 1) })
    }
}

/// The length of an IPv6 address in brackets.
fn bracketed(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('[')?;
    let length = inner.bytes().take(MAX_ADDRESS_BYTES).position(|byte| byte == b']')?;
    is_ipv6(&inner[..length]).then_some(length + 2)
}

fn is_host_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || "-._%".contains(letter)
        || !letter.is_ascii() && letter.is_alphanumeric()
        || letter == '\u{3002}'
}

/// What stands before a host: `https://`, with user and password perhaps.
#[derive(Debug)]
struct Scheme {
    start: usize,
    port: Option<u16>,
}

impl Scheme {
    fn before(text: &str) -> Option<Self> {
        let without_user = match text.strip_suffix('@') {
            Some(user) => {
                let slashes = user.rfind(['/', '\\'])?;
                (!user[slashes..].contains(char::is_whitespace)).then(|| &user[..=slashes])?
            }
            None => text,
        };
        let bare = without_user.trim_end_matches(['/', '\\']);
        let slashes = without_user.len() - bare.len();
        let Some(named) = bare.strip_suffix(':') else {
            // A URL without scheme, not the double slash of a path.
            let is_path =
                bare.ends_with(|letter: char| !letter.is_whitespace() && !"\"'<>(=,;".contains(letter));
            return (slashes >= 2 && !is_path).then_some(Self { start: bare.len(), port: None });
        };
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
        let start = named.trim_end_matches(is_letter).len();
        let known = Known::parse(&named[start..])?;
        (slashes > 0 || known != Known::Other).then_some(Self { start, port: known.default_port() })
    }
}

#[cfg(test)]
mod tests;
