//! Which data planes a thing is meant for.

use std::collections::BTreeMap;

use super::violation::{FieldPath, Violations};
use super::{bound, check};
use crate::wire::config::v1 as wire;

/// Selects data planes by region and labels; the empty one selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataPlaneSelector {
    /// One of these regions; empty: any.
    pub regions: Vec<String>,
    /// All of these labels.
    pub labels: BTreeMap<String, String>,
}

impl DataPlaneSelector {
    /// Whether it selects every data plane.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty() && self.labels.is_empty()
    }

    /// Whether it selects a data plane of this region and with these labels.
    #[must_use]
    pub fn matches(&self, region: &str, labels: &BTreeMap<String, String>) -> bool {
        (self.regions.is_empty() || self.regions.iter().any(|r| r == region))
            && self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    /// Checks a selector; an absent one selects all.
    pub(crate) fn from_wire(
        wire: Option<wire::DataPlaneSelector>,
        at: &FieldPath,
        wrong: &mut Violations,
    ) -> Self {
        let wire::DataPlaneSelector { regions, labels } = wire.unwrap_or_default();
        let regions_at = at.field("regions");
        check::count(regions.len(), &bound::REGIONS, &regions_at, wrong);
        let regions: Vec<String> = regions
            .into_iter()
            .enumerate()
            .filter_map(|(index, region)| {
                check::text(region, &bound::REGION, &regions_at.index(index), wrong)
            })
            .collect();
        check::unique(&regions, &regions_at, wrong);
        Self { regions, labels: check::labels(labels, &at.field("labels"), wrong) }
    }
}
