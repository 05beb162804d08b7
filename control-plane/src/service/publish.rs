//! What data planes have to learn of a change.
//!
//! Agents and plans are published as they are. Of consumers, subscriptions and keys they learn only the credentials that
//! result: one record for each key that may be used. A record is an encoded `signalbox.discovery.v1.Change` without name
//! and revision; of a credential it holds the key's SHA-256 where data planes get the keyed digest, so that the pepper
//! can change.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use pbjson_types::Timestamp;
use prost::Message as _;
use signalbox_proto::model::lane::Lane;
use signalbox_proto::wire::config::v1 as wire;
use signalbox_proto::wire::discovery::v1::{Change, KeyCredential, change};

use super::body::Body;
use super::draft::{Draft, Key, Staged};
use super::names::parent_name;
use crate::error::Error;
use crate::store::{Kind, Publication};

fn record(body: change::Body) -> Bytes {
    Change { name: String::new(), revision: 0, body: Some(body) }.encode_to_vec().into()
}

fn config_record(body: &Body) -> Option<Bytes> {
    match body {
        Body::Agent(agent) => Some(record(change::Body::Agent((**agent).clone()))),
        Body::Plan(plan) => Some(record(change::Body::Plan(plan.clone()))),
        Body::Consumer(_) | Body::Subscription(_) | Body::ApiKey(_) => None,
    }
}

impl Draft {
    /// Everything that data planes have to learn of the staged change.
    pub(super) async fn publications(&mut self) -> Result<Vec<Publication>, Error> {
        let mut publications = Vec::new();
        for key in &self.order {
            if key.0.lane() == Lane::Config {
                let body = match self.staged.get(key) {
                    Some(Staged::Put(put)) => config_record(&put.body),
                    _ => None,
                };
                publications.push(Publication { lane: Lane::Config, name: key.1.clone(), body });
            }
        }
        for key in self.affected_keys().await? {
            let before = self.credential(&key, When::Before)?;
            let after = self.credential(&key, When::After)?;
            if before != after {
                publications.push(Publication { lane: Lane::Credentials, name: key.1, body: after });
            }
        }
        Ok(publications)
    }

    /// Every key whose credential may be another after the change, with its subscription known.
    async fn affected_keys(&mut self) -> Result<BTreeSet<Key>, Error> {
        let mut affected = BTreeSet::new();
        let mut subscriptions = BTreeMap::new();
        for key in &self.order {
            match key.0 {
                Kind::ApiKey => {
                    affected.insert(key.clone());
                }
                Kind::Subscription => {
                    // A subscription that is created has no stored keys yet.
                    let existed = self.known.get(key).is_some_and(Option::is_some);
                    subscriptions.insert(key.clone(), existed);
                }
                Kind::Agent | Kind::Plan | Kind::Consumer => {}
            }
        }
        for (subscription, existed) in subscriptions {
            if existed {
                affected.extend(self.children(Kind::ApiKey, &subscription.1).await?);
            }
        }
        let neighbours: Vec<Key> = affected.iter().map(subscription_of).collect();
        self.load(neighbours).await?;
        Ok(affected)
    }

    fn credential(&self, key: &Key, when: When) -> Result<Option<Bytes>, Error> {
        let subscription = subscription_of(key);
        let (Some(Body::ApiKey(api_key)), Some(Body::Subscription(subscription))) =
            (self.body(key, when)?, self.body(&subscription, when)?)
        else {
            return Ok(None);
        };
        credential(&api_key, &subscription)
    }

    fn body(&self, key: &Key, when: When) -> Result<Option<Body>, Error> {
        match (when, self.staged.get(key)) {
            (When::After, Some(Staged::Put(put))) => Ok(Some(put.body.clone())),
            (When::After, Some(Staged::Delete)) => Ok(None),
            _ => {
                let stored = self.known.get(key).and_then(Option::as_ref);
                stored.map(|stored| Body::decode(key.0, &stored.body)).transpose()
            }
        }
    }
}

#[derive(Clone, Copy)]
enum When {
    Before,
    After,
}

fn subscription_of(key: &Key) -> Key {
    (Kind::Subscription, parent_name(&key.1).to_owned())
}

/// The record of a key; `None` if it may not be used now. Expiry is left to the data planes.
fn credential(key: &wire::ApiKey, subscription: &wire::Subscription) -> Result<Option<Bytes>, Error> {
    let usable =
        key.state() == wire::ApiKeyState::Active && subscription.state() == wire::SubscriptionState::Active;
    if !usable {
        return Ok(None);
    }
    let sha256 = hex::decode(&key.key_sha256)
        .map_err(|error| Error::Internal { doing: "read the hash of a key", source: Box::new(error) })?;
    Ok(Some(record(change::Body::Key(KeyCredential {
        digest: sha256.into(),
        plan: subscription.plan.clone(),
        consumer: parent_name(&subscription.name).to_owned(),
        expire_time: earlier(key.expire_time, subscription.expire_time),
    }))))
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if (a.seconds, a.nanos) <= (b.seconds, b.nanos) { a } else { b }),
        (one, other) => one.or(other),
    }
}
