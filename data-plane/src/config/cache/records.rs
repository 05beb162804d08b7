//! What the records of a state file say.

use prost::Message as _;
use signalbox_proto::model::credential::KeyDigest;
use signalbox_proto::model::lane::{Cursor, Epoch, Lane};
use signalbox_proto::model::name::PlanName;
use signalbox_proto::model::violation::FieldPath;
use signalbox_proto::wire::discovery::v1 as wire;

use super::Job;
use crate::auth::{KeyBatch, KeyRecord, PEPPER_BYTES};
use crate::config::runtime::Cursors;

const META: u8 = 1;
const CONFIG: u8 = 2;
const PLAN: u8 = 3;
const KEYS: u8 = 4;
const END: u8 = 5;
const DELTA: u8 = 6;

/// One record.
#[derive(Debug)]
pub(super) enum Record {
    /// First of a snapshot: where it is, and the pepper of its keys.
    Meta { cursors: Cursors, pepper: [u8; PEPPER_BYTES] },
    /// Agents and plans of a snapshot.
    Config(Vec<wire::Change>),
    /// A plan that keys behind it name, in the order of numbers from 0.
    Plan(String),
    /// Keys of a snapshot, as [`push_key`] writes them.
    Keys(Vec<u8>),
    /// Last of a snapshot: how many resources and keys it has.
    End { resources: u64, keys: u64 },
    /// A delta of a log.
    Delta(Job),
}

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Meta { cursors, pepper } => {
                out.push(META);
                for lane in Lane::ALL {
                    push_cursor(&mut out, cursors.of(lane));
                }
                out.extend_from_slice(pepper);
            }
            Self::Config(changes) => {
                out.push(CONFIG);
                encode_changes(&mut out, changes);
            }
            Self::Plan(name) => {
                out.push(PLAN);
                out.extend_from_slice(name.as_bytes());
            }
            Self::Keys(block) => {
                out.push(KEYS);
                out.extend_from_slice(block);
            }
            Self::End { resources, keys } => {
                out.push(END);
                out.extend_from_slice(&resources.to_le_bytes());
                out.extend_from_slice(&keys.to_le_bytes());
            }
            Self::Delta(job) => return encode_delta(job),
        }
        out
    }

    /// Reads a record; `None` if it is none of this version.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&kind, mut rest) = bytes.split_first()?;
        Some(match kind {
            META => {
                let mut cursors = Cursors::default();
                for lane in Lane::ALL {
                    cursors.set(lane, take_cursor(&mut rest)?);
                }
                Self::Meta { cursors, pepper: take(&mut rest)? }
            }
            CONFIG => Self::Config(wire::Delta::decode(rest).ok()?.changes),
            PLAN => Self::Plan(std::str::from_utf8(rest).ok()?.to_owned()),
            KEYS => Self::Keys(rest.to_vec()),
            END => Self::End { resources: take_u64(&mut rest)?, keys: take_u64(&mut rest)? },
            DELTA => {
                let lane = if take::<1>(&mut rest)? == [0] { Lane::Config } else { Lane::Credentials };
                let full = take::<1>(&mut rest)? != [0];
                let from = take_u64(&mut rest)?;
                let to = take_cursor(&mut rest)?;
                Self::Delta(Job { lane, from, to, full, changes: wire::Delta::decode(rest).ok()?.changes })
            }
            _ => return None,
        })
    }
}

/// The record of a delta.
pub(super) fn encode_delta(job: &Job) -> Vec<u8> {
    let mut out = vec![DELTA, u8::from(job.lane == Lane::Credentials), u8::from(job.full)];
    out.extend_from_slice(&job.from.to_le_bytes());
    push_cursor(&mut out, job.to);
    encode_changes(&mut out, &job.changes);
    out
}

/// Adds a key to a block of keys.
pub(super) fn push_key(block: &mut Vec<u8>, key: &KeyRecord<'_>, plan: u32) {
    let Ok(length) = u16::try_from(key.name.len()) else { return };
    block.extend_from_slice(&key.digest.0);
    block.extend_from_slice(&plan.to_le_bytes());
    block.extend_from_slice(&key.expires.to_le_bytes());
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(key.name.as_bytes());
}

/// Adds the keys of a block to a batch, whose plans have been entered in order. Returns how many, or `None` if the block
/// is not one.
pub(super) fn take_keys(block: &[u8], plans: u32, batch: &mut KeyBatch) -> Option<u64> {
    let mut rest = block;
    let mut count = 0;
    while !rest.is_empty() {
        let digest = KeyDigest(take(&mut rest)?);
        let plan = u32::from_le_bytes(take(&mut rest)?);
        let expires = u32::from_le_bytes(take(&mut rest)?);
        let length = u16::from_le_bytes(take(&mut rest)?);
        let (name, behind) = rest.split_at_checked(usize::from(length))?;
        rest = behind;
        if plan >= plans || !batch.push_packed(digest, plan, expires, std::str::from_utf8(name).ok()?) {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// The name of a plan, if it is one.
pub(super) fn plan_name(text: &str) -> Option<PlanName> {
    PlanName::parse(text, &FieldPath::root()).ok()
}

fn encode_changes(out: &mut Vec<u8>, changes: &[wire::Change]) {
    let delta = wire::Delta { changes: changes.to_vec(), ..wire::Delta::default() };
    out.extend_from_slice(&delta.encode_to_vec());
}

fn push_cursor(out: &mut Vec<u8>, cursor: Cursor) {
    out.extend_from_slice(&cursor.epoch.0);
    out.extend_from_slice(&cursor.revision.to_le_bytes());
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*head)
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_le_bytes)
}

fn take_cursor(rest: &mut &[u8]) -> Option<Cursor> {
    Some(Cursor { epoch: Epoch(take(rest)?), revision: take_u64(rest)? })
}
