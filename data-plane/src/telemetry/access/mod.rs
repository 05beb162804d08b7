//! The access log: one JSON line for each exchange.
//!
//! A request formats its line into the buffer of its thread and goes on; one writer thread does the rest. A reader that
//! does not keep up costs lines, which are counted, never a request.

mod fields;
mod json;
mod line;
mod record;
mod redact;
mod sink;
mod stamp;

#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

pub(super) use fields::{Visit, visit};
pub use record::{AccessRecord, Outcome, Termination};
pub(super) use redact::clean;
use signalbox_proto::telemetry::Counter;
use sink::Sink;
use stamp::Stamp;

use super::buffers::{Buffers, Limits, Losses};

/// Handed over at 64 KiB; 4 MiB may wait for the writer.
const LIMITS: Limits = Limits { thread: "access-log", handover_bytes: 64 * 1024, queue_buffers: 64 };
/// Longest that `flush` waits for the writer.
const FLUSH_WAIT: Duration = Duration::from_secs(2);

/// Where the lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destination {
    /// Nowhere: nothing is formatted.
    Off,
    /// The process's standard output.
    #[default]
    Stdout,
    /// A file, appended to, and opened again when it has been moved away.
    File(PathBuf),
}

/// What became of the lines.
#[derive(Debug, Default)]
pub struct AccessCounters {
    /// Handed to the destination.
    pub written: Counter,
    /// Lost: the destination did not keep up or failed.
    pub dropped: Counter,
}

impl Losses for AccessCounters {
    fn lost(&self, records: u64) {
        self.dropped.add(records);
    }
}

/// The access log of one process. Cloning gives another handle to it; the last one to go has the rest written.
#[derive(Clone, Debug)]
pub struct AccessLog(Option<Open>);

#[derive(Clone, Debug)]
struct Open {
    buffers: Buffers<Stamp>,
    /// The end of every line: which data plane wrote it.
    suffix: Arc<[u8]>,
}

impl AccessLog {
    /// Opens the destination and starts the writer. `region` and `data_plane` end every line.
    ///
    /// # Errors
    /// The file cannot be opened, or the thread cannot be started.
    pub fn start(
        destination: &Destination,
        region: &str,
        data_plane: &str,
        counters: Arc<AccessCounters>,
    ) -> io::Result<Self> {
        match Sink::open(destination, Arc::clone(&counters))? {
            None => Ok(Self::off()),
            Some(sink) => Self::start_with(sink, line::suffix(region, data_plane), counters),
        }
    }

    fn start_with(sink: Sink, suffix: Vec<u8>, counters: Arc<AccessCounters>) -> io::Result<Self> {
        let buffers = Buffers::start(sink, LIMITS, counters)?;
        Ok(Self(Some(Open { buffers, suffix: suffix.into() })))
    }

    /// A log that writes nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// Whether lines go anywhere.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Formats one line. Never waits for the destination.
    pub fn log(&self, record: &AccessRecord<'_>) {
        if let Some(Open { buffers, suffix }) = &self.0 {
            buffers.push(|text, stamp| line::write(text, stamp, record, suffix));
        }
    }

    /// Waits until everything logged so far has reached the destination, at most two seconds. Blocks: not for a
    /// thread that serves requests.
    pub fn flush(&self) {
        if let Some(Open { buffers, .. }) = &self.0 {
            buffers.flush(FLUSH_WAIT);
        }
    }
}
