//! The words of a `provider.toml`, all of them; those of proofs are in `ways`, those of credits in `credit`. A word
//! that is not there is refused when the file is loaded.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::canonical::plain;
use super::credit::Credit;
use super::reply::Pattern;
use super::request::Request;
use super::ways::Proof;
use super::{Listened, OrderForm, Settles};

/// A whole `provider.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// As people call it: `SePay`.
    pub title: String,
    /// The same in Vietnamese, where the name holds words.
    #[serde(default)]
    pub title_vi: Option<String>,
    /// Where the provider documents what stands below.
    pub documents: String,
    /// Does a retry carry the same reference as the first telling? What is false here is held, not merged.
    pub retry_keeps_reference: bool,
    /// When the account itself shows the money.
    #[serde(default)]
    pub settles: Settles,
    /// How a request is made up.
    #[serde(default)]
    pub request: Shape,
    /// What of a transfer text reaches the school.
    #[serde(default)]
    pub memo: Memo,
    /// The ways in which it proves itself; one that holds is enough. A way counts when the connection has its secrets.
    pub proof: Vec<Proof>,
    /// The provider's test messages, each as JSON pointers and the values they must all have.
    #[serde(default)]
    pub test: Vec<BTreeMap<Pointer, toml::Value>>,
    /// What the provider asks us for.
    #[serde(default)]
    pub ask: Vec<Ask>,
    /// What we may ask of it, where it makes orders.
    pub orders: Option<Orders>,
    /// What a credit looks like.
    pub credit: Credit,
    /// What to answer.
    pub reply: Replies,
}

/// What of a transfer text reaches the school.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Memo {
    /// How many characters the payer's bank app is given.
    pub max: usize,
    /// The same where the account is not linked with the provider.
    pub max_unlinked: Option<usize>,
    /// What the text must begin with, by the BIN of the receiving bank.
    pub prefix_at: BTreeMap<String, String>,
}

impl Default for Memo {
    fn default() -> Self {
        // Sub-field 62-08 of a VietQR holds 25 characters.
        Memo { max: 25, max_unlinked: None, prefix_at: BTreeMap::new() }
    }
}

/// How orders are made there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// The form of the requests.
    pub form: OrderForm,
    /// The names of the secrets that this takes beside those of a proof.
    pub secrets: Vec<String>,
}

/// How a request is made up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shape {
    /// The methods that are listened to.
    pub methods: Vec<Method>,
    /// Where what is told stands.
    pub from: From,
    /// The place of a text that is itself JSON; it is what is read.
    pub inside: Option<Pointer>,
}

impl Default for Shape {
    fn default() -> Self {
        Shape { methods: vec![Method::Post], from: From::Body, inside: None }
    }
}

/// A method that is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// As nearly all do.
    Post,
    /// What is told stands in the query.
    Get,
}

impl Method {
    /// As HTTP writes it.
    pub fn word(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Get => "GET",
        }
    }
}

/// Where what is told stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// In the body, as JSON.
    #[default]
    Body,
    /// In the query: an object of texts. A name that stands there twice makes it unproven.
    Query,
}

/// Something the provider asks us for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What.
    pub kind: AskKind,
    /// The path behind the hook's address where it is asked.
    pub path: String,
    /// How it proves itself there.
    pub proof: Vec<Proof>,
    /// Where a bill's payer stands.
    pub customer: Option<Places>,
    /// Where the service of the bank's contract stands.
    pub service: Option<Places>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskKind {
    /// A token that proves it for a while.
    Token,
    /// What somebody has to pay.
    Bill,
}

/// What a request is about, by its path.
#[derive(Debug, Clone, Copy)]
pub enum Meant<'a> {
    /// Money.
    Credit,
    /// A question.
    Ask(&'a Ask),
}

/// What to answer to each outcome; `ok` where an outcome has no answer of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replies {
    /// The answer that stops the provider from telling again.
    pub ok: Answer,
    /// All credits were told before.
    pub told_before: Option<Answer>,
    /// What the money pays had been paid before; `told_before` when left out.
    pub paid_before: Option<Answer>,
    /// Nothing to book.
    pub nothing: Option<Answer>,
    /// A test message.
    pub test: Option<Answer>,
    /// The token that was asked for.
    pub token: Option<Answer>,
    /// The bill that was asked for.
    pub bill: Option<Answer>,
    /// Nobody has the number whose bill was asked for.
    pub no_bill: Option<Answer>,
    /// They have nothing to pay.
    pub nothing_due: Option<Answer>,
    /// Not proven; 401 with `{"success":false}` when left out.
    pub refused: Option<Answer>,
}

