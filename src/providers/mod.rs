//! Banks and aggregators as folders of data: each one proves itself, is read, and is replied to. Nothing else.
//!
//! The important function is [`Provider::hear`]: a request as it arrived, the secrets of a connection and the
//! present in; what was told out. It is total: every sequence of bytes gets an answer, none a panic.
//!
//! **Invariants**
//! - One comparison of proofs (constant time) and one replay window serve every provider.
//! - Nothing is read before it is proven, and only what the proof covers is read.
//! - What is proven but cannot be read is never refused: it is kept and answered as if it had been read, and
//!   the reason names the provider's file, the key in it and the JSON pointer, but no value from the bank.
//! - A credit's `told_reference` is the same each time the provider tells of it, and different for two credits.
//!
//! Deliberately absent: conditionals, regular expressions and scripts in a `provider.toml`; calls out to a
//! provider; and what happens to a credit afterwards.

mod canonical;
mod check;
mod folder;
mod proof;
mod read;
mod reply;
mod request;
mod spec;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::fault::{Kind, Refusal, Result};
use crate::money::Dong;
use crate::time::Moment;

pub use check::Checked;
use folder::Folder;
pub use request::{Request, Secrets};
use spec::Spec;

/// The largest body that is listened to, whoever sends it; the hook does not even read a larger one.
pub const BODY_MOST: usize = 1 << 20;

/// A bank or an aggregator: one folder of data.
#[derive(Clone)]
pub struct Provider(Arc<Loaded>);

struct Loaded {
    name: String,
    /// The file that declares it, for messages.
    file: String,
    spec: Spec,
}

/// All providers by name.
#[derive(Clone)]
pub struct Providers(BTreeMap<String, Provider>);

impl Provider {
    /// What a delivery means: it is proven, then read. Total: no bytes make it panic.
    pub fn hear(&self, request: &Request, secrets: &Secrets, now: Moment) -> Heard {
        let spec = &self.0.spec;
        let body: Option<serde_json::Value> = serde_json::from_slice(&request.body).ok();
        match proof::prove(&spec.proof, request, body.as_ref(), secrets, now) {
            Err(reason) => Heard::Refused(reason),
            Ok(()) => read::read(spec, &self.0.file, body.as_ref()),
        }
    }

    /// What to answer, once it is known what became of the delivery.
    pub fn reply(&self, outcome: Outcome) -> Reply {
        reply::reply(&self.0.spec.reply, outcome)
    }

    /// Its folder's name, which stands in hook addresses: `sepay`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// As people call it: `SePay`.
    pub fn title(&self) -> &str {
        &self.0.spec.title
    }

    /// Where it documents its webhooks.
    pub fn documents(&self) -> &str {
        &self.0.spec.documents
    }

    /// The ways it proves itself, each as the names of the secrets it takes. A connection must hold all of one.
    pub fn secret_names(&self) -> Vec<Vec<&str>> {
        self.0.spec.proof.iter().map(spec::Proof::secrets).collect()
    }

    /// Can this value be that secret at all? A key of Standard Webhooks is base64; others take any text.
    pub fn fits(&self, name: &str, value: &str) -> bool {
        self.0.spec.proof.iter().all(|way| proof::fits(way, name, value))
    }

    /// How many characters of transfer text it lets through; fewer when the account is not linked with it.
    pub fn memo_max(&self, linked: bool) -> usize {
        let memo = &self.0.spec.memo;
        if linked { memo.max } else { memo.max_unlinked.unwrap_or(memo.max) }
    }

    /// What a transfer text to an account at this bank must begin with; mostly nothing.
    pub fn memo_prefix(&self, bin: &str) -> &str {
        self.0.spec.memo.prefix_at.get(bin).map_or("", String::as_str)
    }

    /// Is the bank's own number, as this provider tells it, never given twice at this bank?
    pub fn bank_reference_is_unique(&self, bin: &str) -> bool {
        self.0.spec.credit.bank_reference_unique_at.iter().any(|at| at == "*" || at == bin)
    }

    /// Does a retry carry the reference of the first telling?
    pub fn retry_keeps_reference(&self) -> bool {
        self.0.spec.retry_keeps_reference
    }

