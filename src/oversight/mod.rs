//! What a supervisor sees: sums by school, item and day over the schools below an authority. No names.
//!
//! **Invariants:** every sum comes from those that the feed keeps, so the supervisor's total equals the books as far as
//! the feed has come, and a page costs the same after ten years as after one; a sum is shown only of schools that stand
//! below the authority on the day it is asked.
//!
//! Deliberately absent: pupils, families and invoices; findings against caps, which stand above these sums.

mod sql;

use std::collections::HashMap;

pub use sql::ALL;

use crate::fault::{Fault, Result};
use crate::money::Dong;
use crate::roll;
use crate::store::{Store, args};
use crate::time::Day;

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

type Stands = (String, Dong, Dong, Dong);

/// Sums of the schools below an authority today, from one day to another, both included.
///
/// # Errors
/// Faults of the store.
pub async fn overview(store: &Store, authority_id: &str, today: Day, (from, to): (Day, Day)) -> Result<Overview> {
    let watched = args![from, to, authority_id, today];
    let days: Vec<(Day, Dong, Dong)> = store.all(&sql::BY_DAY, watched.clone()).await?;
    let items: Vec<(String, String, Dong, Dong)> = store.all(&sql::BY_ITEM, watched.clone()).await?;
    let by_school: Vec<(String, Dong, Dong)> = store.all(&sql::BY_SCHOOL, watched).await?;
    let standing: Vec<Stands> = store.all(&sql::STANDING, args![]).await?;
    let schools = roll::schools_under(store, authority_id, today).await?;

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
