//! Signing in and out, and choosing the school to work at.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tower_sessions::Session;

use crate::access;
use crate::access::limits::Limits;
use crate::fault::{Error, Kind};
use crate::ids;
use crate::roll;
use crate::web::House;
use crate::web::client::Client;
use crate::web::failure::{Failure, foreign_form};
use crate::web::form::Form;
use crate::web::frame::{Frame, show};
use crate::web::seat::{self, Seat};
use crate::web::words::Language;

/// The cookie that ties the sign-in form to the browser that opened it, before there is a session.
const KNOCK: &str = "hp_knock";

#[derive(Template)]
#[template(path = "desk/sign_in.html")]
struct SignInPage {
    frame: Frame,
    knock: String,
    next: String,
    login: String,
    refused: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    knock: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn page(
    State(house): State<Arc<House>>,
    language: Language,
    Query(next): Query<Next>,
) -> Result<Response, Failure> {
    knock_page(&house, language, next.next, String::new(), None)
}

/// The form with a new knock: the cookie holds a random text, the form its seal.
fn knock_page(
    house: &House,
    language: Language,
    next: String,
    login: String,
    refused: Option<String>,
) -> Result<Response, Failure> {
    let token = ids::new_token()?;
    let frame = Frame::public(language, language.words().sign_in.title);
    let mut response = show(&SignInPage { frame, knock: sealed(house, &token), next, login, refused })?;
    let secure = if house.public_url().starts_with("http://") { "" } else { "; Secure" };
    let cookie = format!("{KNOCK}={token}; Path=/desk/sign-in; HttpOnly; SameSite=Strict; Max-Age=3600{secure}");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

fn sealed(house: &House, token: &str) -> String {
    house.vault.master().page_token("sign-in form", token)
}

pub(super) async fn submit(
    State(house): State<Arc<House>>,
    Extension(limits): Extension<Arc<Limits>>,
    language: Language,
    Client(address): Client,
    session: Session,
    headers: HeaderMap,
    axum_extra::extract::Form(fields): axum_extra::extract::Form<Fields>,
) -> Result<Response, Failure> {
    let cookies = CookieJar::from_headers(&headers);
    let knock = cookies.get(KNOCK).map(|cookie| sealed(&house, cookie.value())).unwrap_or_default();
    if knock.is_empty() || !bool::from(knock.as_bytes().ct_eq(fields.knock.as_bytes())) {
        return Err(foreign_form().into());
    }
    let login = fields.login.trim().to_lowercase();
    limits.sign_in_address.knock(address.clone())?;
    limits.sign_in_login.knock(format!("{login} {address}"))?;
    limits.sign_in_name.knock(login.clone())?;
    match access::sign_in(&house.store, &login, &fields.password).await {
        Ok(person) => {
            seat::sit_down(&house, &session, &person).await?;
            Ok(Redirect::to(own_path(&fields.next)).into_response())
        }
        Err(Error::Refused(refusal)) if refusal.kind == Kind::Unproven => {
            let said = if language == Language::En { refusal.en } else { refusal.vi };
            let page = knock_page(&house, language, fields.next, login, Some(said))?;
            Ok((StatusCode::UNAUTHORIZED, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Only a page of the desk or the supervisor, never another host.
fn own_path(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte));
    let ours = ["/desk", "/oversight"]
        .iter()
        .any(|prefix| next.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    if plain && ours && !next.starts_with("/desk/sign-") { next } else { "/desk" }
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn sign_out(session: Session, _form: Form<Nothing>) -> Result<Response, Failure> {
    seat::stand_up(&session).await?;
    Ok(Redirect::to("/desk/sign-in").into_response())
}

#[derive(Template)]
#[template(path = "desk/school.html")]
struct SchoolsPage {
    frame: Frame,
    schools: Vec<roll::School>,
}

pub(super) async fn schools(State(house): State<Arc<House>>, seat: Seat) -> Result<Response, Failure> {
    if seat.start() == "/oversight" {
        return Ok(Redirect::to("/oversight").into_response());
    }
    let mut schools = Vec::new();
    for id in seat.school_ids() {
        schools.extend(roll::school(&house.store, id).await?);
    }
    show(&SchoolsPage { frame: Frame::of(&seat, seat.words().sign_in.choose_school), schools })
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    school: String,
}

pub(super) async fn choose(session: Session, form: Form<Chosen>) -> Result<Response, Failure> {
    seat::choose_school(&form.seat, &session, &form.fields.school).await?;
    Ok(Redirect::to("/desk").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_nobody_is_sent_to_another_host() {
        for own in ["/desk", "/desk/runs", "/oversight", "/desk/pupils/pup_0"] {
            assert_eq!(own_path(own), own);
        }
        let foreign = [
            "",
            "https://thief.example",
            "//thief.example",
            "/desk@thief",
            "/deskthief",
            "/desk/sign-out",
            "/desk?x=//a",
        ];
        for foreign in foreign {
            assert_eq!(own_path(foreign), "/desk", "{foreign}");
        }
    }
}
