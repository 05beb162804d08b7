//! What the A2A work of a request costs: `cargo bench -p signalbox-data-plane --bench a2a`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use signalbox_data_plane::a2a::card::{CapabilitiesOff, CardRewrite, SecurityDeclaration, Target, rewrite};
use signalbox_data_plane::a2a::{Binding, jsonrpc, response};

/// About 850 bytes, as the SDKs send it.
fn request() -> String {
    let text = "Summarise the quarterly report for the northern region and list open tickets. ".repeat(3);
    format!(
        r#"{{"jsonrpc":"2.0","id":"3f6e1c0a-7c1b-4d2e-9b1f-0a1b2c3d4e5f","method":"SendMessage","params":{{"message":{{"role":"ROLE_USER","parts":[{{"text":"{text}","mediaType":"text/plain"}}],"messageId":"7d1e9b7e-1111-2222-3333-444455556666","contextId":"9c1e9b7e-1111-2222-3333-444455556666","taskId":"1a2e9b7e-1111-2222-3333-444455556666","metadata":{{"tenant":"acme","priority":3}}}},"configuration":{{"acceptedOutputModes":["text/plain","application/json"],"historyLength":10}},"metadata":{{"client":"python-sdk/1.3.0"}}}}}}"#
    )
}

fn answer() -> String {
    let text = "The northern region grew by four percent; three tickets are open. ".repeat(6);
    format!(
        r#"{{"jsonrpc":"2.0","id":"3f6e1c0a-7c1b-4d2e-9b1f-0a1b2c3d4e5f","result":{{"task":{{"id":"1a2e9b7e-1111-2222-3333-444455556666","contextId":"9c1e9b7e-1111-2222-3333-444455556666","status":{{"state":"TASK_STATE_COMPLETED","timestamp":"2026-11-20T06:00:00Z"}},"artifacts":[{{"artifactId":"a","parts":[{{"text":"{text}"}}]}}]}}}}}}"#
    )
}

fn bench(criterion: &mut Criterion) {
    let body = request();
    criterion.bench_function("classify a request of 850 B", |bencher| {
        bencher.iter(|| jsonrpc::classify(black_box(body.as_bytes())).is_ok());
    });
    let big = body.replace("python-sdk/1.3.0", &"x".repeat(1024 * 1024));
    criterion.bench_function("classify a request of 1 MiB", |bencher| {
        bencher.iter(|| jsonrpc::classify(black_box(big.as_bytes())).is_ok());
    });
    let body = answer();
    criterion.bench_function("read an answer of 850 B", |bencher| {
        bencher.iter(|| response::read_json_rpc(black_box(body.as_bytes())).is_some());
    });

    let card = include_bytes!("../fuzz/corpus/card/hybrid.json");
    let targets: Vec<Target> = Target::parse("http://backend.internal:9999/rpc").into_iter().collect();
    let security =
        SecurityDeclaration { keeps_own: false, alternatives: SecurityDeclaration::api_key("X-API-Key") };
    let policy = CardRewrite {
        targets: &targets,
        public_url: "https://agents.example/a2a/echo",
        grpc_authority: None,
        bindings: &[Binding::JsonRpc],
        security: &security,
        capabilities_off: CapabilitiesOff::default(),
    };
    criterion.bench_function("rewrite a card", |bencher| {
        bencher.iter(|| rewrite(black_box(card), &policy).is_ok());
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
