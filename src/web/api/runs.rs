//! The catalogue and billing runs: written down, looked at, issued, published, undone.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, File};
use super::caller::Caller;
use super::once::{Once, RequestKey, once};
use super::page::{Page, PageAsked};
use super::problem::{Id, Problems, unreadable_query};
use super::schools::CellBody;
use crate::fault::{Kind, Refusal, Result};
use crate::fees::view::RunProgress;
use crate::fees::{self, NewRun, Preview};
use crate::time::Day;
use crate::web::House;
use crate::web::failure::Failure;

/// A khoản thu of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeeItemBody {
    /// `fit_…`
    pub id: String,
    /// The catalogue's code.
    pub code: String,
    /// The exact official name.
    pub official_name: String,
    /// `mandatory`, `agreed` or `voluntary`.
    pub necessity: String,
    /// What a quantity counts: `month`, `day`, `meal`, …
    pub unit: String,
    /// The legal basis with its clause.
    pub legal_basis: String,
}

/// What a fee list would change, or changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeeListBody {
    /// Was anything stored?
    pub stored: bool,
    /// Items that were not known.
    pub new_items: usize,
    /// Items whose name, basis or kind differs.
    pub changed_items: usize,
    /// Prices that were not known.
    pub new_prices: usize,
    /// Rows that say what is known.
    pub unchanged: usize,
    /// Cells that are wrong; while a blocking one stands, nothing is stored.
    pub problems: Vec<CellBody>,
}

/// A run to be written down.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRunBody {
    /// `sch_…`
    pub school_id: String,
    /// `acc_…`, one of the school's.
    pub account_id: String,
    /// What parents read above the lines, at most 200 letters.
    #[schema(example = "Các khoản thu tháng 12/2026")]
    pub title: String,
    /// By when, `2026-12-15`.
    #[schema(example = "2026-12-15")]
    pub due_day: String,
    /// Items in the order of the lines.
    pub items: Vec<RunItemBody>,
    /// `cls_…`, all of one school year.
    pub classes: Vec<String>,
}

/// An item of a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunItemBody {
    /// `fit_…`
    pub item_id: String,
    /// Units for each pupil, 1 to 10,000.
    #[schema(minimum = 1, maximum = 10000)]
    pub quantity: i64,
}

/// Why something is done that cannot be taken for granted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// A sentence for the books.
    pub reason: String,
}

/// A billing run and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunBody {
    /// `run_…`
    pub id: String,
    /// `sch_…`
    pub school_id: String,
    /// What parents read above the lines.
    pub title: String,
    /// `2026-2027`
    pub school_year: String,
    /// `2026-12-15`
    pub due_day: String,
    /// `draft`, `issuing`, `issued`, `published`, `undoing` or `undone`.
    pub state: String,
    /// Invoices that are made.
    pub issued: i64,
    /// Pupils whom the run is for, while it is being issued.
    pub of: i64,
    /// The sum of its invoices, in đồng.
    pub total: i64,
}

/// What issuing would make.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewBody {
    /// Invoices that would be made.
    pub invoices: i64,
    /// Their sum, in đồng.
    pub total: i64,
    /// One row per class and item.
    pub rows: Vec<PreviewRowBody>,
    /// Pupils' codes of whom nothing is asked.
    pub without_lines: Vec<String>,
    /// What must be mended first, in English.
    pub problems: Vec<String>,
    /// What a person should know, in English.
    pub warnings: Vec<String>,
}

/// One class's share of one item.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewRowBody {
    /// `cls_…`
    pub class_id: String,
    /// `3A`
    pub class_name: String,
    /// `fit_…`
    pub item_id: String,
    /// The official name.
    pub item_name: String,
    /// Units for each pupil.
    pub quantity: i64,
    /// The price of one, in đồng.
    pub unit_price: i64,
    /// Pupils who are asked.
    pub pupils: i64,
    /// Their sum, in đồng.
    pub total: i64,
}

/// The catalogue.
#[utoipa::path(get, path = "/fee-items", tag = "fees", security(("api_key" = ["fees:read"])),
    responses((status = 200, body = Vec<FeeItemBody>), Problems))]
pub async fn list_fee_items(
    State(house): State<Arc<House>>,
    caller: Caller,
) -> Result<Json<Vec<FeeItemBody>>, Failure> {
    caller.needs("fees:read")?;
    let items = fees::catalogue(&house.store).await?;
    Ok(Json(items.into_iter().map(FeeItemBody::from).collect()))
}

/// Takes a fee list for one school, .csv or .xlsx, with the legal basis of each item; sent twice it changes nothing.
#[utoipa::path(post, path = "/schools/{school}/fees", tag = "fees", security(("api_key" = ["fees:write"])),
    params(("school" = String, Path, description = "`sch_…`"),
        ("X-File-Name" = Option<String>, Header, description = "the file's name, whose ending tells its kind")),
    request_body(content((String = "text/csv"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 200, body = FeeListBody), Problems))]
