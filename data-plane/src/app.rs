//! Builds everything in dependency order and owns the order of shutdown.
//!
//! telemetry → configuration (disk, then file or control plane) → gateway → workers → listeners → admin. Workers have
//! runtimes of their own; everything in here runs on the one that `main` made.

mod ready;
mod source;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use signalbox_proto::telemetry::SettingsError;

use crate::admin::{ADMIN_LISTENER, Admin, HEALTH_LISTENER};
use crate::config::{Applier, Handle};
use crate::drain::{Drain, DrainSettings};
use crate::http::address::TrustedProxies;
use crate::net::accept::accept;
use crate::net::listener::{Listener as Socket, ListenerSettings};
use crate::net::tls::{CertificateError, CertificateFiles, ServerTls};
use crate::net::worker::{ConnectionInfo, Handler, Workers};
use crate::pipeline::{Body, Gateway, GatewaySettings, Listener, Worker, exchange};
use crate::settings::{ListenerSpec, Settings};
use crate::stream::open::EndReason;
use crate::telemetry::{self, Telemetry, TelemetryError};
use crate::upstream::address::AddressRules;
use crate::upstream::pool::{Pool, PoolSettings};

/// Interval at which certificate files are read again.
const CERTIFICATE_INTERVAL: Duration = Duration::from_secs(30);
/// Interval at which idle state is given up.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Time for the last telemetry at the end.
const TELEMETRY_DEADLINE: Duration = Duration::from_secs(5);

