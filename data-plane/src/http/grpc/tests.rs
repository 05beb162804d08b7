use http::HeaderMap;
use proptest::prelude::*;

use super::*;

fn with(name: HeaderName, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

#[test]
fn grpc_is_told_from_grpc_web_and_from_everything_else() {
    let codec_of = |value: &str| codec(&with(CONTENT_TYPE, value));
    for value in ["application/grpc", "application/grpc+proto", "Application/GRPC ; charset=utf-8"] {
        assert_eq!(codec_of(value), Some(Codec::Protobuf), "{value}");
    }
    assert_eq!(codec_of("application/grpc+json"), Some(Codec::Other));
    for value in
        ["application/grpc-web", "application/grpc-web+proto", "application/json", "application/grp", ""]
    {
        assert_eq!(codec_of(value), None, "{value}");
    }
    assert_eq!(codec(&HeaderMap::new()), None);
}

#[test]
fn all_units_of_a_timeout_are_read() {
    let read = |value: &str| timeout(&with(GRPC_TIMEOUT, value)).unwrap().unwrap();
    assert_eq!(read("1H"), Duration::from_secs(3600));
    assert_eq!(read("2M"), Duration::from_secs(120));
    assert_eq!(read("10S"), Duration::from_secs(10));
    assert_eq!(read("1500m"), Duration::from_millis(1500));
    assert_eq!(read("7u"), Duration::from_micros(7));
    assert_eq!(read("00000001n"), Duration::from_nanos(1));
    assert_eq!(read("0S"), Duration::ZERO);
    assert_eq!(read("99999999H"), Duration::from_secs(99_999_999 * 3600));
    assert_eq!(timeout(&HeaderMap::new()).unwrap(), None);
}

#[test]
fn what_is_no_timeout_is_refused() {
    for value in ["", "S", "10", "1 S", "-1S", "+1S", "1s", "123456789S", "1.5S", "0x1S", "1SS", "1h"] {
        let error = timeout(&with(GRPC_TIMEOUT, value)).unwrap_err();
        assert_eq!(error.code(), Code::InvalidRequest, "{value}");
    }
    let mut two = with(GRPC_TIMEOUT, "1S");
    two.append(GRPC_TIMEOUT, HeaderValue::from_static("2S"));
    assert!(timeout(&two).is_err());
}

#[test]
fn a_timeout_is_written_in_the_finest_unit_that_holds_it() {
    for (duration, written) in [
        (Duration::ZERO, "0u"),
        (Duration::from_nanos(999), "0u"),
        (Duration::from_micros(999), "999u"),
        (Duration::from_micros(1_999), "1m"),
        (Duration::from_secs(60), "60000m"),
        (Duration::from_millis(99_999_999), "99999999m"),
        (Duration::from_millis(100_000_000), "100000S"),
        (Duration::from_secs(100_000_000), "1666666M"),
        (Duration::MAX, "99999999H"),
    ] {
        assert_eq!(timeout_value(duration), written);
    }
}

#[test]
fn a_status_that_cannot_be_read_is_unknown() {
    assert_eq!(status(&HeaderMap::new()), None);
    for (value, number) in [("0", 0), ("14", 14), ("99", 99), ("", 2), ("x", 2), ("-1", 2), ("99999999", 2)] {
        assert_eq!(status(&with(GRPC_STATUS, value)), Some(number), "{value}");
    }
}

#[test]
fn http_statuses_are_mapped_as_clients_map_them() {
    for (http, grpc) in [
        (400, 13),
        (401, 16),
        (403, 7),
        (404, 12),
        (429, 14),
        (502, 14),
        (503, 14),
        (504, 14),
        (500, 2),
        (301, 2),
    ] {
        assert_eq!(status_of_http(StatusCode::from_u16(http).unwrap()), grpc, "{http}");
    }
}

#[test]
fn messages_are_percent_encoded() {
    assert_eq!(percent_encoded("plain, 100% \u{e9}\n"), "plain, 100%25 %C3%A9%0A");
}

proptest! {
    /// What remains is never more than what was given, and loses less than a thousandth, or a microsecond.
    #[test]
    fn a_written_timeout_is_read_as_a_little_less(nanoseconds in 0..u64::MAX) {
        let given = Duration::from_nanos(nanoseconds);
        let read = parse_timeout(timeout_value(given).as_bytes()).unwrap();
        prop_assert!(read <= given);
        let lost = given - read;
        prop_assert!(lost <= (given / 1000).max(Duration::from_millis(1)), "{lost:?} of {given:?}");
        if given < Duration::from_millis(1) {
            prop_assert!(lost < Duration::from_micros(1));
        }
    }

    #[test]
    fn nothing_in_a_timeout_panics(value in proptest::collection::vec(any::<u8>(), 0..12)) {
        let _ = parse_timeout(&value);
    }
}
