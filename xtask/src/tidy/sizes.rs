//! Files stay short: a reader takes one in at a sitting.

#[cfg(test)]
mod tests;

use super::{Violation, source::Source};

const RULE: &str = "file-length";
/// Half of all files have at most this many lines.
const LINES_MEDIAN_MAX: usize = 150;
const LINES_MAX: usize = 600;
const TEST_LINES_MAX: usize = 900;

/// Checks the length of each file and the median of all.
pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    let mut violations: Vec<_> = sources.iter().filter_map(too_long).collect();
    violations.extend(median_too_long(sources));
    violations
}

fn too_long(source: &Source) -> Option<Violation> {
    let limit = if source.is_test_file() { TEST_LINES_MAX } else { LINES_MAX };
    let lines = source.lines();
    (lines > limit)
        .then(|| Violation::new(&source.path, lines, RULE, format!("{lines} lines, at most {limit}")))
}

fn median_too_long(sources: &[Source]) -> Option<Violation> {
    let mut lengths: Vec<_> = sources.iter().map(Source::lines).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or_default();
    (median > LINES_MEDIAN_MAX).then(|| {
        let message = format!("the median file has {median} lines, at most {LINES_MEDIAN_MAX}");
        Violation::new("Cargo.toml", 1, RULE, message)
    })
}
