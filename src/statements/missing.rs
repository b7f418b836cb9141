//! Credits that somebody told of and that no statement has, although the statements cover their days.

use super::{cover, sql};
use crate::fault::Result;
use crate::money::Dong;
use crate::store::{Store, args, record};
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

/// The credits of a school that are missing in complete statements, the oldest first.
///
/// # Errors
/// Faults of the store.
pub async fn missing(store: &Store, school_id: &str, today: Day) -> Result<Vec<Missing>> {
    let told: Vec<Missing> = store.all(&sql::UNPROVED, args![school_id, today.plus_days(-DAYS), today, MOST]).await?;
    let mut accounts: Vec<&str> = told.iter().map(|credit| credit.account_id.as_str()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let stretches = cover::of_accounts(store, &sql::WHOLE_DAYS, &accounts).await?;
    let is_missing = |credit: &Missing| {
        stretches.get(&credit.account_id).is_some_and(|stretches| stretches.iter().any(|one| one.covers(credit.day)))
    };
    Ok(told.into_iter().filter(is_missing).collect())
}
