//! nginx in front of a data plane, as a load balancer that ends the callers' connections.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
};

use tempfile::TempDir;

use super::{places, process::Process, wait_until};

/// A running nginx.
pub struct Nginx {
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// Starts one that passes everything below a path prefix to an address, without the prefix.
    #[must_use]
    pub fn start(prefix: &str, to: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // nginx cannot take a free port by itself; nothing else here is given this one before it listens.
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = free.local_addr().expect("a listener has an address");
        drop(free);
        let place = folder.path().display().to_string();
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(&place, address, prefix, to)).expect("the folder can be written");
        let mut command = Command::new(places::system_program("nginx", "nginx-light"));
        command.arg("-c").arg(&file).arg("-p").arg(&place).args(["-e", "stderr"]);
        let mut process = Process::start("nginx", command);
        wait_until("nginx listens", || {
            if let Some(status) = process.status() {
                panic!("it ended instead: {status}\n{}", process.log());
            }
            TcpStream::connect(address).ok()
        });
        Self { process, address, _folder: folder }
    }
}

fn configuration(place: &str, address: SocketAddr, prefix: &str, to: SocketAddr) -> String {
    format!(
        r#"daemon off;
master_process off;
pid {place}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  server {{
    listen {address};
    location {prefix}/ {{
      proxy_pass http://{to}/;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Prefix {prefix};
      proxy_set_header X-Forwarded-For $remote_addr;
    }}
  }}
}}
"#
    )
}
