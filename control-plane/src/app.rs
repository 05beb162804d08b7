//! Builds everything in dependency order and owns the order of shutdown.

mod background;
mod http;
mod lock;
mod token;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use signalbox_proto::pin::Fingerprint;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{Services, serve};
use crate::clock::{Clock, SystemClock};
use crate::discovery::Fleet;
use crate::net::certificate::ServerCertificate;
use crate::net::{Ca, Listener, TlsSettings, files};
use crate::service::{Feed, Service};
use crate::settings::Settings;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::telemetry::Telemetry;

pub use self::token::ADMIN_TOKEN_FILE;

/// The database, inside the data directory.
pub const DATABASE_FILE: &str = "signalbox.db";

/// Time that calls under way have to end after the order to stop; streams of data planes are cut then.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A control plane that serves.
pub struct App {
    /// Where it is reached.
    pub addresses: Addresses,
    stop: CancellationToken,
    tasks: TaskTracker,
    fleet: Arc<Fleet>,
    /// Keeps other processes away from the data directory.
    _lock: lock::DirectoryLock,
}

/// Where a control plane is reached.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Addresses {
    /// The gRPC APIs.
    pub grpc: SocketAddr,
    /// Health and metrics.
    pub http: SocketAddr,
    /// SHA-256 of the CA's certificate, hex; absent in plaintext.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_sha256: Option<String>,
}

impl App {
    /// Opens the data directory and serves; tells `telemetry` what happens.
    ///
    /// # Errors
    ///
    /// Whatever is missing, in words for the operator.
    pub async fn start(settings: &Settings, telemetry: Arc<Telemetry>) -> anyhow::Result<Self> {
        settings.check()?;
        let directory = &settings.data_dir;
        files::create_directory(directory)
            .with_context(|| format!("cannot create the data directory {}", directory.display()))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let lock = lock::take(directory)?;
        let store = open_store(directory, settings.new_history).await?;
        let feed = Feed::start(Arc::clone(&store)).await.context("cannot read the database")?;
        let service = Service::new(store, feed, clock);
        token::ensure(&service, directory).await?;
        let fleet = Fleet::load(&service).await.context("cannot read the database")?;

        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (tls, ca) = tls(settings, &service, &tasks, &stop)?;
        let grpc = bind(settings.listen, "--listen").await?;
        let http = bind(settings.http_address(), "--http-listen").await?;
        let addresses =
            Addresses { grpc: grpc.address, http: http.address, ca_sha256: ca.map(|ca| ca.to_string()) };

        background::start(&service, &fleet, &tasks, &stop);
        tasks.spawn(background::tell_heads(service.feed().heads(), Arc::clone(&telemetry), stop.clone()));
        tasks.spawn(http::serve(http, service.clone(), Arc::clone(&telemetry), stop.clone()));
        let services = Services { service, fleet: Arc::clone(&fleet), telemetry, ca };
        let stopped = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = serve(services, grpc.connections(tls), stopped.cancelled_owned()).await {
                tracing::error!(%error, "the gRPC server ended");
            }
        });
        Ok(Self { addresses, stop, tasks, fleet, _lock: lock })
    }

    /// Takes no more calls, gives those under way some time, and stores what is not stored yet.
    pub async fn stop(self) {
        self.stop.cancel();
        self.fleet.close();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::info!("streams that were still open are cut");
        }
        if let Err(error) = self.fleet.flush().await {
            tracing::warn!(error = %error.internal(), "the fleet view could not be stored");
        }
    }
}

async fn open_store(directory: &Path, new_history: bool) -> anyhow::Result<Arc<dyn Store>> {
    let path = directory.join(DATABASE_FILE);
    let store = SqliteStore::open(&path).await;
    let mut store = store.with_context(|| format!("cannot open the database {}", path.display()))?;
    if new_history {
        store.begin_new_history().await.context("cannot begin a new history")?;
        tracing::warn!("a new history begins: every data plane takes everything anew");
    }
    Ok(Arc::new(store))
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<Listener> {
    Listener::bind(address).await.with_context(|| format!("cannot listen on {address} ({flag})"))
}

fn tls(
    settings: &Settings,
    service: &Service,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<(TlsSettings, Option<Fingerprint>)> {
    if settings.plaintext {
        tracing::warn!(address = %settings.listen, "the gRPC APIs are served without TLS");
        return Ok((TlsSettings::Plaintext, None));
    }
    let now = service.clock().now();
    let ca = Arc::new(Ca::load_or_create(&settings.data_dir, now).context("cannot use the CA")?);
    let fingerprint = ca.fingerprint();
    let certificate = ServerCertificate::new(ca, settings.certificate_names(), now)
        .context("cannot make the server certificate (--tls-name)")?;
    let certificate = Arc::new(certificate);
    let renewal = background::renew(Arc::clone(&certificate), Arc::clone(service.clock()), stop.clone());
    tasks.spawn(renewal);
    Ok((TlsSettings::new(certificate).context("cannot set up TLS")?, Some(fingerprint)))
}

#[cfg(test)]
mod tests;
