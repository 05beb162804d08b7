use std::time::Duration;

use governor::nanos::Nanos;
use governor::state::StateStore as _;

use super::{Buckets, SHARDS};

fn put(buckets: &Buckets, key: u64, tat: u64) {
    let stored: Result<(), ()> = (&buckets).measure_and_replace(&key, |_| Ok(((), Nanos::new(tat))));
    stored.unwrap();
}

fn held(buckets: &Buckets, key: u64) -> Option<u64> {
    let read: Result<(), Option<Nanos>> = (&buckets).measure_and_replace(&key, Err);
    read.unwrap_err().map(Nanos::as_u64)
}

#[test]
fn memory_is_bounded_and_the_spent_are_forgotten_last() {
    let buckets = Buckets::with_capacity(800);
    let spender = buckets.key(&"spender");
    put(&buckets, spender, u64::MAX);
    for attacker in 0..100_000_u64 {
        put(&buckets, buckets.key(&attacker), 10 + attacker % 7);
        assert!(buckets.len() <= 800);
    }
    assert_eq!(held(&buckets, spender), Some(u64::MAX));
    assert!(buckets.len() > 800 - 2 * 800 / SHARDS);
}

#[test]
fn a_refusal_takes_no_place() {
    let buckets = Buckets::default();
    assert_eq!(held(&buckets, 1), None);
    assert!(buckets.is_empty());
}

#[test]
fn sweeping_forgets_only_what_is_full() {
    let buckets = Buckets::default();
    put(&buckets, 1, 5);
    put(&buckets, 2, 6);
    buckets.sweep(Duration::from_nanos(5));
    assert_eq!((held(&buckets, 1), held(&buckets, 2)), (None, Some(6)));
}
