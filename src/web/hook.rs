//! `/hook/{provider}/{connection}`, and what a provider asks for below it: proves a delivery, has it kept, and only
//! then answers the bank.
//!
//! Money is proven by a connection as it is remembered, which saves the question who calls: the keeper takes it only
//! while that still proves. Everything else, and what was not taken, is judged by the connection as it is now.
//!
//! **Invariants:** what was answered 2xx is durable; a body is never logged; what is proven is never refused for what
//! it says, because a bank repeats for ever or gives up; nobody is refused, and no bill shown, by what is remembered.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::failure::Failure;
use super::rehearse::is_ours;
use crate::clockwork::House;
use crate::fault::{Kind, Refusal, Result};
use crate::fees::{self, DueBill};
use crate::inbox::{Connection, Delivery};
use crate::providers::{Asked, BODY_MOST, Bill, Disproof, Heard, Outcome, Provider, Reply, ReplyTo, Request};
use crate::vietqr;

/// After how many seconds a bank should come again when the store is down.
const COME_AGAIN: &str = "5";
/// How often one delivery is proven anew because what proved it was taken back before it was kept.
const MOST_PROOFS: usize = 3;

/// The hook, for merging into the house's router.
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/hook/{provider}/{connection}", any(hear))
        .route("/hook/{provider}/{connection}/{*path}", any(hear_below))
        .layer(DefaultBodyLimit::max(BODY_MOST))
}

async fn hear_below(
    State(house): State<Arc<House>>,
    Path((provider, connection, _)): Path<(String, String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    hear(State(house), Path((provider, connection)), method, uri, headers, body).await
}

async fn hear(
    State(house): State<Arc<House>>,
    Path((provider, connection)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return rejection.status().into_response(),
    };
    let request = request(&method, &uri, &headers, &body);
    match listen(&house, &provider, &connection, &request).await {
        Ok(reply) => answer(reply),
        Err(error) => {
            let failure = Failure::from(error);
            let status = failure.status();
            if status.is_server_error() {
                metrics::counter!("hocphi_hook_failures_total").increment(1);
            }
            let mut response = failure.into_response();
            if status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(COME_AGAIN));
            }
            response
        }
    }
}

/// Proves, keeps, and chooses the reply by what became of the delivery.
async fn listen(house: &House, provider: &str, connection: &str, request: &Request) -> Result<Reply> {
    let provider = house.providers.get(provider).ok_or_else(Refusal::absent)?;
    if let Some(reply) = listen_as_remembered(house, provider, connection, request).await? {
        return Ok(reply);
    }
    for _ in 0..MOST_PROOFS {
        if let Some(reply) = Box::pin(listen_anew(house, provider, connection, request)).await? {
            return Ok(reply);
        }
    }
    Err(changing().into())
}

/// None: it is no money that is remembered as proven, or what proved it proves no longer.
async fn listen_as_remembered(
    house: &House,
    provider: &Provider,
    connection: &str,
    request: &Request,
) -> Result<Option<Reply>> {
    let remembered = house.callers.remembered(connection).filter(|connection| listens(connection, provider));
    let Some(connection) = remembered else { return Ok(None) };
    let now = house.clock.now();
    let heard = provider.hear(request, &connection.secrets, now);
    if !matches!(heard, Heard::Credits { .. }) {
        return Ok(None);
    }
    let to = ReplyTo { request, secrets: &connection.secrets, now, id: None, bill: None };
    let reply = keep(house, provider, &connection, &heard, &to).await?;
    if reply.is_none() {
        house.callers.forget(&connection);
    }
    Ok(reply)
}

/// None: what proved it was taken back before it was kept.
async fn listen_anew(house: &House, provider: &Provider, connection: &str, request: &Request) -> Result<Option<Reply>> {
    let found = house.callers.connection(connection).await?.filter(|connection| listens(connection, provider));
    let connection = found.ok_or_else(Refusal::absent)?;
    let now = house.clock.now();
    let heard = provider.hear(request, &connection.secrets, now);
    let to = ReplyTo { request, secrets: &connection.secrets, now, id: None, bill: None };
    if heard == Heard::Refused(Disproof::Elsewhere) {
        return elsewhere(provider, request).map(Some);
    }
    let is_plain = matches!(heard, Heard::Refused(_) | Heard::Nothing { .. } | Heard::Test | Heard::Unreadable(_));
    if is_plain && is_ours(house.vault.master(), request, &connection.id, now) {
        return Ok(Some(provider.reply(heard.outcome(), &to)));
    }
    if let Heard::Refused(disproof) = &heard {
        count(provider, "refused");
        house.refusals.count(&connection.id, &disproof.to_string(), now);
        let (bytes, name) = (request.body.len(), provider.name());
        tracing::warn!(provider = name, connection = connection.id, reason = %disproof, bytes, "delivery not proven");
        return Ok(Some(provider.reply(Outcome::Refused, &to)));
    }
    if let Heard::Asks(asked) = &heard {
        count(provider, "asks");
        let Asked::Bill(asked) = asked else { return Ok(Some(provider.reply(Outcome::Token, &to))) };
        let (outcome, bill) = Box::pin(bill(house, &connection, &asked.customer)).await?;
        return Ok(Some(provider.reply(outcome, &ReplyTo { bill: bill.as_ref(), ..to })));
    }
    keep(house, provider, &connection, &heard, &to).await
}

