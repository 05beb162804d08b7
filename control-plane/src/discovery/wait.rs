//! Waiting until data planes enforce a change.

use std::time::Duration;

use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::wire::fleet::v1 as wire;

use super::fleet::Fleet;

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

    fn enforced_by(&self, data_plane: &wire::DataPlane) -> bool {
        let revision = |cursors: &[signalbox_proto::wire::discovery::v1::Cursor], lane| {
            cursors
                .iter()
                .filter_map(Cursor::from_wire)
                .find(|(found, _)| *found == lane)
                .map(|(_, cursor)| cursor)
        };
        Lane::ALL.into_iter().filter(|lane| self.of(*lane) > 0).all(|lane| {
            let applied = revision(&data_plane.applied, lane);
            let head = revision(&data_plane.heads, lane);
            // A cursor of another history says nothing.
            applied.zip(head).is_some_and(|(applied, head)| {
                applied.epoch == head.epoch && applied.revision >= self.of(lane)
            })
        })
    }

    /// Who enforces it now and who does not, of those that are connected and count.
    fn look(&self, fleet: &Fleet) -> wire::WaitForRevisionResponse {
        let counts = |data_plane: &wire::DataPlane| {
            data_plane.connected && (self.regions.is_empty() || self.regions.contains(&data_plane.region))
        };
        let (confirmed, pending): (Vec<_>, Vec<_>) =
            fleet.list("", usize::MAX).into_iter().filter(counts).partition(|found| self.enforced_by(found));
        let names = |found: Vec<wire::DataPlane>| found.into_iter().map(|found| found.name).collect();
        wire::WaitForRevisionResponse {
            reached: pending.is_empty(),
            confirmed: names(confirmed),
            pending: names(pending),
        }
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
        }
    };
    let closing = fleet.closing();
    tokio::select! {
        found = reached => found,
        () = tokio::time::sleep(limit) => wanted.look(fleet),
        () = closing.cancelled() => wanted.look(fleet),
    }
}
