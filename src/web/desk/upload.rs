//! Forms that carry a file. The whole form is taken into memory, up to the limit of its route, from somebody who is
//! signed in; nothing is done with the file before the hidden fields beside it were checked.

use std::sync::Arc;

use axum::extract::multipart::Multipart;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::fault::{Kind, Refusal, Result};
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::Once;
use crate::web::seat::Seat;

/// Most bytes of a school's own table; two thousand pupils need about two hundred thousand.
pub(super) const TABLE_MOST: usize = 5 * 1024 * 1024;
/// Most bytes of a form with such a table, which travels in base64 once it was looked at.
pub(super) const FORM_MOST: usize = TABLE_MOST / 3 * 4 + 64 * 1024;
/// Most bytes of a bank's statement.
pub(super) const STATEMENT_MOST: usize = 20 * 1024 * 1024;
/// Most bytes of a form with a bank's statement: the file and the fields beside it.
pub(super) const STATEMENT_FORM_MOST: usize = STATEMENT_MOST + 64 * 1024;

/// A form with a file that was opened in this session.
pub(super) struct Upload {
    /// Its one-use key.
    pub(super) once: Once,
    /// The file's name, as the browser sent it.
    pub(super) name: String,
    /// The file.
    pub(super) bytes: Vec<u8>,
    /// The other fields.
    fields: Vec<(String, String)>,
}

impl Upload {
    /// A field beside the file.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// Is the file as small as it must be?
    ///
    /// # Errors
    /// It is larger.
    pub(super) fn at_most(&self, most: usize) -> Result<()> {
        if self.bytes.len() <= most {
            return Ok(());
        }
        let megabytes = most / (1024 * 1024);
        Err(Refusal::new(
            Kind::TooLarge,
            "too-large",
            format!("Tệp lớn hơn {megabytes} MB. Xin chia nhỏ rồi nạp lại."),
            format!("The file is larger than {megabytes} MB. Please split it and send it again."),
        )
        .into())
    }

    /// The file as a hidden field of the next form, so that nothing is stored before a person says so.
    pub(super) fn kept(&self) -> String {
        STANDARD.encode(&self.bytes)
    }
}

impl FromRequest<Arc<House>> for Upload {
    type Rejection = Response;

    async fn from_request(request: Request, house: &Arc<House>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let seat = Seat::from_request_parts(&mut parts, house).await?;
        let request = Request::from_parts(parts, body);
        let multipart = Multipart::from_request(request, house).await.map_err(IntoResponse::into_response)?;
        read(&seat, multipart).await
    }
}

async fn read(seat: &Seat, mut multipart: Multipart) -> Result<Upload, Response> {
    let (mut name, mut bytes, mut fields) = (String::new(), Vec::new(), Vec::new());
    while let Some(field) = multipart.next_field().await.map_err(IntoResponse::into_response)? {
        let key = field.name().unwrap_or_default().to_owned();
        if key == "file" {
            name = field.file_name().unwrap_or_default().to_owned();
            bytes = field.bytes().await.map_err(IntoResponse::into_response)?.to_vec();
        } else {
            fields.push((key, field.text().await.map_err(IntoResponse::into_response)?));
        }
    }
    let mut upload = Upload { once: checked(seat, &fields)?, name, bytes, fields };
    if upload.bytes.is_empty() && !upload.field("kept").is_empty() {
        upload.name = upload.field("name").to_owned();
        upload.bytes = STANDARD.decode(upload.field("kept")).map_err(|_| refused(&no_file()))?;
    }
    // An empty file was chosen all the same; whoever reads it says so on the page with the form.
    if upload.bytes.is_empty() && upload.name.is_empty() {
        return Err(refused(&no_file()));
    }
    Ok(upload)
}

fn checked(seat: &Seat, fields: &[(String, String)]) -> Result<Once, Response> {
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    seat.check(field("csrf"), field("once")).map_err(|error| Failure::from(error).into_response())
}

fn refused(refusal: &Refusal) -> Response {
    Failure::from(refusal.clone()).into_response()
}

fn no_file() -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "no-file",
        "Chưa có tệp nào được chọn. Xin quay lại, chọn tệp rồi gửi lại.",
        "No file was chosen. Go back, choose a file and send it again.",
    )
}
