//! The words of a `provider.toml`, all of them. A word that is not here is refused when the file is loaded.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::canonical::Template;

/// A whole `provider.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// As people call it: `SePay`.
    pub title: String,
    /// Where the provider documents what stands below.
    pub documents: String,
    /// Does a retry carry the same reference as the first telling? What is false here is held, not merged.
    pub retry_keeps_reference: bool,
    /// What of a transfer text reaches the school.
    #[serde(default)]
    pub memo: Memo,
    /// The ways in which it proves itself; one that holds is enough. A way counts when the connection has its secrets.
    pub proof: Vec<Proof>,
    /// The provider's test messages, each as JSON pointers and the values they must all have.
    #[serde(default)]
    pub test: Vec<BTreeMap<Pointer, toml::Value>>,
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

/// One way in which a provider proves itself.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Proof {
    /// The secret itself in a header.
    Bearer {
        /// The name of the secret.
        secret: String,
        /// The header that carries it.
        #[serde(default = "authorization")]
        header: String,
        /// What stands before it, `Bearer ` or nothing.
        #[serde(default)]
        prefix: String,
    },
    /// A user and a password, as HTTP knows them.
    Basic {
        /// The name of the secret that holds the user.
        user: String,
        /// The name of the secret that holds the password.
        password: String,
    },
    /// A message authentication code over a canonical message.
    Hmac {
        /// The name of the secret.
        secret: String,
        /// Over which hash.
        hash: Hash,
        /// What is signed.
        message: Template,
        /// Where the code stands.
        signature: Place,
        /// How it is written.
        #[serde(default)]
        encoding: Encoding,
        /// The time that is signed too, and how far it may be from ours.
        window: Option<Window>,
    },
    /// Casso's second form: time and code share a header, and the JSON's escaping depends on their server.
    CassoV2 {
        /// The name of the secret.
        secret: String,
    },
    /// <https://www.standardwebhooks.com>: several codes in one header, a `whsec_` key in base64.
    StandardWebhooks {
        /// The name of the secret.
        secret: String,
        /// How far the signed time may be from ours.
        window_seconds: i64,
    },
}

impl Proof {
    /// The names of the secrets without which this way does not count.
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Proof::Bearer { secret, .. } | Proof::CassoV2 { secret } | Proof::StandardWebhooks { secret, .. } => {
                vec![secret]
            }
            Proof::Basic { user, password } => vec![user, password],
            Proof::Hmac { secret, message, .. } => {
                let mut names = vec![secret.as_str()];
                names.extend(message.secrets());
                names
            }
        }
    }
}

fn authorization() -> String {
    "authorization".to_owned()
}

/// The hash under a code.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How the bytes of a code are written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Hexadecimal, in either case.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// A header or a place in the body; exactly one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// A header's name.
    pub header: Option<String>,
    /// A place in the body.
    pub pointer: Option<Pointer>,
    /// What stands before the value.
    #[serde(default)]
    pub prefix: String,
}

/// The replay window of a code: a time that it covers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The header that holds the time.
    pub header: String,
    /// In which unit since 1970.
    #[serde(default)]
    pub unit: Unit,
    /// How many seconds it may be from ours, on either side.
    pub seconds: i64,
}

/// The unit of a time since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Seconds.
    #[default]
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
}

