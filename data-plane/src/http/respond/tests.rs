use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{grpc_trailers, respond, stream_event};
use crate::error::{Caller, Code, Dialect, GatewayError};

fn body_of(error: &GatewayError, caller: Caller<'_>) -> Value {
    serde_json::from_slice(respond(error, caller).body()).unwrap()
}

/// All codes in all shapes, as they go over the wire.
fn golden() -> String {
    let callers = [
        ("JSON-RPC 1.0", Caller::json_rpc(Dialect::V1, Some("\"req-1\""))),
        ("JSON-RPC 0.x", Caller::json_rpc(Dialect::V0, Some("7"))),
        ("HTTP+JSON 1.0", Caller::http_json(Dialect::V1)),
        ("HTTP+JSON 0.x", Caller::http_json(Dialect::V0)),
        ("gRPC", Caller::grpc()),
        ("plain", Caller::plain()),
    ];
    let mut text = String::new();
    for code in Code::ALL {
        writeln!(text, "== {}", code.reason()).unwrap();
        for (name, caller) in callers {
            let response = respond(&GatewayError::new(*code), caller);
            write!(text, "{name}: {}", response.status().as_u16()).unwrap();
            for (name, value) in response.headers() {
                write!(text, " {name}={}", value.to_str().unwrap()).unwrap();
            }
            writeln!(text, "\n{}", std::str::from_utf8(response.body()).unwrap()).unwrap();
        }
    }
    text
}

#[test]
fn every_error_goes_over_the_wire_as_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/errors.txt");
    let text = golden();
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (now, before)) in text.lines().zip(recorded.lines()).enumerate() {
        assert_eq!(now, before, "line {} of tests/golden/errors.txt", line + 1);
    }
    assert_eq!(text.lines().count(), recorded.lines().count());
}

#[test]
fn json_rpc_errors_of_1_0_carry_typed_objects() {
    let error = GatewayError::new(Code::VersionNotSupported).metadata("supportedVersions", "0.3");
    assert_eq!(
        body_of(&error, Caller::json_rpc(Dialect::V1, Some("\"x\""))),
        json!({
            "jsonrpc": "2.0",
            "id": "x",
            "error": {
                "code": -32009,
                "message": Code::VersionNotSupported.row().public,
                "data": [{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "VERSION_NOT_SUPPORTED",
                    "domain": "a2a-protocol.org",
                    "metadata": {"supportedVersions": "0.3"},
                }],
            },
        })
    );
}

#[test]
fn json_rpc_errors_of_0_x_carry_one_object() {
    for code in [Code::VersionNotSupported, Code::InvalidAgentResponse, Code::ExtendedCardNotConfigured] {
        let body = body_of(&code.into(), Caller::json_rpc(Dialect::V01, None));
        assert_eq!(body["error"]["code"], -32603, "0.1 means something else by {body}");
    }
    let body = body_of(&Code::VersionNotSupported.into(), Caller::json_rpc(Dialect::V0, None));
    assert_eq!(body["error"]["code"], -32603);
    assert_eq!(body["error"]["data"]["reason"], "VERSION_NOT_SUPPORTED");
    assert_eq!(body["id"], Value::Null);
}

#[test]
fn ids_come_back_byte_for_byte() {
    for id in ["1", "\"1\"", "null", "123456789012345678901234567890", "\"\\u00e9\""] {
        let response = respond(&Code::ParseError.into(), Caller::json_rpc(Dialect::V1, Some(id)));
        let text = std::str::from_utf8(response.body()).unwrap();
        assert!(text.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":"#)), "{text}");
    }
}

#[test]
fn the_status_is_real_for_infrastructure_and_200_for_the_protocol() {
    let caller = Caller::json_rpc(Dialect::V1, None);
    assert_eq!(respond(&Code::Unauthenticated.into(), caller).status(), StatusCode::UNAUTHORIZED);
    assert_eq!(respond(&Code::ParseError.into(), caller).status(), StatusCode::OK);
    let rest = respond(&Code::UnsupportedOperation.into(), Caller::http_json(Dialect::V1));
    assert_eq!(rest.status(), StatusCode::BAD_REQUEST);
    assert_eq!(rest.headers()[CONTENT_TYPE], "application/a2a+json");
}

#[test]
fn a_401_always_demands_something() {
    let default = respond(&Code::Unauthenticated.into(), Caller::plain());
    assert_eq!(default.headers()[WWW_AUTHENTICATE], "Bearer realm=\"signalbox\"");
    let own = GatewayError::new(Code::Unauthenticated)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"x\""))
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey header=\"X-API-Key\""));
    let response = respond(&own, Caller::plain());
    assert_eq!(response.headers().get_all(WWW_AUTHENTICATE).iter().count(), 2);
    let inside = respond(&Code::PermissionDenied.into(), Caller::plain());
    assert!(!inside.headers().contains_key(WWW_AUTHENTICATE));
}

