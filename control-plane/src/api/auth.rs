//! Who may call what: decided for every path, before any service sees the request.
//!
//! A path that is not listed here needs an admin token, so that a service that is added later is closed until somebody
//! opens it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, header};
use tonic::body::Body;
use tower::{Layer, Service as TowerService};

use super::status::status;
use crate::error::Error;
use crate::service::Service;
use crate::store::{Token, TokenKind};
use crate::telemetry::{StreamRefusal, Telemetry};

/// Longest time that a call may take to answer, unless it waits by design.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest time that `WaitForRevision` may take, with room to answer.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(610);

/// The token that let a request in.
#[derive(Clone, Debug)]
pub struct Caller(pub Arc<Token>);

impl Caller {
    /// Who called, for the audit log.
    pub fn actor(&self) -> String {
        format!("adminTokens/{}", self.0.id)
    }
}

/// What a path needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Nothing: health and reflection say nothing about the configuration.
    Open,
    Token(TokenKind),
}

fn access(path: &str) -> Access {
    let service = path.strip_prefix('/').and_then(|path| path.split('/').next()).unwrap_or_default();
    match service {
        "grpc.health.v1.Health"
        | "grpc.reflection.v1.ServerReflection"
        | "grpc.reflection.v1alpha.ServerReflection" => Access::Open,
        "signalbox.discovery.v1.DiscoveryService" => Access::Token(TokenKind::DataPlane),
        _ => Access::Token(TokenKind::Admin),
    }
}

fn timeout(path: &str) -> Duration {
    if path == "/signalbox.fleet.v1.FleetService/WaitForRevision" { WAIT_TIMEOUT } else { CALL_TIMEOUT }
}

/// Puts [`Authenticated`] around the services.
#[derive(Clone)]
pub struct AuthenticationLayer {
    service: Service,
    telemetry: Arc<Telemetry>,
}

impl AuthenticationLayer {
    /// Looks tokens up in `service`; counts in `telemetry` the data planes that have none.
    pub fn new(service: Service, telemetry: Arc<Telemetry>) -> Self {
        Self { service, telemetry }
    }
}

impl<S> Layer<S> for AuthenticationLayer {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Authenticated<S> {
        Authenticated { inner, service: self.service.clone(), telemetry: Arc::clone(&self.telemetry) }
    }
}

/// Lets in who has the token that the path needs; adds [`Caller`] to the request.
#[derive(Clone)]
pub struct Authenticated<S> {
    inner: S,
    service: Service,
    telemetry: Arc<Telemetry>,
}

impl<S> TowerService<Request<Body>> for Authenticated<S>
where
    S: TowerService<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The service that was polled ready, not a fresh clone of it.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (service, telemetry) = (self.service.clone(), Arc::clone(&self.telemetry));
        Box::pin(async move {
            let path = request.uri().path();
            let limit = timeout(path);
            if let Access::Token(kind) = access(path) {
                let token = bearer_token(kind, request.headers()).map(str::to_owned);
                match authenticate(&service, kind, token).await {
                    Ok(token) => {
                        request.extensions_mut().insert(Caller(Arc::new(token)));
                    }
                    Err(error) => {
                        if kind == TokenKind::DataPlane {
                            telemetry.metrics.stream_refused(StreamRefusal::Unauthenticated);
                        }
                        return Ok(status(&error).into_http());
                    }
                }
            }
            match tokio::time::timeout(limit, inner.call(request)).await {
                Ok(response) => response,
                Err(_) => Ok(tonic::Status::deadline_exceeded("the call took too long").into_http()),
            }
        })
    }
}

async fn authenticate(
    service: &Service,
    kind: TokenKind,
    token: Result<String, Error>,
) -> Result<Token, Error> {
    service.authenticate(kind, &token?).await
}

fn bearer_token(kind: TokenKind, headers: &HeaderMap) -> Result<&str, Error> {
    let missing = || {
        Error::Unauthenticated(match kind {
            TokenKind::Admin => "this call needs an admin token: `authorization: Bearer sbxadm_...`",
            TokenKind::DataPlane => "this call needs a data-plane token: `authorization: Bearer sbxdp_...`",
        })
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(Error::Unauthenticated("there is more than one authorization header"));
    }
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Ok(token.trim())
}

#[cfg(test)]
mod tests;
