//! The right of one stream to speak for its data plane.

use std::sync::Arc;

use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::model::name::DataPlaneName;
use signalbox_proto::wire::discovery::v1 as discovery;
use signalbox_proto::wire::fleet::v1 as wire;
use tokio::sync::watch;

use super::{Ended, Entry, Fleet};
use crate::clock::to_timestamp;

/// The right to speak for a data plane; when it is dropped, the data plane is disconnected.
///
/// A stream that was replaced changes nothing any more.
pub struct Seat {
    fleet: Arc<Fleet>,
    name: DataPlaneName,
    end: watch::Sender<Option<Ended>>,
    ended: watch::Receiver<Option<Ended>>,
}

impl Seat {
    pub(super) fn new(
        fleet: Arc<Fleet>,
        name: DataPlaneName,
        end: watch::Sender<Option<Ended>>,
        ended: watch::Receiver<Option<Ended>>,
    ) -> Self {
        Self { fleet, name, end, ended }
    }

    /// The data plane.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Waits until the stream must end. Cancel safe.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        let reason = ended.wait_for(Option::is_some).await.ok().and_then(|reason| *reason);
        // The sender lives in self, so that there is always a reason.
        reason.unwrap_or(Ended::Replaced)
    }

    /// It said something.
    pub fn contact(&self) {
        let now = self.fleet.clock.now();
        self.edit(|entry| entry.last_contact = Some(now));
    }

    /// It reported how it is.
    pub fn report(&self, report: discovery::Status) {
        self.edit(|entry| {
            for (lane, cursor) in report.cursors.iter().filter_map(Cursor::from_wire) {
                entry.applied.insert(lane, cursor);
            }
            entry.report = report;
        });
    }

    /// It enforces a lane up to `cursor`.
    pub fn applied(&self, lane: Lane, cursor: Cursor) {
        self.edit(|entry| {
            entry.applied.insert(lane, cursor);
            let of_lane = |refusal: &wire::Refusal| refusal.lane == i32::from(lane.to_wire());
            if entry.last_refusal.as_ref().is_some_and(of_lane) {
                entry.last_refusal = None;
            }
        });
    }

    /// It refused the delta up to `revision`.
    pub fn refused(&self, lane: Lane, revision: u64, errors: &[discovery::ResourceError]) {
        let time = Some(to_timestamp(self.fleet.clock.now()));
        let refusal = wire::Refusal { lane: lane.to_wire().into(), revision, time, errors: errors.to_vec() };
        self.edit(|entry| entry.last_refusal = Some(refusal));
    }

    /// A resource is kept from it for lack of a capability, or is not any more.
    pub fn withhold(&self, name: &str, lacking: Option<&str>) {
        // Nearly always nothing is withheld, before and after.
        let unchanged = lacking.is_none()
            && self.fleet.lock().get(self.name()).is_none_or(|entry| !entry.withheld.contains_key(name));
        if unchanged {
            return;
        }
        self.edit(|entry| match lacking {
            Some(capability) => {
                entry.withheld.insert(name.to_owned(), capability.to_owned());
            }
            None => {
                entry.withheld.remove(name);
            }
        });
    }

    /// A lane begins anew.
    pub fn nothing_withheld(&self, lane: Lane) {
        if lane == Lane::Config {
            self.edit(|entry| entry.withheld.clear());
        }
    }

    /// Changes the entry while this stream speaks for it.
    fn edit(&self, edit: impl FnOnce(&mut Entry)) {
        self.fleet.edit(self.name.as_str(), |entry| {
            if entry.stream.as_ref().is_some_and(|stream| stream.end.same_channel(&self.end)) {
                edit(entry);
            }
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.edit(|entry| entry.stream = None);
    }
}
