use super::{Source, check};

fn found(path: &str, text: &str) -> Vec<String> {
    check(&[Source::new(path, text)]).iter().map(ToString::to_string).collect()
}

#[test]
fn leaves_may_use_the_basics_and_themselves() {
    let text =
        "use crate::error::EdgeError;\nuse crate::{clock, http::Body, route::Table};\nuse super::host;";
    assert!(found("data-plane/src/route/path.rs", text).is_empty());
}

#[test]
fn a_leaf_that_names_another_is_found() {
    let text = "use crate::error::EdgeError;\nuse crate::limit::Table;\n";
    assert_eq!(
        found("data-plane/src/auth.rs", text),
        [
            "data-plane/src/auth.rs:2: `auth` names `limit`: leaf modules receive what they need from the pipeline \
          [leaf-modules]"
        ]
    );
}

#[test]
fn groups_nested_groups_and_paths_in_code_are_read() {
    assert_eq!(found("data-plane/src/a2a/card.rs", "use crate::{error::{A, B}, stream::Relay};").len(), 1);
    assert_eq!(found("data-plane/src/a2a/card.rs", "fn f() { crate::pipeline::run() }").len(), 1);
    assert_eq!(found("data-plane/src/a2a/card.rs", "use crate::{error::{upstream, B}, http};").len(), 0);
}

#[test]
fn the_root_reached_through_super_is_the_root() {
    assert_eq!(found("data-plane/src/limit.rs", "use super::auth::Principal;").len(), 1);
    assert_eq!(found("data-plane/src/limit/key.rs", "use super::super::auth::Principal;").len(), 1);
    assert_eq!(found("data-plane/src/limit/key.rs", "use super::auth::Principal;").len(), 0);
}

#[test]
fn the_pipeline_names_them_all() {
    assert!(found("data-plane/src/pipeline/send.rs", "use crate::{auth, limit, upstream};").is_empty());
    assert!(found("control-plane/src/auth.rs", "use crate::limit;").is_empty());
}
