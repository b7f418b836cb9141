//! ONE catalogue of what pages say: a struct with a field for each message, filled once for each language, so that a
//! message that is missing in either does not compile.

mod desk;
mod desk_en;
mod desk_vi;
mod en;
mod setup;
mod statements;
mod vi;

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::Response;

pub use desk::{DeskWords, OversightWords};
pub use setup::SetupWords;
pub use statements::StatementWords;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Vietnamese, unless somebody chose otherwise.
    #[default]
    Vi,
    /// English.
    En,
}

const COOKIE_NAME: &str = "hp_lang";

impl Language {
    /// As `lang` attributes say it.
    pub const fn code(self) -> &'static str {
        match self {
            Language::Vi => "vi",
            Language::En => "en",
        }
    }

    /// The other one, for the switch.
    #[must_use]
    pub const fn other(self) -> Language {
        match self {
            Language::Vi => Language::En,
            Language::En => Language::Vi,
        }
    }

    /// What pages say in it.
    pub const fn words(self) -> &'static Words {
        match self {
            Language::Vi => &vi::WORDS,
            Language::En => &en::WORDS,
        }
    }

    /// From a code.
    pub fn of(code: &str) -> Option<Language> {
        match code {
            "vi" => Some(Language::Vi),
            "en" => Some(Language::En),
            _ => None,
        }
    }

    /// `?lang=` wins over the cookie.
    pub fn chosen(headers: &HeaderMap, uri: &Uri) -> Option<Language> {
        switched(uri).or_else(|| {
            let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
            cookies
                .flat_map(|line| line.split(';'))
                .filter_map(|pair| pair.trim().split_once('='))
                .find(|(name, _)| *name == COOKIE_NAME)
                .and_then(|(_, code)| Language::of(code))
        })
    }

    /// The chosen one, else Vietnamese.
    pub fn of_request(headers: &HeaderMap, uri: &Uri) -> Language {
        Language::chosen(headers, uri).unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Language::of_request(&parts.headers, &parts.uri))
    }
}

fn switched(uri: &Uri) -> Option<Language> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == "lang").find_map(|(_, code)| Language::of(code))
}

