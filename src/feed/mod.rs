//! What the city reads: every ledger event in one order, the sums that grow with it, and the revenue of a day.
//!
//! [`sequence`] gives waiting entries their places; [`entries`] hands them out after a cursor, and says where it stands
//! then.
//!
//! **Invariants:** places are 1, 2, 3, … without a hole, and the only cursor there is; an entry has one place; a
//! record's version only rises; a leaf carries no personal data; the sum of all leaves is the ledger, and so are the
//! sums that are kept for dashboards.
//!
//! Deliberately absent: ids as cursors (a transaction that commits late would be skipped for ever), updates of
//! leaves, and signatures over the log, which stand above this order.

mod revenue;
mod sql;
mod sums;

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

pub use revenue::{Revenue, SMALL, revenue};
pub use sql::ALL;

use crate::fault::{Fault, Result};
use crate::money::Dong;
use crate::store::{Arg, Fence, Lot, Store, Tx, args, record, transact};
use crate::time::{Clock, Day, Moment};
use sums::Sums;

/// Events on one page at most.
const MOST: i64 = 1_000;
/// So many times as many events of others are looked through for one page.
const MOST_LOOKED_THROUGH: usize = 16;
/// So many schools are looked for one by one.
const FEW: usize = 30;

/// Whose events a reader may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every school's.
    All,
    /// These schools'.
    Schools(Vec<String>),
}

impl Scope {
    /// Is this school's among them?
    pub fn covers(&self, school_id: &str) -> bool {
        match self {
            Scope::All => true,
            Scope::Schools(schools) => schools.iter().any(|school| school == school_id),
        }
    }
}

record! {
    /// An event in its place.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Leaf {
        /// Its place in the one order.
        pub place: i64,
        /// Whose.
        pub school_id: String,
        /// The credit or invoice it is about.
        pub record_id: String,
        /// `NEW`, `UPDATE` or `CANCEL`.
        pub event: String,
        /// Rises with each event of the record.
        pub version: i64,
        /// The day it belongs to.
        pub day: Day,
        /// When it was posted.
        pub at: Moment,
        /// Canonical JSON: school, day, kind, record and what moved by account and item.
        pub body: String,
    }
}

record! {
    struct Waiting {
        entry_id: String,
        school_id: String,
        school_code: Option<String>,
        kind: String,
        credit_id: Option<String>,
        invoice_id: Option<String>,
        day: Day,
        at: Moment,
    }
}

record! {
    /// What an entry moved on one account for one item, money and debt apart.
    struct Moved {
        entry_id: String,
        account: String,
        item: Option<String>,
        item_id: Option<String>,
        is_money: i64,
        amount: Dong,
    }
}

impl Waiting {
    /// A credit's story is about the credit, an invoice's about the invoice.
    fn record_id(&self) -> Result<&str> {
        let id = self.credit_id.as_deref().or(self.invoice_id.as_deref());
        id.ok_or_else(|| Fault::new("sequence an entry that is about nothing").into())
    }

    fn event(&self, version: i64) -> &'static str {
        match (self.kind.as_str(), version) {
            ("voided" | "undone" | "taken_back", _) => "CANCEL",
            (_, 1) => "NEW",
            _ => "UPDATE",
        }
    }
}

/// Gives one batch of waiting entries their places and tells how many; 0 when none waits.
///
/// # Errors
/// Faults of the store.
pub async fn sequence(store: &Store, clock: &Clock) -> Result<usize> {
    sequence_fenced(store, clock, None, Lot::Full).await
}

/// As [`sequence`], under a lease.
///
/// # Errors
/// Faults of the store; a refusal when the lease was lost.
pub async fn sequence_fenced(store: &Store, _clock: &Clock, fence: Option<&Fence>, lot: Lot) -> Result<usize> {
    loop {
        let batch = ready(store, store.lot(lot)).await?;
        if batch.is_empty() {
            return Ok(0);
        }
        let placed = transact!(store, |tx| place_in(tx, fence, &batch).await)?;
        if placed > 0 {
            return Ok(placed);
        }
        // Another sequencer has placed all of these meanwhile.
    }
}

/// An entry that waits, with what it moved. Nothing of that ever changes, so it is read and put into words before the
/// transaction, where it keeps nobody from writing.
struct Ready {
    entry: Waiting,
    moved: Vec<Moved>,
    body: String,
}

