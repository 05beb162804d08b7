//! From the kernel's queue to a worker.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::listener::{Listener, tune};
use super::worker::{Accepted, Workers};
use crate::drain::{Drain, Phase};

/// Pause after the process could not open another socket, so that the failure does not use a whole core.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Accepts connections until the data plane closes, each for the worker with the fewest. The socket closes at the end.
///
/// Where as many connections are open as the listener allows, new ones wait in the kernel.
///
/// # Errors
/// The socket cannot be registered with the runtime.
pub async fn accept(listener: Listener, workers: Arc<Workers>, drain: Drain) -> io::Result<()> {
    let Listener { socket, shared } = listener;
    let socket = TcpListener::from_std(socket)?;
    let mut closing = std::pin::pin!(drain.reached(Phase::Closing));
    loop {
        let next = async {
            let permit = Arc::clone(&shared.permits).acquire_owned().await;
            (permit, socket.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = &mut closing => return Ok(()),
            next = next => next,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { return Ok(()) };
        let (stream, peer_address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    tracing::warn!(%error, "connections cannot be accepted");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
                continue;
            }
        };
        shared.settings.counters.accepted.increment();
        let prepared = tune(&stream, &shared.settings).and_then(|()| stream.into_std());
        let Ok(stream) = prepared else { continue };
        let (place, worker) = workers.take_place(permit);
        let accepted = Accepted { stream, peer_address, listener: Arc::clone(&shared), place };
        if worker.send(accepted).await.is_err() {
            return Ok(());
        }
    }
}

/// Whether the failure concerns only the connection that was being accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
