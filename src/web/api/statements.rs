//! The bank's statement as a file, and a day as the bank, the hook and the books have it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::File;
use super::caller::Caller;
use super::problem::{Id, Problems};
use super::receipts;
use crate::fault::Refusal;
use crate::statements::{self, Upload};
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

/// Takes a bank's statement, .csv or .xlsx. The account is named in the file, or is the school's only one. The same or
/// an overlapping file adds nothing twice.
#[utoipa::path(post, path = "/schools/{school}/statements", tag = "money", security(("api_key" = ["statements:write"])),
    params(("school" = String, Path, description = "`sch_…`"),
        ("X-File-Name" = Option<String>, Header, description = "the file's name, whose ending tells its kind")),
    request_body(content((String = "text/csv"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 200, body = StatementBody), Problems))]
pub async fn take_statement(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    file: File,
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
    Ok(Json(StatementBody { new: summary.new, met: summary.met, found: summary.found, already: summary.already }))
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
