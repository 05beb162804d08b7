//! Keys, routes, limits and config changes at the size of a large fleet.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use signalbox_data_plane::auth::{KeyBatch, KeyTable};
use signalbox_data_plane::config::cache::Cache;
use signalbox_data_plane::config::{Applier, Handle, Site, Staged};
use signalbox_data_plane::limit::{PlanLimits, Subject, refusal};
use signalbox_data_plane::route::{Address, Form, Table};
use signalbox_data_plane::settings::CacheSettings;
use signalbox_proto::model::credential::{Credential, KeyDigest};
use signalbox_proto::model::lane::{Change, Cursor, Epoch, Lane};
use signalbox_proto::model::name::{ApiKeyName, ConsumerName, PlanName};
use signalbox_proto::model::permits::Permits;
use signalbox_proto::model::plan::{Plan, PlanState, RateLimit, RateLimitKey, Security};
use signalbox_proto::model::push::PushPolicy;
use signalbox_proto::model::violation::FieldPath;

const KEYS: u64 = 1_000_000;
const PEPPER: [u8; 32] = [7; 32];

fn credential(table: &KeyTable, number: u64) -> Credential {
    let at = FieldPath::root();
    let consumer = format!("organizations/acme/consumers/consumer-{}", number / 4);
    let name = format!("{consumer}/subscriptions/main/apiKeys/k{number:011}");
    Credential {
        digest: digest(table, number),
        name: ApiKeyName::parse(&name, &at).expect("a name"),
        plan: PlanName::parse(&format!("organizations/acme/plans/p{}", number % 8), &at).expect("a name"),
        consumer: ConsumerName::parse(&consumer, &at).expect("a name"),
        expire_time: None,
    }
}

fn digest(table: &KeyTable, number: u64) -> KeyDigest {
    table.hasher().digest(token(number).as_bytes()).expect("a token")
}

fn token(number: u64) -> String {
    format!("imported key number {number}")
}

fn batch() -> KeyBatch {
    let empty = KeyTable::new(PEPPER);
    let mut batch = KeyBatch::new();
    for number in 0..KEYS {
        batch.push(&credential(&empty, number));
    }
    batch
}

fn keys(c: &mut Criterion) {
    let batch = batch();
    let table = KeyTable::build(PEPPER, &batch);
    let mut group = c.benchmark_group("keys, 1 M");
    group.sample_size(10);
    group.bench_function("build", |b| b.iter(|| KeyTable::build(PEPPER, &batch)));
    group.sample_size(100);
    let mut next = 0_u64;
    let mut any = move || {
        next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        next
    };
    let tokens: Vec<String> = (0..10_000).map(|_| token(any() % KEYS)).collect();
    let mut turn = tokens.iter().cycle();
    group.bench_function("find", |b| {
        b.iter(|| table.find(black_box(turn.next().expect("endless").as_bytes())).is_some());
    });
    let mut added = KEYS;
    group.bench_function("put one more beside readers", |b| {
        b.iter_batched(
            || {
                added += 1;
                (table.clone(), credential(&table, added))
            },
            |(mut table, key)| {
                table.put(&key);
                table
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn routes(c: &mut Criterion) {
    let mut table = Table::new();
    for number in 0..2_000 {
        table.insert(
            &Address { form: Form::Qualified, text: format!("/a2a/acme/agent-{number}").into() },
            number,
        );
    }
    c.bench_function("route among 2,000", |b| {
        b.iter(|| {
            *table.find(Some("edge.example"), black_box("/a2a/acme/agent-77")).expect("an agent").target
        });
    });
}

fn limits(c: &mut Criterion) {
    let limit = RateLimit {
        name: "minute".into(),
        requests: 4_000_000.try_into().expect("not zero"),
        period: Duration::from_secs(60),
        burst: 4_000_000.try_into().expect("not zero"),
        key: RateLimitKey::Consumer,
        shared: false,
    };
    let plan = Plan {
        name: PlanName::parse("organizations/acme/plans/p", &FieldPath::root()).expect("a name"),
        state: PlanState::Published,
        display_name: String::new(),
        description: String::new(),
        security: Security::Keyless,
        rate_limits: vec![limit],
        max_open_streams: None,
        permits: Permits::default(),
        push: PushPolicy::default(),
    };
    let limits = PlanLimits::compile(&plan, None);
    let consumers: Vec<String> = (0..10_000).map(|n| format!("organizations/acme/consumers/c{n}")).collect();
    let mut turn = consumers.iter().cycle();
    let mut now = Duration::ZERO;
    c.bench_function("limit over 10,000 consumers", |b| {
        b.iter(|| {
            now += Duration::from_micros(20);
            let consumer = turn.next().map(String::as_str);
            let subject =
                Subject { agent: "agent", consumer, key: consumer, address: Ipv4Addr::LOCALHOST.into() };
            refusal(&limits.check(&subject, now)).is_none()
        });
    });
}

fn cold_start(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = CacheSettings { dir: dir.path().join("cache"), key_file: None };
    let start = || {
        let applier = Arc::new(Applier::new(Handle::new(), Site::default(), Arc::default()));
        let cache = Cache::open(&settings, &applier).expect("a cache");
        (applier, cache)
    };
    let (applier, cache) = start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cursor = Cursor { epoch: Epoch([1; 16]), revision: 1 };
    let empty = KeyTable::new(PEPPER);
    for lane in Lane::ALL {
        let mut staged = Staged::new(lane, 0, cursor, true, PEPPER);
        if lane == Lane::Credentials {
            (0..KEYS).for_each(|n| staged.add(1, Change::PutCredential(Box::new(credential(&empty, n)))));
        }
        runtime.block_on(applier.apply(staged)).expect("applied");
        cache.record(lane, 0, cursor, true, Vec::new());
    }
    cache.close();
    let mut group = c.benchmark_group("cold start, 1 M keys");
    group.sample_size(10);
    group.bench_function("from disk", |b| {
        b.iter_batched(
            || (),
            |()| {
                let (applier, cache) = start();
                assert_eq!(applier.handle().load().keys.len(), 1_000_000);
                // The lock has to be free for the next round.
                cache.close();
                applier
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, keys, routes, limits, cold_start);
criterion_main!(benches);
