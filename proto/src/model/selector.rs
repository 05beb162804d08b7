//! Which data planes a thing is meant for.

use std::collections::BTreeMap;

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
}
