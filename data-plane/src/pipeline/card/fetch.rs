//! Fetching a card from the agent's server.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;

use super::credential;
use crate::a2a::Version;
use crate::a2a::card::{MAX_CARD_BYTES, Validators, check_status, decode, fresh_for};
use crate::a2a::version::A2A_VERSION;
use crate::config::{Agent, Target};
use crate::error::{Code, GatewayError};
use crate::http::body::Collector;
use crate::pipeline::forward::failure;
use crate::pipeline::gateway::Worker;
use crate::upstream::body::ResponseBody;
use crate::upstream::pool::{Retry, SendOptions};

/// Places of the card, today's and that of A2A before 0.3 (A2A 1.0 §14.3).
const WELL_KNOWN: [&str; 2] = ["/.well-known/agent-card.json", "/.well-known/agent.json"];

/// Longest time for all of it; a shorter `unary_timeout` of the agent counts instead. The first call of an agent waits
/// for its card, so one that dribbles must not take as long as it likes.
const CARD_TIMEOUT: Duration = Duration::from_secs(10);

/// A card as the agent gave it, decoded.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    /// JSON, presumably.
    pub(super) body: Bytes,
    /// Path and query where it was found.
    pub(super) place: Arc<str>,
    /// What the agent recognises it by.
    pub(super) validators: Validators,
    /// Age from which it is fetched again.
    pub(super) fresh_for: Duration,
    /// Whether the agent said that the one held still holds.
    pub(super) is_renewed: bool,
}

/// Fetches the card for callers of `version`, looking in every place where cards are found. `held` need not come again
/// if it still holds.
///
/// # Errors
/// Why there is none: what became of the connection, the agent's refusal, or what is wrong with the card.
pub(super) async fn card(
    worker: &Worker,
    agent: &Agent,
    target: &Target,
    version: Option<Version>,
    held: Option<&Fetched>,
) -> Result<Fetched, GatewayError> {
    let limit = agent.spec.limits.unary_timeout.min(CARD_TIMEOUT);
    let found = tokio::time::timeout(limit, look(worker, agent, target, version, held)).await;
    found.unwrap_or_else(|_| {
        Err(GatewayError::new(Code::UpstreamTimeout).internal("the card did not come in time"))
    })
}

async fn look(
    worker: &Worker,
    agent: &Agent,
    target: &Target,
    version: Option<Version>,
    held: Option<&Fetched>,
) -> Result<Fetched, GatewayError> {
    let headers = headers(worker, agent, version).await?;
    let mut missing = None;
    for place in places(target) {
        let held = held.filter(|held| *held.place == *place && !held.validators.is_empty());
        let response = get(worker, agent, target, &place, headers.clone(), held).await?;
        if let Some(held) = held.filter(|_| response.status() == StatusCode::NOT_MODIFIED) {
            return Ok(Fetched {
                validators: held.validators.renewed(response.headers()),
                fresh_for: fresh_for(response.headers()),
                is_renewed: true,
                ..held.clone()
            });
        }
        match check_status(response.status()) {
            Ok(()) => {
                let validators = Validators::of(response.headers());
                let fresh_for = fresh_for(response.headers());
                let body = body(agent, response).await?;
                return Ok(Fetched { body, place: place.into(), validators, fresh_for, is_renewed: false });
            }
            Err(error) if error.code() == Code::NotFound => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or_else(|| Code::CardUnavailable.into()))
}

/// Below the target URL first, then at the root of its server.
fn places(target: &Target) -> Vec<String> {
    if let Some(path) = &target.upstream.card_path {
        return vec![path.to_string()];
    }
    let base = &target.upstream.url.path;
    let mut places = Vec::new();
    for well_known in WELL_KNOWN {
        if !base.is_empty() {
            places.push(format!("{base}{well_known}"));
        }
        places.push(well_known.to_owned());
    }
    places
}

/// The caller's version is all that is passed on of a request for a card; the credential is the gateway's own.
async fn headers(
    worker: &Worker,
    agent: &Agent,
    version: Option<Version>,
) -> Result<HeaderMap, GatewayError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("signalbox/", env!("CARGO_PKG_VERSION"))));
    if let Some(version) = version {
        headers.insert(A2A_VERSION, HeaderValue::try_from(version.to_string()).map_err(internal)?);
    }
    if let Some(wanted) = &agent.spec.card.fetch_credential {
        let secrets = worker.gateway.settings.secrets_dir.as_deref();
        let header: HeaderName = wanted.header.clone();
        headers.insert(header, credential::header_value(secrets, wanted).await?);
    }
    Ok(headers)
}

async fn get(
    worker: &Worker,
    agent: &Agent,
    target: &Target,
    place: &str,
    mut headers: HeaderMap,
    held: Option<&Fetched>,
) -> Result<Response<ResponseBody>, GatewayError> {
    if let Some(held) = held {
        held.validators.set_conditions(&mut headers);
    }
    let mut request = Request::new(Bytes::new());
    let path: PathAndQuery = place.parse().map_err(internal)?;
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = headers;
    let timeout = agent.spec.limits.unary_timeout;
    let options =
        SendOptions { head_timeout: timeout, body_timeout: Some(timeout), retry: Retry::Idempotent };
    worker.pool.send(&target.endpoint, &request, options).await.map_err(|error| failure(error, agent))
}

fn internal(error: impl std::error::Error) -> GatewayError {
    GatewayError::new(Code::Internal).internal(format!("the card request: {error}"))
}

async fn body(agent: &Agent, response: Response<ResponseBody>) -> Result<Bytes, GatewayError> {
    let (parts, mut body) = response.into_parts();
    let mut collected = Collector::new(MAX_CARD_BYTES);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| failure(error, agent))?.into_data() else { continue };
        collected
            .push(data)
            .map_err(|_| GatewayError::new(Code::InvalidAgentCard).detail("It is larger than 1 MiB."))?;
    }
    decode(&parts.headers, collected.finish())
}
