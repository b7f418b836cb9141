//! The books: a closed chart of accounts, balanced entries, and queries that must return no rows.
//!
//! [`post_in`] is how everything enters them, in batches, inside the transaction of whatever caused it.
//!
//! **Invariants:** an [`Entry`] balances or does not exist, and [`Entry::new`] is its only door; an entry belongs
//! to one school and its cause is unique, so posting it twice posts it once; nothing is updated or deleted, a mistake
//! is a new entry that names the old one; every side of money that came carries its credit, every receivable its
//! invoice and line; every entry waits in `unsequenced` until the feed gave it its place.
//!
//! Deliberately absent: stored balances (they are sums), currencies, and any word about whose money a credit is,
//! which is `matching`'s.

mod accounts;
pub mod audit;
mod entry;
pub mod export;
mod sql;

use std::collections::{HashMap, HashSet};

pub use accounts::Account;
pub use audit::{Finding, audit};
pub use entry::{Cause, Entry, Head, Posting, Unbalanced};

use crate::fault::{Fault, Result};
use crate::ids;
use crate::money::Dong;
use crate::store::{Arg, Record, Row, Statement, Store, Tx, args};

/// Every statement of the ledger.
pub fn statements() -> Vec<Statement> {
    [sql::ALL, audit::ALL, export::ALL].concat()
}

/// Posts a batch of entries and tells, in the given order, the ids of those that were really inserted: the others'
/// causes are in the books already.
///
/// # Errors
/// Faults of the store; contention.
pub async fn post_in(tx: &mut Tx, entries: &[Entry]) -> Result<Vec<String>> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let heads = entries.iter().map(|entry| head_row(entry.id(), entry.head())).collect();
    let inserted: HashSet<String> = tx.insert_returning(&sql::INSERT_ENTRIES, heads).await?.into_iter().collect();
    let new: Vec<&Entry> = entries.iter().filter(|entry| inserted.contains(entry.id())).collect();
    let mut postings = Vec::new();
    for entry in &new {
        for (position, posting) in (1_i64..).zip(entry.postings()) {
            postings.push(posting_row(entry.id(), position, posting));
        }
    }
    tx.insert_many(&sql::INSERT_POSTINGS, postings).await?;
    let waiting = new.iter().map(|entry| args![entry.id(), entry.head().at]).collect();
    tx.insert_many(&sql::INSERT_UNSEQUENCED, waiting).await?;
    Ok(new.into_iter().map(|entry| entry.id().to_owned()).collect())
}

/// Posts an entry for each of these heads, all with the sides of the pattern, whose invoice is replaced by each one's
/// own: as [`post_in`], for what a whole class is asked alike. The pattern itself is not posted.
///
/// # Errors
/// A fault when a side of the pattern is not about its invoice; faults of the store; contention.
pub async fn post_alike_in(tx: &mut Tx, pattern: &Entry, heads: &[Head]) -> Result<()> {
    if pattern.postings().iter().any(|side| side.invoice_id != pattern.head().invoice_id) {
        return Err(Fault::new("post entries alike: a side is not about the invoice").into());
    }
    let entries: Vec<(String, &Head)> = heads.iter().map(|head| (ids::new_id("ent"), head)).collect();
    let rows = entries.iter().map(|(id, head)| head_row(id, head)).collect();
    let inserted: HashSet<String> = tx.insert_returning(&sql::INSERT_ENTRIES, rows).await?.into_iter().collect();
    let new = || entries.iter().filter(|(id, _)| inserted.contains(id));
    let each = new().map(|(id, head)| args![id, &head.invoice_id]).collect();
    let sides = (1_i64..).zip(pattern.postings()).map(|(position, side)| {
        args![
            position,
            side.account.code(),
            side.amount,
            &side.receiving_id,
            side.line,
            &side.item_id,
            &side.family_id,
            &side.credit_id
        ]
    });
    tx.insert_each(&sql::INSERT_POSTINGS_ALIKE, each, &sides.collect::<Vec<_>>()).await?;
    tx.insert_many(&sql::INSERT_UNSEQUENCED, new().map(|(id, head)| args![id, head.at]).collect()).await?;
    Ok(())
}

fn head_row(id: &str, head: &Head) -> Vec<Arg> {
    args![
        id,
        &head.school_id,
        head.cause.kind(),
        head.cause.text(),
        head.day,
        head.at,
        &head.credit_id,
        &head.invoice_id,
        &head.reverses,
        &head.actor,
        &head.note
    ]
}

fn posting_row(entry_id: &str, position: i64, posting: &Posting) -> Vec<Arg> {
    args![
        entry_id,
        position,
        posting.account.code(),
        posting.amount,
        &posting.receiving_id,
        &posting.invoice_id,
        posting.line,
        &posting.item_id,
        &posting.family_id,
        &posting.credit_id
    ]
}

impl Record for Posting {
    fn read(row: &Row) -> Result<Self> {
        let code: String = row.get("account")?;
        let account = Account::of_code(&code).ok_or_else(|| Fault::new("read a posting: no such account"))?;
        Ok(Posting {
            account,
            amount: row.get("amount")?,
            receiving_id: row.get("receiving_id")?,
            invoice_id: row.get("invoice_id")?,
            line: row.get("line")?,
            item_id: row.get("item_id")?,
            family_id: row.get("family_id")?,
            credit_id: row.get("credit_id")?,
        })
    }
}

