//! Money that came: what was told, what was decided, and what a person decides about what is held.

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
use crate::matching::{self, Act, Shown, Suggestion};
use crate::web::House;
use crate::web::failure::Failure;

/// An incoming transfer, without its text: that is the payer's.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditBody {
    /// `crd_…`
    pub id: String,
    /// `sch_…`
    pub school_id: String,
    /// `acc_…`, the account it came into.
    pub account_id: String,
    /// In đồng.
    pub amount: i64,
    /// Always `VND`.
    pub currency: String,
    /// The bank's day, `2026-11-22`.
    pub bank_day: String,
    /// When it came, RFC 3339.
    pub value_time: String,
    /// The payment reference in its text, when there is exactly one.
    pub reference: Option<String>,
    /// `undecided`, `settle`, `part`, `over`, `hold`, `assign`, `release` or `same`.
    pub decision: String,
    /// Why it is held, when it is: `near_reference` as long as there is a suggestion, otherwise `no_reference`,
    /// `unknown_reference`, …
    pub reason: Option<String>,
    /// Unpaid invoices of the school whose references are one symbol off from its text, the likeliest first. No money
    /// goes there by itself: a person decides, by `assign`.
    pub near: Vec<NearBody>,
    /// `inv_…`, the invoice it is on.
    pub invoice_id: Option<String>,
    /// Rises with each decision; 0 while there is none.
    pub turn: i64,
    /// Does the bank's statement show it?
    pub proved: bool,
}

/// An invoice that the payer may have meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct NearBody {
    /// `inv_…`
    pub invoice_id: String,
    /// `pup_…`
    pub pupil_id: String,
    /// The pupil's code at the school.
    pub pupil_code: String,
    /// The class on the day of issue.
    pub class_name: String,
    /// What is still owed, in đồng.
    pub owed: i64,
    /// The invoice's reference.
    #[schema(example = "RF42BCFGHJKLM")]
    pub reference: String,
    /// What was typed instead, in upper case and without what stands between.
    pub typed: String,
    /// `wrong`, `lost`, `added` or `swapped`: what happened to one symbol, or to two neighbours.
    pub slip: String,
    /// Where, counted from 0.
    pub place: usize,
}

/// Which credits.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CreditsAsked {
    /// Only those that wait for a person.
    #[serde(default)]
    pub held: bool,
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// Rows on the page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
}

/// Where a credit shall go, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignBody {
    /// `inv_…`, an open invoice of the same school.
    pub invoice_id: String,
    /// A sentence for the books.
    pub reason: String,
    /// The `turn` of the credit when this was decided: should it have risen since, the answer is 409 and nothing moves.
    #[schema(minimum = 0)]
    pub turn: Option<i64>,
}

/// The credits of a school, page by page.
#[utoipa::path(get, path = "/schools/{school}/credits", tag = "money", security(("api_key" = ["credits:read"])),
    params(("school" = String, Path, description = "`sch_…`"), CreditsAsked),
    responses((status = 200, body = Page<CreditBody>), Problems))]
pub async fn list_credits(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    asked: Result<Query<CreditsAsked>, QueryRejection>,
) -> Result<Json<Page<CreditBody>>, Failure> {
    caller.needs("credits:read")?;
    let school = caller.school(&school)?;
    let CreditsAsked { held, cursor, limit } = asked.map_err(unreadable_query)?.0;
    let (after, limit) = PageAsked { cursor, limit }.window()?;
    let credits = matching::credits_after(&house.store, &school.id, &after, limit + 1, held).await?;
    let bodies = bodies(&house, &school.id, credits).await?;
    Ok(Json(Page::new(bodies, limit, |credit: &CreditBody| &credit.id)))
}

/// One credit.
#[utoipa::path(get, path = "/credits/{credit}", tag = "money", security(("api_key" = ["credits:read"])),
    params(("credit" = String, Path, description = "`crd_…`")),
    responses((status = 200, body = CreditBody), Problems))]
pub async fn show_credit(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(credit): Id,
) -> Result<Json<CreditBody>, Failure> {
    caller.needs("credits:read")?;
    Ok(Json(reachable(&house, &caller, &credit).await?))
}

/// Gives a held credit to an invoice.
#[utoipa::path(post, path = "/credits/{credit}/assign", tag = "money", security(("api_key" = ["credits:write"])),
    params(("credit" = String, Path, description = "`crd_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 ASCII characters")),
    request_body = AssignBody,
    responses((status = 200, body = CreditBody), Problems))]
pub async fn assign_credit(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(credit): Id,
    key: RequestKey,
    body: Body<AssignBody>,
) -> Result<Json<CreditBody>, Failure> {
    decide(&house, &caller, &credit, &key, &body.fingerprint, &Does::Assign(&body.value)).await
}

/// Moves a credit that went to the wrong invoice; the old receipt becomes void and a new one is issued.
#[utoipa::path(post, path = "/credits/{credit}/move", tag = "money", security(("api_key" = ["credits:write"])),
    params(("credit" = String, Path, description = "`crd_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 ASCII characters")),
    request_body = AssignBody,
    responses((status = 200, body = CreditBody), Problems))]
