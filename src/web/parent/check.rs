//! The public check of a receipt: valid or not, and the amount. Nothing else, whoever asks.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::response::Response;

use crate::access::limits::Limits;
use crate::fault::Refusal;
use crate::receipts;
use crate::web::House;
use crate::web::client::Client;
use crate::web::failure::Failure;
use crate::web::frame::{Frame, show};
use crate::web::words::Language;

#[derive(Template)]
#[template(path = "parent/check.html")]
struct CheckPage {
    frame: Frame,
    is_valid: bool,
    amount: String,
}

pub(super) async fn page(
    State(house): State<Arc<House>>,
    Extension(limits): Extension<Arc<Limits>>,
    language: Language,
    Client(address): Client,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    limits.check.knock(address)?;
    let checked = receipts::check(&house.store, &token).await?.ok_or_else(Refusal::absent)?;
    show(&CheckPage {
        frame: Frame::public(language, language.words().check.title),
        is_valid: checked.is_valid,
        amount: checked.amount.to_string(),
    })
}
