use serde_json::{Value, json};

use super::{
    CardRewrite, Dialect, SecurityDeclaration, card_0_3, card_1_0, hybrid, policy, served_by, target,
};

fn own_security(mut card: Value) -> Value {
    card["securitySchemes"] = json!({"own": {"type": "http", "scheme": "basic"}});
    card["security"] = json!([{"own": []}]);
    card["securityRequirements"] = json!([{"schemes": {"own": {"list": []}}}]);
    card["skills"] = json!([{"id": "s", "security": [{"own": []}], "security_requirements": [], "tags": []}]);
    card
}

fn with(card: &Value, keeps_own: bool, header: Option<&str>) -> Value {
    let alternatives = header.map(SecurityDeclaration::api_key).unwrap_or_default();
    let security = SecurityDeclaration { keeps_own, alternatives };
    served_by(card, &policy(&[target()], &security)).unwrap()
}

#[test]
fn plans_with_keys_replace_what_the_agent_demands_in_0_x() {
    let card = with(&own_security(card_0_3()), false, Some("X-API-Key"));
    assert_eq!(
        card["securitySchemes"],
        json!({
            "signalboxApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "signalboxBearer": {"type": "http", "scheme": "bearer"},
        })
    );
    assert_eq!(card["security"], json!([{"signalboxApiKey": []}, {"signalboxBearer": []}]));
    assert!(card.get("securityRequirements").is_none());
    assert_eq!(card["skills"], json!([{"id": "s", "tags": []}]));
}

#[test]
fn plans_with_keys_replace_what_the_agent_demands_in_1_0() {
    let card = with(&own_security(card_1_0()), false, Some("X-Key"));
    assert_eq!(
        card["securitySchemes"],
        json!({
            "signalboxApiKey-x-key": {"apiKeySecurityScheme": {"location": "header", "name": "X-Key"}},
            "signalboxBearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}},
        })
    );
    assert_eq!(
        card["securityRequirements"],
        json!([
            {"schemes": {"signalboxApiKey-x-key": {"list": []}}},
            {"schemes": {"signalboxBearer": {"list": []}}},
        ])
    );
    assert!(card.get("security").is_none());
}

#[test]
fn hybrids_declare_both_shapes_in_one_scheme() {
    let card = with(&hybrid(), false, Some("X-API-Key"));
    assert_eq!(
        card["securitySchemes"]["signalboxApiKey"],
        json!({
            "type": "apiKey", "in": "header", "name": "X-API-Key",
            "apiKeySecurityScheme": {"location": "header", "name": "X-API-Key"},
        })
    );
    assert!(card.get("security").is_some() && card.get("securityRequirements").is_some());
}

#[test]
fn the_authentication_of_0_1_is_replaced_where_it_was() {
    let mut card = card_0_3();
    card["authentication"] = json!({"schemes": ["OAuth2"], "credentials": "x"});
    assert_eq!(with(&card, false, Some("X-API-Key"))["authentication"], json!({"schemes": ["Bearer"]}));
    assert_eq!(with(&card, true, None)["authentication"], card["authentication"]);
}

#[test]
fn under_keyless_the_agents_own_schemes_stay() {
    let card = own_security(card_0_3());
    let served = with(&card, true, None);
    for name in ["securitySchemes", "security", "skills"] {
        assert_eq!(served[name], card[name]);
    }
}

#[test]
fn keyless_beside_keys_offers_both() {
    let card = with(&own_security(hybrid()), true, Some("X-API-Key"));
    assert_eq!(card["security"], json!([{"own": []}, {"signalboxApiKey": []}, {"signalboxBearer": []}]));
    assert!(card["securitySchemes"].get("own").is_some());
    let nothing_own = with(&hybrid(), true, Some("X-API-Key"));
    assert_eq!(nothing_own["security"][0], json!({}));
    assert_eq!(nothing_own["securityRequirements"][0], json!({"schemes": {}}));
}

#[test]
fn a_token_server_behind_the_gateway_is_no_way_in() {
    let mut card = hybrid();
    card["securitySchemes"] = json!({
        "oauth": {"type": "oauth2", "flows": {"clientCredentials": {
            "tokenUrl": "http://backend.internal:9999/token", "scopes": {}}}},
        "oidc": {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://idp.example/.well-known/x"}},
    });
    card["security"] = json!([{"oauth": []}, {"oidc": []}]);
    card["securityRequirements"] = json!([{"schemes": {"oauth": {"list": []}, "oidc": {"list": []}}}]);
    card["skills"] = json!([{"id": "s", "security": [{"oauth": []}]}]);
    let served = with(&card, true, None);
    assert_eq!(served["securitySchemes"], json!({"oidc": card["securitySchemes"]["oidc"]}));
    assert_eq!(served["security"], json!([{"oidc": []}]));
    assert!(served.get("securityRequirements").is_none());
    assert_eq!(served["skills"], json!([{"id": "s"}]));
}

#[test]
fn a_card_of_0_3_in_the_form_of_protobuf_keeps_that_form() {
    let mut card = card_0_3();
    card["securitySchemes"] = json!({"own": {"httpAuthSecurityScheme": {"scheme": "basic"}}});
    card["security"] = json!([{"schemes": {"own": {"list": []}}}]);
    let served = with(&card, false, Some("X-API-Key"));
    assert_eq!(
        served["security"],
        json!([
            {"schemes": {"signalboxApiKey": {"list": []}}},
            {"schemes": {"signalboxBearer": {"list": []}}},
        ])
    );
    let scheme = &served["securitySchemes"]["signalboxApiKey"];
    assert_eq!(scheme["apiKeySecurityScheme"], json!({"location": "header", "name": "X-API-Key"}));
    assert_eq!(scheme["type"], "apiKey");
    assert!(served.get("securityRequirements").is_none());
    let both = with(&card, true, Some("X-API-Key"));
    assert_eq!(both["security"][0], card["security"][0]);
}

#[test]
fn a_reader_of_1_0_gets_the_form_of_1_0_alone() {
    let security =
        SecurityDeclaration { keeps_own: false, alternatives: SecurityDeclaration::api_key("X-API-Key") };
    let targets = [target()];
    let of = |card: &Value, reader| {
        served_by(card, &CardRewrite { reader: Some(reader), ..policy(&targets, &security) }).unwrap()
    };
    let new = of(&own_security(hybrid()), Dialect::V1);
    assert_eq!(
        new["securitySchemes"]["signalboxApiKey"],
        json!({"apiKeySecurityScheme": {"location": "header", "name": "X-API-Key"}})
    );
    assert!(new.get("security").is_none() && new.get("securityRequirements").is_some(), "{new}");
    assert!(new.get("url").is_some(), "the rest of a hybrid stays");
    assert_eq!(of(&hybrid(), Dialect::V0), with(&hybrid(), false, Some("X-API-Key")));
    // Where there is no other form, that is it.
    assert!(of(&card_0_3(), Dialect::V1).get("security").is_some());
}
