//! Time as a school keeps it: days of Asia/Ho_Chi_Minh at the edge, milliseconds since 1970 inside.
//!
//! **Invariant:** nothing below `main` reads the machine's clock; a [`Clock`] is a parameter, so that a test
//! or the simulator decides what time it is.
//!
//! Deliberately absent: sleeping, and any time zone but Vietnam's, which has no summer time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Vietnam has kept UTC+7 without summer time since 1975, so a fixed offset is exact for every date we meet.
fn vietnam() -> TimeZone {
    TimeZone::fixed(Offset::constant(7))
}

/// An instant, in milliseconds since 1970-01-01T00:00:00Z; written down as that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// The day it is in Vietnam at this instant.
    pub fn day(self) -> Day {
        Day(self.civil().date())
    }

    /// The year a receipt number belongs to: the calendar year in UTC+7.
    pub fn year(self) -> i64 {
        i64::from(self.civil().year())
    }

    /// So many milliseconds later (or earlier, when negative), stopping at the ends of time.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Moment {
        Moment(self.0.saturating_add(ms))
    }

    /// Wall-clock date and time in Vietnam.
    pub fn civil(self) -> DateTime {
        self.timestamp().to_zoned(vietnam()).datetime()
    }

    /// RFC 3339 with Vietnam's offset: `2026-11-22T08:14:02+07:00`.
    pub fn rfc3339(self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%S+07:00").to_string()
    }

    /// As a page says it: `08:14:02 22/11/2026`.
    pub fn vietnamese(self) -> String {
        self.civil().strftime("%H:%M:%S %d/%m/%Y").to_string()
    }

    /// From a text with a zone, such as RFC 3339.
    pub fn parse(text: &str) -> Option<Moment> {
        let timestamp: Timestamp = text.trim().parse().ok()?;
        Some(Moment(timestamp.as_millisecond()))
    }

    /// From a wall clock in Vietnam that carries no zone, as most banks send it.
    pub fn from_civil(civil: DateTime) -> Option<Moment> {
        let zoned = civil.to_zoned(vietnam()).ok()?;
        Some(Moment(zoned.timestamp().as_millisecond()))
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::MAX)
    }
}

/// A calendar day in Vietnam; stored and sent as `2026-11-22`, which sorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub Date);

impl Day {
    /// From `2026-11-22`, the stored form.
    pub fn parse(text: &str) -> Option<Day> {
        text.trim().parse().ok().map(Day)
    }

    /// From year, month and day, when there is such a day.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Day> {
        Date::new(year, month, day).ok().map(Day)
    }

    /// Midnight in Vietnam at which the day begins.
    pub fn begins(self) -> Moment {
        Moment::from_civil(self.0.to_datetime(jiff::civil::Time::midnight())).unwrap_or(Moment(i64::MAX))
    }

    /// So many days later, or earlier when negative.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Day {
        Day(self.0.saturating_add(days.days()))
    }

    /// The month it is in.
    pub fn month(self) -> Month {
        Month(self.0.first_of_month())
    }

    /// As a page says it: `22/11/2026`.
    pub fn vietnamese(self) -> String {
        self.0.strftime("%d/%m/%Y").to_string()
    }
}

/// A month of the calendar; stored as `2026-11`, which sorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(Date);

impl Month {
    /// Its first day.
    pub fn first(self) -> Day {
        Day(self.0)
    }

    /// Its last day.
    pub fn last(self) -> Day {
        Day(self.0.last_of_month())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.strftime("%Y-%m").fmt(f)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What time it is, for whoever asked. Cloning a set clock gives the same clock.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock; only `main` chooses it.
    #[default]
    System,
    /// A clock that moves when it is told to.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at this instant until it is moved.
    pub fn set(at: Moment) -> Clock {
        Clock::Set(Arc::new(AtomicI64::new(at.0)))
    }

    /// The present.
    pub fn now(&self) -> Moment {
        match self {
            Clock::System => Moment(Timestamp::now().as_millisecond()),
            Clock::Set(at) => Moment(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a set clock; the machine's clock is not ours to move and stays.
    pub fn advance_ms(&self, ms: i64) {
        if let Clock::Set(at) = self {
            at.fetch_add(ms, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_late_in_the_evening_utc_is_tomorrow_in_vietnam() {
        let moment = Moment::parse("2026-12-31T17:00:00Z").expect("an instant");
        assert_eq!(moment.day().to_string(), "2027-01-01");
        assert_eq!(moment.year(), 2027);
        assert_eq!(moment.plus_ms(-1).year(), 2026);
        assert_eq!(moment.rfc3339(), "2027-01-01T00:00:00+07:00");
    }

    #[test]
    fn a_time_without_a_zone_is_not_an_instant() {
        assert_eq!(Moment::parse("2026-11-22T08:00:00"), None);
        assert_eq!(Moment::parse("2026-11-22"), None);
    }

    #[test]
    fn a_day_begins_at_midnight_in_vietnam() {
        let day = Day::parse("2026-11-22").expect("a day");
        assert_eq!(day.begins().rfc3339(), "2026-11-22T00:00:00+07:00");
        assert_eq!(day.plus_days(9).to_string(), "2026-12-01");
        assert_eq!(day.vietnamese(), "22/11/2026");
    }
}
