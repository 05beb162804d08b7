use super::check;

#[test]
fn a_stage_without_a_heading_is_found() {
    let files = [
        "data-plane/src/pipeline/mod.rs",
        "data-plane/src/pipeline/send.rs",
        "data-plane/src/pipeline/send/tests.rs",
        "data-plane/src/pipeline/classify.rs",
        "data-plane/src/route.rs",
    ]
    .map(str::to_owned);
    let page = "# A request\n\n## 4. `send`: to the agent\n\nThe text says classify.\n";
    let found: Vec<_> = check(&files, page).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        ["data-plane/src/pipeline/classify.rs:1: no heading in docs/request.md names the stage `classify` \
          [stage-headings]"]
    );
}
