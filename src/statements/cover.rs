//! Files of an account that follow one another, and where something is missing between two of them.

use std::collections::HashMap;

use crate::fault::Result;
use crate::store::{Arg, Statement, Store, record};
use crate::time::Day;

record! {
    /// What of an account one file has.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Covering {
        pub id: String,
        pub account_id: String,
        pub first_day: Day,
        pub last_day: Day,
        pub opening: Option<i64>,
        pub closing: Option<i64>,
        /// Not 0: lines of it are also those of a file before it.
        pub overlaps: i64,
    }
}

/// Days of an account without a gap between its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    pub first: Day,
    pub last: Day,
    /// The file it begins with.
    pub file_id: String,
    /// The balances before its first line and after its last.
    pub ends: (Option<i64>, Option<i64>),
}

impl Stretch {
    /// Is every line of these days on its files?
    fn holds(&self, first: Day, last: Day) -> bool {
        self.first <= first && last <= self.last
    }

    /// Is a transfer that was told for this day on these files, if it is on any? After ten in the evening banks book
    /// tomorrow, so the day after must be covered as well.
    pub fn covers(&self, day: Day) -> bool {
        self.holds(day, day.plus_days(1))
    }

    /// Files follow one another when they share lines, which were compared, or when one begins with the balance with
    /// which the other ended.
    fn goes_on_with(&self, file: &Covering) -> bool {
        let shares = file.first_day <= self.last && file.overlaps != 0;
        shares || (self.ends.1.is_some() && self.ends.1 == file.opening)
    }
}

/// The stretches of accounts, each account's oldest first: of whole days, or of whatever lines follow one another.
pub async fn of_accounts(
    store: &Store,
    which: &Statement,
    account_ids: &[&str],
) -> Result<HashMap<String, Vec<Stretch>>> {
    let accounts = account_ids.iter().map(|id| Arg::from(*id)).collect();
    let files: Vec<Covering> = store.all_in(which, accounts).await?;
    let mut by_account: HashMap<String, Vec<Covering>> = HashMap::new();
    for file in files {
        by_account.entry(file.account_id.clone()).or_default().push(file);
    }
    Ok(by_account.into_iter().map(|(account, files)| (account, stretches(files))).collect())
}

fn stretches(mut files: Vec<Covering>) -> Vec<Stretch> {
    files.sort_by_key(|file| (file.first_day, file.last_day));
    let mut found: Vec<Stretch> = Vec::new();
    for file in files {
        match found.last_mut() {
            Some(stretch) if stretch.goes_on_with(&file) => {
                if file.last_day >= stretch.last {
                    (stretch.last, stretch.ends.1) = (file.last_day, file.closing);
                }
            }
            _ => found.push(Stretch {
                first: file.first_day,
                last: file.last_day,
                file_id: file.id,
                ends: (file.opening, file.closing),
            }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn file(first: &str, last: &str, balances: Option<(i64, i64)>) -> Covering {
        Covering {
            id: format!("stm_{first}"),
            account_id: "acc".to_owned(),
            first_day: day(first),
            last_day: day(last),
            opening: balances.map(|(opening, _)| opening),
            closing: balances.map(|(_, closing)| closing),
            overlaps: 1,
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

    #[test]
    fn two_parts_of_a_day_that_share_no_line_follow_by_their_balances_alone() {
        let part = |balances| Covering { overlaps: 0, ..file("2026-11-16", "2026-11-16", Some(balances)) };
        assert_eq!(stretches(vec![part((0, 500)), part((500, 700))]).len(), 1);
        assert_eq!(stretches(vec![part((0, 500)), part((600, 700))]).len(), 2);
    }

    #[test]
    fn a_file_that_comes_later_joins_two_stretches() {
        let one = file("2026-11-16", "2026-11-16", Some((0, 500)));
        let other = file("2026-11-20", "2026-11-20", Some((900, 950)));
        let parts = stretches(vec![other.clone(), one.clone()]);
        assert_eq!(
            parts.iter().map(|part| part.file_id.as_str()).collect::<Vec<_>>(),
            ["stm_2026-11-16", "stm_2026-11-20"]
        );
        let between = file("2026-11-17", "2026-11-20", Some((500, 950)));
        assert_eq!(stretches(vec![other, between, one]).len(), 1);
    }
}