/// What came for each (invoice, line) of these invoices; a line for which nothing came is absent.
///
/// # Errors
/// Faults of the store.
pub async fn paid_by_line_in(tx: &mut Tx, invoice_ids: &[String]) -> Result<HashMap<(String, i64), Dong>> {
    let keys = invoice_ids.iter().map(Arg::from).collect();
    let rows: Vec<(String, i64, Dong)> = tx.all_in(&sql::PAID_BY_LINE, keys).await?;
    Ok(rows.into_iter().map(|(invoice, line, paid)| ((invoice, line), paid)).collect())
}

/// As [`paid_by_line_in`], for pages.
///
/// # Errors
/// Faults of the store.
pub async fn paid_by_line(store: &Store, invoice_ids: &[String]) -> Result<HashMap<(String, i64), Dong>> {
    let keys = invoice_ids.iter().map(Arg::from).collect();
    let rows: Vec<(String, i64, Dong)> = store.all_in(&sql::PAID_BY_LINE, keys).await?;
    Ok(rows.into_iter().map(|(invoice, line, paid)| ((invoice, line), paid)).collect())
}

/// What entries gave to each line of the invoice each is about.
///
/// # Errors
/// Faults of the store.
pub async fn given_by_entries(store: &Store, entries: &[&str]) -> Result<HashMap<String, Vec<(i64, Dong)>>> {
    let keys = entries.iter().map(|id| Arg::from(*id)).collect();
    let rows: Vec<(String, i64, Dong)> = store.all_in(&sql::GIVEN_BY_ENTRIES, keys).await?;
    let mut given: HashMap<String, Vec<(i64, Dong)>> = HashMap::new();
    for (entry, line, amount) in rows {
        given.entry(entry).or_default().push((line, amount));
    }
    Ok(given)
}

/// Where a credit's money stands now, but for bank and clearing: one side per line, family or suspense.
///
/// # Errors
/// Faults of the store.
pub async fn standing_of_credit_in(tx: &mut Tx, credit_id: &str) -> Result<Vec<Posting>> {
    tx.all(&sql::STANDING_OF_CREDIT, args![credit_id]).await
}

/// The sides that make an invoice void: its issue mirrored, and what was paid on its lines moved, line by line and
/// credit by credit, to the family's credit. Empty when nothing of it stands.
///
/// # Errors
/// Faults of the store.
pub async fn void_postings_in(tx: &mut Tx, invoice_id: &str, family_id: &str) -> Result<Vec<Posting>> {
    let standing: Vec<Posting> = tx.all(&sql::STANDING_OF_INVOICE, args![invoice_id]).await?;
    let mut sides = Vec::new();
    for posting in &standing {
        match (&posting.credit_id, posting.account) {
            (None, _) => sides.push(posting.mirrored()),
            (Some(credit), Account::ReceivableParent) => {
                let kept = Posting::new(Account::CreditBalanceFamily, posting.amount);
                sides.push(posting.mirrored());
                sides.push(kept.family(family_id).invoice(invoice_id).of_credit(credit));
            }
            // A surplus is the family's already.
            (Some(_), _) => {}
        }
    }
    Ok(sides)
}

/// The sides that open a void invoice again: what its newest void took back of the issue. The money stays with the
/// family.
///
/// # Errors
/// Faults of the store; a fault when the invoice was never void.
pub async fn reinstate_postings_in(tx: &mut Tx, invoice_id: &str) -> Result<(String, Vec<Posting>)> {
    let voided: Option<String> = tx.optional(&sql::LAST_OF_INVOICE, args![invoice_id, "voided"]).await?;
    let voided = voided.ok_or_else(|| Fault::new("reinstate an invoice that was never void"))?;
    let sides: Vec<Posting> = tx.all_in(&sql::POSTINGS_OF, args![&voided]).await?;
    let issue = sides.iter().filter(|posting| posting.credit_id.is_none()).map(Posting::mirrored).collect();
    Ok((voided, issue))
}

/// The sides of one entry.
///
/// # Errors
/// Faults of the store.
pub async fn postings_of_in(tx: &mut Tx, entry_id: &str) -> Result<Vec<Posting>> {
    tx.all_in(&sql::POSTINGS_OF, args![entry_id]).await
}

/// The balance of every account that has postings, for one school or for all books together.
///
/// # Errors
/// Faults of the store.
pub async fn balances(store: &Store, school_id: Option<&str>) -> Result<Vec<(Account, Dong)>> {
    let rows: Vec<(String, Dong)> = match school_id {
        Some(school) => store.all(&sql::BALANCES_OF_SCHOOL, args![school]).await?,
        None => store.all(&sql::BALANCES, args![]).await?,
    };
    rows.into_iter()
        .map(|(code, amount)| match Account::of_code(&code) {
            Some(account) => Ok((account, amount)),
            None => Err(Fault::new("read a balance: no such account").into()),
        })
        .collect()
}

/// What a family has beyond its invoices.
///
/// # Errors
/// Faults of the store.
pub async fn family_credit(store: &Store, family_id: &str) -> Result<Dong> {
    store.one(&sql::FAMILY_CREDIT, args![family_id]).await
}
