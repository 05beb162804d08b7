//! C1 to C10: agent cards.

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, Upstream,
    http::{Response, get},
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    protobuf::Message,
    sdk::Sdk,
    upstream::{Request, Then, answer, gzip_answer, json_answer, write},
};

use crate::{
    agents::{Binding, CARD, Fixture, Kind, OLD_CARD, Side, client, interfaces, new_api_key},
    call::{Answer, Operation},
    compare::{Comparison, http_outcome},
    record::statement,
    scripted::{ECHO, Script, Scripted, well_behaved},
};

/// Versions for which cards are fetched: what a caller of 1.0 names, and what others do not.
const VERSIONS: [&str; 2] = ["1.0", "0.3"];
const GATEWAY_CARD: &str = "/a2a/echo/.well-known/agent-card.json";

/// A gateway in front of an agent that answers everything by the closure.
fn in_front_of(
    answer: impl Fn(&Request, &mut std::net::TcpStream) -> Then + Send + Sync + 'static,
) -> (Upstream, DataPlane) {
    let agent = Upstream::start(answer);
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent(ECHO, &agent.url(), KEYLESS_PLAN));
    (agent, gateway)
}

#[test]
fn c1_both_well_known_paths() {
    statement("C1", |evidence| {
        let fixture = Fixture::start(&Kind::ALL);
        let mut comparison = Comparison::default();
        for kind in Kind::ALL {
            let (direct, through) = (fixture.direct(kind), fixture.through(kind));
            for version in VERSIONS {
                let label = format!("{} {version}", kind.id());
                let (new, old) = (through.card(CARD, version), through.card(OLD_CARD, version));
                assert_eq!((new.status(), old.status()), (200, 200), "{label}");
                assert_eq!(new.json(), old.json(), "{label}");
                comparison.add(
                    "card",
                    &label,
                    &http_outcome(&direct.card(CARD, version)),
                    &http_outcome(&new),
                );
            }
        }
        let count = comparison.finish(evidence);
        evidence
            .add(format!("{} SDK agents answer 200 at both paths, {count} cards as direct", Kind::ALL.len()));

        let (_agent, gateway) = in_front_of(|_, stream| {
            write(stream, &answer("404 Not Found", "text/html", b"<html>nothing here</html>"));
            Then::Keep
        });
        for path in [CARD, OLD_CARD] {
            let got = get(gateway.address, &format!("/a2a/echo{path}"), &[]);
            assert_eq!(got.status(), 404, "{}", got.text());
            assert!(!got.text().contains("<html>"), "{}", got.text());
        }
        evidence.add("an agent's 404 is a 404 at both");
    });
}

/// A card in which every place that can hold an address holds the agent's own.
fn every_place_filled(mut card: Value) -> Value {
    let own = card["url"].as_str().expect("an address").trim_end_matches("/rpc").to_owned();
    card["documentationUrl"] = json!(format!("{own}/docs"));
    card["iconUrl"] = json!(format!("{own}/icon.png"));
    card["provider"] = json!({"organization": "x", "url": format!("{own}/about")});
    card["securitySchemes"] = json!({
        "oidc": {"type": "openIdConnect", "openIdConnectUrl": format!("{own}/oidc"),
            "openIdConnectSecurityScheme": {"openIdConnectUrl": format!("{own}/oidc")}},
        "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": format!("{own}/token"),
            "refreshUrl": format!("{own}/refresh"), "scopes": {}}}},
    });
    card["capabilities"]["extensions"] =
        json!([{"uri": "https://example.com/ext", "params": {"endpoint": format!("{own}/deep")}}]);
    card["signatures"] = json!([{"protected": "eyJhbGciOiJFUzI1NiJ9", "signature": "AAAA",
        "header": {"jku": format!("{own}/jwks.json")}}]);
    card
}

/// The same in protobuf, as 1.0 and as 0.3 have it.
fn filled_message(version: &str, own: &str, grpc: &str) -> Vec<u8> {
    let base = Message::new().text(1, "Scripted agent").text(6, &format!("{own}/docs"));
    if version == "1.0" {
        let interface =
            |url: &str, binding: &str| Message::new().text(1, url).text(2, binding).text(4, "1.0");
        return base
            .message(3, &interface(&format!("{own}/rpc"), "JSONRPC"))
            .message(3, &interface(&format!("{own}/rest"), "HTTP+JSON"))
            .message(3, &interface(grpc, "GRPC"))
            .message(13, &Message::new().text(1, "eyJhbGciOiJFUzI1NiJ9").text(2, "AAAA"))
            .text(14, &format!("{own}/icon.png"))
            .bytes();
    }
    let interface = |url: &str, binding: &str| Message::new().text(1, url).text(2, binding);
    base.text(3, &format!("{own}/rpc"))
        .text(14, "JSONRPC")
        .message(15, &interface(&format!("{own}/rest"), "HTTP+JSON"))
        .message(15, &interface(grpc, "GRPC"))
        .text(16, "0.3.0")
        .message(17, &Message::new().text(1, "eyJhbGciOiJFUzI1NiJ9").text(2, "AAAA"))
        .bytes()
}

