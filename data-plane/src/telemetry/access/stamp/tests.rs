use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn text(stamp: &mut Stamp, time: SystemTime) -> String {
    String::from_utf8(stamp.format(time).to_vec()).unwrap()
}

#[test]
fn known_moments() {
    let mut stamp = Stamp::default();
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (951_782_399, "2000-02-28T23:59:59.000000Z"),
        (951_782_400, "2000-02-29T00:00:00.000000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        (253_402_300_799, "9999-12-31T23:59:59.000000Z"),
    ] {
        assert_eq!(text(&mut stamp, UNIX_EPOCH + Duration::from_secs(seconds)), expected);
    }
}

#[test]
fn the_second_is_formatted_again_when_it_changes_in_either_direction() {
    let mut stamp = Stamp::default();
    let later = UNIX_EPOCH + Duration::from_micros(86_400_000_007);
    assert_eq!(text(&mut stamp, later), "1970-01-02T00:00:00.000007Z");
    assert_eq!(text(&mut stamp, later + Duration::from_micros(1)), "1970-01-02T00:00:00.000008Z");
    assert_eq!(text(&mut stamp, UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
}

#[test]
fn a_time_before_the_epoch_is_the_epoch() {
    let mut stamp = Stamp::default();
    assert_eq!(text(&mut stamp, UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000000Z");
}

proptest! {
    #[test]
    fn agrees_with_another_implementation(micros in 0_u64..253_402_300_800_000_000) {
        let time = UNIX_EPOCH + Duration::from_micros(micros);
        let expected = humantime::format_rfc3339_micros(time).to_string();
        prop_assert_eq!(text(&mut Stamp::default(), time), expected);
    }
}
