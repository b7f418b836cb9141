//! What pages and the API show of fees: invoices with their money and time, one pupil's account, runs on their way.

use std::collections::HashMap;

use crate::fault::Result;
use crate::ledger;
use crate::money::Dong;
use crate::roll::{self, ClassGroup, Pupil, ReceivingAccount, School};
use crate::seal::token_hash;
use crate::store::{Arg, Store, args, record};
use crate::time::{Day, Moment};

use super::invoice::keys;
use super::run::{Run, RunState};
use super::{Due, Lifecycle, OpenInvoice, Position, sql};

/// Later than the id of every invoice.
const NEWEST: &str = "inv_~";

/// Everything a parent's page needs to be drawn.
#[derive(Debug, Clone)]
pub struct InvoicePage {
    /// The invoice with its lines.
    pub invoice: OpenInvoice,
    /// Its run's title, `Các khoản thu tháng 12/2026`.
    pub run_title: String,
    /// Who is owed.
    pub school: School,
    /// Where to pay.
    pub account: ReceivingAccount,
    /// For whom; pages show [`Pupil::short_name`] before a second fact is given.
    pub pupil: Pupil,
    /// The class on the day of issue.
    pub class_name: String,
    /// Its money.
    pub money: Standing,
}

/// The money of an invoice, as the ledger has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What is still owed.
    pub owed: Dong,
    /// What came for it, without any surplus.
    pub paid: Dong,
    /// What came beyond it and is the family's credit.
    pub surplus: Dong,
    /// The word for it.
    pub position: Position,
}

impl InvoicePage {
    /// How its time stands today.
    pub fn due(&self, today: Day) -> Due {
        Due::of(self.invoice.due_day, today)
    }
}

/// One row of a list of invoices.
#[derive(Debug, Clone)]
pub struct InvoiceRow {
    /// `inv_…`
    pub id: String,
    /// The receiving account it must be paid into.
    pub account_id: String,
    /// The run.
    pub run_id: String,
    /// The run's title.
    pub run_title: String,
    /// What the transfer carries.
    pub reference: String,
    /// `pup_…`
    pub pupil_id: String,
    /// The pupil's code.
    pub pupil_code: String,
    /// The pupil's name.
    pub pupil_name: String,
    /// `cls_…`
    pub class_group_id: String,
    /// The class on the day of issue.
    pub class_name: String,
    /// What was asked.
    pub total: Dong,
    /// By when.
    pub due_day: Day,
    /// Open or void.
    pub lifecycle: Lifecycle,
    /// Its money.
    pub money: Standing,
}

/// One pupil's account at the school.
#[derive(Debug, Clone)]
pub struct PupilAccount {
    /// The pupil.
    pub pupil: Pupil,
    /// The present class.
    pub class: Option<ClassGroup>,
    /// Who answers for the pupil.
    pub guardians: Vec<roll::Guardian>,
    /// What is owed on the open invoices.
    pub owed: Dong,
    /// What the family has in credit.
    pub credit: Dong,
}

/// A run with how far it is.
#[derive(Debug, Clone)]
pub struct RunProgress {
    /// The run.
    pub run: Run,
    /// Where it stands.
    pub state: RunState,
    /// Invoices that exist, void ones among them.
    pub issued: i64,
    /// Pupils or invoices looked at by the work that is under way; without work the same as `of`.
    pub done: i64,
    /// Pupils or invoices the work is about.
    pub of: i64,
    /// The sum of its invoices.
    pub total: Dong,
    /// When it was published.
    pub published_at: Option<Moment>,
}

record! {
    pub(super) struct Listed {
        id: String,
        account_id: String,
        run_id: String,
        run_title: String,
        reference: String,
        pupil_id: String,
        pupil_code: String,
        pupil_name: String,
        class_group_id: String,
        class_name: String,
        total: Dong,
        due_day: Day,
        last_kind: Option<String>,
    }
}

/// The page of a token, only when its run is published and not undone.
///
/// # Errors
/// Faults of the store.
pub async fn page(store: &Store, token: &str) -> Result<Option<InvoicePage>> {
    let id: Option<String> = store.optional(&sql::PUBLISHED_PAGE, args![token_hash(token)]).await?;
    match id {
        Some(id) => page_of(store, &id).await,
        None => Ok(None),
    }
}

