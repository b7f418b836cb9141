//! Finding a pupil, and one pupil's account.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::Done;
use super::invoices::Row;
use crate::fault::{Kind, Refusal, Result};
use crate::fees::view::{self, PupilAccount};
use crate::fees::{self, FeeItem};
use crate::ledger;
use crate::money::Dong;
use crate::receipts;
use crate::roll::{self, ClassGroup, Found, Guardian, Pupil};
use crate::time::Day;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::{Form, mendable};
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::DeskWords;

/// So many pupils are listed; a longer word finds fewer.
const MOST_FOUND: i64 = 50;
/// Invoices on one page of a pupil.
const INVOICES: usize = 20;

#[derive(Template)]
#[template(path = "desk/pupils.html", whitespace = "minimize")]
struct PupilsPage {
    frame: Frame,
    w: &'static DeskWords,
    q: String,
    found: Vec<Found>,
    classes: Vec<ClassGroup>,
    class_id: String,
    sitting: Vec<Pupil>,
}

#[derive(Template)]
#[template(path = "desk/pupil.html", whitespace = "minimize")]
struct PupilPage {
    frame: Frame,
    w: &'static DeskWords,
    done: &'static str,
    pupil: Pupil,
    class_name: String,
    birth: String,
    owed: Dong,
    credit: Dong,
    invoices: Vec<Invoice>,
    /// The invoice that the next page goes on from.
    older: Option<String>,
    registered: Vec<String>,
    voluntary: Vec<(String, String)>,
    typed: Typed,
    base: String,
    guardians: Vec<Guardian>,
    siblings: Vec<Pupil>,
}