    fn parse(folder: &Folder) -> Result<Provider, Refusal> {
        let file = format!("{}/provider.toml", folder.path);
        let wrong = |what: String| {
            let en = format!("{file}: {what}");
            Refusal::new(Kind::Meaning, "wrong-provider", format!("Tệp nhà cung cấp sai: {en}"), en)
        };
        let text = std::str::from_utf8(&folder.spec).map_err(|_| wrong("not UTF-8".to_owned()))?;
        let spec: Spec = toml::from_str(text).map_err(|error| wrong(spec::place_of(text, &error)))?;
        match spec.fault() {
            Some((key, what)) => Err(wrong(format!("{key}: {what}"))),
            None => Ok(Provider(Arc::new(Loaded { name: folder.name.clone(), file, spec }))),
        }
    }
}

impl Providers {
    /// Those that come with the program.
    ///
    /// # Errors
    /// One of them is not understood, which the tests rule out.
    pub fn embedded() -> Result<Providers> {
        Providers(BTreeMap::new()).and(&folder::embedded())
    }

    /// Those that come with the program, and those of a directory, which win over them.
    ///
    /// # Errors
    /// The directory cannot be read, or a file in it is not understood; the message names the file and the key.
    pub fn load(directory: &Path) -> Result<Providers> {
        Providers::embedded()?.and(&folder::on_disk(directory)?)
    }

    /// Plays every vector of the providers that come with the program, or of a directory alone.
    ///
    /// # Errors
    /// The directory cannot be read; what is wrong with its content is part of the value.
    pub fn check(directory: Option<&Path>) -> Result<Checked> {
        Ok(check::check(&directory.map_or_else(|| Ok(folder::embedded()), folder::on_disk)?))
    }

    fn and(mut self, folders: &[Folder]) -> Result<Providers> {
        for folder in folders {
            self.0.insert(folder.name.clone(), Provider::parse(folder)?);
        }
        Ok(self)
    }

    /// One of them by its folder's name.
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.values()
    }
}

/// What a delivery meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Lines were read and at least one is money coming in; lines going out may stand among them.
    Credits {
        /// Every line that could be read, in the order sent.
        lines: Vec<ToldCredit>,
        /// The lines beside them that could not be read, with the reason of each.
        unread: Vec<Unread>,
    },
    /// Proven and read, and no money came in.
    Nothing {
        /// Why there is nothing to book.
        why: &'static str,
        /// The outgoing lines, when it was because of them.
        outgoing: Vec<ToldCredit>,
    },
    /// The provider's own test message: answered, never posted.
    Test,
    /// Proven, but not one line could be read: kept, answered as if it had been, shown on the desk.
    Unreadable(Unread),
    /// Not proven. Counted and logged without its body, and kept nowhere.
    Refused(Disproof),
    // A bank that asks for a bill or for a token gets its own variant the day the first such provider comes.
}

/// A credit (or a debit) of which a provider told.
#[derive(Clone, PartialEq, Eq)]
pub struct ToldCredit {
    /// What makes this credit one of a kind on its connection; equal in each retry.
    pub told_reference: String,
    /// The reference as the provider prints it in its own pages; not always unique.
    pub reference: String,
    /// The bank's own number for the transfer, when it is told.
    pub bank_reference: Option<String>,
    /// The account the money moved on, as sent.
    pub account: String,
    /// The virtual account or sub-account it came through, when there is one.
    pub sub_account: Option<String>,
    /// The bank of that account, when the provider names it and the name is known.
    pub bank_bin: Option<String>,
    /// More than nothing, in both directions.
    pub amount: Dong,
    /// The transfer text as sent; may hold NUL and anything else that JSON can hold.
    pub memo: String,
    /// When the bank says it happened.
    pub at: Moment,
    /// In or out.
    pub direction: Direction,
    /// The account's balance afterwards, when it is told.
    pub balance: Option<Dong>,
    /// Who paid, when anything about them is told.
    pub payer: Option<Payer>,
}

/// Who paid, as far as the bank says; sealed at rest, never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Payer {
    /// The name of the account they paid from.
    pub name: Option<String>,
    /// Its number.
    pub account: Option<String>,
    /// Their bank, as a BIN or however the provider names it.
    pub bank: Option<String>,
}

/// Which way money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the school.
    In,
    /// From the school.
    Out,
}

/// Why something proven could not be read. Safe to log: it holds no value from the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The file that declares it, `providers/sepay/provider.toml`.
    pub file: String,
    /// The key in that file, `credit.amount`.
    pub key: &'static str,
    /// The JSON pointer in the body, `/transferAmount`; empty for the whole body.
    pub pointer: String,
    /// What is wrong there.
    pub what: &'static str,
}

