//! The statement files of a school: how far each came, what it lacks, its lines, and sealing it.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::access;
use crate::fault::{Refusal, Result};
use crate::fees::view;
use crate::money::Dong;
use crate::roll;
use crate::statements::{self, File, FileLine, Gap, State as FileState};
use crate::time::Day;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::{Form, mendable};
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::{DeskWords, Language, StatementWords};

/// Files on one page.
const FILES: usize = 20;
/// Lines on one page.
const LINES: usize = 200;

#[derive(Template)]
#[template(path = "desk/statements.html", whitespace = "minimize")]
struct ListPage {
    frame: Frame,
    s: &'static StatementWords,
    files: Vec<Row>,
    gaps: Vec<Lack>,
    older: Option<String>,
}

/// A file in the list.
struct Row {
    file: File,
    name: String,
    account: String,
    colour: &'static str,
}

#[derive(Template)]
#[template(path = "desk/statement.html", whitespace = "minimize")]
struct FilePage {
    frame: Frame,
    w: &'static DeskWords,
    s: &'static StatementWords,
    done: &'static str,
    file: File,
    name: String,
    account: String,
    who: String,
    sealed: Option<String>,
    gaps: Vec<String>,
    lines: Vec<Line>,
    colour: &'static str,
    more: Option<i64>,
}

/// A line and what became of it.
struct Line {
    line: FileLine,
    code: &'static str,
    word: &'static str,
    on: String,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The file that the page before ended with.
    #[serde(default)]
    after: String,
}

#[derive(Deserialize)]
pub(super) struct FileAsked {
    /// The row that the page before ended with.
    #[serde(default)]
    after: i64,
    #[serde(default)]
    done: String,
}

/// A form with hidden fields alone.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// The colour of a file's state.
fn colour(state: FileState) -> &'static str {
    match state {
        FileState::Received => "unpaid",
        FileState::Read | FileState::Matched => "held",
        FileState::Chained => "draft",
        FileState::Explained | FileState::Sealed => "paid",
    }
}

pub(super) async fn list(
    State(house): State<Arc<House>>,
    desk: Desk,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let s = &desk.seat.words().statements;
    let today = house.clock.now().day();
    let mut found = statements::files(&house.store, &desk.school.id, &asked.after, FILES + 1, today).await?;
    let has_more = found.len() > FILES;
    found.truncate(FILES);
    let accounts = accounts(&house, &desk).await?;
    let mut files = Vec::with_capacity(found.len());
    for file in found {
        let name = file.name(&house.vault).await.unwrap_or_default();
        // A school with one account knows which it is.
        let account = accounts.get(&file.account_id).filter(|_| accounts.len() > 1).cloned().unwrap_or_default();
        files.push(Row { name, account, colour: colour(file.state), file });
    }
    show(&ListPage {
        frame: Frame::desk(&desk, s.files).at("/desk/day"),
        gaps: gaps(&house, &desk).await?,
        older: files.last().filter(|_| has_more).map(|last| last.file.id.clone()),
        files,
        s,
    })
}

/// What the statements lack, and the days it is missing from.
pub(super) struct Lack {
    pub(super) sentence: String,
    first: Day,
    last: Day,
}

impl Lack {
    /// Is something of this day missing?
    pub(super) fn is_of(&self, day: Day) -> bool {
        self.first <= day && day <= self.last
    }
}

/// What the statements of the last weeks lack.
pub(super) async fn gaps(house: &House, desk: &Desk) -> Result<Vec<Lack>> {
    let found = statements::gaps(&house.store, &desk.school.id, house.clock.now().day()).await?;
    let accounts = accounts(house, desk).await?;
    let is_one = accounts.len() == 1;
    let sentences = found.iter().map(|gap| {
        let account = accounts.get(&gap.account_id).filter(|_| !is_one);
        let account = account.map(|account| format!("{account}: ")).unwrap_or_default();
        let sentence = format!("{account}{}", sentence(gap, desk));
        Lack { sentence, first: gap.from.day(), last: gap.to.day() }
    });
    Ok(sentences.collect())
}

async fn accounts(house: &House, desk: &Desk) -> Result<HashMap<String, String>> {
    let accounts = roll::accounts_of(&house.store, &desk.school.id).await?;
    Ok(accounts.iter().map(|account| (account.id.clone(), super::account_label(account))).collect())
}