/// A scripted agent whose cards, public and extended, are filled with its own addresses.
fn filled() -> Scripted {
    Script::new()
        .card(every_place_filled)
        .http(|request, stream| {
            let asks =
                request.target.ends_with("ardAgentCard") || request.target.ends_with("/extendedAgentCard");
            let asks = asks || request.target.ends_with("/v1/card");
            let by_name = request.json()["method"].as_str().is_some_and(|name| name.contains("xtended"));
            if !asks && !by_name {
                return well_behaved(request, stream);
            }
            let own = format!("http://{}", request.header("host").unwrap_or_default());
            let card = every_place_filled(crate::scripted::card(&own, "127.0.0.1:1"));
            let body = if by_name {
                json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": card})
            } else {
                card
            };
            write(stream, &json_answer(&body));
            Then::Keep
        })
        .grpc(|call, reply| {
            if !call.method().ends_with("AgentCard") {
                return crate::scripted::well_behaved_grpc(call, reply);
            }
            let version = if call.path.starts_with("/lf.") { "1.0" } else { "0.3" };
            reply.message(&filled_message(version, &format!("http://{}", call.authority), &call.authority));
            reply.end(&[("grpc-status", "0")]);
        })
        .start()
}

/// All bytes of an answer that a caller can read.
fn text_of(answer: &Answer) -> String {
    match answer {
        Answer::Http(response) => format!("{:?}{}", response.head.headers, response.text()),
        Answer::Grpc(answer) => {
            let messages =
                answer.messages.iter().map(|message| String::from_utf8_lossy(message).into_owned());
            format!("{:?}{:?}{}", answer.headers, answer.trailers, messages.collect::<String>())
        }
    }
}

#[test]
fn c2_no_backend_authority() {
    statement("C2", |evidence| {
        let fixture = Fixture::start(&Kind::ALL);
        let (mut public, mut extended) = (0, 0);
        for (kind, agent) in &fixture.agents {
            let mut own = vec![agent.url.trim_start_matches("http://").to_owned()];
            own.extend(agent.grpc.clone());
            let side = fixture.through(*kind);
            let mut seen = Vec::new();
            for (path, version) in
                [CARD, OLD_CARD].into_iter().flat_map(|path| VERSIONS.map(|version| (path, version)))
            {
                seen.push(Answer::Http(side.card(path, version)));
                public += 1;
            }
            for (binding, version) in Binding::ALL
                .into_iter()
                .flat_map(|binding| kind.versions().iter().map(move |version| (binding, *version)))
            {
                let target = side.target(binding, version).expect("the card names the interface");
                seen.push(target.run(Operation::ExtendedCard));
                extended += 1;
            }
            for (answer, authority) in seen.iter().flat_map(|answer| own.iter().map(move |own| (answer, own)))
            {
                let text = text_of(answer);
                assert!(!text.contains(authority.as_str()), "{} shows {authority}: {text}", kind.id());
            }
        }
        evidence
            .add(format!("{public} public and {extended} extended cards of {} SDK agents", Kind::ALL.len()));

        let filled = filled();
        let own = [filled.http.url(), filled.grpc.url(), "http://127.0.0.1:1".to_owned()];
        let mut answers: Vec<_> =
            filled.targets().iter().map(|target| target.run(Operation::ExtendedCard)).collect();
        let extended = answers.len();
        assert!(answers.iter().all(Answer::is_success), "{answers:?}");
        answers.extend(VERSIONS.map(|version| Answer::Http(filled.through().card(CARD, version))));
        for (answer, own) in answers.iter().flat_map(|answer| own.iter().map(move |own| (answer, own))) {
            let text = text_of(answer);
            let authority = own.trim_start_matches("http://");
            assert!(
                !text.contains(&format!("{authority}/")) && !text.contains(&format!("{authority}\"")),
                "{text}"
            );
        }
        evidence.add(format!(
            "a scripted hybrid card with every address filled: public in {} dialects, extended in {extended} of binding and version",
            VERSIONS.len()
        ));
    });
}

