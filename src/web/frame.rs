//! What stands around every page of the desk and the supervisor: `layout.html` and the values it names.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::assets::{DESK_SCRIPT_PATH, DESK_STYLE_PATH};
use super::failure::Failure;
use super::form;
use super::seat::{Desk, Overseer, Seat};
use super::words::{Language, Words};
use crate::fault::{OrFault, Refusal};

/// One entry of the menu.
#[derive(Debug, Clone)]
pub struct Link {
    /// Where to.
    pub href: String,
    /// What it says.
    pub text: &'static str,
    /// Is this page there?
    pub here: bool,
}

/// The frame; templates that extend `layout.html` have it as `frame`.
pub struct Frame {
    /// What pages say.
    pub words: &'static Words,
    /// The page's title.
    pub title: String,
    /// The person's name, when somebody is signed in.
    pub person: Option<String>,
    /// The school or the authority.
    pub place: Option<String>,
    /// Has the person another school to go to?
    pub other_schools: bool,
    /// The menu.
    pub menu: Vec<Link>,
    /// May the page be asked for again in the other language? Not one that is told once, nor one with a refused form.
    pub has_switch: bool,
    /// Why the form on this page was refused; empty when it was not.
    pub refused: String,
    places: Vec<(String, String)>,
    csrf: Option<String>,
}

impl Frame {
    /// Around a page for nobody in particular.
    pub fn public(language: Language, title: impl Into<String>) -> Frame {
        Frame {
            words: language.words(),
            title: title.into(),
            person: None,
            place: None,
            other_schools: false,
            menu: Vec::new(),
            has_switch: true,
            refused: String::new(),
            places: Vec::new(),
            csrf: None,
        }
    }

    /// Around a page of a signed-in person.
    pub fn of(seat: &Seat, title: impl Into<String>) -> Frame {
        Frame {
            person: Some(seat.person.name.clone()),
            other_schools: seat.school_ids().len() > 1,
            csrf: Some(seat.csrf.clone()),
            ..Frame::public(seat.language, title)
        }
    }

    /// Around a page of the desk.
    pub fn desk(desk: &Desk, title: impl Into<String>) -> Frame {
        let menu = super::desk::menu(desk);
        Frame { place: Some(desk.school.name.clone()), menu, ..Frame::of(&desk.seat, title) }
    }

    /// Around a supervisor's page.
    pub fn oversight(overseer: &Overseer, title: impl Into<String>) -> Frame {
        Frame { place: Some(overseer.authority.name.clone()), ..Frame::of(&overseer.seat, title) }
    }

    /// Marks the page's place in the menu.
    #[must_use]
    pub fn at(mut self, href: &str) -> Frame {
        for link in &mut self.menu {
            link.here = link.href == href;
        }
        self
    }

    /// Of two sentences the one in the page's language.
    pub fn say<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        if self.words.language == Language::En { en } else { vi }
    }

    /// The page of a form that was refused: the sentence stands above it, and what is wrong in a field beside it.
    #[must_use]
    pub fn refusing(mut self, refusal: &Refusal) -> Frame {
        self.refused = self.say(&refusal.vi, &refusal.en).to_owned();
        self.has_switch = false;
        let places = refusal.places.iter();
        self.places = places.map(|place| (place.at.clone(), self.say(&place.vi, &place.en).to_owned())).collect();
        self
    }

    /// What is wrong in a field, when something is.
    pub fn said_at(&self, field: &str) -> Option<&str> {
        self.places.iter().find(|(at, _)| at == field).map(|(_, said)| said.as_str())
    }

    /// What is wrong in the cells of a file; names of fields are in lower case, and cells are not.
    pub fn cells(&self) -> Vec<&(String, String)> {
        self.places.iter().filter(|(at, _)| !at.starts_with(|letter: char| letter.is_ascii_lowercase())).collect()
    }

    /// The page's forms carry this, though nobody is signed in.
    #[must_use]
    pub fn carrying(mut self, csrf: String) -> Frame {
        self.csrf = Some(csrf);
        self
    }

    /// The script: keys and copy buttons, without which every page works.
    pub fn script(&self) -> &str {
        &DESK_SCRIPT_PATH
    }

    /// The stylesheet.
    pub fn style(&self) -> &str {
        &DESK_STYLE_PATH
    }

    /// The hidden fields of a form; each call gives another one-use key. For `|safe`.
    pub fn hidden(&self) -> String {
        self.csrf.as_deref().map(form::hidden).unwrap_or_default()
    }
}

/// A page as a response.
///
/// # Errors
/// A template that cannot be filled.
pub fn show(page: &impl Template) -> Result<Response, Failure> {
    Ok(Html(page.render().or_fault("fill a page")?).into_response())
}

/// The page of a refused form, with the status of its refusal.
///
/// # Errors
/// A template that cannot be filled.
pub fn show_again(page: &impl Template, refusal: &Refusal) -> Result<Response, Failure> {
    let status = StatusCode::from_u16(refusal.kind.status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    Ok((status, show(page)?).into_response())
}
