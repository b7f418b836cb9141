//! The desk's own copies of notices and receipts, with the pupil's whole name.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;

use super::lists::Between;
use super::{invoices, run};
use crate::fault::Refusal;
use crate::fees::view;
use crate::receipts;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::papers;
use crate::web::seat::Desk;

/// The notice of one invoice.
pub(super) async fn notice(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path(invoice_id): Path<String>,
) -> Result<Response, Failure> {
    let invoice = invoices::own(&house, &desk, &invoice_id).await?;
    let page = view::page_of(&house.store, &invoice.id).await?.ok_or_else(Refusal::absent)?;
    let file = papers::notices(&house, &[page], true).await?;
    Ok(papers::answer(file, &format!("thong-bao-{}", invoice.reference)))
}

/// The notices of a class in one file, in the order of the class list.
pub(super) async fn notices(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path((run_id, class_id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    run::own(&house, &desk, &run_id).await?;
    let pages = view::pages_of_class(&house.store, &run_id, &class_id).await?;
    Ok(papers::answer(papers::notices(&house, &pages, true).await?, "thong-bao-lop"))
}

/// The receipts issued on some days in one file, or one part of them; this month's unless somebody says otherwise.
pub(super) async fn receipts(
    State(house): State<Arc<House>>,
    desk: Desk,
    Query(asked): Query<Between>,
) -> Result<Response, Failure> {
    let (from, to) = asked.days(house.clock.now().day());
    let found = receipts::file_of_school(&house.store, &desk.school.id, (from, to), asked.part()).await?;
    let part = asked.part().map(|part| format!("-{part}")).unwrap_or_default();
    let file = papers::receipts_in_one(&house, &found, true).await?;
    Ok(papers::answer(file, &format!("bien-lai-{from}-{to}{part}")))
}

/// One receipt: `rec_….pdf`.
pub(super) async fn receipt(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path(file): Path<String>,
) -> Result<Response, Failure> {
    let id = file.strip_suffix(".pdf").ok_or_else(Refusal::absent)?;
    let receipt = receipts::receipt_by_id(&house.store, id).await?;
    let receipt = receipt.filter(|receipt| receipt.school_id == desk.school.id).ok_or_else(Refusal::absent)?;
    let file = papers::receipt(&house, &receipt, true).await?;
    Ok(papers::answer(file, &format!("bien-lai-{}-{}", receipt.year, receipt.printed_number())))
}
