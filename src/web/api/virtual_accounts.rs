//! Virtual accounts that a bank gave out, so that money which comes through one pays its invoice.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::Caller;
use super::problem::{Id, Problems};
use crate::inbox::{self, GivenAccount};
use crate::web::House;
use crate::web::failure::Failure;

/// Virtual accounts and whose they shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccountsBody {
    /// `con_…`: the connection whose provider tells of them.
    pub connection: String,
    /// All of them lead to an invoice afterwards, or none.
    pub accounts: Vec<NewAccountBody>,
}

/// One virtual account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccountBody {
    /// A pupil's code, for the one invoice the pupil owes, or a payment reference.
    pub whose: String,
    /// 1 to 19 letters and digits.
    pub number: String,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct GivenBody {
    /// These lead to an invoice now.
    pub new: usize,
    /// These did before.
    pub known: usize,
}

/// Makes virtual accounts lead to invoices; sent again it changes nothing. A number serves one invoice for ever.
#[utoipa::path(post, path = "/schools/{school}/virtual-accounts", tag = "invoices",
    security(("api_key" = ["fees:write"])),
    params(("school" = String, Path, description = "`sch_…`")),
    request_body = NewAccountsBody,
    responses((status = 200, body = GivenBody), Problems))]
pub async fn give_accounts(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    body: Body<NewAccountsBody>,
) -> Result<Json<GivenBody>, Failure> {
    caller.needs("fees:write")?;
    let school = caller.school(&school)?;
    let accounts = body.value.accounts.into_iter().enumerate();
    let given: Vec<GivenAccount> = accounts
        .map(|(place, one)| GivenAccount {
            at: format!("accounts[{place}]"),
            whose: one.whose,
            number: one.number.trim().to_owned(),
        })
        .collect();
    let to = (school.id.as_str(), body.value.connection.as_str());
    let done = inbox::give_accounts(&house.store, &house.clock, to, &given, &caller.key.id).await?;
    Ok(Json(GivenBody { new: done.new, known: done.known }))
}
