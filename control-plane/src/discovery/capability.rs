//! What a data plane must be able to do to get a resource.

use signalbox_proto::wire::config::v1 as config;
use signalbox_proto::wire::discovery::v1::{Change, Deleted, change::Body};

/// The capability that `change` needs; `None`: any data plane can apply it.
pub fn required(change: &Change) -> Option<&'static str> {
    let Some(Body::Plan(plan)) = &change.body else { return None };
    Some(match plan.security {
        Some(config::plan::Security::ApiKey(_)) => "plan.api_key",
        Some(config::plan::Security::Keyless(_)) => "plan.keyless",
        // What nobody can enforce goes to nobody.
        None => "plan.unknown",
    })
}

/// Whether a change of this resource may have been withheld, or may be now.
pub fn may_be_withheld(change: &Change) -> bool {
    required(change).is_some()
        || (matches!(change.body, Some(Body::Deleted(_))) && change.name.contains("/plans/"))
}

/// What a data plane that lacks the capability gets instead: an older form of the resource must not stay in force.
pub fn withheld(change: &Change) -> Change {
    Change { name: change.name.clone(), revision: change.revision, body: Some(Body::Deleted(Deleted {})) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_need_what_their_security_needs() {
        let plan = |security| Change {
            body: Some(Body::Plan(config::Plan { security, ..Default::default() })),
            ..Default::default()
        };
        let key = config::plan::Security::ApiKey(config::ApiKeySecurity::default());
        assert_eq!(required(&plan(Some(key))), Some("plan.api_key"));
        assert_eq!(required(&plan(None)), Some("plan.unknown"));
        assert_eq!(
            required(&Change { body: Some(Body::Agent(config::Agent::default())), ..Default::default() }),
            None
        );
    }
}