pub async fn take_fees(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    file: File,
) -> Result<Json<FeeListBody>, Failure> {
    caller.needs("fees:write")?;
    let code = &caller.school(&school)?.code;
    let today = house.clock.now().day();
    let preview =
        fees::read_catalogue(&house.store, &file.bytes, &file.name, fees::ListOf::School(code), today).await?;
    let stored = !preview.problems.iter().any(|problem| problem.blocking);
    if stored {
        fees::import_catalogue(&house.store, &house.clock, &preview, &caller.key.id).await?;
    }
    Ok(Json(FeeListBody {
        stored,
        new_items: preview.new_items.len(),
        changed_items: preview.changed_items.len(),
        new_prices: preview.new_prices.len(),
        unchanged: preview.unchanged,
        problems: preview.problems.iter().map(CellBody::from).collect(),
    }))
}

/// The runs of a school, page by page.
#[utoipa::path(get, path = "/schools/{school}/billing-runs", tag = "fees", security(("api_key" = ["fees:read"])),
    params(("school" = String, Path, description = "`sch_…`"), PageAsked),
    responses((status = 200, body = Page<RunBody>), Problems))]
pub async fn list_runs(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    asked: Result<Query<PageAsked>, QueryRejection>,
) -> Result<Json<Page<RunBody>>, Failure> {
    caller.needs("fees:read")?;
    let school = caller.school(&school)?;
    let (after, limit) = asked.map_err(unreadable_query)?.0.window()?;
    let runs = fees::view::runs_after(&house.store, &school.id, &after, limit + 1).await?;
    Ok(Json(Page::new(runs.into_iter().map(RunBody::from).collect(), limit, |run: &RunBody| &run.id)))
}

/// Writes down a run. Nothing is asked of anybody before it is issued.
#[utoipa::path(post, path = "/billing-runs", tag = "fees", security(("api_key" = ["fees:write"])),
    params(("Idempotency-Key" = String, Header, description = "1 to 255 ASCII characters")),
    request_body = NewRunBody,
    responses((status = 201, body = RunBody), Problems))]
pub async fn create_run(
    State(house): State<Arc<House>>,
    caller: Caller,
    key: RequestKey,
    body: Body<NewRunBody>,
) -> Result<(StatusCode, Json<RunBody>), Failure> {
    caller.needs("fees:write")?;
    caller.school(&body.value.school_id)?;
    let new = read_run(&body.value)?;
    let once = Once::new(&caller, &key, "create-run", "", &body.fingerprint);
    if let Some(made) = once.before(&house).await? {
        return Ok((StatusCode::CREATED, Json(run_body(&house, &made).await?)));
    }
    let plan = fees::plan_new_run(&house.store, house.clock.now(), &new, &caller.key.id).await?;
    let made = once!(house, once, 201, |tx, now| {
        fees::add_run_in(tx, &plan, &new).await?;
        Ok(plan.id.clone())
    })?;
    Ok((StatusCode::CREATED, Json(run_body(&house, &made).await?)))
}

/// One run and how far it is.
#[utoipa::path(get, path = "/billing-runs/{run}", tag = "fees", security(("api_key" = ["fees:read"])),
    params(("run" = String, Path, description = "`run_…`")),
    responses((status = 200, body = RunBody), Problems))]
pub async fn show_run(State(house): State<Arc<House>>, caller: Caller, Id(run): Id) -> Result<Json<RunBody>, Failure> {
    caller.needs("fees:read")?;
    Ok(Json(RunBody::from(reachable(&house, &caller, &run).await?)))
}

/// What issuing a run would make today.
#[utoipa::path(get, path = "/billing-runs/{run}/preview", tag = "fees", security(("api_key" = ["fees:read"])),
    params(("run" = String, Path, description = "`run_…`")),
    responses((status = 200, body = PreviewBody), Problems))]
pub async fn preview_run(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(run): Id,
) -> Result<Json<PreviewBody>, Failure> {
    caller.needs("fees:read")?;
    reachable(&house, &caller, &run).await?;
    let preview = fees::preview_run(&house.store, &run, house.clock.now()).await?;
    Ok(Json(PreviewBody::from(preview)))
}

/// Begins to make the invoices of a run; ask for the run to see how far it is.
#[utoipa::path(post, path = "/billing-runs/{run}/issue", tag = "fees", security(("api_key" = ["fees:write"])),
    params(("run" = String, Path, description = "`run_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 ASCII characters")),
    responses((status = 202, body = RunBody, description = "begun; ask for the run"), Problems))]
pub async fn issue_run(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(run): Id,
    key: RequestKey,
) -> Result<(StatusCode, Json<RunBody>), Failure> {
    caller.needs("fees:write")?;
    reachable(&house, &caller, &run).await?;
    let once = Once::new(&caller, &key, "issue-run", &run, "");
    if once.before(&house).await?.is_some() {
        return Ok((StatusCode::ACCEPTED, Json(run_body(&house, &run).await?)));
    }
    let pupils = fees::ready_to_issue(&house.store, house.clock.now(), &run).await?;
    once!(house, once, 202, |tx, now| {
        fees::start_issuing_in(tx, &run, pupils, now, &once.caller.key.id).await?;
        Ok(run.clone())
    })?;
    house.wake.ring();
    Ok((StatusCode::ACCEPTED, Json(run_body(&house, &run).await?)))
}

