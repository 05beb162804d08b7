//! No `unsafe` anywhere; no `unwrap` or `expect` outside tests without a stated invariant.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{
    Violation,
    source::{Source, item_end},
};

const CALLS: [&str; 2] = ["unwrap", "expect"];
const LINTS: [&str; 2] = ["clippy::unwrap_used", "clippy::expect_used"];

/// Checks every file for `unsafe` and for calls that panic.
pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    sources.iter().flat_map(|source| unsafe_code(source).into_iter().chain(panicking_calls(source))).collect()
}

fn unsafe_code(source: &Source) -> Vec<Violation> {
    let places = source.words().filter(|(_, word)| *word == "unsafe");
    places
        .map(|(offset, _)| {
            Violation::new(&source.path, source.line(offset), "no-unsafe", "`unsafe` is not used here")
        })
        .collect()
}

fn panicking_calls(source: &Source) -> Vec<Violation> {
    let stated = stated_invariants(&source.code);
    source
        .words()
        .filter(|(offset, word)| CALLS.contains(word) && is_method_call(&source.code, *offset, word))
        .filter(|(offset, _)| !source.in_test(*offset) && !stated.iter().any(|range| range.contains(offset)))
        .map(|(offset, word)| {
            let message = format!(
                "`{word}` without `#[expect(clippy::{word}_used, reason = …)]` on the smallest item: return an error, \
                 or state the invariant"
            );
            Violation::new(&source.path, source.line(offset), "no-panic", message)
        })
        .collect()
}

fn is_method_call(code: &str, offset: usize, word: &str) -> bool {
    code[..offset].trim_end().ends_with('.') && code[offset + word.len()..].trim_start().starts_with('(')
}

/// The items under an outer attribute that admits a panicking call.
fn stated_invariants(code: &str) -> Vec<Range<usize>> {
    let attributes = ["#[expect(", "#[allow("].into_iter().flat_map(|open| code.match_indices(open));
    attributes
        .filter(|(start, _)| {
            let end = code[*start..].find(']').map_or(code.len(), |length| start + length);
            LINTS.iter().any(|lint| code[*start..end].contains(lint))
        })
        .map(|(start, _)| start..item_end(code, start))
        .collect()
}
