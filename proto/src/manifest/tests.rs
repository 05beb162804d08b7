use proptest::prelude::*;

use super::*;
use crate::model::manifest::Manifest;

const GOOD: &str = r#"
# One agent behind one plan.
plans:
  - name: organizations/default/plans/gold
    apiKey: {}
    rateLimits:
      - name: per-minute
        requests: 60
        period: 60s
agents:
  - name: organizations/default/agents/echo
    display_name: Echo
    version: 1.10
    labels: { "team.a": "blue" }
    upstreams:
      - url: http://127.0.0.1:9000
    plans: [organizations/default/plans/gold]
    heartbeatInterval: 1.5s
"#;

/// The message and the excerpt of the only problem of `text`.
fn problem(text: &str) -> Problem {
    let mut problems = match Document::parse(text) {
        Err(problems) => problems.0,
        Ok(document) => document.problems(&Manifest::try_from(document.manifest.clone()).unwrap_err()).0,
    };
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

fn check(text: &str, expected: &str) {
    let problem = problem(text);
    let actual = format!("{problem}\n{}", problem.excerpt);
    assert_eq!(actual.trim_end(), expected.trim_matches('\n').trim_end());
}

#[test]
fn yaml_and_json_mean_the_same() {
    let yaml = Document::parse(GOOD).unwrap().manifest;
    assert_eq!(yaml.agents[0].version, "1.10");
    assert_eq!(yaml.agents[0].heartbeat_interval.map(|d| (d.seconds, d.nanos)), Some((1, 500_000_000)));
    let json = serde_json::to_string_pretty(&yaml).unwrap();
    assert_eq!(Document::parse(json).unwrap().manifest, yaml);
    Manifest::try_from(yaml).unwrap();
}

#[test]
fn unknown_fields_are_refused_where_they_stand() {
    let problem = problem("agents:\n  - name: organizations/default/agents/echo\n    timeuot: 5s\n");
    assert_eq!(problem.position, Some(Position { line: 3, column: 5 }));
    assert!(problem.message.contains("unknown field `timeuot`"), "{}", problem.message);
    assert!(problem.excerpt.ends_with("3 |     timeuot: 5s\n  |     ^"), "{}", problem.excerpt);
    let json = self::problem("{\"agents\": [\n  {\"timeuot\": \"5s\"}\n]}");
    assert_eq!(json.position.map(|at| at.line), Some(2));
    assert!(json.message.contains("unknown field `timeuot`"), "{}", json.message);
}

#[test]
fn duplicate_keys_are_refused_in_every_spelling_and_place() {
    for text in [
        "agents: []\nagents: []\n",
        "agents:\n  - displayName: a\n    display_name: b\n",
        "agents:\n  - labels: {a: x, a: y}\n",
        "{\"agents\": [], \"agents\": []}",
        "{\"agents\": [{\"displayName\": \"a\", \"display_name\": \"b\"}]}",
        "{\"agents\": [{\"labels\": {\"a\": \"x\", \"\\u0061\": \"y\"}}]}",
        "plans:\n  - keyless: {}\n    apiKey: {}\n",
    ] {
        let problem = problem(text);
        assert!(problem.message.contains("duplicate"), "{text}: {problem}");
        assert!(problem.position.is_some(), "{text}");
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    for text in [
        "",
        "# nothing\n",
        "---\n",
        "just text",
        "- a\n- b\n",
        "agents: 5\n",
        "agents: [\n",
        "{",
        "{}x",
        "agents: []\n---\nplans: []\n",
        "agents:\n\t- a\n",
        "agents: !!set {}\n",
        "agents: []\u{0}\n",
    ] {
        Document::parse(text).expect_err(text);
    }
}

#[test]
fn an_alias_bomb_is_defused() {
    let mut text = String::from("x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n");
    for level in 1..12 {
        let items = vec![format!("*x{}", level - 1); 10].join(", ");
        text.push_str(&format!("x{level}: &x{level} [{items}]\n"));
    }
    Document::parse(text).unwrap_err();
    let deep = format!("agents: {}{}", "[".repeat(50_000), "]".repeat(50_000));
    Document::parse(deep).unwrap_err();
    let deep = format!("{{\"agents\": {}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    Document::parse(deep).unwrap_err();
}

#[test]
fn violations_are_shown_where_the_field_is_written() {
    check(
        &GOOD.replace("http://127.0.0.1:9000", "ftp://127.0.0.1"),
        "
line 16, column 14: agents[0].upstreams[0].url: must begin with https:// or http://
   |
15 |     upstreams:
16 |       - url: ftp://127.0.0.1
   |              ^",
    );
    let labels = problem(&GOOD.replace("blue", &"b".repeat(300)));
    assert_eq!(labels.field, "agents[0].labels[\"team.a\"]");
    assert_eq!(labels.position, Some(Position { line: 14, column: 25 }));
    assert!(labels.excerpt.ends_with(&format!("\n   | {}^", " ".repeat(24))), "{}", labels.excerpt);
}

#[test]
fn a_missing_field_is_shown_at_its_nearest_parent() {
    let problem = problem(&GOOD.replace("    apiKey: {}\n", ""));
    assert_eq!(problem.field, "plans[0].security");
    assert_eq!(problem.position, Some(Position { line: 4, column: 5 }));
}

proptest! {
    #[test]
    fn any_text_can_be_read(text in "\\PC{0,60}|agents:\n  - [a-z:{}\\[\\]\n -]{0,40}|\\{[\"a-z:,{}\\[\\]]{0,40}") {
        if let Ok(document) = Document::parse(text) {
            let _ = document.position(&FieldPath::root().field("agents").index(0));
        }
    }

    #[test]
    fn excerpts_show_any_place_of_any_text(text in "(\\PC|\n|\t){0,200}", line in 0_usize..10, column in 0_usize..300) {
        let shown = excerpt::excerpt(&text, Position { line, column });
        prop_assert!(shown.lines().all(|line| line.chars().count() <= 120));
    }
}
