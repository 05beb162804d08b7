use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use signalbox_proto::model::credential::{Credential, KeyDigest};
use signalbox_proto::model::name::{ApiKeyName, ConsumerName, PlanName};
use signalbox_proto::model::violation::FieldPath;

use super::{KeyBatch, KeyTable};

const PEPPER: [u8; 32] = [3; 32];

/// Few names and digests, all in few leaves, so that they meet.
fn credential(name: u8, digest: u8, plan: u8, expires: Option<u64>) -> Credential {
    let consumer = format!("organizations/o/consumers/c{}", name % 3);
    let at = FieldPath::root();
    Credential {
        name: ApiKeyName::parse(&format!("{consumer}/subscriptions/s/apiKeys/k{name}"), &at).unwrap(),
        digest: KeyDigest([digest % 2, 0, 0, 0, 0, 0, 0, 0, digest, 0, 0, 0, 0, 0, 0, digest]),
        plan: PlanName::parse(&format!("organizations/o/plans/p{plan}"), &at).unwrap(),
        consumer: ConsumerName::parse(&consumer, &at).unwrap(),
        expire_time: expires.map(|at| UNIX_EPOCH + Duration::from_secs(at)),
    }
}

/// The contract: at most one key of each name and of each digest; the last one put counts.
#[derive(Clone, Default)]
struct Model(HashMap<String, Credential>);

impl Model {
    fn put(&mut self, put: &Credential) {
        self.0.retain(|_, held| held.digest != put.digest);
        self.0.insert(put.name.to_string(), put.clone());
    }
}

fn assert_same(table: &KeyTable, model: &Model) {
    assert_eq!(table.len(), model.0.len());
    assert_eq!(table.iter().count(), model.0.len());
    for (name, held) in &model.0 {
        let key = table.get(&held.digest).unwrap();
        assert_eq!(key.name(), name);
        let alone = key.alone();
        assert_eq!(
            (alone.name(), alone.digest(), alone.expires()),
            (key.name(), key.digest(), key.expires())
        );
        assert_eq!(key.consumer(), held.consumer.as_str());
        assert_eq!(table.plan(&key), Some(&held.plan));
        assert_eq!(key.expires().map(|at| UNIX_EPOCH + Duration::from_secs(at)), held.expire_time);
        assert_eq!(table.by_name(name).unwrap().digest(), held.digest);
    }
    for byte in 0..40 {
        let probe = credential(byte, byte, 0, None);
        let held = model.0.values().any(|held| held.digest == probe.digest);
        assert_eq!(table.get(&probe.digest).is_some(), held);
        assert_eq!(table.by_name(probe.name.as_str()).is_some(), model.0.contains_key(probe.name.as_str()));
    }
}

fn credentials() -> impl Strategy<Value = Vec<Credential>> {
    let one = (0..20_u8, 0..20_u8, 0..4_u8, prop::option::of(1..9_u64))
        .prop_map(|(name, digest, plan, expires)| credential(name, digest, plan, expires));
    prop::collection::vec(one, 0..30)
}

proptest! {
    // Each case builds two tables of 16,384 leaves.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn behaves_as_a_map_by_name_and_digest(
        first in credentials(),
        steps in prop::collection::vec((any::<bool>(), 0..20_u8, 0..20_u8), 0..40),
    ) {
        let mut batch = KeyBatch::new();
        let mut model = Model::default();
        // The control plane never sends two keys of one digest; names may come twice.
        let mut digests = std::collections::HashSet::new();
        for put in first.iter().filter(|put| digests.insert(put.digest)) {
            batch.push(put);
            model.put(put);
        }
        let mut table = KeyTable::build(PEPPER, &batch);
        assert_same(&table, &model);
        let before = (table.clone(), model.clone());
        for (put, name, digest) in steps {
            let key = credential(name, digest, name % 4, None);
            if put {
                table.put(&key);
                model.put(&key);
            } else {
                let removed = table.remove(key.name.as_str()).map(|key| key.digest());
                prop_assert_eq!(removed, model.0.remove(key.name.as_str()).map(|held| held.digest));
            }
            assert_same(&table, &model);
        }
        assert_same(&before.0, &before.1);
    }
}

#[test]
fn looks_up_presented_keys() {
    let mut table = KeyTable::new(PEPPER);
    let mut key = credential(1, 1, 1, None);
    key.digest = table.hasher().digest(b"imported").unwrap();
    table.put(&key);
    assert_eq!(table.find(b"imported").unwrap().name(), key.name.as_str());
    assert!(table.find(b"importeD").is_none());
    assert!(table.find(&[b'x'; 4096]).is_none());
}
