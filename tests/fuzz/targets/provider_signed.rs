//! Bodies of any sort that were signed as their provider does: they are believed, read without a panic, and answered.

#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use hocphi::money::Dong;
use hocphi::providers::{Bill, Heard, Outcome, ReplyTo, Request};
use hocphi_fuzz::cost::cheaply;
use hocphi_fuzz::files::{AGAIN, repeated};
use hocphi_fuzz::hook::{CONNECTION, Hook, NOW, hooks};
use libfuzzer_sys::{Corpus, fuzz_target};

static HOOKS: LazyLock<Vec<Hook>> = LazyLock::new(hooks);

/// Long enough to tell what grows with its square; the engine itself makes reading some three times slower.
const LONG: usize = 256 << 10;

const OUTCOMES: [Outcome; 10] = [
    Outcome::New,
    Outcome::ToldBefore,
    Outcome::PaidBefore,
    Outcome::Nothing,
    Outcome::Test,
    Outcome::Token,
    Outcome::Bill,
    Outcome::NoBill,
    Outcome::NothingDue,
    Outcome::Refused,
];

// The first byte says whose hook, the second which of its addresses; the rest is the body, or the query, and may be a
// pattern that is said again and again.
fuzz_target!(|bytes: &[u8]| -> Corpus {
    let [whose, which, body @ ..] = bytes else { return Corpus::Reject };
    let hook = &HOOKS[usize::from(*whose) % HOOKS.len()];
    let paths = hook.provider.paths();
    let listened = &paths[usize::from(*which) % paths.len()];
    let body = if body.contains(&AGAIN) { repeated(body, LONG) } else { body.to_vec() };
    let query: String = body.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
    let request = Request {
        method: listened.method.to_owned(),
        target: format!("{CONNECTION}{}?{query}", listened.path),
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        body,
    };
    let signed = hook.provider.proven(&request, &hook.secrets, NOW);
    signed.iter().for_each(|signed| judge(hook, signed));
    Corpus::Keep
});

fn judge(Hook { provider, secrets }: &Hook, request: &Request) {
    let heard = cheaply(|| provider.hear(request, secrets, NOW));
    assert!(!matches!(heard, Heard::Refused(_)), "{}: what is signed is believed: {heard:?}", provider.name());
    assert!(provider.hear(request, secrets, NOW) == heard, "and means the same each time");
    let mut told = HashSet::new();
    for line in heard.lines() {
        assert!(line.amount > Dong::new(0) && line.amount <= Dong::TRANSFER_MOST, "an amount is one");
        assert!(!line.told_reference.is_empty(), "a credit is one of a kind");
        told.insert((&line.told_reference, line.direction.word()));
    }
    if matches!(heard, Heard::Credits { .. }) {
        assert!(told.iter().any(|(_, way)| *way == "in"), "credits hold money that came in");
    }
    assert!(heard.reason().unwrap_or_default().len() <= 1 << 20);
    let bill = Bill { id: "HP1".to_owned(), name: "\"Nguyễn\"".to_owned(), amount: Dong::new(1) };
    let is_long = request.body.len() > 64 << 10;
    for outcome in OUTCOMES.into_iter().take(if is_long { 1 } else { OUTCOMES.len() }) {
        let to = ReplyTo { request, secrets, now: NOW, id: Some("dlv_1"), bill: Some(&bill) };
        let reply = cheaply(|| provider.reply(outcome, &to));
        assert!((200..600).contains(&reply.status));
        if reply.content_type == "application/json" && !reply.body.is_empty() {
            let answer: Result<serde_json::Value, _> = serde_json::from_str(&reply.body);
            assert!(answer.is_ok(), "{}: {}", provider.name(), reply.body);
        }
    }
}
