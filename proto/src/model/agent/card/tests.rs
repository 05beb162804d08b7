use super::*;
use crate::manifest::Document;
use crate::model::agent::Agent;
use crate::model::violation::Violations;

/// An agent with this card policy, in YAML's flow form.
fn read(card: &str) -> Result<CardPolicy, Violations> {
    let yaml = format!(
        "agents:\n  - name: organizations/default/agents/echo\n    upstreams: [{{url: 'http://127.0.0.1:9'}}]\n    \
         card: {card}\n"
    );
    let document = Document::parse(yaml).unwrap();
    Agent::try_from(document.manifest.agents[0].clone()).map(|agent| agent.card)
}

fn found(card: &str) -> Vec<(String, &'static str)> {
    read(card).unwrap_err().iter().map(|v| (v.field.to_string(), v.reason)).collect()
}

#[test]
fn a_static_card_is_kept_as_one_text() {
    let card = read("{staticCard: {version: '1', name: Echo, n: 2, f: 0.5, x: [true, null, {b: 1, a: ''}]}}");
    let text = r#"{"f":0.5,"n":2,"name":"Echo","version":"1","x":[true,null,{"a":"","b":1}]}"#;
    assert_eq!(card.unwrap().static_card.as_deref(), Some(text));
    assert_eq!(read("{}").unwrap().static_card, None);
}

#[test]
fn a_static_card_has_a_name_and_texts_where_texts_belong() {
    assert_eq!(
        found("{staticCard: {version: 1.0}}"),
        [
            ("card.static_card[\"name\"]".to_owned(), "REQUIRED"),
            ("card.static_card[\"version\"]".to_owned(), "INVALID_CARD"),
        ]
    );
    let deep = format!("{{staticCard: {{name: a, x: {}{}}}}}", "[".repeat(40), "]".repeat(40));
    assert_eq!(found(&deep), [("card.static_card".to_owned(), "INVALID_CARD")]);
    let long = format!("{{staticCard: {{name: {}}}}}", "x".repeat(300 << 10));
    assert_eq!(found(&long), [("card.static_card".to_owned(), "TOO_LONG")]);
}

#[test]
fn the_deepest_card_can_be_sent() {
    use prost::Message as _;
    let levels = MAX_DEPTH - 1;
    let card = format!("{{\"name\":\"a\",\"x\":{}0{}}}", "{\"x\":".repeat(levels), "}".repeat(levels));
    let static_card: Struct = serde_json::from_str(&card).unwrap();
    let mut wrong = Violations::new();
    let text = static_card_text(&static_card, &FieldPath::root(), &mut wrong);
    assert!(wrong.is_empty() && text == card, "{wrong}");
    let policy = wire::CardPolicy { static_card: Some(static_card), ..Default::default() };
    let agent = wire::Agent { card: Some(policy), ..Default::default() };
    let manifest = wire::Manifest { agents: vec![agent], ..Default::default() };
    let request = wire::ApplyManifestRequest { manifest: Some(manifest), ..Default::default() };
    assert_eq!(wire::ApplyManifestRequest::decode(&request.encode_to_vec()[..]).unwrap(), request);
}

#[test]
fn numbers_that_json_cannot_write_are_refused() {
    assert_eq!(json_number(-3.0).unwrap().to_string(), "-3");
    assert_eq!(json_number(1e300).unwrap().as_f64(), Some(1e300));
    json_number(f64::NAN).unwrap_err();
    json_number(f64::INFINITY).unwrap_err();
}

#[test]
fn a_fetch_credential_names_a_header_and_a_file() {
    let credential =
        |text: &str| read(&format!("{{fetchCredential: {text}}}")).unwrap().fetch_credential.unwrap();
    let bearer = credential("{scheme: Bearer, secret: card-token}");
    assert_eq!(
        (bearer.header.as_str(), &*bearer.scheme, &*bearer.secret),
        ("authorization", "Bearer", "card-token")
    );
    let key = credential("{header: X-API-Key, secret: a.b_c}");
    assert_eq!((key.header.as_str(), &*key.scheme), ("x-api-key", ""));

    let wrong = |text: &str| found(&format!("{{fetchCredential: {text}}}"));
    let at = |field: &str| format!("card.fetch_credential.{field}");
    for header in ["Host", "Content-Length", "Connection", "Transfer-Encoding", "A2A-Version", "a b"] {
        let text = format!("{{header: {header}, secret: s}}");
        assert_eq!(wrong(&text), [(at("header"), "INVALID_HEADER")], "{header}");
    }
    for secret in [".hidden", "../x", "a/b", "a b"] {
        assert_eq!(wrong(&format!("{{secret: {secret}}}")), [(at("secret"), "INVALID_NAME")], "{secret}");
    }
    assert_eq!(wrong("{scheme: Bearer}"), [(at("secret"), "REQUIRED")]);
    assert_eq!(wrong("{scheme: 'a b', secret: s}"), [(at("scheme"), "INVALID_SCHEME")]);
}

#[test]
fn a_card_that_is_not_fetched_needs_no_credential() {
    let both = found("{staticCard: {name: a}, fetchCredential: {secret: s}}");
    assert_eq!(both, [("card.fetch_credential".to_owned(), "CONFLICT")]);
}
