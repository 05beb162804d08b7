use signalbox_proto::model::violation::FieldPath;

use super::*;

fn violations() -> Violations {
    Violations::one(FieldPath::root().field("agent").field("upstreams").index(0), "REQUIRED", "must be given")
}

#[test]
fn violations_reach_the_caller_field_by_field() {
    let status = status(&Error::Invalid(violations()));
    assert_eq!(status.code(), GrpcCode::InvalidArgument);
    let details = status.get_error_details();
    let fields = &details.bad_request().unwrap().field_violations;
    assert_eq!(
        (fields[0].field.as_str(), fields[0].description.as_str()),
        ("agent.upstreams[0]", "must be given")
    );
    let info = details.error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("INVALID", "signalbox.dev"));
}

#[test]
fn a_refusal_says_what_stands_against_it() {
    let status = status(&Error::Refused(violations()));
    assert_eq!(status.code(), GrpcCode::FailedPrecondition);
    let details = status.get_error_details();
    assert_eq!(details.precondition_failure().unwrap().violations[0].r#type, "REQUIRED");
    assert_eq!(details.bad_request().unwrap().field_violations[0].field, "agent.upstreams[0]");
}

#[test]
fn a_stale_etag_is_aborted_with_the_current_one() {
    let name = "organizations/default/agents/echo";
    let status = status(&Error::EtagMismatch { resource: name.to_owned(), current: "abc".to_owned() });
    assert_eq!(status.code(), GrpcCode::Aborted);
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.reason, "ETAG_MISMATCH");
    assert_eq!(info.metadata.get("current_etag").map(String::as_str), Some("abc"));
    let resource = details.resource_info().unwrap();
    assert_eq!(
        (resource.resource_type.as_str(), resource.resource_name.as_str()),
        ("signalbox.config.v1.Agent", name)
    );
}

#[test]
fn what_may_be_repeated_says_when() {
    assert_eq!(status(&Error::Busy).get_error_details().retry_info().unwrap().retry_delay, Some(RETRY_DELAY));
}

#[test]
fn internal_causes_stay_inside() {
    let status = status(&Error::defect("read a row", "secret detail"));
    assert!(!status.message().contains("secret detail"), "{}", status.message());
}
