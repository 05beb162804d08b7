//! Errors as gRPC carries them: `grpc-status`, `grpc-message`, and the details as a `google.rpc.Status`.
//!
//! The messages of `google.rpc` that are used here are declared here: with a sorted map, so that one error always is the
//! same bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message as _;

use crate::error::{Code, GatewayError};
use crate::http::grpc::{self, GRPC_MESSAGE, GRPC_STATUS};

/// `grpc-status-details-bin` (A2A 1.0 §10.6).
const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// `grpc-accept-encoding`: what the gateway reads.
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// The error as the trailers that end a gRPC answer.
pub fn trailers(error: &GatewayError) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(4);
    write(error, &mut trailers);
    trailers
}

/// Writes status, message and details.
pub(super) fn write(error: &GatewayError, headers: &mut HeaderMap) {
    let row = error.row();
    let message = error.public_message();
    headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(row.grpc.number())));
    headers.insert(GRPC_MESSAGE, grpc::percent_encoded(&message));
    let details = STANDARD_NO_PAD.encode(status(error, &message).encode_to_vec());
    // Base64 always is a header value.
    if let Ok(details) = HeaderValue::try_from(details) {
        headers.insert(GRPC_STATUS_DETAILS, details);
    }
    if error.code() == Code::CompressedMessage {
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
}

fn status(error: &GatewayError, message: &str) -> Status {
    let row = error.row();
    let info = ErrorInfo {
        reason: row.reason.to_owned(),
        domain: row.domain().to_owned(),
        metadata: error
            .metadata_pairs()
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect(),
    };
    let mut details = vec![any("type.googleapis.com/google.rpc.ErrorInfo", &info)];
    if let Some(delay) = error.retry_delay() {
        details.push(any(
            "type.googleapis.com/google.rpc.RetryInfo",
            &RetryInfo { retry_delay: Some(delay.into()) },
        ));
    }
    Status { code: row.grpc.number().into(), message: message.to_owned(), details }
}

fn any(type_url: &str, message: &impl prost::Message) -> Any {
    Any { type_url: type_url.to_owned(), value: message.encode_to_vec() }
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ErrorInfo {
    #[prost(string, tag = "1")]
    pub(super) reason: String,
    #[prost(string, tag = "2")]
    pub(super) domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(super) metadata: BTreeMap<String, String>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(super) retry_delay: Option<RetryDelay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct RetryDelay {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

impl From<Duration> for RetryDelay {
    fn from(delay: Duration) -> Self {
        Self {
            seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(delay.subsec_nanos()).unwrap_or(0),
        }
    }
}
