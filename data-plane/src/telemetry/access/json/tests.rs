use proptest::prelude::*;

use super::*;
use crate::telemetry::names::AGENT;

fn escaped(value: &str) -> String {
    let mut text = Vec::new();
    escape(value, &mut text);
    String::from_utf8(text).unwrap()
}

fn member(write: impl FnOnce(&mut Members<'_>)) -> String {
    let mut text = Vec::new();
    write(&mut Members::new(&mut text));
    String::from_utf8(text).unwrap()
}

#[test]
fn plain_text_is_copied() {
    assert_eq!(escaped("/a2a/weather é 雨"), "/a2a/weather é 雨");
}

#[test]
fn what_could_steer_a_terminal_is_escaped() {
    assert_eq!(escaped("a\u{1b}[2Jb"), "a\\u001b[2Jb");
    assert_eq!(escaped("\u{7f}\u{9b}31m\n\0"), "\\u007f\\u009b31m\\u000a\\u0000");
    assert_eq!(escaped("say \"\\\""), "say \\\"\\\\\\\"");
}

#[test]
fn durations_are_milliseconds() {
    for (micros, text) in [(0, "0"), (1, "0.001"), (1_500, "1.500"), (2_000, "2"), (61_000_020, "61000.020")]
    {
        let written = member(|members| members.duration(&AGENT, Duration::from_micros(micros)));
        assert_eq!(written, format!(",\"agent\":{text}"));
    }
}

#[test]
fn the_longest_address_is_written_whole() {
    let address = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535";
    let address: SocketAddr = address.parse().unwrap();
    let written = member(|members| members.socket_address(&AGENT, address));
    assert_eq!(written, format!(",\"agent\":\"{address}\""));
}

proptest! {
    #[test]
    fn addresses_are_written_as_everywhere(address: IpAddr, port: u16) {
        let written = member(|members| members.address(&AGENT, address));
        prop_assert_eq!(written, format!(",\"agent\":\"{address}\""));
        let address = SocketAddr::new(address, port);
        let written = member(|members| members.socket_address(&AGENT, address));
        prop_assert_eq!(written, format!(",\"agent\":\"{address}\""));
    }

    #[test]
    fn the_quick_way_and_the_slow_way_write_the_same(value: String) {
        let quick = member(|members| members.text(&AGENT, &value));
        prop_assert_eq!(quick, format!(",\"agent\":\"{}\"", escaped(&clean(&value))));
    }

    #[test]
    fn whatever_is_escaped_is_read_back_and_shows_no_control_character(value: String) {
        let text = escaped(&value);
        prop_assert!(!text.chars().any(char::is_control));
        let read: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
        prop_assert_eq!(read, value);
    }

    #[test]
    fn every_integer_and_duration_is_a_json_number(value: i64, duration: Duration) {
        let text = member(|members| {
            members.integer(&AGENT, value);
        });
        prop_assert_eq!(text, format!(",\"agent\":{value}"));
        let text = member(|members| members.duration(&AGENT, duration));
        let number: f64 = serde_json::from_str(text.trim_start_matches(",\"agent\":")).unwrap();
        prop_assert!(number >= 0.0);
    }
}
