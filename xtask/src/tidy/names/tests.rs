use super::{Source, check};

fn rules(path: &str, text: &str) -> Vec<&'static str> {
    check(&[Source::new(path, text)]).iter().map(|violation| violation.rule).collect()
}

#[test]
fn the_database_is_named_in_the_stores_alone() {
    let text = "use sqlx::Row; // sqlx";
    assert_eq!(rules("control-plane/src/api/agents.rs", text), ["sqlx-in-store"]);
    assert_eq!(rules("control-plane/src/store/suite.rs", text), ["sqlx-in-store"]);
    assert!(rules("control-plane/src/store/sqlite/rows.rs", text).is_empty());
    assert!(rules("control-plane/src/store/sqlite.rs", text).is_empty());
}

#[test]
fn opentelemetry_is_named_in_telemetry_alone() {
    for text in [
        "use opentelemetry::trace::Span;",
        "use opentelemetry_sdk::Resource;",
        "tracing_opentelemetry::layer()",
    ] {
        assert_eq!(rules("data-plane/src/pipeline/send.rs", text), ["opentelemetry-in-telemetry"]);
        assert!(rules("data-plane/src/telemetry/trace.rs", text).is_empty());
        assert!(rules("tests/src/bin/otlp-sink/main.rs", text).is_empty());
    }
}

#[test]
fn sockets_are_named_in_net_and_upstream_alone() {
    let text = "use tokio::net::TcpStream;\n#[cfg(test)]\nmod tests { use tokio::net::TcpListener; }";
    assert_eq!(rules("data-plane/src/config/client.rs", text), ["sockets-in-net"]);
    assert_eq!(rules("data-plane/src/network.rs", text), ["sockets-in-net"]);
    assert!(rules("data-plane/src/net/listener.rs", text).is_empty());
    assert!(rules("data-plane/src/upstream/connect.rs", text).is_empty());
    assert!(rules("control-plane/src/net.rs", text).is_empty());
}

#[test]
fn the_model_is_pure() {
    assert_eq!(rules("proto/src/model/agent.rs", "let now = std::time::Instant::now();"), ["pure-model"]);
    assert_eq!(rules("proto/src/model/agent/tests.rs", "async {}"), ["pure-model"]);
    assert_eq!(rules("proto/src/model/agent.rs", "std::fs::read(path)"), ["pure-model"]);
    assert!(rules("proto/src/model/bound/tests.rs", "std::fs::read(path)").is_empty());
    assert_eq!(rules("proto/src/model/agent.rs", "let now = SystemTime::now();"), ["pure-model"]);
    assert!(rules("proto/src/model/agent.rs", "fn f(now: std::time::SystemTime) {} // async").is_empty());
}

#[test]
fn the_place_is_named() {
    let found = check(&[Source::new("data-plane/src/app.rs", "\n\nuse socket2::Socket;")]);
    assert!(found[0].to_string().starts_with("data-plane/src/app.rs:3: `socket2`: "), "{}", found[0]);
}
