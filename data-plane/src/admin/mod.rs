//! The admin listener on loopback: readiness, metrics, config dump; and the plain health path.
//!
//! `/live`, `/ready`, `/metrics` and `/config` on the admin port; `/health` alone, which says what `/ready` says, on a
//! port of its own that load balancers may see.

mod dump;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::config::Handle;
use crate::drain::{Drain, Phase};
use crate::net::worker::{ConnectionInfo, Handler};
use crate::telemetry::Telemetry;

/// Index of the admin listener.
pub const ADMIN_LISTENER: usize = 0;
/// Index of the health listener.
pub const HEALTH_LISTENER: usize = 1;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Answers operators and load balancers.
#[derive(Clone, Debug)]
pub struct Admin {
    /// What is served.
    pub config: Handle,
    /// How far a shutdown has come.
    pub drain: Drain,
    /// The counters.
    pub telemetry: Arc<Telemetry>,
}

/// An answer: status, media type, text.
type Reply = (StatusCode, HeaderValue, String);

impl Admin {
    /// Why requests should not be sent here; none if they may.
    fn unready(&self) -> Option<&'static str> {
        if self.drain.phase() > Phase::Serving {
            return Some("shutting down\n");
        }
        (!self.config.is_configured()).then_some("no configuration yet\n")
    }

    fn ready(&self) -> Reply {
        match self.unready() {
            None => (StatusCode::OK, TEXT, "ready\n".to_owned()),
            Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, reason.to_owned()),
        }
    }

    fn metrics(&self) -> Reply {
        let mut text = String::with_capacity(16 * 1024);
        self.telemetry.metrics.render(&mut text);
        (StatusCode::OK, PROMETHEUS, text)
    }

    fn reply(&self, listener: usize, path: &str) -> Reply {
        match (listener, path) {
            (ADMIN_LISTENER, "/live") => (StatusCode::OK, TEXT, "alive\n".to_owned()),
            (ADMIN_LISTENER, "/ready") | (HEALTH_LISTENER, "/health") => self.ready(),
            (ADMIN_LISTENER, "/metrics") => self.metrics(),
            (ADMIN_LISTENER, "/config") => (StatusCode::OK, JSON, dump::render(&self.config.load_full())),
            (ADMIN_LISTENER, _) => {
                (StatusCode::NOT_FOUND, TEXT, "there are /live, /ready, /metrics and /config\n".to_owned())
            }
            _ => (StatusCode::NOT_FOUND, TEXT, "there is /health\n".to_owned()),
        }
    }
}

impl Handler for Admin {
    type Body = Full<Bytes>;

    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Arc<ConnectionInfo>,
    ) -> Response<Full<Bytes>> {
        respond(&self, connection.listener, request.method(), request.uri().path())
    }
}

fn respond(admin: &Admin, listener: usize, method: &Method, path: &str) -> Response<Full<Bytes>> {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    let (status, media_type, text) = if is_read {
        admin.reply(listener, path)
    } else {
        (StatusCode::METHOD_NOT_ALLOWED, TEXT, "this is read only\n".to_owned())
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !is_read {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
