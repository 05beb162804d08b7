use super::check;

fn found(files: &[&str], page: &str) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|path| (*path).to_owned()).collect();
    check(&files, page).iter().map(ToString::to_string).collect()
}

#[test]
fn every_stage_has_its_heading() {
    let files = ["data-plane/src/route/table.rs", "data-plane/src/limit.rs", "data-plane/src/settings.rs"];
    let page = "# Life of a request\n\n## `route`\n\nThe text says limit.\n";
    assert_eq!(found(&files, page), ["docs/request.md:1: no heading for the stage `limit` [stage-headings]"]);
    assert!(found(&files, &format!("{page}\n## limit\n")).is_empty());
}

#[test]
fn every_heading_is_a_module() {
    let page = "## route\n\n### any text\n\n## routing\n";
    assert_eq!(
        found(&["data-plane/src/route.rs"], page),
        ["docs/request.md:5: `routing` is no module of data-plane/src/ [stage-headings]"]
    );
}
