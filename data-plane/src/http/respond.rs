//! The one place that renders an error, for any caller and before or inside a stream.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Caller, Dialect, GatewayError, Shape};

mod grpc;
#[cfg(test)]
mod tests;

pub use grpc::trailers as grpc_trailers;

/// What a 401 demands when the error itself names no challenge.
const DEFAULT_CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"signalbox\"");

/// The whole answer to a request that failed before its answer began.
///
/// gRPC: HTTP 200 without a body, the status in the headers ("trailers-only").
///
/// Carries `WWW-Authenticate` on 401, `Retry-After` where the error knows a delay, the error's own headers, and
/// `Cache-Control: no-store`.
pub fn respond(error: &GatewayError, caller: Caller<'_>) -> Response<Bytes> {
    let row = error.row();
    let status = match caller.shape {
        Shape::JsonRpc => row.json_rpc_http(),
        Shape::HttpJson | Shape::Plain => row.http,
        Shape::Grpc => StatusCode::OK.as_u16(),
    };
    let mut response = Response::new(Bytes::from(body(error, caller)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);

    let headers = response.headers_mut();
    let media_type = match (caller.shape, caller.dialect) {
        (Shape::HttpJson, Dialect::V1) => "application/a2a+json",
        (Shape::Grpc, _) => "application/grpc",
        _ => "application/json",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if caller.shape == Shape::Grpc {
        grpc::write(error, headers);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(delay) = error.retry_delay() {
        headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
    }
    for (name, value) in error.header_pairs() {
        headers.append(name, value.clone());
    }
    let is_unauthorized = match caller.shape {
        Shape::Grpc => row.http == StatusCode::UNAUTHORIZED.as_u16(),
        _ => status == StatusCode::UNAUTHORIZED.as_u16(),
    };
    if is_unauthorized && !headers.contains_key(WWW_AUTHENTICATE) {
        headers.insert(WWW_AUTHENTICATE, DEFAULT_CHALLENGE);
    }
    response
}

/// The error as the last event of an event stream.
///
/// The caller of this function writes it at an event boundary and then ends the stream. JSON-RPC: an event whose data
/// is a response object with the request's id. HTTP+JSON: `event: error` with the status object. gRPC has no events but
/// [`grpc_trailers`].
pub fn stream_event(error: &GatewayError, caller: Caller<'_>) -> Bytes {
    let start: &[u8] = match caller.shape {
        Shape::JsonRpc => b"data: ",
        Shape::HttpJson | Shape::Plain | Shape::Grpc => b"event: error\ndata: ",
    };
    let json = body(error, caller);
    let mut event = Vec::with_capacity(start.len() + json.len() + 2);
    event.extend_from_slice(start);
    event.extend_from_slice(&json);
    event.extend_from_slice(b"\n\n");
    Bytes::from(event)
}

fn body(error: &GatewayError, caller: Caller<'_>) -> Vec<u8> {
    if caller.shape == Shape::Grpc {
        return Vec::new();
    }
    let row = error.row();
    let message = error.public_message();
    let code = row.json_rpc_code(caller.dialect);
    match (caller.shape, caller.dialect) {
        (Shape::JsonRpc, dialect) => json(&JsonRpcAnswer {
            jsonrpc: "2.0",
            id: caller.id.and_then(|id| serde_json::from_str(id).ok()),
            error: JsonRpcError { code, message: &message, data: Data::of(error, dialect) },
        }),
        (Shape::HttpJson, Dialect::V01 | Dialect::V0) => {
            json(&JsonRpcError { code, message: &message, data: Data::of(error, Dialect::V0) })
        }
        (Shape::HttpJson | Shape::Plain | Shape::Grpc, _) => json(&HttpJsonAnswer {
            error: Status {
                code: row.http,
                status: row.grpc.name(),
                message: &message,
                details: details(error),
            },
        }),
    }
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // Strings, numbers and string-keyed maps always serialize.
    serde_json::to_vec(value).unwrap_or_default()
}

fn whole_seconds(delay: Duration) -> u64 {
    let up = u64::from(delay.subsec_nanos() > 0);
    delay.as_secs().saturating_add(up).max(1)
}

#[derive(Serialize)]
struct JsonRpcAnswer<'a> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    error: JsonRpcError<'a>,
}

#[derive(Serialize)]
struct JsonRpcError<'a> {
    code: i32,
    message: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct HttpJsonAnswer<'a> {
    error: Status<'a>,
}

/// `google.rpc.Status` in JSON, A2A 1.0 §11.6.
#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    status: &'static str,
    message: &'a str,
    details: Vec<Detail<'a>>,
}

/// `error.data`: 1.0 demands an array of typed objects (§9.5), and the Go client decodes nothing else; the 0.3
/// JavaScript SDK types it as one object.
#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Typed(Vec<Detail<'a>>),
    Object(ErrorInfo<'a>),
}

impl<'a> Data<'a> {
    fn of(error: &'a GatewayError, dialect: Dialect) -> Self {
        match dialect {
            Dialect::V01 | Dialect::V0 => Self::Object(ErrorInfo::of(error)),
            Dialect::V1 => Self::Typed(details(error)),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "@type")]
enum Detail<'a> {
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    Info(ErrorInfo<'a>),
    #[serde(rename = "type.googleapis.com/google.rpc.RetryInfo")]
    Retry(RetryInfo),
}

#[derive(Serialize)]
struct ErrorInfo<'a> {
    reason: &'static str,
    domain: &'static str,
    metadata: BTreeMap<&'static str, &'a str>,
}

impl<'a> ErrorInfo<'a> {
    fn of(error: &'a GatewayError) -> Self {
        let row = error.row();
        let metadata = error.metadata_pairs().iter().map(|(key, value)| (*key, value.as_str())).collect();
        Self { reason: row.reason, domain: row.domain(), metadata }
    }
}

#[derive(Serialize)]
struct RetryInfo {
    #[serde(rename = "retryDelay")]
    retry_delay: String,
}

fn details(error: &GatewayError) -> Vec<Detail<'_>> {
    let mut details = vec![Detail::Info(ErrorInfo::of(error))];
    if let Some(delay) = error.retry_delay() {
        details.push(Detail::Retry(RetryInfo { retry_delay: format!("{}s", whole_seconds(delay)) }));
    }
    details
}
