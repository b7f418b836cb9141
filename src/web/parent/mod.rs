//! The parent's page and the public check of a receipt.
//!
//! **Invariants:** whoever holds the link sees initials, never a name, until a second fact is given; a code is shown
//! only through [`crate::vietqr::VerifiedQr`]; a held credit is never shown as paid; the first view is one request.
//! Deliberately absent: a sign-in, a field for an account number or an OTP, and anything from another host.

use std::sync::Arc;

use axum::Router;

use super::House;

/// `/p/…` and `/check/…`
pub fn routes() -> Router<Arc<House>> {
    Router::new()
}