/// What a credit looks like. Pointers are within one line when `each` is given, else within the whole body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// The list of lines, where one delivery holds several. A body without it is one line.
    pub each: Option<Pointer>,
    /// Lines in which one of these places has another value mean nothing.
    #[serde(default, rename = "where")]
    pub only: BTreeMap<Pointer, toml::Value>,
    /// The reference as the provider prints it.
    pub reference: Pointer,
    /// What together makes it one of a kind; the reference alone when left out.
    #[serde(default)]
    pub told_by: Vec<Pointer>,
    /// The bank's own number.
    pub bank_reference: Option<Pointer>,
    /// The BINs of the banks whose own number is never given twice; `*` when that holds for all.
    #[serde(default)]
    pub bank_reference_unique_at: Vec<String>,
    /// The account; the first place that holds one.
    pub account: Vec<Pointer>,
    /// The virtual account or sub-account.
    pub sub_account: Option<Pointer>,
    /// The bank of the account.
    pub bank: Option<Bank>,
    /// The amount: an integer, digits in a text, or either with `.00`.
    pub amount: Pointer,
    /// Does a minus before the amount mean money going out?
    #[serde(default)]
    pub negative_is_out: bool,
    /// A word that says which way the money went; without it all lines are incoming.
    pub direction: Option<DirectionWord>,
    /// The transfer text.
    pub memo: Pointer,
    /// When it happened.
    pub at: At,
    /// The balance afterwards.
    pub balance: Option<Pointer>,
    /// Who paid.
    #[serde(default)]
    pub payer: PayerPlaces,
}

/// The bank of an account: its BIN, or a name that stands for one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// Where.
    pub pointer: Pointer,
    /// The names it may have there, and their BINs; a name that is not among them is no bank. Empty: it is the BIN.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

/// A word that says which way money went; any other word cannot be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectionWord {
    /// Where.
    pub pointer: Pointer,
    /// The word for money coming in.
    #[serde(rename = "in")]
    pub incoming: String,
    /// The word for money going out.
    #[serde(rename = "out")]
    pub outgoing: String,
}

/// When it happened.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Where.
    pub pointer: Pointer,
    /// The forms it may have, tried in turn.
    pub format: Vec<Format>,
    /// The zone of a form that carries none; needed exactly then.
    pub zone: Option<Zone>,
}

/// The form of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `2026-11-22 08:14:02`, no zone.
    DateTime,
    /// `2026-11-22`, no zone: the day's first moment.
    Date,
    /// With a zone.
    Rfc3339,
}

impl Format {
    /// Does a text of this form need a zone from elsewhere?
    pub fn lacks_zone(self) -> bool {
        matches!(self, Format::DateTime | Format::Date)
    }
}

/// The zones banks of Vietnam keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Zone {
    /// UTC+7 all year.
    #[serde(rename = "+07:00")]
    Vietnam,
}

/// Who paid; every place may be empty.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PayerPlaces {
    /// Their name.
    pub name: Option<Pointer>,
    /// Their account.
    pub account: Option<Pointer>,
    /// Their bank.
    pub bank: Option<Pointer>,
}

/// What to answer to each outcome; `ok` where an outcome has no answer of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replies {
    /// The answer that stops the provider from telling again.
    pub ok: Answer,
    /// All credits were told before.
    pub told_before: Option<Answer>,
    /// Nothing to book.
    pub nothing: Option<Answer>,
    /// A test message.
    pub test: Option<Answer>,
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
    pub body: String,
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

impl Spec {
    /// What the types alone do not rule out: the key that is wrong, and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.proof.is_empty() {
            return Some(("proof", "a provider proves itself in at least one way"));
        }
        for proof in &self.proof {
            if let Proof::Hmac { signature, .. } = proof
                && signature.header.is_some() == signature.pointer.is_some()
            {
                return Some(("proof.signature", "either a header or a pointer"));
            }
        }
        if self.test.iter().any(BTreeMap::is_empty) {
            return Some(("test", "at least one place; without any, every message would be a test"));
        }
        if self.credit.account.is_empty() {
            return Some(("credit.account", "at least one place"));
        }
        let at = &self.credit.at;
        if at.format.is_empty() {
            return Some(("credit.at.format", "at least one form"));
        }
        if at.format.iter().any(|format| format.lacks_zone()) != at.zone.is_some() {
            return Some(("credit.at.zone", "needed exactly when a form carries no zone"));
        }
        if self.credit.negative_is_out && self.credit.direction.is_some() {
            return Some(("credit.direction", "a sign or a word says the direction, not both"));
        }
        if self.memo.max == 0 {
            return Some(("memo.max", "more than nothing"));
        }
        None
    }
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
        let mut folder = folder::embedded().remove(0);
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
