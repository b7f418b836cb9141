//! The second fact: day and month of the child's birth. Who gives it sees the whole name on this phone from then on.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::Opened;
use crate::access;
use crate::seal::token_hash;
use crate::web::House;
use crate::web::failure::Failure;

/// Half a year: a school term and its holidays.
const COOKIE_SECONDS: u32 = 180 * 24 * 60 * 60;

#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    day: String,
    #[serde(default)]
    month: String,
}

/// Was the second fact about this pupil given on this phone?
pub(super) fn is_given(house: &House, headers: &HeaderMap, pupil_id: &str) -> bool {
    let cookies = CookieJar::from_headers(headers);
    let Some(cookie) = cookies.get(&cookie_name(pupil_id)) else { return false };
    bool::from(cookie.value().as_bytes().ct_eq(proof(house, pupil_id).as_bytes()))
}

fn cookie_name(pupil_id: &str) -> String {
    let hash = token_hash(pupil_id);
    format!("hp_f{}", hash.get(..10).unwrap_or_default())
}

fn proof(house: &House, pupil_id: &str) -> String {
    house.vault.master().page_token("second fact", pupil_id)
}

pub(super) async fn give(
    State(house): State<Arc<House>>,
    opened: Opened,
    axum_extra::extract::Form(fields): axum_extra::extract::Form<Fields>,
) -> Result<Response, Failure> {
    let pupil = &opened.page.pupil;
    let given = (fields.day.trim().parse::<i8>().ok(), fields.month.trim().parse::<i8>().ok());
    let born = pupil.birth_day.map(|day| (Some(day.0.day()), Some(day.0.month())));
    // By pupil and not by address: whoever guesses may have many addresses, and there are only 366 days.
    let about = format!("second fact {}", pupil.id);
    if !access::guess(&house.store, &house.clock, &about, born == Some(given)).await? {
        return Ok(Redirect::to(&format!("/p/{}?day=wrong#whose", opened.token)).into_response());
    }
    let secure = if house.public_url().starts_with("http://") { "" } else { "; Secure" };
    let (name, value) = (cookie_name(&pupil.id), proof(&house, &pupil.id));
    let cookie = format!("{name}={value}; Path=/p/; HttpOnly; SameSite=Lax; Max-Age={COOKIE_SECONDS}{secure}");
    let mut response = Redirect::to(&format!("/p/{}", opened.token)).into_response();
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}
