//! Use cases: each one transaction, no transport types.
//!
//! A change goes one way: `edit` says what was asked, `draft` reads what it touches inside the write transaction and
//! stages the result, `check` holds the rules over several resources, `publish` derives what data planes have to learn,
//! and `run` commits and announces it on the `feed`.

mod body;
mod call;
mod cascade;
mod check;
mod draft;
mod edit;
mod etag;
pub mod feed;
mod maintenance;
mod names;
pub mod page;
mod publish;
mod read;
mod run;
mod tokens;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::body::{Body, ResourceMessage};
pub use self::call::Call;
pub use self::edit::{Action, Applied, Changed};
pub use self::feed::Feed;
pub use self::maintenance::{CHANGE_LOG_REVISIONS, MAINTENANCE_INTERVAL};
pub use self::read::Page;
pub use self::run::{MAX_CHANGES_PER_COMMIT, REQUEST_ID_LIFETIME, commit_to_wire};
use crate::clock::Clock;
use crate::store::Store;

/// The use cases of the config API. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    store: Arc<dyn Store>,
    feed: Arc<Feed>,
    clock: Arc<dyn Clock>,
}

impl Service {
    /// Works on `store`, tells `feed` of each commit, and stamps with `clock`.
    pub fn new(store: Arc<dyn Store>, feed: Arc<Feed>, clock: Arc<dyn Clock>) -> Self {
        Self { store, feed, clock }
    }

    /// Where commits are announced.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// What everything is kept in.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What time it is.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}
