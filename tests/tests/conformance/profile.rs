//! The statements.

use std::process::Command;

use crate::record;

/// Whether a statement must hold or should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Must,
    Should,
}

/// Whether a test answers for a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A test named after it.
    Tested,
    /// Not built yet, and why.
    Later(&'static str),
    /// Built or not, nothing here can tell, and why.
    NotRun(&'static str),
}

use Level::{Must, Should};
use Standing::{Later, NotRun, Tested};

/// One statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    /// Its name, by which tests and people know it.
    pub(crate) id: &'static str,
    pub(crate) group: &'static str,
    pub(crate) level: Level,
    pub(crate) text: &'static str,
    pub(crate) standing: Standing,
}

const fn tested(id: &'static str, group: &'static str, level: Level, text: &'static str) -> Statement {
    Statement { id, group, level, text, standing: Tested }
}

const fn untested(
    id: &'static str,
    group: &'static str,
    text: &'static str,
    standing: Standing,
) -> Statement {
    Statement { id, group, level: Must, text, standing }
}

const CARDS: &str = "Cards";
const VERSIONS: &str = "Versions";
const FORWARDING: &str = "Forwarding";
const STREAMS: &str = "Streams";
const ERRORS: &str = "Errors";
const SECURITY: &str = "Security";
const BRIDGE: &str = "Bridging";
const OBSERVABILITY: &str = "Observability";
const TCK: &str = "A2A TCK";

const NO_BRIDGE: Standing = Later("no bridge between versions or bindings is offered yet");
const NO_TCK: Standing =
    NotRun("the TCK is in none of the package indexes from which the tests are installed");

