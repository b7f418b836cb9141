//! What a person may do with a credit: each act has a name, a reason, and a mirror.

use super::turn::{self, Newest, Standing};
use super::{Credit, Doubt, allocate, sql};
use crate::access::{Deed, trail_in};
use crate::fault::{Fault, Kind, Refusal, Result};
use crate::fees::{self, Claim, Lifecycle};
use crate::ledger::{self, Account, Cause, Entry, Head, Posting};
use crate::money::Dong;
use crate::outbox::{self, Event, Happened};
use crate::receipts;
use crate::seal::Vault;
use crate::store::{Arg, Store, Tx, args, record, transact};
use crate::time::{Day, Moment};

record! {
    /// A credit that a person must look at.
    #[derive(Debug, Clone)]
    pub struct Held {
        /// `crd_…`
        pub id: String,
        /// Whose.
        pub school_id: String,
        /// Into which account it came.
        pub account_id: String,
        /// How much.
        pub amount: Dong,
        /// The bank's day.
        pub day: Day,
        /// When it came.
        pub value_at: Moment,
        /// The reference its text holds, when exactly one.
        pub payment_reference: Option<String>,
        /// The bank's own reference, where it is unique.
        pub bank_reference: Option<String>,
        /// The credit it may be the same as.
        pub maybe_same_as: Option<String>,
        /// The transfer's text, sealed.
        pub memo_sealed: Vec<u8>,
        /// Who paid, sealed.
        pub payer_sealed: Option<Vec<u8>>,
        /// Why it is held; empty after it was released.
        pub reason: String,
        /// `hold` or `release`.
        pub kind: String,
        /// The turn of that decision.
        pub turn: i64,
        /// What the person wrote who released it.
        pub note: String,
        /// The statement line that shows it, when one does.
        pub line_id: Option<String>,
    }
}

record! {
    /// A credit and what was decided about it last, without its text.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Shown {
        /// `crd_…`
        pub id: String,
        /// Whose.
        pub school_id: String,
        /// Into which account it came.
        pub account_id: String,
        /// How much.
        pub amount: Dong,
        /// The bank's day.
        pub day: Day,
        /// When it came.
        pub value_at: Moment,
        /// The reference its text holds, when exactly one.
        pub payment_reference: Option<String>,
        /// The turn of the last decision, 0 while it is undecided.
        pub turn: i64,
        /// The last decision; nothing while it is undecided.
        pub kind: Option<String>,
        /// Why it is held.
        pub reason: Option<String>,
        /// The invoice it is on.
        pub invoice_id: Option<String>,
        /// The statement line that shows it, when one does.
        pub line_id: Option<String>,
    }
}

record! {
    /// One decision about a credit.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Step {
        /// 1, 2, 3, …
        pub turn: i64,
        /// `settle`, `part`, `over`, `hold`, `assign`, `release`, `same`, `reversed`, `disowned` or `settled`.
        pub kind: String,
        /// Why it was held.
        pub reason: String,
        /// The invoice it went to.
        pub invoice_id: Option<String>,
        /// The entry that says so.
        pub entry_id: Option<String>,
        /// When.
        pub at: Moment,
        /// By whom.
        pub actor: String,
        /// With what words.
        pub note: String,
    }
}

/// What giving a credit to an invoice made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    /// The entry.
    pub entry_id: String,
    /// The new receipt.
    pub receipt_id: String,
    /// What of the money the invoice did not need.
    pub surplus: Dong,
    /// Invoices on which money moved.
    pub invoices: Vec<String>,
}

/// Who acts, when, with what words.
pub struct Act<'a> {
    at: Moment,
    actor: &'a str,
    note: &'a str,
    seen: Option<i64>,
}

impl<'a> Act<'a> {
    /// An act of somebody, who says why.
    ///
    /// # Errors
    /// No words.
    pub fn new(at: Moment, actor: &'a str, note: &'a str) -> Result<Self, Refusal> {
        Ok(Act { at, actor, note: stated(note)?, seen: None })
    }

    /// The turn of the decision that was on the page when they decided. Should there be a newer one, they are told of
    /// it instead of overturning it unread.
    #[must_use]
    pub fn having_seen(self, turn: Option<i64>) -> Self {
        Act { seen: turn, ..self }
    }

    pub(super) fn check_seen(&self, newest: Option<&Newest>) -> Result<(), Refusal> {
        let stands = newest.map_or(0, |newest| newest.turn);
        if self.seen.is_none_or(|seen| seen == stands) { Ok(()) } else { Err(not_held()) }
    }

    /// When.
    pub(super) fn at(&self) -> Moment {
        self.at
    }

    /// An entry's head with who acts and why.
    pub(super) fn signed(&self, head: Head) -> Head {
        head.by(self.actor, self.note)
    }

