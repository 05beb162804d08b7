use http::{HeaderMap, HeaderValue};

use super::{A2A_VERSION, Requested, Version, not_supported, requested};
use crate::error::{Code, Dialect};

fn headers(values: &[&'static str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(A2A_VERSION, HeaderValue::from_static(value));
    }
    headers
}

fn asked(values: &[&'static str], query: Option<&str>) -> Result<(Option<String>, Option<String>), Code> {
    let Requested { version, replace } = requested(&headers(values), query).map_err(|error| error.code())?;
    let replace = replace.map(|value| value.to_str().unwrap().to_owned());
    Ok((version.map(|version| version.to_string()), replace))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn absent_and_empty_mean_0_3_and_stay_absent() {
    for (values, query) in
        [(&[][..], None), (&[""][..], None), (&[][..], Some("")), (&[][..], Some("A2A-Version="))]
    {
        assert_eq!(asked(values, query), Ok((None, None)));
    }
    assert_eq!(Requested::default().effective(), Version::V0_3);
}

#[test]
fn a_header_goes_on_as_it_came_except_for_a_patch_part() {
    assert_eq!(asked(&["1.0"], None), Ok((some("1.0"), None)));
    assert_eq!(asked(&["1"], None), Ok((some("1.0"), None)));
    assert_eq!(asked(&["0.3"], None), Ok((some("0.3"), None)));
    assert_eq!(asked(&["1.0.1"], None), Ok((some("1.0"), some("1.0"))));
    assert_eq!(asked(&["1.0", "1.0"], None), Ok((some("1.0"), some("1.0"))));
}

#[test]
fn a_query_goes_on_as_the_header() {
    assert_eq!(asked(&[], Some("x=1&A2A-Version=1.0")), Ok((some("1.0"), some("1.0"))));
    assert_eq!(asked(&[], Some("a2a%2Dversion=1%2E0.7")), Ok((some("1.0"), some("1.0"))));
    assert_eq!(asked(&["1.0"], Some("A2A-Version=1.0.1")), Ok((some("1.0"), None)));
}

#[test]
fn versions_that_differ_are_refused() {
    for (values, query) in [
        (&["1.0"][..], Some("A2A-Version=0.3")),
        (&["1.0", "0.3"][..], None),
        (&[][..], Some("A2A-Version=0.3&A2A-Version=1.0")),
    ] {
        assert_eq!(asked(values, query), Err(Code::VersionConflict), "{values:?} {query:?}");
    }
}

#[test]
fn what_is_no_version_is_not_supported() {
    for value in ["one", "1.", ".1", "1.0.0.0", "1.0, 0.3", "-1.0", "01.0", "999999.0", "1.x"] {
        assert_eq!(asked(&[value], None), Err(Code::VersionNotSupported), "{value}");
    }
    assert_eq!(asked(&[], Some("A2A-Version=%ff")), Err(Code::VersionNotSupported));
}

#[test]
fn a_refusal_names_what_is_on_offer() {
    let error = not_supported(Version { major: 2, minor: 0 }, &[Version::V0_3, Version::V1_0]);
    assert!(error.public_message().contains("Asked for 2.0; offered: 0.3, 1.0."));
    assert!(error.metadata_pairs().contains(&("supportedVersions", "0.3, 1.0".to_owned())));
}

#[test]
fn the_first_version_reads_errors_in_its_own_way() {
    let dialect = |text: &str| Version::parse(text).unwrap().dialect();
    assert_eq!((dialect("0.1"), dialect("0")), (Dialect::V01, Dialect::V01));
    assert_eq!((dialect("0.2"), dialect("0.3.0")), (Dialect::V0, Dialect::V0));
    assert_eq!((dialect("1"), dialect("2.7")), (Dialect::V1, Dialect::V1));
}
