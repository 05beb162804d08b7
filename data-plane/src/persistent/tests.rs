use std::collections::HashMap;

use proptest::prelude::*;

use super::Map;

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, u16),
    Remove(u8),
    /// Keep a clone, which later steps must not change.
    Keep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (any::<u8>(), any::<u16>()).prop_map(|(k, v)| Step::Insert(k, v)),
        2 => any::<u8>().prop_map(Step::Remove),
        1 => Just(Step::Keep),
    ];
    prop::collection::vec(step, 0..80)
}

fn assert_same(map: &Map<String, u16>, model: &HashMap<String, u16>) {
    assert_eq!(map.len(), model.len());
    assert_eq!(map.is_empty(), model.is_empty());
    let seen: HashMap<String, u16> = map.iter().map(|(k, v)| (k.clone(), *v)).collect();
    assert_eq!(&seen, model);
    for key in 0..=u8::MAX {
        let key = key.to_string();
        assert_eq!(map.get(key.as_str()), model.get(key.as_str()));
    }
}

proptest! {
    #[test]
    fn behaves_as_a_hash_map_and_clones_keep_what_they_had(steps in steps()) {
        let (mut map, mut model) = (Map::new(), HashMap::new());
        let mut kept = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    let key = key.to_string();
                    prop_assert_eq!(map.insert(key.clone(), value), model.insert(key, value));
                }
                Step::Remove(key) => {
                    let key = key.to_string();
                    prop_assert_eq!(map.remove(key.as_str()), model.remove(key.as_str()));
                }
                Step::Keep => kept.push((map.clone(), model.clone())),
            }
        }
        kept.push((map, model));
        for (map, model) in &kept {
            assert_same(map, model);
        }
    }
}
