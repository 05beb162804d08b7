//! The table itself.

use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use foldhash::quality::RandomState;
use signalbox_proto::model::credential::{Credential, KeyDigest};
use signalbox_proto::model::name::PlanName;

use super::batch::{Item, KeyBatch};
use super::leaf::Leaf;
use crate::auth::digest::{KeyHasher, PEPPER_BYTES};
use crate::persistent::{Map, SLOT_BITS, SLOTS, Spine};

type NameLeaf = Vec<(u64, KeyDigest)>;

/// API keys by digest and by name. A clone shares everything; a change copies one leaf of each index.
#[derive(Clone, Debug)]
pub struct KeyTable {
    hasher: KeyHasher,
    name_hasher: RandomState,
    digests: Spine<Leaf>,
    names: Spine<NameLeaf>,
    /// Plans that keys name; only ever grows until the table is built anew.
    plans: Arc<Vec<PlanName>>,
    plan_numbers: Map<PlanName, u32>,
    len: usize,
}

/// A key found; keeps its leaf (some KiB) alive, so a stream should hold one that is [`KeyRef::alone`].
#[derive(Clone, Debug)]
pub struct KeyRef {
    leaf: Arc<Leaf>,
    at: usize,
}

/// A key as the table holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRecord<'a> {
    /// What it is looked up by.
    pub digest: KeyDigest,
    /// Its name.
    pub name: &'a str,
    /// The plan that it opens.
    pub plan: &'a PlanName,
    /// Unix seconds at which it stops working; 0: never.
    pub expires: u32,
}

impl KeyRef {
    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.leaf.entry(self.at).map_or("", |entry| self.leaf.name(entry))
    }

    /// The name of the consumer that holds it.
    #[must_use]
    pub fn consumer(&self) -> &str {
        consumer_of(self.name())
    }

    /// What it was looked up by.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        self.leaf.entry(self.at).map_or(KeyDigest([0; 16]), |entry| entry.digest)
    }

    /// Unix seconds at which it stops working; `None`: never.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        self.leaf.entry(self.at).map(|entry| u64::from(entry.expires)).filter(|&at| at != 0)
    }

    /// The same key without its neighbours, some 200 bytes: for whoever keeps it longer than a request.
    #[must_use]
    pub fn alone(&self) -> Self {
        let mut leaf = Leaf::with_capacity(1, self.name().len());
        if let Some(entry) = self.leaf.entry(self.at) {
            leaf.push(entry.digest, entry.plan, entry.expires, self.name());
        }
        Self { leaf: Arc::new(leaf), at: 0 }
    }

    fn plan_index(&self) -> Option<usize> {
        self.leaf.entry(self.at).map(|entry| entry.plan as usize)
    }
}

/// The part of an API key's name that names its consumer.
fn consumer_of(key_name: &str) -> &str {
    let slashes = key_name.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
    let end = slashes.map(|(at, _)| at).nth(3).unwrap_or(key_name.len());
    key_name.get(..end).unwrap_or_default()
}

/// Unix seconds of an expiry, rounded down, never 0.
pub(super) fn unix_seconds(time: SystemTime) -> u32 {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
}

fn digest_slot(digest: &KeyDigest) -> usize {
    let KeyDigest([a, b, ..]) = *digest;
    usize::from(u16::from_be_bytes([a, b])) >> (u16::BITS - SLOT_BITS)
}

fn name_slot(hash: u64) -> usize {
    usize::try_from(hash >> (u64::BITS - SLOT_BITS)).unwrap_or_default()
}

impl KeyTable {
    /// A table without keys.
    #[must_use]
    pub fn new(pepper: [u8; PEPPER_BYTES]) -> Self {
        Self {
            hasher: KeyHasher::new(pepper),
            name_hasher: RandomState::default(),
            digests: Spine::default(),
            names: Spine::default(),
            plans: Arc::default(),
            plan_numbers: Map::new(),
            len: 0,
        }
    }