/// Why the data plane cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// A certificate cannot be used.
    #[error("the certificates of {address} cannot be used")]
    Certificate {
        /// The listener.
        address: SocketAddr,
        /// What is wrong.
        source: Box<CertificateError>,
    },
    /// A variable of the environment cannot be used.
    #[error("telemetry cannot be set up from the environment")]
    Environment(#[source] SettingsError),
    /// Telemetry cannot be set up.
    #[error("telemetry cannot be set up")]
    Telemetry(#[source] Box<TelemetryError>),
    /// A thread cannot be started.
    #[error("worker threads cannot be started")]
    Workers(#[source] io::Error),
    /// The configuration's source cannot be used.
    #[error("the configuration cannot be loaded")]
    Source(#[source] Box<source::SourceError>),
    /// The ready file cannot be written.
    #[error("the ready file cannot be written")]
    ReadyFile(#[source] io::Error),
}

/// A data plane that serves.
#[derive(Debug)]
pub struct App {
    gateway: Arc<Gateway>,
    telemetry: Arc<Telemetry>,
    workers: Arc<Workers>,
    admin_workers: Arc<Workers>,
    drain: Drain,
    drain_settings: DrainSettings,
}

/// The pipeline on one worker, for every listener.
#[derive(Debug)]
struct Exchanges {
    worker: Worker,
    listeners: Arc<[Listener]>,
}

impl Handler for Exchanges {
    type Body = Body;

    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Arc<ConnectionInfo>,
    ) -> Response<Body> {
        exchange(&self.worker, &self.listeners[connection.listener], &connection, request).await
    }
}

impl App {
    /// Binds, loads and serves. Returns once every listener is open.
    ///
    /// # Errors
    /// What keeps the data plane from serving; an absent control plane does not.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let telemetry = start_telemetry(&settings)?;
        let drain = Drain::new();
        let sockets = bind_all(&settings, &telemetry)?;
        let listeners: Arc<[Listener]> = public_listeners(&settings.listeners, &sockets);

        let config = Handle::new();
        let applier = Applier::new(config.clone(), settings.site.clone(), Arc::clone(&telemetry.metrics));
        source::start(&settings, &Arc::new(applier), &drain)
            .await
            .map_err(|error| StartError::Source(Box::new(error)))?;

        let gateway =
            Arc::new(Gateway::new(config.clone(), Arc::clone(&telemetry), gateway_settings(&settings)));
        let workers = start_workers(&settings, &gateway, &listeners, &sockets)?;
        let admin = Admin { config, drain: drain.clone(), telemetry: Arc::clone(&telemetry) };
        let admin_workers = Workers::start(1, move |_| admin.clone()).map_err(StartError::Workers)?;
        let app = Self {
            gateway,
            telemetry,
            workers: Arc::new(workers),
            admin_workers: Arc::new(admin_workers),
            drain,
            drain_settings: DrainSettings {
                delay: settings.drain_delay,
                deadline: settings.drain_timeout,
                ..DrainSettings::default()
            },
        };
        app.open(&settings, sockets)?;
        Ok(app)
    }

    /// Opens the listeners and tells where they are.
    fn open(&self, settings: &Settings, sockets: Sockets) -> Result<(), StartError> {
        if let Some(path) = &settings.ready_file {
            ready::write(path, &sockets).map_err(StartError::ReadyFile)?;
        }
        for socket in sockets.public {
            tracing::info!(address = %socket.local_address(), "agents are served");
            tokio::spawn(accept(socket, Arc::clone(&self.workers), self.drain.clone()));
        }
        // Readiness has to be seen failing, so these stay open until the process exits.
        for socket in [sockets.admin, sockets.health] {
            tokio::spawn(accept(socket, Arc::clone(&self.admin_workers), Drain::new()));
        }
        tokio::spawn(sweep(Arc::clone(&self.gateway)));
        tokio::spawn(observe(Arc::clone(&self.gateway), Arc::clone(&self.workers)));
        Ok(())
    }

    /// Serves until told to stop, then shuts down in order.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        stop.await;
        let close = || self.workers.close();
        let end = || {
            self.gateway.end_streams(EndReason::Draining);
        };
        self.drain.run(&self.drain_settings, close, end, async || self.workers.idle().await).await;
        self.telemetry.shutdown(TELEMETRY_DEADLINE).await;
    }
}

/// The addresses that are bound.
#[derive(Debug)]
struct Sockets {
    public: Vec<Socket>,
    admin: Socket,
    health: Socket,
}

fn start_telemetry(settings: &Settings) -> Result<Arc<Telemetry>, StartError> {
    let arguments = &settings.telemetry;
    let variable = |name: &str| std::env::var(name).ok();
    let told = telemetry::Settings::new(arguments, &settings.site.region, &settings.id, variable)
        .map_err(StartError::Environment)?;
    let unusable = |error| StartError::Telemetry(Box::new(error));
    let telemetry = Telemetry::start(&told).map_err(unusable)?;
    telemetry.init_diagnostics(&arguments.log, arguments.log_format).map_err(unusable)?;
    Ok(Arc::new(telemetry))
}

fn bind_all(settings: &Settings, telemetry: &Telemetry) -> Result<Sockets, StartError> {
    let mut public = Vec::new();
    for (index, spec) in settings.listeners.iter().enumerate() {
        let counters = Arc::clone(&telemetry.metrics.process.connections);
        let listener = ListenerSettings { tls: server_tls(spec)?, counters, ..listener_settings(settings) };
        public.push(bind(index, spec.address, listener)?);
    }
    let admin = bind(ADMIN_LISTENER, settings.admin_listen, ListenerSettings::default())?;
    let health = bind(HEALTH_LISTENER, settings.health_listen, ListenerSettings::default())?;
    Ok(Sockets { public, admin, health })
}

fn bind(index: usize, address: SocketAddr, settings: ListenerSettings) -> Result<Socket, StartError> {
    Socket::bind(index, address, settings).map_err(|source| StartError::Listen { address, source })
}

fn listener_settings(settings: &Settings) -> ListenerSettings {
    let limits = &settings.limits;
    ListenerSettings {
        max_connections: limits.max_connections,
        head_timeout: limits.head_timeout,
        keep_alive_timeout: limits.keep_alive_timeout,
        handshake_timeout: limits.handshake_timeout,
        write_timeout: limits.write_timeout,
        http2_streams_max: limits.http2_streams_max,
        http2_ping_interval: limits.http2_ping_interval,
        http2_ping_timeout: limits.http2_ping_timeout,
        ..ListenerSettings::default()
    }
}

fn server_tls(spec: &ListenerSpec) -> Result<Option<Arc<ServerTls>>, StartError> {
    if spec.certificates.is_empty() {
        return Ok(None);
    }
    let files = spec
        .certificates
        .iter()
        .map(|pair| CertificateFiles { certificates: pair.certificates.clone(), key: pair.key.clone() })
        .collect();
    let tls = ServerTls::load(files)
        .map_err(|source| StartError::Certificate { address: spec.address, source: Box::new(source) })?;
    tokio::spawn(Arc::clone(&tls).watch(CERTIFICATE_INTERVAL));
    Ok(Some(tls))
}

fn public_listeners(specs: &[ListenerSpec], sockets: &Sockets) -> Arc<[Listener]> {
    let bound = sockets.public.iter().map(Socket::local_address);
    specs.iter().zip(bound).map(|(spec, bound)| Listener::new(spec.public_url_at(bound))).collect()
}

fn gateway_settings(settings: &Settings) -> GatewaySettings {
    GatewaySettings {
        trusted_proxies: TrustedProxies::new(settings.trusted_proxies.clone()),
        body_timeout: settings.limits.body_timeout,
        max_buffered_bytes: settings.limits.max_buffered_bytes as u64,
        secrets_dir: settings.secrets_dir.clone(),
    }
}

fn start_workers(
    settings: &Settings,
    gateway: &Arc<Gateway>,
    listeners: &Arc<[Listener]>,
    sockets: &Sockets,
) -> Result<Workers, StartError> {
    let (gateway, listeners) = (Arc::clone(gateway), Arc::clone(listeners));
    let own = sockets.public.iter().chain([&sockets.admin, &sockets.health]).map(Socket::local_address);
    let rules = Arc::new(AddressRules::new(own.collect()));
    Workers::start(settings.threads, move |_| Exchanges {
        worker: Worker::new(Arc::clone(&gateway), Pool::new(PoolSettings::default(), Arc::clone(&rules))),
        listeners: Arc::clone(&listeners),
    })
    .map_err(StartError::Workers)
}

/// Gives up buckets of limits that have recovered.
async fn sweep(gateway: Arc<Gateway>) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        gateway.sweep();
    }
}

/// Keeps the gauges that nobody counts up and down.
async fn observe(gateway: Arc<Gateway>, workers: Arc<Workers>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        gateway.observe(workers.open_connections() as u64);
    }
}
