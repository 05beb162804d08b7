//! The three OTLP services.

use std::sync::Arc;

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse, logs_service_server::LogsService},
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse, metrics_service_server::MetricsService,
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse, trace_service_server::TraceService,
        },
    },
    resource::v1::Resource,
};
use tonic::{Request, Response, Status};

use crate::{
    record::{self, attributes},
    records::Records,
};

/// Turns what exporters send into records.
#[derive(Clone)]
pub(crate) struct Receiver {
    records: Arc<Records>,
}

impl Receiver {
    /// A receiver that keeps what comes in `records`.
    pub(crate) fn new(records: Arc<Records>) -> Self {
        Self { records }
    }
}

fn resource_attributes(resource: Option<&Resource>) -> serde_json::Value {
    attributes(resource.map_or(&[], |resource| &resource.attributes))
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for group in request.into_inner().resource_spans {
            let resource = resource_attributes(group.resource.as_ref());
            for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.records.add("span", &record::span(&span, &resource));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        for group in request.into_inner().resource_metrics {
            let resource = resource_attributes(group.resource.as_ref());
            for metric in group.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                for point in record::metric(&metric, &resource) {
                    self.records.add("metric", &point);
                }
            }
        }
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        for group in request.into_inner().resource_logs {
            let resource = resource_attributes(group.resource.as_ref());
            for log in group.scope_logs.into_iter().flat_map(|scope| scope.log_records) {
                self.records.add("log", &record::log(&log, &resource));
            }
        }
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}
