//! Export to a collector over OTLP/gRPC.
//!
//! Spans wait in the bounded queue of the SDK's batch processor; metrics are read and sent by one task; access records
//! have their own way (`records`). A collector that is away costs records, which are counted, and nothing else.

mod channel;
mod push;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider},
};
pub(super) use push::Push;
use signalbox_proto::telemetry::{Counted, ExportCounters, OtlpSettings};
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};

use super::error::TelemetryError;

/// Spans that may wait for a collector; more are lost. Memory for all of them is taken at the start.
const QUEUE_SPANS: usize = 2048;
/// Spans of one export.
const BATCH_SPANS: usize = 512;
/// Longest that a span waits for its batch to fill.
const BATCH_DELAY: Duration = Duration::from_secs(1);

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

/// Starts the export of spans.
///
/// # Errors
/// The SDK refuses the settings.
pub(super) fn traces(
    collector: &Collector,
    settings: &OtlpSettings,
    counters: &Arc<ExportCounters>,
) -> Result<SdkTracerProvider, TelemetryError> {
    let attributes = settings.resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let resource = Resource::builder().with_attributes(attributes).build();
    let spans = SpanExporter::builder()
        .with_tonic()
        .with_channel(collector.channel.clone())
        .with_metadata(collector.metadata.clone())
        .with_timeout(collector.timeout)
        .build()
        .map_err(TelemetryError::Exporter)?;
    let batch = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE_SPANS)
        .with_max_export_batch_size(BATCH_SPANS)
        .with_scheduled_delay(BATCH_DELAY)
        .build();
    let spans = BatchSpanProcessor::builder(Counted::spans(spans, counters)).with_batch_config(batch).build();
    // Who is traced is decided before a span is begun.
    Ok(SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource)
        .with_span_processor(spans)
        .build())
}
