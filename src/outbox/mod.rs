//! What we promised to tell: written in the money's own transaction, told once to each endpoint, with retries.
//!
//! [`promise_in`] writes what happened, [`deliver`] tells it. A webhook is signed by Standard Webhooks: `webhook-id`,
//! `webhook-timestamp`, `webhook-signature: v1,…` over `id.timestamp.body`.
//!
//! **Invariants:** a promise stands exactly when the money it is about stands; a promise carries no personal data;
//! a try is recorded whatever came of it; an endpoint gets a promise at least once and always under the same
//! `webhook-id`; we connect only to the address we looked at, never to a private one unless configured, and follow no
//! redirects.
//!
//! Deliberately absent: order between promises (readers who need one read the feed), and mail.

mod client;
mod event;
mod sql;

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

pub use client::Client;
pub use event::Event;
pub use sql::ALL;

use crate::fault::{Kind, OrFault, Refusal, Result};
use crate::ids;
use crate::money::Dong;
use crate::seal::Vault;
use crate::store::{Arg, Store, Tx, args, record, transact};
use crate::time::{Clock, Moment};

/// How the id of an endpoint begins.
pub const ENDPOINT: &str = "whe";
/// Endpoints looked at in one round: more than may be under way, so that somebody idle is always among them.
const ROUND: i64 = 64;
/// Tries under way at once.
const AT_ONCE: usize = 16;
/// Living endpoints of one school.
pub const ENDPOINTS_MOST: i64 = 5;
/// How long a try may take before another process may take the promise.
const CLAIM_MS: i64 = 60_000;
/// Pauses after the first, second, … failed try; after the last the promise is given up, and its tries say so.
const PAUSES_S: [i64; 12] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 57_600, 86_400, 86_400];
/// What waits longer was put off by a clock that has gone back since.
const LONGEST_PAUSE_MS: i64 = PAUSES_S[11] * 1_000;

/// Something that happened, for whoever asked to be told. No personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Whose.
    pub school_id: String,
    /// What: one of [`Event::ALL`], told as `type` by its [`Event::code`]. Making an invoice is not told one by one:
    /// publishing its run is.
    pub kind: Event,
    /// The credit, receipt, run or invoice.
    pub record_id: String,
    /// The invoice it is about, when there is one.
    pub invoice_id: Option<String>,
    /// The money.
    pub amount: Dong,
}

/// Promises to tell the living endpoints of each school; where there is none, nothing is promised.
///
/// # Errors
/// Faults of the store.
pub async fn promise_in(tx: &mut Tx, now: Moment, happened: &[Happened]) -> Result<()> {
    let mut schools: Vec<&str> = happened.iter().map(|happened| happened.school_id.as_str()).collect();
    schools.sort_unstable();
    schools.dedup();
    let keys: Vec<Arg> = schools.into_iter().map(Arg::from).collect();
    let endpoints: Vec<(String, String)> = tx.all_in(&sql::ENDPOINTS_OF, keys).await?;
    let mut promises = Vec::new();
    let mut work = Vec::new();
    for happened in happened {
        let mut ears = endpoints.iter().filter(|(_, school)| *school == happened.school_id).peekable();
        if ears.peek().is_none() {
            continue;
        }
        let id = ids::new_id("msg");
        work.extend(ears.map(|(endpoint, _)| args![&id, endpoint, now, 0_i64]));
        let kind = happened.kind.code();
        promises.push(args![&id, &happened.school_id, kind, &happened.record_id, body(happened, now), now]);
    }
    tx.insert_many(&sql::INSERT_PROMISES, promises).await?;
    tx.insert_many(&sql::INSERT_WORK, work).await?;
    Ok(())
}

fn body(happened: &Happened, now: Moment) -> String {
    let data = json!({
        "id": happened.record_id,
        "school": happened.school_id,
        "invoice": happened.invoice_id,
        "amount": happened.amount.get(),
    });
    json!({ "type": happened.kind.code(), "timestamp": now.rfc3339(), "data": data }).to_string()
}

