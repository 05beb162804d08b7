//! Against a real collector, and with the real layer for change spans.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
    logs_service_server::{LogsService, LogsServiceServer},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use signalbox_proto::model::lane::Lane;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const METHOD: &str = "signalbox.config.v1.ConfigService/UpdateAgent";
const WAIT: Duration = Duration::from_secs(20);

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

/// Runs with the layer that exports change spans.
fn exported(run: impl FnOnce()) -> Vec<SpanData> {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
    let layer = diagnostics::export_layer(provider.tracer(SCOPE));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), run);
    let spans = kept.0.lock().unwrap();
    spans.clone()
}

#[test]
fn a_call_continues_its_callers_trace_and_hands_on_its_own() {
    let mut handed_on = None;
    let spans = exported(|| {
        let span = change::call_span(METHOD, Some(CALLER));
        span.record("signalbox.actor", "admin");
        handed_on = change::traceparent(&span);
        change::fail(&span, &"etag is stale");
    });
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(span.name, METHOD);
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(span.status, opentelemetry::trace::Status::error("etag is stale"));
    let handed_on = handed_on.unwrap();
    assert!(handed_on.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{handed_on}");
    assert!(handed_on.contains(&span.span_context.span_id().to_string()), "{handed_on}");
}

#[test]
fn publishing_is_linked_to_the_commit() {
    let spans = exported(|| drop(change::publish_span("edge-1", Lane::Config, 1, 2, Some(CALLER))));
    assert_eq!(spans[0].links[0].span_context.span_id().to_string(), "b7ad6b7169203331");
}

#[test]
fn without_a_collector_nothing_is_handed_on() {
    let span = change::call_span(METHOD, Some(CALLER));
    assert_eq!(change::traceparent(&span), None);
}

struct Logs(mpsc::Sender<ExportLogsServiceRequest>);

#[tonic::async_trait]
impl LogsService for Logs {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.0.send(request.into_inner()).await.map_err(|_| Status::unavailable("nobody is interested"))?;
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

fn settings(endpoint: &str) -> OtlpSettings {
    let arguments =
        TelemetryArguments { otlp_endpoint: Some(endpoint.to_owned()), ..TelemetryArguments::default() };
    arguments.otlp("replica-1", |_| None).unwrap()
}

fn record(resources: &[String]) -> AuditRecord<'_> {
    AuditRecord {
        time: SystemClock.now(),
        actor: "admin",
        method: METHOD,
        request_id: "",
        resources,
        config_revision: Some(7),
        credentials_revision: None,
        code: "OK",
        traceparent: Some(CALLER),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn audit_records_arrive_at_the_collector() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut received) = mpsc::channel(16);
    let server = Server::builder().add_service(LogsServiceServer::new(Logs(sender)));
    let server = tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let telemetry = Telemetry::start(&settings(&endpoint)).unwrap();
    telemetry.audit(&record(&["organizations/default/agents/weather".to_owned()]));
    telemetry.flush().await;

    let request = tokio::time::timeout(WAIT, received.recv()).await.unwrap().unwrap();
    let logs = &request.resource_logs[0];
    let instance = logs.resource.as_ref().unwrap().attributes.iter();
    assert!(instance.clone().any(|attribute| attribute.key == "service.instance.id"));
    let record = &logs.scope_logs[0].log_records[0];
    assert_eq!(record.event_name, "signalbox.audit");
    assert_eq!(record.trace_id[..2], [0x0a, 0xf7]);
    let names: Vec<_> = record.attributes.iter().map(|attribute| &*attribute.key).collect();
    let expected = [
        "signalbox.actor",
        "rpc.method",
        "rpc.response.status_code",
        "signalbox.resources",
        "signalbox.revision.config",
    ];
    assert_eq!(names, expected);
    assert_eq!(telemetry.metrics.exports.logs.exported.get(), 1);
    telemetry.shutdown(WAIT).await;
    // This collector takes log records and nothing else.
    assert!(telemetry.metrics.exports.metrics.failed.get() > 0);
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_collector_costs_a_counter() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let telemetry = Telemetry::start(&settings(&endpoint)).unwrap();
    telemetry.audit(&record(&[]));
    telemetry.shutdown(WAIT).await;
    assert_eq!(telemetry.metrics.exports.logs.failed.get(), 1);
    assert!(telemetry.metrics.exports.metrics.failed.get() > 0);
}

#[tokio::test]
async fn without_a_collector_everything_is_a_no_op() {
    let telemetry =
        Telemetry::start(&TelemetryArguments::default().otlp("replica-1", |_| None).unwrap()).unwrap();
    telemetry.audit(&record(&[]));
    telemetry.flush().await;
    telemetry.shutdown(WAIT).await;
}

#[test]
fn the_page_of_metrics_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (begin, end) = ("<!-- begin control plane -->\n", "<!-- end control plane -->");
    let start = text.find(begin).expect("the page has the section") + begin.len();
    let stop = text.find(end).expect("the section ends");
    let expected = signalbox_proto::telemetry::markdown(metrics::TABLE);
    if text[start..stop] != *expected && std::env::var_os("UPDATE_DOCS").is_some() {
        let updated = format!("{}{expected}{}", &text[..start], &text[stop..]);
        return std::fs::write(path, updated).unwrap();
    }
    assert!(
        text[start..stop] == *expected,
        "docs/metrics.md is not current: run the tests once with UPDATE_DOCS=1"
    );
}