/// Shows the invoices of a run to the parents.
#[utoipa::path(post, path = "/billing-runs/{run}/publish", tag = "fees", security(("api_key" = ["fees:write"])),
    params(("run" = String, Path, description = "`run_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 ASCII characters")),
    responses((status = 200, body = RunBody), Problems))]
pub async fn publish_run(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(run): Id,
    key: RequestKey,
) -> Result<Json<RunBody>, Failure> {
    caller.needs("fees:write")?;
    reachable(&house, &caller, &run).await?;
    let once = Once::new(&caller, &key, "publish-run", &run, "");
    once!(house, once, 200, |tx, now| {
        fees::publish_in(tx, &run, now, &once.caller.key.id).await?;
        Ok(run.clone())
    })?;
    Ok(Json(run_body(&house, &run).await?))
}

/// Begins to take a run back, while no money has come for it.
#[utoipa::path(post, path = "/billing-runs/{run}/undo", tag = "fees", security(("api_key" = ["fees:write"])),
    params(("run" = String, Path, description = "`run_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 ASCII characters")),
    request_body = ReasonBody,
    responses((status = 202, body = RunBody, description = "begun; ask for the run"), Problems))]
pub async fn undo_run(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(run): Id,
    key: RequestKey,
    body: Body<ReasonBody>,
) -> Result<(StatusCode, Json<RunBody>), Failure> {
    caller.needs("fees:write")?;
    reachable(&house, &caller, &run).await?;
    let once = Once::new(&caller, &key, "undo-run", &run, &body.fingerprint);
    once!(house, once, 202, |tx, now| {
        fees::undo_in(tx, &run, now, &once.caller.key.id, &body.value.reason).await?;
        Ok(run.clone())
    })?;
    house.wake.ring();
    Ok((StatusCode::ACCEPTED, Json(run_body(&house, &run).await?)))
}

fn read_run(body: &NewRunBody) -> Result<NewRun, Refusal> {
    let due_day = Day::parse(&body.due_day).ok_or_else(|| {
        Refusal::new(Kind::Meaning, "no-such-day", "Hạn nộp không phải là ngày.", "The due day is not a day.").at(
            "/due_day",
            "viết 2026-12-15",
            "write 2026-12-15",
        )
    })?;
    Ok(NewRun {
        school_id: body.school_id.clone(),
        account_id: body.account_id.clone(),
        title: body.title.clone(),
        due_day,
        items: body.items.iter().map(|item| (item.item_id.clone(), item.quantity)).collect(),
        classes: body.classes.clone(),
    })
}

/// A run of a school within reach; any other answers as if it did not exist.
async fn reachable(house: &House, caller: &Caller, run_id: &str) -> Result<RunProgress> {
    let run = fees::view::run_progress(&house.store, run_id).await?.ok_or_else(Refusal::absent)?;
    caller.school(&run.run.school_id)?;
    Ok(run)
}

async fn run_body(house: &House, run_id: &str) -> Result<RunBody> {
    let run = fees::view::run_progress(&house.store, run_id).await?.ok_or_else(Refusal::absent)?;
    Ok(RunBody::from(run))
}

impl From<fees::FeeItem> for FeeItemBody {
    fn from(item: fees::FeeItem) -> Self {
        let basis = item.instrument.into_iter().chain(Some(item.clause).filter(|clause| !clause.is_empty()));
        FeeItemBody {
            id: item.id,
            code: item.code,
            official_name: item.official_name,
            necessity: item.necessity,
            unit: item.unit,
            legal_basis: basis.collect::<Vec<_>>().join(", "),
        }
    }
}

impl From<RunProgress> for RunBody {
    fn from(progress: RunProgress) -> Self {
        RunBody {
            id: progress.run.id,
            school_id: progress.run.school_id,
            title: progress.run.title,
            school_year: progress.run.school_year,
            due_day: progress.run.due_day.to_string(),
            state: progress.state.code().to_owned(),
            issued: progress.issued,
            of: progress.of,
            total: progress.total.get(),
        }
    }
}

impl From<Preview> for PreviewBody {
    fn from(preview: Preview) -> Self {
        let rows = preview.rows.into_iter().map(|row| PreviewRowBody {
            class_id: row.class_group_id,
            class_name: row.class_name,
            item_id: row.item_id,
            item_name: row.item_name,
            quantity: row.quantity,
            unit_price: row.unit_price.get(),
            pupils: row.pupils,
            total: row.total.get(),
        });
        PreviewBody {
            invoices: preview.invoices,
            total: preview.total.get(),
            rows: rows.collect(),
            without_lines: preview.without_lines,
            problems: preview.problems.into_iter().map(|(_, en)| en).collect(),
            warnings: preview.warnings.into_iter().map(|(_, en)| en).collect(),
        }
    }
}