#[test]
fn c3_every_interface_is_routed() {
    statement("C3", |evidence| {
        let fixture = Fixture::start(&Kind::ALL);
        let mut count = 0;
        for (kind, agent) in &fixture.agents {
            let (direct, through) = (fixture.direct(*kind), fixture.through(*kind));
            for version in kind.versions() {
                let names = |side: &Side| {
                    let card = side.card(CARD, version).json();
                    let mut names: Vec<_> =
                        interfaces(&card).into_iter().map(|found| (found.binding, found.version)).collect();
                    names.sort();
                    names.dedup();
                    names
                };
                assert_eq!(names(&direct), names(&through), "{}", kind.id());
                for binding in Binding::ALL {
                    let before = agent.calls();
                    let target = through.target(binding, version).expect("the card names the interface");
                    let answer = target.run(Operation::Send("hello"));
                    let label = format!("{} {} {version} at {}", kind.id(), binding.name(), target.url);
                    assert!(
                        answer.is_success() && text_of(&answer).contains("echo: hello"),
                        "{label}: {answer:?}"
                    );
                    assert_eq!(agent.calls(), before + 1, "{label}");
                    count += 1;
                }
            }
            let calls = 3 * kind.versions().len();
            fixture.gateway.assert_calls(kind.id(), calls);
        }
        evidence.add(format!("{count} interfaces of {} SDK agents called at the address in the card; the agent and the gateway counted each call", Kind::ALL.len()));
    });
}

/// What a card may hold that nobody has heard of.
const UNKNOWN: &str =
    r#""x-future":{"deep":[1,12345678901234567890123,1.10,1e2,-0.0,"\u00e9\ud83d\ude00",null,{"a/b":true}]}"#;

#[test]
fn c4_everything_else_survives() {
    statement("C4", |evidence| {
        let fixture = Fixture::start(&Kind::ALL);
        let mut comparison = Comparison::default();
        for kind in Kind::ALL {
            for version in VERSIONS {
                let card = |side: &Side| http_outcome(&side.card(CARD, version));
                let label = format!("{} {version}", kind.id());
                comparison.add("card", &label, &card(&fixture.direct(kind)), &card(&fixture.through(kind)));
            }
        }
        let count = comparison.finish(evidence);
        evidence.add(format!(
            "{count} cards of {} SDK agents equal but for the differences below",
            Kind::ALL.len()
        ));

        let (_agent, gateway) = in_front_of(|request, stream| {
            let own = format!("http://{}", request.header("host").unwrap_or_default());
            let card = crate::scripted::card(&own, "127.0.0.1:1").to_string();
            let body =
                format!("{{{UNKNOWN},{}", &card[1..]).replacen("\"tags\"", &format!("{UNKNOWN},\"tags\""), 1);
            write(stream, &answer("200 OK", "application/json", body.as_bytes()));
            Then::Keep
        });
        let served = get(gateway.address, GATEWAY_CARD, &[]).text();
        let compact: String = served.split_whitespace().collect();
        assert_eq!(compact.matches(UNKNOWN).count(), 2, "{served}");
        evidence.add("unknown fields at two depths keep every digit and escape");
    });
}

#[test]
fn c5_no_stale_signature() {
    statement("C5", |evidence| {
        let filled = filled();
        let mut count = 0;
        for version in VERSIONS {
            let card = filled.through().card(CARD, version);
            assert!(is_unsigned(&card.json()), "{}", card.text());
            count += 1;
        }
        for target in filled.targets() {
            let answer = target.run(Operation::ExtendedCard);
            let text = text_of(&answer);
            assert!(answer.is_success() && !text.contains("eyJhbGciOiJFUzI1NiJ9"), "{text}");
            count += 1;
        }
        evidence.add(format!(
            "{count} signed cards, public and extended, all bindings: served without signatures"
        ));
    });
}

fn is_unsigned(card: &Value) -> bool {
    card["signatures"].as_array().is_none_or(Vec::is_empty)
}

