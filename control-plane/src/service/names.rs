//! Names in requests: their form is checked before anything is looked up.

use signalbox_proto::model::name::{AgentName, ApiKeyName, ConsumerName, PlanName, SubscriptionName, is_id};
use signalbox_proto::model::violation::{FieldPath, Violations};

use crate::store::Kind;

/// The name is one of its kind.
pub(super) fn check_name(kind: Kind, name: &str, at: &FieldPath) -> Result<(), Violations> {
    match kind {
        Kind::Agent => AgentName::parse(name, at).map(drop),
        Kind::Plan => PlanName::parse(name, at).map(drop),
        Kind::Consumer => ConsumerName::parse(name, at).map(drop),
        Kind::Subscription => SubscriptionName::parse(name, at).map(drop),
        Kind::ApiKey => ApiKeyName::parse(name, at).map(drop),
    }
}

/// The name of a resource that is to be created.
pub(super) fn new_name(kind: Kind, parent: &str, id: &str) -> Result<String, Violations> {
    let mut wrong = Violations::new();
    if let Err(text) = parent_segments(kind, parent, false) {
        wrong.push(FieldPath::root().field("parent"), "INVALID_NAME", text);
    }
    if !is_id(id) {
        let at = FieldPath::root().field(&format!("{}_id", kind.field()));
        let reason = if id.is_empty() { "REQUIRED" } else { "INVALID_ID" };
        wrong.push(at, reason, "must be 1 to 63 of a-z, 0-9 and -, neither beginning nor ending with -");
    }
    wrong.or_value(Some(format!("{parent}/{}/{id}", kind.collection())))
}

/// The segments of the parent of resources of a kind; or what form it must have. `-` stands for any id, if that is
/// allowed.
pub(super) fn parent_segments(kind: Kind, parent: &str, wildcards: bool) -> Result<Vec<String>, String> {
    let collections: &[&str] = match kind {
        Kind::Agent | Kind::Plan | Kind::Consumer => &["organizations"],
        Kind::Subscription => &["organizations", "consumers"],
        Kind::ApiKey => &["organizations", "consumers", "subscriptions"],
    };
    let segments: Vec<String> = parent.split('/').map(str::to_owned).collect();
    let good = |(pair, collection): (&[String], &&str)| {
        let [of, id] = pair else { return false };
        of == collection && (is_id(id) || (wildcards && id == "-"))
    };
    if segments.len() == 2 * collections.len() && segments.chunks_exact(2).zip(collections).all(good) {
        return Ok(segments);
    }
    let form: Vec<String> = collections.iter().map(|collection| format!("{collection}/{{id}}")).collect();
    let hint = if wildcards { "; - stands for any id" } else { "" };
    Err(format!("must have the form {}{hint}", form.join("/")))
}

/// The name without its last two segments.
pub(super) fn parent_name(name: &str) -> &str {
    let mut segments = name.rsplitn(3, '/');
    segments.nth(2).unwrap_or_default()
}
