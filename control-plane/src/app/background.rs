//! What happens now and then.

use std::sync::Arc;
use std::time::Duration;

use signalbox_proto::model::lane::Lane;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::discovery::Fleet;
use crate::discovery::fleet::FLUSH_INTERVAL;
use crate::net::certificate::{RENEWAL_AGE, ServerCertificate};
use crate::service::{MAINTENANCE_INTERVAL, Service};
use crate::store::Heads;
use crate::telemetry::Telemetry;

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

/// Keeps the gauges of the newest revisions current.
pub(super) async fn tell_heads(
    mut heads: watch::Receiver<Heads>,
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
) {
    loop {
        let now = *heads.borrow_and_update();
        for lane in Lane::ALL {
            telemetry.metrics.head(lane, now.of(lane));
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = heads.changed() => if changed.is_err() { return },
        }
    }
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
