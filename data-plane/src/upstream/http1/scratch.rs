//! Buffers of the thread, for the time of one call.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};

/// Most bytes taken from a connection at a time.
const READ_BYTES: usize = 16 * 1024;
/// A write buffer that has grown beyond this is not kept.
const WRITE_BYTES_KEPT: usize = 64 * 1024;

thread_local! {
    static READ: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static WRITE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Reads what there is, at most 16 KiB, into a piece of exactly that size; empty at the end of the connection.
pub(super) fn poll_read<T: AsyncRead + Unpin>(
    stream: &mut T,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
    // Taken, not borrowed: whatever the stream does meanwhile finds an empty buffer, not a locked one.
    let mut buffer = READ.take();
    buffer.resize(READ_BYTES, 0);
    let mut read = ReadBuf::new(&mut buffer);
    let result = Pin::new(stream).poll_read(cx, &mut read);
    let bytes = Bytes::copy_from_slice(read.filled());
    READ.set(buffer);
    ready!(result)?;
    Poll::Ready(Ok(bytes))
}

/// Calls `f` with an empty buffer.
pub(super) fn with_write_buffer<R>(f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut buffer = WRITE.take();
    buffer.clear();
    let result = f(&mut buffer);
    if buffer.capacity() <= WRITE_BYTES_KEPT {
        WRITE.set(buffer);
    }
    result
}
