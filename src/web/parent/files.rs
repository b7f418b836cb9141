//! What a parent may keep: the code's picture, the notice and the receipts.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{Opened, second_fact};
use crate::fault::Refusal;
use crate::vietqr::image::Level;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::papers;

/// Dots a square: about 800 dots a side, sharp on every phone and under 2 KB.
const SCALE: usize = 16;

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    save: String,
}

/// The picture of the code for what is owed now: shown in place, or saved with `?save=1`.
pub(super) async fn picture(Query(asked): Query<Asked>, opened: Opened) -> Result<Response, Failure> {
    let qr = opened.code.ready().ok_or_else(Refusal::absent)?;
    let picture = qr.picture(Level::Screen)?.png(SCALE)?;
    let way = if asked.save.is_empty() { "inline" } else { "attachment" };
    let name = format!("{way}; filename=\"vietqr-{}.png\"", opened.page.invoice.reference);
    let headers = [(header::CONTENT_TYPE, "image/png".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, picture).into_response())
}

/// The notice, to be printed or sent on.
pub(super) async fn notice(
    State(house): State<Arc<House>>,
    headers: HeaderMap,
    opened: Opened,
) -> Result<Response, Failure> {
    let knows = second_fact::is_given(&house, &headers, &opened.page.pupil.id);
    let file = papers::notices(&house, std::slice::from_ref(&opened.page), knows).await?;
    Ok(papers::answer(file, &format!("thong-bao-{}", opened.page.invoice.reference)))
}

/// A receipt of this invoice: `rec_….pdf`.
pub(super) async fn receipt(
    State(house): State<Arc<House>>,
    Path((_, file)): Path<(String, String)>,
    headers: HeaderMap,
    opened: Opened,
) -> Result<Response, Failure> {
    let id = file.strip_suffix(".pdf").ok_or_else(Refusal::absent)?;
    let receipt = opened.receipts.iter().find(|receipt| receipt.id == id).ok_or_else(Refusal::absent)?;
    let knows = second_fact::is_given(&house, &headers, &opened.page.pupil.id);
    let file = papers::receipt(&house, receipt, knows).await?;
    Ok(papers::answer(file, &format!("bien-lai-{}-{}", receipt.year, receipt.printed_number())))
}