/// What stood in a refused form.
#[derive(Default)]
pub(super) struct Typed {
    /// The invoice whose form it was.
    pub(super) invoice: String,
    pub(super) reason: String,
    pub(super) item: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// An invoice with its lines and receipts.
struct Invoice {
    row: fees::view::InvoiceRow,
    is_void: bool,
    code: &'static str,
    word: &'static str,
    time: String,
    page: String,
    lines: Vec<Line>,
    receipts: Vec<Receipt>,
}

struct Line {
    name: String,
    basis: String,
    payable: Dong,
    paid: Dong,
}

struct Receipt {
    id: String,
    number: String,
    day: String,
    amount: Dong,
    is_void: bool,
    credit_id: String,
}

/// The invoice that the page before ended with.
#[derive(Deserialize)]
pub(super) struct Before {
    #[serde(default)]
    before: String,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    class: String,
}

pub(super) async fn search(
    State(house): State<Arc<House>>,
    desk: Desk,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let w = &desk.seat.words().desk;
    let (store, school, today) = (&house.store, &desk.school.id, house.clock.now().day());
    let q = asked.q.replace('\0', "");
    let found = roll::search(store, school, &q, today, MOST_FOUND).await?;
    let year = roll::school_years_of(store, school).await?.into_iter().next().unwrap_or_default();
    let classes = roll::classes_of(store, school, &year).await?;
    let is_ours = classes.iter().any(|class| class.id == asked.class);
    let sitting = if is_ours { roll::pupils_of(store, &asked.class, today).await? } else { Vec::new() };
    show(&PupilsPage {
        frame: Frame::desk(&desk, w.pupils).at("/desk/pupils"),
        q: q.trim().to_owned(),
        class_id: asked.class,
        found,
        classes,
        sitting,
        w,
    })
}

/// A pupil's account at the desk's own school.
async fn own(house: &House, desk: &Desk, pupil_id: &str) -> Result<PupilAccount> {
    let found = view::pupil_account(&house.store, pupil_id, house.clock.now().day()).await?;
    Ok(found.filter(|found| found.pupil.school_id == desk.school.id).ok_or_else(Refusal::absent)?)
}

pub(super) async fn page(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path(pupil_id): Path<String>,
    Query(Before { before }): Query<Before>,
    Query(done): Query<Done>,
) -> Result<Response, Failure> {
    let page = shown(&house, &desk, (&pupil_id, &before), Typed::default()).await?;
    show(&PupilPage { done: done.say(page.w), ..page })
}

/// The pupil's page with a refused form as it was typed.
pub(super) async fn again(
    house: &House,
    desk: &Desk,
    pupil_id: &str,
    typed: Typed,
    refusal: &Refusal,
) -> Result<Response, Failure> {
    let page = shown(house, desk, (pupil_id, ""), typed).await?;
    show_again(&PupilPage { frame: page.frame.refusing(refusal), ..page }, refusal)
}

async fn shown(house: &House, desk: &Desk, (pupil_id, before): (&str, &str), mut typed: Typed) -> Result<PupilPage> {
    let w = &desk.seat.words().desk;
    let today = house.clock.now().day();
    if typed.from.is_empty() {
        typed.from = today.to_string();
    }
    let account = own(house, desk, pupil_id).await?;
    let before = before.replace('\0', "");
    let mut rows = view::invoices_of_pupil(&house.store, pupil_id, &before, INVOICES + 1).await?;
    let has_more = rows.len() > INVOICES;
    rows.truncate(INVOICES);
    let catalogue = fees::catalogue(&house.store).await?;
    let registered = fees::registrations_of(&house.store, pupil_id, today).await?;
    let family = roll::pupils_of_family(&house.store, &account.pupil.family_id).await?;
    Ok(PupilPage {
        frame: Frame::desk(desk, account.pupil.full_name.clone()).at("/desk/pupils"),
        done: "",
        class_name: account.class.map(|class| class.name).unwrap_or_default(),
        birth: account.pupil.birth_day.map(Day::vietnamese).unwrap_or_default(),
        owed: account.owed,
        credit: account.credit,
        older: rows.last().filter(|_| has_more).map(|last| last.id.clone()),
        invoices: invoices(house, rows, w, today).await?,
        registered: names(&catalogue, &registered),
        voluntary: voluntary(catalogue),
        base: house.public_url().to_owned(),
        typed,
        guardians: account.guardians,
        siblings: family.into_iter().filter(|one| one.id != pupil_id).collect(),
        pupil: account.pupil,
        w,
    })
}

fn names(catalogue: &[FeeItem], ids: &[String]) -> Vec<String> {
    catalogue.iter().filter(|item| ids.contains(&item.id)).map(|item| item.official_name.clone()).collect()
}

fn voluntary(catalogue: Vec<FeeItem>) -> Vec<(String, String)> {
    let voluntary = catalogue.into_iter().filter(|item| item.necessity == "voluntary");
    voluntary.map(|item| (item.id, item.official_name)).collect()
}

async fn invoices(house: &House, rows: Vec<fees::view::InvoiceRow>, w: &DeskWords, today: Day) -> Result<Vec<Invoice>> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let whole = fees::invoices(&house.store, &ids).await?;
    let paid = ledger::paid_by_line(&house.store, &ids).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let lines = whole.iter().find(|invoice| invoice.id == row.id).map(|invoice| invoice.lines.as_slice());
        let lines = lines.unwrap_or_default().iter().map(|line| Line {
            name: line.official_name.clone(),
            basis: line.legal_basis.clone(),
            payable: line.payable,
            paid: paid.get(&(row.id.clone(), line.position)).copied().unwrap_or_default(),
        });
        let lines = lines.collect();
        let receipts = receipts::of_invoice(&house.store, &row.id).await?;
        let Row { row, is_void, code, word, time, page } = Row::of(row, house, w, today);
        let receipts = receipts.into_iter().map(|receipt| Receipt {
            id: receipt.id.clone(),
            number: receipt.printed_number(),
            day: receipt.issued_at.day().vietnamese(),
            amount: receipt.amount,
            is_void: receipt.void_reason.is_some(),
            credit_id: receipt.credit_id,
        });
        shown.push(Invoice { receipts: receipts.collect(), row, is_void, code, word, time, page, lines });
    }
    Ok(shown)
}

#[derive(Deserialize)]
pub(super) struct Registration {
    #[serde(default)]
    item: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

pub(super) async fn register(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(pupil_id): Path<String>,
    form: Form<Registration>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            own(&house, &desk, &pupil_id).await?;
            let asked = &form.fields;
            let from = Day::parse(&asked.from).ok_or_else(no_day)?;
            let to = match asked.to.trim() {
                "" => None,
                text => Some(Day::parse(text).ok_or_else(no_day)?),
            };
            let actor = &desk.seat.person.id;
            fees::register(&house.store, &house.clock, &pupil_id, &asked.item, from, to, actor).await?;
            Ok(format!("/desk/pupils/{pupil_id}?done=registered"))
        })
        .await;
    let Some(refusal) = mendable(&done) else { return done };
    let Registration { item, from, to } = form.fields;
    again(&house, &desk, &pupil_id, Typed { item, from, to, ..Typed::default() }, refusal).await
}

fn no_day() -> Refusal {
    Refusal::new(Kind::Meaning, "no-day", "Hãy chọn một ngày có trong lịch.", "Choose a day that is in the calendar.")
}
