//! Money a person must look at: the list, one credit, and what may be done with it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::Done;
use super::money_back::{self, Beside};
use super::near::{self, Perhaps};
use crate::access;
use crate::fault::{Refusal, Result};
use crate::fees::view::{self, InvoiceRow};
use crate::fees::{self, Lifecycle};
use crate::ids::PaymentReference;
use crate::inbox;
use crate::matching::{self, Act, Shown};
use crate::money::Dong;
use crate::roll;
use crate::statements;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::{Form, mendable};
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::DeskWords;

/// Held credits on one page, the oldest first.
const HELD: usize = 100;
/// So many pupils are looked through for open invoices.
const MOST_PUPILS: i64 = 20;
/// So many invoices of each are offered, the newest; an older one is found by its reference.
const MOST_INVOICES: usize = 24;

#[derive(Template)]
#[template(path = "desk/held.html", whitespace = "minimize")]
struct HeldPage {
    frame: Frame,
    w: &'static DeskWords,
    done: &'static str,
    said_count: String,
    credits: Vec<Waiting>,
    /// With what the next page begins.
    next: Option<String>,
}

/// `1795309200000.crd_…`: the credit that the page before ended with.
#[derive(Deserialize)]
pub(super) struct HeldAsked {
    #[serde(default)]
    after: String,
}

/// A held credit in the list.
struct Waiting {
    id: String,
    amount: Dong,
    sentence: &'static str,
    at: String,
    memo: String,
    perhaps: Option<Perhaps>,
}

#[derive(Template)]
#[template(path = "desk/credit.html", whitespace = "minimize")]
struct CreditPage {
    frame: Frame,
    w: &'static DeskWords,
    done: &'static str,
    id: String,
    amount: Dong,
    sentence: &'static str,
    at: String,
    memo: String,
    account: String,
    is_proved: bool,
    /// What the statement says, where it is not what was told.
    line_memo: Option<String>,
    turn: i64,
    twin: Option<String>,
    on: Option<(String, String)>,
    can_be_same: bool,
    can_assign: bool,
    /// The invoices of which its reference is one symbol off.
    perhaps: Vec<Perhaps>,
    q: String,
    /// What the search begins with where nobody searched yet.
    lead: String,
    choices: Vec<Choice>,
    chosen: String,
    note: String,
    same_note: String,
    story: Vec<Told>,
    beside: Beside,
}

/// An open invoice the money may go to.
struct Choice {
    id: String,
    pupil: String,
    /// Two children of one name are told apart by it.
    code: String,
    class_name: String,
    run_title: String,
    reference: String,
    total: Dong,
    owed: Dong,
    is_exact: bool,
}

/// One step of a credit's story.
struct Told {
    what: String,
    at: String,
    who: String,
    note: String,
}

/// The sentence of a hold reason; empty after a release.
pub(super) fn sentence(reason: &str, w: &DeskWords) -> &'static str {
    match reason {
        "no_reference" => w.hold_no_reference,
        "unknown_reference" => w.hold_unknown_reference,
        matching::NEAR_REFERENCE => w.hold_near_reference,
        "two_references" => w.hold_two_references,
        "other_account" => w.hold_other_account,
        "invoice_not_open" => w.hold_invoice_not_open,
        "maybe_same_credit" => w.hold_maybe_same_credit,
        "told_differently" => w.hold_told_differently,
        _ => w.hold_released,
    }
}

/// The transfer's text. It is opened for the page and goes nowhere else; one whose key was erased is empty.
pub(super) async fn memo(house: &House, credit_id: &str, w: &DeskWords) -> String {
    let memo = inbox::open_memo(&house.store, &house.vault, credit_id).await.unwrap_or_default();
    if memo.trim().is_empty() { w.no_memo.to_owned() } else { memo }
}

pub(super) async fn held(
    State(house): State<Arc<House>>,
    desk: Desk,
    Query(asked): Query<HeldAsked>,
    Query(done): Query<Done>,
) -> Result<Response, Failure> {
    let w = &desk.seat.words().desk;
    let mut credits = Vec::new();
    let mut held = matching::held(&house.store, &desk.school.id, super::place(&asked.after), HELD + 1).await?;
    let has_more = held.len() > HELD;
    held.truncate(HELD);
    let next = held.last().filter(|_| has_more).map(|last| super::cursor(last.value_at, &last.id));
    let reasons = held.iter().map(|one| (one.id.as_str(), one.reason.as_str()));
    let mut near = near::of_credits(&house, &desk, reasons).await?;
    for one in held {
        let perhaps = near.remove(&one.id).unwrap_or_default().into_iter().next();
        credits.push(Waiting {
            memo: memo(&house, &one.id, w).await,
            sentence: sentence(if perhaps.is_some() { matching::NEAR_REFERENCE } else { &one.reason }, w),
            perhaps,
            at: one.value_at.vietnamese(),
            amount: one.amount,
            id: one.id,
        });
    }
    show(&HeldPage {
        frame: Frame::desk(&desk, w.held).at("/desk/held"),
        done: done.say(w),
        said_count: (w.held_count)(matching::held_count(&house.store, &desk.school.id).await?),
        credits,
        next,
        w,
    })
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
}

