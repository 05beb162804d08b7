//! A stage of a request has one name: its module, its entry in logs, its heading in `docs/request.md`.

#[cfg(test)]
mod tests;

use super::Violation;

const RULE: &str = "stage-headings";
const PAGE: &str = "docs/request.md";
const STAGES: &str = "data-plane/src/pipeline/";
/// Modules of the pipeline that are no stage: what its stages share.
const NOT_STAGES: [&str; 3] = ["mod", "tests", "context"];

/// Checks that every stage of the pipeline has its heading; `files` are all paths of the repository.
pub(super) fn check(files: &[String], page: &str) -> Vec<Violation> {
    let headings: Vec<_> = page.lines().filter(|line| line.starts_with('#')).collect();
    let stages = files.iter().filter_map(|path| Some((path, stage_of(path)?)));
    stages
        .filter(|(_, stage)| !headings.iter().any(|heading| names(heading, stage)))
        .map(|(path, stage)| {
            Violation::new(path, 1, RULE, format!("no heading in {PAGE} names the stage `{stage}`"))
        })
        .collect()
}

/// The stage that a file of the pipeline is, if it is one.
fn stage_of(path: &str) -> Option<&str> {
    let stage = path.strip_prefix(STAGES)?.strip_suffix(".rs")?;
    (!stage.contains('/') && !NOT_STAGES.contains(&stage)).then_some(stage)
}

fn names(heading: &str, stage: &str) -> bool {
    heading.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == stage)
}
