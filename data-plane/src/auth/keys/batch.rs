//! Many keys on their way into a table, packed as they will lie there.

use hashbrown::HashMap;
use signalbox_proto::model::credential::{Credential, KeyDigest};
use signalbox_proto::model::name::PlanName;

use super::table::unix_seconds;

/// Keys to build a table from: about 32 bytes each and the names in one text, so that a first full delta of a
/// million keys does not need a million small allocations.
#[derive(Debug, Default)]
pub struct KeyBatch {
    pub(super) items: Vec<Item>,
    pub(super) text: String,
    pub(super) plans: Vec<PlanName>,
    plan_index: HashMap<PlanName, u32>,
}

/// One key of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) digest: KeyDigest,
    pub(super) plan: u32,
    pub(super) expires: u32,
    pub(super) start: u32,
    pub(super) len: u16,
}

impl KeyBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds a key. Of two with the same name or digest the later one counts.
    pub fn push(&mut self, credential: &Credential) {
        let plan = self.plan(&credential.plan);
        let expires = credential.expire_time.map_or(0, unix_seconds);
        self.push_packed(credential.digest, plan, expires, credential.name.as_str());
    }

    /// The index that stands for a plan in [`KeyBatch::push_packed`].
    pub fn plan(&mut self, name: &PlanName) -> u32 {
        if let Some(&index) = self.plan_index.get(name) {
            return index;
        }
        let index = u32::try_from(self.plans.len()).unwrap_or(u32::MAX);
        self.plans.push(name.clone());
        self.plan_index.insert(name.clone(), index);
        index
    }

    /// Adds a key whose plan has been entered with [`KeyBatch::plan`]. `expires` in Unix seconds, 0 for never. The
    /// name must be the name of an API key. Returns false, and adds nothing, when the batch is full (4 GiB of names).
    pub fn push_packed(&mut self, digest: KeyDigest, plan: u32, expires: u32, name: &str) -> bool {
        let (Ok(start), Ok(len)) = (u32::try_from(self.text.len()), u16::try_from(name.len())) else {
            return false;
        };
        self.text.push_str(name);
        self.items.push(Item { digest, plan, expires, start, len });
        true
    }

    pub(super) fn name(&self, item: &Item) -> &str {
        let start = item.start as usize;
        self.text.get(start..start + usize::from(item.len)).unwrap_or_default()
    }
}
