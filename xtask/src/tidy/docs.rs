//! A stage of a request has one name: its module, its entry in logs, its heading in `docs/request.md`.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::Violation;

const RULE: &str = "stage-headings";
const PAGE: &str = "docs/request.md";
const SOURCE_ROOT: &str = "data-plane/src/";
/// Modules through which a request passes.
const STAGES: [&str; 9] =
    ["net", "pipeline", "route", "auth", "limit", "a2a", "upstream", "stream", "telemetry"];

/// Checks that every stage has its heading and every heading its module; `files` are all paths of the repository.
pub(super) fn check(files: &[String], page: &str) -> Vec<Violation> {
    let modules: BTreeSet<_> = files.iter().filter_map(|path| module_of(path)).collect();
    let headings: Vec<_> =
        page.lines().enumerate().filter_map(|(at, line)| Some((at + 1, heading(line)?))).collect();
    let missing = STAGES
        .into_iter()
        .filter(|stage| modules.contains(stage) && !headings.iter().any(|(_, heading)| heading == stage))
        .map(|stage| Violation::new(PAGE, 1, RULE, format!("no heading for the stage `{stage}`")));
    let unknown = headings.iter().filter(|(_, heading)| !modules.contains(heading)).map(|(line, heading)| {
        Violation::new(PAGE, *line, RULE, format!("`{heading}` is no module of {SOURCE_ROOT}"))
    });
    missing.chain(unknown).collect()
}

/// The module at the top of the data plane that a file belongs to.
fn module_of(path: &str) -> Option<&str> {
    let module = path.strip_prefix(SOURCE_ROOT)?.split('/').next()?;
    Some(module.strip_suffix(".rs").unwrap_or(module))
}

fn heading(line: &str) -> Option<&str> {
    Some(line.strip_prefix("## ")?.trim().trim_matches('`'))
}
