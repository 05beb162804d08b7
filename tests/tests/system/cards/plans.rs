//! What a card says to whom.

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, Upstream,
    http::{Response, get, post},
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    upstream::{Then, gzip_answer, well_behaved, write},
};

use super::{card_of, json_of, own, read, rich_card, skills, with_headers};
use crate::common::{ECHO, V1, new_api_key};

const GOLD: &str = "organizations/default/plans/gold";
const SILVER: &str = "organizations/default/plans/silver";

/// An agent with extended cards in JSON-RPC and HTTP+JSON, both with one more skill, the latter encoded.
fn extended() -> Upstream {
    Upstream::start(|request, stream| {
        let mut card = rich_card(&own(request));
        if request.is_card() {
            write(stream, &json_of(&card));
            return Then::Keep;
        }
        card["skills"].as_array_mut().expect("a list").push(json!({"id": "hidden", "tags": []}));
        let method = request.json()["method"].as_str().map(str::to_owned);
        if matches!(method.as_deref(), Some("GetExtendedAgentCard" | "agent/getAuthenticatedExtendedCard")) {
            let answer = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": card}).to_string();
            let lines = "etag: \"agent\"\r\ncache-control: public, max-age=60\r\nlast-modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
            write(stream, &with_headers("200 OK", lines, answer.as_bytes()));
            return Then::Keep;
        }
        if request.method == "GET" {
            write(stream, &gzip_answer(card.to_string().as_bytes()));
            return Then::Keep;
        }
        well_behaved(request, stream)
    })
}

/// `echo` with two plans; silver opens two skills and sending alone, gold all but webhooks.
struct TwoPlans {
    agent: Upstream,
    gateway: DataPlane,
    gold: String,
    silver: String,
}

fn two_plans(card: &str) -> TwoPlans {
    let agent = extended();
    let ((gold, gold_sha256), (silver, silver_sha256)) = (new_api_key(), new_api_key());
    let fields = format!("  upstreams:\n  - url: {}\n  plans: [{GOLD}, {SILVER}]\n{card}", agent.url());
    let consumers = format!(
        "consumers:\n- name: organizations/default/consumers/c\nsubscriptions:\n\
         - name: organizations/default/consumers/c/subscriptions/gold\n  plan: {GOLD}\n\
         - name: organizations/default/consumers/c/subscriptions/silver\n  plan: {SILVER}\napiKeys:\n\
         - name: organizations/default/consumers/c/subscriptions/gold/apiKeys/k\n  keySha256: {gold_sha256}\n\
         - name: organizations/default/consumers/c/subscriptions/silver/apiKeys/k\n  keySha256: {silver_sha256}\n"
    );
    let manifest = Manifest::new()
        .plan(GOLD, "  apiKey: {}\n  push: {mode: PUSH_MODE_OFF}\n")
        .plan(
            SILVER,
            "  apiKey: {header: X-Silver}\n  skills: [echo, report, hidden]\n  operations: [SendMessage, GetExtendedAgentCard]\n",
        )
        .raw_agent("echo", &fields)
        .yaml();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("manifest.yaml");
    std::fs::write(&file, manifest + &consumers).expect("the manifest can be written");
    let program = system_tests::harness::places::program("signalbox-data-plane");
    let mut command = std::process::Command::new(program);
    command.arg("--config-file").arg(&file);
    TwoPlans { agent, gateway: DataPlane::start(command, folder), gold, silver }
}

