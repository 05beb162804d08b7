//! Reading a request body: at most once, at most so many bytes, in bounded time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::budget::{BufferBudget, Reservation};
use crate::error::{Code, GatewayError};

/// Bytes of a refused request's body that are read away so that its connection can be kept.
pub(super) const REFUSED_BODY_DRAIN_BYTES: u64 = 16 * 1024;

/// Bytes of a refused request's body that are read away before its connection closes, so that the client is still
/// there to read the answer.
const LINGER_BYTES: u64 = 1024 * 1024;

/// Time for which a refused request's body is read away.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// A request body in memory, counted against the budget while it lives.
#[derive(Debug)]
pub(super) struct Buffered {
    /// The whole body.
    pub(super) bytes: Bytes,
    /// Held until the body has been sent on.
    pub(super) reservation: Reservation,
}

/// Limits on reading one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    /// Largest body in bytes.
    pub(super) max_bytes: u64,
    /// Time from the head to the body's last byte.
    pub(super) timeout: Duration,
}

/// Reads `body` whole.
///
/// The common case, one frame that has arrived with the head, takes neither a copy nor a timer.
///
/// # Errors
///
/// `BodyTooLarge`, `BodyTimeout`, `BodyIncomplete` (the client left or broke the framing), or `Overloaded` when the
/// process buffers too much already.
pub(super) async fn read(
    body: &mut Incoming,
    limits: BodyLimits,
    budget: &BufferBudget,
) -> Result<Buffered, GatewayError> {
    let mut reservation = budget.reserve();
    if body.size_hint().exact().is_some_and(|length| length > limits.max_bytes) {
        return Err(Code::BodyTooLarge.into());
    }
    let first = match body.frame().now_or_never() {
        Some(frame) => frame,
        None => return read_slowly(body, BytesMut::new(), limits, reservation).await,
    };
    let Some(frame) = first else {
        return Ok(Buffered { bytes: Bytes::new(), reservation });
    };
    let data = frame.map_err(incomplete)?.into_data().unwrap_or_default();
    take(&mut reservation, data.len(), 0, limits)?;
    if body.is_end_stream() {
        return Ok(Buffered { bytes: data, reservation });
    }
    let capacity = body.size_hint().exact().and_then(|rest| usize::try_from(rest).ok()).unwrap_or(0);
    let mut gathered = BytesMut::with_capacity(data.len() + capacity.min(64 * 1024));
    gathered.extend_from_slice(&data);
    drop(data);
    read_slowly(body, gathered, limits, reservation).await
}

async fn read_slowly(
    body: &mut Incoming,
    mut gathered: BytesMut,
    limits: BodyLimits,
    mut reservation: Reservation,
) -> Result<Buffered, GatewayError> {
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(incomplete)?.into_data() else { continue };
            take(&mut reservation, data.len(), gathered.len(), limits)?;
            gathered.extend_from_slice(&data);
        }
        Ok(())
    };
    match tokio::time::timeout(limits.timeout, reading).await {
        Ok(done) => done.map(|()| Buffered { bytes: gathered.freeze(), reservation }),
        Err(_elapsed) => Err(Code::BodyTimeout.into()),
    }
}

fn take(
    reservation: &mut Reservation,
    more: usize,
    held: usize,
    limits: BodyLimits,
) -> Result<(), GatewayError> {
    let more = more as u64;
    if held as u64 + more > limits.max_bytes {
        return Err(Code::BodyTooLarge.into());
    }
    if reservation.grow(more) { Ok(()) } else { Err(Code::Overloaded.into()) }
}

fn incomplete(error: hyper::Error) -> GatewayError {
    GatewayError::new(Code::BodyIncomplete).caused_by(error)
}

/// Reads the rest of a refused request's body away in the background.
///
/// Returns whether the connection must close: when more than [`REFUSED_BODY_DRAIN_BYTES`] are outstanding, or the body
/// `is_stuck`. Even then some are read, since closing on unread bytes would reset the connection under the answer.
pub(super) fn discard(body: Incoming, is_stuck: bool) -> bool {
    if body.is_end_stream() {
        return false;
    }
    let close = is_stuck || body.size_hint().upper().is_none_or(|rest| rest > REFUSED_BODY_DRAIN_BYTES);
    let limit = if close { LINGER_BYTES } else { REFUSED_BODY_DRAIN_BYTES };
    tokio::spawn(tokio::time::timeout(LINGER_TIME, discard_up_to(body, limit)));
    close
}

async fn discard_up_to(mut body: Incoming, limit: u64) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > limit {
            return;
        }
    }
}
