//! Starts whatever tells the data plane what to serve.

use std::sync::Arc;

use crate::config::Applier;
use crate::config::file::{FileError, FileSource, POLL_INTERVAL};
use crate::settings::{Settings, Source};

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The manifest cannot be used, and nothing else is there to be served.
    #[error("the manifest cannot be used")]
    File(#[source] FileError),
}

/// Loads what can be loaded now and keeps it current from here on.
///
/// # Errors
/// A data plane that runs alone has nothing to serve without its manifest. One with a control plane always starts.
pub(super) async fn start(settings: &Settings, applier: &Arc<Applier>) -> Result<(), SourceError> {
    match &settings.source {
        Source::File(path) => {
            let mut file = FileSource::new(path.clone(), Arc::clone(applier)).map_err(SourceError::File)?;
            file.refresh().await.map_err(SourceError::File)?;
            tokio::spawn(file.watch(POLL_INTERVAL));
        }
        Source::ControlPlane(_) => {}
    }
    Ok(())
}
