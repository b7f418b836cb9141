//! Files that pages name by their hash, so that a browser keeps them for ever and never keeps an old one.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::House;
use super::failure::Failure;
use crate::fault::Refusal;

const DESK_STYLE: &str = include_str!("assets/desk.css");

/// Where the stylesheet of the desk and the supervisor lies.
pub static DESK_STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let hash = hex::encode(Sha256::digest(DESK_STYLE.as_bytes()));
    format!("/assets/desk-{}.css", &hash[..12])
});

/// `/assets/…`
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/assets/{name}", get(asset))
}

/// The hash of an inline style or script as a policy names it: `'sha256-…'`.
pub fn policy_hash(inline: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(inline.as_bytes())))
}

async fn asset(Path(name): Path<String>) -> Result<Response, Failure> {
    if DESK_STYLE_PATH.strip_prefix("/assets/") != Some(&name) {
        return Err(Refusal::absent().into());
    }
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((headers, DESK_STYLE).into_response())
}
