//! The results as a table for people, and as the published page.

use std::fmt::Write as _;

use super::{Entry, Intended};

#[cfg(test)]
mod tests;

const INTRODUCTION: &str = "# Conformance

Made by `cargo xtask conformance`; every test of the profile checks that its row is current.

The profile \"A2A gateway 1.0\" says what an intermediary owes to callers and agents, one statement a row: **M** must hold,
**S** should. Each is a test under `tests/tests/conformance`, named after it. The tests start a data plane in front of
agents of the official SDKs (Python 1.x and 0.3, JavaScript 1.x and 0.3, and both in their hybrid form), which they call
over JSON-RPC, HTTP+JSON and gRPC, directly and through the gateway, each at the address that the card names; and in
front of scripted agents, for what no SDK would do.

*later* stands for what is not built yet, *not run* for what this installation cannot tell.
";

const INTENDED: &str = "
## Differences that are meant to be

Answers through the gateway are compared with the agent's own: status, headers, media type, JSON, events, messages,
trailers. Generated ids and points in time count as equal. Whatever else differs fails the test, except:

| what | why | met by |
|---|---|---|
";

/// Prints one line a statement.
pub(super) fn print(entries: &[Entry]) {
    println!();
    for entry in entries {
        println!("{:<4} {} {:<8} {}", entry.id, entry.level, entry.result, entry.statement);
        if !entry.evidence.is_empty() {
            println!("                {}", entry.evidence);
        }
    }
    let with = |result: &str| entries.iter().filter(|entry| entry.result == result).count();
    let words = ["pass", "fail", "later", "not run", "no result"];
    let counts: Vec<_> =
        words.iter().filter(|word| with(word) > 0).map(|word| format!("{} {word}", with(word))).collect();
    println!("\n{} statements: {}", entries.len(), counts.join(", "));
}

/// The page.
pub(super) fn markdown(entries: &[Entry], intended: &[Intended]) -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut group = "";
    for entry in entries {
        if entry.group != group {
            group = &entry.group;
            let _ = write!(
                page,
                "\n## {group}\n\n| | level | statement | result | evidence |\n|---|---|---|---|---|\n"
            );
        }
        let Entry { id, level, statement, result, evidence, .. } = entry;
        let _ = writeln!(page, "| {id} | {level} | {statement} | {result} | {evidence} |");
    }
    page.push_str(INTENDED);
    for Intended { name, what, reason } in intended {
        let met = entries.iter().filter(|entry| entry.intended.contains(name)).map(|entry| entry.id.as_str());
        let _ = writeln!(page, "| {what} | {reason} | {} |", met.collect::<Vec<_>>().join(", "));
    }
    page
}
