//! Where a program wants to be told: signed webhooks (Standard Webhooks), and what became of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::caller::Caller;
use super::problem::{Id, Problems};
use crate::outbox;
use crate::web::House;
use crate::web::failure::Failure;

/// An address to be told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEndpointBody {
    /// `https://…`, public.
    pub url: String,
}

/// An address that is told. The secret is shown once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointBody {
    /// `whe_…`
    pub id: String,
    /// Where.
    pub url: String,
    /// `whsec_…`, only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Is it told still?
    pub live: bool,
}

/// The addresses of a school that are told.
#[utoipa::path(get, path = "/schools/{school}/webhook-endpoints", tag = "webhooks",
    security(("api_key" = ["webhooks:write"])),
    params(("school" = String, Path, description = "`sch_…`")),
    responses((status = 200, body = Vec<EndpointBody>), Problems))]
pub async fn list_endpoints(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
) -> Result<Json<Vec<EndpointBody>>, Failure> {
    caller.needs("webhooks:write")?;
    let school = caller.school(&school)?;
    let endpoints = outbox::endpoints(&house.store, &school.id).await?;
    let body = |endpoint: outbox::Endpoint| EndpointBody {
        id: endpoint.id,
        url: endpoint.url,
        secret: None,
        live: endpoint.ended_at.is_none(),
    };
    Ok(Json(endpoints.into_iter().map(body).collect()))
}

/// Has a school's events told to an address from now on; a school has at most five.
#[utoipa::path(post, path = "/schools/{school}/webhook-endpoints", tag = "webhooks",
    security(("api_key" = ["webhooks:write"])),
    params(("school" = String, Path, description = "`sch_…`")),
    request_body = NewEndpointBody,
    responses((status = 201, body = EndpointBody), Problems))]
pub async fn create_endpoint(
    State(house): State<Arc<House>>,
    caller: Caller,
    Id(school): Id,
    body: Body<NewEndpointBody>,
) -> Result<(StatusCode, Json<EndpointBody>), Failure> {
    caller.needs("webhooks:write")?;
    let school = caller.school(&school)?;
    let url = body.value.url;
    let made = outbox::register(&house.store, &house.vault, &house.clock, &house.client, &school.id, &url).await?;
    let (id, secret) = made;
    Ok((StatusCode::CREATED, Json(EndpointBody { id, url, secret: Some(secret), live: true })))
}

/// Stops telling an address.
#[utoipa::path(delete, path = "/schools/{school}/webhook-endpoints/{endpoint}", tag = "webhooks",
    security(("api_key" = ["webhooks:write"])),
    params(("school" = String, Path, description = "`sch_…`"), ("endpoint" = String, Path, description = "`whe_…`")),
    responses((status = 204, description = "no more"), Problems))]
pub async fn end_endpoint(
    State(house): State<Arc<House>>,
    caller: Caller,
    axum::extract::Path((school, endpoint)): axum::extract::Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    caller.needs("webhooks:write")?;
    let school = caller.school(&school)?;
    if !crate::ids::is_id(&endpoint, outbox::ENDPOINT) {
        return Err(crate::fault::Refusal::absent().into());
    }
    outbox::unregister(&house.store, &house.clock, &school.id, &endpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}
