//! *Ngày*: what the bank told, what its statement shows, what the books have, and what is missing between them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::connect::title_of;
use super::statements::{self, Lack};
use super::upload::{STATEMENT_MOST, Upload};
use crate::fault::{Refusal, Result};
use crate::inbox::{self, DayCredit, DayView, Debit, Unreadable};
use crate::matching;
use crate::money::Dong;
use crate::receipts;
use crate::roll;
use crate::statements::{self as files, Missing};
use crate::time::{Day, Moment};
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::mendable;
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::{DeskWords, StatementWords};

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
    s: &'static StatementWords,
    /// Where the receipts of this day and its month are printed.
    papers: Vec<(String, String)>,
    /// What the statements lack.
    gaps: Vec<Lack>,
    unreadable: Vec<Unread>,
    out: Vec<Out>,
    missing: Vec<Missing>,
    /// Credit, amount and time of what the bank took back and the books still have.
    reversed: Vec<(String, Dong, String)>,
}

/// A message that was proven and could not be read.
struct Unread {
    heard_at: Moment,
    connection_id: String,
    title: String,
    reason: String,
}

/// Money that left an account, or that the bank took back.
struct Out {
    at: String,
    amount: Dong,
    /// The credit that went back with it.
    credit: Option<String>,
    /// Does a person have to look at that credit?
    asks: bool,
    word: &'static str,
    /// What the bank wrote on its statement.
    memo: String,
}

struct Row {
    id: String,
    at: String,
    amount: Dong,
    is_proved: bool,
    code: &'static str,
    word: &'static str,
    /// The pupil and the class it went to.
    on: String,
    /// What the payer wrote, where somebody must read it.
    memo: String,
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
    let (s, gaps) = (&desk.seat.words().statements, statements::gaps(house, desk).await?);
    let has_gap = gaps.iter().any(|gap| gap.is_of(day));
    let (verdict, verdict_class) = if has_gap { (s.day_has_gap, "note careful") } else { verdict(&view, w) };
    Ok(DayPage {
        frame: Frame::desk(desk, format!("{} {}", w.day, day.vietnamese())).at("/desk/day"),
        done: String::new(),
        day: day.vietnamese(),
        iso: day,
        before: day.plus_days(-1),
        after: day.plus_days(1),
        verdict,
        verdict_class,
        rows: rows(house, &view.credits, w).await?,
        gaps,
        s,
        view,
        accounts: accounts.iter().map(|account| (account.id.clone(), super::account_label(account))).collect(),
        papers: papers(house, desk, day).await?,
        unreadable: unread(house, desk).await?,
        out: out(house, desk, day).await?,
        missing: files::missing(&house.store, &desk.school.id, house.clock.now().day()).await?,
        reversed: reversed(house, desk).await?,
        w,
    })
}

/// The addresses and names of the files in which the receipts of a day and of its month are printed; nothing where
/// there are none.
async fn papers(house: &House, desk: &Desk, day: Day) -> Result<Vec<(String, String)>> {
    let w = &desk.seat.words().desk;
    let (first, last) = (Day(day.0.first_of_month()), Day(day.0.last_of_month()));
    let of_month = (w.receipts_of_month)(&day.0.strftime("%m/%Y").to_string());
    let mut links = Vec::new();
    for (from, to, name) in [(day, day, (w.receipts_of_day)(&day.vietnamese())), (first, last, of_month)] {
        let files = receipts::files_of_school(&house.store, &desk.school.id, from, to).await?;
        for part in 1..=files {
            let of = if files > 1 { format!(", {}", (w.file_part)(part, files)) } else { String::new() };
            links.push((format!("/desk/receipts.pdf?from={from}&to={to}&part={part}"), format!("{name}{of}")));
        }
    }
    Ok(links)
}

