use super::{Fate, Scrub, Scrubbed};
use crate::a2a::card::tests::{KEYLESS, policy};
use crate::a2a::card::{CardRewrite, Target};

const PUBLIC: &str = "https://agents.example/a2a/echo";
const PUBLIC_REST: &str = "agents.example/a2a/echo";

fn scrub(target: &str, text: &str, fate: Fate) -> Scrubbed {
    let targets = [Target::parse(target).unwrap()];
    let interface = format!("{}/rpc", targets[0].origin());
    let policy = CardRewrite { ..policy(&targets, &KEYLESS) };
    Scrub::new(&policy, [interface.as_str()]).text(text, fate)
}

fn change(text: impl Into<String>) -> Scrubbed {
    Scrubbed::Change(text.into())
}

#[test]
fn a_text_that_is_an_address_goes_or_becomes_the_public_one() {
    for text in [
        "http://backend.internal:9999/docs",
        "HTTP://BACKEND.INTERNAL:9999",
        "http://backend%2Einternal:9999/docs",
        "http://user:secret@backend.internal:9999/docs",
        "http:backend.internal:9999/docs",
        "//backend.internal:9999/docs",
        "\\\\backend.internal:9999\\docs",
        "backend.internal:9999",
        "http://backend.internal:1234/metrics",
        "https://backend.internal",
        " http://backend.int\nernal:9999/docs ",
        "http://ｂackend.internal:9999/",
    ] {
        let of = |fate| scrub("http://backend.internal:9999/rpc", text, fate);
        assert_eq!(of(Fate::Remove), Scrubbed::Remove, "{text:?}");
        assert_eq!(of(Fate::Replace), change(PUBLIC), "{text:?}");
    }
    for text in ["http://backend.internal:9999/rpc", "http://Backend.internal:9999/rpc#x"] {
        assert_eq!(scrub("http://backend.internal:9999/rpc", text, Fate::Remove), change(PUBLIC), "{text:?}");
    }
}

#[test]
fn numbers_are_read_as_addresses_where_clients_would() {
    let remove = |target, text| scrub(target, text, Fate::Remove);
    for text in [
        "http://127.0.0.1:9999/docs",
        "http://127.1:9999/docs",
        "http://0x7f.1:9999/docs",
        "http://2130706433:9999/docs",
        "http://0177.0.0.1:9999/docs",
        "http://[::ffff:127.0.0.1]:9999/docs",
        "http://localhost:9999/docs",
        "http://0:9999/docs",
        "http://[::1]:9999/docs",
        "2130706433:9999",
    ] {
        assert_eq!(remove("http://127.0.0.1:9999", text), Scrubbed::Remove, "{text}");
    }
    for text in ["http://[2001:db8::1]:9999/x", "http://[2001:DB8:0:0:0:0:0:1]:9999/x"] {
        assert_eq!(remove("http://[2001:db8::1]:9999", text), Scrubbed::Remove, "{text}");
    }
}

#[test]
fn in_prose_the_address_alone_is_replaced() {
    for (text, clean) in [
        ("Try http://backend.internal:9999/x.", format!("Try {PUBLIC}/x.")),
        ("see backend.internal:9999, or ask", format!("see {PUBLIC_REST}, or ask")),
        ("see backend.internal.", format!("see {PUBLIC_REST}.")),
        ("(http://u:p@backend.internal:9999)", format!("({PUBLIC})")),
        ("a http:\\\\backend.internal:9999\\x b", format!("a {PUBLIC}\\x b")),
        ("<a href=\"//Backend.Internal:9999/x\">", format!("<a href=\"{PUBLIC}/x\">")),
        (
            "https://elsewhere.example/?to=http://backend.internal:9999/x",
            format!("https://elsewhere.example/?to={PUBLIC}/x"),
        ),
        (
            "https://elsewhere.example/?to=http%3A%2F%2Fbackend.internal%3A9999%2Fx",
            format!("https://elsewhere.example/?to={PUBLIC}"),
        ),
        (
            "https://elsewhere.example/?to=http%253A%252F%252Fbackend.internal%253A9999",
            format!("https://elsewhere.example/?to={PUBLIC}"),
        ),
        ("curl grpc://backend.internal:9999 now", format!("curl {PUBLIC} now")),
        ("{\"u\":\"http:\\/\\/backend.internal:9999\\/x\"} ", format!("{{\"u\":\"{PUBLIC}\\/x\"}} ")),
    ] {
        assert_eq!(scrub("http://backend.internal:9999/rpc", text, Fate::Remove), change(clean), "{text}");
    }
}

