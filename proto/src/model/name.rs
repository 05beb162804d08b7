//! Resource names in the AIP style, and the ids that they are made of.

use std::fmt;
use std::sync::Arc;

use super::violation::{FieldPath, Violations};

/// Longest id in bytes (RFC 1035 label length).
pub const MAX_ID_BYTES: usize = 63;

/// The organization that always exists.
pub const DEFAULT_ORGANIZATION: &str = "default";

/// Whether `id` matches `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`.
#[must_use]
pub fn is_id(id: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = id.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    bytes.len() <= MAX_ID_BYTES && inner(first) && inner(last) && bytes.iter().all(|&b| inner(b) || b == b'-')
}

/// Splits `name` along `pattern`, whose `{}` segments stand for ids.
fn segments<'a>(pattern: &str, name: &'a str) -> Option<Vec<&'a str>> {
    let mut ids = Vec::new();
    let mut parts = name.split('/');
    for expected in pattern.split('/') {
        let part = parts.next()?;
        if expected == "{}" {
            if !is_id(part) {
                return None;
            }
            ids.push(part);
        } else if part != expected {
            return None;
        }
    }
    parts.next().is_none().then_some(ids)
}

macro_rules! resource_name {
    ($(#[$doc:meta])* $type:ident, $pattern:literal, $shape:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The form of the name.
            pub const SHAPE: &'static str = $shape;

            /// Checks a name.
            ///
            /// # Errors
            ///
            /// One violation at `field` if `name` has another form.
            pub fn parse(name: &str, field: &FieldPath) -> Result<Self, Violations> {
                match segments($pattern, name) {
                    Some(_) => Ok(Self(Arc::from(name))),
                    None => Err(Violations::one(
                        field.clone(),
                        if name.is_empty() { "REQUIRED" } else { "INVALID_NAME" },
                        format!("must have the form {} with ids of a-z, 0-9 and -", $shape),
                    )),
                }
            }

            /// The whole name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The whole name, shared.
            #[must_use]
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }

            /// The last segment.
            #[must_use]
            pub fn id(&self) -> &str {
                self.0.rsplit('/').next().unwrap_or_default()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
    (organization $type:ident) => {
        impl $type {
            /// The id of the organization that owns it.
            #[must_use]
            pub fn organization(&self) -> &str {
                self.0.split('/').nth(1).unwrap_or_default()
            }
        }
    };
}

resource_name!(
    /// Name of an agent.
    AgentName, "organizations/{}/agents/{}", "organizations/{organization}/agents/{agent}"
);
resource_name!(organization AgentName);
resource_name!(
    /// Name of a plan.
    PlanName, "organizations/{}/plans/{}", "organizations/{organization}/plans/{plan}"
);
resource_name!(organization PlanName);
resource_name!(
    /// Name of a consumer.
    ConsumerName, "organizations/{}/consumers/{}", "organizations/{organization}/consumers/{consumer}"
);
resource_name!(organization ConsumerName);
resource_name!(
    /// Name of a subscription.
    SubscriptionName,
    "organizations/{}/consumers/{}/subscriptions/{}",
    "organizations/{organization}/consumers/{consumer}/subscriptions/{subscription}"
);
resource_name!(organization SubscriptionName);
resource_name!(
    /// Name of an API key.
    ApiKeyName,
    "organizations/{}/consumers/{}/subscriptions/{}/apiKeys/{}",
    "organizations/{organization}/consumers/{consumer}/subscriptions/{subscription}/apiKeys/{key}"
);
resource_name!(organization ApiKeyName);
resource_name!(
    /// Name of a data plane.
    DataPlaneName, "dataPlanes/{}", "dataPlanes/{id}"
);
resource_name!(
    /// Name of a data-plane token.
    DataPlaneTokenName, "dataPlaneTokens/{}", "dataPlaneTokens/{id}"
);

fn first_segments(name: &str, count: usize) -> Arc<str> {
    let end = name.match_indices('/').nth(count - 1).map_or(name.len(), |(index, _)| index);
    Arc::from(&name[..end])
}

impl SubscriptionName {
    /// Whose subscription it is.
    #[must_use]
    pub fn consumer(&self) -> ConsumerName {
        ConsumerName(first_segments(&self.0, 4))
    }
}

impl ApiKeyName {
    /// Whose key it is.
    #[must_use]
    pub fn consumer(&self) -> ConsumerName {
        ConsumerName(first_segments(&self.0, 4))
    }

    /// The subscription that it hangs from.
    #[must_use]
    pub fn subscription(&self) -> SubscriptionName {
        SubscriptionName(first_segments(&self.0, 6))
    }
}