/// A credit of the desk's own school.
pub(super) async fn own(house: &House, desk: &Desk, credit_id: &str) -> Result<Shown> {
    let found = matching::shown(&house.store, credit_id).await?;
    Ok(found.filter(|found| found.school_id == desk.school.id).ok_or_else(Refusal::absent)?)
}

fn is_held(credit: &Shown) -> bool {
    matches!(credit.kind.as_deref(), Some("hold" | "release"))
}

fn is_on_invoice(credit: &Shown) -> bool {
    matches!(credit.kind.as_deref(), Some("settle" | "part" | "over" | "assign"))
}

pub(super) async fn page(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path(credit_id): Path<String>,
    Query(asked): Query<Asked>,
    Query(done): Query<Done>,
) -> Result<Response, Failure> {
    let q = asked.q.replace('\0', "").trim().to_owned();
    let page = shown(&house, &desk, credit_id, q).await?;
    show(&CreditPage { done: done.say(page.w), ..page })
}

async fn shown(house: &House, desk: &Desk, credit_id: String, q: String) -> Result<CreditPage> {
    let w = &desk.seat.words().desk;
    let credit = own(house, desk, &credit_id).await?;
    let reason = credit.reason.clone().unwrap_or_default();
    let in_doubt = matches!(reason.as_str(), "maybe_same_credit" | "told_differently");
    let account = roll::account(&house.store, &credit.account_id).await?;
    let choices = choices(house, desk, &q, &credit).await?;
    let memo = memo(house, &credit_id, w).await;
    let told = std::iter::once((credit_id.as_str(), reason.as_str())).filter(|_| is_held(&credit));
    let perhaps = near::of_credits(house, desk, told).await?.remove(&credit_id).unwrap_or_default();
    let is_lost = is_held(&credit) && perhaps.is_empty() && q.is_empty();
    let lead = if is_lost { near::lead(house, desk, &credit_id).await? } else { String::new() };
    Ok(CreditPage {
        frame: Frame::desk(desk, credit.amount.to_string()).at("/desk/held"),
        done: "",
        chosen: String::new(),
        note: String::new(),
        same_note: String::new(),
        sentence: match credit.kind.as_deref() {
            _ if !perhaps.is_empty() => w.hold_near_reference,
            _ if is_held(&credit) => sentence(&reason, w),
            Some(kind) => (w.step)(kind),
            None => w.waiting,
        },
        at: credit.value_at.vietnamese(),
        account: account.as_ref().map(super::account_label).unwrap_or_default(),
        is_proved: credit.line_id.is_some(),
        line_memo: line_memo(house, &credit, &memo).await,
        turn: credit.turn,
        memo,
        twin: if is_held(&credit) { matching::twin(&house.store, &credit_id).await? } else { None },
        on: on(house, &credit).await?,
        can_be_same: is_held(&credit) && in_doubt && credit.line_id.is_none(),
        can_assign: is_held(&credit) || is_on_invoice(&credit),
        story: story(house, &credit_id, w).await?,
        beside: money_back::beside(house, desk, &credit, w).await?,
        amount: credit.amount,
        id: credit_id,
        choices,
        perhaps,
        lead,
        q,
        w,
    })
}

/// The credit's page with the sentence of a refusal.
pub(super) async fn refused(
    house: &House,
    desk: &Desk,
    credit_id: String,
    refusal: &Refusal,
) -> Result<Response, Failure> {
    let page = shown(house, desk, credit_id, String::new()).await?;
    show_again(&CreditPage { frame: page.frame.refusing(refusal), ..page }, refusal)
}

/// The statement's words, where they are not the telling's: a transfer without a reference may be shown by a line that
/// another bank's notice told otherwise, and the statement is right.
async fn line_memo(house: &House, credit: &Shown, memo: &str) -> Option<String> {
    let line = credit.line_id.as_deref()?;
    let said = statements::open_memo(&house.store, &house.vault, line).await.ok()?;
    (said.trim() != memo.trim()).then_some(said).filter(|said| !said.trim().is_empty())
}

/// The pupil on whose invoice the money is.
async fn on(house: &House, credit: &Shown) -> Result<Option<(String, String)>> {
    let Some(id) = credit.invoice_id.as_deref().filter(|_| is_on_invoice(credit)) else { return Ok(None) };
    let found = view::page_of(&house.store, id).await?;
    Ok(found.map(|page| (page.pupil.id, format!("{} · {}", page.pupil.full_name, page.run_title))))
}

