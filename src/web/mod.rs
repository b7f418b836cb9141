//! Everything that speaks HTTP: the hook of the banks, the parent's page, the desk, the supervisor, the API.
//!
//! **Invariants:** no rule about money or people is decided here, a handler asks a room; every state-changing form
//! carries the session's token and a one-use key; nothing of a page comes from another host; a token of a page stands
//! in no log, no header and no error; every refusal becomes a page or a problem in one place (`failure`).
//!
//! Deliberately absent: a client-side framework, pages that need a script, and inline code without its hash.

pub mod api;
pub mod assets;
pub mod client;
pub mod desk;
pub mod door;
pub mod failure;
mod finish;
pub mod form;
pub mod frame;
pub mod health;
pub mod hook;
mod journal;
pub mod oversight;
pub mod papers;
pub mod parent;
pub mod rehearse;
mod room;
pub mod seat;
pub mod setup;
pub mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

use crate::access::limits::Limits;
use crate::access::{SESSION_IDLE_MS, SessionRows};

pub use crate::clockwork::House;

/// Most bytes of a form; files have a limit of their own where they are taken.
pub const FORM_MOST: usize = 64 * 1024;
/// No page takes longer than this to begin.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a page may do unless it says otherwise: nothing from elsewhere, nothing inline, no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The whole program as one service.
pub fn router(house: Arc<House>) -> Router {
    let secure = !house.public_url().starts_with("http://");
    let sessions = SessionManagerLayer::new(SessionRows::new(house.store.clone(), house.clock.clone()))
        .with_name(if secure { "__Host-hp" } else { "hp" })
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(secure)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(tower_sessions::cookie::time::Duration::milliseconds(SESSION_IDLE_MS)));
    let pages = Router::new()
        .route("/", get(async || axum::response::Redirect::to("/desk")))
        .merge(desk::routes())
        .merge(oversight::routes())
        .layer(sessions)
        .merge(setup::routes())
        .merge(parent::routes())
        .merge(assets::routes())
        .merge(health::routes(&house.config))
        .merge(api::routes())
        .fallback(failure::absent)
        .method_not_allowed_fallback(failure::wrong_method);
    for_people(pages, &house).merge(for_banks(hook::routes(), &house)).with_state(house)
}

fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// What every page and every answer of the API passes on its way out, the innermost last. It is one stack of many
/// layers: many stacks of one layer would each copy, for each request, all that lie below.
fn for_people(pages: Router<Arc<House>>, house: &Arc<House>) -> Router<Arc<House>> {
    let layers = ServiceBuilder::new()
        .layer(Extension(Arc::new(Limits::default())))
        .layer(middleware::from_fn(journal::write))
        .layer(CatchPanicLayer::custom(failure::panicked))
        .layer(fixed(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PATIENCE))
        .layer(middleware::from_fn_with_state(Arc::clone(house), finish::whole))
        .layer(middleware::from_fn(failure::present))
        .layer(middleware::from_fn(words::remember_language))
        .layer(DefaultBodyLimit::max(FORM_MOST));
    pages.layer(layers)
}

/// The same for banks, whom nobody shows a page.
fn for_banks(hooks: Router<Arc<House>>, house: &Arc<House>) -> Router<Arc<House>> {
    let layers = ServiceBuilder::new()
        .layer(middleware::from_fn(journal::write))
        .layer(CatchPanicLayer::custom(failure::panicked))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PATIENCE))
        .layer(middleware::from_fn_with_state(Arc::clone(house), finish::whole))
        .layer(middleware::from_fn(failure::present));
    hooks.layer(layers)
}
