//! Names to addresses, with a short memory, so that a moved agent is found again.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use smallvec::SmallVec;

use super::address::AddressRules;
use super::error::{UpstreamError, UpstreamErrorKind};
use crate::clock::{self, Instant};

/// Addresses of one host that may be called.
pub(super) type Addresses = SmallVec<[SocketAddr; 4]>;

/// How long an answer of the name server is believed. Short, since the system's resolver does not tell the TTL.
const MEMORY: Duration = Duration::from_secs(10);
/// Hosts remembered per worker; at the limit, all are forgotten.
const HOSTS_MAX: usize = 4_096;

/// Addresses without ports.
type Ips = SmallVec<[IpAddr; 4]>;

/// What the name server said, and until when it is believed.
type Known = (Ips, Instant);

/// A question under way, with as many listeners as there are.
type Question = Shared<BoxFuture<'static, Result<Ips, Arc<io::Error>>>>;

/// Asks the system for the addresses of a host.
type Ask = fn(Arc<str>) -> BoxFuture<'static, io::Result<Ips>>;

/// Resolves host names for one worker and applies the address rules to every answer.
///
/// There is one question a host at a time, and it outlives callers who stop waiting: each occupies one of the worker's
/// few threads for what blocks until the system gives up, so a name server that hangs for one agent must not take more.
#[derive(Debug)]
pub(super) struct Resolver {
    rules: Arc<AddressRules>,
    memory: Arc<Mutex<Memory>>,
    ask: Ask,
}

#[derive(Debug, Default)]
struct Memory {
    known: HashMap<Arc<str>, Known>,
    asked: HashMap<Arc<str>, Question>,
}

impl Resolver {
    pub(super) fn new(rules: Arc<AddressRules>) -> Self {
        Self { rules, memory: Arc::default(), ask: |host| Box::pin(ask_system(host)) }
    }

    pub(super) fn rules(&self) -> &AddressRules {
        &self.rules
    }

    /// The addresses of a host that may be called, in the resolver's order; never empty.
    pub(super) async fn resolve(&self, host: &Arc<str>, port: u16) -> Result<Addresses, UpstreamError> {
        let ips = match host.parse::<IpAddr>() {
            Ok(ip) => SmallVec::from_slice(&[ip]),
            Err(_) => self.look_up(host).await?,
        };
        let allowed: Addresses = ips
            .into_iter()
            .map(|ip| SocketAddr::new(ip, port))
            .filter(|address| self.rules.allows(*address))
            .collect();
        if allowed.is_empty() {
            return Err(UpstreamError::before_sending(UpstreamErrorKind::Forbidden));
        }
        Ok(allowed)
    }

    /// Asks again next time: the addresses did not answer.
    pub(super) fn forget(&self, host: &str) {
        lock(&self.memory).known.remove(host);
    }

    async fn look_up(&self, host: &Arc<str>) -> Result<Ips, UpstreamError> {
        let question = {
            let mut memory = lock(&self.memory);
            if let Some((ips, until)) = memory.known.get(host)
                && *until > clock::now()
            {
                return Ok(ips.clone());
            }
            match memory.asked.get(host) {
                Some(question) => question.clone(),
                None => self.question(host, &mut memory),
            }
        };
        question.await.map_err(|source| UpstreamError::before_sending(UpstreamErrorKind::Dns).because(source))
    }

    /// Asks in a task of its own, which remembers the answer.
    fn question(&self, host: &Arc<str>, memory: &mut Memory) -> Question {
        let (name, ask, shared) = (Arc::clone(host), self.ask, Arc::clone(&self.memory));
        let task = tokio::spawn(async move {
            let answer = ask(Arc::clone(&name)).await.map_err(Arc::new);
            let mut memory = lock(&shared);
            memory.asked.remove(&name);
            if let Ok(ips) = &answer {
                if memory.known.len() >= HOSTS_MAX {
                    memory.known.clear();
                }
                memory.known.insert(name, (ips.clone(), clock::now() + MEMORY));
            }
            answer
        });
        let question = task.map(|answer| answer.unwrap_or_else(|failed| Err(Arc::new(failed.into()))));
        let question = question.boxed().shared();
        // The lock is held: the task cannot have ended before.
        memory.asked.insert(Arc::clone(host), question.clone());
        question
    }
}

async fn ask_system(host: Arc<str>) -> io::Result<Ips> {
    let mut ips = Ips::new();
    for address in tokio::net::lookup_host((&*host, 0)).await? {
        if !ips.contains(&address.ip()) {
            ips.push(address.ip());
        }
    }
    if ips.is_empty() {
        Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"))
    } else {
        Ok(ips)
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