/// The same page for the desk, published or not.
///
/// # Errors
/// Faults of the store.
pub async fn page_of(store: &Store, invoice_id: &str) -> Result<Option<InvoicePage>> {
    let Some(invoice) = super::invoice(store, invoice_id).await? else { return Ok(None) };
    Ok(pages(store, vec![invoice]).await?.pop())
}

/// The pages of one class of a run, in the order of the class list.
///
/// # Errors
/// Faults of the store.
pub async fn pages_of_class(store: &Store, run_id: &str, class_group_id: &str) -> Result<Vec<InvoicePage>> {
    let listed: Vec<Listed> = store.all(&sql::INVOICES_OF_CLASS, args![run_id, class_group_id]).await?;
    let places: HashMap<&str, usize> = listed.iter().enumerate().map(|(place, row)| (row.id.as_str(), place)).collect();
    let ids: Vec<String> = listed.iter().map(|row| row.id.clone()).collect();
    let mut invoices = super::invoices(store, &ids).await?;
    invoices.sort_by_key(|invoice| places.get(invoice.id.as_str()).copied());
    pages(store, invoices).await
}

/// The pages of invoices of one run and one class, in their order: what they share is read once, the rest in lists.
async fn pages(store: &Store, invoices: Vec<OpenInvoice>) -> Result<Vec<InvoicePage>> {
    let Some(first) = invoices.first() else { return Ok(Vec::new()) };
    let run: Run = store.one(&sql::RUN, args![&first.run_id]).await?;
    let (Some(school), Some(account), Some(class)) = (
        roll::school(store, &first.school_id).await?,
        roll::account(store, &first.account_id).await?,
        roll::class_group(store, &first.class_group_id).await?,
    ) else {
        return Ok(Vec::new());
    };
    let pupils: Vec<String> = invoices.iter().map(|invoice| invoice.pupil_id.clone()).collect();
    let pupils = roll::pupils_by_id(store, &pupils).await?;
    let mut pupils: HashMap<String, Pupil> = pupils.into_iter().map(|pupil| (pupil.id.clone(), pupil)).collect();
    let totals: Vec<(String, Dong)> = invoices.iter().map(|invoice| (invoice.id.clone(), invoice.total)).collect();
    let money = standings(store, &totals).await?;
    let page = |invoice: OpenInvoice| {
        Some(InvoicePage {
            run_title: run.title.clone(),
            school: school.clone(),
            account: account.clone(),
            pupil: pupils.remove(&invoice.pupil_id)?,
            class_name: class.name.clone(),
            money: money.get(&invoice.id).copied().unwrap_or_else(|| Standing::untouched(invoice.total)),
            invoice,
        })
    };
    Ok(invoices.into_iter().filter_map(page).collect())
}

/// What the transfer text into an account must begin with, and how many characters of it arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoRule {
    /// The bank stays silent about transfers whose text begins with something else.
    pub prefix: Option<String>,
    /// What is longer is cut.
    pub most: usize,
}

/// What a transfer into this account must look like so that we hear of it; the strictest of its connections counts.
///
/// # Errors
/// Faults of the store.
pub async fn memo_rule(store: &Store, account_id: &str) -> Result<MemoRule> {
    let (prefix, most): (Option<String>, Option<i64>) = store.one(&sql::MEMO_OF_ACCOUNT, args![account_id]).await?;
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(crate::vietqr::LABEL_MOST);
    Ok(MemoRule { prefix, most })
}

/// All invoices of a run, by class and name.
///
/// # Errors
/// Faults of the store.
pub async fn invoices_of_run(store: &Store, run_id: &str) -> Result<Vec<InvoiceRow>> {
    let listed = store.all(&sql::INVOICES_OF_RUN, args![run_id]).await?;
    let mut rows = with_money(store, listed).await?;
    rows.sort_by_cached_key(|row| roll::natural_key(&row.class_name));
    Ok(rows)
}