#[test]
fn c7_conditional_requests() {
    statement("C7", |evidence| {
        let fixture = Fixture::start(&[Kind::PythonBoth, Kind::JavaScriptBoth]);
        let mut count = 0;
        for kind in [Kind::PythonBoth, Kind::JavaScriptBoth] {
            for version in VERSIONS {
                let first = fixture.through(kind).card(CARD, version);
                let etag = first.head.get("etag").expect("an ETag").to_owned();
                let vary = first.head.get("vary").unwrap_or_default().to_ascii_lowercase();
                assert!(vary.contains("a2a-version"), "{:?}", first.head);
                let path = format!("/a2a/{}{CARD}", kind.id());
                let ask = |etag: &str| {
                    let headers = [("a2a-version", version), ("if-none-match", etag)];
                    get(
                        fixture.gateway.address,
                        &path,
                        if version == "1.0" { &headers } else { &headers[1..] },
                    )
                };
                let unchanged = ask(&etag);
                assert_eq!((unchanged.status(), unchanged.body.len()), (304, 0), "{}", unchanged.text());
                assert_eq!(unchanged.head.get("etag"), Some(etag.as_str()));
                assert_eq!(ask("\"other\"").status(), 200);
                count += 1;
            }
            for binding in [Binding::JsonRpc, Binding::HttpJson] {
                let target =
                    fixture.through(kind).target(binding, "1.0").expect("the card names the interface");
                let extended = target.run(Operation::ExtendedCard).http();
                let control = extended.head.get("cache-control").unwrap_or_default();
                assert!(control.contains("private") || control.contains("no-store"), "{:?}", extended.head);
            }
        }
        evidence.add(format!("{count} cards of 2 SDK agents: 304 for their ETag, 200 for another, Vary names A2A-Version; extended cards private"));
        etag_follows_bytes();
        evidence.add("a changed plan changes the bytes and the ETag, the plan of before brings both back; two data planes agree");
    });
}

fn etag_follows_bytes() {
    let scripted = Script::new().start();
    let (_, sha256) = new_api_key();
    let open = Manifest::new().keyless().agent(ECHO, &scripted.http.url(), KEYLESS_PLAN);
    let keyed = Manifest::new().api_key().agent(ECHO, &scripted.http.url(), KEY_PLAN);
    let keyed = keyed.consumer_with_key("shop", KEY_PLAN, &sha256);
    let options = ["--public-url", "https://agents.example"];
    let planes = [DataPlane::standalone_with(&open, &options), DataPlane::standalone_with(&open, &options)];
    let card = |plane: &DataPlane| {
        let got = get(plane.address, GATEWAY_CARD, &[("a2a-version", "1.0")]);
        (got.text(), got.head.get("etag").expect("an ETag").to_owned())
    };
    let first = card(&planes[0]);
    assert_eq!(first, card(&planes[1]), "equal across data planes");
    planes[0].replace_manifest(&keyed.yaml());
    let changed = system_tests::harness::wait_until("the card changes", || {
        let now = card(&planes[0]);
        (now.0 != first.0).then_some(now)
    });
    assert_ne!(changed.1, first.1);
    planes[0].replace_manifest(&open.yaml());
    system_tests::harness::wait_until("the card is as before", || (card(&planes[0]) == first).then_some(()));
}

#[test]
fn c8_the_gateways_own_security() {
    statement("C8", |evidence| {
        let (key, sha256) = new_api_key();
        let manifest = Manifest::new().api_key().consumer_with_key("shop", KEY_PLAN, &sha256);
        let fixture = Fixture::start_with(&Kind::ALL, manifest, KEY_PLAN, "", &[]);
        let mut dialects = 0;
        for kind in Kind::ALL {
            for version in kind.versions() {
                let card = fixture.through(kind).card(CARD, version).json();
                if card["supportedInterfaces"].is_array() {
                    assert_states_key(&card, "securityRequirements", &|scheme| {
                        scheme["apiKeySecurityScheme"]["name"].is_string()
                    });
                    dialects += 1;
                }
                // Who names 1.0 gets the form of 1.0 alone; who names nothing may be anybody.
                if card["url"].is_string() && (*version == "0.3" || card["supportedInterfaces"].is_null()) {
                    assert_states_key(&card, "security", &|scheme| {
                        scheme["type"] == "apiKey" && scheme["name"].is_string()
                    });
                    dialects += 1;
                }
            }
        }
        evidence.add(format!(
            "{} SDK agents: the key's scheme and requirement stated in {dialects} dialects of cards",
            Kind::ALL.len()
        ));
        let mut pairs = 0;
        for kind in [Kind::PythonBoth, Kind::JavaScriptBoth] {
            for sdk in Sdk::ALL {
                let client = client(&fixture, sdk, kind).key(&key, "X-API-Key");
                let _ = client.run(&["discover", "send"]);
                pairs += 1;
            }
        }
        evidence.add(format!(
            "{pairs} pairs of SDK clients and hybrid agents: the client found the scheme and was let in with its key"
        ));
    });
}

