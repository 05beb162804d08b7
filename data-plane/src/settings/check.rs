//! From what was written to what it means.

use std::collections::BTreeMap;
use std::path::Path;

use signalbox_proto::model::address::BaseUrl;
use signalbox_proto::model::name::is_id;
use signalbox_proto::model::violation::FieldPath;

use super::arguments::Arguments;
use super::listen::first;
use super::{CacheSettings, ControlPlane, ControlPlaneAddress, ProcessLimits, Settings, Source, UsageError};
use crate::config::Site;

/// Port of the control plane where its URL names none.
const CONTROL_PLANE_PORT: u16 = 9900;

/// Id of a data plane that runs alone and was given none.
const STANDALONE_ID: &str = "standalone";

pub(super) fn check(arguments: Arguments) -> Result<Settings, UsageError> {
    let source = source(&arguments)?;
    let id = id(arguments.id.clone(), &source)?;
    let site = Site { region: arguments.region.clone(), labels: labels(&arguments.labels)? };
    if !arguments.admin_listen.ip().is_loopback() && !arguments.insecure {
        let reason =
            "is not a loopback address; the admin listener asks nobody for a password (--insecure allows it)";
        return Err(UsageError::setting("--admin-listen", reason));
    }
    let limits = limits(&arguments)?;
    let mut listeners = arguments.listen;
    if let Some(url) = &arguments.public_url {
        let parsed = BaseUrl::parse(url, &FieldPath::root());
        let url = parsed.map_err(|why| UsageError::setting("--public-url", first(&why)))?;
        for listener in listeners.iter_mut().filter(|listener| listener.public_url.is_none()) {
            listener.public_url = Some(url.clone());
        }
    }
    let threads = match arguments.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        threads => threads,
    };
    Ok(Settings {
        id,
        site,
        listeners,
        admin_listen: arguments.admin_listen,
        health_listen: arguments.health_listen,
        trusted_proxies: arguments.trusted_proxies,
        secrets_dir: arguments.secrets_dir,
        source,
        drain_delay: arguments.drain_delay,
        drain_timeout: arguments.drain_timeout,
        limits,
        threads,
        ready_file: arguments.ready_file,
        telemetry: arguments.telemetry,
    })
}

fn id(given: Option<String>, source: &Source) -> Result<String, UsageError> {
    match (given, source) {
        (Some(id), _) if is_id(&id) => Ok(id),
        (Some(_), _) => Err(UsageError::setting("--id", "has up to 63 of a-z, 0-9 and -, not - at an end")),
        (None, Source::File(_)) => Ok(STANDALONE_ID.to_owned()),
        (None, Source::ControlPlane(_)) => Err(UsageError::setting("--id", "is needed with --control-plane")),
    }
}

fn labels(given: &[String]) -> Result<BTreeMap<String, String>, UsageError> {
    let pair = |label: &String| match label.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(UsageError::setting("--label", format!("{label:?} is not KEY=VALUE"))),
    };
    given.iter().filter(|label| !label.is_empty()).map(pair).collect()
}

fn limits(arguments: &Arguments) -> Result<ProcessLimits, UsageError> {
    for (setting, time) in [
        ("--head-timeout", arguments.head_timeout),
        ("--body-timeout", arguments.body_timeout),
        ("--keep-alive-timeout", arguments.keep_alive_timeout),
        ("--handshake-timeout", arguments.handshake_timeout),
        ("--write-timeout", arguments.write_timeout),
        ("--http2-ping-timeout", arguments.http2_ping_timeout),
    ] {
        if time.is_zero() {
            return Err(UsageError::setting(setting, "must be longer than 0s"));
        }
    }
    for (setting, count) in [
        ("--max-connections", arguments.max_connections),
        ("--max-buffered-bytes", arguments.max_buffered_bytes),
        ("--http2-streams-max", arguments.http2_streams_max as usize),
    ] {
        if count == 0 {
            return Err(UsageError::setting(setting, "must be at least 1"));
        }
    }
    Ok(ProcessLimits {
        max_connections: arguments.max_connections,
        max_buffered_bytes: arguments.max_buffered_bytes,
        head_timeout: arguments.head_timeout,
        body_timeout: arguments.body_timeout,
        keep_alive_timeout: arguments.keep_alive_timeout,
        handshake_timeout: arguments.handshake_timeout,
        write_timeout: arguments.write_timeout,
        http2_streams_max: arguments.http2_streams_max,
        http2_ping_interval: Some(arguments.http2_ping_interval).filter(|time| !time.is_zero()),
        http2_ping_timeout: arguments.http2_ping_timeout,
    })
}

fn source(arguments: &Arguments) -> Result<Source, UsageError> {
    if let Some(file) = &arguments.config_file {
        return Ok(Source::File(file.clone()));
    }
    if arguments.control_plane.is_empty() {
        return Err(UsageError::setting("--config-file", "is needed, or else --control-plane"));
    }
    let address = |url: &String| control_plane_address(url, arguments.insecure);
    let addresses: Result<Vec<_>, _> = arguments.control_plane.iter().map(address).collect();
    let token_file = arguments.token_file.clone();
    let token_file =
        token_file.ok_or_else(|| UsageError::setting("--token-file", "is needed with --control-plane"))?;
    let cache =
        |dir: &Path| CacheSettings { dir: dir.to_owned(), key_file: arguments.cache_key_file.clone() };
    Ok(Source::ControlPlane(ControlPlane {
        addresses: addresses?,
        ca_sha256: arguments.control_plane_ca_sha256,
        token_file,
        cache: arguments.cache_dir.as_deref().map(cache),
    }))
}

/// Reads `https://HOST[:PORT]`; http is for loopback, unless `insecure`.
fn control_plane_address(url: &str, insecure: bool) -> Result<ControlPlaneAddress, UsageError> {
    let wrong = |reason: &str| UsageError::setting("--control-plane", format!("{url:?} {reason}"));
    let shape = "is not https://HOST or https://HOST:PORT";
    let uri: http::Uri = url.parse().map_err(|_| wrong(shape))?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong(shape)),
    };
    if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
        return Err(wrong(shape));
    }
    let host = uri.host().ok_or_else(|| wrong(shape))?.trim_matches(['[', ']']).to_owned();
    let loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    if !tls && !loopback && !insecure {
        return Err(wrong("would send the token in plaintext; write https, or --insecure to allow it"));
    }
    Ok(ControlPlaneAddress { tls, host, port: uri.port_u16().unwrap_or(CONTROL_PLANE_PORT) })
}
