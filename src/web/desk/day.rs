//! *Ngày*: what the bank told, what its statement shows, what the books have, and what is missing between them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::upload::{STATEMENT_MOST, Upload};
use crate::fault::{Refusal, Result};
use crate::inbox::{self, DayCredit, DayView, Debit, Unreadable};
use crate::matching;
use crate::money::Dong;
use crate::roll;
use crate::statements::{self, Missing};
use crate::time::{Day, Moment};
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::mendable;
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::DeskWords;

#[derive(Template)]
#[template(path = "desk/day.html", whitespace = "minimize")]
struct DayPage {
    frame: Frame,
    w: &'static DeskWords,
    done: String,
    day: String,
    iso: Day,
    before: Day,
    after: Day,
    view: DayView,
    verdict: &'static str,
    verdict_class: &'static str,
    rows: Vec<Row>,
    accounts: Vec<(String, String)>,
    unreadable: Vec<Unreadable>,
    debits: Vec<Debit>,
    missing: Vec<Missing>,
    /// Credit, amount and time of what the bank took back and the books still have.
    reversed: Vec<(String, Dong, String)>,
}

struct Row {
    id: String,
    at: String,
    amount: Dong,
    is_proved: bool,
    code: &'static str,
    word: &'static str,
}

/// Which day, and what an upload came to: `lines.new.met.already`.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    day: String,
    #[serde(default)]
    read: String,
}

pub(super) async fn page(
    State(house): State<Arc<House>>,
    desk: Desk,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let day = Day::parse(&asked.day).unwrap_or_else(|| house.clock.now().day());
    let page = shown(&house, &desk, day).await?;
    show(&DayPage { done: said(&asked.read, page.w), ..page })
}

async fn shown(house: &House, desk: &Desk, day: Day) -> Result<DayPage> {
    let w = &desk.seat.words().desk;
    let view = inbox::day(&house.store, &desk.school.id, day).await?;
    let accounts = roll::accounts_of(&house.store, &desk.school.id).await?;
    let (verdict, verdict_class) = verdict(&view, w);
    Ok(DayPage {
        frame: Frame::desk(desk, format!("{} {}", w.day, day.vietnamese())).at("/desk/day"),
        done: String::new(),
        day: day.vietnamese(),
        iso: day,
        before: day.plus_days(-1),
        after: day.plus_days(1),
        verdict,
        verdict_class,
        rows: view.credits.iter().map(|credit| row(credit, w)).collect(),
        view,
        accounts: accounts.iter().map(|account| (account.id.clone(), super::account_label(account))).collect(),
        unreadable: inbox::unreadable(&house.store, &desk.school.id, 50).await?,
        debits: inbox::debits(&house.store, &desk.school.id, day).await?,
        missing: statements::missing(&house.store, &desk.school.id, house.clock.now().day()).await?,
        reversed: reversed(house, desk).await?,
        w,
    })
}

async fn reversed(house: &House, desk: &Desk) -> Result<Vec<(String, Dong, String)>> {
    let mut found = Vec::new();
    for id in inbox::reversed(&house.store, &desk.school.id, 50).await? {
        let credit = matching::shown(&house.store, &id).await?;
        found.extend(credit.map(|credit| (credit.id, credit.amount, credit.value_at.vietnamese())));
    }
    Ok(found)
}

fn verdict(view: &DayView, w: &'static DeskWords) -> (&'static str, &'static str) {
    match view.difference.get() {
        0 if view.credits.is_empty() => (w.no_money, "note"),
        0 => (w.balanced, "note"),
        difference if difference > 0 => (w.missing_statement, "note careful"),
        _ => (w.missing_books, "note careful"),
    }
}

fn row(credit: &DayCredit, w: &'static DeskWords) -> Row {
    let (code, word) = match credit.kind.as_deref() {
        Some("hold" | "release") => ("held", super::credits::sentence(credit.reason.as_deref().unwrap_or_default(), w)),
        Some(kind @ "part") => ("part", (w.step)(kind)),
        Some(kind @ "over") => ("over", (w.step)(kind)),
        Some(kind @ "same") => ("void", (w.step)(kind)),
        Some(kind) => ("paid", (w.step)(kind)),
        None => ("draft", w.waiting),
    };
    Row {
        id: credit.id.clone(),
        at: credit.told_at.map_or_else(|| w.only_statement.to_owned(), Moment::vietnamese),
        amount: credit.amount,
        is_proved: credit.line_id.is_some(),
        code,
        word,
    }
}

fn said(read: &str, w: &DeskWords) -> String {
    let counts: Vec<usize> = read.split('.').filter_map(|count| count.parse().ok()).collect();
    match counts[..] {
        [lines, new, met, already] => (w.statement_done)(lines, new, met, already),
        _ => String::new(),
    }
}

/// Takes the bank's file as it is. The same or an overlapping file doubles nothing.
pub(super) async fn take(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    upload: Upload,
) -> Result<Response, Failure> {
    let done = upload
        .once
        .run(&house, async {
            upload.at_most(STATEMENT_MOST)?;
            let account = roll::account(&house.store, upload.field("account")).await?;
            let account = account.filter(|account| account.school_id == desk.school.id).ok_or_else(Refusal::absent)?;
            let file = statements::Upload {
                account: Some((account.bank_bin, account.number)),
                school: Some(desk.school.id.clone()),
                filename: upload.name.clone(),
                bytes: upload.bytes.clone(),
                actor: desk.seat.person.id.clone(),
            };
            let sums = statements::import(&house.store, &house.vault, &house.clock, &file).await?;
            house.changed(&[]);
            let lines = sums.new + sums.already;
            let day = sums.last_day.map(|day| format!("day={day}&")).unwrap_or_default();
            Ok(format!("/desk/day?{day}read={lines}.{}.{}.{}", sums.found, sums.met, sums.already))
        })
        .await;
    let Some(refusal) = mendable(&done) else { return done };
    let page = shown(&house, &desk, house.clock.now().day()).await?;
    show_again(&DayPage { frame: page.frame.refusing(refusal), ..page }, refusal)
}
