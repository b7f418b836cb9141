//! Invoices: what each pupil owes, where it stands, the link for the parent.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::Body;
use super::caller::Caller;
use super::once::{Once, RequestKey, once};
use super::page::{Page, PageAsked};
use super::problem::{Id, Problems, unreadable_query};
use super::runs::ReasonBody;
use crate::fault::{Refusal, Result};
use crate::fees::view::Standing;
use crate::fees::{self, Lifecycle, Line, OpenInvoice};
use crate::web::House;
use crate::web::failure::Failure;

/// A phiếu báo thu.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceBody {
    /// `inv_…`
    pub id: String,
    /// `run_…`
    pub run_id: String,
    /// `sch_…`
    pub school_id: String,
    /// `pup_…`
    pub pupil_id: String,
    /// What the transfer text must carry: 13 characters (ISO 11649).
    #[schema(example = "RF42BCFGHJKLM")]
    pub reference: String,
    /// `open` or `void`.
    pub lifecycle: String,
    /// `unpaid`, `part`, `paid` or `over`.
    pub position: String,
    /// In đồng.
    pub total: i64,
    /// What came for it, in đồng.
    pub paid: i64,
    /// What is still owed, in đồng.
    pub owed: i64,
    /// What came beyond it and is the family's credit, in đồng.
    pub surplus: i64,
    /// Always `VND`.
    pub currency: String,
    /// `2026-12-15`
    pub due_day: String,
    /// RFC 3339.
    pub issued_at: String,
    /// The parent's page; it opens once the run is published.
    pub page_url: String,
    /// Each khoản thu.
    pub lines: Vec<LineBody>,
}

/// One khoản thu on an invoice.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineBody {
    /// 1, 2, 3, …
    pub position: i64,
    /// `fit_…`
    pub item_id: String,
    /// The official name on the day of issue.
    pub official_name: String,
    /// The law behind it.
    pub legal_basis: String,
    /// `mandatory`, `agreed` or `voluntary`.
    pub necessity: String,
    /// Before exemptions, in đồng.
    pub gross: i64,
    /// What is taken off, in đồng.
    pub exemption: i64,
    /// What is asked, in đồng.
    pub payable: i64,
}

/// Which invoices.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InvoicesAsked {
    /// `run_…`: only of this run.
    pub run: Option<String>,
    /// `pup_…`: only of this pupil.
    pub pupil: Option<String>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// Rows on the page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
}

/// The invoices of a school, page by page.
#[utoipa::path(get, path = "/schools/{school}/invoices", tag = "invoices", security(("api_key" = ["invoices:read"])),
    params(("school" = String, Path, description = "`sch_…`"), InvoicesAsked),
    responses((status = 200, body = Page<InvoiceBody>), Problems))]
pub async fn list_invoices(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    asked: Result<Query<InvoicesAsked>, QueryRejection>,
) -> Result<Json<Page<InvoiceBody>>, Failure> {
    caller.needs("invoices:read")?;
    let school = caller.school(&school)?;
    let InvoicesAsked { run, pupil, cursor, limit } = asked.map_err(unreadable_query)?.0;
    let (after, limit) = PageAsked { cursor, limit }.window()?;
    // A NUL in a filter finds nothing; PostgreSQL would not even take it.
    let filter = |text: Option<String>| text.unwrap_or_default().replace('\0', "-");
    let (run, pupil) = (filter(run), filter(pupil));
    let ids = fees::view::invoice_ids_after(&house.store, &school.id, (&run, &pupil), &after, limit + 1).await?;
    let bodies = bodies(&house, &ids).await?;
    Ok(Json(Page::new(bodies, limit, |invoice| &invoice.id)))
}

/// One invoice with its lines and its money.
#[utoipa::path(get, path = "/invoices/{invoice}", tag = "invoices", security(("api_key" = ["invoices:read"])),
    params(("invoice" = String, Path, description = "`inv_…`")),
    responses((status = 200, body = InvoiceBody), Problems))]
pub async fn show_invoice(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(invoice): Id,
) -> Result<Json<InvoiceBody>, Failure> {
    caller.needs("invoices:read")?;
    let body = one(&house, &invoice).await?;
    caller.school(&body.school_id)?;
    Ok(Json(body))
}