fn assert_states_key(card: &Value, requirements: &str, fits: &dyn Fn(&Value) -> bool) {
    let schemes = card["securitySchemes"].as_object().unwrap_or_else(|| panic!("no schemes: {card}"));
    let required = card[requirements].to_string();
    let named =
        schemes.iter().any(|(name, scheme)| fits(scheme) && required.contains(&format!("\"{name}\"")));
    assert!(named, "no requirement for an API key in {requirements}: {card}");
}

#[test]
fn c9_what_is_not_offered_is_not_shown() {
    statement("C9", |evidence| {
        let custom = |mut card: Value| {
            let entry = json!({"url": card["url"], "protocolBinding": "https://example.com/bindings/mqtt", "protocolVersion": "1.0"});
            card["supportedInterfaces"].as_array_mut().expect("a list").push(entry);
            let entry = json!({"url": card["url"], "transport": "MQTT"});
            card["additionalInterfaces"].as_array_mut().expect("a list").push(entry);
            card
        };
        let scripted = Script::new().card(custom).fields("  push:\n    mode: PUSH_MODE_OFF\n").start();
        for version in VERSIONS {
            let card = scripted.through().card(CARD, version).json();
            let known: Vec<_> = Binding::ALL.iter().map(|binding| binding.name().to_owned()).collect();
            let found = interfaces(&card);
            assert!(found.iter().all(|entry| known.contains(&entry.binding)), "{card}");
            assert_eq!(card["capabilities"]["pushNotifications"], false, "{card}");
        }
        evidence
            .add("custom bindings leave the card; pushNotifications is false where policy switches them off");
        let mut count = 0;
        for target in scripted.targets() {
            for operation in [
                Operation::CreateConfig("t"),
                Operation::GetConfig("t"),
                Operation::ListConfigs("t"),
                Operation::DeleteConfig("t"),
            ] {
                let label = format!("{} {} {}", target.binding.name(), target.version, operation.name());
                crate::errors::assert_reason(
                    &target,
                    &target.run(operation),
                    "PUSH_NOTIFICATION_NOT_SUPPORTED",
                    &label,
                );
                count += 1;
            }
        }
        assert_eq!(
            (scripted.http.calls().len(), scripted.grpc.calls().len()),
            (0, 0),
            "a refused call reached the agent"
        );
        evidence.add(format!(
            "{count} push calls over all bindings and versions answered PUSH_NOTIFICATION_NOT_SUPPORTED"
        ));
    });
}

/// The answer for the card of an agent whose card is these bytes.
fn card_of(bytes: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Response {
    let agent = Upstream::with_card(bytes);
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent(ECHO, &agent.url(), KEYLESS_PLAN));
    get(gateway.address, GATEWAY_CARD, &[])
}

#[test]
fn c10_broken_cards_are_understood() {
    statement("C10", |evidence| {
        let zipped =
            card_of(|own| gzip_answer(crate::scripted::card(own, "127.0.0.1:1").to_string().as_bytes()));
        assert_eq!(zipped.status(), 200, "{}", zipped.text());
        assert!(
            zipped.json()["url"].as_str().is_some_and(|url| url.ends_with("/a2a/echo")),
            "{}",
            zipped.text()
        );
        evidence.add("gzip is decoded and rewritten");
        let huge = card_of(|own| {
            let mut card = crate::scripted::card(own, "127.0.0.1:1");
            card["description"] = json!("x".repeat(4 << 20));
            json_answer(&card)
        });
        assert_eq!(huge.status(), 502, "{}", huge.text());
        let html = card_of(|_| answer("200 OK", "text/html", b"<html>It works!</html>"));
        assert_eq!(html.status(), 502, "{}", html.text());
        let failing = card_of(|_| answer("500 Oops", "text/plain", b"stack trace"));
        assert_eq!(failing.status(), 503, "{}", failing.text());
        for got in [huge, html, failing] {
            assert!(got.json()["error"]["code"].is_number(), "{}", got.text());
            assert!(!got.text().contains("<html>") && !got.text().contains("stack trace"), "{}", got.text());
        }
        evidence.add("4 MiB 502, HTML 502, the agent's 500 a 503, all in the gateway's own words");
    });
}