/// One class's invoices of a run, by name.
///
/// # Errors
/// Faults of the store.
pub async fn invoices_of_class(store: &Store, run_id: &str, class_group_id: &str) -> Result<Vec<InvoiceRow>> {
    let listed = store.all(&sql::INVOICES_OF_CLASS, args![run_id, class_group_id]).await?;
    with_money(store, listed).await
}

/// One pupil's account: what is owed on all invoices, and the family's credit.
///
/// # Errors
/// Faults of the store.
pub async fn pupil_account(store: &Store, pupil_id: &str, today: Day) -> Result<Option<PupilAccount>> {
    let Some(pupil) = roll::pupil(store, pupil_id).await? else { return Ok(None) };
    Ok(Some(PupilAccount {
        class: roll::class_of(store, pupil_id, today).await?,
        guardians: roll::guardians_of(store, &pupil.family_id).await?,
        credit: ledger::family_credit(store, &pupil.family_id).await?,
        owed: store.one(&sql::OWED_BY_PUPIL, args![pupil_id]).await?,
        pupil,
    }))
}

/// A pupil's invoices before one of them, the newest first (empty: from the newest).
///
/// # Errors
/// Faults of the store.
pub async fn invoices_of_pupil(store: &Store, pupil_id: &str, before: &str, limit: usize) -> Result<Vec<InvoiceRow>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let before = if before.is_empty() { NEWEST } else { before };
    let listed = store.all(&sql::INVOICES_OF_PUPIL, args![pupil_id, before, limit]).await?;
    with_money(store, listed).await
}

/// Invoices by their ids, as lists show them.
///
/// # Errors
/// Faults of the store.
pub async fn invoices_by_id(store: &Store, ids: &[String]) -> Result<Vec<InvoiceRow>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    with_money(store, store.all_in(&sql::LISTED, keys(&ids)).await?).await
}

/// A school's invoices that carry any of these references, as lists show them.
///
/// # Errors
/// Faults of the store.
pub async fn invoices_by_reference(store: &Store, school_id: &str, references: &[String]) -> Result<Vec<InvoiceRow>> {
    let found: Vec<OpenInvoice> = store.all_in(&sql::INVOICES_BY_REFERENCE, keys(references)).await?;
    let own = found.into_iter().filter(|invoice| invoice.school_id == school_id);
    invoices_by_id(store, &own.map(|invoice| invoice.id).collect::<Vec<_>>()).await
}

/// A school's runs with how far each is, the newest first.
///
/// # Errors
/// Faults of the store.
pub async fn runs_of(store: &Store, school_id: &str) -> Result<Vec<RunProgress>> {
    let runs = store.all(&sql::RUNS_OF, args![school_id]).await?;
    progress(store, runs).await
}

/// A school's runs that are issued and not published yet, the newest first.
///
/// # Errors
/// Faults of the store.
pub async fn runs_to_publish(store: &Store, school_id: &str) -> Result<Vec<RunProgress>> {
    let runs = store.all(&sql::UNPUBLISHED, args![school_id]).await?;
    progress(store, runs).await
}

/// A school's runs made before one, with how far each is, the newest first; without one, the newest.
///
/// # Errors
/// Faults of the store.
pub async fn runs_before(
    store: &Store,
    school_id: &str,
    before: Option<(Moment, &str)>,
    limit: usize,
) -> Result<Vec<RunProgress>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (made_at, id) = before.unwrap_or((Moment(i64::MAX), ""));
    let runs = store.all(&sql::RUNS_BEFORE, args![school_id, made_at, id, limit]).await?;
    progress(store, runs).await
}

/// One run with how far it is.
///
/// # Errors
/// Faults of the store.
pub async fn run_progress(store: &Store, run_id: &str) -> Result<Option<RunProgress>> {
    let runs = store.all(&sql::RUN, args![run_id]).await?;
    Ok(progress(store, runs).await?.pop())
}

/// The runs of a school in the order of their ids, after one.
///
/// # Errors
/// Faults of the store.
pub async fn runs_after(store: &Store, school_id: &str, after: &str, limit: i64) -> Result<Vec<RunProgress>> {
    let runs = store.all(&sql::RUNS_AFTER, args![school_id, after, limit]).await?;
    progress(store, runs).await
}