    /// A table of all keys of a batch. About 0.1 µs a key.
    #[must_use]
    pub fn build(pepper: [u8; PEPPER_BYTES], batch: &KeyBatch) -> Self {
        let mut table = Self::new(pepper);
        for plan in &batch.plans {
            table.plan_number(plan);
        }
        let by_digest = Buckets::fill(&batch.items, |item| digest_slot(&item.digest));
        table.digests = Spine::build(|slot| Arc::new(build_leaf(batch, by_digest.slot(slot))));
        table.len = table.digests.leaves().map(|leaf| leaf.len()).sum();
        let hashes: Vec<u64> =
            batch.items.iter().map(|item| table.name_hasher.hash_one(batch.name(item))).collect();
        let by_name = Buckets::fill(&hashes, |hash| name_slot(*hash));
        let mut stale = Vec::new();
        // Looking each key up again costs more than all the rest, and finds something only where digests repeat.
        let distinct = table.len == batch.items.len();
        table.names = Spine::build(|slot| {
            let live = |item: &Item| distinct || table.holds(&item.digest, batch.name(item));
            Arc::new(build_names(batch, &hashes, by_name.slot(slot), live, &mut stale))
        });
        for digest in stale {
            table.remove_digest(&digest);
        }
        table
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What turns keys into digests.
    #[must_use]
    pub fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// Looks up a key as it was presented. Neither locks nor allocates.
    #[must_use]
    pub fn find(&self, token: &[u8]) -> Option<KeyRef> {
        self.get(&self.hasher.digest(token)?)
    }

    /// Looks up a digest.
    #[must_use]
    pub fn get(&self, digest: &KeyDigest) -> Option<KeyRef> {
        let leaf = self.digests.leaf(digest_slot(digest));
        leaf.find(digest).map(|at| KeyRef { leaf: Arc::clone(leaf), at })
    }

    /// Looks up a name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<KeyRef> {
        let hash = self.name_hasher.hash_one(name);
        let candidates = self.names.leaf(name_slot(hash)).iter().filter(|(held, _)| *held == hash);
        candidates.filter_map(|(_, digest)| self.get(digest)).find(|key| key.name() == name)
    }

    /// The plan that a key of this table opens.
    #[must_use]
    pub fn plan(&self, key: &KeyRef) -> Option<&PlanName> {
        self.plans.get(key.plan_index()?)
    }

    /// Every key, in the order of digests.
    pub fn iter(&self) -> impl Iterator<Item = KeyRecord<'_>> {
        self.digests.leaves().flat_map(move |leaf| {
            leaf.entries().iter().filter_map(move |entry| {
                let plan = self.plans.get(entry.plan as usize)?;
                Some(KeyRecord { digest: entry.digest, name: leaf.name(entry), plan, expires: entry.expires })
            })
        })
    }

    /// Puts a key in the place of what has its name or digest.
    pub fn put(&mut self, credential: &Credential) {
        let plan = self.plan_number(&credential.plan);
        let expires = credential.expire_time.map_or(0, unix_seconds);
        let name = credential.name.as_str();
        let digest = credential.digest;
        let held = self.by_name(name).map(|key| key.digest());
        if let Some(old) = held.filter(|old| *old != digest) {
            self.forget_name(name);
            self.remove_digest(&old);
        }
        let slot = digest_slot(&digest);
        let present = self.get(&digest);
        if let Some(other) = present.as_ref().filter(|key| key.name() != name) {
            self.forget_name(other.name());
        }
        let leaf = self.digests.leaf(slot).rewritten(&digest, Some((plan, expires, name)));
        self.digests.set_leaf(slot, Arc::new(leaf));
        self.len += usize::from(present.is_none());
        if held != Some(digest) {
            let hash = self.name_hasher.hash_one(name);
            self.names.leaf_mut(name_slot(hash)).push((hash, digest));
        }
    }

    /// Takes away the key with this name; returns it as it was.
    pub fn remove(&mut self, name: &str) -> Option<KeyRef> {
        let key = self.by_name(name)?;
        self.forget_name(name);
        self.remove_digest(&key.digest());
        Some(key)
    }

    fn holds(&self, digest: &KeyDigest, name: &str) -> bool {
        self.get(digest).is_some_and(|key| key.name() == name)
    }

    fn forget_name(&mut self, name: &str) {
        if let Some(digest) = self.by_name(name).map(|key| key.digest()) {
            let hash = self.name_hasher.hash_one(name);
            self.names.leaf_mut(name_slot(hash)).retain(|entry| *entry != (hash, digest));
        }
    }

    fn remove_digest(&mut self, digest: &KeyDigest) {
        let slot = digest_slot(digest);
        if self.digests.leaf(slot).find(digest).is_some() {
            let leaf = self.digests.leaf(slot).rewritten(digest, None);
            self.digests.set_leaf(slot, Arc::new(leaf));
            self.len -= 1;
        }
    }

    fn plan_number(&mut self, name: &PlanName) -> u32 {
        if let Some(&number) = self.plan_numbers.get(name) {
            return number;
        }
        let number = u32::try_from(self.plans.len()).unwrap_or(u32::MAX);
        Arc::make_mut(&mut self.plans).push(name.clone());
        self.plan_numbers.insert(name.clone(), number);
        number
    }
}

