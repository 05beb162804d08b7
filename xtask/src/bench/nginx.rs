//! nginx as a gateway, and as the agent behind unary requests.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result};

use super::{
    load,
    subject::{Kind, REQUESTS_PATH, STREAMS_PATH, Setting, Subject},
};
use crate::{
    process::{Process, free_address},
    tools::debian,
};

/// The agent: one fixed answer.
///
/// # Errors
/// When nginx does not start.
pub(super) fn agent(folder: &Path) -> Result<(Process, SocketAddr)> {
    let address = free_address()?;
    let server = format!(
        "access_log off;
         server {{
             listen {address} backlog=4096;
             keepalive_requests 100000000;
             location / {{ default_type application/json; return 200 '{}'; }}
         }}",
        load::reply(),
    );
    Ok((start("the nginx agent", folder, &server, address)?, address))
}

/// The gateway: key check, rate limit, JSON access log, connections to the agents kept alive.
///
/// # Errors
/// When nginx does not start.
pub(super) fn gateway(folder: &Path, setting: &Setting) -> Result<Subject> {
    let address = free_address()?;
    let server = format!(
        r#"map_hash_bucket_size 256;
        map $http_x_api_key $consumer {{ default ""; "{key}" benchmark; }}
        limit_req_zone $consumer zone=consumers:10m rate=1000000r/s;
        log_format json escape=json '{{"time":"$time_iso8601","client":"$remote_addr","consumer":"$consumer",'
            '"http.method":"$request_method","http.path":"$uri","http.status":$status,"bytes":$body_bytes_sent,'
            '"duration":$request_time,"upstream":"$upstream_addr","upstream_status":"$upstream_status",'
            '"upstream_duration":"$upstream_response_time","user_agent":"$http_user_agent","traceparent":"$http_traceparent"}}';
        access_log {folder}/access.json json buffer=64k flush=1s;
        upstream requests {{ server {requests}; keepalive 256; keepalive_requests 100000000; }}
        upstream streams {{ server {streams}; }}
        server {{
            listen {address} backlog=4096;
            keepalive_requests 100000000;
            client_max_body_size 8m;
            if ($consumer = "") {{ return 401; }}
            limit_req zone=consumers burst=1000000 nodelay;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-API-Key "";
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_read_timeout 1h;
            location = {REQUESTS_PATH} {{ proxy_pass http://requests; }}
            location = {STREAMS_PATH} {{ proxy_pass http://streams; proxy_buffering off; }}
        }}"#,
        folder = folder.display(),
        key = setting.key.key,
        requests = setting.requests,
        streams = setting.streams,
    );
    let process = start("nginx", folder, &server, address)?;
    Ok(Subject {
        kind: Kind::Nginx,
        process,
        _collector: None,
        address,
        credential: format!("x-api-key: {}", setting.key.key),
    })
}

fn start(name: &str, folder: &Path, http: &str, address: SocketAddr) -> Result<Process> {
    let program = debian::nginx()?;
    let place = folder.display();
    let configuration = format!(
        "daemon off; worker_processes auto; pid {place}/nginx.pid; error_log {place}/error.log warn;
         events {{ worker_connections 16384; }}
         http {{
             client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
             uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
             {http}
         }}"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration).with_context(|| format!("cannot write {}", file.display()))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    let mut process = Process::start(name, &mut command, &folder.join("nginx.log"))?;
    process.wait_for(address)?;
    Ok(process)
}