/// Keeps the language that somebody switched to.
pub async fn remember_language(request: Request, next: Next) -> Response {
    let switched = switched(request.uri());
    let mut response = next.run(request).await;
    if let Some(language) = switched {
        let cookie = format!("{COOKIE_NAME}={}; Path=/; Max-Age=31536000; SameSite=Lax", language.code());
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}

/// Everything that pages say in one language.
pub struct Words {
    /// Which.
    pub language: Language,
    /// Around every page of the desk and the supervisor.
    pub frame: FrameWords,
    /// When something went wrong.
    pub failure: FailureWords,
    /// Signing in and out.
    pub sign_in: SignInWords,
    /// The parent's page.
    pub parent: ParentWords,
    /// The public check of a receipt.
    pub check: CheckWords,
    /// The desk.
    pub desk: DeskWords,
    /// The supervisor's pages.
    pub oversight: OversightWords,
    /// Setting up, and connecting a bank.
    pub setup: SetupWords,
    /// Statement files.
    pub statements: StatementWords,
}

/// A page's frame.
#[expect(missing_docs, reason = "each field is the message it names")]
pub struct FrameWords {
    pub product: &'static str,
    pub skip: &'static str,
    pub menu: &'static str,
    pub home: &'static str,
    pub sign_out: &'static str,
    pub other_school: &'static str,
    /// The name of the other language, in that language.
    pub switch: &'static str,
    pub copy: &'static str,
    pub copied: &'static str,
    pub keys: &'static str,
    pub keys_on: &'static str,
    pub keys_off: &'static str,
}

/// An error page.
#[expect(missing_docs, reason = "each field is the message it names")]
pub struct FailureWords {
    pub title: &'static str,
    pub help: &'static str,
    pub quote: &'static str,
    pub back: &'static str,
}

/// The pages of signing in.
#[expect(missing_docs, reason = "each field is the message it names")]
pub struct SignInWords {
    pub title: &'static str,
    pub login: &'static str,
    pub password: &'static str,
    pub submit: &'static str,
    pub choose_school: &'static str,
    pub choose_school_help: &'static str,
    pub welcome: fn(&str) -> String,
    pub nothing_granted: &'static str,
    pub accountant: &'static str,
    pub head: &'static str,
    pub supervisor: &'static str,
}

/// The parent's page.
#[expect(missing_docs, reason = "each field is the message it names")]
pub struct ParentWords {
    pub title: &'static str,
    /// Total, paid, owed.
    pub total: &'static str,
    pub paid: &'static str,
    pub owed: &'static str,
    pub in_words: &'static str,
    pub surplus: fn(&str) -> String,
    pub credit: fn(&str) -> String,
    pub due_by: fn(&str) -> String,
    pub due_today: &'static str,
    pub due_in: fn(i64) -> String,
    pub overdue: fn(i64) -> String,
    pub unpaid: &'static str,
    pub part: fn(&str) -> String,
    pub paid_all: &'static str,
    pub over: &'static str,
    pub void: &'static str,
    pub told: fn(&str, &str) -> String,
    pub proved: &'static str,
    pub not_proved: &'static str,
    pub payments: &'static str,
    pub scan: &'static str,
    pub qr_name: fn(&str, &str) -> String,
    pub holder: &'static str,
    pub bank: &'static str,
    pub account: &'static str,
    pub account_end: fn(&str) -> String,
    pub amount: &'static str,
    pub memo: &'static str,
    pub copy: &'static str,
    pub copied: &'static str,
    pub copy_title: &'static str,
    pub copy_help: &'static str,
    pub same_phone: &'static str,
    pub prefills: &'static str,
    pub opens_only: &'static str,
    pub opens_help: &'static str,
    pub share: &'static str,
    pub share_act: &'static str,
    pub share_help: &'static str,
    pub save: &'static str,
    pub save_act: &'static str,
    pub save_help: &'static str,
    pub zalo_hint: &'static str,
    pub show_picture: &'static str,
    pub other_device: &'static str,
    pub other_device_help: &'static str,
    pub print: &'static str,
    pub warning: &'static str,
    pub frozen: fn(&str) -> String,
    pub too_large: fn(&str) -> String,
    pub no_code: fn(&str) -> String,
    pub preparing: fn(&str) -> String,
    pub lines: &'static str,
    pub basis: &'static str,
    pub exemption: fn(&str) -> String,
    pub voluntary: &'static str,
    pub quantity: fn(i64, &str, &str) -> String,
    pub unit: fn(&str) -> &'static str,
    pub receipts: &'static str,
    pub receipt: fn(&str, &str) -> String,
    pub cancelled: &'static str,
    pub whose: &'static str,
    pub whose_help: &'static str,
    pub day: &'static str,
    pub month: &'static str,
    pub show_name: &'static str,
    pub wrong_day: &'static str,
    pub pupil: &'static str,
    pub call: fn(&str) -> String,
    pub reload: &'static str,
    pub changed: &'static str,
    pub screenshot: &'static str,
    pub number: &'static str,
}

/// The public check of a receipt.
#[expect(missing_docs, reason = "each field is the message it names")]
pub struct CheckWords {
    pub title: &'static str,
    pub valid: &'static str,
    pub void: &'static str,
    pub amount: &'static str,
    pub only: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_wins_over_the_cookie_and_nonsense_over_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("a=b; hp_lang=en"));
        let of = |headers: &HeaderMap, uri: &str| Language::of_request(headers, &uri.parse().expect("an address"));
        assert_eq!(of(&headers, "/p/x"), Language::En);
        assert_eq!(of(&headers, "/p/x?a=1&lang=vi"), Language::Vi);
        assert_eq!(of(&headers, "/p/x?lang=fr"), Language::En);
        assert_eq!(of(&HeaderMap::new(), "/p/x"), Language::Vi);
    }
}
