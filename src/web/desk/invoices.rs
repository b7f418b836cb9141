//! A class's invoices, on the screen and on one sheet of paper; and taking one invoice back.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::pupils::{self, Typed};
use super::run::{self, Why};
use crate::fault::{Refusal, Result};
use crate::fees::view::{self, InvoiceRow};
use crate::fees::{self, Due, Lifecycle, Position, Run, Tally, tally};
use crate::time::Day;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::{Form, mendable};
use crate::web::frame::{Frame, show};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::DeskWords;

#[derive(Template)]
#[template(path = "desk/class.html", whitespace = "minimize")]
struct ClassPage {
    frame: Frame,
    w: &'static DeskWords,
    run: Run,
    class_id: String,
    class_name: String,
    classes: Vec<Tally>,
    sums: Tally,
    rows: Vec<Row>,
    base: String,
}

/// One invoice as a list shows it: a word and a colour for its money, and a few words for its time.
pub(super) struct Row {
    pub(super) row: InvoiceRow,
    pub(super) is_void: bool,
    pub(super) code: &'static str,
    pub(super) word: &'static str,
    pub(super) time: String,
    pub(super) page: String,
}

impl Row {
    pub(super) fn of(row: InvoiceRow, house: &House, w: &DeskWords, today: Day) -> Row {
        let is_void = row.lifecycle == Lifecycle::Void;
        let code = if is_void { "void" } else { row.money.position.code() };
        let owes = !is_void && matches!(row.money.position, Position::Unpaid | Position::Part);
        let time = match Due::of(row.due_day, today) {
            Due::Soon(days) if owes => (w.due_in)(days),
            Due::Overdue(days) if owes => (w.overdue)(days),
            _ => String::new(),
        };
        let page = format!("/p/{}", house.vault.master().page_token("invoice", &row.id));
        Row { is_void, code, word: (w.position)(code), time, page, row }
    }
}

pub(super) async fn class(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path((run_id, class_id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let w = &desk.seat.words().desk;
    let found = run::own(&house, &desk, &run_id).await?;
    let (classes, _) = tally(&view::invoices_of_run(&house.store, &run_id).await?);
    let sums = classes.iter().find(|one| one.class_group_id == class_id).cloned().ok_or_else(Refusal::absent)?;
    let rows = view::invoices_of_class(&house.store, &run_id, &class_id).await?;
    let today = house.clock.now().day();
    show(&ClassPage {
        frame: Frame::desk(&desk, format!("{} {} - {}", w.class, sums.class_name, found.run.title)).at("/desk/runs"),
        class_name: sums.class_name.clone(),
        rows: rows.into_iter().map(|row| Row::of(row, &house, w, today)).collect(),
        base: house.public_url().to_owned(),
        run: found.run,
        class_id,
        classes,
        sums,
        w,
    })
}

/// The pupil of an invoice of the desk's own school.
pub(super) async fn own(house: &House, desk: &Desk, invoice_id: &str) -> Result<fees::OpenInvoice> {
    let found = fees::invoice(&house.store, invoice_id).await?;
    Ok(found.filter(|found| found.school_id == desk.school.id).ok_or_else(Refusal::absent)?)
}

pub(super) async fn void(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(invoice_id): Path<String>,
    form: Form<Why>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            let invoice = own(&house, &desk, &invoice_id).await?;
            let (actor, reason) = (&desk.seat.person.id, &form.fields.reason);
            fees::void_invoice(&house.store, &house.clock, &invoice_id, actor, reason).await?;
            house.changed(std::slice::from_ref(&invoice_id));
            Ok(format!("/desk/pupils/{}?done=void", invoice.pupil_id))
        })
        .await;
    again(&house, &desk, invoice_id, form.fields.reason, done).await
}

/// The answer, or the pupil's page with the refusal and the reason as it was typed.
async fn again(
    house: &House,
    desk: &Desk,
    invoice_id: String,
    reason: String,
    done: Result<Response, Failure>,
) -> Result<Response, Failure> {
    let Some(refusal) = mendable(&done) else { return done };
    let invoice = own(house, desk, &invoice_id).await?;
    let typed = Typed { invoice: invoice_id, reason, ..Typed::default() };
    pupils::again(house, desk, &invoice.pupil_id, typed, refusal).await
}

pub(super) async fn reinstate(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(invoice_id): Path<String>,
    form: Form<Why>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            let invoice = own(&house, &desk, &invoice_id).await?;
            let (actor, reason) = (&desk.seat.person.id, &form.fields.reason);
            fees::reinstate_invoice(&house.store, &house.clock, &invoice_id, actor, reason).await?;
            house.changed(std::slice::from_ref(&invoice_id));
            Ok(format!("/desk/pupils/{}?done=reinstated", invoice.pupil_id))
        })
        .await;
    again(&house, &desk, invoice_id, form.fields.reason, done).await
}