/// Indices of a slice grouped by slot, in the order of the slice within each: a counting sort.
struct Buckets {
    starts: Vec<u32>,
    order: Vec<u32>,
}

impl Buckets {
    fn fill<T>(items: &[T], slot: impl Fn(&T) -> usize) -> Self {
        let mut starts = vec![0_u32; SLOTS + 1];
        for item in items {
            starts[slot(item) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut order = vec![0_u32; items.len()];
        for (index, item) in items.iter().enumerate() {
            let place = &mut next[slot(item)];
            order[*place as usize] = u32::try_from(index).unwrap_or(u32::MAX);
            *place += 1;
        }
        Self { starts, order }
    }

    fn slot(&self, slot: usize) -> &[u32] {
        self.order.get(self.starts[slot] as usize..self.starts[slot + 1] as usize).unwrap_or_default()
    }
}

/// A leaf of these items; of two with the same digest the later one counts.
fn build_leaf(batch: &KeyBatch, indices: &[u32]) -> Leaf {
    let mut items: Vec<&Item> = indices.iter().filter_map(|&at| batch.items.get(at as usize)).collect();
    items.sort_by_key(|item| item.digest);
    let bytes = items.iter().map(|item| usize::from(item.len)).sum();
    let mut leaf = Leaf::with_capacity(items.len(), bytes);
    for (at, item) in items.iter().enumerate() {
        if items.get(at + 1).is_none_or(|next| next.digest != item.digest) {
            leaf.push(item.digest, item.plan, item.expires, batch.name(item));
        }
    }
    leaf
}

/// The name index of these items. Of two keys with one name the later one counts; the digest of the other is `stale`.
fn build_names(
    batch: &KeyBatch,
    hashes: &[u64],
    indices: &[u32],
    live: impl Fn(&Item) -> bool,
    stale: &mut Vec<KeyDigest>,
) -> NameLeaf {
    let mut kept: Vec<(u64, &Item)> = Vec::with_capacity(indices.len());
    for &at in indices {
        let (Some(item), Some(&hash)) = (batch.items.get(at as usize), hashes.get(at as usize)) else {
            continue;
        };
        let same = |held: &(u64, &Item)| held.0 == hash && batch.name(held.1) == batch.name(item);
        if let Some(earlier) = kept.iter().position(same) {
            let (_, old) = kept.swap_remove(earlier);
            if old.digest != item.digest && live(old) {
                stale.push(old.digest);
            }
        }
        kept.push((hash, item));
    }
    kept.iter().filter(|(_, item)| live(item)).map(|(hash, item)| (*hash, item.digest)).collect()
}