    /// Writes into the trail what was done to a credit, and with which invoice.
    pub(super) async fn trail_in(
        &self,
        tx: &mut Tx,
        action: &'static str,
        credit: &Credit,
        invoice_id: &str,
    ) -> Result<()> {
        let (about, school_id) = (credit.id.as_str(), Some(credit.school_id.as_str()));
        trail_in(tx, self.at, &Deed { actor: self.actor, action, about, school_id, detail: invoice_id }).await
    }
}

/// A school's credits that a person must look at, the oldest first, after one; without one, from the first.
///
/// # Errors
/// Faults of the store.
pub async fn held(store: &Store, school_id: &str, after: Option<(Moment, &str)>, limit: usize) -> Result<Vec<Held>> {
    let (value_at, id) = after.unwrap_or((Moment(i64::MIN), ""));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    store.all(&sql::HELD, args![school_id, value_at, id, limit]).await
}

/// A school's credits in the order of their ids, after one; on wish only those a person must look at.
///
/// # Errors
/// Faults of the store.
pub async fn credits_after(
    store: &Store,
    school_id: &str,
    after: &str,
    limit: i64,
    only_held: bool,
) -> Result<Vec<Shown>> {
    let statement = if only_held { &sql::HELD_AFTER } else { &sql::CREDITS_AFTER };
    store.all(statement, args![school_id, after, limit]).await
}

/// One credit with what was decided about it last.
///
/// # Errors
/// Faults of the store.
pub async fn shown(store: &Store, credit_id: &str) -> Result<Option<Shown>> {
    store.optional(&sql::SHOWN, args![credit_id]).await
}

/// The credit that one may be the same as.
///
/// # Errors
/// Faults of the store; the id was made up.
pub async fn twin(store: &Store, credit_id: &str) -> Result<Option<String>> {
    store.one(&sql::TWIN, args![credit_id]).await
}

/// How many of a school's credits a person must look at.
///
/// # Errors
/// Faults of the store.
pub async fn held_count(store: &Store, school_id: &str) -> Result<i64> {
    store.one(&sql::HELD_COUNT, args![school_id]).await
}

/// What was decided about a credit, in order.
///
/// # Errors
/// Faults of the store.
pub async fn story(store: &Store, credit_id: &str) -> Result<Vec<Step>> {
    store.all(&sql::STORY, args![credit_id]).await
}

/// Gives a held credit to an open invoice of the same school. The school's own money decides nothing here: the
/// person does.
///
/// # Errors
/// An unknown credit or invoice, another school's invoice, one that is void, or a credit that is not held (any
/// more). Of two people who assign the same credit, one gets the conflict.
pub async fn assign(
    store: &Store,
    vault: &Vault,
    credit_id: &str,
    invoice_id: &str,
    act: &Act<'_>,
) -> Result<Assigned> {
    transact!(store, |tx| assign_in(tx, vault, credit_id, invoice_id, act).await)
}

/// Moves a credit that went to the wrong invoice: the same lines are mirrored, the old receipt is void, a new one
/// issued.
///
/// # Errors
/// As [`assign`], and a credit that is on no invoice.
pub async fn move_to(
    store: &Store,
    vault: &Vault,
    credit_id: &str,
    invoice_id: &str,
    act: &Act<'_>,
) -> Result<Assigned> {
    transact!(store, |tx| move_to_in(tx, vault, credit_id, invoice_id, act).await)
}

/// Takes a credit off the invoice it went to and holds it again; the receipt is void.
///
/// # Errors
/// An unknown credit, one that is on no invoice, or no reason.
pub async fn release(store: &Store, credit_id: &str, act: &Act<'_>) -> Result<Option<String>> {
    transact!(store, |tx| {
        let credit = credit_in(tx, credit_id).await?;
        let from = release_in(tx, &credit, act).await?;
        act.trail_in(tx, "credit.released", &credit, from.as_deref().unwrap_or_default()).await?;
        Ok(from)
    })
}

/// Says that a doubtful credit is the one we have already: it enters no book. A statement line of its own still would.
///
/// # Errors
/// An unknown credit, or one that is in the books or not in doubt.
pub async fn same(store: &Store, credit_id: &str, act: &Act<'_>) -> Result<()> {
    transact!(store, |tx| same_in(tx, credit_id, act).await)
}

