//! What the store in memory holds, as plain maps.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;
use signalbox_proto::model::lane::{Epoch, Lane};

use crate::store::{
    Audit, AuditEvent, ChangePage, ChangeSet, Claim, Commit, DataPlaneFacts, Heads, Kind, ListQuery,
    Operation, Record, Reference, Replay, Resource, RevisionChanges, StoreError, Token, TokenKind,
};

#[derive(Debug, Default)]
struct LaneState {
    /// Changes up to and including this revision are forgotten.
    floor: u64,
    /// Revisions floor + 1 to head.
    log: Vec<RevisionChanges>,
    records: BTreeMap<String, (u64, Bytes)>,
}

#[derive(Debug)]
struct Row {
    resource: Resource,
    claims: Vec<Claim>,
    references: Vec<Reference>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    rows: BTreeMap<(Kind, String), Row>,
    lanes: BTreeMap<Lane, LaneState>,
    heads: Heads,
    audit: Vec<AuditEvent>,
    replays: BTreeMap<(String, String), Replay>,
    tokens: BTreeMap<(TokenKind, String), Token>,
    data_planes: BTreeMap<String, DataPlaneFacts>,
}

impl State {
    pub(super) fn heads(&self) -> Heads {
        self.heads
    }

    pub(super) fn get(&self, names: &[(Kind, String)]) -> Vec<Option<Resource>> {
        names.iter().map(|name| self.rows.get(name).map(|row| row.resource.clone())).collect()
    }

    pub(super) fn list(&self, query: &ListQuery) -> Vec<Resource> {
        let start = query.after.as_ref().unwrap_or(&query.prefix).max(&query.prefix).clone();
        self.rows
            .range((query.kind, start)..)
            .take_while(|((kind, name), _)| *kind == query.kind && name.starts_with(&query.prefix))
            .filter(|((_, name), _)| query.after.as_ref().is_none_or(|after| name > after))
            .map(|(_, row)| row.resource.clone())
            .take(query.limit)
            .collect()
    }

    pub(super) fn claims(&self, keys: &[String]) -> Vec<(Claim, Reference)> {
        let mut found = Vec::new();
        for ((kind, name), row) in &self.rows {
            for claim in row.claims.iter().filter(|claim| keys.contains(&claim.key)) {
                found.push((claim.clone(), Reference { kind: *kind, name: name.clone() }));
            }
        }
        found.sort();
        found
    }

    pub(super) fn referrers(&self, of: &Reference, kind: Kind, limit: usize) -> Vec<String> {
        self.rows
            .iter()
            .filter(|((other, _), row)| *other == kind && row.references.contains(of))
            .map(|((_, name), _)| name.clone())
            .take(limit)
            .collect()
    }

    pub(super) fn replay(&self, actor: String, request_id: String, now: SystemTime) -> Option<Replay> {
        self.replays.get(&(actor, request_id)).filter(|replay| replay.expire_time > now).cloned()
    }

    pub(super) fn commit(&mut self, epoch: Epoch, change: ChangeSet) -> Result<Commit, StoreError> {
        for operation in &change.operations {
            let (kind, name) = operation.target();
            let expect = match operation {
                Operation::Put { expect, .. } => *expect,
                Operation::Delete { expect, .. } => Some(*expect),
            };
            let current = self.rows.get(&(kind, name.to_owned())).map(|row| row.resource.revision);
            if current != expect {
                return Err(StoreError::Conflict { name: name.to_owned() });
            }
        }
        self.check_references(&change.operations)?;
        let commit = change.commit_after(epoch, self.heads);
        let touched = commit.config_revision.is_some() || commit.credentials_revision.is_some();
        for lane in Lane::ALL {
            let Some(revision) = commit.revision(lane) else { continue };
            self.heads = self.heads.with(lane, revision);
            self.publish(lane, revision, &change);
        }
        if let Some(mut replay) = change.replay {
            replay.commit = touched.then_some(commit);
            self.replays.insert((replay.actor.clone(), replay.request_id.clone()), replay);
        }
        if touched {
            self.push_audit(change.audit, Some(&commit));
        }
        for operation in change.operations {
            self.apply(operation, &commit);
        }
        Ok(commit)
    }

    /// Whatever is referred to after the change exists then.
    fn check_references(&self, operations: &[Operation]) -> Result<(), StoreError> {
        let target = |operation: &Operation| {
            let (kind, name) = operation.target();
            Reference { kind, name: name.to_owned() }
        };
        let put = |reference: &Reference| {
            let is = |operation: &&Operation| target(operation) == *reference;
            operations.iter().find(is).map(|operation| matches!(operation, Operation::Put { .. }))
        };
        for operation in operations {
            let dangling = match operation {
                Operation::Put { references, .. } => references.iter().find(|reference| {
                    let stored = || self.rows.contains_key(&(reference.kind, reference.name.clone()));
                    !put(reference).unwrap_or_else(stored)
                }),
                Operation::Delete { .. } => {
                    let gone = target(operation);
                    let stays = |(kind, name): &(Kind, String)| {
                        put(&Reference { kind: *kind, name: name.clone() }).is_none()
                    };
                    self.rows
                        .iter()
                        .filter(|(key, _)| stays(key))
                        .find_map(|(_, row)| row.references.iter().find(|to| **to == gone))
                }
            };
            if let Some(dangling) = dangling {
                return Err(StoreError::Conflict { name: dangling.name.clone() });
            }
        }
        Ok(())
    }

