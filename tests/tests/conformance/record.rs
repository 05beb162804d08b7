//! What a statement's test found: written for `cargo xtask conformance`, and compared with the published page.

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
};

use serde_json::{Value, json};
use system_tests::harness::places;

use crate::profile::{self, Level, PROFILE, Standing, Statement};

/// Set by `cargo xtask conformance`, which is about to write the page.
const UPDATE: &str = "CONFORMANCE_UPDATE";
const PAGE: &str = "docs/conformance.md";

/// What a test has found so far.
#[derive(Default)]
pub(crate) struct Evidence {
    parts: Vec<String>,
    intended: BTreeSet<&'static str>,
}

impl Evidence {
    /// Adds a finding; it must read the same in every run.
    pub(crate) fn add(&mut self, part: impl Into<String>) {
        self.parts.push(part.into());
    }

    /// Notes intended differences that were met.
    pub(crate) fn met(&mut self, intended: impl IntoIterator<Item = &'static str>) {
        self.intended.extend(intended);
    }
}

/// Runs the test of a statement and records its result.
#[track_caller]
pub(crate) fn statement(id: &str, test: impl FnOnce(&mut Evidence)) {
    let statement = profile::statement(id);
    assert_eq!(statement.standing, Standing::Tested, "{id}");
    let mut evidence = Evidence::default();
    let done = catch_unwind(AssertUnwindSafe(|| test(&mut evidence)));
    let (result, text) = match &done {
        Ok(()) => ("pass", evidence.parts.join("; ")),
        Err(_) => ("fail", "see the output of the test".to_owned()),
    };
    let intended: Vec<_> = evidence.intended.into_iter().collect();
    write(&id.to_lowercase(), &entry(statement, result, &text, &intended));
    if let Err(panic) = done {
        resume_unwind(panic);
    }
    assert!(!text.is_empty(), "{id} passed without evidence");
    assert!(!text.contains('|') && !text.contains('\n'), "evidence is a cell of a table: {text}");
    if compares() {
        let row = published(id).unwrap_or_else(|| panic!("{PAGE} lacks {id}: run `cargo xtask conformance`"));
        let expected = [id, level(statement), statement.text, "pass", &text];
        assert_eq!(row, expected, "{PAGE} is out of date: run `cargo xtask conformance`");
    }
}

/// Records all statements in order, those without a test with their standing.
pub(crate) fn profile() {
    let entries = PROFILE.iter().map(|statement| match statement.standing {
        Standing::Tested => entry(statement, "no result", "", &[]),
        Standing::Later(reason) => entry(statement, "later", reason, &[]),
        Standing::NotRun(reason) => entry(statement, "not run", reason, &[]),
    });
    write("profile", &Value::Array(entries.collect()));
    let intended = crate::intended::INTENDED.iter();
    let intended =
        intended.map(|entry| json!({"name": entry.name, "what": entry.what, "reason": entry.reason}));
    write("intended", &Value::Array(intended.collect()));
}

/// Whether the published page is to be compared.
pub(crate) fn compares() -> bool {
    std::env::var_os(UPDATE).is_none()
}

/// The names of the statements on the published page, in order.
pub(crate) fn published_ids() -> Vec<String> {
    rows().into_iter().map(|row| row[0].clone()).collect()
}

fn published(id: &str) -> Option<Vec<String>> {
    rows().into_iter().find(|row| row[0] == id)
}

/// The rows of the page that are about statements.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(places::repository().join(PAGE)).unwrap_or_default();
    let cells = |line: &str| -> Option<Vec<String>> {
        let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let cells: Vec<_> = inner.split(" | ").map(|cell| cell.trim().to_owned()).collect();
        PROFILE.iter().any(|statement| statement.id == cells[0]).then_some(cells)
    };
    page.lines().filter_map(cells).collect()
}

fn level(statement: &Statement) -> &'static str {
    match statement.level {
        Level::Must => "M",
        Level::Should => "S",
    }
}

fn entry(statement: &Statement, result: &str, evidence: &str, intended: &[&str]) -> Value {
    json!({
        "id": statement.id,
        "group": statement.group,
        "level": level(statement),
        "statement": statement.text,
        "result": result,
        "evidence": evidence,
        "intended": intended,
    })
}

fn write(name: &str, value: &Value) {
    let folder = folder();
    fs::create_dir_all(&folder).expect("the target folder can be written");
    fs::write(folder.join(format!("{name}.json")), format!("{value}\n"))
        .expect("the target folder can be written");
}

fn folder() -> PathBuf {
    let profile = places::profile();
    profile.parent().expect("a profile lies in the target directory").join("conformance")
}
