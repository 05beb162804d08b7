use super::*;
use crate::manifest::Document;

const BASE: &str = "
plans:
  - name: organizations/default/plans/gold
    apiKey: {}
  - name: organizations/default/plans/open
    keyless: {}
consumers:
  - name: organizations/default/consumers/app
subscriptions:
  - name: organizations/default/consumers/app/subscriptions/gold
    plan: organizations/default/plans/gold
";

fn checked(yaml: &str) -> Result<Manifest, Violations> {
    let manifest = Manifest::try_from(Document::parse(yaml).unwrap().manifest)?;
    manifest.check_complete().map(|()| manifest)
}

fn found(yaml: &str) -> Vec<(String, &'static str)> {
    let wrong = checked(yaml).unwrap_err();
    wrong.iter().map(|v| (v.field.to_string(), v.reason)).collect()
}

fn agent(name: &str, more: &str) -> String {
    format!("  - name: {name}\n    upstreams: [{{url: http://127.0.0.1:9}}]\n{more}")
}

#[test]
fn a_whole_manifest_stands_on_its_own() {
    let key = format!(
        "apiKeys:\n  - name: organizations/default/consumers/app/subscriptions/gold/apiKeys/k\n    keySha256: {}\n",
        "ab".repeat(32)
    );
    let agents = format!(
        "agents:\n{}",
        agent("organizations/default/agents/echo", "    plans: [organizations/default/plans/gold]\n")
    );
    let manifest = checked(&format!("{BASE}{key}{agents}")).unwrap();
    assert_eq!((manifest.plans.len(), manifest.agents.len(), manifest.api_keys.len()), (2, 1, 1));
}

#[test]
fn references_must_lead_somewhere() {
    let yaml = format!(
        "agents:\n{}subscriptions:\n  - name: organizations/default/consumers/b/subscriptions/s\n    plan: organizations/default/plans/c\n\
         apiKeys:\n  - name: organizations/default/consumers/b/subscriptions/t/apiKeys/k\n    keySha256: {}\n",
        agent("organizations/default/agents/echo", "    plans: [organizations/default/plans/a]\n"),
        "ab".repeat(32),
    );
    let found = found(&yaml);
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        ["agents[0].plans[0]", "subscriptions[0].name", "subscriptions[0].plan", "api_keys[0].name"]
    );
    assert!(found.iter().all(|(_, reason)| *reason == "REFERENCE_NOT_FOUND"));
}

#[test]
fn keyless_plans_that_share_what_is_owned_are_told() {
    let advice = |ownership: &str| {
        let more = format!(
            "    plans: [organizations/default/plans/gold, organizations/default/plans/open]\n{ownership}"
        );
        let agents = agent("organizations/default/agents/echo", &more);
        let advice = checked(&format!("{BASE}agents:\n{agents}")).unwrap().advice();
        advice.iter().map(|v| (v.field.to_string(), v.reason)).collect::<Vec<_>>()
    };
    let told = [("agents[0].task_ownership".to_owned(), "OWNERSHIP_SHARED")];
    assert_eq!(advice("    taskOwnership: TASK_OWNERSHIP_KNOWN\n"), told);
    assert_eq!(advice("    taskOwnership: TASK_OWNERSHIP_STRICT\n"), told);
    assert_eq!(advice("    taskOwnership: TASK_OWNERSHIP_OFF\n"), []);
}

#[test]
fn skills_that_only_filter_cards_are_told() {
    let plan = BASE.replace("apiKey: {}", "apiKey: {}\n    skills: [search]");
    let advice = |more: &str| {
        let more = format!(
            "    plans: [organizations/default/plans/gold, organizations/default/plans/open]\n{more}"
        );
        let agents = agent("organizations/default/agents/echo", &more);
        let advice = checked(&format!("{plan}agents:\n{agents}")).unwrap().advice();
        advice.iter().map(|v| (v.field.to_string(), v.reason)).collect::<Vec<_>>()
    };
    assert_eq!(advice(""), [("agents[0].skill_selector".to_owned(), "SKILLS_NOT_ENFORCED")]);
    assert_eq!(advice("    skillSelector: {messageMetadata: [/skill]}\n"), []);
}

#[test]
fn names_and_hashes_are_unique() {
    let twice = format!("{BASE}agents:\n{0}{0}", agent("organizations/default/agents/echo", ""));
    assert_eq!(found(&twice), [("agents[1].name".to_owned(), "DUPLICATE")]);
    let key = |id: &str| {
        format!(
            "  - name: organizations/default/consumers/app/subscriptions/gold/apiKeys/{id}\n    keySha256: {}\n",
            "ab".repeat(32)
        )
    };
    let keys = format!("{BASE}apiKeys:\n{}{}", key("a"), key("b"));
    assert_eq!(found(&keys), [("api_keys[1].key_sha256".to_owned(), "DUPLICATE")]);
}

#[test]
fn keys_bring_their_hash_and_open_a_plan_that_takes_keys() {
    let key = "apiKeys:\n  - name: organizations/default/consumers/app/subscriptions/gold/apiKeys/k\n";
    assert_eq!(found(&format!("{BASE}{key}")), [("api_keys[0].key_sha256".to_owned(), "REQUIRED")]);
    let keyless = BASE
        .replace("    plan: organizations/default/plans/gold", "    plan: organizations/default/plans/open");
    assert_eq!(found(&keyless), [("subscriptions[0].plan".to_owned(), "KEYLESS_PLAN")]);
}

#[test]
fn no_two_agents_claim_one_address() {
    let pair = |first: &str, second: &str, more: &str| {
        format!("agents:\n{}{}", agent(first, more), agent(second, more))
    };
    let (a, b) = ("organizations/default/agents/a", "organizations/default/agents/b");
    let taken = |field: &str| vec![(field.to_owned(), "ADDRESS_TAKEN")];
    assert_eq!(
        found(&pair(a, b, "    addresses: {contextPath: /x}\n")),
        taken("agents[1].addresses.context_path")
    );
    assert_eq!(
        found(&pair(a, b, "    addresses: {hosts: [h.example]}\n")),
        taken("agents[1].addresses.hosts[0]")
    );
    assert_eq!(found(&pair(a, "organizations/a/agents/b", "")), taken("agents[1].name"));
    checked(&pair("organizations/a/agents/a", "organizations/a/agents/b", "")).unwrap();
    checked(&pair("organizations/a/agents/a", "organizations/b/agents/a", "")).unwrap();
}
