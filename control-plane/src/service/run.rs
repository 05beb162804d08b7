//! From a call to a commit, and the methods that callers use.

use std::time::{Duration, SystemTime};

use prost::Message as _;
use signalbox_proto::model::lane::Lane;
use signalbox_proto::wire::config::v1 as wire;
use tracing::Instrument as _;

use super::Service;
use super::body::{Body, ResourceMessage};
use super::call::Call;
use super::draft::{Draft, Key};
use super::edit::{Action, Answer, Applied, Changed, Edit};
use crate::clock::to_timestamp;
use crate::error::Error;
use crate::store::{Audit, ChangeSet, Commit, Kind, Replay, RevisionChanges, Transaction};

/// Most resources that one commit may touch, those that it deletes by force included.
pub const MAX_CHANGES_PER_COMMIT: usize = 100_000;

/// How long a request id answers what it answered first.
pub const REQUEST_ID_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

impl Service {
    /// Creates a resource under `parent`.
    ///
    /// An API key must bring its hash; [`Service::create_api_key`] makes one.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, and everything that is wrong with the resource or does not go with what is stored.
    pub async fn create<R: ResourceMessage>(
        &self,
        call: Call,
        parent: &str,
        id: &str,
        resource: R,
    ) -> Result<Changed<R>, Error> {
        let body = resource.into().without_prefix();
        changed(self.run(call, Edit::Create { parent: parent.to_owned(), id: id.to_owned(), body }).await?)
    }

    /// Replaces a resource whole; creates it if `allow_missing`.
    ///
    /// # Errors
    ///
    /// `NotFound`, `EtagMismatch`, and everything that is wrong with the resource or does not go with what is stored.
    pub async fn update<R: ResourceMessage>(
        &self,
        call: Call,
        resource: R,
        allow_missing: bool,
    ) -> Result<Changed<R>, Error> {
        let body = resource.into().without_prefix();
        changed(self.run(call, Edit::Update { body, allow_missing }).await?)
    }

    /// Deletes a resource; with `force`, also what hangs from it. Agents that a plan opened stay, without it.
    ///
    /// # Errors
    ///
    /// `NotFound`, `EtagMismatch`, `InUse`.
    pub async fn delete<R: ResourceMessage>(
        &self,
        call: Call,
        name: &str,
        etag: &str,
        force: bool,
    ) -> Result<Option<Commit>, Error> {
        let edit = Edit::Delete { kind: R::KIND, name: name.to_owned(), etag: etag.to_owned(), force };
        Ok(self.run(call, edit).await?.commit)
    }

    /// Ends a key for good. One that is revoked already stays as it is, without a commit.
    ///
    /// # Errors
    ///
    /// `NotFound`, `EtagMismatch`.
    pub async fn revoke_api_key(
        &self,
        call: Call,
        name: &str,
        etag: &str,
    ) -> Result<Changed<wire::ApiKey>, Error> {
        let edit = Edit::Revoke { name: name.to_owned(), etag: etag.to_owned() };
        changed(self.run(call, edit).await?)
    }

    /// Creates or updates everything in a manifest, in one commit; nothing if nothing would change.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any resource, each violation under `manifest.`.
    pub async fn apply(&self, call: Call, manifest: wire::Manifest) -> Result<Applied, Error> {
        let answer = self.run(call, Edit::Apply(Box::new(manifest))).await?;
        Ok(Applied { results: answer.results, commit: answer.commit, advice: answer.advice })
    }

    pub(super) async fn run(&self, call: Call, edit: Edit) -> Result<Answer, Error> {
        call.check().map_err(Error::Invalid)?;
        let this = self.clone();
        // On a task of its own: a caller who goes away must not leave a commit unannounced.
        let task = tokio::spawn(async move { this.transact(call, edit).await }.in_current_span());
        task.await.map_err(|error| Error::Internal { doing: "make a change", source: Box::new(error) })?
    }

    async fn transact(&self, call: Call, edit: Edit) -> Result<Answer, Error> {
        let mut tx = self.store.begin().await.map_err(Error::store("open a transaction"))?;
        let now = self.clock.now();
        if let Some(answer) = replayed(&mut *tx, &call, edit.kind(), now).await? {
            return Ok(answer);
        }
        let heads = tx.heads().await.map_err(Error::store("read the heads"))?;

        let mut draft = Draft::new(tx);
        let many = edit.kind().is_none();
        let actions = draft.stage(edit).await?;
        draft.check().await?;
        let publications = draft.publications().await?;

        let mut change = ChangeSet {
            time: now,
            traceparent: call.traceparent.clone(),
            operations: draft.operations(),
            publications,
            audit: audit(&call, now, &draft.order),
            replay: None,
        };
        let commit = change.commit_after(self.store.identity().epoch, heads);
        let mut answer = answer(&draft, &actions, &commit, many)?;
        if call.validate_only {
            return Ok(answer);
        }
        if !call.request_id.is_empty() {
            change.replay = Some(replay(&call, &answer, now));
        }
        if change.operations.is_empty() && change.replay.is_none() {
            return Ok(answer);
        }
        let changed = !change.operations.is_empty();
        let announced = announcements(&change, &commit);
        let commit = draft.tx.commit(change).await.map_err(Error::store("commit"))?;
        if changed {
            self.feed.announce(announced).await;
            answer.commit = Some(commit);
        }
        Ok(answer)
    }
}