    fn publish(&mut self, lane: Lane, revision: u64, change: &ChangeSet) {
        let state = self.lanes.entry(lane).or_default();
        let mut changes = Vec::new();
        for publication in change.publications.iter().filter(|publication| publication.lane == lane) {
            match &publication.body {
                Some(body) => state.records.insert(publication.name.clone(), (revision, body.clone())),
                None => state.records.remove(&publication.name),
            };
            changes.push((publication.name.clone(), publication.body.clone()));
        }
        state.log.push(RevisionChanges {
            revision,
            commit_time: change.time,
            traceparent: change.traceparent.clone(),
            changes,
        });
    }

    fn apply(&mut self, operation: Operation, commit: &Commit) {
        match operation {
            Operation::Put { kind, name, uid, body, claims, references, .. } => {
                let old = self.rows.get(&(kind, name.clone())).map(|row| &row.resource);
                let resource = Resource {
                    kind,
                    name: name.clone(),
                    uid: old.map_or(uid, |old| old.uid),
                    revision: commit.revision(kind.lane()).unwrap_or_default(),
                    create_time: old.map_or(commit.commit_time, |old| old.create_time),
                    update_time: commit.commit_time,
                    body,
                };
                self.rows.insert((kind, name), Row { resource, claims, references });
            }
            Operation::Delete { kind, name, .. } => {
                self.rows.remove(&(kind, name));
            }
        }
    }

    fn push_audit(&mut self, audit: Audit, commit: Option<&Commit>) {
        self.audit.push(AuditEvent {
            id: self.audit.len() as u64 + 1,
            audit,
            config_revision: commit.and_then(|commit| commit.config_revision),
            credentials_revision: commit.and_then(|commit| commit.credentials_revision),
        });
    }

    pub(super) fn changes(
        &self,
        lane: Lane,
        after: u64,
        max_changes: usize,
    ) -> Result<ChangePage, StoreError> {
        let head = self.heads.of(lane);
        let Some(state) = self.lanes.get(&lane) else {
            return Ok(ChangePage { revisions: Vec::new(), head });
        };
        if after < state.floor {
            return Err(StoreError::Compacted { floor: state.floor });
        }
        let mut revisions: Vec<RevisionChanges> = Vec::new();
        let mut count = 0;
        for entry in state.log.iter().filter(|entry| entry.revision > after) {
            if !revisions.is_empty() && count + entry.changes.len() > max_changes {
                break;
            }
            count += entry.changes.len();
            revisions.push(entry.clone());
        }
        Ok(ChangePage { revisions, head })
    }

    pub(super) fn records(&self, lane: Lane) -> (u64, Vec<Record>) {
        let records = self.lanes.get(&lane).map(|state| {
            let record = |(name, (revision, body)): (&String, &(u64, Bytes))| Record {
                name: name.clone(),
                revision: *revision,
                body: body.clone(),
            };
            state.records.iter().map(record).collect()
        });
        (self.heads.of(lane), records.unwrap_or_default())
    }

    pub(super) fn compact(&mut self, lane: Lane, through: u64) {
        let head = self.heads.of(lane);
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.floor = state.floor.max(through.min(head));
            let floor = state.floor;
            state.log.retain(|entry| entry.revision > floor);
        }
    }

    pub(super) fn purge_replays(&mut self, now: SystemTime) -> u64 {
        let before = self.replays.len();
        self.replays.retain(|_, replay| replay.expire_time > now);
        (before - self.replays.len()) as u64
    }

    pub(super) fn audit(&self, before: Option<u64>, limit: usize) -> Vec<AuditEvent> {
        let older = |event: &&AuditEvent| before.is_none_or(|before| event.id < before);
        self.audit.iter().rev().filter(older).take(limit).cloned().collect()
    }

    pub(super) fn put_token(&mut self, token: Token, audit: Audit) -> Result<(), StoreError> {
        let taken = |other: &Token| other.kind == token.kind && other.sha256 == token.sha256;
        let key = (token.kind, token.id.clone());
        if self.tokens.contains_key(&key) || self.tokens.values().any(taken) {
            return Err(StoreError::Conflict { name: token.id });
        }
        self.tokens.insert(key, token);
        self.push_audit(audit, None);
        Ok(())
    }

    pub(super) fn token_by_hash(&self, kind: TokenKind, sha256: [u8; 32]) -> Option<Token> {
        self.tokens.values().find(|token| token.kind == kind && token.sha256 == sha256).cloned()
    }

    pub(super) fn tokens(&self, kind: TokenKind, after: Option<&str>, limit: usize) -> Vec<Token> {
        self.tokens
            .iter()
            .filter(|((other, id), _)| *other == kind && after.is_none_or(|after| id.as_str() > after))
            .map(|(_, token)| token.clone())
            .take(limit)
            .collect()
    }

    pub(super) fn revoke_token(&mut self, kind: TokenKind, id: String, audit: Audit) -> Option<Token> {
        let token = self.tokens.get_mut(&(kind, id))?;
        if token.revoke_time.is_none() {
            token.revoke_time = Some(audit.time);
            let token = token.clone();
            self.push_audit(audit, None);
            return Some(token);
        }
        Some(token.clone())
    }

    pub(super) fn put_data_planes(&mut self, facts: Vec<DataPlaneFacts>) {
        self.data_planes.extend(facts.into_iter().map(|fact| (fact.name.clone(), fact)));
    }

    pub(super) fn data_planes(&self) -> Vec<DataPlaneFacts> {
        self.data_planes.values().cloned().collect()
    }
}
