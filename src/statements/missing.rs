//! Credits that somebody told of and that no statement has, although the statements cover their days.

use std::collections::HashMap;

use super::sql;
use crate::fault::Result;
use crate::money::Dong;
use crate::store::{Arg, Store, args, record};
use crate::time::{Day, Moment};

/// How far back is looked: what is older was dealt with, or is in the story of its credit.
const DAYS: i64 = 60;
/// How many are shown.
const MOST: i64 = 500;

record! {
    /// A credit that was told and is on no statement.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Missing {
        /// `crd_…`
        pub id: String,
        /// Into which account it should have come.
        pub account_id: String,
        /// How much.
        pub amount: Dong,
        /// The day for which it was told.
        pub day: Day,
        /// The instant for which it was told.
        pub value_at: Moment,
    }
}

record! {
    /// What of an account one file covers.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Covering {
        account_id: String,
        first_day: Day,
        last_day: Day,
        opening: Option<i64>,
        closing: Option<i64>,
    }
}

/// Days of an account without a gap between its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    first: Day,
    last: Day,
}

impl Stretch {
    /// Is a transfer that was told for this day on these files, if it is on any? After ten in the evening banks book
    /// tomorrow, so the day after must be covered as well.
    fn covers(self, day: Day) -> bool {
        self.first <= day && day.plus_days(1) <= self.last
    }
}

/// The credits of a school that are missing in complete statements, the oldest first.
///
/// # Errors
/// Faults of the store.
pub async fn missing(store: &Store, school_id: &str, today: Day) -> Result<Vec<Missing>> {
    let told: Vec<Missing> = store.all(&sql::UNPROVED, args![school_id, today.plus_days(-DAYS), today, MOST]).await?;
    let mut accounts: Vec<&str> = told.iter().map(|credit| credit.account_id.as_str()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let files: Vec<Covering> = store.all_in(&sql::COVERED, accounts.into_iter().map(Arg::from).collect()).await?;
    let mut by_account: HashMap<String, Vec<Covering>> = HashMap::new();
    for file in files {
        by_account.entry(file.account_id.clone()).or_default().push(file);
    }
    let stretches: HashMap<String, Vec<Stretch>> =
        by_account.into_iter().map(|(account, files)| (account, stretches(files))).collect();
    let is_missing = |credit: &Missing| {
        stretches.get(&credit.account_id).is_some_and(|stretches| stretches.iter().any(|one| one.covers(credit.day)))
    };
    Ok(told.into_iter().filter(is_missing).collect())
}

/// Files that follow one another: they share a day, whose lines were compared, or one begins with the balance with
/// which the other ended.
fn stretches(mut files: Vec<Covering>) -> Vec<Stretch> {
    files.sort_by_key(|file| (file.first_day, file.last_day));
    let mut found: Vec<(Stretch, Option<i64>)> = Vec::new();
    for file in files {
        let this = Stretch { first: file.first_day, last: file.last_day };
        match found.last_mut() {
            Some((stretch, closing)) if follows(*stretch, *closing, &file) => {
                if this.last >= stretch.last {
                    (stretch.last, *closing) = (this.last, file.closing);
                }
            }
            _ => found.push((this, file.closing)),
        }
    }
    found.into_iter().map(|(stretch, _)| stretch).collect()
}

fn follows(before: Stretch, closing: Option<i64>, file: &Covering) -> bool {
    file.first_day <= before.last || (closing.is_some() && closing == file.opening)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn file(first: &str, last: &str, balances: Option<(i64, i64)>) -> Covering {
        Covering {
            account_id: "acc".to_owned(),
            first_day: day(first),
            last_day: day(last),
            opening: balances.map(|(opening, _)| opening),
            closing: balances.map(|(_, closing)| closing),
        }
    }

    fn covers(files: &[Covering], wanted: &str) -> bool {
        stretches(files.to_vec()).iter().any(|stretch| stretch.covers(day(wanted)))
    }

    #[test]
    fn a_day_is_covered_when_it_and_the_next_are_without_a_gap() {
        let week = [file("2026-11-16", "2026-11-20", None)];
        assert!(covers(&week, "2026-11-16") && covers(&week, "2026-11-19"));
        assert!(!covers(&week, "2026-11-20"), "what is told late is booked tomorrow");
        assert!(!covers(&week, "2026-11-15"));
    }

    #[test]
    fn daily_files_follow_one_another_by_their_balances() {
        let one = file("2026-11-16", "2026-11-16", Some((0, 500)));
        let next = file("2026-11-17", "2026-11-17", Some((500, 700)));
        let apart = file("2026-11-17", "2026-11-17", Some((600, 700)));
        assert!(covers(&[next, one.clone()], "2026-11-16"));
        assert!(!covers(&[one.clone(), apart], "2026-11-16"), "something is missing between them");
        let unsaid = file("2026-11-17", "2026-11-17", None);
        assert!(!covers(&[one, unsaid], "2026-11-16"));
    }

    #[test]
    fn files_that_share_a_day_are_one_stretch() {
        let files = [file("2026-11-16", "2026-11-18", None), file("2026-11-18", "2026-11-20", None)];
        assert!(covers(&files, "2026-11-18") && covers(&files, "2026-11-19"));
    }
}
