//! What a supervisor sees: sums by school, item and day over the schools below an authority. No names.
//!
//! **Invariants:** every sum is a sum of the ledger's postings, so the supervisor's total equals the books; a sum
//! is shown only for schools the caller names, which come from the authority tree.
//!
//! Deliberately absent: pupils, families and invoices; findings against caps, which stand above these sums.

mod sql;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use sql::ALL;

use crate::fault::{Fault, Result};
use crate::money::Dong;
use crate::roll::School;
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
    /// By school, in the given order; schools where nothing happened stand with zeros.
    pub schools: Vec<SchoolSums>,
    /// By item, by code.
    pub items: Vec<ItemSums>,
    /// By (school, item code), for the table of both.
    pub cells: BTreeMap<(String, String), Sum>,
    /// By day, oldest first; days on which nothing happened are absent.
    pub days: Vec<(Day, Sum)>,
    /// Over everything.
    pub total: Sum,
}

type OfItem = (String, Option<String>, Dong, Dong);
type OfDay = (String, Day, Dong, Dong);
type Stands = (String, Dong, Dong, Dong);

/// Sums of these schools from one day to another, both included.
///
/// # Errors
/// Faults of the store.
pub async fn overview(store: &Store, schools: &[School], from: Day, to: Day) -> Result<Overview> {
    let watched: HashSet<&str> = schools.iter().map(|school| school.id.as_str()).collect();
    let by_item: Vec<OfItem> = store.all(&sql::BY_SCHOOL_AND_ITEM, args![from, to]).await?;
    let by_day: Vec<OfDay> = store.all(&sql::BY_SCHOOL_AND_DAY, args![from, to]).await?;
    let standing: Vec<Stands> = store.all(&sql::STANDING, args![]).await?;
    let items: Vec<(String, String, String)> = store.all(&sql::ITEMS, args![]).await?;
    let items: HashMap<String, (String, String)> =
        items.into_iter().map(|(id, code, name)| (id, (code, name))).collect();

    let mut overview = Overview::default();
    let mut of_school: HashMap<String, Sum> = HashMap::new();
    let mut of_item: BTreeMap<(String, String), Sum> = BTreeMap::new();
    for (school, item, issued, collected) in by_item.into_iter().filter(|row| watched.contains(row.0.as_str())) {
        let item = item.and_then(|id| items.get(&id).cloned()).unwrap_or_default();
        overview.total = overview.total.plus(issued, collected)?;
        let cell = overview.cells.entry((school.clone(), item.0.clone())).or_default();
        *cell = cell.plus(issued, collected)?;
        let sum = of_item.entry(item).or_default();
        *sum = sum.plus(issued, collected)?;
        let sum = of_school.entry(school).or_default();
        *sum = sum.plus(issued, collected)?;
    }
    overview.items = of_item.into_iter().map(|((code, name), sum)| ItemSums { code, name, sum }).collect();
    overview.days = days(by_day.into_iter().filter(|row| watched.contains(row.0.as_str())))?;
    let standing: HashMap<String, (Dong, Dong, Dong)> =
        standing.into_iter().map(|(school, owed, surplus, held)| (school, (owed, surplus, held))).collect();
    overview.schools = schools
        .iter()
        .map(|school| {
            let (owed, surplus, held) = standing.get(&school.id).copied().unwrap_or_default();
            let sum = of_school.get(&school.id).copied().unwrap_or_default();
            let (school_id, code, name) = (school.id.clone(), school.code.clone(), school.name.clone());
            SchoolSums { school_id, code, name, sum, owed, surplus, held }
        })
        .collect();
    Ok(overview)
}

fn days(rows: impl Iterator<Item = OfDay>) -> Result<Vec<(Day, Sum)>> {
    let mut days: BTreeMap<Day, Sum> = BTreeMap::new();
    for (_, day, issued, collected) in rows {
        let sum = days.entry(day).or_default();
        *sum = sum.plus(issued, collected)?;
    }
    Ok(days.into_iter().collect())
}
