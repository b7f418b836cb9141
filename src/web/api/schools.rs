//! Schools, classes and pupils: what a key reaches, and a roster as it comes from the school.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::File;
use super::caller::Caller;
use super::page::{Page, PageAsked};
use super::problem::{Id, Problems, unreadable_query};
use crate::aside::aside;
use crate::roll::{self, ClassGroup, Pupil, ReceivingAccount, School, import};
use crate::web::House;
use crate::web::failure::Failure;

/// A school.
#[derive(Debug, Serialize, ToSchema)]
pub struct SchoolBody {
    /// `sch_…`
    pub id: String,
    /// The sector's code.
    pub code: String,
    /// Its full name.
    pub name: String,
    /// `preschool`, `primary`, `lower_secondary`, `upper_secondary` or `continuing`.
    pub level: String,
    /// The accounts parents pay into.
    pub accounts: Vec<AccountBody>,
}

/// An account parents pay into.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountBody {
    /// `acc_…`
    pub id: String,
    /// The bank's BIN.
    pub bank_bin: String,
    /// The school's own account number.
    pub number: String,
    /// The holder as the bank writes it.
    pub holder: String,
    /// May new invoices name it?
    pub usable: bool,
}

/// A class in one school year.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassBody {
    /// `cls_…`
    pub id: String,
    /// `2026-2027`
    pub school_year: String,
    /// `3A`
    pub name: String,
    /// The level whose prices apply.
    pub level: String,
}

/// A pupil, for keys with the scope `roll:read` only.
#[derive(Debug, Serialize, ToSchema)]
pub struct PupilBody {
    /// `pup_…`
    pub id: String,
    /// The sector's code.
    pub code: String,
    /// The name as it stands in the roster.
    pub full_name: String,
    /// `fam_…`: pupils of one family share a credit balance.
    pub family_id: String,
    /// `2019-05-01`, when known.
    pub birth_day: Option<String>,
}

/// What a roster would change, or changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterBody {
    /// Was anything stored?
    pub stored: bool,
    /// Pupils who were not known.
    pub new: usize,
    /// Pupils whose name, class or guardians differ.
    pub changed: usize,
    /// Pupils who are as they were.
    pub unchanged: usize,
    /// Cells that are wrong or were mended; while a blocking one stands, nothing is stored.
    pub problems: Vec<CellBody>,
}

/// A cell that is wrong or was mended.
#[derive(Debug, Serialize, ToSchema)]
pub struct CellBody {
    /// `B7`
    pub cell: String,
    /// In English.
    pub detail: String,
    /// In Vietnamese.
    pub detail_vi: String,
    /// What it could say instead.
    pub suggestion: Option<String>,
    /// Is nothing stored while it stands?
    pub blocking: bool,
}

/// How a roster is taken.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RosterAsked {
    /// Only look; store nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Which classes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ClassesAsked {
    /// `2026-2027`; absent: this school year.
    pub school_year: Option<String>,
}

/// The schools this key reaches.
#[utoipa::path(get, path = "/schools", tag = "roll", security(("api_key" = ["schools:read"])),
    responses((status = 200, body = Vec<SchoolBody>), Problems))]
pub async fn list_schools(State(house): State<Arc<House>>, caller: Caller) -> Result<Json<Vec<SchoolBody>>, Failure> {
    caller.needs("schools:read")?;
    let ids: Vec<&str> = caller.schools.iter().map(|school| school.id.as_str()).collect();
    let mut accounts = roll::accounts_of_schools(&house.store, &ids).await?;
    let with_accounts = |school: &School| body(school, accounts.remove(&school.id).unwrap_or_default());
    Ok(Json(caller.schools.iter().map(with_accounts).collect()))
}

/// One school with its receiving accounts.
#[utoipa::path(get, path = "/schools/{school}", tag = "roll", security(("api_key" = ["schools:read"])),
    params(("school" = String, Path, description = "`sch_…`")),
    responses((status = 200, body = SchoolBody), Problems))]
pub async fn show_school(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
) -> Result<Json<SchoolBody>, Failure> {
    caller.needs("schools:read")?;
    let school = caller.school(&school)?;
    Ok(Json(body(school, roll::accounts_of(&house.store, &school.id).await?)))
}

/// The classes of a school in one year.
#[utoipa::path(get, path = "/schools/{school}/classes", tag = "roll", security(("api_key" = ["roll:read"])),
    params(("school" = String, Path, description = "`sch_…`"), ClassesAsked),
    responses((status = 200, body = Vec<ClassBody>), Problems))]
