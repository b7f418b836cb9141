//! What the API says when it says no, as its documents describe it. `failure` writes these answers.

use axum::extract::FromRequestParts;
use axum::extract::Path;
use axum::extract::rejection::QueryRejection;
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::fault::{Kind, Refusal};
use crate::web::failure::Failure;

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// A name of the problem that never changes.
    #[serde(rename = "type")]
    #[schema(rename = "type", example = "urn:hocphi:problem:amount-not-positive")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable, for programs.
    #[schema(example = "amount-not-positive")]
    pub code: String,
    /// What happened and what to do, in English.
    pub detail: String,
    /// The same in Vietnamese.
    pub detail_vi: String,
    /// The request, to be quoted to the operator.
    pub instance: String,
    /// The places that are wrong, when there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<ProblemPlace>>,
}

/// One wrong place in what was sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemPlace {
    /// A JSON pointer, a parameter, a header or a cell such as `B7`.
    pub pointer: String,
    /// In English.
    pub detail: String,
    /// In Vietnamese.
    pub detail_vi: String,
}

/// The answers every operation may give instead of its own.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "the document is made from it; answers are written by `failure`")]
pub enum Problems {
    /// The request cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Shape(#[to_schema] ProblemBody),
    /// No key, or not a live one.
    #[response(status = 401, content_type = "application/problem+json")]
    Unproven(#[to_schema] ProblemBody),
    /// The key lacks the scope.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] ProblemBody),
    /// Absent, or somebody else's.
    #[response(status = 404, content_type = "application/problem+json")]
    Absent(#[to_schema] ProblemBody),
    /// The present state does not allow it.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemBody),
    /// Larger than the stated limit.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemBody),
    /// Not the media type this operation takes.
    #[response(status = 415, content_type = "application/problem+json")]
    Media(#[to_schema] ProblemBody),
    /// Readable, but it means something impossible.
    #[response(status = 422, content_type = "application/problem+json")]
    Meaning(#[to_schema] ProblemBody),
    /// Too often; come again after `Retry-After` seconds.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(#[to_schema] ProblemBody),
    /// The store cannot take work now; nothing was lost.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] ProblemBody),
}

/// A query that does not say what this operation asks for.
pub fn unreadable_query(_: QueryRejection) -> Failure {
    Refusal::new(Kind::Shape, "query-unreadable", "Tham số trên địa chỉ không đọc được.", "The query cannot be read.")
        .into()
}

/// The one id in a path. What can be nobody's id is answered as absent, without asking the store.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let found = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = found.map_err(|_| Failure::from(Refusal::absent()))?;
        let is_plain = id.len() <= 40 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_plain { Ok(Id(id)) } else { Err(Refusal::absent().into()) }
    }
}
