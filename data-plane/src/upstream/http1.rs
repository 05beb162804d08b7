//! HTTP/1.1 towards agents: a small, strict client.
//!
//! It holds no buffer while it waits, since most connections of a gateway wait most of the time: bytes are read into a
//! buffer of the thread and copied once, exactly. It refuses what two readers could understand differently: a length
//! together with a transfer coding, more than one length, codings other than `chunked`, folded lines, an upgrade that
//! nobody asked for. Every such answer also ends the connection.

mod exchange;
mod framing;
mod head;
mod request;
mod scratch;

#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, ReadBuf};

use super::transport::Transport;

pub use exchange::{Exchange, send};
pub use head::Head;

/// Idle time after which the kernel is asked whether a connection still stands. Below it the runtime has just looked.
const ASK_AFTER: Duration = Duration::from_millis(5);

/// A connection on which no exchange is under way. Dropping it closes the socket.
#[derive(Debug)]
pub(super) struct Http1Connection(pub(super) Transport);

impl Http1Connection {
    /// Whether the agent has neither closed it nor sent anything since the last answer.
    pub(super) fn is_alive(&mut self, idle: Duration) -> bool {
        let mut byte = [0];
        let mut cx = Context::from_waker(Waker::noop());
        // No system call unless the runtime has seen something.
        if Pin::new(&mut self.0).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_ready() {
            return false;
        }
        if idle < ASK_AFTER {
            return true;
        }
        let peeked = SockRef::from(self.0.tcp()).peek(&mut [MaybeUninit::uninit()]);
        peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}