pub async fn list_classes(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    asked: Result<Query<ClassesAsked>, QueryRejection>,
) -> Result<Json<Vec<ClassBody>>, Failure> {
    caller.needs("roll:read")?;
    let school = caller.school(&school)?;
    let year = asked.map_err(unreadable_query)?.0.school_year;
    let year = year.unwrap_or_else(|| roll::school_year_of(house.clock.now().day())).replace('\0', "");
    let classes = roll::classes_of(&house.store, &school.id, &year).await?;
    Ok(Json(classes.into_iter().map(ClassBody::from).collect()))
}

/// The pupils of a school, page by page.
#[utoipa::path(get, path = "/schools/{school}/pupils", tag = "roll", security(("api_key" = ["roll:read"])),
    params(("school" = String, Path, description = "`sch_…`"), PageAsked),
    responses((status = 200, body = Page<PupilBody>), Problems))]
pub async fn list_pupils(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    asked: Result<Query<PageAsked>, QueryRejection>,
) -> Result<Json<Page<PupilBody>>, Failure> {
    caller.needs("roll:read")?;
    let school = caller.school(&school)?;
    let (after, limit) = asked.map_err(unreadable_query)?.0.window()?;
    let pupils = roll::pupils_after(&house.store, &school.id, &after, limit + 1).await?;
    let pupils = pupils.into_iter().map(PupilBody::from).collect();
    Ok(Json(Page::new(pupils, limit, |pupil: &PupilBody| &pupil.id)))
}

/// Takes a roster as the school keeps it, .xlsx or .csv; sent twice it changes nothing the second time.
#[utoipa::path(post, path = "/schools/{school}/roster", tag = "roll", security(("api_key" = ["roll:write"])),
    params(("school" = String, Path, description = "`sch_…`"), RosterAsked,
        ("X-File-Name" = Option<String>, Header, description = "the file's name, whose ending tells its kind")),
    request_body(content((String = "text/csv"), (Vec<u8> = "application/octet-stream"))),
    responses((status = 200, body = RosterBody, description = "stored, or what would be"), Problems))]
pub async fn take_roster(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    asked: Result<Query<RosterAsked>, QueryRejection>,
    file: File,
) -> Result<Json<RosterBody>, Failure> {
    caller.needs("roll:write")?;
    let school = caller.school(&school)?;
    let dry_run = asked.map_err(unreadable_query)?.0.dry_run;
    let today = house.clock.now().day();
    let roster = aside(move || import::read(&file.bytes, &file.name, today)).await?;
    let preview = import::preview(&house.store, school, &roster, today).await?;
    let blocking = preview.problems.iter().any(|problem| problem.blocking);
    let mut body = RosterBody {
        stored: false,
        new: preview.new,
        changed: preview.changed,
        unchanged: preview.unchanged,
        problems: preview.problems.iter().map(CellBody::from).collect(),
    };
    if !dry_run && !blocking {
        import::apply(&house.store, &house.clock, school, &preview, &caller.key.id).await?;
        body.stored = true;
    }
    Ok(Json(body))
}

impl From<&roll::CellProblem> for CellBody {
    fn from(problem: &roll::CellProblem) -> Self {
        CellBody {
            cell: problem.cell.clone(),
            detail: problem.en.clone(),
            detail_vi: problem.vi.clone(),
            suggestion: problem.suggestion.clone(),
            blocking: problem.blocking,
        }
    }
}

fn body(school: &School, accounts: Vec<ReceivingAccount>) -> SchoolBody {
    SchoolBody {
        id: school.id.clone(),
        code: school.code.clone(),
        name: school.name.clone(),
        level: school.level.clone(),
        accounts: accounts.into_iter().map(AccountBody::from).collect(),
    }
}

impl From<ReceivingAccount> for AccountBody {
    fn from(account: ReceivingAccount) -> Self {
        let usable = account.is_usable();
        let ReceivingAccount { id, bank_bin, number, holder, .. } = account;
        AccountBody { id, bank_bin, number, holder, usable }
    }
}

impl From<ClassGroup> for ClassBody {
    fn from(class: ClassGroup) -> Self {
        let ClassGroup { id, school_year, name, level, .. } = class;
        ClassBody { id, school_year, name, level }
    }
}

impl From<Pupil> for PupilBody {
    fn from(pupil: Pupil) -> Self {
        let Pupil { id, code, full_name, family_id, birth_day, .. } = pupil;
        PupilBody { id, code, full_name, family_id, birth_day: birth_day.map(|day| day.to_string()) }
    }
}
