use signalbox_proto::telemetry::Counter;

use super::*;

fn registry() -> Registry<Counter> {
    Registry::new(Counter::new(), Counter::new(), |total, gone| total.add(gone.get()))
}

#[test]
fn an_identity_keeps_its_counters() {
    let registry = registry();
    registry.get("a", "x", Counter::new).increment();
    registry.get("b", "x", Counter::new).add(5);
    assert_eq!(registry.get("a", "x", Counter::new).get(), 1);
    assert_eq!(registry.all().iter().map(|counter| counter.get()).collect::<Vec<_>>(), [1, 5, 0, 0]);
}

#[test]
fn what_is_used_is_never_folded() {
    let registry = registry();
    let held = registry.get("a", "x", Counter::new);
    for _ in 0..SWEEPS_KEPT * 2 {
        registry.sweep();
    }
    held.increment();
    assert_eq!(registry.get("a", "x", Counter::new).get(), 1);
}

#[test]
fn what_is_gone_is_folded_after_a_while_and_its_sum_stays() {
    let registry = registry();
    registry.get("a", "x", Counter::new).add(3);
    for _ in 1..SWEEPS_KEPT {
        registry.sweep();
    }
    assert_eq!(registry.get("a", "x", Counter::new).get(), 3, "still there");
    registry.sweep();
    assert_eq!(registry.gone.get(), 3);
    assert_eq!(registry.get("a", "x", Counter::new).get(), 0, "begun anew");
}

#[test]
fn being_used_again_starts_the_while_anew() {
    let registry = registry();
    registry.get("a", "x", Counter::new).add(3);
    for _ in 1..SWEEPS_KEPT {
        registry.sweep();
    }
    let held = registry.get("a", "x", Counter::new);
    registry.sweep();
    drop(held);
    for _ in 1..SWEEPS_KEPT {
        registry.sweep();
    }
    assert_eq!(registry.gone.get(), 0);
}
