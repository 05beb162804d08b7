//! The table from addresses to agents.

use std::sync::Arc;

use super::address::{Address, Form, host_name};
use super::path::{Rest, depth, unambiguous};
use crate::persistent::Map;

/// Deepest address that can be matched, in segments; `context_path` is shorter.
const MAX_DEPTH: usize = 32;

/// Addresses and what answers there. A clone shares everything.
#[derive(Clone, Debug)]
pub struct Table<T: Clone> {
    hosts: Map<Arc<str>, (Form, T)>,
    paths: Map<Arc<str>, (Form, T)>,
    /// How many paths of each depth are registered, so that other depths are not tried.
    depths: [u32; MAX_DEPTH + 1],
}

impl<T: Clone> Default for Table<T> {
    fn default() -> Self {
        Self { hosts: Map::new(), paths: Map::new(), depths: [0; MAX_DEPTH + 1] }
    }
}

/// What a request's address led to.
#[derive(Debug, PartialEq, Eq)]
pub struct Match<'t, 'r, T> {
    /// What answers.
    pub target: &'t T,
    /// Which kind of address it was.
    pub form: Form,
    /// The address in the request's path; empty for a host.
    pub prefix: &'r str,
    /// What follows the address.
    pub rest: Rest<'r>,
}

impl<T: Clone> Table<T> {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of addresses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hosts.len() + self.paths.len()
    }

    /// Whether nothing answers anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is registered at exactly this address.
    #[must_use]
    pub fn at(&self, address: &Address) -> Option<&T> {
        let map = if address.form == Form::Host { &self.hosts } else { &self.paths };
        map.get(&*address.text).map(|(_, target)| target)
    }

    /// Registers `target` at `address` and returns what was there.
    pub fn insert(&mut self, address: &Address, target: T) -> Option<T> {
        let entry = (address.form, target);
        if address.form == Form::Host {
            return self.hosts.insert(Arc::clone(&address.text), entry).map(|(_, old)| old);
        }
        let old = self.paths.insert(Arc::clone(&address.text), entry);
        if old.is_none() {
            self.depths[depth(&address.text).min(MAX_DEPTH)] += 1;
        }
        old.map(|(_, old)| old)
    }

    /// Takes away what is registered at `address`.
    pub fn remove(&mut self, address: &Address) -> Option<T> {
        if address.form == Form::Host {
            return self.hosts.remove(&*address.text).map(|(_, old)| old);
        }
        let old = self.paths.remove(&*address.text)?;
        let count = &mut self.depths[depth(&address.text).min(MAX_DEPTH)];
        *count = count.saturating_sub(1);
        Some(old.1)
    }

    /// What answers at this authority (a `Host` header, with or without port) and raw path (without the query).
    #[must_use]
    pub fn find<'t, 'r>(&'t self, authority: Option<&str>, path: &'r str) -> Option<Match<'t, 'r, T>> {
        let path = unambiguous(path)?;
        if let Some(authority) = authority.filter(|_| !self.hosts.is_empty())
            && let Some((form, target)) = self.hosts.get(&*host_name(authority))
        {
            return Some(Match { target, form: *form, prefix: "", rest: Rest::parse(path) });
        }
        self.find_path(path)
    }

    fn find_path<'t, 'r>(&'t self, path: &'r str) -> Option<Match<'t, 'r, T>> {
        let segments = depth(path);
        let mut prefix = path;
        for depth in (1..=segments).rev() {
            if self.depths[depth.min(MAX_DEPTH)] > 0
                && let Some((form, target)) = self.paths.get(prefix)
            {
                let rest = Rest::parse(&path[prefix.len()..]);
                return Some(Match { target, form: *form, prefix, rest });
            }
            prefix = &prefix[..prefix.rfind('/')?];
        }
        None
    }
}