async fn ready(store: &Store, most: i64) -> Result<Vec<Ready>> {
    let waiting: Vec<Waiting> = store.all(&sql::WAITING, args![most]).await?;
    let keys = waiting.iter().map(|waiting| Arg::from(&waiting.entry_id)).collect();
    let mut moved: HashMap<String, Vec<Moved>> = HashMap::new();
    for part in store.all_in::<Moved>(&sql::MOVED, keys).await? {
        moved.entry(part.entry_id.clone()).or_default().push(part);
    }
    let with_moved = waiting.into_iter().map(|entry| {
        let moved = moved.remove(&entry.entry_id).unwrap_or_default();
        Ok(Ready { body: body(&entry, &moved)?, moved, entry })
    });
    with_moved.collect()
}

/// Gives their places to those of a batch that still wait, and tells how many.
async fn place_in(tx: &mut Tx, fence: Option<&Fence>, batch: &[Ready]) -> Result<usize> {
    if let Some(fence) = fence {
        fence.check_in(tx).await?;
    }
    let keys = batch.iter().map(|ready| Arg::from(&ready.entry.entry_id)).collect();
    let ours: HashSet<String> = tx.all_in::<String>(&sql::TAKE, keys).await?.into_iter().collect();
    let batch: Vec<&Ready> = batch.iter().filter(|ready| ours.contains(&ready.entry.entry_id)).collect();
    let mut versions = versions_in(tx, &batch).await?;
    let last: Option<i64> = tx.one(&sql::LAST_PLACE, args![]).await?;
    let mut sums = Sums::default();
    let mut leaves = Vec::with_capacity(batch.len());
    for (place, Ready { entry, moved, body }) in (last.unwrap_or_default() + 1..).zip(batch.iter().copied()) {
        let version = versions.entry(entry.record_id()?.to_owned()).or_default();
        *version += 1;
        moved.iter().try_for_each(|moved| sums.add(entry, moved))?;
        leaves.push(args![
            place,
            &entry.entry_id,
            &entry.school_id,
            entry.record_id()?,
            entry.event(*version),
            *version,
            entry.day,
            entry.at,
            body
        ]);
    }
    tx.insert_many(&sql::INSERT_LEAVES, leaves).await?;
    sums.keep_in(tx).await?;
    Ok(batch.len())
}

/// The newest version of each record that has one.
async fn versions_in(tx: &mut Tx, batch: &[&Ready]) -> Result<HashMap<String, i64>> {
    let mut records = batch.iter().map(|ready| ready.entry.record_id()).collect::<Result<Vec<&str>>>()?;
    records.sort_unstable();
    records.dedup();
    let keys = records.into_iter().map(Arg::from).collect();
    let versions: Vec<(String, i64)> = tx.all_in(&sql::VERSIONS, keys).await?;
    Ok(versions.into_iter().collect())
}

/// Canonical JSON: keys in alphabetical order, no blanks, whole numbers only.
fn body(entry: &Waiting, moved: &[Moved]) -> Result<String> {
    let sides = moved.chunk_by(|one, other| one.account == other.account && one.item == other.item);
    let sides = sides.map(side).collect::<Result<Vec<Option<Value>>>>()?;
    let moved: Vec<Value> = sides.into_iter().flatten().collect();
    let school = entry.school_code.as_deref().unwrap_or(&entry.school_id);
    Ok(json!({
        "day": entry.day.to_string(),
        "kind": entry.kind,
        "postings": moved,
        "record": entry.record_id()?,
        "school": school,
    })
    .to_string())
}

/// What one account and item moved in all; nothing where it cancelled out.
fn side(parts: &[Moved]) -> Result<Option<Value>> {
    let amount = Dong::sum(parts.iter().map(|part| part.amount));
    let amount = amount.ok_or_else(|| Fault::new("add up what an entry moved: beyond an i64"))?;
    let Some(first) = parts.first().filter(|_| amount != Dong::ZERO) else { return Ok(None) };
    Ok(Some(json!({ "account": first.account, "amount": amount.get(), "item": first.item })))
}

/// Events of a scope after a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// In their order.
    pub leaves: Vec<Leaf>,
    /// The place up to which the feed was looked through for them, and after which the reader goes on. Where it is the
    /// one he asked after, there is nothing more.
    pub through: i64,
}

impl Part {
    fn of(leaves: Vec<Leaf>, after: i64) -> Part {
        Part { through: leaves.last().map_or(after, |leaf| leaf.place), leaves }
    }
}