record! {
    struct Due {
        promise_id: String,
        endpoint_id: String,
        tries: i64,
        body: String,
        url: String,
        sealed: Vec<u8>,
        ended_at: Option<Moment>,
    }
}

/// Tries the promises whose time has come until none is left and tells how many were tried. Several are under way at
/// once but never two to one endpoint, so that one school's silent server keeps nobody else's news.
///
/// # Errors
/// Faults of the store. An endpoint that does not answer is no fault of ours: it is tried again later.
pub async fn deliver(store: &Store, vault: &Vault, clock: &Clock, client: &Client) -> Result<usize> {
    let mut under_way = FuturesUnordered::new();
    let mut busy: HashSet<String> = HashSet::new();
    let mut tried = 0;
    loop {
        if under_way.len() < AT_ONCE {
            let now = clock.now();
            let due: Vec<Due> = store.all(&sql::DUE, args![now, now.plus_ms(LONGEST_PAUSE_MS), ROUND]).await?;
            for due in due {
                if under_way.len() < AT_ONCE && busy.insert(due.endpoint_id.clone()) {
                    under_way.push(async {
                        let endpoint = due.endpoint_id.clone();
                        (endpoint, deliver_one(store, vault, clock, client, due).await)
                    });
                }
            }
        }
        let Some((endpoint, done)) = under_way.next().await else { return Ok(tried) };
        done?;
        busy.remove(&endpoint);
        tried += 1;
    }
}

async fn deliver_one(store: &Store, vault: &Vault, clock: &Clock, client: &Client, due: Due) -> Result<()> {
    let now = clock.now();
    if due.ended_at.is_some() {
        transact!(store, |tx| tx.run(&sql::FINISH, args![&due.promise_id, &due.endpoint_id]).await)?;
        return Ok(());
    }
    let claim = || args![&due.promise_id, &due.endpoint_id, due.tries, now.plus_ms(CLAIM_MS)];
    if transact!(store, |tx| tx.run(&sql::CLAIM, claim()).await)? == 0 {
        return Ok(());
    }
    let status = match vault.open(&due.sealed, &due.endpoint_id).await {
        Ok(secret) => {
            let signature = sign(&secret, &due.promise_id, now, &due.body)?;
            client.post(&due.url, &due.promise_id, now, &signature, due.body.clone()).await
        }
        // One that cannot be signed any more is a try that failed, and no other promise's.
        Err(fault) => {
            tracing::error!(promise = due.promise_id, %fault, "a promise cannot be signed");
            0
        }
    };
    let done = clock.now();
    transact!(store, |tx| record_in(tx, &due, status, done).await)
}

async fn record_in(tx: &mut Tx, due: &Due, status: u16, now: Moment) -> Result<()> {
    let (promise, endpoint) = (&due.promise_id, &due.endpoint_id);
    tx.run(&sql::INSERT_ATTEMPT, args![promise, endpoint, due.tries + 1, now, i64::from(status)]).await?;
    let pause = usize::try_from(due.tries).ok().and_then(|tries| PAUSES_S.get(tries));
    match pause {
        Some(seconds) if !(200..300).contains(&status) => {
            let later = now.plus_ms(seconds * 1_000);
            tx.run(&sql::POSTPONE, args![promise, endpoint, later]).await?;
            if status == 0 {
                // Where nobody answers the next promise need not knock at once.
                tx.run(&sql::REST, args![endpoint, now.plus_ms(PAUSES_S[0] * 1_000)]).await?;
            }
        }
        _ => {
            tx.run(&sql::FINISH, args![promise, endpoint]).await?;
        }
    }
    Ok(())
}

/// The header value of a signature: `v1,` and the HMAC-SHA256 of `id.timestamp.body`, base64.
fn sign(secret: &[u8], id: &str, at: Moment, body: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).or_fault("sign a webhook")?;
    mac.update(format!("{id}.{}.{body}", at.0 / 1_000).as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

record! {
    /// An endpoint that wants to be told.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Endpoint {
        /// `whe_…`
        pub id: String,
        /// Where.
        pub url: String,
        /// Since when.
        pub made_at: Moment,
        /// Until when.
        pub ended_at: Option<Moment>,
    }
}

