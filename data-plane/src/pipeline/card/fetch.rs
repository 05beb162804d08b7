//! Fetching a card from the agent's server.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;

use crate::a2a::Version;
use crate::a2a::card::{MAX_CARD_BYTES, check_status, decode};
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

/// Fetches the card for callers of `version`, looking in every place where cards are found.
///
/// # Errors
/// Why there is none: what became of the connection, the agent's refusal, or what is wrong with the card.
pub(super) async fn card(
    worker: &Worker,
    agent: &Agent,
    target: &Target,
    version: Option<Version>,
) -> Result<Bytes, GatewayError> {
    let limit = agent.spec.limits.unary_timeout.min(CARD_TIMEOUT);
    let found = tokio::time::timeout(limit, look(worker, agent, target, version)).await;
    found.unwrap_or_else(|_| {
        Err(GatewayError::new(Code::UpstreamTimeout).internal("the card did not come in time"))
    })
}

async fn look(
    worker: &Worker,
    agent: &Agent,
    target: &Target,
    version: Option<Version>,
) -> Result<Bytes, GatewayError> {
    let mut missing = None;
    for path in places(target) {
        let response = get(worker, agent, target, path, version).await?;
        match check_status(response.status()) {
            Ok(()) => return body(agent, response).await,
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

async fn get(
    worker: &Worker,
    agent: &Agent,
    target: &Target,
    path: String,
    version: Option<Version>,
) -> Result<Response<ResponseBody>, GatewayError> {
    let internal = |error: &dyn std::error::Error| {
        GatewayError::new(Code::Internal).internal(format!("the card request: {error}"))
    };
    let mut request = Request::new(Bytes::new());
    let path: PathAndQuery = path.try_into().map_err(|error| internal(&error))?;
    *request.uri_mut() = Uri::from(path);
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("signalbox/", env!("CARGO_PKG_VERSION"))));
    if let Some(version) = version {
        let value = HeaderValue::try_from(version.to_string()).map_err(|error| internal(&error))?;
        headers.insert(A2A_VERSION, value);
    }
    let timeout = agent.spec.limits.unary_timeout;
    let options =
        SendOptions { head_timeout: timeout, body_timeout: Some(timeout), retry: Retry::Idempotent };
    worker.pool.send(&target.endpoint, &request, options).await.map_err(|error| failure(error, agent))
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
