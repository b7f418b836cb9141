//! Receipts: what a payer is handed when money has arrived, under a number that has no hole and no twin.
//!
//! **Invariants:** a number is given only to an entry that was really posted, in the transaction that posted it,
//! from the series' row, in the order of (time of the credit, id); (school, series, year, number) is unique; the year
//! is the calendar year in UTC+7 and never goes back, whatever the clock says; a receipt is never changed or deleted,
//! it may become void, and its number is never used again.
//!
//! Deliberately absent: names (the paper looks them up when it is drawn), adjusting a receipt, and numbers
//! reserved ahead.

pub mod pdf;
mod sql;

use std::collections::HashMap;

use crate::fault::{Fault, Kind, OrFault, Refusal, Result};
use crate::ids;
use crate::money::Dong;
use crate::seal::{Vault, token_hash};
use crate::store::{Arg, Store, Tx, args, record};
use crate::time::{Day, Moment};

pub use sql::ALL;

/// The series of internal receipts: form C45-BB.
pub const SERIES: &str = "C45-BB";

/// The most receipts in one file: what a printer takes in one go and a reader still opens at once.
pub const FILE_MOST: i64 = 1_000;

/// An entry that gave money to an invoice and waits for its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The entry, really inserted.
    pub entry_id: String,
    /// Whose series.
    pub school_id: String,
    /// The money.
    pub credit_id: String,
    /// When the money came.
    pub credit_at: Moment,
    /// What it paid.
    pub invoice_id: String,
    /// Whose surplus.
    pub family_id: String,
    /// What came.
    pub amount: Dong,
    /// What of it the invoice did not need.
    pub surplus: Dong,
    /// The invoice's total.
    pub due: Dong,
    /// What is paid on the invoice with this.
    pub paid: Dong,
}

record! {
    /// A receipt as it was issued, and whether it is void.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Receipt {
        /// `rec_…`
        pub id: String,
        /// Whose.
        pub school_id: String,
        /// The series.
        pub series: String,
        /// The year of the number.
        pub year: i64,
        /// The number.
        pub number: i64,
        /// The entry it documents.
        pub entry_id: String,
        /// The money.
        pub credit_id: String,
        /// What it paid.
        pub invoice_id: String,
        /// Whose surplus.
        pub family_id: String,
        /// What came.
        pub amount: Dong,
        /// What of it is the family's credit.
        pub surplus: Dong,
        /// The invoice's total then.
        pub due: Dong,
        /// What was paid on the invoice with this.
        pub paid: Dong,
        /// When it was issued.
        pub issued_at: Moment,
        /// Why it is void, when it is.
        pub void_reason: Option<String>,
    }
}

impl Receipt {
    /// As printed: eight digits.
    pub fn printed_number(&self) -> String {
        format!("{:08}", self.number)
    }
}

/// Numbers what was really posted, without a hole, and writes the receipts.
///
/// # Errors
/// Faults of the store; contention, after which nothing of this transaction stands.
pub async fn number_in(tx: &mut Tx, vault: &Vault, now: Moment, posted: &[Posted]) -> Result<Vec<Receipt>> {
    let mut in_order: Vec<&Posted> = posted.iter().collect();
    in_order.sort_by_key(|posted| (&posted.school_id, posted.credit_at, &posted.credit_id, &posted.entry_id));
    let of_schools: Vec<(&str, &[&Posted])> = in_order
        .chunk_by(|one, other| one.school_id == other.school_id)
        .filter_map(|of_school| Some((of_school.first()?.school_id.as_str(), of_school)))
        .collect();
    let counts: Vec<(&str, usize)> = of_schools.iter().map(|(school, posted)| (*school, posted.len())).collect();
    let taken = take_numbers_in(tx, now, &counts).await?;
    let mut receipts = Vec::with_capacity(in_order.len());
    for (school, of_school) in of_schools {
        let Some((year, last)) = taken.get(school) else { return Err(Fault::new("number receipts: no series").into()) };
        let before = last - i64::try_from(of_school.len()).or_fault("count receipts")?;
        for (number, posted) in (before + 1..).zip(of_school) {
            receipts.push(receipt(posted, *year, number, now));
        }
    }
    let rows = receipts.iter().map(|receipt| row(receipt, vault)).collect();
    tx.insert_many(&sql::INSERT_RECEIPTS, rows).await?;
    Ok(receipts)
}