/// Why a delivery is not proven. Says nothing of what the proof should have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disproof {
    /// The connection has no secret with which this provider proves itself.
    #[error("proof: the connection holds no secret for it")]
    NoSecret,
    /// The header or field with the proof is absent or malformed.
    #[error("proof: absent or malformed")]
    Absent,
    /// The proof is another than ours.
    #[error("proof: wrong")]
    Wrong,
    /// The proof is right, but its time lies outside the replay window.
    #[error("proof: its time lies outside the replay window")]
    Stale,
}

/// What became of a delivery, which decides the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// At least one credit was new.
    New,
    /// Every credit had been told before.
    ToldBefore,
    /// Nothing to book; also what is proven but unreadable.
    Nothing,
    /// A test message.
    Test,
    /// Not proven.
    Refused,
}

/// What the provider gets back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `application/json`, unless declared otherwise.
    pub content_type: String,
    /// The whole body.
    pub body: String,
}

impl Heard {
    /// What the reply is chosen by, before the keeper has said whether the credits are new.
    pub fn outcome(&self) -> Outcome {
        match self {
            Heard::Credits { .. } => Outcome::New,
            Heard::Nothing { .. } | Heard::Unreadable(_) => Outcome::Nothing,
            Heard::Test => Outcome::Test,
            Heard::Refused(_) => Outcome::Refused,
        }
    }
}

impl Heard {
    /// One word for a script: `credits`, `nothing`, `test` or `refused`. What cannot be read is `nothing`.
    pub fn word(&self) -> &'static str {
        match self {
            Heard::Credits { .. } => "credits",
            Heard::Nothing { .. } | Heard::Unreadable(_) => "nothing",
            Heard::Test => "test",
            Heard::Refused(_) => "refused",
        }
    }

    /// Why it is not credits, or why some lines beside the credits were not read.
    pub fn reason(&self) -> Option<String> {
        match self {
            Heard::Credits { unread, .. } if unread.is_empty() => None,
            Heard::Credits { unread, .. } => {
                Some(unread.iter().map(Unread::to_string).collect::<Vec<String>>().join("; "))
            }
            Heard::Nothing { why, .. } => Some((*why).to_owned()),
            Heard::Test => Some("the provider's test message".to_owned()),
            Heard::Unreadable(unread) => Some(unread.to_string()),
            Heard::Refused(disproof) => Some(disproof.to_string()),
        }
    }

    /// Every line that was read, outgoing ones too.
    pub fn lines(&self) -> &[ToldCredit] {
        match self {
            Heard::Credits { lines, .. } | Heard::Nothing { outgoing: lines, .. } => lines,
            Heard::Test | Heard::Unreadable(_) | Heard::Refused(_) => &[],
        }
    }
}

impl Direction {
    /// `in` or `out`.
    pub fn word(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}: {}", self.file, self.key, self.pointer, self.what)
    }
}

