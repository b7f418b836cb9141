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
mod credit;
mod draft;
mod folder;
mod forge;
mod heard;
mod proof;
mod query;
mod read;
mod reply;
mod request;
mod rsa;
mod sign;
mod spec;
#[cfg(test)]
mod tests;
mod token;
mod ways;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::fault::{Kind, Refusal, Result};
use crate::time::Moment;

use canonical::Said;
pub use check::Checked;
use folder::Folder;
pub use forge::{Forged, Forgeries, Genuines};
pub use heard::{
    Asked, Bill, BillAsked, Direction, Disproof, Heard, Outcome, Payer, Reply, Settles, ToldCredit, Unread,
};
pub use reply::ReplyTo;
pub use request::{Request, Secrets};
pub use sign::Rehearsed;
use spec::{From, Meant, Spec};

/// The largest body that is listened to, whoever sends it; the hook does not even read a larger one.
pub const BODY_MOST: usize = 1 << 20;

/// A bank or an aggregator: one folder of data.
#[derive(Clone)]
pub struct Provider(Arc<Loaded>);

struct Loaded {
    name: String,
    /// Its vectors, for rehearsing.
    vectors: BTreeMap<String, Vec<u8>>,
    /// The file that declares it, for messages.
    file: String,
    spec: Spec,
}

/// What is listened to at one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listened<'a> {
    /// `credit`, `token` or `bill`.
    pub what: &'static str,
    /// The method.
    pub method: &'static str,
    /// What stands behind `/hook/{provider}/{connection}`; mostly nothing.
    pub path: &'a str,
}

/// What a secret must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretForm {
    /// Any text.
    #[default]
    Any,
    /// Base64, with or without `whsec_` before it.
    WebhookKey,
    /// An RSA public key as PEM, of 2048 bits or more.
    PublicKey,
}

/// The form of the requests by which a provider is asked to make orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderForm {
    /// `POST /v2/payment-requests` of payOS.
    Payos,
}

/// All providers by name.
#[derive(Clone)]
pub struct Providers(BTreeMap<String, Provider>);

impl Provider {
    /// What a delivery means: it is proven, then read. Total: no bytes make it panic.
    pub fn hear(&self, request: &Request, secrets: &Secrets, now: Moment) -> Heard {
        let spec = &self.0.spec;
        let Some(meant) = spec.meant(request) else { return Heard::Refused(Disproof::Elsewhere) };
        let Some(said) = said(spec, request) else { return Heard::Refused(Disproof::Absent) };
        let ways = match meant {
            Meant::Credit => &spec.proof,
            Meant::Ask(ask) => &ask.proof,
        };
        match (proof::prove(ways, &said, secrets, now), meant) {
            (Err(reason), _) => Heard::Refused(reason),
            (Ok(()), Meant::Credit) => read::read(spec, &self.0.file, said.told.as_ref()),
            (Ok(()), Meant::Ask(ask)) => read::asked(ask, said.told.as_ref()),
        }
    }

    /// What to answer, once it is known what became of the delivery. Total, like [`Provider::hear`].
    pub fn reply(&self, outcome: Outcome, to: &ReplyTo) -> Reply {
        reply::reply(&self.0.spec, outcome, to)
    }

    /// What a request was signed over, as a vector's reader needs it; never for a connection's own secrets.
    fn explain(&self, request: &Request, secrets: &Secrets, now: Moment) -> Vec<String> {
        let spec = &self.0.spec;
        match (spec.meant(request), said(spec, request)) {
            (Some(Meant::Credit), Some(said)) => proof::explain(&spec.proof, &said, secrets, now),
            (Some(Meant::Ask(ask)), Some(said)) => proof::explain(&ask.proof, &said, secrets, now),
            _ => Vec::new(),
        }
    }

    /// What to play against the hook of a connection, `/hook/sepay/con_…`: its own vectors, of which those that are
    /// signed with the vectors' public secrets must be refused. Nothing is played that tells of one of these accounts,
    /// the connection's own: a bank's sample may be the school's own account.
    pub fn rehearsal(&self, address: &str, secrets: &Secrets, accounts: &[&str], now: Moment) -> Vec<Rehearsed> {
        sign::rehearsal(self, address, secrets, accounts, now)
    }

    /// Do these secrets stand in the provider's own vectors, where everybody may read them?
    pub fn publishes(&self, secrets: &Secrets) -> bool {
        check::is_published(self, &self.0.vectors, secrets)
    }

    /// A message as whoever holds these secrets proves it, once for each way in which it may be proven; none where only
    /// a bank's own key can. What it then means is not looked at.
    pub fn proven(&self, request: &Request, secrets: &Secrets, now: Moment) -> Vec<Request> {
        sign::proven(self, request, secrets, now)
    }