fn listens(connection: &Connection, provider: &Provider) -> bool {
    connection.provider == provider.name() && connection.ended_at.is_none()
}

/// Has what was proven kept. None: what proved it proves no longer, and nothing was kept.
async fn keep(
    house: &House,
    provider: &Provider,
    connection: &Connection,
    heard: &Heard,
    to: &ReplyTo<'_>,
) -> Result<Option<Reply>> {
    let request = to.request;
    let paid_before = is_paid_before(house, provider, connection, heard).await?;
    // What was proven by its query alone is kept as it was asked.
    let body = if request.body.is_empty() { request.target.as_bytes() } else { request.body.as_slice() };
    let asks_what_became = provider.asks_what_became();
    let delivery = Delivery { provider, connection, heard, body, paid_before, asks_what_became };
    let Some(kept) = house.keeper.keep(delivery).await? else { return Ok(None) };
    if let Some(reason) = heard.reason().filter(|_| matches!(heard, Heard::Unreadable(_))) {
        tracing::warn!(provider = provider.name(), delivery = kept.delivery_id, reason, "proven but unreadable");
    }
    count(provider, word(kept.outcome));
    Ok(Some(provider.reply(kept.outcome, &ReplyTo { id: Some(&kept.delivery_id), ..*to })))
}

/// Its secrets change while it is told of money.
fn changing() -> Refusal {
    Refusal::new(
        Kind::Unavailable,
        "connection-changing",
        "Khóa của kết nối này đang được thay. Xin gửi lại sau ít giây; chưa có gì bị mất.",
        "The secrets of this connection are being changed. Please send it again in a few seconds; nothing was lost.",
    )
}

/// The bill that a bank asks for, as it may show it to whoever gave the number.
async fn bill(house: &House, connection: &Connection, number: &str) -> Result<(Outcome, Option<Bill>)> {
    let accounts: Vec<String> = connection.accounts.iter().map(|account| account.id.clone()).collect();
    Ok(match fees::due_bill(&house.store, &connection.school_id, &accounts, number).await? {
        DueBill::Unknown => (Outcome::NoBill, None),
        DueBill::Nothing => (Outcome::NothingDue, None),
        DueBill::Owed { reference, pupil_name, owed } => {
            (Outcome::Bill, Some(Bill { id: reference, name: printed(&pupil_name), amount: owed }))
        }
    })
}

/// A name as banks print it.
fn printed(name: &str) -> String {
    vietqr::fold::ascii(name).to_ascii_uppercase()
}

/// Does a bank that shows our bills tell of a payment for one that owes nothing any more?
async fn is_paid_before(house: &House, provider: &Provider, connection: &Connection, heard: &Heard) -> Result<bool> {
    let shows_bills = provider.paths().iter().any(|listened| listened.what == "bill");
    let Some(order) = heard.lines().first().and_then(|line| line.order.as_deref()).filter(|_| shows_bills) else {
        return Ok(false);
    };
    Ok(Box::pin(bill(house, connection, order)).await?.0 == Outcome::NothingDue)
}

/// Nothing is listened to there: another path is absent, another method is not allowed.
fn elsewhere(provider: &Provider, request: &Request) -> Result<Reply> {
    if provider.methods().contains(&request.method.as_str()) {
        return Err(Refusal::absent().into());
    }
    let status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    Ok(Reply { status, content_type: "text/plain".to_owned(), body: String::new() })
}

fn request(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Request {
    Request {
        method: method.as_str().to_owned(),
        target: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect(),
        body: body.to_vec(),
    }
}

fn answer(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut response = (status, reply.body).into_response();
    if let Ok(kind) = HeaderValue::from_str(&reply.content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// Counted by provider, whose names are few, and by outcome.
fn count(provider: &Provider, outcome: &'static str) {
    let name = provider.name().to_owned();
    metrics::counter!("hocphi_hook_deliveries_total", "provider" => name, "outcome" => outcome).increment(1);
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::New => "credits",
        Outcome::ToldBefore => "told_before",
        Outcome::PaidBefore => "paid_before",
        Outcome::Token | Outcome::Bill | Outcome::NoBill | Outcome::NothingDue => "asks",
        Outcome::Nothing => "nothing",
        Outcome::Test => "test",
        Outcome::Refused => "refused",
    }
}
