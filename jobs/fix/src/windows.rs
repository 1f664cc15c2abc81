//! Maintenance windows: when changes may be made.

use chrono::{DateTime, Datelike, Days, Duration, NaiveTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer};

/// From a time of day to another, on some days of the week. It may go past midnight; the day is then that of its
/// beginning.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Days on which it begins; all when absent.
    #[serde(default, deserialize_with = "days")]
    days: Option<Vec<Weekday>>,
    /// When it begins.
    #[serde(deserialize_with = "time")]
    from: NaiveTime,
    /// When it ends, that moment excluded. The same as `from` is a whole day.
    #[serde(deserialize_with = "time")]
    to: NaiveTime,
    /// The time zone by its IANA name.
    #[serde(default = "utc", deserialize_with = "zone")]
    zone: Tz,
}

/// No weekly window is farther away than this.
const DAYS_AHEAD: u64 = 8;

fn utc() -> Tz {
    Tz::UTC
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Weekday>>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let parsed = names.iter().map(|name| {
        name.parse::<Weekday>().map_err(|_| serde::de::Error::custom(format!("`{name}` is no day of the week")))
    });
    parsed.collect::<Result<Vec<_>, _>>().map(Some)
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    NaiveTime::parse_from_str(&text, "%H:%M")
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no time of day; one looks like `22:30`")))
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is no time zone; one looks like `Europe/Berlin`")))
}

impl Window {
    /// The window that begins on the local day that is `offset` days after that of `now`, if one does.
    fn beginning(&self, now: DateTime<Utc>, offset: i64) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let today = now.with_timezone(&self.zone).date_naive();
        let day = today.checked_add_signed(Duration::days(offset))?;
        if self.days.as_ref().is_some_and(|days| !days.contains(&day.weekday())) {
            return None;
        }
        let last = if self.to <= self.from { day.checked_add_days(Days::new(1))? } else { day };
        // An hour that a clock leaves out or repeats in spring and autumn: the later moment begins, the earlier ends.
        let begin = self.zone.from_local_datetime(&day.and_time(self.from)).latest();
        let end = self.zone.from_local_datetime(&last.and_time(self.to)).earliest();
        Some((begin?.with_timezone(&Utc), end?.with_timezone(&Utc)))
    }

    fn is_open(&self, now: DateTime<Utc>) -> bool {
        let spans = [-1, 0].into_iter().filter_map(|offset| self.beginning(now, offset));
        spans.into_iter().any(|(begin, end)| begin <= now && now < end)
    }

    fn next(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let spans = (0..=DAYS_AHEAD.cast_signed()).filter_map(|offset| self.beginning(now, offset));
        spans.map(|(begin, _)| begin).find(|begin| *begin > now)
    }
}

/// Whether a change may be made; without windows it always may.
pub(crate) fn is_open(windows: &[Window], now: DateTime<Utc>) -> bool {
    windows.is_empty() || windows.iter().any(|window| window.is_open(now))
}

/// When the next window begins.
pub(crate) fn next_opening(windows: &[Window], now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    windows.iter().filter_map(|window| window.next(now)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> Window {
        toml::from_str(text).unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        // 2025-03-01 is a Saturday.
        let night = window("days = ['sat']\nfrom = '22:00'\nto = '04:00'");
        assert!(!night.is_open(at("2025-03-01T03:00:00Z")), "Friday's night");
        assert!(night.is_open(at("2025-03-01T22:00:00Z")) && night.is_open(at("2025-03-02T03:59:59Z")));
        assert!(!night.is_open(at("2025-03-02T04:00:00Z")) && !night.is_open(at("2025-03-02T23:00:00Z")));
        assert_eq!(night.next(at("2025-03-02T04:00:00Z")), Some(at("2025-03-08T22:00:00Z")));
    }

    #[test]
    fn a_zone_has_its_own_clock() {
        let night = window("from = '22:00'\nto = '23:00'\nzone = 'Europe/Berlin'");
        assert!(night.is_open(at("2025-01-10T21:30:00Z")) && night.is_open(at("2025-07-10T20:30:00Z")));
        // The hour that is left out in spring: a window that begins in it does not open that night.
        let missing = window("from = '02:30'\nto = '05:00'\nzone = 'Europe/Berlin'");
        assert!(!missing.is_open(at("2025-03-30T01:45:00Z")));
        assert!(missing.is_open(at("2025-03-31T01:45:00Z")));
    }

    #[test]
    fn no_window_is_always_and_the_same_time_twice_a_day() {
        assert!(is_open(&[], at("2025-03-01T03:00:00Z")));
        let day = window("days = ['sat']\nfrom = '00:00'\nto = '00:00'");
        assert!(day.is_open(at("2025-03-01T23:59:00Z")) && !day.is_open(at("2025-03-02T00:00:00Z")));
        let mistake = toml::from_str::<Window>("from = '25:00'\nto = '04:00'").unwrap_err();
        assert!(mistake.to_string().contains("no time of day"));
    }
}
