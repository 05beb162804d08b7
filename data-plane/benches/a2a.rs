//! What the A2A work of a request costs: `cargo bench -p signalbox-data-plane --bench a2a`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use http::Method;
use signalbox_data_plane::a2a::card::{
    CapabilitiesOff, CardRewrite, SecurityDeclaration, SkillFilter, Target, rewrite,
};
use signalbox_data_plane::a2a::{Binding, http_json, jsonrpc, policy, response};
use signalbox_data_plane::permit::{PushRules, check_operation, check_skill};
use signalbox_proto::model::permits::Permits;
use signalbox_proto::model::pointer::{JsonPointer, SkillSelector};
use signalbox_proto::model::push::{PushMode, PushPolicy};
use signalbox_proto::model::violation::FieldPath;

/// About 850 bytes, as the SDKs send it.
fn request() -> String {
    let text = "Summarise the quarterly report for the northern region and list open tickets. ".repeat(3);
    format!(
        r#"{{"jsonrpc":"2.0","id":"3f6e1c0a-7c1b-4d2e-9b1f-0a1b2c3d4e5f","method":"SendMessage","params":{{"message":{{"role":"ROLE_USER","parts":[{{"text":"{text}","mediaType":"text/plain"}}],"messageId":"7d1e9b7e-1111-2222-3333-444455556666","contextId":"9c1e9b7e-1111-2222-3333-444455556666","taskId":"1a2e9b7e-1111-2222-3333-444455556666","metadata":{{"tenant":"acme","priority":3}}}},"configuration":{{"acceptedOutputModes":["text/plain","application/json"],"historyLength":10}},"metadata":{{"client":"python-sdk/1.3.0"}}}}}}"#
    )
}

/// The same over HTTP+JSON.
fn http_body() -> String {
    let call = request();
    let params = call.find(r#""params":"#).map_or(0, |at| at + r#""params":"#.len());
    call[params..call.len() - 1].to_owned()
}

fn answer() -> String {
    let text = "The northern region grew by four percent; three tickets are open. ".repeat(6);
    format!(
        r#"{{"jsonrpc":"2.0","id":"3f6e1c0a-7c1b-4d2e-9b1f-0a1b2c3d4e5f","result":{{"task":{{"id":"1a2e9b7e-1111-2222-3333-444455556666","contextId":"9c1e9b7e-1111-2222-3333-444455556666","status":{{"state":"TASK_STATE_COMPLETED","timestamp":"2026-11-20T06:00:00Z"}},"artifacts":[{{"artifactId":"a","parts":[{{"text":"{text}"}}]}}]}}}}}}"#
    )
}

/// What the pipeline does with a request between its last byte and the choice of an upstream.
fn classify_and_permit(
    body: &[u8],
    permits: &Permits,
    push: &PushPolicy,
    selector: Option<&SkillSelector>,
) -> bool {
    let Ok(call) = jsonrpc::classify(body) else { return false };
    let rules = PushRules::new(push, push);
    if check_operation(permits, call.operation.name()).is_err()
        || rules.check_use(call.operation.is_push() || call.has_push_config).is_err()
    {
        return false;
    }
    if rules.mode() != PushMode::Validate && selector.is_none() {
        return true;
    }
    let Ok(Some(params)) = policy::params(call.binding, body) else { return false };
    if rules.mode() == PushMode::Validate {
        let Ok(urls) = policy::webhooks(params) else { return false };
        if urls.iter().any(|url| rules.check_webhook(url).is_err()) {
            return false;
        }
    }
    let Some(selector) = selector else { return true };
    policy::skills(params, selector).is_ok_and(|named| check_skill(permits, &named).is_ok())
}

fn permits(criterion: &mut Criterion) {
    let body = request();
    let padding = "And then ".repeat((1024 - body.len()) / 9);
    let body = body.replacen("Summarise", &format!("{padding}Summarise"), 1);
    assert!((1000..=1024).contains(&body.len()), "{} bytes", body.len());
    let open = (Permits::default(), PushPolicy::default());
    criterion.bench_function("classify and permit 1 KiB under no policy", |bencher| {
        bencher.iter(|| assert!(classify_and_permit(black_box(body.as_bytes()), &open.0, &open.1, None)));
    });
    let strict =
        Permits { operations: vec!["SendMessage", "GetTask"], skills: vec!["search".into(), "acme".into()] };
    let validate = PushPolicy { mode: PushMode::Validate, ..Default::default() };
    let operations = Permits { skills: Vec::new(), ..strict.clone() };
    criterion.bench_function("classify and permit 1 KiB under an operation list", |bencher| {
        bencher.iter(|| assert!(classify_and_permit(black_box(body.as_bytes()), &operations, &open.1, None)));
    });
    criterion.bench_function("classify and permit 1 KiB with webhooks validated", |bencher| {
        bencher
            .iter(|| assert!(classify_and_permit(black_box(body.as_bytes()), &operations, &validate, None)));
    });
    let pointer = JsonPointer::parse("/tenant", &FieldPath::root()).ok();
    let selector = SkillSelector { message_metadata: pointer.into_iter().collect(), data_parts: Vec::new() };
    criterion.bench_function("classify and permit 1 KiB under lists of operations and skills", |bencher| {
        let check = || classify_and_permit(black_box(body.as_bytes()), &strict, &open.1, Some(&selector));
        bencher.iter(|| assert!(check()));
    });
    criterion.bench_function("classify and permit 1 KiB under every policy", |bencher| {
        let check = || classify_and_permit(black_box(body.as_bytes()), &strict, &validate, Some(&selector));
        bencher.iter(|| assert!(check()));
    });
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
    let rest = http_body();
    let path = "/acme/message:send";
    criterion.bench_function("classify HTTP+JSON of 800 B", |bencher| {
        bencher.iter(|| {
            let route = http_json::classify(&Method::POST, black_box(path)).ok()?;
            http_json::read_body(&route, path, None, black_box(rest.as_bytes())).ok().map(|call| call.waits)
        });
    });
    criterion.bench_function("classify HTTP+JSON without a body", |bencher| {
        bencher.iter(|| {
            let path = black_box("/v1/tasks/1a2e9b7e-1111-2222-3333-444455556666:cancel");
            let route = http_json::classify(&Method::POST, path).ok()?;
            http_json::read_body(&route, path, None, b"").ok().map(|call| call.waits)
        });
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
        skills: SkillFilter::All,
        versions: None,
        reader: None,
    };
    criterion.bench_function("rewrite a card", |bencher| {
        bencher.iter(|| rewrite(black_box(card), &policy).is_ok());
    });
}

criterion_group!(benches, bench, permits);
criterion_main!(benches);
