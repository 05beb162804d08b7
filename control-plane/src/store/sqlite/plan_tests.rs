//! Every statement finds what it needs by an index, so that work is proportional to the change and not to the state.

use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;

use super::SqliteStore;

const SOURCES: &[&str] =
    &[include_str!("open.rs"), include_str!("read.rs"), include_str!("tokens.rs"), include_str!("write.rs")];

/// Tables that are read whole on purpose: they have one or two rows, or all are wanted.
const WHOLE: &[&str] = &["SCAN identity", "SCAN lane", "SCAN data_plane"];

/// String literals that are statements which look for rows.
fn statements() -> Vec<String> {
    let mut found = Vec::new();
    for source in SOURCES {
        for literal in source.split('"').skip(1).step_by(2) {
            if ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| literal.starts_with(verb)) {
                let lines: Vec<&str> =
                    literal.lines().map(|line| line.trim().trim_end_matches('\\')).collect();
                found.push(lines.concat());
            }
        }
    }
    found
}

#[tokio::test]
async fn every_statement_uses_an_index() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(&directory.path().join("store.db")).await.unwrap();
    let statements = statements();
    assert!(statements.len() > 20, "only {} statements were found", statements.len());
    for statement in statements {
        let explained = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
            .fetch_all(&store.writer)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
        for row in explained {
            let step: String = row.get("detail");
            let whole = WHOLE.contains(&step.as_str()) || step.starts_with("SCAN json_each");
            assert!(whole || !step.starts_with("SCAN"), "{statement}: {step}");
        }
    }
}
