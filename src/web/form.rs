//! Forms that change something: they carry the session's token, and a key that is used once.
//!
//! In a template: `{{ frame.hidden()|safe }}` inside `<form method="post">`. In a handler: `form: Form<Fields>`, then
//! `form.once(&house, async { … Ok(where the answer lies) })`, which redirects there; a second press goes there too.
//! A refusal that [`mendable`] finds is shown on the form's own page, with what was typed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::RequestExt;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use super::House;
use super::failure::{Failure, foreign_form};
use super::seat::Seat;
use crate::access::{self, FormUse};
use crate::fault::{Kind, Refusal, Result};
use crate::ids;
use crate::roll::setup::Done;
use crate::seal::token_hash;

/// A form that was opened in this session.
#[derive(Debug)]
pub struct Form<T> {
    /// Who sent it.
    pub seat: Seat,
    /// What they filled in.
    pub fields: T,
    /// Its one-use key.
    pub once: Once,
}

/// A form's one-use key.
#[derive(Debug, Clone)]
pub struct Once(String);

#[derive(Deserialize)]
struct Hidden {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    once: String,
}

/// The hidden fields of a form of this session, with a new one-use key.
pub fn hidden(csrf: &str) -> String {
    let once = ids::new_token().unwrap_or_default();
    format!(r#"<input type="hidden" name="csrf" value="{csrf}"><input type="hidden" name="once" value="{once}">"#)
}

impl Seat {
    /// Takes a form's hidden fields, when they are this session's: for multipart forms, which read them themselves.
    ///
    /// # Errors
    /// The form is another session's or nobody's.
    pub fn check(&self, csrf: &str, once: &str) -> Result<Once> {
        let same = bool::from(csrf.as_bytes().ct_eq(self.csrf.as_bytes()));
        if !same || once.is_empty() || once.len() > 64 {
            return Err(foreign_form().into());
        }
        Ok(Once(token_hash(&format!("{}:{once}", self.person.id))))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<House>> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, house: &Arc<House>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let seat = Seat::from_request_parts(&mut parts, house).await?;
        let request = Request::from_parts(parts, body);
        let headers = request.headers().clone();
        let bytes = request.extract::<Bytes, _>().await.map_err(|refused| match refused.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            _ => StatusCode::BAD_REQUEST.into_response(),
        })?;
        let again = |bytes: Bytes| {
            let mut request = Request::post("/").body(Body::from(bytes)).unwrap_or_default();
            *request.headers_mut() = headers.clone();
            request
        };
        let hidden: Hidden = read(again(bytes.clone())).await?;
        let once = seat.check(&hidden.csrf, &hidden.once).map_err(|error| Failure::from(error).into_response())?;
        let fields = read(again(bytes)).await?;
        Ok(Form { seat, fields, once })
    }
}

async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Response> {
    match axum_extra::extract::Form::<T>::from_request(request, &()).await {
        Ok(axum_extra::extract::Form(fields)) => Ok(fields),
        Err(_) => Err(Failure::from(Refusal::new(
            Kind::Shape,
            "unreadable-form",
            "Không đọc được biểu mẫu. Xin quay lại, kiểm tra các ô rồi gửi lại.",
            "The form cannot be read. Go back, check the fields and send it again.",
        ))
        .into_response()),
    }
}

impl<T> Form<T> {
    /// Does the work once and redirects to where it says its answer lies.
    ///
    /// # Errors
    /// What the work refuses; the form may then be sent again.
    pub async fn once(&self, house: &House, work: impl Future<Output = Result<String>>) -> Result<Response, Failure> {
        self.once.run(house, work).await
    }
}

impl Once {
    /// As [`Form::once`].
    ///
    /// # Errors
    /// What the work refuses.
    pub async fn run(&self, house: &House, work: impl Future<Output = Result<String>>) -> Result<Response, Failure> {
        for _ in 0..50 {
            match access::claim_form(&house.store, &house.clock, &self.0).await? {
                FormUse::Answered(answer) => return Ok(Redirect::to(&answer).into_response()),
                FormUse::First => return self.first(house, work).await,
                FormUse::AtWork => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        Err(at_work().into())
    }

    /// The key of a form on a page that nobody has to sign in for; its other hidden field is the caller's to check.
    ///
    /// # Errors
    /// It is no key of ours.
    pub fn of_page(page: &str, once: &str) -> Result<Once> {
        if once.is_empty() || once.len() > 64 {
            return Err(foreign_form().into());
        }
        Ok(Once(token_hash(&format!("{page}:{once}"))))
    }

    /// Does the work once and tells what it made; a second press within the minute is told the same. None: it was
    /// told longer ago.
    ///
    /// # Errors
    /// What the work refuses.
    pub async fn tell(
        &self,
        house: &House,
        work: impl Future<Output = Result<Done>>,
    ) -> Result<Option<Arc<Done>>, Failure> {
        for _ in 0..50 {
            match access::claim_form(&house.store, &house.clock, &self.0).await? {
                FormUse::Answered(_) => return Ok(house.first_day.told(&self.0, house.clock.now())),
                FormUse::AtWork => tokio::time::sleep(Duration::from_millis(100)).await,
                FormUse::First => {
                    let done = match work.await {
                        Ok(done) => house.first_day.tell(&self.0, done, house.clock.now()),
                        Err(error) => {
                            access::forget_form(&house.store, &self.0).await?;
                            return Err(error.into());
                        }
                    };
                    access::finish_form(&house.store, &self.0, "told").await?;
                    return Ok(Some(done));
                }
            }
        }
        Err(at_work().into())
    }

    async fn first(&self, house: &House, work: impl Future<Output = Result<String>>) -> Result<Response, Failure> {
        match work.await {
            Ok(answer) => {
                access::finish_form(&house.store, &self.0, &answer).await?;
                Ok(Redirect::to(&answer).into_response())
            }
            Err(error) => {
                access::forget_form(&house.store, &self.0).await?;
                Err(error.into())
            }
        }
    }
}

fn at_work() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "form-at-work",
        "Lần bấm trước đang được xử lý. Xin chờ một chút rồi mở lại trang.",
        "The first press is still at work. Wait a moment, then open the page again.",
    )
}

/// The refusal that whoever sent the form can mend on its own page; others have a page of their own.
pub fn mendable<T>(done: &Result<T, Failure>) -> Option<&Refusal> {
    let refusal = done.as_ref().err().and_then(Failure::refusal)?;
    matches!(refusal.kind, Kind::Shape | Kind::Meaning | Kind::Conflict | Kind::TooLarge).then_some(refusal)
}

/// A field of a form that was read as it came, without what a database would not take.
pub fn typed(fields: &[(String, String)], name: &str) -> String {
    let found = fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.replace('\0', ""));
    found.unwrap_or_default().trim().to_owned()
}
