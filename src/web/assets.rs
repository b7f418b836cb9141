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
const DESK_SCRIPT: &str = include_str!("assets/desk.js");

/// Where the stylesheet of the desk and the supervisor lies.
pub static DESK_STYLE_PATH: LazyLock<String> = LazyLock::new(|| named(DESK_STYLE, "css"));
/// Where their script lies.
pub static DESK_SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| named(DESK_SCRIPT, "js"));

fn named(text: &str, kind: &str) -> String {
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    format!("/assets/desk-{}.{kind}", &hash[..12])
}

/// `/assets/…`
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/assets/{name}", get(asset))
}

/// The hash of an inline style or script as a policy names it: `'sha256-…'`.
pub fn policy_hash(inline: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(inline.as_bytes())))
}

async fn asset(Path(name): Path<String>) -> Result<Response, Failure> {
    let is = |path: &str| path.strip_prefix("/assets/") == Some(&name);
    let (kind, text) = match () {
        () if is(&DESK_STYLE_PATH) => ("text/css; charset=utf-8", DESK_STYLE),
        () if is(&DESK_SCRIPT_PATH) => ("text/javascript; charset=utf-8", DESK_SCRIPT),
        () => return Err(Refusal::absent().into()),
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, text).into_response())
}
