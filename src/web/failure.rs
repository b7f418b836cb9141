//! The one place where an error becomes a page or an RFC 9457 problem.
//!
//! Handlers return [`Failure`]; [`present`] sees who asked and writes the answer in their language and form. Plain
//! refusals of the layers and extractors (405, 413, a form that cannot be read) pass through the same door.

use std::any::Any;
use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use super::assets::DESK_STYLE_PATH;
use super::journal::RequestId;
use super::words::{Language, Words};
use crate::fault::{Error, Kind, Refusal};

/// An error on its way out.
#[derive(Debug, Clone)]
pub struct Failure(Arc<Error>);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(Arc::new(error.into()))
    }
}

impl Failure {
    /// The HTTP status it will have.
    pub fn status(&self) -> StatusCode {
        match &*self.0 {
            Error::Refused(refusal) => {
                StatusCode::from_u16(refusal.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Error::Contended => StatusCode::SERVICE_UNAVAILABLE,
            Error::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The refusal inside, when it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.refusal()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The answer to a path that nobody serves.
pub async fn absent() -> Failure {
    Refusal::absent().into()
}

/// The answer to a method that a path does not know.
pub async fn wrong_method() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

/// The answer when a handler panicked: the details are for the log.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    page(&Said::broken(StatusCode::INTERNAL_SERVER_ERROR), Language::Vi, "", "")
}

/// What is said about an error.
struct Said {
    status: StatusCode,
    code: &'static str,
    vi: String,
    en: String,
    places: Vec<crate::fault::Place>,
}

impl Said {
    fn of(failure: &Failure) -> Said {
        match &*failure.0 {
            Error::Refused(refusal) => Said {
                status: failure.status(),
                code: refusal.code,
                vi: refusal.vi.clone(),
                en: refusal.en.clone(),
                places: refusal.places.clone(),
            },
            Error::Contended => Said::plain(StatusCode::SERVICE_UNAVAILABLE),
            Error::Fault(_) => Said::broken(failure.status()),
        }
    }

    fn broken(status: StatusCode) -> Said {
        Said {
            status,
            code: "fault",
            vi: "Hệ thống gặp lỗi. Dữ liệu đã ghi vẫn an toàn.".to_owned(),
            en: "Something broke on our side. What was saved is safe.".to_owned(),
            places: Vec::new(),
        }
    }

    fn plain(status: StatusCode) -> Said {
        let (code, vi, en) = match status {
            StatusCode::NOT_FOUND => ("absent", "Không tìm thấy.", "Not found."),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("wrong-method", "Địa chỉ này không nhận cách gửi đó.", "This address does not take that method.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                ("too-large", "Nội dung gửi lên lớn hơn mức cho phép.", "What was sent is larger than the limit.")
            }
            StatusCode::SERVICE_UNAVAILABLE => (
                "busy",
                "Hệ thống đang bận. Xin thử lại sau ít phút; chưa có gì bị mất.",
                "The system is busy. Please try again in a few minutes; nothing was lost.",
            ),
            status if status.is_server_error() => return Said::broken(status),
            _ => ("unreadable", "Không đọc được nội dung gửi lên.", "What was sent cannot be read."),
        };
        Said { status, code, vi: vi.to_owned(), en: en.to_owned(), places: Vec::new() }
    }
}

/// Writes every error the way its asker reads: programs get a problem, people a page with a code to quote.
pub async fn present(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_program = ["/api/", "/feed/", "/hook/"].iter().any(|prefix| path.starts_with(prefix));
    let language = Language::of_request(request.headers(), request.uri());
    let back = back(path);
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let failure = response.extensions().get::<Failure>();
    if let Some(Error::Fault(fault)) = failure.map(|failure| &*failure.0) {
        tracing::error!(fault = %fault, "a fault");
    }
    let finished = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.to_str().is_ok_and(|kind| !kind.starts_with("text/plain")) && failure.is_none());
    if finished {
        return response;
    }
    let said = failure.map_or_else(|| Said::plain(status), Said::of);
    let mut answer = if is_program { problem(&said, &id) } else { page(&said, language, &id, back) };
    for name in [header::ALLOW, header::SET_COOKIE, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        for value in response.headers().get_all(&name) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    if said.status == StatusCode::TOO_MANY_REQUESTS {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    answer
}

/// RFC 9457, with both sentences, since a program's user may read either.
fn problem(said: &Said, id: &str) -> Response {
    let places: Vec<_> = said
        .places
        .iter()
        .map(|place| json!({"pointer": place.at, "detail": place.en, "detail_vi": place.vi}))
        .collect();
    let mut body = json!({
        "type": format!("urn:hocphi:problem:{}", said.code),
        "title": said.status.canonical_reason().unwrap_or("Error"),
        "status": said.status.as_u16(),
        "code": said.code,
        "detail": said.en,
        "detail_vi": said.vi,
        "instance": format!("urn:hocphi:request:{id}"),
    });
    if !places.is_empty() {
        body["errors"] = places.into();
    }
    (said.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    words: &'static Words,
    style: &'a str,
    sentence: &'a str,
    places: Vec<(&'a str, &'a str)>,
    id: &'a str,
    back: &'a str,
}

/// Where people of this part of the house begin again; parents have their own link.
fn back(path: &str) -> &'static str {
    match path.split('/').nth(1) {
        Some("desk") => "/desk",
        Some("oversight") => "/oversight",
        _ => "",
    }
}

fn page(said: &Said, language: Language, id: &str, back: &str) -> Response {
    let pick = |vi, en| if language == Language::En { en } else { vi };
    let page = FailurePage {
        words: language.words(),
        style: &DESK_STYLE_PATH,
        sentence: pick(&said.vi, &said.en),
        places: said.places.iter().map(|place| (&*place.at, &**pick(&place.vi, &place.en))).collect(),
        id,
        back,
    };
    match page.render() {
        Ok(text) => (said.status, Html(text)).into_response(),
        Err(_) => (said.status, said.vi.clone()).into_response(),
    }
}

/// A refusal of a form that the session did not issue.
pub fn foreign_form() -> Refusal {
    Refusal::new(
        Kind::Forbidden,
        "foreign-form",
        "Biểu mẫu này đã cũ hoặc không phải do bạn mở. Xin quay lại, tải lại trang rồi gửi lại.",
        "This form is old or was not opened by you. Go back, reload the page and send it again.",
    )
}
