//! Names to addresses, with a short memory, so that a moved agent is found again.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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

/// What the name server said, and until when it is believed.
type Known = (SmallVec<[IpAddr; 4]>, Instant);

/// Resolves host names for one worker and applies the address rules to every answer.
#[derive(Debug)]
pub(super) struct Resolver {
    rules: Arc<AddressRules>,
    known: Mutex<HashMap<Arc<str>, Known>>,
}

impl Resolver {
    pub(super) fn new(rules: Arc<AddressRules>) -> Self {
        Self { rules, known: Mutex::new(HashMap::new()) }
    }

    pub(super) fn rules(&self) -> &AddressRules {
        &self.rules
    }

    /// The addresses of a host that may be called, in the resolver's order; never empty.
    pub(super) async fn resolve(&self, host: &Arc<str>, port: u16) -> Result<Addresses, UpstreamError> {
        let ips = match host.parse::<IpAddr>() {
            Ok(ip) => SmallVec::from_slice(&[ip]),
            Err(_) => self.look_up(host, port).await?,
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
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(host);
    }

    async fn look_up(&self, host: &Arc<str>, port: u16) -> Result<SmallVec<[IpAddr; 4]>, UpstreamError> {
        if let Some(ips) = self.remembered(host) {
            return Ok(ips);
        }
        let failed =
            |source: io::Error| UpstreamError::before_sending(UpstreamErrorKind::Dns).because(source);
        let answer = tokio::net::lookup_host((&**host, port)).await.map_err(failed)?;
        let mut ips: SmallVec<[IpAddr; 4]> = SmallVec::new();
        for address in answer {
            if !ips.contains(&address.ip()) {
                ips.push(address.ip());
            }
        }
        if ips.is_empty() {
            return Err(UpstreamError::before_sending(UpstreamErrorKind::Dns));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= HOSTS_MAX {
            known.clear();
        }
        known.insert(Arc::clone(host), (ips.clone(), clock::now() + MEMORY));
        Ok(ips)
    }

    fn remembered(&self, host: &str) -> Option<SmallVec<[IpAddr; 4]>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (ips, until) = known.get(host)?;
        (*until > clock::now()).then(|| ips.clone())
    }
}