async fn choices(house: &House, desk: &Desk, q: &str, credit: &Shown) -> Result<Vec<Choice>> {
    let today = house.clock.now().day();
    let mut rows: Vec<InvoiceRow> = Vec::new();
    for reference in PaymentReference::find_all(q) {
        let invoice = fees::by_reference(&house.store, &reference.to_string()).await?;
        let Some(invoice) = invoice.filter(|invoice| invoice.school_id == desk.school.id) else { continue };
        rows.extend(view::invoices_by_id(&house.store, &[invoice.id]).await?);
    }
    if rows.is_empty() {
        for pupil in roll::search(&house.store, &desk.school.id, q, today, MOST_PUPILS).await? {
            rows.extend(view::invoices_of_pupil(&house.store, &pupil.id, "", MOST_INVOICES).await?);
        }
    }
    let is_choice = |row: &InvoiceRow| row.lifecycle == Lifecycle::Open && Some(&row.id) != credit.invoice_id.as_ref();
    let mut choices: Vec<Choice> = rows
        .into_iter()
        .filter(is_choice)
        .map(|row| Choice {
            is_exact: row.money.owed == credit.amount,
            pupil: row.pupil_name,
            code: row.pupil_code,
            class_name: row.class_name,
            run_title: row.run_title,
            reference: row.reference,
            total: row.total,
            owed: row.money.owed,
            id: row.id,
        })
        .collect();
    // What is still owed stands first, and what is owed exactly before it.
    choices.sort_by_key(|choice| (!choice.is_exact, !choice.owed.is_positive()));
    Ok(choices)
}

async fn story(house: &House, credit_id: &str, w: &DeskWords) -> Result<Vec<Told>> {
    let mut told = Vec::new();
    for step in matching::story(&house.store, credit_id).await? {
        let who = access::person(&house.store, &step.actor).await?;
        let why = if step.kind == "hold" { format!(": {}", sentence(&step.reason, w)) } else { String::new() };
        told.push(Told {
            what: format!("{}{why}", (w.step)(&step.kind)),
            at: step.at.vietnamese(),
            who: who.map_or_else(|| w.by_program.to_owned(), |person| person.name),
            note: step.note,
        });
    }
    Ok(told)
}

#[derive(Deserialize)]
pub(super) struct Assignment {
    #[serde(default)]
    invoice: String,
    #[serde(default)]
    note: String,
    /// What was searched for, so that a refused form finds the same invoices.
    #[serde(default)]
    q: String,
    /// The turn of the decision that stood on the page.
    turn: Option<i64>,
}

/// Gives a held credit to an invoice, or moves one that went to the wrong child: one act either way.
pub(super) async fn assign(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(credit_id): Path<String>,
    form: Form<Assignment>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            let credit = own(&house, &desk, &credit_id).await?;
            let (store, vault, asked) = (&house.store, &house.vault, &form.fields);
            let act = Act::new(house.clock.now(), &desk.seat.person.id, &asked.note)?.having_seen(asked.turn);
            if is_on_invoice(&credit) {
                let moved = matching::move_to(store, vault, &credit_id, &asked.invoice, &act).await?;
                house.changed(&moved.invoices);
                return Ok(format!("/desk/credits/{credit_id}?done=moved"));
            }
            let assigned = matching::assign(store, vault, &credit_id, &asked.invoice, &act).await?;
            house.changed(&assigned.invoices);
            Ok("/desk/held?done=assigned".to_owned())
        })
        .await;
    let Some(refusal) = mendable(&done) else { return done };
    let Assignment { invoice, note, q, .. } = form.fields;
    let page = shown(&house, &desk, credit_id, q.replace('\0', "").trim().to_owned()).await?;
    let frame = page.frame.refusing(refusal);
    show_again(&CreditPage { frame, chosen: invoice, note, ..page }, refusal)
}

#[derive(Deserialize)]
pub(super) struct Why {
    #[serde(default)]
    note: String,
    /// The turn of the decision that stood on the page.
    turn: Option<i64>,
}

pub(super) async fn same(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(credit_id): Path<String>,
    form: Form<Why>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            own(&house, &desk, &credit_id).await?;
            let Why { note, turn } = &form.fields;
            let act = Act::new(house.clock.now(), &desk.seat.person.id, note)?.having_seen(*turn);
            matching::same(&house.store, &credit_id, &act).await?;
            Ok("/desk/held?done=same".to_owned())
        })
        .await;
    let Some(refusal) = mendable(&done) else { return done };
    let page = shown(&house, &desk, credit_id, String::new()).await?;
    let frame = page.frame.refusing(refusal);
    show_again(&CreditPage { frame, same_note: form.fields.note, ..page }, refusal)
}
