//! Against a real collector: a tonic server that is down, comes up, and is started again.

use std::{
    net::SocketAddr,
    time::{Duration, UNIX_EPOCH},
};

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{
            ExportLogsServiceRequest, ExportLogsServiceResponse,
            logs_service_server::{LogsService, LogsServiceServer},
        },
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::any_value::Value,
};
use tokio::{net::TcpListener, runtime::Runtime, sync::mpsc};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

use crate::telemetry::{
    AccessRecord, Destination, Outcome, Settings, Telemetry, TelemetryArguments, TelemetryError, TraceContext,
};

const WAIT: Duration = Duration::from_secs(20);

/// What the collector has been sent, with the `authorization` that came along.
#[derive(Debug)]
enum Export {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest, Option<String>),
}

#[derive(Clone)]
struct Receiver(mpsc::Sender<Export>);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0
            .send(Export::Traces(request.into_inner()))
            .await
            .map_err(|_| Status::unavailable("nobody is interested"))?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.0
            .send(Export::Logs(request.into_inner()))
            .await
            .map_err(|_| Status::unavailable("nobody is interested"))?;
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let token = request.metadata().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        self.0
            .send(Export::Metrics(request.into_inner(), token))
            .await
            .map_err(|_| Status::unavailable("nobody is interested"))?;
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// A collector on a runtime of its own, so that it can go with all its connections.
struct FakeCollector {
    address: SocketAddr,
    exports: mpsc::Receiver<Export>,
    /// Received and not asked for yet.
    waiting: Vec<Export>,
    runtime: Runtime,
}

impl FakeCollector {
    async fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let listener = listener.into_std().unwrap();
        let (sender, exports) = mpsc::channel(1024);
        let receiver = Receiver(sender);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async {
            Server::builder()
                .add_service(TraceServiceServer::new(receiver.clone()))
                .add_service(LogsServiceServer::new(receiver.clone()))
                .add_service(MetricsServiceServer::new(receiver))
                .serve_with_incoming(TcpListenerStream::new(TcpListener::from_std(listener).unwrap()))
                .await
                .unwrap();
        });
        Self { address, exports, waiting: Vec::new(), runtime }
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the server and every connection.
    fn stop(self) {
        self.runtime.shutdown_background();
    }

    /// The next export that `pick` wants; others wait for their turn.
    async fn next<T>(&mut self, pick: impl Fn(&mut Export) -> Option<T>) -> T {
        let mut looked_at = 0;
        loop {
            for at in looked_at..self.waiting.len() {
                if let Some(picked) = pick(&mut self.waiting[at]) {
                    self.waiting.remove(at);
                    return picked;
                }
            }
            looked_at = self.waiting.len();
            let export = tokio::time::timeout(WAIT, self.exports.recv()).await.expect("an export in time");
            self.waiting.push(export.unwrap());
        }
    }

    async fn next_traces(&mut self) -> ExportTraceServiceRequest {
        self.next(|export| match export {
            Export::Traces(request) => Some(std::mem::take(request)),
            _ => None,
        })
        .await
    }

    async fn next_logs(&mut self) -> ExportLogsServiceRequest {
        self.next(|export| match export {
            Export::Logs(request) => Some(std::mem::take(request)),
            _ => None,
        })
        .await
    }

    async fn next_metrics(&mut self) -> (ExportMetricsServiceRequest, Option<String>) {
        self.next(|export| match export {
            Export::Metrics(request, token) => Some((std::mem::take(request), token.take())),
            _ => None,
        })
        .await
    }
}

fn settings(endpoint: &str, environment: &[(&str, &str)]) -> Settings {
    let arguments = TelemetryArguments {
        otlp_endpoint: Some(endpoint.to_owned()),
        trace_ratio: Some(1.0),
        access_log: Destination::Off,
        ..TelemetryArguments::default()
    };
    let variable =
        |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
    Settings::new(&arguments, "eu-west", "edge-1", variable).unwrap()
}

