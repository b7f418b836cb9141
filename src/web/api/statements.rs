//! The bank's statement as a file, and a day as the bank, the hook and the books have it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::body;
use super::caller::Caller;
use super::page::{Page, PageAsked};
use super::problem::{Id, Problems, unreadable_query};
use super::receipts;
use crate::fault::{OrFault, Refusal};
use crate::money::Dong;
use crate::statements::{self, File, Gap, Upload};
use crate::web::House;
use crate::web::failure::Failure;
use crate::{ids, inbox};

/// What a statement file told.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatementBody {
    /// Lines that were not stored before.
    pub new: usize,
    /// Lines whose credit a webhook had told of.
    pub met: usize,
    /// Lines that nobody had told of: credits found.
    pub found: usize,
    /// Lines that were stored before.
    pub already: usize,
    /// The file as it is kept.
    #[serde(flatten)]
    pub file: FileBody,
}

/// A statement file and how far it came.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileBody {
    /// `stm_…`
    pub id: String,
    /// `acc_…`
    pub account_id: String,
    /// `received`, `read`, `chained`, `matched`, `explained` or `sealed`.
    pub state: String,
    /// Its lines.
    pub lines: i64,
    /// The first day of which every line is here, `2026-11-22`; none where the balances do not prove it.
    pub first_day: Option<String>,
    /// The last such day.
    pub last_day: Option<String>,
    /// The balance before its first line, in đồng.
    pub opening: Option<i64>,
    /// The balance after its last line, in đồng.
    pub closing: Option<i64>,
    /// RFC 3339.
    pub received_at: String,
    /// Credits of it that wait for a person.
    pub held: i64,
    /// What it lacks.
    pub gaps: Vec<GapBody>,
    /// RFC 3339; none while nobody has sealed it.
    pub sealed_at: Option<String>,
}

/// Lines that no statement has, as the balances around them tell.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapBody {
    /// The instant before them, RFC 3339.
    pub from: String,
    /// The instant after them, RFC 3339.
    pub to: String,
    /// What they come to, in đồng; none when a balance is not printed.
    pub missing: Option<i64>,
    /// The row after them that was not taken, since nothing proves its amount.
    pub withheld_row: Option<i64>,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

fn file_body(file: File) -> FileBody {
    let (first, last) = file.days.unzip();
    FileBody {
        id: file.id,
        account_id: file.account_id,
        state: file.state.code().to_owned(),
        lines: file.lines,
        first_day: first.map(|day| day.to_string()),
        last_day: last.map(|day| day.to_string()),
        opening: file.opening.map(Dong::get),
        closing: file.closing.map(Dong::get),
        received_at: file.received_at.rfc3339(),
        held: file.held,
        gaps: file.gaps.iter().map(gap_body).collect(),
        sealed_at: file.sealed.map(|(at, _)| at.rfc3339()),
    }
}

fn gap_body(gap: &Gap) -> GapBody {
    GapBody {
        from: gap.from.rfc3339(),
        to: gap.to.rfc3339(),
        missing: gap.missing.map(Dong::get),
        withheld_row: gap.withheld.and(gap.rows.1),
        vi: gap.vietnamese(),
        en: gap.english(),
    }
}

/// A day's money, in đồng.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayBody {
    /// `2026-11-22`
    pub day: String,
    /// What banks and aggregators told of.
    pub told: i64,
    /// What the bank's statement shows.
    pub on_statement: i64,
    /// What was given to invoices and families.
    pub posted: i64,
    /// What waits for a person.
    pub held: i64,
    /// What may be a second telling of the same money; in no other sum.
    pub doubted: i64,
    /// Posted and held, less what the statement shows.
    pub difference: i64,
}

/// Takes a bank's statement: Excel, .csv, MT940 or CAMT.053, told by what is in it. The account is named in the file,
/// or is the school's only one. The same or an overlapping file adds nothing twice.
#[utoipa::path(post, path = "/schools/{school}/statements", tag = "money", security(("api_key" = ["statements:write"])),
    params(("school" = String, Path, description = "`sch_…`"),
        ("X-File-Name" = Option<String>, Header, description = "the file's name, whose ending tells its kind")),
    request_body(content((String = "text/csv"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 200, body = StatementBody), Problems))]
