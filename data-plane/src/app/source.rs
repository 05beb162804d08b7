//! Starts whatever tells the data plane what to serve.

use std::sync::Arc;

use crate::config::cache::Cache;
use crate::config::client::{Client, Identity, Transport};
use crate::config::file::{FileError, FileSource, POLL_INTERVAL};
use crate::config::{Applier, chain};
use crate::drain::{Drain, Phase};
use crate::settings::{CacheSettings, ControlPlane, Settings, Source};

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The manifest cannot be used, and nothing else is there to be served.
    #[error("the manifest cannot be used")]
    File(#[source] FileError),
    /// TLS to the control plane cannot be set up.
    #[error("TLS to the control plane cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Loads what can be loaded now and keeps it current from here on.
///
/// # Errors
/// A data plane that runs alone has nothing to serve without its manifest. One with a control plane always starts.
pub(super) async fn start(
    settings: &Settings,
    applier: &Arc<Applier>,
    drain: &Drain,
) -> Result<(), SourceError> {
    match &settings.source {
        Source::File(path) => {
            let mut file = FileSource::new(path.clone(), Arc::clone(applier)).map_err(SourceError::File)?;
            file.refresh().await.map_err(SourceError::File)?;
            tokio::spawn(file.watch(POLL_INTERVAL));
        }
        Source::ControlPlane(control_plane) => {
            let client = client(settings, control_plane, applier, drain).await?;
            tokio::spawn(client.run());
        }
    }
    Ok(())
}

/// A client of the control plane, with the last good state of the disk already served.
async fn client(
    settings: &Settings,
    control_plane: &ControlPlane,
    applier: &Arc<Applier>,
    drain: &Drain,
) -> Result<Client, SourceError> {
    let transport = Transport::new(control_plane.ca_sha256).map_err(SourceError::Tls)?;
    let cache = match &control_plane.cache {
        Some(cache) => open_cache(cache.clone(), applier).await,
        None => None,
    };
    let (handle, drain) = (applier.handle().clone(), drain.clone());
    Ok(Client {
        applier: Arc::clone(applier),
        cache,
        identity: Identity::new(settings.id.clone()),
        addresses: control_plane.addresses.clone(),
        transport,
        token_file: control_plane.token_file.clone(),
        is_ready: Arc::new(move || handle.is_configured() && drain.phase() == Phase::Serving),
    })
}

/// The cache, or none if it cannot be used: a disk is no reason not to serve.
async fn open_cache(settings: CacheSettings, applier: &Arc<Applier>) -> Option<Cache> {
    let applier = Arc::clone(applier);
    let opening = tokio::task::spawn_blocking(move || Cache::open(&settings, &applier));
    match opening.await {
        Ok(Ok(cache)) => Some(cache),
        Ok(Err(error)) => {
            tracing::error!(
                "going on without a cache, the state will not outlive the process: {}",
                chain(&error)
            );
            None
        }
        Err(_) => {
            tracing::error!("going on without a cache: opening it panicked");
            None
        }
    }
}
