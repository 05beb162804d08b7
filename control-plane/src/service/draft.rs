//! A change being made: what it reads inside the transaction, and what it will write.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use signalbox_proto::model::bound;
use signalbox_proto::model::violation::{FieldPath, Violations};
use signalbox_proto::wire::config::v1 as wire;
use uuid::Uuid;

use super::body::{Body, Checked};
use super::check::{claims, references, transition};
use super::edit::{Action, Edit};
use super::etag::etag;
use super::names::{check_name, new_name};
use super::run::MAX_CHANGES_PER_COMMIT;
use crate::error::Error;
use crate::store::{Claim, Commit, Kind, Operation, Reference, Resource, Transaction};

/// Kind and full name.
pub(super) type Key = (Kind, String);

/// What becomes of one resource.
pub(super) enum Staged {
    Put(Box<Put>),
    Delete,
}

/// A resource as it shall be.
pub(super) struct Put {
    pub(super) body: Body,
    pub(super) encoded: Bytes,
    pub(super) checked: Checked,
    /// Identity, if it is created.
    pub(super) uid: Uuid,
    /// Where in the request it stands.
    pub(super) field: FieldPath,
}

/// A change being made.
pub(super) struct Draft {
    pub(super) tx: Box<dyn Transaction>,
    /// Everything read so far, as it was before the change.
    pub(super) known: BTreeMap<Key, Option<Resource>>,
    /// Everything that will be written.
    pub(super) staged: BTreeMap<Key, Staged>,
    /// The keys of `staged` in the order of the request.
    pub(super) order: Vec<Key>,
    /// What is allowed and may yet not be what was meant.
    pub(super) advice: Violations,
}

impl Draft {
    pub(super) fn new(tx: Box<dyn Transaction>) -> Self {
        Self {
            tx,
            known: BTreeMap::new(),
            staged: BTreeMap::new(),
            order: Vec::new(),
            advice: Violations::new(),
        }
    }

    /// Stages an edit; the keys of what it is about, with what becomes of each.
    pub(super) async fn stage(&mut self, edit: Edit) -> Result<Vec<(Key, Action)>, Error> {
        match edit {
            Edit::Create { parent, id, body } => self.create(&parent, &id, body).await,
            Edit::Update { body, allow_missing } => self.update(body, allow_missing).await,
            Edit::Delete { kind, name, etag, force } => {
                let key = (kind, name);
                self.current_at(&key, &etag).await?;
                if force {
                    self.cascade(&key).await?;
                }
                self.stage_delete(key)?;
                Ok(Vec::new())
            }
            Edit::Revoke { name, etag } => self.revoke(name, &etag).await,
            Edit::Apply(manifest) => self.apply(*manifest).await,
        }
    }

    async fn create(&mut self, parent: &str, id: &str, mut body: Body) -> Result<Vec<(Key, Action)>, Error> {
        let kind = body.kind();
        let at = FieldPath::root().field(kind.field());
        let name = new_name(kind, parent, id).map_err(Error::Invalid)?;
        if !body.name().is_empty() && body.name() != name {
            let text = format!("must be empty or {name}, which is what parent and id say");
            return Err(Error::Invalid(Violations::one(at.field("name"), "CONFLICT", text)));
        }
        body.set_name(name.clone());
        let key = (kind, name);
        if self.current(&key).await?.is_some() {
            return Err(Error::AlreadyExists { resource: key.1 });
        }
        let mut wrong = Violations::new();
        let action = self.put(key.clone(), body, at, &mut wrong).await?;
        done(wrong)?;
        Ok(vec![(key, action)])
    }

    async fn update(&mut self, body: Body, allow_missing: bool) -> Result<Vec<(Key, Action)>, Error> {
        let key = (body.kind(), body.name().to_owned());
        let at = FieldPath::root().field(key.0.field());
        check_name(key.0, &key.1, &at.field("name")).map_err(Error::Invalid)?;
        if self.current(&key).await?.is_none() && !allow_missing {
            return Err(Error::NotFound { resource: key.1 });
        }
        let mut wrong = Violations::new();
        let action = self.put(key.clone(), body, at, &mut wrong).await?;
        done(wrong)?;
        Ok(vec![(key, action)])
    }

