//! Plays a provider's own vectors against a live hook by HTTP, as its bank would call it, and tells what came back.

use std::time::Duration;

use reqwest::redirect::Policy;

use crate::fault::{OrFault, Result};
use crate::inbox::Connection;
use crate::providers::{Outcome, Provider, Rehearsed, Reply, ReplyTo, Request, Secrets};
use crate::seal::{MasterKey, token_hash};
use crate::time::Moment;

/// What our own calls carry, so that they are answered as a bank's are and not counted among them.
const OURS: &str = "x-hocphi-rehearsal";
/// How long such a mark is good.
const GOOD_MS: i64 = 60_000;
/// How long an answer may take; banks wait about as long.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest answer that is read.
const ANSWER_MOST: usize = 64 << 10;

/// One vector as it was played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// The vector's name.
    pub name: &'static str,
    /// Had it to be believed?
    pub is_believed: bool,
    /// The HTTP status that came back; none: nobody answered.
    pub status: Option<u16>,
    /// Did the hook do what it had to?
    pub is_right: bool,
}

/// Does this delivery to a connection come from a rehearsal of it? Only who holds the master key can mark one.
pub fn is_ours(master: &MasterKey, request: &Request, connection_id: &str, now: Moment) -> bool {
    let Some(mark) = request.header_text(OURS) else { return false };
    let rounds = [now, now.plus_ms(-GOOD_MS)].map(|at| marked(master, connection_id, at));
    rounds.iter().any(|own| token_hash(own) == token_hash(mark))
}

fn marked(master: &MasterKey, connection_id: &str, at: Moment) -> String {
    master.page_token("rehearsal", &format!("{connection_id} {}", at.0 / GOOD_MS))
}

/// Plays everything that can be rehearsed of a connection whose hook answers under this base, `https://hocphi.example`.
///
/// # Errors
/// When no client can be made; whoever does not answer is part of the value.
pub async fn rehearse(
    provider: &Provider,
    base: &str,
    connection: &Connection,
    (master, now): (&MasterKey, Moment),
) -> Result<Vec<Played>> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder().redirect(Policy::none()).timeout(PATIENCE).build();
    let client = client.or_fault("make a client for the rehearsal")?;
    let address = format!("/hook/{}/{}", provider.name(), connection.id);
    let secrets = &connection.secrets;
    let accounts: Vec<&str> = connection.accounts.iter().map(|account| account.number.as_str()).collect();
    let mark = marked(master, &connection.id, now);
    let mut played = Vec::new();
    for one in provider.rehearsal(&address, secrets, &accounts, now) {
        let answer = call(&client, base, &one, &mark).await;
        let status = answer.as_ref().map(|(status, _)| *status);
        let is_right = answer.is_some_and(|answer| is_right(provider, &one, secrets, now, &answer));
        played.push(Played { name: one.name, is_believed: one.is_believed, status, is_right });
    }
    Ok(played)
}

async fn call(client: &reqwest::Client, base: &str, one: &Rehearsed, mark: &str) -> Option<(u16, String)> {
    let url = format!("{}{}", base.trim_end_matches('/'), one.request.target);
    let method = reqwest::Method::from_bytes(one.request.method.as_bytes()).ok()?;
    let mut request = client.request(method, url).header(OURS, mark).body(one.request.body.clone());
    for (name, value) in &one.request.headers {
        // The client says these two itself.
        if !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("content-length") {
            request = request.header(name, value.as_slice());
        }
    }
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    let bytes = answer.bytes().await.ok().filter(|bytes| bytes.len() <= ANSWER_MOST)?;
    Some((status, String::from_utf8_lossy(&bytes).into_owned()))
}

/// Some providers answer what they do not believe with 200 and a code in the body, so status alone says too little.
fn is_right(
    provider: &Provider,
    one: &Rehearsed,
    secrets: &Secrets,
    now: Moment,
    (status, body): &(u16, String),
) -> bool {
    let to = ReplyTo { request: &one.request, secrets, now, id: None, bill: None };
    let heard = provider.hear(&one.request, secrets, now);
    let believed = provider.reply(if one.is_believed { heard.outcome() } else { Outcome::New }, &to);
    let refused = provider.reply(Outcome::Refused, &to);
    let (wanted, other) = if one.is_believed { (believed, refused) } else { (refused, believed) };
    let is_like = |reply: &Reply| reply.status == *status && without_stamps(&reply.body) == without_stamps(body);
    is_like(&wanted) || (wanted.status == *status && other.status != *status)
}

/// An answer without what differs from one moment and one delivery to the next: digits, and our delivery's id.
fn without_stamps(body: &str) -> String {
    let mut parts = body.split("dlv_");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()));
    }
    kept.retain(|letter| !letter.is_ascii_digit());
    kept
}