record! {
    /// One try of one promise.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Attempt {
        /// `msg_…`, sent as `webhook-id`.
        pub promise_id: String,
        /// What happened.
        pub kind: String,
        /// To what.
        pub record_id: String,
        /// 1, 2, 3, …
        pub try_number: i64,
        /// When.
        pub at: Moment,
        /// What was answered; 0 when nobody did.
        pub status: i64,
    }
}

/// Registers an endpoint and gives its id and the signing secret, which is shown this once.
///
/// # Errors
/// A refusal for an address we would never connect to.
pub async fn register(
    store: &Store,
    vault: &Vault,
    clock: &Clock,
    client: &Client,
    school_id: &str,
    url: &str,
) -> Result<(String, String)> {
    if !client.may_ask(url) {
        return Err(Refusal::new(
            Kind::Meaning,
            "webhook-address",
            "Địa chỉ webhook phải là https:// và không trỏ vào mạng nội bộ.",
            "A webhook's address must be https:// and must not point into a private network.",
        )
        .into());
    }
    let id = ids::new_id(ENDPOINT);
    let secret = ids::random::<32>()?;
    let sealed = vault.key_of(&format!("webhooks:{school_id}")).await?.seal(&secret, &id)?;
    let now = clock.now();
    transact!(store, |tx| {
        let living: i64 = tx.one(&sql::LIVING, args![school_id]).await?;
        if living >= ENDPOINTS_MOST {
            return Err(too_many_endpoints().into());
        }
        tx.run(&sql::INSERT_ENDPOINT, args![&id, school_id, url, &sealed, now]).await
    })?;
    Ok((id, format!("whsec_{}", STANDARD.encode(secret))))
}

fn too_many_endpoints() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "too-many-endpoints",
        format!("Một trường có nhiều nhất {ENDPOINTS_MOST} địa chỉ webhook. Hãy ngừng một địa chỉ cũ trước."),
        format!("A school has at most {ENDPOINTS_MOST} webhook endpoints. Please end an old one first."),
    )
}

/// Tells an endpoint no more.
///
/// # Errors
/// Absent when the school has no such living endpoint.
pub async fn unregister(store: &Store, clock: &Clock, school_id: &str, endpoint_id: &str) -> Result<()> {
    let now = clock.now();
    match transact!(store, |tx| tx.run(&sql::END_ENDPOINT, args![endpoint_id, school_id, now]).await)? {
        0 => Err(Refusal::absent().into()),
        _ => Ok(()),
    }
}

/// A school's endpoints, ended ones too.
///
/// # Errors
/// Faults of the store.
pub async fn endpoints(store: &Store, school_id: &str) -> Result<Vec<Endpoint>> {
    store.all(&sql::ENDPOINTS, args![school_id]).await
}

/// The newest tries of an endpoint.
///
/// # Errors
/// Faults of the store.
pub async fn attempts(store: &Store, endpoint_id: &str, limit: i64) -> Result<Vec<Attempt>> {
    store.all(&sql::ATTEMPTS, args![endpoint_id, limit]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_library_accepts_our_signature() {
        let secret = [7_u8; 32];
        let at = Moment(jiff::Timestamp::now().as_millisecond());
        let signature = sign(&secret, "msg_1", at, r#"{"type":"credit.received"}"#).expect("a signature");
        let reader = standardwebhooks::Webhook::new(&STANDARD.encode(secret)).expect("a reader");
        let mut headers = reqwest::header::HeaderMap::new();
        let seconds = (at.0 / 1_000).to_string();
        for (name, value) in
            [("webhook-id", "msg_1"), ("webhook-timestamp", &seconds), ("webhook-signature", &signature)]
        {
            headers.insert(name, value.parse().expect("a header"));
        }
        reader.verify(br#"{"type":"credit.received"}"#, &headers).expect("a right signature");
        reader.verify(br#"{"type":"credit.forged"}"#, &headers).expect_err("a wrong body");
    }
}
