//! The desk of the accountant and the head of school.
//!
//! **Invariant:** a page shows only the school that [`super::seat::Desk`] found the person to work at; every form goes
//! through [`super::form::Form`]. Deliberately absent: rules; a page asks a room and shows what it says.

mod home;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::House;
use super::frame::Link;
use super::seat::Desk;

/// `/desk…`
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/desk", get(home::page))
        .route("/desk/sign-in", get(sign_in::page).post(sign_in::submit))
        .route("/desk/sign-out", post(sign_in::sign_out))
        .route("/desk/school", get(sign_in::schools).post(sign_in::choose))
}

/// The menu of the desk.
pub(super) fn menu(desk: &Desk) -> Vec<Link> {
    let words = desk.seat.words();
    vec![Link { href: "/desk".to_owned(), text: words.frame.home, here: false }]
}
