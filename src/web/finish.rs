//! What somebody asked for is finished, though he hangs up or loses patience.
//!
//! The server drops a request whose connection is gone. A statement of a hundred thousand lines would then end in the
//! middle, and whoever brings it again would be told that it is still being read. What changes something therefore runs
//! beside its connection, and the program waits for it before it ends.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use super::House;

/// Reads are left where their reader left them.
pub async fn whole(State(house): State<Arc<House>>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    match house.begun.spawn(next.run(request).in_current_span()).await {
        Ok(answer) => answer,
        // Nobody stops these tasks, so this is a panic; it is answered where all are.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