pub async fn move_credit(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(credit): Id,
    key: RequestKey,
    body: Body<AssignBody>,
) -> Result<Json<CreditBody>, Failure> {
    decide(&house, &caller, &credit, &key, &body.fingerprint, &Does::Move(&body.value)).await
}

/// Says that a doubtful credit is one we have already.
#[utoipa::path(post, path = "/credits/{credit}/same", tag = "money", security(("api_key" = ["credits:write"])),
    params(("credit" = String, Path, description = "`crd_…`"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 ASCII characters")),
    request_body = ReasonBody,
    responses((status = 200, body = CreditBody), Problems))]
pub async fn same_credit(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(credit): Id,
    key: RequestKey,
    body: Body<ReasonBody>,
) -> Result<Json<CreditBody>, Failure> {
    decide(&house, &caller, &credit, &key, &body.fingerprint, &Does::Same(&body.value)).await
}

/// What a program does with a credit.
enum Does<'a> {
    Assign(&'a AssignBody),
    Move(&'a AssignBody),
    Same(&'a ReasonBody),
}

impl Does<'_> {
    /// The word by which the operation is remembered, the reason for the books, and the turn it was decided upon.
    fn said(&self) -> (&'static str, &str, Option<i64>) {
        match self {
            Does::Assign(body) => ("assign-credit", &body.reason, body.turn),
            Does::Move(body) => ("move-credit", &body.reason, body.turn),
            Does::Same(body) => ("same-credit", &body.reason, None),
        }
    }
}

/// Does it once, and shows the credit as it then stands.
async fn decide(
    house: &House,
    caller: &Caller,
    credit: &str,
    key: &RequestKey,
    fingerprint: &str,
    does: &Does<'_>,
) -> Result<Json<CreditBody>, Failure> {
    caller.needs("credits:write")?;
    reachable(house, caller, credit).await?;
    let (word, reason, turn) = does.said();
    let once = Once::new(caller, key, word, credit, fingerprint);
    let mut touched = Vec::new();
    once!(house, once, 200, |tx, now| {
        let act = Act::new(now, &once.caller.key.id, reason)?.having_seen(turn);
        touched = match does {
            Does::Assign(body) => matching::assign_in(tx, &house.vault, credit, &body.invoice_id, &act).await?.invoices,
            Does::Move(body) => matching::move_to_in(tx, &house.vault, credit, &body.invoice_id, &act).await?.invoices,
            Does::Same(_) => {
                matching::same_in(tx, credit, &act).await?;
                Vec::new()
            }
        };
        Ok(credit.to_owned())
    })?;
    house.changed(&touched);
    Ok(Json(reachable(house, caller, credit).await?))
}

/// A credit of a school within reach; any other answers as if it did not exist.
async fn reachable(house: &House, caller: &Caller, credit_id: &str) -> Result<CreditBody> {
    let credit = matching::shown(&house.store, credit_id).await?.ok_or_else(Refusal::absent)?;
    let school = caller.school(&credit.school_id)?;
    let body = bodies(house, &school.id, vec![credit]).await?.pop();
    Ok(body.ok_or_else(Refusal::absent)?)
}

/// A school's credits with what is suggested for those that are held.
async fn bodies(house: &House, school_id: &str, credits: Vec<Shown>) -> Result<Vec<CreditBody>> {
    let is_near = |credit: &&Shown| {
        credit.kind.as_deref() == Some("hold") && credit.reason.as_deref().is_some_and(matching::may_be_near)
    };
    let asked: Vec<String> = credits.iter().filter(is_near).map(|credit| credit.id.clone()).collect();
    let mut near = matching::near(&house.store, &house.vault, school_id, &asked).await?;
    let body = |credit: Shown| {
        let found = near.remove(&credit.id).unwrap_or_default();
        let mut body = CreditBody::from(credit);
        if !found.is_empty() {
            body.reason = Some(matching::NEAR_REFERENCE.to_owned());
        }
        body.near = found.into_iter().map(NearBody::from).collect();
        body
    };
    Ok(credits.into_iter().map(body).collect())
}

impl From<Suggestion> for NearBody {
    fn from(found: Suggestion) -> Self {
        NearBody {
            invoice_id: found.invoice.id,
            pupil_id: found.invoice.pupil_id,
            pupil_code: found.invoice.pupil_code,
            class_name: found.invoice.class_name,
            owed: found.invoice.money.owed.get(),
            reference: found.near.reference.to_string(),
            slip: found.near.slip.code().to_owned(),
            place: found.near.place,
            typed: found.near.typed,
        }
    }
}

impl From<Shown> for CreditBody {
    fn from(credit: Shown) -> Self {
        CreditBody {
            id: credit.id,
            school_id: credit.school_id,
            account_id: credit.account_id,
            amount: credit.amount.get(),
            currency: "VND".to_owned(),
            bank_day: credit.day.to_string(),
            value_time: credit.value_at.rfc3339(),
            reference: credit.payment_reference,
            decision: credit.kind.unwrap_or_else(|| "undecided".to_owned()),
            reason: credit.reason.filter(|reason| !reason.is_empty()),
            near: Vec::new(),
            invoice_id: credit.invoice_id,
            turn: credit.turn,
            proved: credit.line_id.is_some(),
        }
    }
}
