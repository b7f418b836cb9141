//! Taking an invoice back, and bringing it back.

use crate::access::{Deed, trail_in};
use crate::fault::{Kind, Refusal, Result};
use crate::ledger::{self, Cause, Entry, Head};
use crate::outbox::{self, Event, Happened};
use crate::store::{Store, Tx, args, transact};
use crate::time::{Clock, Moment};

use super::{Claim, Lifecycle, RunState, invoice_in, sql};

/// Who takes back what, when and why.
pub(super) struct Act<'a> {
    /// Does the whole run go?
    pub(super) is_undo: bool,
    pub(super) at: Moment,
    pub(super) actor: &'a str,
    pub(super) reason: &'a str,
}

/// Takes an invoice back: its entry is mirrored and what was paid on its lines becomes the family's credit.
///
/// # Errors
/// An unknown invoice, one that is void already, or no reason.
pub async fn void_invoice(store: &Store, clock: &Clock, invoice_id: &str, actor: &str, reason: &str) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| void_invoice_in(tx, invoice_id, now, actor, reason).await)
}

/// [`void_invoice`] in the caller's transaction.
///
/// # Errors
/// As [`void_invoice`].
pub async fn void_invoice_in(tx: &mut Tx, invoice_id: &str, now: Moment, actor: &str, reason: &str) -> Result<()> {
    let act = Act { is_undo: false, at: now, actor, reason: stated(reason)? };
    let invoice = invoice_in(tx, invoice_id).await?.ok_or_else(Refusal::absent)?;
    if invoice.lifecycle == Lifecycle::Void {
        return Err(conflict("invoice-void", "Phiếu này đã hủy rồi.", "This invoice is void already.").into());
    }
    void_in(tx, vec![invoice.clone()], &act).await?;
    done_in(tx, now, actor, Event::InvoiceVoid, &invoice).await
}

/// Brings a void invoice back under the same reference. What had been paid on it stays the family's credit, from where
/// a person gives it back.
///
/// # Errors
/// An unknown invoice, one that is open, one whose whole run was undone, or no reason.
pub async fn reinstate_invoice(
    store: &Store,
    clock: &Clock,
    invoice_id: &str,
    actor: &str,
    reason: &str,
) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| reinstate_invoice_in(tx, invoice_id, now, actor, reason).await)
}

/// Voids open invoices in one go.
pub(super) async fn void_in(tx: &mut Tx, open: Vec<Claim>, act: &Act<'_>) -> Result<()> {
    let mut events = Vec::with_capacity(open.len());
    let mut entries = Vec::with_capacity(open.len());
    for invoice in &open {
        let turn = invoice.turns + 1;
        events.push(args![&invoice.id, turn, "void", act.at, act.actor, act.reason]);
        let sides = ledger::void_postings_in(tx, &invoice.id, &invoice.family_id).await?;
        let cause =
            if act.is_undo { Cause::Undone(invoice.id.clone()) } else { Cause::Voided(invoice.id.clone(), turn) };
        let head = Head::new(&invoice.school_id, cause, act.at).by(act.actor, act.reason);
        entries.push(Entry::new(head, sides)?);
    }
    tx.insert_many(&sql::ADD_INVOICE_EVENTS, events).await?;
    ledger::post_in(tx, &entries).await?;
    Ok(())
}

/// [`reinstate_invoice`] in the caller's transaction.
///
/// # Errors
/// As [`reinstate_invoice`].
pub async fn reinstate_invoice_in(tx: &mut Tx, invoice_id: &str, now: Moment, actor: &str, reason: &str) -> Result<()> {
    let reason = stated(reason)?;
    let invoice = invoice_in(tx, invoice_id).await?.ok_or_else(Refusal::absent)?;
    if invoice.lifecycle == Lifecycle::Open {
        return Err(conflict("invoice-open", "Phiếu này đang mở.", "This invoice is open.").into());
    }
    let events: Vec<String> = tx.all(&sql::EVENTS_OF_RUN, args![&invoice.run_id]).await?;
    if RunState::of(events.iter().map(String::as_str)) >= RunState::Undoing {
        return Err(conflict("run-undone", "Cả đợt thu đã bị hủy.", "The whole run was undone.").into());
    }
    let turn = invoice.turns + 1;
    let (voided, sides) = ledger::reinstate_postings_in(tx, invoice_id).await?;
    let cause = Cause::Reinstated(invoice.id.clone(), turn);
    let head = Head::new(&invoice.school_id, cause, now).by(actor, reason).reversing(Some(voided));
    tx.insert_many(&sql::ADD_INVOICE_EVENTS, vec![args![invoice_id, turn, "reinstated", now, actor, reason]]).await?;
    ledger::post_in(tx, &[Entry::new(head, sides)?]).await?;
    done_in(tx, now, actor, Event::InvoiceReinstated, &invoice).await
}

/// What one invoice's turn leaves behind besides the books: a promise to tell, and a line in the trail.
async fn done_in(tx: &mut Tx, now: Moment, actor: &str, kind: Event, invoice: &Claim) -> Result<()> {
    let happened = Happened {
        school_id: invoice.school_id.clone(),
        kind,
        record_id: invoice.id.clone(),
        invoice_id: Some(invoice.id.clone()),
        amount: invoice.total,
    };
    outbox::promise_in(tx, now, &[happened]).await?;
    let school_id = Some(invoice.school_id.as_str());
    trail_in(tx, now, &Deed { actor, action: kind.code(), about: &invoice.id, school_id, detail: "" }).await
}

fn stated(reason: &str) -> Result<&str, Refusal> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(Refusal::new(
            Kind::Meaning,
            "no-reason",
            "Hãy ghi lý do, không quá 500 chữ.",
            "Please give a reason of at most 500 letters.",
        ));
    }
    Ok(reason)
}

fn conflict(code: &'static str, vi: &str, en: &str) -> Refusal {
    Refusal::new(Kind::Conflict, code, vi, en)
}
