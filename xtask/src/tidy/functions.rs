//! Functions fit on a screen.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{
    Violation,
    source::{Source, is_identifier, item_end},
};

const RULE: &str = "function-length";
const LINES_MAX: usize = 70;

/// Checks the length of every function, from its `fn` to its closing brace.
pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    sources.iter().flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Violation> {
    functions(source)
        .into_iter()
        .filter_map(|(name, range)| {
            let lines = source.line(range.end.saturating_sub(1)) - source.line(range.start) + 1;
            (lines > LINES_MAX).then(|| {
                let message = format!("function `{name}` has {lines} lines, at most {LINES_MAX}");
                Violation::new(&source.path, source.line(range.start), RULE, message)
            })
        })
        .collect()
}

/// Name and extent of every function with a body, or without one.
fn functions(source: &Source) -> Vec<(&str, Range<usize>)> {
    let mut words = source.words().peekable();
    let mut found = Vec::new();
    while let Some((start, word)) = words.next() {
        if word != "fn" {
            continue;
        }
        // `fn(u8) -> u8` is a type: no name follows the keyword.
        let named =
            source.code[start + 2..].trim_start().starts_with(|c| is_identifier(c) && !c.is_numeric());
        if let Some((_, name)) = words.peek().filter(|_| named) {
            found.push((*name, start..item_end(&source.code, start)));
        }
    }
    found
}
