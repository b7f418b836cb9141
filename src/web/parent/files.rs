//! What a parent may keep: the code's picture.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{Opened, code_of};
use crate::fault::Refusal;
use crate::vietqr::image::Level;
use crate::web::House;
use crate::web::failure::Failure;

/// Dots a square: about 800 dots a side, sharp on every phone and under 2 KB.
const SCALE: usize = 16;

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    save: String,
}

/// The picture of the code for what is owed now: shown in place, or saved with `?save=1`.
pub(super) async fn picture(
    State(house): State<Arc<House>>,
    Query(asked): Query<Asked>,
    opened: Opened,
) -> Result<Response, Failure> {
    let code = code_of(&house.store, &opened.page).await?;
    let qr = code.ready().ok_or_else(Refusal::absent)?;
    let picture = qr.picture(Level::Screen)?.png(SCALE)?;
    let way = if asked.save.is_empty() { "inline" } else { "attachment" };
    let name = format!("{way}; filename=\"vietqr-{}.png\"", opened.page.invoice.reference);
    let headers = [(header::CONTENT_TYPE, "image/png".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, picture).into_response())
}