/// [`same`] in the caller's transaction.
///
/// # Errors
/// As [`same`].
pub async fn same_in(tx: &mut Tx, credit_id: &str, act: &Act<'_>) -> Result<()> {
    let credit = credit_in(tx, credit_id).await?;
    let standing = Standing::of_in(tx, &[credit_id]).await?;
    act.check_seen(standing.newest.get(credit_id))?;
    let is_held = standing.newest.get(credit_id).is_some_and(|newest| newest.kind == "hold");
    let is_doubtful = Doubt::of_code(&credit.doubt) != Doubt::None && !standing.proved.contains(credit_id);
    if !is_held || !is_doubtful || standing.received.contains(credit_id) {
        return Err(conflict(
            "credit-not-doubtful",
            "Khoản tiền này không còn ở trạng thái nghi trùng.",
            "This credit is not in doubt (any more).",
        )
        .into());
    }
    decide_in(tx, &credit, standing.next_turn(credit_id)?, "same", (None, None), act).await?;
    act.trail_in(tx, "credit.same", &credit, "").await
}

/// [`assign`] in the caller's transaction.
///
/// # Errors
/// As [`assign`].
pub async fn assign_in(
    tx: &mut Tx,
    vault: &Vault,
    credit_id: &str,
    invoice_id: &str,
    act: &Act<'_>,
) -> Result<Assigned> {
    let credit = credit_in(tx, credit_id).await?;
    let standing = Standing::of_in(tx, &[credit_id]).await?;
    act.check_seen(standing.newest.get(credit_id))?;
    let is_held =
        standing.newest.get(credit_id).is_some_and(|newest| matches!(newest.kind.as_str(), "hold" | "release"));
    if !is_held {
        return Err(not_held().into());
    }
    if !standing.received.contains(credit_id) {
        // A doubt that a person clears: the money enters the books now.
        let sides = vec![turn::money_in(&credit), turn::unknown(&credit)];
        let mut entries = vec![Entry::new(turn::received(&credit, act.at).by(act.actor, act.note), sides)?];
        if standing.proved.contains(credit_id) && !standing.proof_posted.contains(credit_id) {
            entries.push(turn::proved(&credit, act.at)?);
        }
        ledger::post_in(tx, &entries).await?;
    }
    let turn = standing.next_turn(credit_id)?;
    let assigned = apply_in(tx, vault, &credit, invoice_id, turn, act).await?;
    act.trail_in(tx, "credit.assigned", &credit, invoice_id).await?;
    Ok(assigned)
}

/// [`move_to`] in the caller's transaction.
///
/// # Errors
/// As [`move_to`].
pub async fn move_to_in(
    tx: &mut Tx,
    vault: &Vault,
    credit_id: &str,
    invoice_id: &str,
    act: &Act<'_>,
) -> Result<Assigned> {
    let credit = credit_in(tx, credit_id).await?;
    let from = release_in(tx, &credit, act).await?;
    if from.as_deref() == Some(invoice_id) {
        return Err(conflict(
            "credit-there-already",
            "Khoản tiền này đã ở phiếu đó rồi.",
            "This credit is on that invoice already.",
        )
        .into());
    }
    let turn = Standing::of_in(tx, &[credit_id]).await?.next_turn(credit_id)?;
    let mut assigned = apply_in(tx, vault, &credit, invoice_id, turn, act).await?;
    act.trail_in(tx, "credit.moved", &credit, invoice_id).await?;
    assigned.invoices.extend(from);
    Ok(assigned)
}

/// From suspense to an invoice's lines, with a receipt.
async fn apply_in(
    tx: &mut Tx,
    vault: &Vault,
    credit: &Credit,
    invoice_id: &str,
    turn: i64,
    act: &Act<'_>,
) -> Result<Assigned> {
    let invoice = payable_in(tx, credit, invoice_id).await?;
    let paid = ledger::paid_by_line_in(tx, std::slice::from_ref(&invoice.id)).await?;
    let so_far = |line| paid.get(&(invoice.id.clone(), line)).copied().unwrap_or_default();
    let allocation = allocate(&invoice.lines, so_far, credit.amount);
    let mut sides = vec![turn::unknown(credit).mirrored()];
    sides.extend(turn::given(&invoice, &allocation, &credit.id)?);
    let head = Head::new(&credit.school_id, Cause::Applied(credit.id.clone(), turn), act.at);
    let entry = Entry::new(head.about_invoice(&invoice.id).by(act.actor, act.note), sides)?;
    if ledger::post_in(tx, std::slice::from_ref(&entry)).await?.is_empty() {
        return Err(not_held().into());
    }
    decide_in(tx, credit, turn, "assign", (Some(&invoice.id), Some(entry.id())), act).await?;
    let posted = turn::posted(credit, &invoice, &allocation, entry.id());
    let receipts = receipts::number_in(tx, vault, act.at, &[posted]).await?;
    let receipt = receipts.first().ok_or_else(|| Fault::new("assign a credit: no receipt was numbered"))?;
    let mut happened = vec![turn::happened(credit, Event::CreditAssigned, Some(&invoice.id))];
    happened.push(turn::issued(receipt));
    outbox::promise_in(tx, act.at, &happened).await?;
    Ok(Assigned {
        entry_id: entry.id().to_owned(),
        receipt_id: receipt.id.clone(),
        surplus: allocation.surplus,
        invoices: vec![invoice.id],
    })
}

