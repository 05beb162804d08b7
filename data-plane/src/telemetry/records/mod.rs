//! The access log over OTLP.
//!
//! A record becomes the bytes of an OTLP log record on the thread of its request, at about the cost of a line, and waits
//! with others until enough of them make an export. (Through the SDK's log records each field would be copied three times,
//! at 5 µs a request.)

mod encode;
mod export;

#[cfg(test)]
mod tests;

use std::{io, sync::Arc, time::Duration};

use export::Export;
use signalbox_proto::telemetry::{ExportCounters, OtlpSettings};
use tokio::runtime::Handle;

use super::{
    access::AccessRecord,
    buffers::{Buffers, Limits, Losses},
    otlp::Collector,
};

/// Handed over at 256 KiB, some 300 records; 4 MiB may wait for the collector.
const LIMITS: Limits = Limits { thread: "access-otlp", handover_bytes: 256 * 1024, queue_buffers: 16 };

/// Sends access records to the collector.
#[derive(Clone, Debug)]
pub(super) struct AccessRecords(Buffers<Vec<u8>>);

impl AccessRecords {
    /// Starts the writer. Has to be called in a tokio runtime, which then does the sending.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(
        collector: &Collector,
        settings: &OtlpSettings,
        counters: &Arc<ExportCounters>,
    ) -> io::Result<Self> {
        let export = Export::new(collector, settings, counters, Handle::current());
        let losses = Arc::new(LogLosses(Arc::clone(counters)));
        Buffers::start(export, LIMITS, losses).map(Self)
    }

    /// Takes a record down. Never waits; if too much waits for the collector, records are lost.
    pub(super) fn emit(&self, record: &AccessRecord<'_>) {
        self.0.push(|records, scratch| encode::append(records, scratch, record));
    }

    /// Waits until everything taken down so far has been sent or lost, `wait` at most. Blocks.
    pub(super) fn flush(&self, wait: Duration) {
        self.0.flush(wait);
    }
}

#[derive(Debug)]
struct LogLosses(Arc<ExportCounters>);

impl Losses for LogLosses {
    fn lost(&self, records: u64) {
        self.0.logs.failed.add(records);
    }
}