fn schemes(card: &Value) -> Vec<&str> {
    let schemes = card["securitySchemes"].as_object().expect("schemes");
    let mut names: Vec<_> = schemes.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_card_for_callers_of_a_plan_says_what_the_plan_opens() {
    let plans = two_plans("  card: {visibility: CARD_VISIBILITY_PLAN}\n");
    let gateway = &plans.gateway;
    assert_eq!(read(gateway, &[]).status(), 401);
    let gold_header = [("x-api-key", plans.gold.as_str())];
    let silver_header = [("x-silver", plans.silver.as_str())];
    let (gold, silver) = (card_of(gateway, &gold_header), card_of(gateway, &silver_header));

    assert_eq!(skills(&gold), ["echo", "admin", "report"]);
    assert_eq!(
        gold["capabilities"],
        json!({"streaming": true, "pushNotifications": false, "extendedAgentCard": true})
    );
    assert_eq!(schemes(&gold), ["signalboxApiKey", "signalboxBearer"]);

    assert_eq!(skills(&silver), ["echo", "report"]);
    assert_eq!(
        silver["capabilities"],
        json!({"streaming": false, "pushNotifications": false, "extendedAgentCard": true})
    );
    assert_eq!(silver["supportsAuthenticatedExtendedCard"], true);
    assert_eq!(schemes(&silver), ["signalboxApiKey-x-silver", "signalboxBearer"]);

    let etag = |headers: &[(&str, &str)]| read(gateway, headers).head.get("etag").expect("a tag").to_owned();
    let (of_gold, of_silver) = (etag(&gold_header), etag(&silver_header));
    assert_ne!(of_gold, of_silver);
    let conditional = |tag: &str| read(gateway, &[gold_header[0], ("if-none-match", tag)]).status();
    assert_eq!((conditional(&of_gold), conditional(&of_silver)), (304, 200));
    let answer = read(gateway, &gold_header);
    let vary: Vec<_> = answer.head.headers.iter().filter(|(name, _)| name == "vary").collect();
    let vary: Vec<_> = vary.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(vary, ["a2a-version", "authorization", "x-api-key", "x-silver"]);
    assert_eq!(answer.head.get("cache-control"), Some("private, no-cache"));
}

#[test]
fn a_public_card_says_what_any_plan_opens() {
    let plans = two_plans("");
    let card = card_of(&plans.gateway, &[]);
    assert_eq!(skills(&card), ["echo", "admin", "report"]);
    assert_eq!(
        card["capabilities"],
        json!({"streaming": true, "pushNotifications": false, "extendedAgentCard": true}),
        "neither plan opens webhooks"
    );
    assert_eq!(schemes(&card), ["signalboxApiKey", "signalboxApiKey-x-silver", "signalboxBearer"]);
    let answer = read(&plans.gateway, &[]);
    assert!(answer.head.get("cache-control").is_some_and(|value| value.starts_with("public, max-age=")));
}

#[test]
fn a_plan_that_is_closed_opens_nothing() {
    let agent = Upstream::with_card(|own| json_of(&rich_card(own)));
    let fields = format!("  upstreams:\n  - url: {}\n  plans: [{KEYLESS_PLAN}, {GOLD}]\n", agent.url());
    let manifest = |state: &str| {
        let open = format!("  keyless: {{}}\n  skills: [admin]\n  state: {state}\n");
        Manifest::new()
            .plan(KEYLESS_PLAN, &open)
            .plan(GOLD, "  apiKey: {}\n  skills: [echo]\n")
            .raw_agent("echo", &fields)
    };
    let gateway = DataPlane::standalone(&manifest("PLAN_STATE_PUBLISHED"));
    assert_eq!(skills(&card_of(&gateway, &[])), ["echo", "admin"]);
    gateway.replace_manifest(&manifest("PLAN_STATE_CLOSED").yaml());
    system_tests::harness::wait_until("the plan is closed", || {
        (skills(&card_of(&gateway, &[])) == ["echo"]).then_some(())
    });
}

#[test]
fn an_agent_without_webhooks_says_so() {
    let agent = Upstream::with_card(|own| json_of(&rich_card(own)));
    let off = "  push: {mode: PUSH_MODE_OFF}\n";
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, off);
    assert_eq!(card_of(&DataPlane::standalone(&manifest), &[])["capabilities"]["pushNotifications"], false);
}

fn assert_private(answer: &Response) {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.head.get("cache-control"), Some("private, no-store"));
    for gone in ["etag", "last-modified", "content-encoding"] {
        assert_eq!(answer.head.get(gone), None, "{gone}");
    }
}

#[test]
fn an_extended_card_is_the_callers_alone_in_every_binding_of_json() {
    let plans = two_plans("");
    let gateway = &plans.gateway;
    let authority = plans.agent.url()["http://".len()..].to_owned();
    for _ in 0..2 {
        for (key, expected) in [
            (("x-api-key", plans.gold.as_str()), vec!["echo", "admin", "report", "hidden"]),
            (("x-silver", plans.silver.as_str()), vec!["echo", "report", "hidden"]),
        ] {
            let call = json!({"jsonrpc": "2.0", "id": 5, "method": "GetExtendedAgentCard"}).to_string();
            let answer = post(gateway.address, ECHO, &[V1[0], key], call.as_bytes());
            assert_private(&answer);
            assert_eq!(answer.json()["id"], 5);
            let over_rpc = answer.json()["result"].clone();
            assert_eq!(skills(&over_rpc), expected);
            assert!(!answer.text().contains(&authority), "{}", answer.text());

            let answer = get(gateway.address, "/a2a/echo/extendedAgentCard", &[V1[0], key]);
            assert_private(&answer);
            assert_eq!(answer.json(), over_rpc, "the binding makes no difference");
        }
    }
    let refused = get(gateway.address, "/a2a/echo/extendedAgentCard", &V1);
    assert_eq!(refused.status(), 401, "{}", refused.text());
}

#[test]
fn what_the_agent_answers_instead_of_an_extended_card_passes_as_it_is() {
    let agent = Upstream::start(|request, stream| {
        if request.is_card() {
            write(stream, &json_of(&rich_card(&own(request))));
            return Then::Keep;
        }
        let error =
            json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32007, "message": "none", "data": [1]}});
        let bytes = match request.header("x-case") {
            Some("down") => with_headers("503 Service Unavailable", "retry-after: 7\r\n", b"busy"),
            Some("none") => json_of(&error),
            _ => json_of(&json!({"jsonrpc": "2.0", "id": 1, "result": {"name": "no address"}})),
        };
        write(stream, &bytes);
        Then::Keep
    });
    let (key, sha256) = new_api_key();
    let manifest = Manifest::new()
        .api_key()
        .agent("echo", &agent.url(), KEY_PLAN)
        .consumer_with_key("c", KEY_PLAN, &sha256);
    let gateway = DataPlane::standalone(&manifest);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "GetExtendedAgentCard"}).to_string();
    let ask = |case: &str| {
        post(gateway.address, ECHO, &[V1[0], ("x-api-key", &key), ("x-case", case)], call.as_bytes())
    };
    let down = ask("down");
    assert_eq!((down.status(), down.text().as_str(), down.head.get("retry-after")), (503, "busy", Some("7")));
    let none = ask("none");
    assert_eq!((none.error_code(), &none.json()["error"]["data"]), (-32007, &json!([1])));
    assert_eq!(ask("nonsense").error_code(), -32006);
}
