//! One run: looked at before it is issued, watched while it is, published, undone.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::Done;
use crate::fault::{Refusal, Result};
use crate::fees::view::{self, RunProgress};
use crate::fees::{self, Preview, PreviewRow, Run, RunState, Tally, tally};
use crate::money::Dong;
use crate::roll;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::{Form, mendable};
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::DeskWords;

#[derive(Template)]
#[template(path = "desk/run.html", whitespace = "minimize")]
struct RunPage {
    frame: Frame,
    w: &'static DeskWords,
    run: Run,
    state: RunState,
    done: i64,
    of: i64,
    is_working: bool,
    said: &'static str,
    account: String,
    preview: Option<Preview>,
    by_class: Vec<ClassPreview>,
    classes: Vec<Tally>,
    whole: Tally,
    reason: String,
}

/// A class's rows of the preview.
struct ClassPreview {
    name: String,
    rows: Vec<PreviewRow>,
    total: Dong,
}

/// A run of the desk's own school; another school's answers as if it did not exist.
pub(super) async fn own(house: &House, desk: &Desk, run_id: &str) -> Result<RunProgress> {
    let found = view::run_progress(&house.store, run_id).await?;
    Ok(found.filter(|found| found.run.school_id == desk.school.id).ok_or_else(Refusal::absent)?)
}

pub(super) async fn page(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path(run_id): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Failure> {
    let page = shown(&house, &desk, &run_id).await?;
    show(&RunPage { said: done.say(page.w), ..page })
}

/// The answer, or the run's page with the sentence of the refusal and the reason as it was typed.
async fn answered(
    house: &House,
    desk: &Desk,
    run_id: &str,
    reason: String,
    done: Result<Response, Failure>,
) -> Result<Response, Failure> {
    let Some(refusal) = mendable(&done) else { return done };
    let page = shown(house, desk, run_id).await?;
    show_again(&RunPage { frame: page.frame.refusing(refusal), reason, ..page }, refusal)
}

async fn shown(house: &House, desk: &Desk, run_id: &str) -> Result<RunPage> {
    let w = &desk.seat.words().desk;
    let found = own(house, desk, run_id).await?;
    let preview = match found.state {
        RunState::Draft => Some(fees::preview_run(&house.store, run_id, house.clock.now()).await?),
        _ => None,
    };
    let (classes, whole) = tally(&view::invoices_of_run(&house.store, run_id).await?);
    let account = roll::account(&house.store, &found.run.account_id).await?;
    Ok(RunPage {
        frame: Frame::desk(desk, found.run.title.clone()).at("/desk/runs"),
        is_working: matches!(found.state, RunState::Issuing | RunState::Undoing),
        by_class: preview.as_ref().map(by_class).unwrap_or_default(),
        account: account.as_ref().map(super::account_label).unwrap_or_default(),
        said: "",
        reason: String::new(),
        state: found.state,
        done: found.done,
        of: found.of,
        run: found.run,
        preview,
        classes,
        whole,
        w,
    })
}

fn by_class(preview: &Preview) -> Vec<ClassPreview> {
    preview
        .rows
        .chunk_by(|one, other| one.class_group_id == other.class_group_id)
        .map(|rows| ClassPreview {
            name: rows.first().map(|row| row.class_name.clone()).unwrap_or_default(),
            total: Dong::sum(rows.iter().map(|row| row.total)).unwrap_or(Dong::new(i64::MAX)),
            rows: rows.to_vec(),
        })
        .collect()
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
pub(super) struct Why {
    #[serde(default)]
    pub(super) reason: String,
}

pub(super) async fn issue(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(run_id): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            own(&house, &desk, &run_id).await?;
            fees::start_issuing(&house.store, &house.clock, &run_id, &desk.seat.person.id).await?;
            house.changed(&[]);
            Ok(format!("/desk/runs/{run_id}?done=issue"))
        })
        .await;
    answered(&house, &desk, &run_id, String::new(), done).await
}

pub(super) async fn publish(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(run_id): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            own(&house, &desk, &run_id).await?;
            fees::publish(&house.store, &house.clock, &run_id, &desk.seat.person.id).await?;
            Ok(format!("/desk/runs/{run_id}?done=published"))
        })
        .await;
    answered(&house, &desk, &run_id, String::new(), done).await
}

pub(super) async fn undo(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(run_id): Path<String>,
    form: Form<Why>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            own(&house, &desk, &run_id).await?;
            let (actor, reason) = (&desk.seat.person.id, &form.fields.reason);
            fees::undo(&house.store, &house.clock, &run_id, actor, reason).await?;
            house.changed(&[]);
            Ok(format!("/desk/runs/{run_id}?done=undo"))
        })
        .await;
    answered(&house, &desk, &run_id, form.fields.reason, done).await
}