fn sentence(gap: &Gap, desk: &Desk) -> String {
    let s = &desk.seat.words().statements;
    let when = if desk.seat.language == Language::En { gap.english() } else { gap.vietnamese() };
    let sum = gap.missing.filter(|sum| *sum != Dong::ZERO).map(|sum| format!("; {}", (s.gap_sum)(sum)));
    let withheld = gap.withheld.zip(gap.rows.1);
    let withheld = withheld.map(|(sum, row)| format!("; {}", (s.gap_withheld)(row, &sum.to_string())));
    format!("{when}{}{}", sum.unwrap_or_default(), withheld.unwrap_or_default())
}

pub(super) async fn page(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path(id): Path<String>,
    Query(asked): Query<FileAsked>,
) -> Result<Response, Failure> {
    let page = shown(&house, &desk, &id, asked.after).await?;
    let done = if asked.done == "sealed" { page.s.done_sealed } else { "" };
    show(&FilePage { done, ..page })
}

async fn shown(house: &House, desk: &Desk, id: &str, after: i64) -> Result<FilePage> {
    let (w, s) = (&desk.seat.words().desk, &desk.seat.words().statements);
    let found = statements::file(&house.store, &desk.school.id, id, house.clock.now().day()).await?;
    let file = found.ok_or_else(Refusal::absent)?;
    let mut lines = statements::lines_of(&house.store, id, after, LINES + 1).await?;
    let has_more = lines.len() > LINES;
    lines.truncate(LINES);
    let more = lines.last().filter(|_| has_more).map(|last| last.file_row);
    let sealed = match &file.sealed {
        Some((at, who)) => Some((s.sealed)(&name_of(house, who, s).await?, &at.vietnamese())),
        None => None,
    };
    let name = file.name(&house.vault).await.unwrap_or_default();
    Ok(FilePage {
        frame: Frame::desk(desk, format!("{} {name}", s.file)).at("/desk/day"),
        done: "",
        account: accounts(house, desk).await?.remove(&file.account_id).unwrap_or_default(),
        who: name_of(house, &file.received_by, s).await?,
        gaps: file.gaps.iter().map(|gap| sentence(gap, desk)).collect(),
        lines: explained(house, lines, w, s).await?,
        colour: colour(file.state),
        more,
        sealed,
        name,
        file,
        w,
        s,
    })
}

/// Lines with what became of the money, and whose invoice it is on.
async fn explained(
    house: &House,
    lines: Vec<FileLine>,
    w: &'static DeskWords,
    s: &'static StatementWords,
) -> Result<Vec<Line>> {
    let pupils = pupils(house, lines.iter().filter_map(|line| line.invoice_id.as_deref())).await?;
    let explained = lines.into_iter().map(|line| {
        let (code, word) = match line.credit_id {
            None => ("draft", s.line_out),
            Some(_) => super::day::state(line.kind.as_deref(), line.reason.as_deref(), w),
        };
        let on = line.invoice_id.as_ref().and_then(|invoice| pupils.get(invoice)).cloned().unwrap_or_default();
        Line { line, code, word, on }
    });
    Ok(explained.collect())
}

/// `Nguyễn An · 1A` by invoice.
pub(super) async fn pupils(house: &House, invoices: impl Iterator<Item = &str>) -> Result<HashMap<String, String>> {
    let mut ids: Vec<String> = invoices.map(str::to_owned).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = view::invoices_by_id(&house.store, &ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, format!("{} · {}", row.pupil_name, row.class_name))).collect())
}

async fn name_of(house: &House, actor: &str, s: &StatementWords) -> Result<String> {
    let person = access::person(&house.store, actor).await?;
    Ok(person.map_or_else(|| s.system.to_owned(), |person| person.name))
}

pub(super) async fn seal(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(id): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            statements::seal(&house.store, &house.clock, &desk.school.id, &id, &desk.seat.person.id).await?;
            Ok(format!("/desk/statements/{id}?done=sealed"))
        })
        .await;
    let Some(refusal) = mendable(&done) else { return done };
    let page = shown(&house, &desk, &id, 0).await?;
    show_again(&FilePage { frame: page.frame.refusing(refusal), ..page }, refusal)
}
