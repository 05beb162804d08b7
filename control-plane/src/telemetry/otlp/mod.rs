//! Export to a collector over OTLP/gRPC.
//!
//! Spans and log records wait in the bounded queues of the SDK's batch processors, each with a thread of its own;
//! metrics are read and sent by one task. A collector that is away costs records, which are counted, and nothing else.

mod channel;
mod push;

use std::{sync::Arc, time::Duration};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{LogExporter, SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    logs::{BatchConfigBuilder as LogBatch, BatchLogProcessor, SdkLoggerProvider},
    trace::{BatchConfigBuilder as SpanBatch, BatchSpanProcessor, Sampler, SdkTracerProvider},
};
pub(super) use push::Push;
use signalbox_proto::telemetry::{Counted, ExportCounters, OtlpSettings};
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};

use super::error::TelemetryError;

/// Spans or log records that may wait for a collector; more are lost.
const QUEUE_RECORDS: usize = 2048;
/// Spans or log records of one export.
const BATCH_RECORDS: usize = 512;
/// Longest that a record waits for its batch to fill.
const BATCH_DELAY: Duration = Duration::from_secs(1);

/// The SDK's ends, one for each signal that goes through it.
#[derive(Debug)]
pub(super) struct Providers {
    pub(super) traces: SdkTracerProvider,
    pub(super) logs: SdkLoggerProvider,
}

/// What every export needs: the connection, and the headers to send along.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    pub(super) channel: tonic::transport::Channel,
    pub(super) metadata: MetadataMap,
    pub(super) timeout: Duration,
}

/// Prepares to reach the collector, without reaching for it yet; `None` if there is none. Needs a tokio runtime.
///
/// # Errors
/// The endpoint, a header or the certificate cannot be understood.
pub(super) fn collector(settings: &OtlpSettings) -> Result<Option<Collector>, TelemetryError> {
    let Some(endpoint) = &settings.endpoint else { return Ok(None) };
    let channel = channel::lazy(endpoint, settings)?;
    let mut metadata = MetadataMap::new();
    for (name, value) in &settings.headers {
        let key: Result<MetadataKey<Ascii>, _> = name.to_ascii_lowercase().parse();
        let value: Result<MetadataValue<Ascii>, _> = value.parse();
        let (Ok(key), Ok(mut value)) = (key, value) else { return Err(TelemetryError::Header(name.clone())) };
        value.set_sensitive(true);
        metadata.insert(key, value);
    }
    Ok(Some(Collector { channel, metadata, timeout: settings.timeout }))
}

/// Starts the batch processors.
///
/// # Errors
/// The SDK refuses the settings.
pub(super) fn providers(
    collector: &Collector,
    settings: &OtlpSettings,
    counters: &Arc<ExportCounters>,
) -> Result<Providers, TelemetryError> {
    let attributes = settings.resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let resource = Resource::builder().with_attributes(attributes).build();
    let spans = SpanExporter::builder()
        .with_tonic()
        .with_channel(collector.channel.clone())
        .with_metadata(collector.metadata.clone())
        .with_timeout(collector.timeout)
        .build()
        .map_err(TelemetryError::Exporter)?;
    let logs = LogExporter::builder()
        .with_tonic()
        .with_channel(collector.channel.clone())
        .with_metadata(collector.metadata.clone())
        .with_timeout(collector.timeout)
        .build()
        .map_err(TelemetryError::Exporter)?;
    let span_batch = SpanBatch::default()
        .with_max_queue_size(QUEUE_RECORDS)
        .with_max_export_batch_size(BATCH_RECORDS)
        .with_scheduled_delay(BATCH_DELAY)
        .build();
    let log_batch = LogBatch::default()
        .with_max_queue_size(QUEUE_RECORDS)
        .with_max_export_batch_size(BATCH_RECORDS)
        .with_scheduled_delay(BATCH_DELAY)
        .build();
    let spans =
        BatchSpanProcessor::builder(Counted::spans(spans, counters)).with_batch_config(span_batch).build();
    let logs = BatchLogProcessor::builder(Counted::logs(logs, counters)).with_batch_config(log_batch).build();
    Ok(Providers {
        // Who is traced is decided before a span is begun.
        traces: SdkTracerProvider::builder()
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource.clone())
            .with_span_processor(spans)
            .build(),
        logs: SdkLoggerProvider::builder().with_resource(resource).with_log_processor(logs).build(),
    })
}

impl Providers {
    /// Sends what is left. Blocks for up to `deadline`: only for a thread that may.
    pub(super) fn shutdown(&self, deadline: Duration) {
        // Failures are counted where records are lost; here they change nothing any more.
        let _ = self.traces.shutdown_with_timeout(deadline / 2);
        let _ = self.logs.shutdown_with_timeout(deadline / 2);
    }

    /// Sends what waits. Blocks: only for a thread that may.
    pub(super) fn flush(&self) {
        let _ = self.traces.force_flush();
        let _ = self.logs.force_flush();
    }
}
