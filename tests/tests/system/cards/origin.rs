//! Where a card comes from: other places, other credentials, the manifest, other servers.

use std::fs;

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, Upstream,
    grpc::GrpcUpstream,
    http::{get, post},
    manifest::{KEYLESS_PLAN, Manifest},
    upstream::{Then, answer, card, json_answer, well_behaved, write},
    wait_until,
};

use super::{asked, card_of, changing, json_of, own, read};
use crate::common::{ECHO, V1, send_message};

/// An agent whose card is at one path and query only.
fn at_place(place: &'static str) -> Upstream {
    Upstream::start(move |request, stream| {
        if request.method != "GET" {
            return well_behaved(request, stream);
        }
        let found = request.target == place;
        let bytes = if found {
            json_answer(&card(&own(request)))
        } else {
            answer("404 Not Found", "text/plain", b"no")
        };
        write(stream, &bytes);
        Then::Keep
    })
}

fn with_card_url(agent: &Upstream, card_url: &str) -> DataPlane {
    let fields = format!(
        "  upstreams:\n  - url: {}/base\n    cardUrl: \"{card_url}\"\n  plans: [{KEYLESS_PLAN}]\n",
        agent.url()
    );
    DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &fields))
}

#[test]
fn a_card_may_be_anywhere_on_the_agents_server() {
    let place = "/cards/echo.json?variant=a%20b&x=1";
    let agent = at_place(place);
    for card_url in [place.to_owned(), format!("{}{place}", agent.url())] {
        let gateway = with_card_url(&agent, &card_url);
        assert_eq!(card_of(&gateway, &[])["url"], gateway.agent("echo"), "{card_url}");
        assert_eq!(post(gateway.address, ECHO, &V1, &send_message(1)).status(), 200);
    }
    assert!(asked(&agent).iter().all(|path| path == place), "{:?}", asked(&agent));
}

#[test]
fn the_place_of_older_agents_is_looked_at_too() {
    for place in [
        "/base/.well-known/agent-card.json",
        "/.well-known/agent-card.json",
        "/base/.well-known/agent.json",
        "/.well-known/agent.json",
    ] {
        let agent = at_place(place);
        let manifest =
            Manifest::new().keyless().agent("echo", &format!("{}/base", agent.url()), KEYLESS_PLAN);
        let gateway = DataPlane::standalone(&manifest);
        card_of(&gateway, &[]);
        assert_eq!(asked(&agent).last().map(String::as_str), Some(place));
        for path in ["/a2a/echo/.well-known/agent.json", "/a2a/default/echo/.well-known/agent-card.json"] {
            assert_eq!(get(gateway.address, path, &[]).status(), 200, "{path}");
        }
    }
}

/// A static card in the manifest, with this address.
fn static_card(url: &str) -> String {
    let card = json!({
        "name": "Written down", "description": format!("See {url}"), "version": "1",
        "supportedInterfaces": [
            {"url": format!("{url}/rpc"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": format!("{url}/rest"), "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
        ],
        "capabilities": {"streaming": true}, "defaultInputModes": [], "defaultOutputModes": [],
        "skills": [], "x-number": 7,
    });
    format!("  card:\n    staticCard: {card}\n")
}

#[test]
fn a_card_in_the_manifest_is_served_and_followed_and_never_asked_for() {
    let agent = Upstream::well_behaved();
    let manifest = |url: &str| {
        Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, &static_card(url))
    };
    let gateway = DataPlane::standalone(&manifest(&agent.url()));
    let card = card_of(&gateway, &[]);
    let public = gateway.agent("echo");
    let of = |binding| json!({"url": public, "protocolBinding": binding, "protocolVersion": "1.0"});
    assert_eq!(card["supportedInterfaces"], json!([of("JSONRPC"), of("HTTP+JSON")]));
    assert_eq!((&card["x-number"], &card["description"]), (&json!(7), &json!(format!("See {public}"))));
    assert_eq!(post(gateway.address, ECHO, &V1, &send_message(1)).status(), 200);
    assert_eq!(agent.calls().last().map(|call| call.target.clone()).as_deref(), Some("/rpc"));

    gateway.replace_manifest(&manifest(&format!("{}/v2", agent.url())).yaml());
    wait_until("calls go where the new card says", || {
        assert_eq!(post(gateway.address, ECHO, &V1, &send_message(1)).status(), 200);
        agent.calls().last().is_some_and(|call| call.target == "/v2/rpc").then_some(())
    });
    assert_eq!(asked(&agent), Vec::<String>::new());
}

/// An agent that shows its card to whoever has the credential that is current.
fn guarded() -> (Upstream, std::sync::Arc<std::sync::Mutex<String>>) {
    changing("one".to_owned(), |request, current| {
        if request.header("x-card-token") != Some(&format!("Token {current}")) {
            return answer("401 Unauthorized", "text/plain", b"who are you?");
        }
        let mut card = card(&own(request));
        card["description"] = json!(format!("shown by {}", current.len()));
        let body = card.to_string();
        super::with_headers("200 OK", "cache-control: max-age=0\r\n", body.as_bytes())
    })
}

const CREDENTIAL: &str =
    "  card:\n    fetchCredential: {header: X-Card-Token, scheme: Token, secret: card-token}\n";

#[test]
fn a_credential_for_the_card_is_read_anew_for_every_fetch() {
    let (agent, current) = guarded();
    let secrets = tempfile::tempdir().expect("a temporary folder");
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, CREDENTIAL);
    let options = ["--secrets-dir", secrets.path().to_str().expect("a path in UTF-8")];
    let gateway = DataPlane::standalone_with(&manifest, &options);

    // Without the file there is no card, and the operator can see why.
    let missing = read(&gateway, &[]);
    assert_eq!(missing.status(), 503, "{}", missing.text());
    let dump = get(gateway.admin, "/config", &[]).json();
    let failure = &dump["agents"][0]["cardFailures"][0];
    assert_eq!(failure["upstream"], agent.url());
    assert!(
        failure["reason"].as_str().is_some_and(|why| why.contains("card-token cannot be read")),
        "{dump}"
    );
    assert!(gateway.metrics().sum("signalbox_card_fetches_total", &[("result", "failed")]) > 0.0);
    // Calls do not need the card.
    assert_eq!(post(gateway.address, ECHO, &V1, &send_message(1)).status(), 200);

    fs::write(secrets.path().join("card-token"), "one\n").expect("the secret can be written");
    let description = || -> Option<Value> {
        let answer = read(&gateway, &[]);
        (answer.status() == 200).then(|| answer.json()["description"].clone())
    };
    wait_until("the secret that is there now counts", || description()?.eq("shown by 3").then_some(()));
    "longer".clone_into(&mut current.lock().expect("no holder has panicked"));
    fs::write(secrets.path().join("card-token"), "longer").expect("the secret can be written");
    wait_until("a new secret counts", || description()?.eq("shown by 6").then_some(()));

    assert!(agent.calls().iter().all(|call| call.header("x-card-token").is_none()), "calls never carry it");
    let log = gateway.process.log();
    assert!(!log.contains("Token one") && !log.contains("longer"), "{log}");
}

