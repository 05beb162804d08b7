//! The record of one agent: a bounded map in which nothing is ever overwritten.

use std::collections::VecDeque;

use hashbrown::HashMap;

/// Owners by id, both hashed. About 80 bytes an entry.
#[derive(Debug)]
pub(super) struct Record {
    limit: usize,
    owners: HashMap<u128, u128>,
    /// The ids, oldest first: exactly the keys of `owners`.
    order: VecDeque<u128>,
}

impl Record {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, owners: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn owner(&self, id: u128) -> Option<u128> {
        self.owners.get(&id).copied()
    }

    /// The first claim counts.
    pub(super) fn claim(&mut self, id: u128, owner: u128) {
        if self.limit == 0 || self.owners.contains_key(&id) {
            return;
        }
        while self.owners.len() >= self.limit {
            let Some(oldest) = self.order.pop_front() else { break };
            self.owners.remove(&oldest);
        }
        self.owners.insert(id, owner);
        self.order.push_back(id);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.owners.len(), self.order.len());
        self.owners.len()
    }
}
