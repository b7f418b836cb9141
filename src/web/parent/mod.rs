//! The parent's page and the public check of a receipt.
//!
//! **Invariants:** whoever holds the link sees initials, never a name, until a second fact is given; a code is shown
//! only through [`crate::vietqr::VerifiedQr`]; a held credit is never shown as paid; the first view is one request.
//! Deliberately absent: a sign-in, a field for an account number or an OTP, and anything from another host.

mod check;
mod code;
mod events;
mod files;
mod page;
mod second_fact;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::House;
use super::client::Client;
use super::failure::Failure;
use crate::access::limits::Limits;
use crate::fault::{Refusal, Result};
use crate::fees::view::{self, InvoicePage};
use crate::receipts::{self, Payment, Receipt};
use crate::vietqr::VerifiedQr;

pub use code::{Code, code_of, code_under};

/// `/p/…` and `/check/…`
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/p/{token}", get(page::show))
        .route("/p/{token}/name", post(second_fact::give))
        .route("/p/{token}/events", get(events::stream))
        .route("/p/{token}/qr.png", get(files::picture))
        .route("/p/{token}/notice.pdf", get(files::notice))
        .route("/p/{token}/receipts/{file}", get(files::receipt))
        .route("/check/{token}", get(check::page))
}

/// What a link leads to: the invoice with its money as the books have it now.
struct Opened {
    /// The link's token; it stands in the page's own links and nowhere else.
    token: String,
    page: InvoicePage,
    code: Code,
    payments: Vec<Payment>,
    receipts: Vec<Receipt>,
}

impl Opened {
    async fn by_token(house: &House, token: &str) -> Result<Option<Opened>> {
        let fits = token.len() == 26 && token.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let found = if fits { view::page(&house.store, token).await? } else { None };
        let Some(page) = found else { return Ok(None) };
        Ok(Some(Opened {
            payments: receipts::payments_of(&house.store, &page.invoice.id).await?,
            receipts: receipts::of_invoice(&house.store, &page.invoice.id).await?,
            code: code_of(&house.store, &page).await?,
            token: token.to_owned(),
            page,
        }))
    }

    /// Changes whenever the page would say something else about the money, or show another code.
    fn mark(&self) -> String {
        let proved = self.payments.iter().filter(|payment| payment.proved_at.is_some()).count();
        let void = self.receipts.iter().filter(|receipt| receipt.void_reason.is_some()).count();
        let money = self.page.money;
        let counts = (self.payments.len(), proved, self.receipts.len(), void);
        let code = self.code.ready().map(VerifiedQr::text);
        let invoice = &self.page.invoice;
        let text = format!("{:?} {money:?} {counts:?} {:?} {code:?}", invoice.lifecycle, self.page.account.frozen_at);
        let mut mark = crate::seal::token_hash(&text);
        mark.truncate(16);
        mark
    }
}

impl FromRequestParts<Arc<House>> for Opened {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Response> {
        let refuse = |error: crate::fault::Error| Failure::from(error).into_response();
        let absent = || Failure::from(Refusal::absent()).into_response();
        let Path(params) =
            Path::<Vec<(String, String)>>::from_request_parts(parts, house).await.map_err(|_| absent())?;
        let token = params.into_iter().find(|(name, _)| name == "token").map(|(_, token)| token).ok_or_else(absent)?;
        let Ok(Client(address)) = Client::from_request_parts(parts, house).await;
        if let Ok(Extension(limits)) = Extension::<Arc<Limits>>::from_request_parts(parts, house).await {
            limits.parent_page.knock(format!("{} {address}", crate::seal::token_hash(&token))).map_err(refuse)?;
        }
        Opened::by_token(house, &token).await.map_err(refuse)?.ok_or_else(absent)
    }
}
