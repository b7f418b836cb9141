//! Receipts by day, and where each may be checked by anybody.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::problem::{Id, Problems, unreadable_query};
use crate::fault::{Kind, Refusal, Result};
use crate::receipts::{self, Receipt};
use crate::time::Day;
use crate::web::House;
use crate::web::failure::Failure;

/// The most days of one list.
const DAYS_MOST: i64 = 31;

/// A receipt.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptBody {
    /// `rec_…`
    pub id: String,
    /// `sch_…`
    pub school_id: String,
    /// `C45-BB`
    pub series: String,
    /// Calendar year in UTC+7.
    pub year: i64,
    /// Eight digits, gapless in its series and year.
    #[schema(example = "00000042")]
    pub number: String,
    /// `inv_…`
    pub invoice_id: String,
    /// `crd_…`
    pub credit_id: String,
    /// What came, in đồng.
    pub amount: i64,
    /// What of it the invoice did not need, in đồng.
    pub surplus: i64,
    /// Always `VND`.
    pub currency: String,
    /// RFC 3339.
    pub issued_at: String,
    /// `valid` or `void`.
    pub state: String,
    /// Where anybody may check it.
    pub check_url: String,
}

/// Which days.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DaysAsked {
    /// The first day, `2026-11-01`.
    pub from: String,
    /// The last day, at most 31 days on.
    pub to: String,
}

/// The receipts that a school issued on these days, in the order of their numbers.
#[utoipa::path(get, path = "/schools/{school}/receipts", tag = "money", security(("api_key" = ["receipts:read"])),
    params(("school" = String, Path, description = "`sch_…`"), DaysAsked),
    responses((status = 200, body = Vec<ReceiptBody>), Problems))]
pub async fn list_receipts(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    asked: Result<Query<DaysAsked>, QueryRejection>,
) -> Result<Json<Vec<ReceiptBody>>, Failure> {
    caller.needs("receipts:read")?;
    let school = caller.school(&school)?;
    let (from, to) = days(&asked.map_err(unreadable_query)?.0)?;
    let receipts = receipts::of_school(&house.store, &school.id, from, to).await?;
    Ok(Json(receipts.into_iter().map(|receipt| body(&house, receipt)).collect()))
}

/// One receipt.
#[utoipa::path(get, path = "/receipts/{receipt}", tag = "money", security(("api_key" = ["receipts:read"])),
    params(("receipt" = String, Path, description = "`rec_…`")),
    responses((status = 200, body = ReceiptBody), Problems))]
pub async fn show_receipt(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(receipt): Id,
) -> Result<Json<ReceiptBody>, Failure> {
    caller.needs("receipts:read")?;
    let receipt = receipts::receipt_by_id(&house.store, &receipt).await?.ok_or_else(Refusal::absent)?;
    caller.school(&receipt.school_id)?;
    Ok(Json(body(&house, receipt)))
}

/// A day of a query.
///
/// # Errors
/// 400 with the parameter that is no day.
pub fn day(name: &'static str, text: &str) -> Result<Day, Refusal> {
    Day::parse(text).filter(|day| text.len() == 10 && day.to_string() == text).ok_or_else(|| {
        Refusal::new(Kind::Shape, "no-such-day", "Ngày phải viết như 2026-11-22.", "Write days as 2026-11-22.").at(
            name,
            "không phải ngày",
            "not a day",
        )
    })
}

fn days(asked: &DaysAsked) -> Result<(Day, Day), Refusal> {
    let (from, to) = (day("from", &asked.from)?, day("to", &asked.to)?);
    if to < from || to > from.plus_days(DAYS_MOST - 1) {
        return Err(Refusal::new(
            Kind::Meaning,
            "wrong-days",
            "Khoảng ngày phải từ 1 đến 31 ngày.",
            "Ask for 1 to 31 days.",
        ));
    }
    Ok((from, to))
}

fn body(house: &House, receipt: Receipt) -> ReceiptBody {
    let token = receipts::check_token(&house.vault, &receipt.id);
    ReceiptBody {
        number: receipt.printed_number(),
        check_url: format!("{}/check/{token}", house.public_url()),
        id: receipt.id,
        school_id: receipt.school_id,
        series: receipt.series,
        year: receipt.year,
        invoice_id: receipt.invoice_id,
        credit_id: receipt.credit_id,
        amount: receipt.amount.get(),
        surplus: receipt.surplus.get(),
        currency: "VND".to_owned(),
        issued_at: receipt.issued_at.rfc3339(),
        state: if receipt.void_reason.is_some() { "void" } else { "valid" }.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_of_days_is_the_most() {
        let asked = |from: &str, to: &str| days(&DaysAsked { from: from.to_owned(), to: to.to_owned() }).is_ok();
        assert!(asked("2026-10-01", "2026-10-30") && asked("2026-10-01", "2026-10-31"));
        assert!(!asked("2026-10-01", "2026-11-01") && !asked("2026-10-02", "2026-10-01"));
        assert!(!asked("1/10/2026", "2026-10-31") && !asked("2026-13-01", "2026-10-31"));
    }
}
