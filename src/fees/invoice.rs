//! A phiếu báo thu as matching, receipts and pages meet it.

use std::collections::HashMap;

use crate::fault::Result;
use crate::money::Dong;
use crate::store::{Arg, Record, Row, Store, Tx, record};
use crate::time::{Day, Moment};

use super::sql;

/// What is stored of an invoice's life. Paid and overdue are derived, see [`super::Position`] and [`super::Due`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// It may be paid.
    Open,
    /// It was taken back; money that comes for it is held.
    Void,
}

/// An invoice with its lines, whole or as far as money needs them. The lifecycle is inside: a void one is found too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInvoice<L = Line> {
    /// `inv_…`
    pub id: String,
    /// The billing run.
    pub run_id: String,
    /// Who is owed.
    pub school_id: String,
    /// The receiving account it must be paid into.
    pub account_id: String,
    /// Whose surplus becomes credit.
    pub family_id: String,
    /// For whom.
    pub pupil_id: String,
    /// The class on the day of issue.
    pub class_group_id: String,
    /// What the transfer carries.
    pub reference: String,
    /// Open or void.
    pub lifecycle: Lifecycle,
    /// How often it was voided or reinstated; the next such act takes this number plus one.
    pub turns: i64,
    /// What the parents pay: the sum of the lines' payable.
    pub total: Dong,
    /// The day by which it should be paid.
    pub due_day: Day,
    /// When it was issued.
    pub issued_at: Moment,
    /// Its lines in the run's order; money goes to the mandatory ones first.
    pub lines: Vec<L>,
}

record! {
    /// A line as far as money needs it: what it asks, and how urgently.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Share {
        /// The invoice it stands on.
        pub invoice_id: String,
        /// 1, 2, 3, …
        pub position: i64,
        /// The catalogue item.
        pub item_id: String,
        /// `mandatory`, `agreed` or `voluntary`.
        pub necessity: String,
        /// What the parents pay of it.
        pub payable: Dong,
    }
}

record! {
    /// What became of an invoice last.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LastEvent {
        /// The invoice.
        pub invoice_id: String,
        /// `void` or `reinstated`.
        pub kind: String,
        /// How often anything became of it.
        pub turn: i64,
    }
}

/// An invoice as money meets it.
pub type Claim = OpenInvoice<Share>;

record! {
    /// One line, with the name and the legal basis of the day it was issued.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Line {
        /// The invoice it stands on.
        pub invoice_id: String,
        /// 1, 2, 3, …
        pub position: i64,
        /// The catalogue item.
        pub item_id: String,
        /// The exact official name.
        pub official_name: String,
        /// Number of the instrument and its clause.
        pub legal_basis: String,
        /// `mandatory`, `agreed` or `voluntary`.
        pub necessity: String,
        /// `tuition`, `service`, `pass_through` or `legal_fee`.
        pub revenue: String,
        /// Which document is given for it.
        pub document_kind: String,
        /// `month`, `day`, …
        pub unit: String,
        /// How many units.
        pub quantity: i64,
        /// The price of one.
        pub unit_price: Dong,
        /// Quantity times price.
        pub gross: Dong,
        /// What the pupil need not pay of it.
        pub exemption: Dong,
        /// What the parents pay of it.
        pub payable: Dong,
    }
}

impl<L> OpenInvoice<L> {
    /// What its last event made of it.
    pub(crate) fn became(&mut self, last: Option<&str>, turns: i64) {
        self.lifecycle = if last == Some("void") { Lifecycle::Void } else { Lifecycle::Open };
        self.turns = turns;
    }
}

impl<L: Send + 'static> Record for OpenInvoice<L> {
    fn read(row: &Row) -> Result<Self> {
        let turns: Option<i64> = row.get("turns")?;
        let last: Option<String> = row.get("last_kind")?;
        let mut invoice = OpenInvoice {
            id: row.get("id")?,
            run_id: row.get("run_id")?,
            school_id: row.get("school_id")?,
            account_id: row.get("account_id")?,
            family_id: row.get("family_id")?,
            pupil_id: row.get("pupil_id")?,
            class_group_id: row.get("class_group_id")?,
            reference: row.get("reference")?,
            lifecycle: Lifecycle::Open,
            turns: 0,
            total: row.get("total")?,
            due_day: row.get("due_day")?,
            issued_at: row.get("issued_at")?,
            lines: Vec::new(),
        };
        invoice.became(last.as_deref(), turns.unwrap_or_default());
        Ok(invoice)
    }
}

/// The invoices that carry these references, open and void ones alike; a reference nobody carries gives none. Read
/// before a transaction, which asks [`last_events_in`] what became of them since.
///
/// # Errors
/// Faults of the store.
pub async fn claims_by_references(store: &Store, references: &[String]) -> Result<Vec<Claim>> {
    let found = store.all_in(&sql::INVOICES_BY_REFERENCE, keys(references)).await?;
    with_shares(store, found).await
}

