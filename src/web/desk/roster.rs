//! The school's roster: a file is looked at first, and stored when a person says so.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::Done;
use super::upload::{TABLE_MOST, Upload};
use crate::aside::aside;
use crate::roll::CellProblem;
use crate::roll::import::{self, Preview};
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::mendable;
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::DeskWords;

/// So many cells are named; whoever has more mends these first.
const MOST_CELLS: usize = 100;

#[derive(Template)]
#[template(path = "desk/roster.html", whitespace = "minimize")]
struct RosterPage {
    frame: Frame,
    w: &'static DeskWords,
    done: &'static str,
    filename: String,
    kept: String,
    preview: Option<Preview>,
    problems: Vec<CellSaid>,
    is_blocked: bool,
}

/// What is wrong in a cell, in the page's language.
pub(super) struct CellSaid {
    pub(super) cell: String,
    pub(super) sentence: String,
    pub(super) suggestion: String,
}

/// The cells, those that block first.
pub(super) fn cells(problems: &[CellProblem], frame: &Frame) -> Vec<CellSaid> {
    let mut sorted: Vec<&CellProblem> = problems.iter().collect();
    sorted.sort_by_key(|problem| !problem.blocking);
    let said = sorted.into_iter().take(MOST_CELLS).map(|problem| CellSaid {
        cell: problem.cell.clone(),
        sentence: frame.say(&problem.vi, &problem.en).to_owned(),
        suggestion: problem.suggestion.clone().unwrap_or_default(),
    });
    said.collect()
}

pub(super) async fn page(desk: Desk, Query(done): Query<Done>) -> Result<Response, Failure> {
    let page = empty(&desk);
    show(&RosterPage { done: done.say(page.w), ..page })
}

fn empty(desk: &Desk) -> RosterPage {
    let w = &desk.seat.words().desk;
    RosterPage {
        frame: Frame::desk(desk, w.roster).at("/desk/roster"),
        done: "",
        filename: String::new(),
        kept: String::new(),
        preview: None,
        problems: Vec::new(),
        is_blocked: false,
        w,
    }
}

/// What the file would change. Nothing is stored, not even the file.
pub(super) async fn look(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    upload: Upload,
) -> Result<Response, Failure> {
    let w = &desk.seat.words().desk;
    let looked = preview(&house, &desk, &upload).await.map_err(Failure::from);
    if let Some(refusal) = mendable(&looked) {
        let page = empty(&desk);
        return show_again(&RosterPage { frame: page.frame.refusing(refusal), ..page }, refusal);
    }
    let preview = looked?;
    let frame = Frame::desk(&desk, w.roster).at("/desk/roster");
    let is_blocked = preview.problems.iter().any(|problem| problem.blocking);
    show(&RosterPage {
        problems: cells(&preview.problems, &frame),
        kept: if is_blocked { String::new() } else { upload.kept() },
        filename: upload.name,
        preview: Some(preview),
        done: "",
        is_blocked,
        frame,
        w,
    })
}

async fn preview(house: &House, desk: &Desk, upload: &Upload) -> crate::fault::Result<Preview> {
    upload.at_most(TABLE_MOST)?;
    let today = house.clock.now().day();
    let (file, name) = (upload.bytes.clone(), upload.name.clone());
    let roster = aside(move || import::read(&file, &name, today)).await?;
    import::preview(&house.store, &desk.school, &roster, today).await
}

pub(super) async fn store(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    upload: Upload,
) -> Result<Response, Failure> {
    let done = upload
        .once
        .run(&house, async {
            let preview = preview(&house, &desk, &upload).await?;
            import::apply(&house.store, &house.clock, &desk.school, &preview, &desk.seat.person.id).await?;
            Ok("/desk/roster?done=roster".to_owned())
        })
        .await;
    let Some(refusal) = mendable(&done) else { return done };
    let page = empty(&desk);
    show_again(&RosterPage { frame: page.frame.refusing(refusal), ..page }, refusal)
}
