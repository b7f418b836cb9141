//! The API for programs: `/api/v1` for everything the desk can do, `/feed/v1` for the city, both described by an
//! OpenAPI 3.1 document made from the types that serve them.
//!
//! **Invariants:** an operation names its scope and its schools before it reads anything; whatever moves money needs an
//! `Idempotency-Key` that is kept with the money; a foreign thing answers as an absent one; every answer is in the
//! document.
//!
//! Deliberately absent: offsets, versions in headers, and any rule that a room does not have.

mod body;
mod caller;
mod credits;
mod endpoints;
mod feed;
mod invoices;
mod once;
mod page;
mod problem;
mod receipts;
mod runs;
mod schools;
mod statements;
mod told;
mod virtual_accounts;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use self::told::Webhooks;
use super::House;

pub use body::{FILE_BYTES_MOST, JSON_BYTES_MOST};

/// What stands above the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Học Phí",
        description = "Cashless school fees: invoices, credits, receipts, the city's feed. Amounts are whole đồng. \
                       Whatever moves money takes an `Idempotency-Key`: unique for a key, an operation and a thing, \
                       kept as long as the money; the same body again gives the same answer, another one 422."
    ),
    modifiers(&ApiKeys, &Webhooks),
    components(schemas(told::ToldBody)),
    tags(
        (name = "roll", description = "Schools, classes, pupils"),
        (name = "fees", description = "The catalogue and billing runs"),
        (name = "invoices", description = "What each pupil owes"),
        (name = "money", description = "Credits, receipts, statements"),
        (name = "webhooks", description = "Being told"),
        (name = "feed", description = "For the city")
    )
)]
struct Document;

struct ApiKeys;

impl Modify for ApiKeys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("hp_live_…").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// The API, its document and the pages that show it.
pub fn routes() -> Router<Arc<House>> {
    let (router, document) = operations().split_for_parts();
    let shown = Json(document.clone());
    let pages = SwaggerUi::new("/api/docs").config(Config::from("/api/openapi.json").validator_url("none"));
    router.route("/api/openapi.json", get(async move || shown.clone())).merge(pages)
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    operations().into_openapi()
}

fn operations() -> OpenApiRouter<Arc<House>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .nest(
            "/api/v1",
            OpenApiRouter::new()
                .routes(routes!(schools::list_schools))
                .routes(routes!(schools::show_school))
                .routes(routes!(schools::list_classes))
                .routes(routes!(schools::list_pupils))
                .routes(routes!(schools::take_roster))
                .routes(routes!(runs::list_fee_items))
                .routes(routes!(runs::take_fees))
                .routes(routes!(runs::list_runs))
                .routes(routes!(runs::create_run))
                .routes(routes!(runs::show_run))
                .routes(routes!(runs::preview_run))
                .routes(routes!(runs::issue_run))
                .routes(routes!(runs::publish_run))
                .routes(routes!(runs::undo_run))
                .merge(money()),
        )
        .nest("/feed/v1", OpenApiRouter::new().routes(routes!(feed::list_entries)).routes(routes!(feed::list_revenue)))
}

fn money() -> OpenApiRouter<Arc<House>> {
    OpenApiRouter::new()
        .routes(routes!(invoices::list_invoices))
        .routes(routes!(invoices::show_invoice))
        .routes(routes!(invoices::void_invoice))
        .routes(routes!(invoices::reinstate_invoice))
        .routes(routes!(virtual_accounts::give_accounts))
        .routes(routes!(credits::list_credits))
        .routes(routes!(credits::show_credit))
        .routes(routes!(credits::assign_credit))
        .routes(routes!(credits::move_credit))
        .routes(routes!(credits::same_credit))
        .routes(routes!(receipts::list_receipts))
        .routes(routes!(receipts::show_receipt))
        .routes(routes!(statements::take_statement, statements::list_statements))
        .routes(routes!(statements::show_statement))
        .routes(routes!(statements::seal_statement))
        .routes(routes!(statements::show_day))
        .routes(routes!(endpoints::list_endpoints, endpoints::create_endpoint))
        .routes(routes!(endpoints::end_endpoint))
}