    async fn revoke(&mut self, name: String, etag: &str) -> Result<Vec<(Key, Action)>, Error> {
        let key = (Kind::ApiKey, name);
        let current = self.current_at(&key, etag).await?;
        let mut body = Body::decode(current.kind, &current.body)?;
        if let Body::ApiKey(message) = &mut body {
            message.set_state(wire::ApiKeyState::Revoked);
        }
        let mut wrong = Violations::new();
        let action = self.put(key.clone(), body, FieldPath::root(), &mut wrong).await?;
        done(wrong)?;
        Ok(vec![(key, action)])
    }

    async fn apply(&mut self, manifest: wire::Manifest) -> Result<Vec<(Key, Action)>, Error> {
        let bodies = manifest_bodies(manifest);
        let at = FieldPath::root().field("manifest");
        if !bound::MANIFEST_RESOURCES.contains(bodies.len() as u64) {
            let text =
                format!("has {} resources, must have {}", bodies.len(), bound::MANIFEST_RESOURCES.range());
            return Err(Error::Invalid(Violations::one(at, "TOO_MANY", text)));
        }
        self.load(bodies.iter().map(|(body, _)| (body.kind(), body.name().to_owned()))).await?;
        let mut wrong = Violations::new();
        let mut seen = BTreeSet::new();
        let mut results = Vec::with_capacity(bodies.len());
        for (body, at) in bodies {
            let key = (body.kind(), body.name().to_owned());
            if !seen.insert(key.clone()) {
                wrong.push(at.field("name"), "DUPLICATE", "is in the manifest twice");
                continue;
            }
            let action = self.put(key.clone(), body, at, &mut wrong).await?;
            results.push((key, action));
        }
        done(wrong)?;
        Ok(results)
    }

    /// Stages one resource as it shall be, and notes what is wrong with it alone or with how it changes.
    pub(super) async fn put(
        &mut self,
        key: Key,
        mut body: Body,
        field: FieldPath,
        wrong: &mut Violations,
    ) -> Result<Action, Error> {
        let current = self.current(&key).await?;
        expect_etag(&key, current.as_ref(), body.etag())?;
        let before = current.as_ref().map(|current| Body::decode(key.0, &current.body)).transpose()?;
        match &before {
            Some(before) => body.inherit(before),
            None => created_key(&mut body, &field, wrong),
        }
        body.normalize();
        let Some(checked) = wrong.collect(body.check(&field)) else { return Ok(Action::Unchanged) };
        let encoded = body.encode();
        if current.as_ref().is_some_and(|current| current.body == encoded) {
            return Ok(Action::Unchanged);
        }
        if let Some(before) = &before {
            // What is stored passed the checks of its time; stricter ones since do not forbid to change it.
            if let Ok(before) = before.check(&FieldPath::root()) {
                transition(&before, &checked, &field, wrong);
            }
        }
        let action = if before.is_some() { Action::Updated } else { Action::Created };
        let put = Put { body, encoded, checked, uid: Uuid::new_v4(), field };
        self.write(key, Staged::Put(Box::new(put)))?;
        Ok(action)
    }

    pub(super) fn stage_delete(&mut self, key: Key) -> Result<(), Error> {
        self.write(key, Staged::Delete)
    }

    fn write(&mut self, key: Key, staged: Staged) -> Result<(), Error> {
        if self.staged.insert(key.clone(), staged).is_none() {
            self.order.push(key);
        }
        if self.staged.len() > MAX_CHANGES_PER_COMMIT {
            return Err(Error::TooLarge { limit: MAX_CHANGES_PER_COMMIT });
        }
        Ok(())
    }