/// Takes so many numbers from the series of each of these schools and tells their year and the last of them.
async fn take_numbers_in(tx: &mut Tx, now: Moment, counts: &[(&str, usize)]) -> Result<HashMap<String, (i64, i64)>> {
    let schools = counts.iter().map(|(school, _)| Arg::from(*school)).collect();
    let begun: Vec<(String, String, i64)> = tx.all_in(&sql::NEWEST_YEARS, schools).await?;
    let newest: HashMap<&str, i64> = begun
        .iter()
        .filter(|(_, series, _)| series == SERIES)
        .map(|(school, _, year)| (school.as_str(), *year))
        .collect();
    let mut rows = Vec::with_capacity(counts.len());
    for (school, count) in counts {
        let year = newest.get(school).map_or(now.year(), |newest| now.year().max(*newest));
        rows.push(args![*school, SERIES, year, i64::try_from(*count).or_fault("count receipts")?]);
    }
    let taken: Vec<(String, i64, i64)> = tx.insert_returning(&sql::TAKE_NUMBERS, rows).await?;
    Ok(taken.into_iter().map(|(school, year, last)| (school, (year, last))).collect())
}

fn receipt(posted: &Posted, year: i64, number: i64, now: Moment) -> Receipt {
    Receipt {
        id: ids::new_id("rec"),
        school_id: posted.school_id.clone(),
        series: SERIES.to_owned(),
        year,
        number,
        entry_id: posted.entry_id.clone(),
        credit_id: posted.credit_id.clone(),
        invoice_id: posted.invoice_id.clone(),
        family_id: posted.family_id.clone(),
        amount: posted.amount,
        surplus: posted.surplus,
        due: posted.due,
        paid: posted.paid,
        issued_at: now,
        void_reason: None,
    }
}

fn row(receipt: &Receipt, vault: &Vault) -> Vec<Arg> {
    args![
        &receipt.id,
        &receipt.school_id,
        &receipt.series,
        receipt.year,
        receipt.number,
        &receipt.entry_id,
        &receipt.credit_id,
        &receipt.invoice_id,
        &receipt.family_id,
        receipt.amount,
        receipt.surplus,
        receipt.due,
        receipt.paid,
        token_hash(&check_token(vault, &receipt.id)),
        receipt.issued_at
    ]
}

/// The token of a receipt's public check page; derived again whenever it is printed, never stored.
pub fn check_token(vault: &Vault, receipt_id: &str) -> String {
    vault.master().page_token("receipt", receipt_id)
}

/// Makes the receipt of an entry void and tells which it was; nothing when the entry has none or it is void already.
///
/// # Errors
/// Faults of the store.
pub async fn void_of_entry_in(
    tx: &mut Tx,
    entry_id: &str,
    now: Moment,
    actor: &str,
    reason: &str,
) -> Result<Option<Receipt>> {
    let Some(receipt) = tx.optional::<Receipt>(&sql::BY_ENTRY, args![entry_id]).await? else { return Ok(None) };
    let became_void = tx.run(&sql::INSERT_VOID, args![&receipt.id, now, actor, reason]).await?;
    Ok((became_void == 1).then_some(receipt))
}

/// What the public check page may say, and nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Is the receipt still good?
    pub is_valid: bool,
    /// What it says it is for.
    pub amount: Dong,
}

/// Is the receipt with this check token valid, and for how much? Nothing: we never printed it.
///
/// # Errors
/// Faults of the store.
pub async fn check(store: &Store, token: &str) -> Result<Option<Checked>> {
    let receipt: Option<Receipt> = store.optional(&sql::BY_CHECK, args![token_hash(token)]).await?;
    Ok(receipt.map(|receipt| Checked { is_valid: receipt.void_reason.is_none(), amount: receipt.amount }))
}

/// A receipt by its id.
///
/// # Errors
/// Faults of the store.
pub async fn receipt_by_id(store: &Store, id: &str) -> Result<Option<Receipt>> {
    store.optional(&sql::BY_ID, args![id]).await
}