/// Takes an invoice back. What was paid on it becomes the family's credit.
#[utoipa::path(post, path = "/invoices/{invoice}/void", tag = "invoices", security(("api_key" = ["invoices:write"])),
    params(("invoice" = String, Path, description = "`inv_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 ASCII characters")),
    request_body = ReasonBody,
    responses((status = 200, body = InvoiceBody), Problems))]
pub async fn void_invoice(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(invoice): Id,
    key: RequestKey,
    body: Body<ReasonBody>,
) -> Result<Json<InvoiceBody>, Failure> {
    turn(&house, &caller, &invoice, &key, &body, Lifecycle::Void).await
}

/// Brings a void invoice back under the same reference.
#[utoipa::path(post, path = "/invoices/{invoice}/reinstate", tag = "invoices",
    security(("api_key" = ["invoices:write"])),
    params(("invoice" = String, Path, description = "`inv_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 ASCII characters")),
    request_body = ReasonBody,
    responses((status = 200, body = InvoiceBody), Problems))]
pub async fn reinstate_invoice(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(invoice): Id,
    key: RequestKey,
    body: Body<ReasonBody>,
) -> Result<Json<InvoiceBody>, Failure> {
    turn(&house, &caller, &invoice, &key, &body, Lifecycle::Open).await
}

/// Turns an invoice void or open again, once, and shows it as it then stands.
async fn turn(
    house: &House,
    caller: &Caller,
    invoice: &str,
    key: &RequestKey,
    body: &Body<ReasonBody>,
    to: Lifecycle,
) -> Result<Json<InvoiceBody>, Failure> {
    caller.needs("invoices:write")?;
    caller.school(&one(house, invoice).await?.school_id)?;
    let word = if to == Lifecycle::Void { "void-invoice" } else { "reinstate-invoice" };
    let once = Once::new(caller, key, word, invoice, &body.fingerprint);
    once!(house, once, 200, |tx, now| {
        let (actor, reason) = (once.caller.key.id.as_str(), body.value.reason.as_str());
        match to {
            Lifecycle::Void => fees::void_invoice_in(tx, invoice, now, actor, reason).await?,
            Lifecycle::Open => fees::reinstate_invoice_in(tx, invoice, now, actor, reason).await?,
        }
        Ok(invoice.to_owned())
    })?;
    house.wake.ring();
    Ok(Json(one(house, invoice).await?))
}

async fn one(house: &House, id: &str) -> Result<InvoiceBody> {
    let found = bodies(house, &[id.to_owned()]).await?.pop();
    Ok(found.ok_or_else(Refusal::absent)?)
}

async fn bodies(house: &House, ids: &[String]) -> Result<Vec<InvoiceBody>> {
    let invoices = fees::invoices(&house.store, ids).await?;
    let totals: Vec<_> = invoices.iter().map(|invoice| (invoice.id.clone(), invoice.total)).collect();
    let mut standings = fees::view::standings(&house.store, &totals).await?;
    let bodies = invoices.into_iter().filter_map(|invoice| {
        let standing = standings.remove(&invoice.id)?;
        Some(body(house, invoice, standing))
    });
    Ok(bodies.collect())
}

fn body(house: &House, invoice: OpenInvoice, money: Standing) -> InvoiceBody {
    let token = house.vault.master().page_token("invoice", &invoice.id);
    InvoiceBody {
        page_url: format!("{}/p/{token}", house.public_url()),
        id: invoice.id,
        run_id: invoice.run_id,
        school_id: invoice.school_id,
        pupil_id: invoice.pupil_id,
        reference: invoice.reference,
        lifecycle: match invoice.lifecycle {
            Lifecycle::Open => "open".to_owned(),
            Lifecycle::Void => "void".to_owned(),
        },
        position: money.position.code().to_owned(),
        total: invoice.total.get(),
        paid: money.paid.get(),
        owed: money.owed.get(),
        surplus: money.surplus.get(),
        currency: "VND".to_owned(),
        due_day: invoice.due_day.to_string(),
        issued_at: invoice.issued_at.rfc3339(),
        lines: invoice.lines.into_iter().map(LineBody::from).collect(),
    }
}

impl From<Line> for LineBody {
    fn from(line: Line) -> Self {
        LineBody {
            position: line.position,
            item_id: line.item_id,
            official_name: line.official_name,
            legal_basis: line.legal_basis,
            necessity: line.necessity,
            gross: line.gross.get(),
            exemption: line.exemption.get(),
            payable: line.payable.get(),
        }
    }
}