    /// Reads what is not known yet, all at once.
    pub(super) async fn load(&mut self, keys: impl IntoIterator<Item = Key>) -> Result<(), Error> {
        let wanted: BTreeSet<Key> = keys.into_iter().filter(|key| !self.known.contains_key(key)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let wanted: Vec<Key> = wanted.into_iter().collect();
        let found = self.tx.get(wanted.clone()).await.map_err(Error::store("read resources"))?;
        self.known.extend(wanted.into_iter().zip(found));
        Ok(())
    }

    /// A resource as it was before the change.
    pub(super) async fn current(&mut self, key: &Key) -> Result<Option<Resource>, Error> {
        self.load([key.clone()]).await?;
        Ok(self.known.get(key).cloned().flatten())
    }

    /// A resource that is named by its name alone.
    async fn current_at(&mut self, key: &Key, etag: &str) -> Result<Resource, Error> {
        check_name(key.0, &key.1, &FieldPath::root().field("name")).map_err(Error::Invalid)?;
        let current = self.current(key).await?;
        let current = current.ok_or_else(|| Error::NotFound { resource: key.1.clone() })?;
        expect_etag(key, Some(&current), etag)?;
        Ok(current)
    }

    /// What the change writes to the store.
    pub(super) fn operations(&self) -> Vec<Operation> {
        self.order.iter().filter_map(|key| Some(self.operation(key, self.staged.get(key)?))).collect()
    }

    fn operation(&self, key: &Key, staged: &Staged) -> Operation {
        let (kind, name) = key.clone();
        let expect = self.known.get(key).and_then(Option::as_ref).map(|current| current.revision);
        match staged {
            Staged::Delete => Operation::Delete { kind, name, expect: expect.unwrap_or_default() },
            Staged::Put(put) => Operation::Put {
                kind,
                name,
                expect,
                uid: put.uid,
                body: put.encoded.clone(),
                claims: claims(&put.checked, &put.field)
                    .into_iter()
                    .map(|claim| Claim { key: claim.key, holder: claim.holder })
                    .collect(),
                references: references(&put.checked, &put.field)
                    .into_iter()
                    .map(|((kind, name), _)| Reference { kind, name })
                    .collect(),
            },
        }
    }

    /// A resource as it will be once `commit` is made.
    pub(super) fn resource_after(&self, key: &Key, commit: &Commit) -> Option<Resource> {
        let current = self.known.get(key).and_then(Option::as_ref);
        match self.staged.get(key) {
            None => current.cloned(),
            Some(Staged::Delete) => None,
            Some(Staged::Put(put)) => Some(Resource {
                kind: key.0,
                name: key.1.clone(),
                uid: current.map_or(put.uid, |current| current.uid),
                revision: commit.revision(key.0.lane()).unwrap_or_default(),
                create_time: current.map_or(commit.commit_time, |current| current.create_time),
                update_time: commit.commit_time,
                body: put.encoded.clone(),
            }),
        }
    }

    /// Whether a resource will exist after the change; it must have been loaded.
    pub(super) fn exists_after(&self, key: &Key) -> bool {
        match self.staged.get(key) {
            Some(Staged::Put(_)) => true,
            Some(Staged::Delete) => false,
            None => self.known.get(key).is_some_and(Option::is_some),
        }
    }
}

/// Everything wrong with single messages, as one error.
fn done(wrong: Violations) -> Result<(), Error> {
    if wrong.is_empty() {
        return Ok(());
    }
    // Those about how something changes are refusals; they count as such only if nothing else is wrong.
    let final_only = wrong.iter().all(|violation| matches!(violation.reason, "FINAL_STATE" | "IMMUTABLE"));
    Err(if final_only { Error::Refused(wrong) } else { Error::Invalid(wrong) })
}

fn expect_etag(key: &Key, current: Option<&Resource>, given: &str) -> Result<(), Error> {
    let current = current.map(|current| etag(current.uid, current.revision)).unwrap_or_default();
    if given.is_empty() || given == current {
        return Ok(());
    }
    Err(Error::EtagMismatch { resource: key.1.clone(), current })
}

/// A key that is created must bring its hash, for its text could not be shown to anybody. `CreateApiKey` makes one first.
fn created_key(body: &mut Body, field: &FieldPath, wrong: &mut Violations) {
    if let Body::ApiKey(key) = body
        && key.key_sha256.is_empty()
    {
        let text = "is required here: only CreateApiKey makes keys, for it alone can show them";
        wrong.push(field.field("key_sha256"), "REQUIRED", text);
    }
}

/// The resources of a manifest with their places, those that others refer to first.
fn manifest_bodies(manifest: wire::Manifest) -> Vec<(Body, FieldPath)> {
    fn list<R: Into<Body>>(field: &str, messages: Vec<R>) -> impl Iterator<Item = (Body, FieldPath)> {
        let at = FieldPath::root().field("manifest").field(field);
        messages
            .into_iter()
            .enumerate()
            .map(move |(index, message)| (message.into().without_prefix(), at.index(index)))
    }
    let wire::Manifest { plans, agents, consumers, subscriptions, api_keys } = manifest;
    list("plans", plans)
        .chain(list("agents", agents))
        .chain(list("consumers", consumers))
        .chain(list("subscriptions", subscriptions))
        .chain(list("api_keys", api_keys))
        .collect()
}