async fn unread(house: &House, desk: &Desk) -> Result<Vec<Unread>> {
    let s = &desk.seat.words().setup;
    let unreadable = inbox::unreadable(&house.store, &desk.school.id, 50).await?;
    let shown = |one: Unreadable| {
        let title = title_of(house, &one.provider, s);
        Unread { heard_at: one.heard_at, connection_id: one.connection_id, title, reason: one.reason }
    };
    Ok(unreadable.into_iter().map(shown).collect())
}

/// What was told and what the statement has, each once: of equal sums of one day, as many as either knows.
async fn out(house: &House, desk: &Desk, day: Day) -> Result<Vec<Out>> {
    let w = &desk.seat.words().desk;
    let told = inbox::debits(&house.store, &desk.school.id, day).await?;
    let mut known: Vec<_> = told.iter().map(|debit| (debit.amount, debit.credit_id.clone())).collect();
    let mut out: Vec<Out> = told.into_iter().map(|debit| told_out(debit, w)).collect();
    for line in files::outgoing(&house.store, &house.vault, &desk.school.id, day).await? {
        let is_known = |(sum, credit): &(Dong, Option<String>)| {
            *sum == line.amount && (line.returns.is_none() || *credit == line.returns)
        };
        if let Some(at) = known.iter().position(is_known) {
            known.swap_remove(at);
            continue;
        }
        let asks = line.returns.is_some();
        let (at, word) = (line.value_at.vietnamese(), if asks { w.kind_returned } else { w.kind_out });
        out.push(Out { at, amount: line.amount, credit: line.returns, asks, word, memo: line.text });
    }
    Ok(out)
}

fn told_out(debit: Debit, w: &'static DeskWords) -> Out {
    let word = if debit.kind == "reversal" { w.kind_reversal } else { w.kind_out };
    let (at, asks) = (debit.value_at.vietnamese(), debit.asks());
    Out { at, amount: debit.amount, credit: debit.credit_id, asks, word, memo: String::new() }
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

/// The colour and the word of what was decided about a credit last.
pub(super) fn state(kind: Option<&str>, reason: Option<&str>, w: &'static DeskWords) -> (&'static str, &'static str) {
    match kind {
        Some("hold" | "release") => ("held", super::credits::sentence(reason.unwrap_or_default(), w)),
        Some(kind @ "part") => ("part", (w.step)(kind)),
        Some(kind @ "over") => ("over", (w.step)(kind)),
        Some(kind @ ("same" | "reversed" | "disowned")) => ("void", (w.step)(kind)),
        Some(kind) => ("paid", (w.step)(kind)),
        None => ("draft", w.waiting),
    }
}

/// The credits of a day, whose invoice each is on, and what the payer wrote on those that wait.
async fn rows(house: &House, credits: &[DayCredit], w: &'static DeskWords) -> Result<Vec<Row>> {
    let pupils = statements::pupils(house, credits.iter().filter_map(|credit| credit.invoice_id.as_deref())).await?;
    let mut rows = Vec::with_capacity(credits.len());
    for credit in credits {
        let (code, word) = state(credit.kind.as_deref(), credit.reason.as_deref(), w);
        let on = credit.invoice_id.as_ref().and_then(|invoice| pupils.get(invoice)).cloned().unwrap_or_default();
        let memo = match credit.kind.as_deref() {
            Some("hold" | "release") => super::credits::memo(house, &credit.id, w).await,
            _ => String::new(),
        };
        rows.push(Row {
            id: credit.id.clone(),
            at: credit.told_at.map_or_else(|| w.only_statement.to_owned(), Moment::vietnamese),
            amount: credit.amount,
            is_proved: credit.line_id.is_some(),
            code,
            word,
            on,
            memo,
        });
    }
    Ok(rows)
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
            let file = files::Upload {
                account: Some((account.bank_bin, account.number)),
                school: Some(desk.school.id.clone()),
                filename: upload.name.clone(),
                bytes: upload.bytes.clone(),
                actor: desk.seat.person.id.clone(),
            };
            let sums = files::import(&house.store, &house.vault, &house.clock, &file).await?;
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