/// Accounts for one request, with its upstream call.
fn request(telemetry: &Telemetry) -> Option<TraceContext> {
    let mut headers = http::HeaderMap::new();
    let trace = telemetry.tracer.start(&headers, UNIX_EPOCH);
    let context = trace.context();
    trace.upstream(&mut headers, UNIX_EPOCH).finish("POST", "127.0.0.1:9", Some(200), None);
    let record = AccessRecord {
        method: "POST",
        status: 200,
        operation: "SendMessage",
        a2a_method: "message/send",
        outcome: Outcome::Success,
        ..AccessRecord::default()
    };
    telemetry.finish(record, &telemetry.metrics.agent("acme", "weather"), trace);
    context
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_three_signals_arrive_with_the_name_of_the_process() {
    let mut collector = FakeCollector::start("127.0.0.1:0").await;
    let environment = [("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20token")];
    let telemetry = Telemetry::start(&settings(&collector.endpoint(), &environment)).unwrap();
    let context = request(&telemetry).unwrap();
    telemetry.shutdown(WAIT).await;

    let traces = collector.next_traces().await;
    let spans = &traces.resource_spans[0].scope_spans[0].spans;
    assert_eq!(spans.iter().map(|span| &*span.name).collect::<Vec<_>>(), ["POST", "SendMessage"]);
    assert_eq!(spans[0].parent_span_id, spans[1].span_id);
    let resource = &traces.resource_spans[0].resource.as_ref().unwrap().attributes;
    assert!(resource.iter().any(|attribute| attribute.key == "cloud.region"));

    let logs = collector.next_logs().await;
    let record = &logs.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(record.event_name, "signalbox.access");
    assert_eq!(record.trace_id, context.trace_id());
    assert_eq!(record.span_id, context.span_id());
    let method = record.attributes.iter().find(|attribute| attribute.key == "a2a.method").unwrap();
    let Some(Value::StringValue(method)) = method.value.clone().unwrap().value else { panic!("{method:?}") };
    assert_eq!(method, "message/send");

    let (metrics, token) = collector.next_metrics().await;
    assert_eq!(token.as_deref(), Some("Bearer token"));
    let metrics = &metrics.resource_metrics[0].scope_metrics[0].metrics;
    assert!(metrics.iter().any(|metric| metric.name == "http.server.request.duration"));
    collector.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_down_comes_up_and_is_started_again() {
    // Nobody listens where this one listened.
    let gone = FakeCollector::start("127.0.0.1:0").await;
    let address = gone.address;
    gone.stop();
    let telemetry = Telemetry::start(&settings(&format!("http://{address}"), &[])).unwrap();
    let exports = &telemetry.metrics.process.exports;

    request(&telemetry);
    telemetry.flush().await;
    assert_eq!((exports.traces.failed.get(), exports.traces.exported.get()), (2, 0));
    assert_eq!(exports.logs.failed.get(), 1);

    for round in 1..=2 {
        let mut collector = FakeCollector::start(&address.to_string()).await;
        // The channel waits a little between attempts to connect: what is sent meanwhile is lost and counted.
        let traced = tokio::time::timeout(WAIT, async {
            loop {
                request(&telemetry);
                telemetry.flush().await;
                if exports.traces.exported.get() >= 2 * round {
                    break;
                }
            }
        });
        traced.await.expect("exports resume");
        collector.next_traces().await;
        collector.stop();
        let failed = exports.traces.failed.get();
        request(&telemetry);
        telemetry.flush().await;
        assert_eq!(exports.traces.failed.get(), failed + 2, "down again");
    }
    telemetry.shutdown(WAIT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_sent_at_intervals() {
    let mut collector = FakeCollector::start("127.0.0.1:0").await;
    let environment = [("OTEL_METRIC_EXPORT_INTERVAL", "20")];
    let telemetry = Telemetry::start(&settings(&collector.endpoint(), &environment)).unwrap();
    collector.next_metrics().await;
    collector.next_metrics().await;
    assert!(telemetry.metrics.process.exports.metrics.exported.get() > 0);
    telemetry.shutdown(WAIT).await;
    collector.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_holds_up_neither_requests_nor_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let telemetry =
        Telemetry::start(&settings(&endpoint, &[("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")])).unwrap();
    let begun = tokio::time::Instant::now();
    // More than all queues hold.
    for _ in 0..20_000 {
        request(&telemetry);
    }
    assert!(begun.elapsed() < WAIT);
    let deadline = Duration::from_millis(300);
    let begun = tokio::time::Instant::now();
    telemetry.shutdown(deadline).await;
    assert!(begun.elapsed() < deadline * 10, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_the_start() {
    let refused = |endpoint: &str, environment: &[(&str, &str)]| {
        Telemetry::start(&settings(endpoint, environment)).expect_err("is refused")
    };
    assert!(matches!(
        refused("127.0.0.1:4317", &[]),
        TelemetryError::Endpoint { .. } | TelemetryError::Scheme
    ));
    assert!(matches!(refused("ftp://127.0.0.1:4317", &[]), TelemetryError::Scheme));
    let header = refused("http://127.0.0.1:1", &[("OTEL_EXPORTER_OTLP_HEADERS", "bad%20name=sbx_secret")]);
    assert!(matches!(&header, TelemetryError::Header(name) if name == "bad name"));
    assert!(!format!("{header} {header:?}").contains("secret"));
    let certificate =
        refused("https://127.0.0.1:1", &[("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nonexistent.pem")]);
    assert!(matches!(certificate, TelemetryError::Certificate { .. }));
}

#[tokio::test]
async fn an_https_endpoint_is_accepted() {
    assert!(Telemetry::start(&settings("https://127.0.0.1:1", &[])).is_ok());
}
