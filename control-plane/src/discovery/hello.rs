//! The first message of a stream, checked.

use std::collections::{BTreeMap, BTreeSet};

use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::model::name::DataPlaneName;
use signalbox_proto::model::violation::{FieldPath, Violations};
use signalbox_proto::wire::discovery::v1 as wire;

use crate::error::Error;
use crate::store::Token;

/// Most labels that a data plane may have.
pub const MAX_LABELS: usize = 64;
/// Most capabilities that a data plane may name.
pub const MAX_CAPABILITIES: usize = 256;
/// Longest text of a Hello.
pub const MAX_TEXT_BYTES: usize = 256;

/// Who opens a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Name of the data plane.
    pub name: DataPlaneName,
    /// Its region.
    pub region: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its version.
    pub version: String,
    /// Changes with each start of the process.
    pub boot_id: String,
    /// What it can enforce.
    pub capabilities: BTreeSet<String>,
    /// What it holds of each lane.
    pub cursors: BTreeMap<Lane, Cursor>,
}

impl Hello {
    /// Checks a Hello.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, under `hello.`.
    pub fn from_wire(wire: wire::Hello) -> Result<Self, Violations> {
        let wire::Hello { data_plane, region, labels, version, boot_id, capabilities, cursors } = wire;
        let at = FieldPath::root().field("hello");
        let mut wrong = Violations::new();
        let name = wrong.collect(DataPlaneName::parse(&data_plane, &at.field("data_plane")));
        let texts = [("region", &region), ("version", &version), ("boot_id", &boot_id)];
        let pairs = labels.iter().flat_map(|(key, value)| [("labels", key), ("labels", value)]);
        let texts =
            texts.into_iter().chain(pairs).chain(capabilities.iter().map(|text| ("capabilities", text)));
        for (field, _) in texts.filter(|(_, text)| text.len() > MAX_TEXT_BYTES) {
            wrong.push(at.field(field), "TOO_LONG", format!("must have at most {MAX_TEXT_BYTES} bytes"));
        }
        for (field, count, most) in
            [("labels", labels.len(), MAX_LABELS), ("capabilities", capabilities.len(), MAX_CAPABILITIES)]
        {
            if count > most {
                wrong.push(at.field(field), "TOO_MANY", format!("must have at most {most} items"));
            }
        }
        let mut known = BTreeMap::new();
        for (index, cursor) in cursors.iter().enumerate() {
            match Cursor::from_wire(cursor) {
                Some((lane, cursor)) => {
                    known.insert(lane, cursor);
                }
                None => wrong.push(
                    at.field("cursors").index(index),
                    "INVALID_CURSOR",
                    "must have a lane and an epoch of 16 bytes",
                ),
            }
        }
        let hello = name.map(|name| Self {
            name,
            region,
            labels,
            version,
            boot_id,
            capabilities: capabilities.into_iter().collect(),
            cursors: known,
        });
        wrong.or_value(hello)
    }

    /// Checks that the token was made for this data plane.
    ///
    /// # Errors
    ///
    /// `PermissionDenied`.
    pub fn check_token(&self, token: &Token) -> Result<(), Error> {
        if token.data_plane != self.name.as_str() {
            return Err(Error::PermissionDenied("the token was made for another data plane"));
        }
        if token.region != self.region {
            return Err(Error::PermissionDenied("the token was made for another region"));
        }
        Ok(())
    }
}
