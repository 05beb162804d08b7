//! The right of one stream to stay open.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use signalbox_proto::model::credential::KeyDigest;
use tokio::time::Sleep;

use super::Bell;
use crate::auth::Principal;
use crate::clock;
use crate::config::handle::Handle;
use crate::config::runtime::{Agent, Plan, Runtime};

/// Longest time that an expiry is slept for at once; the wall clock may have moved meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// Why a stream may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndReason {
    /// The agent was stopped.
    #[error("the agent was stopped")]
    AgentStopped,
    /// The agent was deleted.
    #[error("the agent was deleted")]
    AgentRemoved,
    /// The plan was closed, deleted or taken off the agent.
    #[error("the plan was closed")]
    PlanClosed,
    /// The key was revoked, or its subscription paused or closed.
    #[error("the credential was revoked")]
    Revoked,
    /// The key expired.
    #[error("the credential expired")]
    Expired,
}

/// The right of one stream to stay open. Dropping it takes the stream off the books.
#[derive(Debug)]
pub struct Lease {
    handle: Handle,
    number: u64,
    bell: Arc<Bell>,
    /// Agent, plan and, unless keyless, key.
    names: Box<[Arc<str>]>,
    digest: Option<KeyDigest>,
    expires: Option<u64>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Lease {
    /// Puts a stream on the books and looks once whether it may still start: what admitted it may be gone since.
    ///
    /// # Errors
    ///
    /// The stream may not start.
    pub(in crate::config) fn open(
        handle: &Handle,
        agent: &Agent,
        plan: &Plan,
        principal: &Principal,
    ) -> Result<Self, EndReason> {
        let names = [agent.name.shared(), plan.name.shared()];
        let names: Box<[Arc<str>]> = names.into_iter().chain(principal.key_name().map(Arc::from)).collect();
        let (number, bell) = handle.streams().enter(&names);
        let digest = principal.key().map(|key| key.digest());
        let mut lease =
            Self { handle: handle.clone(), number, bell, names, digest, expires: None, sleep: None };
        match lease.look() {
            Some(reason) => Err(reason),
            None => Ok(lease),
        }
    }

    /// Waits until the stream may not go on. Cancellation-safe.
    pub async fn ended(&mut self) -> EndReason {
        poll_fn(|context| self.poll_ended(context)).await
    }

    /// Ready when the stream may not go on. Costs two loads when nothing has happened.
    pub fn poll_ended(&mut self, context: &mut Context<'_>) -> Poll<EndReason> {
        self.bell.waker.register(context.waker());
        loop {
            if self.bell.rung.swap(false, Ordering::AcqRel)
                && let Some(reason) = self.look()
            {
                return Poll::Ready(reason);
            }
            let Some(sleep) = &mut self.sleep else { return Poll::Pending };
            match sleep.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => self.bell.rung.store(true, Ordering::Release),
            }
        }
    }

    /// Compares the stream with the current state.
    fn look(&mut self) -> Option<EndReason> {
        let now = clock::unix_time();
        let verdict = match self.verdict(&self.handle.load(), now) {
            Ok(expires) => {
                self.expires = expires;
                None
            }
            Err(reason) => Some(reason),
        };
        self.sleep = self.expires.map(|at| {
            let left = Duration::from_secs(at).saturating_sub(now);
            Box::pin(tokio::time::sleep(left.min(LONGEST_SLEEP)))
        });
        verdict
    }

    /// When the stream expires, or why it has ended.
    fn verdict(&self, runtime: &Runtime, now: Duration) -> Result<Option<u64>, EndReason> {
        let [agent, plan, key @ ..] = &*self.names else { return Ok(None) };
        let agent = runtime.agents.get(agent).ok_or(EndReason::AgentRemoved)?;
        if !agent.is_served() {
            return Err(EndReason::AgentStopped);
        }
        if !agent.gates().any(|gate| gate.open && *gate.plan.as_str() == **plan) {
            return Err(EndReason::PlanClosed);
        }
        let Some(name) = key.first() else { return Ok(None) };
        let passed = |at: u64| Duration::from_secs(at) <= now;
        let held =
            self.digest.and_then(|digest| runtime.keys.get(&digest)).filter(|key| *key.name() == **name);
        match held.map(|key| key.expires()) {
            Some(Some(at)) if passed(at) => Err(EndReason::Expired),
            Some(expires) => Ok(expires),
            None if self.expires.is_some_and(passed) => Err(EndReason::Expired),
            None => Err(EndReason::Revoked),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.handle.streams().leave(&self.names, self.number);
    }
}
