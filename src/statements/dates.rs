//! Days and times as banks write them.

use jiff::civil::{Date, Time};

use crate::time::{Day, Moment};

/// A day, with the time when one is written, and what else stands in the cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    pub day: Day,
    pub time: Option<Time>,
    pub rest: String,
}

impl Stamp {
    pub fn at(&self) -> Moment {
        self.time.and_then(|time| Moment::from_civil(self.day.0.to_datetime(time))).unwrap_or_else(|| self.day.begins())
    }
}

/// `22/11/2026`, `2026-11-22`, a spreadsheet's day number, each perhaps with a time before or after it.
pub fn stamp(text: &str) -> Option<Stamp> {
    if let Some(found) = serial(text.trim()) {
        return Some(found);
    }
    let (mut found, mut time, mut rest) = (None, None, Vec::new());
    for word in text.split_whitespace() {
        let (date, clock) = match word.split_once('T') {
            Some((date, clock)) if clock.contains(':') => (date, Some(clock)),
            _ => (word, None),
        };
        let after_noon = matches!(word.to_uppercase().as_str(), "PM" | "CH");
        if found.is_none() && day(date).is_some() {
            found = day(date);
            time = clock.and_then(clock_time).or(time);
        } else if time.is_none() && clock_time(word).is_some() {
            time = clock_time(word);
        } else if let (Some(early), true) = (time, after_noon) {
            let hour = if early.hour() < 12 { early.hour() + 12 } else { early.hour() };
            time = early.with().hour(hour).build().ok();
        } else if !matches!(word.to_uppercase().as_str(), "AM" | "SA") {
            rest.push(word);
        }
    }
    found.map(|day| Stamp { day, time, rest: rest.join(" ") })
}

/// What banks hide in a text when they book after the day's end: `thoi gian GD:15/09/2024 23:08:17`.
fn told_in(text: &str) -> Option<Stamp> {
    let place = text.to_ascii_lowercase().find("thoi gian gd:")?;
    let told: String = text.get(place + "thoi gian gd:".len()..)?.chars().take(20).collect();
    let words: Vec<&str> = told.split_whitespace().take(2).collect();
    stamp(&words.join(" ")).filter(|stamp| stamp.time.is_some() && stamp.rest.is_empty())
}

/// As [`told_in`], when it is near the day of the books: anybody may write such words into a transfer's text.
pub fn told_near(text: &str, booked: Day) -> Option<Stamp> {
    told_in(text).filter(|told| is_near(told.day, booked))
}

/// A month apart at most: a second date that is further off is not the time of the same transfer.
pub fn is_near(one: Day, other: Day) -> bool {
    one.plus_days(-31) <= other && other <= one.plus_days(31)
}

/// The days between `Từ ngày … đến ngày …`, in folded words of one row or of several.
pub fn period(words: &str) -> Option<(Day, Day)> {
    let words: Vec<&str> =
        words.split([' ', '\n', '\t', ':', '(', ')', ',', ';', '-']).filter(|word| !word.is_empty()).collect();
    let (mut opens, mut from) = (false, None);
    let mut closes = false;
    for word in words {
        match word {
            "tu" | "from" => (opens, closes) = (true, false),
            "den" | "to" | "toi" if from.is_some() => closes = true,
            _ => {
                let Some(day) = day(word) else { continue };
                match from {
                    Some(from) if closes && from <= day => return Some((from, day)),
                    None if opens => from = Some(day),
                    _ => {}
                }
            }
        }
    }
    None
}

/// A calendar day within the years in which somebody may pay with this program.
pub fn day(text: &str) -> Option<Day> {
    let mark = ['/', '-', '.'].into_iter().find(|mark| text.contains(*mark))?;
    let mut parts = text.split(mark);
    let (one, two, three) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = if one.len() == 4 { (one, two, three) } else { (three, two, one) };
    let digits =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || year.len() != 4 || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    sane(Day::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?)
}

/// The same day, when it lies between 2000 and 2099.
pub fn sane(day: Day) -> Option<Day> {
    (2000..2100).contains(&day.0.year()).then_some(day)
}

fn clock_time(text: &str) -> Option<Time> {
    let text = text.split(['.', '+', 'Z']).next()?;
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next().unwrap_or("00"));
    let number = |text: &str| {
        let plain = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if plain { text.parse::<i8>().ok() } else { None }
    };
    let read = (parts.next().is_none()).then_some((number(hour)?, number(minute)?, number(second)?))?;
    Time::new(read.0, read.1, read.2, 0).ok()
}

/// Days since the end of 1899, with the time as a fraction, as a cell without a date's format shows them.
fn serial(text: &str) -> Option<Stamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 5 || fraction.len() > 15 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let first = Day(Date::new(1899, 12, 30).ok()?);
    let day = sane(first.plus_days(whole.parse().ok()?))?;
    let parts: i64 = format!("{fraction:0<15}").parse().ok()?;
    let seconds = (i128::from(parts) * 86_400 + 500_000_000_000_000) / 1_000_000_000_000_000;
    let seconds = i64::try_from(seconds.min(86_399)).ok()?;
    let part = |of: i64| i8::try_from(of).ok();
    let time = Time::new(part(seconds / 3600)?, part(seconds / 60 % 60)?, part(seconds % 60)?, 0).ok()?;
    Some(Stamp { day, time: (seconds > 0).then_some(time), rest: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read_in_every_way_banks_write_them() {
        for text in [
            "22/11/2026 08:14:02",
            "2026-11-22 08:14:02",
            "2026-11-22T08:14:02",
            "08:14:02 22/11/2026",
            "22-11-2026\n08:14:02",
            "22.11.2026 8:14:02 SA",
            "46348.343078703704",
        ] {
            let stamp = stamp(text).expect(text);
            assert_eq!(
                (stamp.at().rfc3339().as_str(), stamp.rest.as_str()),
                ("2026-11-22T08:14:02+07:00", ""),
                "{text}"
            );
        }
        let noon = stamp("22/11/2026 02:05 CH").expect("after noon");
        assert_eq!(noon.at().rfc3339(), "2026-11-22T14:05:00+07:00");
        let both = stamp("22/11/2026\n5243.65937").expect("a day with a number");
        assert_eq!((both.day.to_string().as_str(), both.time, both.rest.as_str()), ("2026-11-22", None, "5243.65937"));
        for text in ["", "31/02/2026", "01/01/9999", "01/01/1900", "12", "-46348", "99999", "22/11", "1e5", "22/11/26"]
        {
            assert_eq!(stamp(text), None, "{text}");
        }
    }

    #[test]
    fn a_period_and_a_true_time_are_found_in_texts() {
        let october = Some((Day::parse("2026-10-01").expect("a day"), Day::parse("2026-10-31").expect("a day")));
        for text in [
            "tu ngay 01/10/2026 den ngay 31/10/2026",
            "from: 01/10/2026 to: 31/10/2026",
            "ky sao ke (tu 01/10/2026 - den 31/10/2026)",
        ] {
            assert_eq!(period(text), october, "{text}");
        }
        assert_eq!(period("ngay in 01/10/2026 den 31/10/2026"), None);
        let told =
            told_in("GD NGUYEN VAN A chuyen tien; thoi gian GD:15/09/2026 23:08:17 NGUYEN VAN A").expect("a time");
        assert_eq!(told.at().rfc3339(), "2026-09-15T23:08:17+07:00");
    }
}