#[test]
fn delays_are_rounded_up_to_whole_seconds() {
    let name = HeaderName::from_static("ratelimit");
    let error = GatewayError::new(Code::RateLimited)
        .retry_after(Duration::from_millis(1_200))
        .header(name.clone(), HeaderValue::from_static("\"default\";r=0;t=2"));
    let response = respond(&error, Caller::http_json(Dialect::V1));
    assert_eq!(response.headers()[RETRY_AFTER], "2");
    assert_eq!(response.headers()[name], "\"default\";r=0;t=2");
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["error"]["details"][1]["retryDelay"], "2s");
}

#[test]
fn inside_a_stream_the_error_is_one_event() {
    let error = Code::StreamLost.into();
    let event = stream_event(&error, Caller::json_rpc(Dialect::V1, Some("5")));
    let text = std::str::from_utf8(&event).unwrap();
    let data = text.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
    assert!(!data.contains('\n'));
    let body: Value = serde_json::from_str(data).unwrap();
    assert_eq!((&body["id"], &body["error"]["code"]), (&json!(5), &json!(-32603)));

    let event = stream_event(&error, Caller::http_json(Dialect::V1));
    let data = std::str::from_utf8(&event).unwrap().strip_prefix("event: error\ndata: ").unwrap();
    let body: Value = serde_json::from_str(data).unwrap();
    assert_eq!(body["error"]["status"], "UNAVAILABLE");
}

#[test]
fn grpc_errors_are_headers_without_a_body() {
    let error = GatewayError::new(Code::RateLimited)
        .detail("The limit 100% is used up.")
        .metadata("limit", "100%")
        .retry_after(Duration::from_millis(1_500))
        .header(HeaderName::from_static("ratelimit"), HeaderValue::from_static("\"default\";r=0;t=2"));
    let response = respond(&error, Caller::grpc());
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.body().is_empty());
    let headers = response.headers();
    assert_eq!(headers[CONTENT_TYPE], "application/grpc");
    assert_eq!(headers["grpc-status"], "8");
    assert!(headers["grpc-message"].to_str().unwrap().ends_with("The limit 100%25 is used up."));
    assert_eq!(
        (&headers[RETRY_AFTER], &headers["ratelimit"]),
        (&"2".parse().unwrap(), &"\"default\";r=0;t=2".parse().unwrap())
    );
}

/// Read back by the library that clients use.
#[test]
fn grpc_details_are_those_of_the_other_bindings() {
    let error = GatewayError::new(Code::VersionNotSupported)
        .metadata("supportedVersions", "0.3, 1.0")
        .metadata("requestedVersion", "2.0");
    let read = tonic::Status::from_header_map(&grpc_trailers(&error)).unwrap();
    assert_eq!((read.code(), read.message()), (tonic::Code::FailedPrecondition, &*error.public_message()));
    let status: super::grpc::Status = prost::Message::decode(read.details()).unwrap();
    assert_eq!((status.code, &*status.message), (9, &*error.public_message()));
    assert_eq!(status.details.len(), 1);
    assert_eq!(status.details[0].type_url, "type.googleapis.com/google.rpc.ErrorInfo");
    let info: super::grpc::ErrorInfo = prost::Message::decode(&*status.details[0].value).unwrap();
    assert_eq!((&*info.reason, &*info.domain), ("VERSION_NOT_SUPPORTED", "a2a-protocol.org"));
    assert_eq!(info.metadata["supportedVersions"], "0.3, 1.0");
}

#[test]
fn a_grpc_caller_without_a_credential_is_told_what_is_demanded() {
    let response = respond(&Code::Unauthenticated.into(), Caller::grpc());
    assert_eq!(response.headers()["grpc-status"], "16");
    assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer realm=\"signalbox\"");
    let compressed = respond(&Code::CompressedMessage.into(), Caller::grpc());
    assert_eq!(compressed.headers()["grpc-accept-encoding"], "identity");
}
