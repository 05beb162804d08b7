//! What happens now and then.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::discovery::Fleet;
use crate::discovery::fleet::FLUSH_INTERVAL;
use crate::net::certificate::{RENEWAL_AGE, ServerCertificate};
use crate::service::{MAINTENANCE_INTERVAL, Service};

/// Time between two looks at the age of the certificate: a machine may sleep.
const RENEWAL_CHECK: Duration = Duration::from_secs(60 * 60);

/// Starts the rounds of maintenance and of storing the fleet view.
pub(super) fn start(service: &Service, fleet: &Arc<Fleet>, tasks: &TaskTracker, stop: &CancellationToken) {
    let service = service.clone();
    tasks.spawn(every(MAINTENANCE_INTERVAL, stop.clone(), move || {
        let service = service.clone();
        async move {
            if let Err(error) = service.maintain().await {
                tracing::warn!(error = %error.internal(), "maintenance of the store failed");
            }
        }
    }));
    let fleet = Arc::clone(fleet);
    tasks.spawn(every(FLUSH_INTERVAL, stop.clone(), move || {
        let fleet = Arc::clone(&fleet);
        async move {
            if let Err(error) = fleet.flush().await {
                tracing::warn!(error = %error.internal(), "the fleet view could not be stored");
            }
        }
    }));
}

/// Replaces the server certificate before it expires.
pub(super) async fn renew(
    certificate: Arc<ServerCertificate>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut issued = clock.now();
    every(RENEWAL_CHECK, stop, move || {
        let now = clock.now();
        let age = now.duration_since(issued).unwrap_or_default();
        if age >= RENEWAL_AGE {
            match certificate.renew(now) {
                Ok(()) => issued = now,
                Err(error) => tracing::error!(%error, "the server certificate could not be renewed"),
            }
        }
        std::future::ready(())
    })
    .await;
}

async fn every<F: Future<Output = ()>>(
    pause: Duration,
    stop: CancellationToken,
    mut round: impl FnMut() -> F,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => round().await,
        }
    }
}
