//! The pages that make authority, school, receiving account and first people: on the first day with a link that works
//! once, later for a supervisor.
//!
//! **Invariants:** the link opens nothing once anybody was let in, and stands in no log; a refused form keeps what was
//! typed; a password is shown on the page that answers the form and nowhere else. Deliberately absent: rules, which
//! are [`crate::roll::setup`]'s, and changing what was set up.

mod fields;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use subtle::ConstantTimeEq;

use fields::first_day;
pub(super) use fields::{Group, Typed, check, lines, of_school};

use super::House;
use super::failure::{Failure, foreign_form};
use super::form::{self, Once};
use super::frame::{Frame, show, show_again};
use super::words::{Language, SetupWords, Words};
use crate::access::Role;
use crate::fault::Refusal;
use crate::roll::setup::{self, Done, Line, LineKind};

/// `/setup/…`
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/setup/{token}", get(page).post(submit))
}

/// A form of fields in groups.
#[derive(Template)]
#[template(path = "setup/page.html", whitespace = "minimize")]
pub(super) struct FormPage {
    pub(super) frame: Frame,
    pub(super) lead: &'static str,
    pub(super) action: String,
    pub(super) press: &'static str,
    pub(super) groups: Vec<Group>,
}

/// Who was let in, with what they sign in with.
#[derive(Template)]
#[template(path = "setup/told.html", whitespace = "minimize")]
struct ToldPage {
    frame: Frame,
    w: &'static SetupWords,
    people: Vec<LetIn>,
    is_first: bool,
}

struct LetIn {
    role: &'static str,
    login: String,
    password: Option<String>,
}

/// The page that answers the form; without `done` the passwords were shown before.
pub(super) fn told(frame: Frame, lines: &[Line], done: Option<&Done>, is_first: bool) -> Result<Response, Failure> {
    let words = frame.words;
    let people = lines.iter().filter(|_| done.is_some()).filter_map(|line| {
        let LineKind::Person(role) = line.kind else { return None };
        let made = done.iter().flat_map(|done| &done.people).find(|(login, _, _)| *login == line.login);
        let password = made.and_then(|(_, _, password)| password.clone());
        Some(LetIn { role: role_name(role, words), login: line.login.clone(), password })
    });
    let people = people.collect();
    let mut frame = frame;
    frame.has_switch = false;
    show(&ToldPage { frame, w: &words.setup, people, is_first })
}

fn role_name(role: Role, words: &Words) -> &'static str {
    match role {
        Role::Accountant => words.sign_in.accountant,
        Role::Head => words.sign_in.head,
        Role::Supervisor => words.sign_in.supervisor,
    }
}

/// What a table is told about its cells, said of a form.
pub(super) fn of_a_form(refusal: &Refusal) -> Refusal {
    if refusal.code != "file-has-errors" {
        return refusal.clone();
    }
    Refusal { places: refusal.places.clone(), ..fields::has_gaps() }
}

fn seal(house: &House, token: &str) -> String {
    house.vault.master().page_token("set-up form", token)
}

fn form_page(house: &House, language: Language, token: &str, typed: &Typed, refusal: Option<&Refusal>) -> FormPage {
    let words = language.words();
    let w = &words.setup;
    let frame = Frame::public(language, w.first_title).carrying(seal(house, token));
    let frame = match refusal {
        Some(refusal) => frame.refusing(refusal),
        None => frame,
    };
    FormPage {
        groups: first_day(words, typed, &frame),
        lead: w.first_lead,
        action: format!("/setup/{token}"),
        press: w.set_up,
        frame,
    }
}

async fn page(
    State(house): State<Arc<House>>,
    language: Language,
    Path(token): Path<String>,
) -> Result<Response, Failure> {
    if !house.first_day.is_open(&house.store, &token).await? {
        return Err(Refusal::absent().into());
    }
    show(&form_page(&house, language, &token, &Typed::new(), None))
}

async fn submit(
    State(house): State<Arc<House>>,
    language: Language,
    Path(token): Path<String>,
    axum_extra::extract::Form(typed): axum_extra::extract::Form<Typed>,
) -> Result<Response, Failure> {
    if !house.first_day.fits(&token) {
        return Err(Refusal::absent().into());
    }
    let csrf = form::typed(&typed, "csrf");
    if !bool::from(csrf.as_bytes().ct_eq(seal(&house, &token).as_bytes())) {
        return Err(foreign_form().into());
    }
    let once = Once::of_page("setup", &form::typed(&typed, "once"))?;
    let lines = lines(&typed, None);
    let done = once
        .tell(&house, async {
            let _turn = house.first_day.turn().await;
            if !house.first_day.is_open(&house.store, &token).await? {
                return Err(Refusal::absent().into());
            }
            check(&typed, true)?;
            setup::setup(&house.store, &house.clock, &lines).await
        })
        .await;
    if let Some(refusal) = form::mendable(&done) {
        let refusal = of_a_form(refusal);
        return show_again(&form_page(&house, language, &token, &typed, Some(&refusal)), &refusal);
    }
    match done? {
        Some(done) => {
            let frame = Frame::public(language, language.words().setup.done_title);
            told(frame, &lines, Some(&done), true)
        }
        None => Err(Refusal::absent().into()),
    }
}