#[test]
fn what_is_another_server_stays() {
    for text in [
        "https://elsewhere.example/rpc",
        "http://x.backend.internal:9999",
        "http://backend.internal.example:9999",
        "notbackend.internal and backend.internals",
        "mail to team@backend.internal",
        "version 1.2, at 0:30, 127.0.0.1",
        "backend",
        "100% of %zz",
        PUBLIC,
        "https://agents.example/a2a/echo?x=1",
        "",
    ] {
        assert_eq!(scrub("http://backend.internal:9999/rpc", text, Fate::Remove), Scrubbed::Keep, "{text}");
    }
    for text in ["Echo", "echo: the agent", "http://echo.example:8080"] {
        assert_eq!(scrub("http://echo:8080", text, Fate::Remove), Scrubbed::Keep, "{text}");
    }
}

#[test]
fn a_disguise_takes_the_whole_text_along() {
    for text in ["see http:%2F%2F127.0.0.1:%39999/x now", "see http://127.0.0.1:99\n99/x now"] {
        let of = |fate| scrub("http://127.0.0.1:9999", text, fate);
        assert_eq!(of(Fate::Remove), Scrubbed::Remove, "{text:?}");
        assert_eq!(of(Fate::Replace), change(PUBLIC), "{text:?}");
    }
}

#[test]
fn a_gateway_on_the_same_host_keeps_its_own_address() {
    let targets = [Target::parse("http://192.0.2.1:9999").unwrap()];
    let policy = CardRewrite { public_url: "http://192.0.2.1:8080/a2a/echo", ..policy(&targets, &KEYLESS) };
    let scrub = Scrub::new(&policy, []);
    for text in ["http://192.0.2.1:8080/a2a/echo", "at http://192.0.2.1:8080/ today", "192.0.2.1"] {
        assert_eq!(scrub.text(text, Fate::Remove), Scrubbed::Keep, "{text}");
    }
    assert_eq!(
        scrub.text("at 192.0.2.1:9999 today", Fate::Remove),
        change("at 192.0.2.1:8080/a2a/echo today")
    );
}

#[test]
fn the_gateways_own_address_for_grpc_stays() {
    let targets = [Target::parse("http://backend.internal:9999").unwrap()];
    let policy = CardRewrite { grpc_authority: Some("localhost:8080"), ..policy(&targets, &KEYLESS) };
    let scrub = Scrub::new(&policy, []);
    assert_eq!(scrub.text("localhost:8080", Fate::Replace), Scrubbed::Keep);
    assert_eq!(scrub.text("localhost:8081", Fate::Replace), change(PUBLIC));
    assert!(scrub.is_named_in_bytes(b"\x0a\x15backend.internal:9999\xff"));
    assert!(!scrub.is_named_in_bytes(b"\x0a\x15frontend.internal:9999\xff"));
}

/// A card that is nothing but this must neither take long nor recurse deeply.
#[test]
fn long_and_strange_texts_are_looked_through() {
    for part in ["[", "a@", "http://", "%25", "[::1", "a.", "://@"] {
        let text = part.repeat(40_000 / part.len());
        let started = std::time::Instant::now();
        let _ = scrub("http://backend.internal:9999/rpc", &text, Fate::Remove);
        assert!(started.elapsed().as_secs() < 20, "{part:?} took {:?}", started.elapsed());
    }
    let brackets = "[a".repeat(1000);
    let named = format!("{brackets} http://backend.internal:9999/x [");
    let scrubbed = scrub("http://backend.internal:9999/rpc", &named, Fate::Replace);
    assert_eq!(scrubbed, change(format!("{brackets} {PUBLIC}/x [")));
}
