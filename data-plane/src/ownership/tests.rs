use std::collections::HashMap as Model;

use proptest::prelude::*;

use super::*;

const TASK: Kind = Kind::Task;

#[test]
fn the_first_claim_counts_and_holds_for_its_agent_and_kind_alone() {
    let owners = Owners::new();
    let (one, other) = (owners.claimant("a", "one"), owners.claimant("a", "other"));
    assert_eq!(one.standing(TASK, "t"), Standing::Unknown);
    one.learn(TASK, "t");
    other.learn(TASK, "t");
    assert_eq!(one.standing(TASK, "t"), Standing::Own);
    assert_eq!(other.standing(TASK, "t"), Standing::Foreign);
    assert_eq!(other.standing(Kind::Context, "t"), Standing::Unknown);
    assert_eq!(owners.claimant("b", "other").standing(TASK, "t"), Standing::Unknown);
    // The record is the agent's: another request of the same caller finds it.
    assert_eq!(owners.claimant("a", "one").standing(TASK, "t"), Standing::Own);
}

#[test]
fn callers_without_a_key_are_one_owner() {
    let owners = Owners::new();
    owners.claimant("a", "").learn(TASK, "t");
    assert_eq!(owners.claimant("a", "").standing(TASK, "t"), Standing::Own);
    assert_eq!(owners.claimant("a", "one").standing(TASK, "t"), Standing::Foreign);
}

#[test]
fn records_go_with_their_agents() {
    let owners = Owners::new();
    owners.claimant("a", "one").learn(TASK, "t");
    owners.claimant("b", "one").learn(TASK, "t");
    owners.sweep(|agent| agent == "a");
    assert_eq!(owners.claimant("a", "other").standing(TASK, "t"), Standing::Foreign);
    assert_eq!(owners.claimant("b", "other").standing(TASK, "t"), Standing::Unknown);
}

#[test]
fn each_process_hashes_in_its_own_way() {
    let [one, other] = [Hasher::new(), Hasher::new()];
    assert_ne!(one.hash(b't', "a", "t"), other.hash(b't', "a", "t"));
    assert_eq!(format!("{one:?}"), "Hasher(redacted)");
}

proptest! {
    /// A record against a list: never more than its limit, oldest out first, and nobody is overwritten.
    #[test]
    fn a_record_is_bounded_and_the_first_writer_wins(
        claims in prop::collection::vec((0u8..40, 0u8..4), 0..200),
        limit in 0usize..12,
    ) {
        let owners = Owners::with_limit(limit);
        let mut order: Vec<u8> = Vec::new();
        let mut model: Model<u8, u8> = Model::new();
        for (id, caller) in claims {
            let claimant = owners.claimant("a", &caller.to_string());
            claimant.learn(TASK, &id.to_string());
            if limit > 0 && !model.contains_key(&id) {
                if order.len() == limit {
                    model.remove(&order.remove(0));
                }
                order.push(id);
                model.insert(id, caller);
            }
            prop_assert!(claimant.record.lock().unwrap().len() <= limit);
            for id in 0..40u8 {
                let expected = match model.get(&id) {
                    Some(owner) if *owner == caller => Standing::Own,
                    Some(_) => Standing::Foreign,
                    None => Standing::Unknown,
                };
                prop_assert_eq!(claimant.standing(TASK, &id.to_string()), expected);
            }
        }
    }
}
