//! Who is calling: an API key in `Authorization: Bearer`, its scopes, and the schools it reaches.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::access::limits::Limits;
use crate::access::{self, ApiKey, Place};
use crate::fault::{Kind, Refusal, Result};
use crate::roll::{self, School};
use crate::web::House;
use crate::web::failure::Failure;

/// A program with a live key.
pub struct Caller {
    /// Its key; the actor of everything it does.
    pub key: ApiKey,
    /// The schools it reaches today.
    pub schools: Vec<School>,
}

impl Caller {
    /// Is the key good for this?
    ///
    /// # Errors
    /// 403 with the name of the scope that is missing.
    pub fn needs(&self, scope: &'static str) -> Result<(), Refusal> {
        if self.key.allows(scope) {
            return Ok(());
        }
        Err(Refusal::new(
            Kind::Forbidden,
            "scope-missing",
            format!("Khóa API này không có quyền {scope}."),
            format!("This API key lacks the scope {scope}."),
        ))
    }

    /// A school within reach; one that is not answers as if it did not exist.
    ///
    /// # Errors
    /// 404.
    pub fn school(&self, id: &str) -> Result<&School, Refusal> {
        self.schools.iter().find(|school| school.id == id).ok_or_else(Refusal::absent)
    }

    /// The ids of all schools within reach, in their own order.
    pub fn school_ids(&self) -> Vec<String> {
        self.schools.iter().map(|school| school.id.clone()).collect()
    }
}

impl FromRequestParts<Arc<House>> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Response> {
        let token = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer "));
        let limits = parts.extensions.get::<Arc<Limits>>().cloned();
        identify(house, limits.as_deref(), token).await.map_err(|error| {
            let mut response = Failure::from(error).into_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            response
        })
    }
}

async fn identify(house: &House, limits: Option<&Limits>, token: Option<&str>) -> Result<Caller> {
    let key = match token {
        Some(token) => access::key_by_token(&house.store, token.trim()).await?,
        None => None,
    };
    let key = key.ok_or_else(|| {
        Refusal::new(
            Kind::Unproven,
            "no-key",
            "Cần khóa API trong tiêu đề Authorization: Bearer.",
            "An API key is needed in the header Authorization: Bearer.",
        )
    })?;
    if let Some(limits) = limits {
        limits.api.knock(&*key.id)?;
    }
    let schools = match &key.place {
        Place::School(id) => roll::school(&house.store, id).await?.into_iter().collect(),
        Place::Authority(id) => roll::schools_under(&house.store, id, house.clock.now().day()).await?,
    };
    Ok(Caller { key, schools })
}
