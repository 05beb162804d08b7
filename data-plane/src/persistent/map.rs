//! A hash map over a spine of short lists.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;

use super::spine::{SLOT_BITS, Spine};

/// A hash map whose clone is free and whose changes copy a few KiB. Meant for up to some 100,000 entries.
#[derive(Clone)]
pub struct Map<K, V> {
    hasher: RandomState,
    spine: Spine<Vec<(K, V)>>,
    len: usize,
}

impl<K: Clone, V: Clone> Default for Map<K, V> {
    fn default() -> Self {
        Self { hasher: RandomState::default(), spine: Spine::default(), len: 0 }
    }
}

impl<K: Clone, V: Clone> Map<K, V> {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every entry, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.spine.leaves().flat_map(|leaf| leaf.iter().map(|(key, value)| (key, value)))
    }
}

impl<K: Clone + Hash + Eq, V: Clone> Map<K, V> {
    /// The value at `key`. Neither locks nor allocates.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let leaf = self.spine.leaf(self.slot(key));
        leaf.iter().find(|(held, _)| held.borrow() == key).map(|(_, value)| value)
    }

    /// The value at `key`, made this map's own.
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let slot = self.slot(key);
        // Look before copying the leaf.
        let at = self.spine.leaf(slot).iter().position(|(held, _)| held.borrow() == key)?;
        self.spine.leaf_mut(slot).get_mut(at).map(|(_, value)| value)
    }

    /// Puts `value` at `key` and returns what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let leaf = self.spine.leaf_mut(self.slot(&key));
        if let Some((_, held)) = leaf.iter_mut().find(|(held, _)| *held == key) {
            return Some(std::mem::replace(held, value));
        }
        leaf.push((key, value));
        self.len += 1;
        None
    }

    /// Takes away what is at `key`.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let slot = self.slot(key);
        let at = self.spine.leaf(slot).iter().position(|(held, _)| held.borrow() == key)?;
        let (_, value) = self.spine.leaf_mut(slot).swap_remove(at);
        self.len -= 1;
        Some(value)
    }

    fn slot<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        usize::try_from(self.hasher.hash_one(key) >> (u64::BITS - SLOT_BITS)).unwrap_or_default()
    }
}

impl<K: Clone + fmt::Debug, V: Clone + fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
