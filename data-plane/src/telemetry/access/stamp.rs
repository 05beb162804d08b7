//! RFC 3339 time stamps, formatted once a second.

#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use super::json::digit;

const SECONDS_PER_DAY: u64 = 86_400;
/// Length of `2026-01-02T03:04:05.`.
const PREFIX: usize = 20;
/// Length of the whole stamp, to the microsecond, in UTC.
pub(super) const LENGTH: usize = 27;

/// The last second that was formatted.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    second: u64,
    text: [u8; LENGTH],
}

impl Default for Stamp {
    fn default() -> Self {
        Self { second: 0, text: *b"1970-01-01T00:00:00.000000Z" }
    }
}

impl Stamp {
    /// The stamp of `time`; times before 1970 are 1970.
    pub(super) fn format(&mut self, time: SystemTime) -> &[u8; LENGTH] {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if since.as_secs() != self.second {
            self.second = since.as_secs();
            self.text[..PREFIX].copy_from_slice(&prefix(self.second));
        }
        let mut micros = u64::from(since.subsec_micros());
        for at in (PREFIX..PREFIX + 6).rev() {
            self.text[at] = digit(micros);
            micros /= 10;
        }
        &self.text
    }
}

fn prefix(second: u64) -> [u8; PREFIX] {
    let (year, month, day) = civil(second / SECONDS_PER_DAY);
    let clock = second % SECONDS_PER_DAY;
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    let mut text = *b"0000-00-00T00:00:00.";
    let fields = [(0, 4, year), (5, 2, month), (8, 2, day), (11, 2, hour), (14, 2, minute), (17, 2, second)];
    for (start, length, mut number) in fields {
        for at in (start..start + length).rev() {
            text[at] = digit(number);
            number /= 10;
        }
    }
    text
}

/// Year, month and day of a day counted from 1970-01-01 (proleptic Gregorian calendar; the arithmetic counts from a
/// March 1st, so that the leap day is a year's last).
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    // From 0000-03-01 to 1970-01-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}