    /// What stands behind the hook's address, and by which method it is told or asked there.
    pub fn paths(&self) -> Vec<Listened<'_>> {
        self.0.spec.listened()
    }

    /// The methods that are listened to, `POST` mostly.
    pub fn methods(&self) -> Vec<&'static str> {
        self.0.spec.request.methods.iter().map(|method| method.word()).collect()
    }

    /// Does the reply say whether a credit had been told before, or its bill paid before?
    pub fn asks_what_became(&self) -> bool {
        let reply = &self.0.spec.reply;
        reply.told_before.is_some() || reply.paid_before.is_some()
    }

    /// Does the account itself show the money only later, in one sum with others and without the fees?
    pub fn settles_later(&self) -> bool {
        self.0.spec.settles == Settles::Later
    }

    /// Its folder's name, which stands in hook addresses: `sepay`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// As people call it: `SePay`.
    pub fn title(&self) -> &str {
        &self.0.spec.title
    }

    /// The same for Vietnamese pages.
    pub fn title_vi(&self) -> &str {
        self.0.spec.title_vi.as_deref().unwrap_or(self.title())
    }

    /// Does it mark its test messages, so that they are told apart from money?
    pub fn marks_tests(&self) -> bool {
        !self.0.spec.test.is_empty()
    }

    /// Where it documents its webhooks.
    pub fn documents(&self) -> &str {
        &self.0.spec.documents
    }

    /// The ways it proves itself, each as the names of the secrets it takes. A connection must hold all of one.
    pub fn secret_names(&self) -> Vec<Vec<&str>> {
        self.0.spec.proof.iter().map(ways::Proof::secrets).collect()
    }

    /// In which form it is asked to make orders; none where it makes none.
    pub fn order_form(&self) -> Option<OrderForm> {
        self.0.spec.orders.as_ref().map(|orders| orders.form)
    }

    /// The names of the secrets that making orders takes, beside those of a way of proving.
    pub fn order_secrets(&self) -> &[String] {
        self.0.spec.orders.as_ref().map_or(&[], |orders| &orders.secrets)
    }

    /// Is this body the provider's own word? For what it answers when it is asked for something: that is signed as its
    /// deliveries are.
    pub fn says(&self, body: &[u8], secrets: &Secrets, now: Moment) -> bool {
        let target = String::from("/");
        let request = Request { method: String::from("POST"), target, headers: Vec::new(), body: body.to_vec() };
        said(&self.0.spec, &request).is_some_and(|said| proof::prove(&self.0.spec.proof, &said, secrets, now).is_ok())
    }

    /// Can this value be that secret at all?
    pub fn fits(&self, name: &str, value: &str) -> bool {
        proof::fits(self.secret_form(name), value)
    }

    /// What that secret must be, for the sentence that refuses another.
    pub fn secret_form(&self, name: &str) -> SecretForm {
        self.0.spec.ways().map(|way| proof::secret_form(way, name)).max().unwrap_or_default()
    }

    /// How many characters of transfer text it lets through; fewer when the account is not linked with it.
    pub fn memo_max(&self, linked: bool) -> usize {
        let memo = &self.0.spec.memo;
        if linked { memo.max } else { memo.max_unlinked.unwrap_or(memo.max) }
    }

    /// Does it matter whether the account is linked with it?
    pub fn asks_whether_linked(&self) -> bool {
        self.0.spec.memo.max_unlinked.is_some()
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
            None => Ok(Provider(Arc::new(Loaded {
                name: folder.name.clone(),
                vectors: folder.vectors.clone(),
                file,
                spec,
            }))),
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

    /// Plays this many deliveries that are genuine but for one byte, the same ones for the same seed: of the providers
    /// that come with the program, or of a directory alone.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn forge(directory: Option<&Path>, seed: u64, cases: u64) -> Result<Forgeries> {
        let folders = directory.map_or_else(|| Ok(folder::embedded()), folder::on_disk)?;
        Ok(forge::forge(&folders, seed, cases))
    }

    /// The files of a new provider's folder by their path in it, made from one that is much like it.
    ///
    /// # Errors
    /// Refused: a name that cannot stand in an address or is taken, or no provider of that name to be like.
    pub fn draft(name: &str, like: &str) -> Result<BTreeMap<String, Vec<u8>>> {
        Ok(draft::draft(name, like)?)
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

/// What is told by a request; none where its query says two things at once.
fn said<'a>(spec: &Spec, request: &'a Request) -> Option<Said<'a>> {
    match spec.request.from {
        From::Body => Some(Said { request, told: serde_json::from_slice(&request.body).ok(), pairs: Vec::new() }),
        From::Query => {
            let pairs = query::pairs(&request.target)?;
            Some(Said { request, told: Some(query::object(&pairs)), pairs })
        }
    }
}
