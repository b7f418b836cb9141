//! What a supervisor sees: sums by school, item and day over the schools below an authority. No names.
//!
//! **Invariants:** every sum comes from those that the feed keeps, so the supervisor's total equals the books as far as
//! the feed has come, and a page costs the same after ten years as after one, and little more for a year than for a
//! month; a sum is shown only of schools that stand below the authority on the day it is asked.
//!
//! Deliberately absent: pupils, families and invoices; findings against caps, which stand above these sums.

mod sql;

use std::collections::HashMap;

pub use sql::ALL;

use crate::fault::{Fault, OrFault, Result};
use crate::money::Dong;
use crate::roll;
use crate::store::{Arg, Store, args};
use crate::time::{Day, Month};

/// What was raised and what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Receivables raised, net of what was taken back.
    pub issued: Dong,
    /// Money that came for them, net of what was moved away.
    pub collected: Dong,
}

impl Sum {
    fn plus(self, issued: Dong, collected: Dong) -> Result<Sum> {
        let sum = self.issued.plus(issued).zip(self.collected.plus(collected));
        let (issued, collected) = sum.ok_or_else(|| Fault::new("add sums up: beyond an i64"))?;
        Ok(Sum { issued, collected })
    }
}

/// One school's sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchoolSums {
    /// `sch_…`
    pub school_id: String,
    /// The sector's code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Between the two days.
    pub sum: Sum,
    /// Owed by parents today.
    pub owed: Dong,
    /// Kept for families today.
    pub surplus: Dong,
    /// Held without an owner today.
    pub held: Dong,
}

/// One fee item's sums over all the schools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemSums {
    /// The item's code; empty for postings without one.
    pub code: String,
    /// Its official name.
    pub name: String,
    /// Between the two days.
    pub sum: Sum,
}

/// Everything the supervisor's page shows of some days.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overview {
    /// By school, by code; schools where nothing happened stand with zeros.
    pub schools: Vec<SchoolSums>,
    /// By item, by code.
    pub items: Vec<ItemSums>,
    /// By day, oldest first; days on which nothing happened are absent.
    pub days: Vec<(Day, Sum)>,
    /// Over everything.
    pub total: Sum,
}

/// Days as the whole months among them and what lies before and after those; what there is not ends before it begins.
#[derive(Debug, PartialEq, Eq)]
struct Stretch {
    before: (Day, Day),
    months: (Month, Month),
    after: (Day, Day),
}

impl Stretch {
    /// From one day to another, both included.
    fn of(from: Day, to: Day) -> Stretch {
        let first = if from == from.month().first() { from } else { from.month().last().plus_days(1) };
        let last = if to == to.month().last() { to } else { to.month().first().plus_days(-1) };
        Stretch {
            before: (from, first.plus_days(-1).min(to)),
            months: (first.month(), last.month()),
            after: (last.plus_days(1).max(first), to),
        }
    }

    fn args(&self) -> Vec<Arg> {
        let Stretch { before, months, after } = self;
        args![before.0, before.1, months.0, months.1, after.0, after.1]
    }
}

type Stands = (String, Dong, Dong, Dong);

/// Sums of the schools below an authority today, from one day to another, both included.
///
/// # Errors
/// Faults of the store.
pub async fn overview(store: &Store, authority_id: &str, today: Day, (from, to): (Day, Day)) -> Result<Overview> {
    let schools = roll::schools_under(store, authority_id, today).await?;
    let watched = i64::try_from(schools.len()).or_fault("count schools")?;
    let are_few = watched < roll::count_schools(store).await? / 2;
    let (by_day, by_item) =
        if are_few { (&sql::BY_DAY_OF_FEW, &sql::BY_ITEM_OF_FEW) } else { (&sql::BY_DAY, &sql::BY_ITEM) };
    let asked = args![from, to, authority_id, today];
    let days: Vec<(Day, Dong, Dong)> = store.all(by_day, asked.clone()).await?;
    let items: Vec<(String, String, Dong, Dong)> = store.all(by_item, asked).await?;
    let by_school: Vec<(String, Dong, Dong)> = store.all(&sql::BY_SCHOOL, Stretch::of(from, to).args()).await?;
    let standing: Vec<Stands> = store.all(&sql::STANDING, args![]).await?;

    let mut total = Sum::default();
    for (_, issued, collected) in &days {
        total = total.plus(*issued, *collected)?;
    }
    let by_school: HashMap<String, Sum> =
        by_school.into_iter().map(|(school, issued, collected)| (school, Sum { issued, collected })).collect();
    let standing: HashMap<String, (Dong, Dong, Dong)> =
        standing.into_iter().map(|(school, owed, surplus, held)| (school, (owed, surplus, held))).collect();
    let of_school = |school: roll::School| {
        let (owed, surplus, held) = standing.get(&school.id).copied().unwrap_or_default();
        let sum = by_school.get(&school.id).copied().unwrap_or_default();
        SchoolSums { school_id: school.id, code: school.code, name: school.name, sum, owed, surplus, held }
    };
    let of_item = |(code, name, issued, collected)| ItemSums { code, name, sum: Sum { issued, collected } };
    Ok(Overview {
        schools: schools.into_iter().map(of_school).collect(),
        items: items.into_iter().map(of_item).collect(),
        days: days.into_iter().map(|(day, issued, collected)| (day, Sum { issued, collected })).collect(),
        total,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    /// The days of a stretch in the order of its parts.
    fn days(stretch: &Stretch) -> Vec<Day> {
        let parts = [stretch.before, (stretch.months.0.first(), stretch.months.1.last()), stretch.after];
        let each = parts
            .into_iter()
            .flat_map(|(from, to)| (0..).map(move |n| from.plus_days(n)).take_while(move |d| *d <= to));
        each.collect()
    }

    #[test]
    fn every_day_is_in_one_part_of_a_stretch_and_no_other_day_is() {
        let begins = day("2027-12-01");
        for from in (0..95).map(|n| begins.plus_days(n)) {
            for length in 1..95 {
                let all: Vec<Day> = (0..length).map(|n| from.plus_days(n)).collect();
                assert_eq!(days(&Stretch::of(from, from.plus_days(length - 1))), all, "{from}, {length} days");
            }
        }
    }

    #[test]
    fn a_month_is_whole_from_its_first_day_to_its_last() {
        let whole = Stretch::of(day("2028-02-01"), day("2028-02-29"));
        assert_eq!((whole.months.0.to_string(), whole.months.1.to_string()), ("2028-02".into(), "2028-02".into()));
        let shorter = Stretch::of(day("2028-02-01"), day("2028-02-28"));
        assert!(shorter.months.0 > shorter.months.1, "{shorter:?}");
        let year = Stretch::of(day("2026-08-15"), day("2027-05-31"));
        assert_eq!((year.before.1, year.months.0.to_string()), (day("2026-08-31"), "2026-09".into()));
        assert_eq!((year.months.1.to_string(), year.after.0), ("2027-05".into(), day("2027-06-01")));
    }
}