pub async fn take_statement(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    file: body::File,
) -> Result<Json<StatementBody>, Failure> {
    caller.needs("statements:write")?;
    let school = caller.school(&school)?;
    let upload = Upload {
        account: None,
        school: Some(school.id.clone()),
        filename: file.name,
        bytes: file.bytes,
        actor: caller.key.id.clone(),
    };
    let summary = statements::import(&house.store, &house.vault, &house.clock, &upload).await?;
    house.wake.ring();
    let today = house.clock.now().day();
    let file =
        statements::file(&house.store, &school.id, &summary.file_id, today).await?.ok_or_else(Refusal::absent)?;
    Ok(Json(StatementBody {
        new: summary.new,
        met: summary.met,
        found: summary.found,
        already: summary.already,
        file: file_body(file),
    }))
}

/// The statement files of a school, the newest first.
#[utoipa::path(get, path = "/schools/{school}/statements", tag = "money", security(("api_key" = ["credits:read"])),
    params(("school" = String, Path, description = "`sch_…`"), PageAsked),
    responses((status = 200, body = Page<FileBody>), Problems))]
pub async fn list_statements(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    asked: Result<Query<PageAsked>, QueryRejection>,
) -> Result<Json<Page<FileBody>>, Failure> {
    caller.needs("credits:read")?;
    let school = caller.school(&school)?;
    let (after, limit) = asked.map_err(unreadable_query)?.window()?;
    let most = usize::try_from(limit).or_fault("count files")? + 1;
    let files = statements::files(&house.store, &school.id, &after, most, house.clock.now().day()).await?;
    Ok(Json(Page::new(files.into_iter().map(file_body).collect(), limit, |file: &FileBody| &file.id)))
}

/// One statement file of a school.
#[utoipa::path(get, path = "/schools/{school}/statements/{statement}", tag = "money",
    security(("api_key" = ["credits:read"])),
    params(("school" = String, Path, description = "`sch_…`"), ("statement" = String, Path, description = "`stm_…`")),
    responses((status = 200, body = FileBody), Problems))]
pub async fn show_statement(
    State(house): State<Arc<House>>,
    caller: Caller,
    axum::extract::Path((school, statement)): axum::extract::Path<(String, String)>,
) -> Result<Json<FileBody>, Failure> {
    caller.needs("credits:read")?;
    Ok(Json(own(&house, &caller, &school, &statement).await?))
}

async fn own(house: &House, caller: &Caller, school: &str, statement: &str) -> Result<FileBody, Failure> {
    if !ids::is_id(school, "sch") || !ids::is_id(statement, "stm") {
        return Err(Refusal::absent().into());
    }
    let school = caller.school(school)?;
    let found = statements::file(&house.store, &school.id, statement, house.clock.now().day()).await?;
    Ok(file_body(found.ok_or_else(Refusal::absent)?))
}

/// Seals a statement file of which everything is explained: whoever holds the key has checked it. A second time
/// changes nothing.
#[utoipa::path(post, path = "/schools/{school}/statements/{statement}/seal", tag = "money",
    security(("api_key" = ["statements:write"])),
    params(("school" = String, Path, description = "`sch_…`"), ("statement" = String, Path, description = "`stm_…`")),
    responses((status = 200, body = FileBody), Problems))]
pub async fn seal_statement(
    State(house): State<Arc<House>>,
    caller: Caller,
    axum::extract::Path((school, statement)): axum::extract::Path<(String, String)>,
) -> Result<Json<FileBody>, Failure> {
    caller.needs("statements:write")?;
    own(&house, &caller, &school, &statement).await?;
    statements::seal(&house.store, &house.clock, &school, &statement, &caller.key.id).await?;
    Ok(Json(own(&house, &caller, &school, &statement).await?))
}

/// A school's day: told, on the statement, posted, held, and the difference.
#[utoipa::path(get, path = "/schools/{school}/days/{day}", tag = "money", security(("api_key" = ["credits:read"])),
    params(("school" = String, Path, description = "`sch_…`"), ("day" = String, Path, description = "`2026-11-22`")),
    responses((status = 200, body = DayBody), Problems))]
pub async fn show_day(
    State(house): State<Arc<House>>,
    caller: Caller,
    axum::extract::Path((school, day)): axum::extract::Path<(String, String)>,
) -> Result<Json<DayBody>, Failure> {
    caller.needs("credits:read")?;
    if !ids::is_id(&school, "sch") {
        return Err(Refusal::absent().into());
    }
    let school = caller.school(&school)?;
    let day = receipts::day("day", &day)?;
    let view = inbox::day(&house.store, &school.id, day).await?;
    Ok(Json(DayBody {
        day: day.to_string(),
        told: view.told.get(),
        on_statement: view.on_statement.get(),
        posted: view.posted.get(),
        held: view.held.get(),
        doubted: view.doubted.get(),
        difference: view.difference.get(),
    }))
}
