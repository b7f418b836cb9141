//! Requests that nobody signed: no provider believes one, whatever it says.

#![no_main]

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Unstructured};
use hocphi::providers::{Heard, Outcome, ReplyTo, Request};
use hocphi_fuzz::cost::cheaply;
use hocphi_fuzz::hook::{CONNECTION, Hook, NOW, hooks};
use libfuzzer_sys::{Corpus, fuzz_target};

static HOOKS: LazyLock<Vec<Hook>> = LazyLock::new(hooks);

/// Headers in which one of the providers looks for its proof, or for its time.
const HEADERS: [&str; 14] = [
    "Authorization",
    "X-SePay-Signature",
    "X-SePay-Timestamp",
    "X-Casso-Signature",
    "Secure-Token",
    "X-Signature",
    "X-Request-Timestamp",
    "X-API-KEY",
    "X-Secret-Key",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "Signature",
    "Content-Type",
];

#[derive(Debug, Arbitrary)]
struct Sent<'a> {
    method: u8,
    path: u8,
    query: &'a str,
    headers: Vec<(u8, &'a [u8])>,
    own: Vec<(&'a str, &'a [u8])>,
    body: &'a [u8],
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if let Ok(request) = Request::parse(bytes) {
        judge(&request);
    } else if let Ok(sent) = Sent::arbitrary_take_rest(Unstructured::new(bytes)) {
        judge(&request_of(&sent));
    } else {
        return Corpus::Reject;
    }
    Corpus::Keep
});

fn request_of(sent: &Sent) -> Request {
    let known = sent.headers.iter().map(|(name, value)| (HEADERS[usize::from(*name) % HEADERS.len()], *value));
    let own = sent.own.iter().copied();
    let method = ["POST", "GET", "PUT", "post"][usize::from(sent.method % 4)];
    let behind = ["", "/", "/getbill", "/paybill", "/token", "/api/token_generate", "/bank/api/transaction-sync"];
    Request {
        method: method.to_owned(),
        target: format!("{CONNECTION}{}?{}", behind[usize::from(sent.path) % behind.len()], sent.query),
        headers: known.chain(own).map(|(name, value)| (name.to_owned(), value.to_vec())).collect(),
        body: sent.body.to_vec(),
    }
}

/// Plays it at every provider's hook, each with secrets that nobody told.
fn judge(request: &Request) {
    for Hook { provider, secrets } in &*HOOKS {
        let heard = cheaply(|| provider.hear(request, secrets, NOW));
        assert!(matches!(heard, Heard::Refused(_)), "{} believed it: {heard:?}", provider.name());
        let reply = provider.reply(Outcome::Refused, &ReplyTo { request, secrets, now: NOW, id: None, bill: None });
        for values in secrets.names().map(|name| secrets.values(name)) {
            assert!(values.iter().all(|value| !reply.body.contains(value.as_str())), "an answer tells no secret");
        }
    }
}
