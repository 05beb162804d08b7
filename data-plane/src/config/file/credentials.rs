//! The keys of a manifest as requests look them up.

use std::collections::HashMap;

use signalbox_proto::model::consumer::{ApiKeyState, Subscription, SubscriptionState};
use signalbox_proto::model::credential::Credential;
use signalbox_proto::model::manifest::Manifest;
use signalbox_proto::model::name::SubscriptionName;

use crate::auth::KeyHasher;

/// Every key that may be used: neither it nor its subscription is revoked, paused or closed. The earlier expiry counts.
pub(super) fn credentials<'m>(
    manifest: &'m Manifest,
    hasher: &'m KeyHasher,
) -> impl Iterator<Item = Credential> + use<'m> {
    let subscriptions: HashMap<&SubscriptionName, &Subscription> =
        manifest.subscriptions.iter().map(|subscription| (&subscription.name, subscription)).collect();
    manifest.api_keys.iter().filter_map(move |key| {
        let subscription = subscriptions.get(&key.name.subscription())?;
        if key.state != ApiKeyState::Active || subscription.state != SubscriptionState::Active {
            return None;
        }
        let expiries = [key.expire_time, subscription.expire_time];
        Some(Credential {
            name: key.name.clone(),
            digest: hasher.digest_of_sha256(key.sha256.as_ref()?),
            plan: subscription.plan.clone(),
            consumer: subscription.name.consumer(),
            expire_time: expiries.into_iter().flatten().min(),
        })
    })
}