/// One answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The type of the body.
    #[serde(default = "json")]
    pub content_type: String,
    /// The whole body.
    #[serde(default)]
    pub body: Pattern,
}

fn json() -> String {
    "application/json".to_owned()
}

/// A JSON pointer (RFC 6901): empty for the whole, else a slash before each step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Pointer(String);

impl Pointer {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Pointer {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() || text.starts_with('/') {
            Ok(Pointer(text))
        } else {
            Err("a JSON pointer begins with a slash")
        }
    }
}

/// One place, or several spellings of one place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Spelled")]
pub struct Places(Vec<Pointer>);

/// Texts, so that one that is no pointer gets its own sentence.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Spelled {
    /// One.
    One(String),
    /// Several spellings.
    Several(Vec<String>),
}

impl TryFrom<Spelled> for Places {
    type Error = &'static str;

    fn try_from(spelled: Spelled) -> Result<Self, Self::Error> {
        match spelled {
            Spelled::One(one) => Ok(Places(vec![Pointer::try_from(one)?])),
            Spelled::Several(several) if several.is_empty() => Err("at least one place"),
            Spelled::Several(several) => {
                several.into_iter().map(Pointer::try_from).collect::<Result<_, _>>().map(Places)
            }
        }
    }
}

/// Two spellings of one place hold different values: nobody can say which one was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differs;

impl Places {
    /// One spelling, or several with `|` between them.
    ///
    /// # Errors
    /// One of them is no pointer.
    pub fn parse(text: &str) -> Result<Places, &'static str> {
        text.split('|').map(|part| Pointer::try_from(part.to_owned())).collect::<Result<_, _>>().map(Places)
    }

    /// The first spelling, for messages.
    pub fn first(&self) -> &str {
        self.0.first().map_or("", Pointer::as_str)
    }

    /// All spellings.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Pointer::as_str)
    }

    /// The value: of the first spelling that holds something, else of the first that is there at all.
    ///
    /// # Errors
    /// Two spellings hold different things.
    pub fn find<'a>(&self, value: &'a Value) -> Result<Option<&'a Value>, Differs> {
        let mut there = self.0.iter().filter_map(|at| value.pointer(at.as_str()));
        let Some(first) = there.next() else { return Ok(None) };
        there
            .try_fold(first, |found, next| match (plain(found), plain(next)) {
                (_, next) if next.is_empty() => Ok(found),
                (found_text, _) if found_text.is_empty() => Ok(next),
                (found_text, next_text) if found_text == next_text => Ok(found),
                _ => Err(Differs),
            })
            .map(Some)
    }
}