/// From wherever a credit's money stands back to suspense. Tells the invoice it was on.
pub(super) async fn release_in(tx: &mut Tx, credit: &Credit, act: &Act<'_>) -> Result<Option<String>> {
    let standing = Standing::of_in(tx, &[&credit.id]).await?;
    let newest = standing.newest.get(&credit.id);
    act.check_seen(newest)?;
    let Some(newest) = newest.filter(|newest| matches!(newest.kind.as_str(), "settle" | "part" | "over" | "assign"))
    else {
        return Err(conflict(
            "credit-not-applied",
            "Khoản tiền này chưa ở phiếu nào.",
            "This credit is on no invoice.",
        )
        .into());
    };
    let turn = newest.turn + 1;
    // What a void moved to the family in between is taken from there: the sum of all sides is what stands.
    let stands = ledger::standing_of_credit_in(tx, &credit.id).await?;
    let mut sides: Vec<Posting> = stands.iter().map(Posting::mirrored).collect();
    sides.push(turn::unknown(credit));
    if stands.iter().any(|posting| posting.account == Account::SuspenseUnidentified) {
        return Err(Fault::new("release a credit that is in suspense already").into());
    }
    let head = Head::new(&credit.school_id, Cause::Released(credit.id.clone(), turn), act.at);
    let head = head.by(act.actor, act.note).reversing(newest.entry_id.clone());
    let head = Head { invoice_id: newest.invoice_id.clone(), ..head };
    let entry = Entry::new(head, sides)?;
    if ledger::post_in(tx, std::slice::from_ref(&entry)).await?.is_empty() {
        return Err(not_held().into());
    }
    decide_in(tx, credit, turn, "release", (newest.invoice_id.as_deref(), Some(entry.id())), act).await?;
    let old = newest.entry_id.as_deref().unwrap_or_default();
    let void = receipts::void_of_entry_in(tx, old, act.at, act.actor, act.note).await?;
    let mut happened = vec![turn::happened(credit, Event::CreditReleased, newest.invoice_id.as_deref())];
    happened.extend(void.map(|receipt| Happened { kind: Event::ReceiptVoid, ..turn::issued(&receipt) }));
    outbox::promise_in(tx, act.at, &happened).await?;
    Ok(newest.invoice_id.clone())
}

pub(super) async fn credit_in(tx: &mut Tx, credit_id: &str) -> Result<Credit> {
    tx.optional(&sql::CREDIT, args![credit_id]).await?.ok_or_else(|| Refusal::absent().into())
}

/// The invoice, when this credit may go to it.
async fn payable_in(tx: &mut Tx, credit: &Credit, invoice_id: &str) -> Result<Claim> {
    let invoice = fees::invoice_in(tx, invoice_id).await?;
    let invoice = invoice.filter(|invoice| invoice.school_id == credit.school_id).ok_or_else(Refusal::absent)?;
    if invoice.lifecycle != Lifecycle::Open {
        return Err(conflict("invoice-void", "Phiếu này đã hủy.", "This invoice is void.").into());
    }
    Ok(invoice)
}

pub(super) async fn decide_in(
    tx: &mut Tx,
    credit: &Credit,
    turn: i64,
    kind: &str,
    (invoice_id, entry_id): (Option<&str>, Option<&str>),
    act: &Act<'_>,
) -> Result<()> {
    let row: Vec<Arg> = args![&credit.id, turn, kind, "", invoice_id, entry_id, act.at, act.actor, act.note];
    tx.insert_many(&sql::INSERT_DECISIONS, vec![row]).await?;
    if matches!(kind, "hold" | "release") {
        tx.insert_many(&sql::ADD_HELD, vec![args![&credit.id, &credit.school_id, credit.value_at]]).await?;
    } else {
        let _: Vec<String> = tx.all_in(&sql::END_HELD, args![&credit.id]).await?;
    }
    Ok(())
}

fn stated(note: &str) -> Result<&str, Refusal> {
    let note = note.trim();
    if note.is_empty() || note.chars().count() > 500 {
        return Err(Refusal::new(
            Kind::Meaning,
            "no-reason",
            "Hãy ghi lý do, không quá 500 chữ.",
            "Please give a reason of at most 500 letters.",
        ));
    }
    Ok(note)
}

pub(super) fn not_held() -> Refusal {
    conflict(
        "credit-not-held",
        "Khoản tiền này không còn chờ xử lý: có thể đã được xử lý rồi.",
        "This credit does not wait (any more): somebody may have dealt with it.",
    )
}

fn conflict(code: &'static str, vi: &str, en: &str) -> Refusal {
    Refusal::new(Kind::Conflict, code, vi, en)
}
