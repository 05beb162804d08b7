//! From chunks to deltas. Pure.

use signalbox_proto::model::lane::{Change, Cursor, Epoch, Lane, RefusedChange};
use signalbox_proto::wire::discovery::v1 as wire;

use crate::auth::PEPPER_BYTES;
use crate::config::stage::Staged;

/// Most refused changes that a NACK tells of.
const MAX_REFUSED: usize = 100;

/// The deltas on their way, at most one in each lane.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    config: Option<Pending>,
    credentials: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    nonce: u64,
    staged: Staged,
    refused: Vec<RefusedChange>,
    /// What of a credentials delta takes rights away, which a faulty neighbour must not hold up.
    revoked: Vec<Change>,
    wire: Vec<wire::Change>,
}

/// A delta whose last chunk has come.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) lane: Lane,
    pub(super) nonce: u64,
    pub(super) staged: Staged,
    /// Why it cannot be applied; empty if it can.
    pub(super) refused: Vec<RefusedChange>,
    pub(super) revoked: Vec<Change>,
    /// The changes as they came, for the state on disk; none for a full delta of keys.
    pub(super) wire: Vec<wire::Change>,
}

impl Assembler {
    /// Takes a chunk; gives the delta if it was the last.
    ///
    /// # Errors
    ///
    /// What the chunk breaks of the protocol.
    pub(super) fn push(
        &mut self,
        chunk: wire::Delta,
        pepper: [u8; PEPPER_BYTES],
    ) -> Result<Option<Whole>, &'static str> {
        let wire::Delta { lane, nonce, epoch, from, to, full, changes, more, .. } = chunk;
        let lane = Lane::from_wire(lane).ok_or("a delta of an unknown lane")?;
        let epoch = Epoch::from_wire(&epoch).ok_or("a delta without an epoch of 16 bytes")?;
        let slot = match lane {
            Lane::Config => &mut self.config,
            Lane::Credentials => &mut self.credentials,
        };
        let to = Cursor { epoch, revision: to };
        let fresh = || Pending {
            nonce,
            staged: Staged::new(lane, from, to, full, pepper),
            refused: Vec::new(),
            revoked: Vec::new(),
            wire: Vec::new(),
        };
        // Another nonce: the delta before was given up.
        let mut pending = slot.take().filter(|pending| pending.nonce == nonce).unwrap_or_else(fresh);
        if pending.staged.to != to {
            return Err("chunks of one delta that lead to different revisions");
        }
        pending.add(lane, changes);
        if more {
            *slot = Some(pending);
            return Ok(None);
        }
        let Pending { nonce, staged, refused, revoked, wire } = pending;
        Ok(Some(Whole { lane, nonce, staged, refused, revoked, wire }))
    }
}

impl Pending {
    fn add(&mut self, lane: Lane, changes: Vec<wire::Change>) {
        for change in changes {
            let (name, revision) = (change.name.clone(), change.revision);
            if lane == Lane::Config || !self.staged.full {
                self.wire.push(change.clone());
            }
            match Change::from_wire(change, lane) {
                Ok(change) => {
                    if matches!(change, Change::DeleteCredential(_)) {
                        self.revoked.push(change.clone());
                    }
                    self.staged.add(revision, change);
                }
                Err(violations) if self.refused.len() < MAX_REFUSED => {
                    self.refused.push(RefusedChange { name, violations });
                }
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(nonce: u64, names: &[&str], more: bool) -> wire::Delta {
        let deleted = |name: &&str| wire::Change {
            name: (*name).to_owned(),
            revision: 1,
            body: Some(wire::change::Body::Deleted(wire::Deleted {})),
        };
        wire::Delta {
            lane: wire::Lane::Config.into(),
            nonce,
            epoch: vec![1; 16],
            from: 4,
            to: 5,
            changes: names.iter().map(deleted).collect(),
            more,
            ..wire::Delta::default()
        }
    }

    fn push(assembler: &mut Assembler, chunk: wire::Delta) -> Result<Option<Whole>, &'static str> {
        assembler.push(chunk, [0; PEPPER_BYTES])
    }

    const AGENT: &str = "organizations/o/agents/a";

    #[test]
    fn a_delta_is_whole_with_its_last_chunk() {
        let mut assembler = Assembler::default();
        assert!(push(&mut assembler, chunk(1, &[AGENT], true)).unwrap().is_none());
        let whole =
            push(&mut assembler, chunk(1, &[AGENT, "organizations/o/plans/p"], false)).unwrap().unwrap();
        assert_eq!((whole.nonce, whole.staged.len(), whole.wire.len()), (1, 3, 3));
        assert!(whole.refused.is_empty());
        assert_eq!((whole.staged.from, whole.staged.to.revision), (4, 5));
    }

    #[test]
    fn what_is_wrong_is_gathered_over_all_chunks() {
        let mut assembler = Assembler::default();
        push(&mut assembler, chunk(1, &["nonsense"], true)).unwrap();
        let whole = push(&mut assembler, chunk(1, &[AGENT], false)).unwrap().unwrap();
        assert_eq!(whole.refused.len(), 1);
        assert_eq!(whole.refused[0].name, "nonsense");
    }

    #[test]
    fn an_abandoned_delta_leaves_nothing_behind() {
        let mut assembler = Assembler::default();
        push(&mut assembler, chunk(1, &[AGENT], true)).unwrap();
        let whole = push(&mut assembler, chunk(2, &[AGENT], false)).unwrap().unwrap();
        assert_eq!((whole.nonce, whole.staged.len()), (2, 1));
    }

    #[test]
    fn what_is_no_delta_breaks_the_protocol() {
        let mut assembler = Assembler::default();
        assert!(push(&mut assembler, wire::Delta { lane: 9, ..chunk(1, &[], false) }).is_err());
        assert!(push(&mut assembler, wire::Delta { epoch: vec![1], ..chunk(1, &[], false) }).is_err());
        push(&mut assembler, chunk(1, &[], true)).unwrap();
        assert!(push(&mut assembler, wire::Delta { to: 9, ..chunk(1, &[], false) }).is_err());
    }
}