/// All statements, in the order of the published table.
pub(crate) const PROFILE: &[Statement] = &[
    tested("C1", CARDS, Must, "Both well-known paths serve the card; an agent without a card is a 404."),
    tested(
        "C2",
        CARDS,
        Must,
        "No address of the agent's own is left anywhere in a card: `url`, `additionalInterfaces`, `supportedInterfaces`, public and extended, every binding, hybrid cards.",
    ),
    tested("C3", CARDS, Must, "Every interface that a card names is reachable and routed by the gateway."),
    tested("C4", CARDS, Must, "Everything else in a card survives: unknown fields, numbers, text."),
    tested(
        "C5",
        CARDS,
        Must,
        "No signature is left that does not verify: signatures of a rewritten card are removed.",
    ),
    untested(
        "C5R",
        CARDS,
        "Re-signed cards verify with the Python and JavaScript verifiers and a strict JCS.",
        Later("cards are not re-signed yet"),
    ),
    untested(
        "C6",
        CARDS,
        "A card whose signature cannot be verified is refused where the policy requires one.",
        Later("there is no policy that requires signatures yet"),
    ),
    tested(
        "C7",
        CARDS,
        Must,
        "The ETag changes with the served bytes, conditional requests get 304, `Vary` names `A2A-Version`, extended cards are private.",
    ),
    tested("C8", CARDS, Must, "The card states the gateway's own security, in the card's own dialect."),
    tested(
        "C9",
        CARDS,
        Should,
        "Interfaces that are not proxied are removed; a capability that policy switches off is off, and its methods are refused with the right error.",
    ),
    tested(
        "C10",
        CARDS,
        Must,
        "Compressed, oversized, non-JSON and failing cards are understood, not passed on.",
    ),
    tested(
        "V1",
        VERSIONS,
        Must,
        "`A2A-Version`, `A2A-Extensions`, `X-A2A-Extensions` and their gRPC metadata pass byte for byte both ways.",
    ),
    tested("V2", VERSIONS, Must, "An absent version header stays absent, which means 0.3."),
    tested(
        "V3",
        VERSIONS,
        Should,
        "A version that the agent does not speak is answered -32009 (JSON-RPC), 400 (HTTP+JSON) or 9 (gRPC), with the versions on offer.",
    ),
    tested("V4", VERSIONS, Should, "`1.0.1` is treated as `1.0`."),
    tested("V5", VERSIONS, Should, "A version in the query is honoured."),
    tested("V6", VERSIONS, Must, "Clients of 1.0 and 0.3 work side by side on one address."),
    tested(
        "F1",
        FORWARDING,
        Must,
        "All operations work over all bindings, subscribing by GET and by POST, as they do without the gateway.",
    ),
    tested(
        "F2",
        FORWARDING,
        Must,
        "Bodies pass byte for byte: unknown fields, ids, Unicode, 64-bit numbers.",
    ),
    tested(
        "F3",
        FORWARDING,
        Must,
        "`application/a2a+json` and `application/json` are accepted; HTTP+JSON paths with `:`, escapes and a tenant pass as they are.",
    ),
    tested(
        "F4",
        FORWARDING,
        Must,
        "Unknown methods pass unless a plan lists operations; unknown paths and custom bindings do not.",
    ),
    tested("F5", FORWARDING, Must, "Batches, duplicate keys, invalid UTF-8 and trailing data are refused."),
    tested(
        "F6",
        FORWARDING,
        Must,
        "Hop-by-hop headers stop, trace context passes, forwarded addresses are the gateway's, claims of identity are stripped.",
    ),
    tested("F7", FORWARDING, Must, "A blocking SendMessage may take ten minutes and longer."),
    tested("S1", STREAMS, Must, "Each event is passed on before the agent sends the next."),
    tested("S2", STREAMS, Must, "Order, number and bytes of the events are the agent's."),
    tested(
        "S3",
        STREAMS,
        Must,
        "Heartbeats come only between events, never before the agent's head, and can be turned off.",
    ),
    tested(
        "S4",
        STREAMS,
        Must,
        "A caller who leaves closes the agent's stream within a second; an agent that breaks off gives the caller the in-stream error.",
    ),
    tested("S5", STREAMS, Must, "An error instead of a stream passes with its status."),
    tested("S6", STREAMS, Must, "A thousand idle streams stay open; events of 10 MiB pass."),
    tested("S7", STREAMS, Must, "Two subscribers of one task get equal sequences."),
    tested(
        "E1",
        ERRORS,
        Must,
        "The gateway's own errors have the code, status and shape of the caller's binding and version, and clients understand them.",
    ),
    tested(
        "E2",
        ERRORS,
        Must,
        "The agent's errors pass unchanged: code, data, status, `Retry-After`, `WWW-Authenticate`.",
    ),
    tested("E3", ERRORS, Must, "gRPC status details and trailers pass intact."),
    tested("E4", ERRORS, Must, "Errors echo the request's id; it is null only if it could not be read."),
    tested(
        "A1",
        SECURITY,
        Must,
        "Where a credential is asked for, every path but the public card asks for it.",
    ),
    tested(
        "A2",
        SECURITY,
        Must,
        "A plan's operation list has the same effect in all bindings and spellings.",
    ),
    tested(
        "A3",
        SECURITY,
        Must,
        "Where an agent asks for it, a task or context of another consumer is answered as unknown, and lists are of the caller's own contexts.",
    ),
    tested(
        "A4",
        SECURITY,
        Must,
        "A webhook URL that the push policy forbids is refused, in every spelling and place; redirects are not followed.",
    ),
    tested(
        "A5",
        SECURITY,
        Must,
        "Credentials are never logged; a credential for the agent never reaches a caller, nor a caller's the agent.",
    ),
    tested("A6", SECURITY, Must, "Size, depth, time and rate are limited."),
    untested("B1", BRIDGE, "Every field is translated both ways.", NO_BRIDGE),
    untested("B2", BRIDGE, "What is lost is documented.", NO_BRIDGE),
    untested("B3", BRIDGE, "Version and extension headers are those of the bridged side.", NO_BRIDGE),
    untested("B4", BRIDGE, "Streams are translated, `final` included.", NO_BRIDGE),
    untested("B5", BRIDGE, "The card shows the bridged interface.", NO_BRIDGE),
    tested(
        "O1",
        OBSERVABILITY,
        Must,
        "Operations are reported under one name for all bindings, with task, context, state and error code from answers and streams.",
    ),
    untested("T1", TCK, "TCK 1.0: no outcome differs between direct and through the gateway.", NO_TCK),
    untested("T2", TCK, "TCK 0.3: likewise.", NO_TCK),
    untested("T3", TCK, "The gateway has seen every request of the TCK.", NO_TCK),
];

/// A statement by its name.
pub(crate) fn statement(id: &str) -> &'static Statement {
    PROFILE.iter().find(|statement| statement.id == id).unwrap_or_else(|| panic!("no statement {id}"))
}

#[test]
fn the_profile_is_published() {
    record::profile();
    let ids = record::published_ids();
    let expected: Vec<_> = PROFILE.iter().map(|statement| statement.id.to_owned()).collect();
    if record::compares() {
        assert_eq!(ids, expected, "run `cargo xtask conformance`");
    }
}

#[test]
fn every_statement_has_a_test_of_its_name() {
    let own = std::env::current_exe().expect("the running test has a path");
    let listed =
        Command::new(own).args(["--list", "--format", "terse"]).output().expect("tests can be listed");
    let listed = String::from_utf8(listed.stdout).expect("names are text");
    for statement in PROFILE {
        let mark = format!("::{}_", statement.id.to_lowercase());
        let count = listed.lines().filter(|line| line.contains(&mark)).count();
        assert_eq!(count, usize::from(statement.standing == Tested), "tests of {}", statement.id);
    }
}