#[test]
fn a_wrong_credential_is_no_card() {
    let (agent, _) = guarded();
    let secrets = tempfile::tempdir().expect("a temporary folder");
    fs::write(secrets.path().join("card-token"), "wrong").expect("the secret can be written");
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, CREDENTIAL);
    let options = ["--secrets-dir", secrets.path().to_str().expect("a path in UTF-8")];
    let answer = read(&DataPlane::standalone_with(&manifest, &options), &[]);
    assert_eq!(answer.status(), 503, "{}", answer.text());
    assert!(!answer.text().contains("who are you"), "{}", answer.text());
}

#[test]
fn a_grpc_server_is_never_asked_and_its_address_is_the_agents_own() {
    let grpc = GrpcUpstream::start(|_, reply| reply.end(&[("grpc-status", "0")]));
    let grpc_url = grpc.url();
    let authority = grpc_url["http://".len()..].to_owned();
    let named = authority.clone();
    let agent = Upstream::with_card(move |own| {
        let mut card = card(own);
        let more = json!({"url": named, "protocolBinding": "GRPC", "protocolVersion": "1.0"});
        card["supportedInterfaces"].as_array_mut().expect("a list").push(more);
        card["additionalInterfaces"] = json!([{"url": format!("http://{named}"), "transport": "GRPC"}]);
        json_of(&card)
    });
    let fields = |addresses: &str| {
        format!(
            "{addresses}  upstreams:\n  - url: {grpc_url}\n    bindings: [BINDING_GRPC]\n  - url: {}\n  plans: [{KEYLESS_PLAN}]\n",
            agent.url()
        )
    };
    let hosted = fields("  addresses:\n    hosts: [echo.test]\n");
    let gateway = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &hosted));
    let card = card_of(&gateway, &[]);
    let public = format!("echo.test:{}", gateway.address.port());
    let shown = json!({"url": public, "protocolBinding": "GRPC", "protocolVersion": "1.0"});
    assert_eq!(card["supportedInterfaces"][2], shown, "{card}");
    assert_eq!(card["additionalInterfaces"], json!([{"url": public, "transport": "GRPC"}]));
    assert!(!card.to_string().contains(&authority), "{card}");

    let unhosted = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &fields("")));
    let card = card_of(&unhosted, &[]).to_string();
    assert!(!card.contains("GRPC") && !card.contains(&authority), "{card}");
    assert!(grpc.calls().is_empty());
}

#[test]
fn an_agent_with_nothing_but_grpc_has_a_card_only_in_the_manifest() {
    let grpc = GrpcUpstream::start(|_, reply| reply.end(&[("grpc-status", "0")]));
    let fields = |card: &str| {
        format!(
            "  addresses:\n    hosts: [echo.test]\n  upstreams:\n  - url: {}\n    bindings: [BINDING_GRPC]\n  plans: [{KEYLESS_PLAN}]\n{card}",
            grpc.url()
        )
    };
    let without = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &fields("")));
    assert_eq!(read(&without, &[]).status(), 404);
    let card = json!({"name": "g", "supportedInterfaces": [
        {"url": grpc.url(), "protocolBinding": "GRPC", "protocolVersion": "1.0"},
        {"url": grpc.url(), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
    ]});
    let card = format!("  card:\n    staticCard: {card}\n");
    let with = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &fields(&card)));
    let url = format!("echo.test:{}", with.address.port());
    assert_eq!(
        card_of(&with, &[])["supportedInterfaces"],
        json!([{"url": url, "protocolBinding": "GRPC", "protocolVersion": "1.0"}])
    );
    assert!(grpc.calls().is_empty());
}