/// The ids of the invoices that carry these references, each beside its reference.
///
/// # Errors
/// Faults of the store.
pub async fn ids_by_references_in(tx: &mut Tx, references: Vec<Arg>) -> Result<Vec<(String, String)>> {
    tx.all_in(&sql::IDS_BY_REFERENCE, references).await
}

/// As [`ids_by_references_in`], read without a write transaction.
///
/// # Errors
/// Faults of the store.
pub async fn ids_by_references(store: &Store, references: Vec<Arg>) -> Result<Vec<(String, String)>> {
    store.all_in(&sql::IDS_BY_REFERENCE, references).await
}

/// As [`claims_by_references`], by their ids.
///
/// # Errors
/// Faults of the store.
pub async fn claims(store: &Store, ids: &[String]) -> Result<Vec<Claim>> {
    let found = store.all_in(&sql::INVOICES_BY_ID, keys(ids)).await?;
    with_shares(store, found).await
}

/// The last event of each of these invoices: what one asks never changes, and what became of it only its events say.
///
/// # Errors
/// Faults of the store.
pub async fn last_events_in(tx: &mut Tx, ids: Vec<Arg>) -> Result<Vec<LastEvent>> {
    tx.all_in(&sql::LAST_EVENTS, ids).await
}

/// Invoices by their ids.
///
/// # Errors
/// Faults of the store.
pub async fn invoices_in(tx: &mut Tx, ids: &[String]) -> Result<Vec<Claim>> {
    let found = tx.all_in(&sql::INVOICES_BY_ID, keys(ids)).await?;
    with_shares_in(tx, found).await
}

/// One invoice.
///
/// # Errors
/// Faults of the store.
pub async fn invoice_in(tx: &mut Tx, id: &str) -> Result<Option<Claim>> {
    Ok(invoices_in(tx, &[id.to_owned()]).await?.pop())
}

/// One invoice, read without a write transaction.
///
/// # Errors
/// Faults of the store.
pub async fn invoice(store: &Store, id: &str) -> Result<Option<OpenInvoice>> {
    Ok(invoices(store, &[id.to_owned()]).await?.pop())
}

/// Invoices by their ids, read without a write transaction.
///
/// # Errors
/// Faults of the store.
pub async fn invoices(store: &Store, ids: &[String]) -> Result<Vec<OpenInvoice>> {
    let mut found: Vec<OpenInvoice> = store.all_in(&sql::INVOICES_BY_ID, keys(ids)).await?;
    let ids = found.iter().map(|invoice| Arg::from(&invoice.id)).collect();
    let lines: Vec<Line> = store.all_in(&sql::LINES_OF, ids).await?;
    hand_out(&mut found, lines, |line| &line.invoice_id);
    Ok(found)
}

/// The invoice of this payment reference, open or void, read without a write transaction.
///
/// # Errors
/// Faults of the store.
pub async fn by_reference(store: &Store, reference: &str) -> Result<Option<OpenInvoice>> {
    let found: Vec<OpenInvoice> = store.all_in(&sql::INVOICES_BY_REFERENCE, vec![reference.into()]).await?;
    let ids: Vec<String> = found.into_iter().map(|invoice| invoice.id).collect();
    Ok(invoices(store, &ids).await?.pop())
}

async fn with_shares(store: &Store, mut claims: Vec<Claim>) -> Result<Vec<Claim>> {
    let ids = claims.iter().map(|claim| Arg::from(&claim.id)).collect();
    let shares: Vec<Share> = store.all_in(&sql::SHARES_OF, ids).await?;
    hand_out(&mut claims, shares, |share| &share.invoice_id);
    Ok(claims)
}

async fn with_shares_in(tx: &mut Tx, mut claims: Vec<Claim>) -> Result<Vec<Claim>> {
    let ids = claims.iter().map(|claim| Arg::from(&claim.id)).collect();
    let shares: Vec<Share> = tx.all_in(&sql::SHARES_OF, ids).await?;
    hand_out(&mut claims, shares, |share| &share.invoice_id);
    Ok(claims)
}

/// Gives each invoice its lines, in the order in which they come.
fn hand_out<L>(invoices: &mut [OpenInvoice<L>], lines: Vec<L>, invoice_of: impl Fn(&L) -> &str) {
    let places: HashMap<String, usize> =
        invoices.iter().enumerate().map(|(place, invoice)| (invoice.id.clone(), place)).collect();
    for line in lines {
        if let Some(invoice) = places.get(invoice_of(&line)).and_then(|place| invoices.get_mut(*place)) {
            invoice.lines.push(line);
        }
    }
}

pub(super) fn keys(ids: &[String]) -> Vec<Arg> {
    ids.iter().map(Arg::from).collect()
}
