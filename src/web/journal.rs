//! One line of log and two figures for every request: its id, its route's pattern, its status and its time.
//! Never the path itself, which may hold a token, and nothing that a person typed.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::ids;

/// The request's id, short enough to be read out on the telephone: `4K7QF-2M9DX`.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl RequestId {
    fn new() -> Self {
        let id = ids::new_id("r");
        let tail = id.get(id.len().saturating_sub(10)..).unwrap_or_default().to_uppercase();
        let (first, second) = tail.split_at(tail.len() / 2);
        RequestId(format!("{first}-{second}"))
    }
}

/// The method's name, when it is one that HTTP knows: a label of what anybody may send would grow without bound.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// Gives the request its id, and writes the line when it is answered.
pub async fn write(mut request: Request, next: Next) -> Response {
    let id = RequestId::new();
    let began = Instant::now();
    let method = known(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |pattern| pattern.as_str().to_owned());
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", id = %id.0, method, route = %route);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    let took = began.elapsed();
    span.in_scope(|| tracing::info!(status, ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "answered"));
    let labels = [("method", method.to_owned()), ("route", route), ("status", status.to_string())];
    metrics::counter!("hocphi_http_requests_total", &labels).increment(1);
    metrics::histogram!("hocphi_http_request_seconds", &labels[..2]).record(took.as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_method_is_no_label() {
        assert_eq!(known(&Method::DELETE), "DELETE");
        assert_eq!(known(&Method::from_bytes(b"X1").expect("a method")), "other");
    }
}
