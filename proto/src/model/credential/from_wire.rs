//! Wire → model for credentials, and back.

use super::{Credential, KeyDigest};
use crate::model::check;
use crate::model::name::{ApiKeyName, ConsumerName, PlanName};
use crate::model::violation::{FieldPath, Violations};
use crate::wire::discovery::v1 as wire;

impl Credential {
    /// Checks the credential called `name` and notes all that is wrong with it.
    pub(crate) fn from_wire(name: &str, wire: wire::KeyCredential, wrong: &mut Violations) -> Option<Self> {
        let wire::KeyCredential { digest, plan, consumer, expire_time } = wire;
        let root = FieldPath::root();
        let name = wrong.collect(ApiKeyName::parse(name, &root.field("name")));
        let digest = <[u8; 16]>::try_from(digest.as_ref()).ok().map(KeyDigest);
        if digest.is_none() {
            wrong.push(root.field("digest"), "INVALID_DIGEST", "must have 16 bytes");
        }
        let plan = wrong.collect(PlanName::parse(&plan, &root.field("plan")));
        let consumer = wrong.collect(ConsumerName::parse(&consumer, &root.field("consumer")));
        let expire_time = check::time(expire_time, &root.field("expire_time"), wrong);
        Some(Self { name: name?, digest: digest?, plan: plan?, consumer: consumer?, expire_time })
    }

    /// As the wire carries it; the name stands beside it in the change.
    #[must_use]
    pub fn to_wire(&self) -> wire::KeyCredential {
        wire::KeyCredential {
            digest: bytes::Bytes::copy_from_slice(&self.digest.0),
            plan: self.plan.to_string(),
            consumer: self.consumer.to_string(),
            expire_time: self.expire_time.map(check::to_timestamp),
        }
    }
}