impl Spec {
    /// What a request with this method and path is about; none where nothing is listened to.
    pub fn meant(&self, request: &Request) -> Option<Meant<'_>> {
        if !self.request.methods.iter().any(|method| method.word() == request.method) {
            return None;
        }
        let path = request.path_behind();
        if let Some(ask) = self.ask.iter().find(|ask| ask.path == path) {
            return Some(Meant::Ask(ask));
        }
        self.credit.path.as_deref().is_none_or(|credit| credit == path).then_some(Meant::Credit)
    }

    /// The paths behind the hook's address.
    pub fn listened(&self) -> Vec<Listened<'_>> {
        let asked = self.ask.iter().map(|ask| {
            let what = if ask.kind == AskKind::Token { "token" } else { "bill" };
            (what, ask.path.as_str())
        });
        let all = asked.chain([("credit", self.credit.path.as_deref().unwrap_or_default())]);
        all.flat_map(|(what, path)| {
            self.request.methods.iter().map(move |method| Listened { what, method: method.word(), path })
        })
        .collect()
    }

    /// How tokens are made: the name of the user's secret, that of the password, and how long one lives.
    pub fn token(&self) -> Option<(&str, &str, u32)> {
        let ways = self.proof.iter().chain(self.ask.iter().flat_map(|ask| &ask.proof));
        ways.flat_map(Proof::parts).find_map(|way| match way {
            Proof::TokenWeIssue { user, password, seconds } => Some((user.as_str(), password.as_str(), *seconds)),
            _ => None,
        })
    }

    /// Every way of proving, of credits and of questions.
    pub fn ways(&self) -> impl Iterator<Item = &Proof> {
        self.proof.iter().chain(self.ask.iter().flat_map(|ask| &ask.proof))
    }

    /// What the types alone do not rule out: the key that is wrong, and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.proof.is_empty() {
            return Some(("proof", "a provider proves itself in at least one way"));
        }
        if self.request.methods.is_empty() {
            return Some(("request.methods", "at least one"));
        }
        if self.test.iter().any(BTreeMap::is_empty) {
            return Some(("test", "at least one place; without any, every message would be a test"));
        }
        if self.memo.max == 0 {
            return Some(("memo.max", "more than nothing"));
        }
        if self.credit.path.as_ref().is_some_and(|path| !is_path(path)) {
            return Some(("credit.path", "a path begins with a slash and does not end with one"));
        }
        let proofs = self.ways().find_map(Proof::fault);
        proofs.or_else(|| self.credit.fault()).or_else(|| self.ask.iter().find_map(|ask| self.ask_fault(ask)))
    }

    fn ask_fault(&self, ask: &Ask) -> Option<(&'static str, &'static str)> {
        let reply = &self.reply;
        if ask.proof.is_empty() {
            return Some(("ask.proof", "a provider proves itself in at least one way"));
        }
        let paths = self.ask.iter().map(|ask| &ask.path).chain(&self.credit.path);
        if !is_path(&ask.path) || paths.filter(|path| **path == ask.path).count() > 1 {
            return Some(("ask.path", "a path of its own; it begins with a slash and does not end with one"));
        }
        match ask.kind {
            AskKind::Token if self.token().is_none() => Some(("ask.kind", "no proof is a token-we-issue")),
            AskKind::Token if !ask.proof.iter().all(|way| matches!(way, Proof::Basic { .. })) => {
                Some(("ask.proof", "a token is given for a user and a password: basic"))
            }
            AskKind::Token if reply.token.is_none() => Some(("reply.token", "missing")),
            AskKind::Bill if ask.customer.is_none() => Some(("ask.customer", "whose bill is asked for")),
            AskKind::Bill if reply.bill.is_none() => Some(("reply.bill", "missing")),
            AskKind::Bill if reply.no_bill.is_none() => Some(("reply.no_bill", "missing")),
            AskKind::Bill if reply.nothing_due.is_none() => Some(("reply.nothing_due", "missing")),
            _ => None,
        }
    }
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && !path.ends_with('/') && !path.contains(['?', '#'])
}

/// A parser's complaint as one sentence: the key, its line, and what is wrong there.
pub fn place_of(text: &str, error: &toml::de::Error) -> String {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else { return error.message().to_owned() };
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default();
    let table = before.lines().rev().find(|line| line.starts_with('[')).unwrap_or_default().trim_matches(['[', ']']);
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    let dot = if table.is_empty() || key.is_empty() { "" } else { "." };
    format!("{table}{dot}{key} (line {}): {}", number + 1, error.message())
}

#[cfg(test)]
mod tests {
    use super::super::Provider;
    use super::super::folder::{self, Folder};

    #[test]
    fn a_word_that_is_not_in_the_vocabulary_is_refused_with_its_file_and_key() {
        let mut folders = folder::embedded();
        folders.retain(|folder| folder.name == "bank-sim");
        let mut folder = folders.remove(0);
        let spec = String::from_utf8_lossy(&folder.spec).into_owned();
        let refused = |folder: &Folder| Provider::parse(folder).map(|_| ()).expect_err("refused").en;
        folder.spec = spec.replace("memo = ", "memo_regex = ").into_bytes();
        assert!(refused(&folder).starts_with("providers/bank-sim/provider.toml: credit.memo_regex (line "));
        folder.spec = spec.replace("memo = \"/memo\"", "memo = \"memo\"").into_bytes();
        let message = refused(&folder);
        assert!(message.starts_with("providers/bank-sim/provider.toml: credit.memo (line "), "{message}");
        assert!(message.ends_with("a JSON pointer begins with a slash"), "{message}");
        folder.spec = spec.replace("[\"rfc3339\"]", "[\"date\"]").into_bytes();
        assert!(refused(&folder).contains("credit.at.zone"), "{}", refused(&folder));
    }
}
