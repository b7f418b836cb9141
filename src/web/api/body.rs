//! What a program sends: a JSON body of at most 64 KiB, or a file of at most 20 MiB, never more than is asked for.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::fault::{Kind, Refusal};
use crate::web::failure::Failure;

/// The most bytes of a JSON body.
pub const JSON_BYTES_MOST: usize = 64 * 1024;
/// The most bytes of a roster, a fee list or a statement.
pub const FILE_BYTES_MOST: usize = 20 * 1024 * 1024;

/// A JSON body with the fingerprint of its canonical form: keys sorted, no blanks.
pub struct Body<T> {
    /// The value.
    pub value: T,
    /// SHA-256 of the canonical form, in hexadecimal.
    pub fingerprint: String,
}

/// A file sent as the whole body; its name is in `X-File-Name`, where a spreadsheet's ending decides how it is read.
pub struct File {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The name, or `upload.csv`.
    pub name: String,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        if !is_json(request.headers()) {
            return Err(unsupported());
        }
        let bytes = read(request, JSON_BYTES_MOST).await?;
        parse(&bytes).map_err(|refusal| Failure::from(refusal).into_response())
    }
}

impl<S: Send + Sync> FromRequest<S> for File {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let kind = media_type(request.headers());
        if !matches!(kind.as_str(), "application/octet-stream" | "text/csv" | XLSX) {
            return Err(unsupported());
        }
        let given = request.headers().get("x-file-name").and_then(|name| name.to_str().ok()).map(str::to_owned);
        let usual = if kind == XLSX { "upload.xlsx" } else { "upload.csv" };
        let bytes = read(request, FILE_BYTES_MOST).await?;
        Ok(File { bytes: bytes.to_vec(), name: given.unwrap_or_else(|| usual.to_owned()) })
    }
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, Refusal> {
    // The value is read first and the type from it, so that two bodies that differ in blanks have one fingerprint.
    let json: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| {
        Refusal::new(Kind::Shape, "body-unreadable", "Nội dung không phải JSON đúng.", "The body is not valid JSON.")
            .at(format!("line {}, column {}", error.line(), error.column()), "sai từ đây", "wrong from here")
    })?;
    let canonical = json.to_string();
    if canonical.contains("\\u0000") {
        return Err(Refusal::new(
            Kind::Shape,
            "body-has-nul",
            "Nội dung có ký tự NUL, không lưu được.",
            "The body holds a NUL character, which cannot be stored.",
        ));
    }
    // The reader's own words may quote what was sent; only the field's name in backquotes is passed on.
    let value = serde_json::from_value(json).map_err(|error| {
        let words = error.to_string();
        let field = words.split('`').nth(1).unwrap_or("").to_owned();
        Refusal::new(
            Kind::Shape,
            "body-mismatch",
            "Nội dung JSON thiếu, thừa hoặc sai kiểu trường.",
            "The JSON body lacks a field, has one too many, or one of the wrong type.",
        )
        .at(field, "xem tài liệu API", "see the API documents")
    })?;
    Ok(Body { value, fingerprint: hex::encode(Sha256::digest(canonical.as_bytes())) })
}

async fn read(request: Request, most: usize) -> Result<Bytes, Response> {
    to_bytes(request.into_body(), most).await.map_err(|_| {
        let refusal = Refusal::new(
            Kind::TooLarge,
            "body-too-large",
            format!("Nội dung lớn hơn {} KiB.", most / 1024),
            format!("The body is larger than {} KiB.", most / 1024),
        );
        Failure::from(refusal).into_response()
    })
}

/// Not a kind of body this operation takes; `failure` writes the problem.
fn unsupported() -> Response {
    StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = media_type(headers);
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn media_type(headers: &HeaderMap) -> String {
    let whole = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_the_order_of_keys_do_not_change_a_fingerprint() {
        let fingerprint = |text: &str| parse::<serde_json::Value>(text.as_bytes()).map(|body| body.fingerprint).ok();
        assert_eq!(fingerprint(r#"{"a":1,"b":[2]}"#), fingerprint("{ \"b\": [2],\n\"a\": 1 }"));
        assert_ne!(fingerprint(r#"{"a":1}"#), fingerprint(r#"{"a":2}"#));
        assert_eq!(fingerprint("{"), None);
    }
}
