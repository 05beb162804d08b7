//! After a refusal: what to wait for before the delta is sent again.

use std::collections::BTreeSet;
use std::time::Duration;

use signalbox_proto::model::lane::Lane;
use tokio::sync::watch;
use tokio::time::Instant;

use super::MAX_CHANGES_PER_DELTA;
use crate::error::Error;
use crate::service::Feed;
use crate::service::feed::Since;
use crate::store::Heads;

/// A delta that a data plane did not take.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The newest revision of which it is known whether it changes what was refused.
    seen: u64,
    /// The resources that were refused; empty: the delta as a whole.
    names: BTreeSet<String>,
    /// When it is sent again although nothing changed.
    retry: Instant,
}

impl Refusal {
    pub(super) fn new(to: u64, names: BTreeSet<String>, pause: Duration) -> Self {
        Self { seen: to, names, retry: Instant::now() + pause }
    }

    /// Waits until one of the refused resources has changed (true) or the pause is over (false).
    pub(super) async fn wait(
        mut self,
        feed: &Feed,
        lane: Lane,
        heads: &mut watch::Receiver<Heads>,
    ) -> Result<bool, Error> {
        loop {
            if heads.borrow_and_update().of(lane) > self.seen {
                match feed.since(lane, self.seen, MAX_CHANGES_PER_DELTA).await? {
                    Since::Nothing => {}
                    Since::Everything => return Ok(true),
                    Since::Delta(batch) => {
                        let ours = |name: &str| self.names.is_empty() || self.names.contains(name);
                        if batch.changes.iter().any(|change| ours(&change.message.name)) {
                            return Ok(true);
                        }
                        self.seen = batch.to;
                        continue;
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep_until(self.retry) => return Ok(false),
                changed = heads.changed() => if changed.is_err() { return Ok(false) },
            }
        }
    }
}
