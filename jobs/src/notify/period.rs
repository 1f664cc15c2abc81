//! How often something is told, and which period ended last.

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use serde::Deserialize;

/// How often a subscription tells what happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Often {
    /// Each time that something happened.
    #[default]
    AtOnce,
    /// Once a day.
    Daily,
    /// Once a week.
    Weekly,
}

/// The hours at which periods end, by the clock of one zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The hour.
    pub at: NaiveTime,
    /// The day; `None` for every day.
    pub weekday: Option<Weekday>,
    /// Whose clock.
    pub zone: Tz,
}

impl Schedule {
    /// The newest end of a period that is not after `now`.
    #[must_use]
    pub fn last_end(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let today = now.with_timezone(&self.zone).date_naive();
        let ends = (0..=7).filter_map(|days| today.checked_sub_days(Days::new(days)));
        let mut ends = ends.filter(|day| self.is_day(*day)).map(|day| self.end_on(day)).filter(|end| *end <= now);
        // Of eight days in a row, one is the weekday and is over.
        ends.next().unwrap_or(now)
    }

    fn is_day(&self, day: NaiveDate) -> bool {
        self.weekday.is_none_or(|weekday| chrono::Datelike::weekday(&day) == weekday)
    }

    /// In an hour that a change of the clocks leaves out, the period ends an hour later; in one that comes twice, at
    /// the first.
    fn end_on(&self, day: NaiveDate) -> DateTime<Utc> {
        let local = day.and_time(self.at);
        let end = self.zone.from_local_datetime(&local).earliest();
        let end = end.or_else(|| self.zone.from_local_datetime(&(local + Duration::hours(1))).earliest());
        end.map_or_else(|| local.and_utc(), |end| end.with_timezone(&Utc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_end(weekday: Option<Weekday>, zone: Tz, now: &str) -> String {
        let at = NaiveTime::from_hms_opt(2, 30, 0).unwrap();
        let now: DateTime<Utc> = now.parse().unwrap();
        Schedule { at, weekday, zone }.last_end(now).format("%a %Y-%m-%dT%H:%MZ").to_string()
    }

    #[test]
    fn periods_end_by_the_clock_of_their_zone() {
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(last_end(None, chrono_tz::UTC, "2026-03-10T02:30:00Z"), "Tue 2026-03-10T02:30Z");
        assert_eq!(last_end(None, chrono_tz::UTC, "2026-03-10T02:29:59Z"), "Mon 2026-03-09T02:30Z");
        assert_eq!(last_end(None, berlin, "2026-03-10T02:00:00Z"), "Tue 2026-03-10T01:30Z");
        assert_eq!(last_end(Some(Weekday::Mon), berlin, "2026-03-09T01:00:00Z"), "Mon 2026-03-02T01:30Z");
        assert_eq!(last_end(Some(Weekday::Mon), berlin, "2026-03-09T01:30:00Z"), "Mon 2026-03-09T01:30Z");
    }

    #[test]
    fn a_change_of_the_clocks_moves_no_period_away() {
        let berlin = chrono_tz::Europe::Berlin;
        // 02:30 is left out on 29 March and comes twice on 25 October.
        assert_eq!(last_end(None, berlin, "2026-03-29T12:00:00Z"), "Sun 2026-03-29T01:30Z");
        assert_eq!(last_end(None, berlin, "2026-10-25T12:00:00Z"), "Sun 2026-10-25T00:30Z");
    }
}
