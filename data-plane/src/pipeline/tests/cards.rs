//! Cards: how often agents are asked for them, and what waits for them.

use super::*;

#[tokio::test]
async fn versions_that_callers_invent_cost_the_agent_nothing() {
    let agent = Agent::with_card(|_| result()).await;
    let gateway = Fixture::new(&agent).await;
    for version in ["1.0", "1.7", "2.0", "65535.9", "1.0.3"] {
        let answer = gateway.card(&format!("a2a-version: {version}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(agent.fetches(), 1, "{:?}", agent.requests());
    for lines in ["a2a-version: 0.3\r\n", "a2a-version: 0.2\r\n", "a2a-version: 0.77\r\n"] {
        assert!(gateway.card(lines).await.starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(agent.fetches(), 2, "{:?}", agent.requests());
    assert!(gateway.card("").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(agent.fetches(), 3, "{:?}", agent.requests());
}

#[tokio::test]
async fn a_version_that_the_agent_is_configured_for_has_its_own_card() {
    let agent = Agent::start(|request| {
        let version = request.lines().find_map(|line| line.strip_prefix("a2a-version: ")).unwrap();
        json(&format!(
            r#"{{"name":"a","supportedInterfaces":[{{"url":"/","protocolBinding":"JSONRPC","protocolVersion":"{version}"}}]}}"#
        ))
    })
    .await;
    let gateway = Fixture::with(&agent, "    versions: [\"1.0\", \"1.1\"]\n", "").await;
    for version in ["1.0", "1.1", "1.2"] {
        assert!(gateway.card(&format!("a2a-version: {version}\r\n")).await.starts_with("HTTP/1.1 200 "));
    }
    let asked = agent.requests();
    assert!(asked.len() == 2 && asked[1].contains("a2a-version: 1.1\r\n"), "{asked:?}");
}

#[tokio::test]
async fn the_head_of_a_card_and_what_is_known_of_it() {
    let agent = Agent::with_card(|_| result()).await;
    let gateway = Fixture::new(&agent).await;
    let whole = gateway.card("").await;
    let field = |answer: &str, name: &str| {
        let line = answer.lines().find(|line| line.starts_with(name)).map(ToOwned::to_owned);
        line.unwrap_or_else(|| panic!("no {name} in {answer}"))
    };
    assert_eq!(field(&whole, "vary: "), "vary: a2a-version");
    let etag = field(&whole, "etag: ").replace("etag: ", "");
    let known = gateway.card(&format!("if-none-match: {etag}\r\n")).await;
    assert!(known.starts_with("HTTP/1.1 304 ") && known.ends_with("\r\n\r\n"), "{known}");
    for name in ["etag: ", "vary: ", "cache-control: "] {
        assert_eq!(field(&known, name), field(&whole, name));
    }
    let head = "HEAD /a2a/echo/.well-known/agent.json HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    let head = rest(&mut gateway.send(head, "").await).await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert_eq!(field(&head, "content-length: "), field(&whole, "content-length: "));
    assert_eq!(agent.fetches(), 1);
}

#[tokio::test]
async fn an_agent_whose_card_hangs_is_called_all_the_same() {
    let agent =
        Agent::start(
            |request| {
                if request.starts_with("GET ") { (String::new(), Then::Hang) } else { result() }
            },
        )
        .await;
    let gateway = Fixture::new(&agent).await;
    let started = std::time::Instant::now();
    let first = gateway.post("", &call("message/send")).await;
    assert!(first.starts_with("HTTP/1.1 200 "), "{first}");
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    let started = std::time::Instant::now();
    assert!(gateway.post("", &call("message/send")).await.starts_with("HTTP/1.1 200 "));
    assert!(started.elapsed() < Duration::from_secs(2), "nobody waits again: {:?}", started.elapsed());
    assert_eq!(agent.fetches(), 1, "the first fetch goes on");
}

#[tokio::test]
async fn a_card_is_looked_for_further_where_its_place_only_takes_calls() {
    let agent = Agent::start(|request| {
        if request.starts_with("GET /.well-known/agent-card.json ") {
            let head = "HTTP/1.1 405 Method Not Allowed\r\nallow: POST\r\ncontent-length: 0\r\n\r\n";
            return (head.into(), Then::Keep);
        }
        card(request)
    })
    .await;
    let answer = Fixture::new(&agent).await.card("").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(agent.fetches(), 2, "{:?}", agent.requests());
}

#[tokio::test]
async fn every_public_address_has_its_own_card_and_none_is_served_for_another() {
    let agent = Agent::with_card(|_| result()).await;
    let gateway = Fixture::new(&agent).await;
    let by_proxy = |host: &str, prefix: &str| {
        format!("x-forwarded-host: {host}\r\nx-forwarded-proto: https\r\nx-forwarded-prefix: {prefix}\r\n")
    };
    let named = [
        (by_proxy("one.example", "/eu"), "https://one.example/eu/a2a/echo".to_owned()),
        (by_proxy("two.example", "/eu"), "https://two.example/eu/a2a/echo".to_owned()),
        (by_proxy("one.example", "/us"), "https://one.example/us/a2a/echo".to_owned()),
        (String::new(), format!("http://{}/a2a/echo", gateway.address)),
        ("x-forwarded-host: a\"b\r\n".to_owned(), format!("http://{}/a2a/echo", gateway.address)),
    ];
    let mut etags = std::collections::HashSet::new();
    for (lines, url) in named.iter().chain(&named) {
        let card = gateway.card(lines).await;
        assert!(card.contains(&format!("\"url\":\"{url}\"")), "{url}: {card}");
        etags.insert(card.lines().find(|line| line.starts_with("etag: ")).unwrap().to_owned());
    }
    assert_eq!((etags.len(), agent.fetches()), (4, 1));
}
