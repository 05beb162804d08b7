//! Waiting until data planes enforce a change.

use std::collections::BTreeMap;
use std::time::Duration;

use signalbox_proto::model::lane::{Cursor, Epoch, Lane};
use signalbox_proto::wire::fleet::v1 as wire;

use super::fleet::Fleet;

/// Least time between two looks at the fleet.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// What data planes should enforce.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Revision of the config lane; 0: any.
    pub config: u64,
    /// Revision of the credentials lane; 0: any.
    pub credentials: u64,
    /// Regions of the data planes that count; empty: all.
    pub regions: Vec<String>,
}

impl Wanted {
    fn of(&self, lane: Lane) -> u64 {
        match lane {
            Lane::Config => self.config,
            Lane::Credentials => self.credentials,
        }
    }

    fn enforced_by(&self, applied: &BTreeMap<Lane, Cursor>, epoch: Epoch) -> bool {
        Lane::ALL.into_iter().filter(|lane| self.of(*lane) > 0).all(|lane| {
            // A cursor of another history says nothing.
            applied.get(&lane).is_some_and(|cursor| cursor.epoch == epoch && cursor.revision >= self.of(lane))
        })
    }

    /// Who enforces it now and who does not, of those that are connected and count.
    fn look(&self, fleet: &Fleet) -> wire::WaitForRevisionResponse {
        let (mut confirmed, mut pending) = (Vec::new(), Vec::new());
        let epoch = fleet.epoch();
        fleet.each_connected(|name, region, applied| {
            if self.regions.is_empty() || self.regions.iter().any(|wanted| wanted == region) {
                let side = if self.enforced_by(applied, epoch) { &mut confirmed } else { &mut pending };
                side.push(name.to_owned());
            }
        });
        wire::WaitForRevisionResponse { reached: pending.is_empty(), confirmed, pending }
    }
}

/// Waits until every connected data plane that counts enforces what is wanted, or until `limit` is over.
///
/// Cancel safe.
pub async fn wait(fleet: &Fleet, wanted: &Wanted, limit: Duration) -> wire::WaitForRevisionResponse {
    let mut changes = fleet.changes();
    let reached = async {
        loop {
            changes.mark_unchanged();
            let found = wanted.look(fleet);
            if found.reached || changes.changed().await.is_err() {
                return found;
            }
            // A thousand acknowledgements at once need not be looked at one by one.
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    let closing = fleet.closing();
    tokio::select! {
        found = reached => found,
        () = tokio::time::sleep(limit) => wanted.look(fleet),
        () = closing.cancelled() => wanted.look(fleet),
    }
}
