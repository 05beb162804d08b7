//! Who owns a task or a context of an agent, as far as this process has seen.
//!
//! What is kept is learned from the answers of agents; what becomes of a call that names somebody else's task is decided
//! elsewhere. Entries have a fixed size: ids and owners are kept as keyed hashes, so that nobody can choose ids that
//! collide, or make the record grow by long ones.

mod record;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use hashbrown::HashMap;

use record::Record;

/// Most tasks and contexts that are remembered of one agent; beyond it the oldest are forgotten.
pub const MAX_IDS: usize = 100_000;

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A task.
    Task,
    /// A context; in 0.1 a session.
    Context,
}

/// Whose a task or a context is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The claimant's.
    Own,
    /// Somebody else's.
    Foreign,
    /// Nobody's that is known.
    Unknown,
}

/// The records of all agents that ask for one, by name: they outlive config changes.
#[derive(Debug)]
pub struct Owners {
    hasher: Hasher,
    limit: usize,
    records: Mutex<HashMap<Arc<str>, Arc<Mutex<Record>>>>,
}

/// One caller of one agent.
#[derive(Clone, Debug)]
pub struct Claimant {
    hasher: Hasher,
    record: Arc<Mutex<Record>>,
    agent: Arc<str>,
    owner: u128,
}

/// 128 bits of HMAC-SHA-256 under a key of this process.
#[derive(Clone)]
struct Hasher(Arc<hmac::Key>);

impl Hasher {
    fn new() -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &rand::random::<[u8; 32]>())))
    }

    /// No name of an agent holds a zero byte.
    fn hash(&self, kind: u8, agent: &str, text: &str) -> u128 {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&[kind]);
        context.update(agent.as_bytes());
        context.update(&[0]);
        context.update(text.as_bytes());
        let tag = context.sign();
        let mut bytes = [0; 16];
        for (byte, own) in bytes.iter_mut().zip(tag.as_ref()) {
            *byte = *own;
        }
        u128::from_be_bytes(bytes)
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher(redacted)")
    }
}

impl Owners {
    /// No records yet.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(MAX_IDS)
    }

    fn with_limit(limit: usize) -> Self {
        Self { hasher: Hasher::new(), limit, records: Mutex::default() }
    }

    /// The caller of an agent. `consumer` is the name of the consumer that calls, empty for callers without a key, who
    /// are one owner together.
    #[must_use]
    pub fn claimant(&self, agent: &str, consumer: &str) -> Claimant {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let (agent, record) = if let Some((agent, record)) = records.get_key_value(agent) {
            (Arc::clone(agent), Arc::clone(record))
        } else {
            let (agent, record) = (Arc::<str>::from(agent), Arc::new(Mutex::new(Record::new(self.limit))));
            records.insert(Arc::clone(&agent), Arc::clone(&record));
            (agent, record)
        };
        drop(records);
        let owner = self.hasher.hash(b'o', "", consumer);
        Claimant { hasher: self.hasher.clone(), record, agent, owner }
    }

    /// Forgets the records of agents for which `is_known` is false.
    pub fn sweep(&self, is_known: impl Fn(&str) -> bool) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.retain(|agent, _| is_known(agent));
    }
}

impl Default for Owners {
    fn default() -> Self {
        Self::new()
    }
}

impl Claimant {
    /// Whose an id is.
    #[must_use]
    pub fn standing(&self, kind: Kind, id: &str) -> Standing {
        let id = self.hash(kind, id);
        match self.record.lock().unwrap_or_else(PoisonError::into_inner).owner(id) {
            Some(owner) if owner == self.owner => Standing::Own,
            Some(_) => Standing::Foreign,
            None => Standing::Unknown,
        }
    }

    /// Notes that an id is the claimant's, unless it is somebody's already.
    pub fn learn(&self, kind: Kind, id: &str) {
        let id = self.hash(kind, id);
        self.record.lock().unwrap_or_else(PoisonError::into_inner).claim(id, self.owner);
    }

    fn hash(&self, kind: Kind, id: &str) -> u128 {
        let kind = match kind {
            Kind::Task => b't',
            Kind::Context => b'c',
        };
        self.hasher.hash(kind, &self.agent, id)
    }
}
