//! Change spans through the real layer, and the pages generated from the tables.

use std::sync::{Arc, Mutex};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use signalbox_proto::model::lane::Lane;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

const COMMIT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

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
fn an_apply_is_linked_to_the_commit_that_caused_it() {
    let spans = exported(|| {
        let span = change::apply_span(Lane::Config, 41, 42, COMMIT);
        span.in_scope(|| tracing::info!("an event of the diagnostic log"));
    });
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(span.name, "config.apply");
    assert_eq!(span.links[0].span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert!(
        span.attributes.iter().any(|kv| kv.key.as_str() == "signalbox.lane" && kv.value.as_str() == "config")
    );
    assert!(span.events.is_empty());
}

#[test]
fn a_traceparent_that_cannot_be_read_is_left_out() {
    let spans = exported(|| drop(change::apply_span(Lane::Credentials, 0, 1, "00-garbage")));
    assert!(spans[0].links.is_empty());
}

#[test]
fn a_refused_change_marks_its_span() {
    let spans = exported(|| {
        let span = change::apply_span(Lane::Config, 1, 2, "");
        change::fail(&span, &std::io::Error::other("agents/a: no such plan"));
    });
    assert_eq!(spans[0].status, opentelemetry::trace::Status::error("agents/a: no such plan"));
}

#[test]
fn the_context_of_an_exported_span_can_be_passed_on() {
    let mut passed = None;
    let spans = exported(|| {
        let span = change::connect_span("https://127.0.0.1:9900");
        passed = change::traceparent(&span);
    });
    assert_eq!(passed.unwrap().span_id(), spans[0].span_context.span_id().to_bytes());
    assert_eq!(change::traceparent(&tracing::Span::none()), None);
}

#[test]
fn other_spans_are_not_exported() {
    let spans = exported(|| drop(tracing::info_span!(target: "h2::client", "poll").entered()));
    assert!(spans.is_empty(), "{spans:?}");
}

#[tokio::test(start_paused = true)]
async fn counters_of_removed_agents_are_folded_in_time() {
    let settings = Settings::new(
        &TelemetryArguments { access_log: Destination::Off, ..TelemetryArguments::default() },
        "",
        "edge-1",
        |_| None,
    );
    let telemetry = Telemetry::start(&settings.unwrap()).unwrap();
    telemetry.finish(
        AccessRecord::default(),
        &telemetry.metrics.agent("acme", "gone"),
        RequestTrace::default(),
    );
    let shown = |telemetry: &Telemetry| {
        let mut text = String::new();
        telemetry.metrics.render(&mut text);
        text.contains("agent=\"gone\"")
    };
    assert!(shown(&telemetry));
    tokio::time::sleep(SWEEP_INTERVAL * 12).await;
    assert!(!shown(&telemetry));
    assert_eq!(telemetry.metrics.process.requests.get(), 1);
    telemetry.shutdown(Duration::from_secs(1)).await;
}

/// Compares a generated part of a page with what it has to be; with `UPDATE_DOCS` set, writes it.
fn assert_section(page: &str, name: &str, expected: &str) {
    let path = format!("{}/../docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let start = text.find(&begin).expect("the page has the section") + begin.len();
    let stop = text.find(&end).expect("the section ends");
    if text[start..stop] != *expected && std::env::var_os("UPDATE_DOCS").is_some() {
        let updated = format!("{}{expected}{}", &text[..start], &text[stop..]);
        return std::fs::write(&path, updated).unwrap();
    }
    assert!(
        text[start..stop] == *expected,
        "docs/{page} is not current: run the tests once with UPDATE_DOCS=1"
    );
}

#[test]
fn the_page_of_metrics_is_current() {
    let table: Vec<_> = metrics::TABLE.to_vec();
    assert_section("metrics.md", "data plane", &signalbox_proto::telemetry::markdown(&table));
}

#[test]
fn the_page_of_the_access_log_is_current() {
    let mut table = String::from("| field | OTLP attribute | what |\n|---|---|---|\n");
    for (field, meaning) in names::ALL {
        table.push_str(&format!("| `{}` | `{}` | {} |\n", field.line, field.attribute, meaning.trim()));
    }
    assert_section("access-log.md", "fields", &table);
}
