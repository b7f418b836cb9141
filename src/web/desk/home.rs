//! Where the desk begins.

use askama::Template;
use axum::response::Response;

use crate::access::Role;
use crate::web::failure::Failure;
use crate::web::frame::{Frame, show};
use crate::web::seat::Desk;

#[derive(Template)]
#[template(path = "desk/home.html")]
struct Home {
    frame: Frame,
    welcome: String,
    role: &'static str,
    school: String,
}

pub(super) async fn page(desk: Desk) -> Result<Response, Failure> {
    let words = &desk.seat.words().sign_in;
    show(&Home {
        welcome: (words.welcome)(&desk.seat.person.name),
        role: if desk.role == Role::Head { words.head } else { words.accountant },
        school: desk.school.name.clone(),
        frame: Frame::desk(&desk, desk.seat.words().frame.home),
    })
}
