//! Sends records that are already in wire form.

use std::{
    sync::{Arc, mpsc::sync_channel},
    time::Duration,
};

use bytes::{BufMut, Bytes};
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceResponse,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
};
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint},
};
use signalbox_proto::telemetry::{ExportCounters, OtlpSettings, Outcomes};
use tokio::runtime::Handle;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

use super::encode::bytes;
use crate::telemetry::{SCOPE, buffers::Outlet, otlp::Collector};

const PATH: PathAndQuery =
    PathAndQuery::from_static("/opentelemetry.proto.collector.logs.v1.LogsService/Export");

/// Field numbers of `ExportLogsServiceRequest`, `ResourceLogs` and `ScopeLogs`.
const RESOURCE_LOGS: u32 = 1;
const RESOURCE: u32 = 1;
const SCOPE_LOGS: u32 = 2;
const LOGS_SCOPE: u32 = 1;

/// Exports one buffer after the other.
pub(super) struct Export {
    client: Grpc<Channel>,
    collector: Collector,
    /// The resource, as a member of a `ResourceLogs`.
    resource: Vec<u8>,
    /// The scope, as a member of a `ScopeLogs`.
    scope: Vec<u8>,
    outcomes: Outcomes,
    runtime: Handle,
}

impl Export {
    pub(super) fn new(
        collector: &Collector,
        settings: &OtlpSettings,
        counters: &Arc<ExportCounters>,
        runtime: Handle,
    ) -> Self {
        let attributes = settings.resource.iter().map(|(key, value)| KeyValue {
            key: key.clone(),
            value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.clone())) }),
            ..Default::default()
        });
        let resource = Resource { attributes: attributes.collect(), ..Default::default() };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let scope = InstrumentationScope { name: SCOPE.to_owned(), version, ..Default::default() };
        Self {
            client: Grpc::new(collector.channel.clone()),
            collector: collector.clone(),
            resource: member(RESOURCE, &resource.encode_to_vec()),
            scope: member(LOGS_SCOPE, &scope.encode_to_vec()),
            outcomes: Outcomes::logs(counters),
            runtime,
        }
    }

    /// The whole request around the records.
    fn request(&self, records: &[u8]) -> Bytes {
        let scope_logs = self.scope.len() + records.len();
        let resource_logs = self.resource.len() + 1 + encoded_len_varint(scope_logs as u64) + scope_logs;
        let mut request = Vec::with_capacity(resource_logs + 16);
        encode_key(RESOURCE_LOGS, WireType::LengthDelimited, &mut request);
        encode_varint(resource_logs as u64, &mut request);
        request.extend_from_slice(&self.resource);
        encode_key(SCOPE_LOGS, WireType::LengthDelimited, &mut request);
        encode_varint(scope_logs as u64, &mut request);
        request.extend_from_slice(&self.scope);
        request.extend_from_slice(records);
        request.into()
    }
}

impl Outlet for Export {
    fn put(&mut self, records: Vec<u8>, count: u64) {
        let mut request = Request::new(self.request(&records));
        *request.metadata_mut() = self.collector.metadata.clone();
        let exported = export(self.client.clone(), request, self.collector.timeout);
        let (done, waiter) = sync_channel(1);
        // A runtime that is being shut down drops the task, and with it the sender.
        self.runtime.spawn(async move {
            let _ = done.try_send(exported.await);
        });
        let rejected = match waiter.recv() {
            Ok(Ok(response)) => {
                let rejected = response.partial_success.map_or(0, |partial| partial.rejected_log_records);
                u64::try_from(rejected).unwrap_or_default().min(count)
            }
            Ok(Err(status)) => return self.outcomes.count(count, Some(&status.code().to_string())),
            Err(_) => return self.outcomes.count(count, Some("the process is ending")),
        };
        self.outcomes.count(count - rejected, None);
        if rejected > 0 {
            self.outcomes.count(rejected, Some("records were rejected"));
        }
    }
}

async fn export(
    mut client: Grpc<Channel>,
    request: Request<Bytes>,
    limit: Duration,
) -> Result<ExportLogsServiceResponse, Status> {
    let unary = async {
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        client.unary(request, PATH, Encoded).await
    };
    match tokio::time::timeout(limit, unary).await {
        Ok(answered) => answered.map(tonic::Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("no answer in time")),
    }
}

fn member(number: u32, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, number, message);
    out
}

/// A request that is encoded already, and its ordinary response.
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = ExportLogsServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, request: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(request);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = ExportLogsServiceResponse;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<ExportLogsServiceResponse>, Status> {
        let decoded = ExportLogsServiceResponse::decode(buffer);
        decoded.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