/// Events after a place, in order, at most so many, and how far the reader has come with them.
///
/// # Errors
/// Faults of the store.
pub async fn entries(store: &Store, scope: &Scope, after: i64, limit: i64) -> Result<Part> {
    let limit = limit.clamp(1, MOST);
    match scope {
        Scope::All => Ok(Part::of(store.all(&sql::AFTER, args![after, limit]).await?, after)),
        Scope::Schools(schools) if schools.len() <= FEW => of_each(store, schools, after, limit).await,
        Scope::Schools(schools) => among_all(store, schools, after, limit).await,
    }
}

/// The events of a few schools, each school's looked for on its own.
async fn of_each(store: &Store, schools: &[String], after: i64, limit: i64) -> Result<Part> {
    let head = head(store).await?;
    let mut leaves: Vec<Leaf> = Vec::new();
    for school in schools {
        leaves.extend(store.all::<Leaf>(&sql::AFTER_OF_SCHOOL, args![after, limit, school]).await?);
    }
    Ok(in_one_order(leaves, head, after, limit))
}

/// What was found school by school, in the order of all, up to the place that was the newest when the first was asked:
/// of what came since, an earlier one may belong to a school that was asked before.
fn in_one_order(mut leaves: Vec<Leaf>, head: i64, after: i64, limit: i64) -> Part {
    leaves.retain(|leaf| leaf.place <= head);
    leaves.sort_by_key(|leaf| leaf.place);
    leaves.truncate(usize::try_from(limit).unwrap_or_default());
    Part::of(leaves, after)
}

/// The events of many schools, looked for among those of all: to ask for each school's would read as many for every one
/// of them as for all together. Where they are quiet and others are not, the reader is told how far that was.
async fn among_all(store: &Store, schools: &[String], after: i64, limit: i64) -> Result<Part> {
    let schools: HashSet<&str> = schools.iter().map(String::as_str).collect();
    let limit = usize::try_from(limit).unwrap_or_default();
    let (mut leaves, mut through): (Vec<Leaf>, i64) = (Vec::new(), after);
    for _ in 0..MOST_LOOKED_THROUGH {
        let all: Vec<Leaf> = store.all(&sql::AFTER, args![through, MOST]).await?;
        let Some(last) = all.last() else { break };
        through = last.place;
        leaves.extend(all.into_iter().filter(|leaf| schools.contains(leaf.school_id.as_str())));
        if leaves.len() >= limit {
            leaves.truncate(limit);
            return Ok(Part::of(leaves, after));
        }
    }
    Ok(Part { leaves, through })
}

/// The newest place, 0 while the feed is empty.
///
/// # Errors
/// Faults of the store.
pub async fn head(store: &Store) -> Result<i64> {
    let last: Option<i64> = store.one(&sql::LAST_PLACE, args![]).await?;
    Ok(last.unwrap_or_default())
}

/// The newest place, and the invoices on which something happened after a place.
///
/// # Errors
/// Faults of the store.
pub async fn invoices_after(store: &Store, after: i64) -> Result<(i64, Vec<String>)> {
    let head = head(store).await?;
    let (mut invoices, mut from) = (Vec::new(), after);
    while from < head {
        let to = head.min(from.saturating_add(MOST));
        invoices.extend(store.all::<String>(&sql::INVOICES_AFTER, args![from, to]).await?);
        from = to;
    }
    Ok((head, invoices))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(place: i64) -> Leaf {
        let text = String::new;
        let (school_id, record_id, event, body) = (text(), text(), text(), text());
        Leaf { place, school_id, record_id, event, version: 1, day: Moment(0).day(), at: Moment(0), body }
    }

    #[test]
    fn what_comes_between_two_schools_waits_for_the_next_question() {
        let part = in_one_order(vec![leaf(105)], 102, 90, 10);
        assert_eq!((part.leaves.len(), part.through), (0, 90), "103 may be of a school that was asked before");
        let part = in_one_order(vec![leaf(102), leaf(103), leaf(91)], 102, 90, 10);
        assert_eq!((part.leaves.iter().map(|leaf| leaf.place).collect::<Vec<_>>(), part.through), (vec![91, 102], 102));
        let part = in_one_order(vec![leaf(92), leaf(91)], 102, 90, 1);
        assert_eq!(part.through, 91);
    }
}
