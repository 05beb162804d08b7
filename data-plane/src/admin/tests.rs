use std::sync::Arc;

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;

use super::{ADMIN_LISTENER, Admin, HEALTH_LISTENER, respond};
use crate::config::Handle;
use crate::drain::Drain;
use crate::telemetry::Telemetry;

fn admin() -> Admin {
    Admin { config: Handle::new(), drain: Drain::new(), telemetry: Arc::new(Telemetry::counting()) }
}

async fn text(listener: usize, path: &str) -> (StatusCode, String) {
    let response = respond(&admin(), listener, &Method::GET, path);
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn without_configuration_it_is_alive_but_not_ready() {
    assert_eq!(text(ADMIN_LISTENER, "/live").await.0, StatusCode::OK);
    let (status, why) = text(ADMIN_LISTENER, "/ready").await;
    assert_eq!((status, why.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "no configuration yet\n"));
    assert_eq!(text(HEALTH_LISTENER, "/health").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_health_port_shows_health_only() {
    for path in ["/metrics", "/config", "/ready", "/"] {
        assert_eq!(text(HEALTH_LISTENER, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_dump_is_json_and_names_the_cursors() {
    let (status, dump) = text(ADMIN_LISTENER, "/config").await;
    assert_eq!(status, StatusCode::OK);
    let dump: serde_json::Value = serde_json::from_str(&dump).unwrap();
    assert_eq!(dump["cursors"]["config"]["revision"], 0);
    assert_eq!(dump["apiKeys"], 0);
}

#[test]
fn nothing_can_be_changed() {
    let response = respond(&admin(), ADMIN_LISTENER, &Method::POST, "/config");
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}