/// What was answered to the same request before.
async fn replayed(
    tx: &mut dyn Transaction,
    call: &Call,
    kind: Option<Kind>,
    now: SystemTime,
) -> Result<Option<Answer>, Error> {
    if call.request_id.is_empty() || call.validate_only {
        return Ok(None);
    }
    let doing = "look up an earlier answer";
    let found =
        tx.replay(call.actor.clone(), call.request_id.clone(), now).await.map_err(Error::store(doing))?;
    let Some(found) = found else { return Ok(None) };
    if found.request_sha256 != call.request_sha256 {
        return Err(Error::RequestIdReused { request_id: call.request_id.clone() });
    }
    let damaged = |error: prost::DecodeError| Error::Internal { doing, source: Box::new(error) };
    let mut answer = Answer { commit: found.commit, replayed: true, ..Answer::default() };
    match kind {
        Some(kind) if !found.response.is_empty() => {
            answer.resource = Some(Body::decode(kind, &found.response)?)
        }
        Some(_) => {}
        None => {
            answer.results = wire::ApplyManifestResponse::decode(found.response).map_err(damaged)?.results;
        }
    }
    Ok(Some(answer))
}

fn replay(call: &Call, answer: &Answer, now: SystemTime) -> Replay {
    let response = match &answer.resource {
        Some(body) => body.encode(),
        None => wire::ApplyManifestResponse { results: answer.results.clone(), ..Default::default() }
            .encode_to_vec()
            .into(),
    };
    Replay {
        actor: call.actor.clone(),
        request_id: call.request_id.clone(),
        request_sha256: call.request_sha256,
        response,
        commit: None,
        expire_time: now + REQUEST_ID_LIFETIME,
    }
}

fn audit(call: &Call, now: SystemTime, order: &[Key]) -> Audit {
    Audit {
        time: now,
        actor: call.actor.clone(),
        method: call.method.to_owned(),
        request_id: call.request_id.clone(),
        resources: order.iter().map(|(_, name)| name.clone()).collect(),
    }
}

/// The answer as it will be once committed.
fn answer(draft: &Draft, actions: &[(Key, Action)], commit: &Commit, many: bool) -> Result<Answer, Error> {
    let mut answer = Answer { advice: draft.advice.clone(), ..Answer::default() };
    if many {
        let result = |(key, action): &(Key, Action)| wire::ApplyResult {
            name: key.1.clone(),
            action: action.to_wire().into(),
        };
        answer.results = actions.iter().map(result).collect();
    } else if let Some((key, _)) = actions.first() {
        let resource = draft.resource_after(key, commit);
        answer.resource = resource.map(|resource| Body::present(&resource)).transpose()?;
    }
    Ok(answer)
}

/// What the feed is told: the same that the change log says.
fn announcements(change: &ChangeSet, commit: &Commit) -> Vec<(Lane, RevisionChanges)> {
    let mut announced = Vec::new();
    for lane in Lane::ALL {
        let Some(revision) = commit.revision(lane) else { continue };
        let of_lane = change.publications.iter().filter(|publication| publication.lane == lane);
        let changes = of_lane.map(|publication| (publication.name.clone(), publication.body.clone()));
        announced.push((
            lane,
            RevisionChanges {
                revision,
                commit_time: change.time,
                traceparent: change.traceparent.clone(),
                changes: changes.collect(),
            },
        ));
    }
    announced
}

pub(super) fn changed<R: ResourceMessage>(answer: Answer) -> Result<Changed<R>, Error> {
    let Answer { resource, commit, replayed, .. } = answer;
    let resource = resource
        .and_then(R::from_body)
        .ok_or_else(|| Error::defect("answer a change", "the answer is of another kind than the request"))?;
    Ok(Changed { resource, commit, replayed })
}

/// A commit as the wire carries it.
pub fn commit_to_wire(commit: &Commit) -> wire::Commit {
    wire::Commit {
        epoch: commit.epoch.0.to_vec(),
        config_revision: commit.config_revision.unwrap_or_default(),
        credentials_revision: commit.credentials_revision.unwrap_or_default(),
        commit_time: Some(to_timestamp(commit.commit_time)),
    }
}
