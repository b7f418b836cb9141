//! What we tell instead of being asked: the webhooks section of the API's document, one for each kind of event.

use serde::Serialize;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, ResponseBuilder};
use utoipa::{Modify, ToSchema};

use crate::outbox::Event;

/// What is posted to an endpoint, signed by Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
#[derive(Serialize, ToSchema)]
pub struct ToldBody {
    /// The kind of event.
    pub r#type: String,
    /// When it was promised, RFC 3339.
    pub timestamp: String,
    /// What it is about; ask the API for the rest.
    pub data: ToldOf,
}

/// What an event is about.
#[derive(Serialize, ToSchema)]
pub struct ToldOf {
    /// The credit, receipt, run or invoice.
    pub id: String,
    /// `sch_…`
    pub school: String,
    /// `inv_…`, when there is one.
    pub invoice: Option<String>,
    /// In đồng.
    pub amount: i64,
}

/// Writes the section.
pub(super) struct Webhooks;

impl Modify for Webhooks {
    fn modify(&self, document: &mut OpenApi) {
        let mut webhooks = PathsBuilder::new();
        for event in Event::ALL {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ToldBody"))).build();
            let body = RequestBodyBuilder::new().content("application/json", content).build();
            let heard = ResponseBuilder::new().description("heard; anything else is told again later").build();
            let operation = OperationBuilder::new()
                .tag("webhooks")
                .operation_id(Some(event.code()))
                .summary(Some(event.meaning()))
                .request_body(Some(body))
                .response("2XX", heard)
                .build();
            webhooks = webhooks.path(event.code(), PathItem::new(HttpMethod::Post, operation));
        }
        document.webhooks = Some(webhooks.build());
    }
}