/// The receipts of an invoice, void ones too, the oldest first.
///
/// # Errors
/// Faults of the store.
pub async fn of_invoice(store: &Store, invoice_id: &str) -> Result<Vec<Receipt>> {
    store.all(&sql::BY_INVOICE, args![invoice_id]).await
}

/// The receipts a school issued from one day to another, both included, by number.
///
/// # Errors
/// Faults of the store.
pub async fn of_school(store: &Store, school_id: &str, from: Day, to: Day) -> Result<Vec<Receipt>> {
    store.all(&sql::BY_SCHOOL, args![school_id, from.begins(), to.plus_days(1).begins(), from.begins().year()]).await
}

/// In how many files the receipts that a school issued on these days are printed.
///
/// # Errors
/// Faults of the store.
pub async fn files_of_school(store: &Store, school_id: &str, from: Day, to: Day) -> Result<i64> {
    Ok(files(count_of_school(store, school_id, from, to).await?))
}

async fn count_of_school(store: &Store, school_id: &str, from: Day, to: Day) -> Result<i64> {
    store.one(&sql::COUNT_OF_SCHOOL, args![school_id, from.begins(), to.plus_days(1).begins()]).await
}

/// As few files as hold so many receipts.
const fn files(receipts: i64) -> i64 {
    (receipts + FILE_MOST - 1) / FILE_MOST
}

/// The receipts that a school issued on these days, by number, as far as they stand in the file of this number; without
/// one they must all stand in the first. Later receipts have higher numbers, so a full file stays what it is.
///
/// # Errors
/// Refused when there are more than one file holds and none was named; absent when there are none, or no such file.
pub async fn file_of_school(
    store: &Store,
    school_id: &str,
    (from, to): (Day, Day),
    file: Option<i64>,
) -> Result<Vec<Receipt>> {
    let count = count_of_school(store, school_id, from, to).await?;
    let at = file.unwrap_or(1);
    if file.is_none() && count > FILE_MOST {
        return Err(too_many(count).into());
    }
    if !(1..=files(count)).contains(&at) {
        return Err(Refusal::absent().into());
    }
    let span = args![school_id, from.begins(), to.plus_days(1).begins(), FILE_MOST, (at - 1) * FILE_MOST];
    store.all(&sql::PART_OF_SCHOOL, span).await
}

fn too_many(count: i64) -> Refusal {
    let (count, most, files) = (grouped(count), grouped(FILE_MOST), files(count));
    Refusal::new(
        Kind::TooLarge,
        "too-many-receipts",
        format!(
            "Những ngày này có {count} biên lai, một tệp có nhiều nhất {most}. Xin chọn ít ngày hơn, hoặc tải lần lượt \
             từng phần (part=1 đến part={files})."
        ),
        format!(
            "There are {count} receipts on these days and a file holds {most} at most. Choose fewer days, or take the \
             parts one by one (part=1 to part={files})."
        ),
    )
}

fn grouped(count: i64) -> String {
    Dong::new(count).grouped()
}

/// When the money of these credits came.
///
/// # Errors
/// Faults of the store.
pub async fn came_at(store: &Store, credits: &[&str]) -> Result<HashMap<String, Moment>> {
    let keys = credits.iter().map(|id| Arg::from(*id)).collect();
    let rows: Vec<(String, Moment)> = store.all_in(&sql::CAME_AT, keys).await?;
    Ok(rows.into_iter().collect())
}

record! {
    /// Money that came for an invoice, as its parents may see it: no payer, no bank account.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Payment {
        /// What came.
        pub amount: Dong,
        /// When the bank reported it.
        pub reported_at: Moment,
        /// When a statement showed it, if one has.
        pub proved_at: Option<Moment>,
    }
}

/// The money that came for an invoice and still counts for it, the oldest first. What is held is not among it.
///
/// # Errors
/// Faults of the store.
pub async fn payments_of(store: &Store, invoice_id: &str) -> Result<Vec<Payment>> {
    store.all(&sql::PAYMENTS, args![invoice_id]).await
}