impl fmt::Debug for ToldCredit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToldCredit")
            .field("told_reference", &self.told_reference)
            .field("amount", &self.amount)
            .field("at", &self.at)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payer(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Moment = Moment(1_795_310_042_000);

    fn all() -> Vec<Provider> {
        Providers::embedded().expect("the providers of the program").iter().cloned().collect()
    }

    fn named(name: &str) -> Provider {
        Providers::embedded().expect("the providers of the program").get(name).cloned().expect("a provider")
    }

    fn vector(provider: &str, name: &str) -> Request {
        let folders = folder::embedded();
        let folder = folders.iter().find(|folder| folder.name == provider).expect("a folder");
        Request::parse(&folder.vectors[&format!("{name}.http")]).expect("a request")
    }

    /// Secrets under every name that any provider declares.
    fn secrets() -> Secrets {
        ["checksum_key", "secure_token", "api_key", "hmac_secret"]
            .iter()
            .fold(Secrets::new(), |secrets, name| secrets.with(name, "secret-for-tests"))
    }

    fn casso(body: &str) -> Heard {
        let headers = vec![("Secure-Token".to_owned(), b"secret-for-tests".to_vec())];
        let body = body.as_bytes().to_vec();
        let request = Request { method: "POST".to_owned(), target: "/hook".to_owned(), headers, body };
        named("casso").hear(&request, &secrets(), NOW)
    }

    #[test]
    fn nothing_secret_or_personal_is_printed_by_debug() {
        let request = vector("payos", "genuine");
        let heard = named("payos").hear(&request, &secrets(), NOW);
        let printed = format!("{heard:?} {request:?} {:?}", secrets());
        for hidden in ["secret-for-tests", "NGUYEN", "0881000123456", "0123499999", "RF18BCFGHJKLM"] {
            assert!(!printed.contains(hidden), "{printed}");
        }
    }

    #[test]
    fn a_reason_holds_no_value_that_the_bank_sent() {
        let heard =
            casso(r#"{"data":[{"id":1,"tid":"T","amount":"4411882","bank_sub_acc_id":"990011","when":"x y z"}]}"#);
        let reason = heard.reason().unwrap_or_default();
        assert!(reason.contains("/data/0/"), "{reason}");
        for hidden in ["4411882", "990011", "x y z"] {
            assert!(!reason.contains(hidden), "{reason}");
        }
    }

    #[test]
    fn what_a_connection_must_know_of_a_bank_is_declared() {
        assert_eq!(named("sepay").memo_prefix("970415"), "SEVQR");
        assert_eq!(named("sepay").memo_prefix("970436"), "");
        assert_eq!((named("payos").memo_max(true), named("payos").memo_max(false)), (25, 9));
        assert!(named("bank-sim").bank_reference_is_unique("970416"));
        assert!(!named("sepay").bank_reference_is_unique("970416"));
        assert!(named("sepay").bank_reference_is_unique("970422"));
        assert_eq!(named("sepay").secret_names(), [["hmac_secret"], ["api_key"]]);
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,12}".prop_map(serde_json::Value::from),
            "-?[0-9]{0,30}(\\.[0-9]{0,3})?".prop_map(serde_json::Value::from),
            "[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?".prop_map(serde_json::Value::from),
        ];
        let names = "id|tid|amount|when|description|bank_sub_acc_id|cusum_balance|data|x";
        leaf.prop_recursive(4, 64, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::btree_map(names, inner, 0..8).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_provider_panic(
            body in prop::collection::vec(any::<u8>(), 0..300),
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 8),
            now in any::<i64>(),
        ) {
            let names = ["authorization", "secure-token", "x-casso-signature", "x-sepay-timestamp", "x-sepay-signature",
                "webhook-id", "webhook-timestamp", "webhook-signature"];
            let headers = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
            let request = Request { method: String::new(), target: String::new(), headers, body };
            for provider in all() {
                prop_assert_eq!(provider.hear(&request, &secrets(), Moment(now)).word(), "refused");
            }
        }

        #[test]
        fn any_proven_json_is_read_or_kept(line in json(), lines in json()) {
            for body in [serde_json::json!({ "data": [line] }), serde_json::json!({ "data": lines }), lines.clone()] {
                let heard = casso(&body.to_string());
                prop_assert_ne!(heard.word(), "refused");
                for told in heard.lines() {
                    prop_assert!(told.amount.is_positive() && !told.told_reference.is_empty());
                }
            }
        }

        #[test]
        fn a_request_file_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::parse(&bytes);
        }
    }

    #[test]
    fn a_delivery_as_large_as_a_hook_takes_is_read_line_by_line() {
        let line = r#"{"id":1,"tid":"T","amount":2000,"bank_sub_acc_id":"01","when":"2026-11-22","description":"a"}"#;
        let lines = vec![line; 1_048_576 / (line.len() + 1)].join(",");
        let heard = casso(&format!("{{\"data\":[{lines}]}}"));
        assert_eq!(heard.lines().len(), 1_048_576 / (line.len() + 1));
        assert_eq!(casso(&"[".repeat(1_048_576)).word(), "nothing");
    }

    #[test]
    fn one_changed_byte_of_a_signed_body_is_refused() {
        for (name, secrets) in [("sepay", secrets()), ("bank-sim", secrets())] {
            let secrets = if name == "bank-sim" {
                Secrets::new().with("hmac_secret", "whsec_c2VjcmV0LWZvci10ZXN0cywgMjQgYnl0ZQ==")
            } else {
                secrets
            };
            let genuine = vector(name, "genuine");
            let now = Moment::parse("2026-11-22T08:14:02+07:00").expect("a time");
            assert_eq!(named(name).hear(&genuine, &secrets, now).word(), "credits", "{name}");
            for place in 0..genuine.body.len() {
                let mut changed = genuine.clone();
                changed.body[place] ^= 1;
                assert_eq!(
                    named(name).hear(&changed, &secrets, now),
                    Heard::Refused(Disproof::Wrong),
                    "{name} {place}"
                );
            }
        }
    }
}
