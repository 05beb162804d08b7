//! What has to be done now and then, so that the store does not grow for ever.

use std::time::Duration;

use signalbox_proto::model::lane::Lane;

use super::Service;
use crate::error::Error;

/// Revisions of each lane that the change log keeps. A data plane that is further behind gets a snapshot.
pub const CHANGE_LOG_REVISIONS: u64 = 100_000;

/// Time between two rounds of maintenance.
pub const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(10 * 60);

impl Service {
    /// Forgets old changes and request ids.
    ///
    /// # Errors
    ///
    /// Whatever the store answers; nothing is lost by that but time.
    pub async fn maintain(&self) -> Result<(), Error> {
        let doing = "tidy the store";
        let heads = self.store.heads().await.map_err(Error::store(doing))?;
        for lane in Lane::ALL {
            let through = heads.of(lane).saturating_sub(CHANGE_LOG_REVISIONS);
            if through > 0 {
                self.store.compact(lane, through).await.map_err(Error::store(doing))?;
            }
        }
        self.store.purge_replays(self.clock.now()).await.map_err(Error::store(doing))?;
        Ok(())
    }
}