/// The ids of a school's invoices in their order, after one; of one run or one pupil where these are not empty.
///
/// # Errors
/// Faults of the store.
pub async fn invoice_ids_after(
    store: &Store,
    school_id: &str,
    (run_id, pupil_id): (&str, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<String>> {
    match (run_id, pupil_id) {
        ("", "") => store.all(&sql::INVOICES_AFTER, args![school_id, after, limit]).await,
        (_, "") => store.all(&sql::INVOICES_OF_RUN_AFTER, args![school_id, after, limit, run_id]).await,
        _ => store.all(&sql::INVOICES_OF_PUPIL_AFTER, args![school_id, after, limit, pupil_id, run_id]).await,
    }
}

/// What is owed and paid on these invoices of these totals.
///
/// # Errors
/// Faults of the store.
pub async fn standings(store: &Store, invoices: &[(String, Dong)]) -> Result<HashMap<String, Standing>> {
    let ids = invoices.iter().map(|(id, _)| Arg::from(id)).collect();
    let rows: Vec<(String, Dong, Dong, Dong)> = store.all_in(&sql::OWED, ids).await?;
    let rows: HashMap<String, (Dong, Dong, Dong)> =
        rows.into_iter().map(|(id, owed, paid, over)| (id, (owed, paid, over))).collect();
    Ok(invoices
        .iter()
        .map(|(id, total)| {
            let standing = rows.get(id).map_or(Standing::untouched(*total), |(owed, paid, over)| Standing {
                owed: *owed,
                paid: *paid,
                surplus: *over,
                position: Position::of(*total, *owed, *over),
            });
            (id.clone(), standing)
        })
        .collect())
}

impl Standing {
    fn untouched(total: Dong) -> Standing {
        Standing { owed: total, paid: Dong::ZERO, surplus: Dong::ZERO, position: Position::Unpaid }
    }
}

pub(super) async fn with_money(store: &Store, listed: Vec<Listed>) -> Result<Vec<InvoiceRow>> {
    let totals: Vec<(String, Dong)> = listed.iter().map(|row| (row.id.clone(), row.total)).collect();
    let money = standings(store, &totals).await?;
    Ok(listed
        .into_iter()
        .map(|row| InvoiceRow {
            money: money.get(&row.id).copied().unwrap_or_else(|| Standing::untouched(row.total)),
            lifecycle: if row.last_kind.as_deref() == Some("void") { Lifecycle::Void } else { Lifecycle::Open },
            id: row.id,
            account_id: row.account_id,
            run_id: row.run_id,
            run_title: row.run_title,
            reference: row.reference,
            pupil_id: row.pupil_id,
            pupil_code: row.pupil_code,
            pupil_name: row.pupil_name,
            class_group_id: row.class_group_id,
            class_name: row.class_name,
            total: row.total,
            due_day: row.due_day,
        })
        .collect())
}

async fn progress(store: &Store, runs: Vec<Run>) -> Result<Vec<RunProgress>> {
    let ids: Vec<String> = runs.iter().map(|run| run.id.clone()).collect();
    let events: Vec<super::run::RunEvent> = store.all_in(&sql::RUN_EVENTS, keys(&ids)).await?;
    let sums: Vec<(String, i64, Dong)> = store.all_in(&sql::RUN_SUMS, keys(&ids)).await?;
    let work: Vec<(String, i64, i64)> = store.all_in(&sql::RUN_WORK, keys(&ids)).await?;
    Ok(runs
        .into_iter()
        .map(|run| {
            let of_run: Vec<_> = events.iter().filter(|event| event.run_id == run.id).collect();
            let (issued, total) = sums
                .iter()
                .find(|(id, ..)| *id == run.id)
                .map_or((0, Dong::ZERO), |(_, count, total)| (*count, *total));
            let work = work.iter().find(|(id, ..)| *id == run.id);
            RunProgress {
                state: RunState::of(of_run.iter().map(|event| event.kind.as_str())),
                issued,
                done: work.map_or(issued, |(_, done, _)| *done),
                of: work.map_or(issued, |(_, _, of)| *of),
                total,
                published_at: of_run.iter().find(|event| event.kind == "published").map(|event| event.at),
                run,
            }
        })
        .collect())
}
