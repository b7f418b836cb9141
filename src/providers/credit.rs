//! The words of a `provider.toml` that say what a credit looks like.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::spec::{Places, Pointer, Spelled};

/// What a credit looks like. Pointers are within one line when `each` is given, else within the whole body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// The path behind the hook's address where credits are told; anywhere but at the questions' when left out.
    pub path: Option<String>,
    /// The list of lines, where one delivery holds several. A body without it is one line.
    pub each: Option<Places>,
    /// Lines in which one of these places has another value, or none of a list of values, mean nothing.
    #[serde(default, rename = "where")]
    pub only: BTreeMap<Pointer, toml::Value>,
    /// The reference as the provider prints it.
    pub reference: Places,
    /// What together makes it one of a kind; the reference alone when left out.
    #[serde(default)]
    pub told_by: Vec<Places>,
    /// The bank's own number.
    pub bank_reference: Option<Places>,
    /// The BINs of the banks whose own number is never given twice; `*` when that holds for all.
    #[serde(default)]
    pub bank_reference_unique_at: Vec<String>,
    /// Our own order number or code, where it has a place of its own.
    pub order: Option<Places>,
    /// The account; the first place that holds one.
    #[serde(default)]
    pub account: Vec<Places>,
    /// No account is told, and the connection's only one is meant.
    #[serde(default)]
    pub account_of_connection: bool,
    /// The virtual account or sub-account.
    pub sub_account: Option<Places>,
    /// The bank of the account.
    pub bank: Option<Bank>,
    /// The amount: an integer, digits in a text, or either with `.00`.
    pub amount: Places,
    /// How many of what is told make one đồng.
    #[serde(default = "one")]
    pub amount_scale: i64,
    /// Does a minus before the amount mean money going out?
    #[serde(default)]
    pub negative_is_out: bool,
    /// A word that says which way the money went; without it all lines are incoming.
    pub direction: Option<DirectionWord>,
    /// A line in which all these places have these values takes an earlier credit back.
    #[serde(default)]
    pub reversal: BTreeMap<Pointer, toml::Value>,
    /// The transfer text.
    pub memo: MemoPlaces,
    /// Has that text nothing beside a payment reference of ours? Where a signature joins fields without a sign
    /// between them, a letter may have wandered from one to the next.
    #[serde(default)]
    pub memo_is_reference: bool,
    /// When it happened.
    pub at: At,
    /// The balance afterwards.
    pub balance: Option<Places>,
    /// Who paid.
    #[serde(default)]
    pub payer: PayerPlaces,
}

fn one() -> i64 {
    1
}

/// One place for the transfer text, or several whose texts are joined by a blank, in this order; none where the
/// provider has no text.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Joined")]
pub struct MemoPlaces(pub Vec<Places>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Joined {
    One(String),
    Several(Vec<Spelled>),
}

impl TryFrom<Joined> for MemoPlaces {
    type Error = &'static str;

    fn try_from(joined: Joined) -> Result<Self, Self::Error> {
        let places = match joined {
            Joined::One(one) => vec![Spelled::One(one)],
            Joined::Several(several) => several,
        };
        places.into_iter().map(Places::try_from).collect::<Result<_, _>>().map(MemoPlaces)
    }
}

/// The bank of an account: its BIN, or a name that stands for one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bank {
    /// Where.
    pub pointer: Places,
    /// The names it may have there, and their BINs; a name that is not among them is no bank. Empty: it is the BIN.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

/// A word that says which way money went; any other word cannot be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectionWord {
    /// Where.
    pub pointer: Places,
    /// The word for money coming in, or several.
    #[serde(rename = "in")]
    pub incoming: Words,
    /// The word for money going out, or several.
    #[serde(rename = "out")]
    pub outgoing: Words,
}

/// One word or several that mean the same.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Words {
    /// Is it one of them?
    pub fn hold(&self, word: &str) -> bool {
        match self {
            Words::One(one) => one == word,
            Words::Several(several) => several.iter().any(|one| one == word),
        }
    }
}

/// When it happened.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// Where.
    pub pointer: Places,
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
    /// `20261122081402`, no zone.
    Compact,
    /// `2026-11-2208:14`, no blank and no zone.
    DateGluedTime,
    /// `22/11/2026 08:14:02`, no zone.
    DayFirst,
    /// Seconds since 1970, nine or ten digits.
    EpochSeconds,
    /// Thousandths of a second since 1970, twelve or thirteen digits.
    EpochMilliseconds,
}

impl Format {
    /// Does a text of this form need a zone from elsewhere?
    pub fn lacks_zone(self) -> bool {
        matches!(self, Format::DateTime | Format::Date | Format::Compact | Format::DateGluedTime | Format::DayFirst)
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
    pub name: Option<Places>,
    /// Their account.
    pub account: Option<Places>,
    /// Their bank.
    pub bank: Option<Places>,
}

impl Credit {
    /// Every place that is read of a credit.
    pub fn reads(&self) -> Vec<&str> {
        let payer = &self.payer;
        let optional = [&self.bank_reference, &self.order, &self.sub_account, &self.balance]
            .into_iter()
            .chain([&payer.name, &payer.account, &payer.bank])
            .flatten();
        let needed = [&self.reference, &self.amount, &self.at.pointer].into_iter();
        let others = self.bank.iter().map(|bank| &bank.pointer).chain(self.direction.iter().map(|word| &word.pointer));
        let listed = self.told_by.iter().chain(&self.account).chain(&self.memo.0);
        let places = needed.chain(optional).chain(others).chain(listed).flat_map(Places::iter);
        places.chain(self.only.keys().chain(self.reversal.keys()).map(Pointer::as_str)).collect()
    }

    /// What the types alone do not rule out: the key that is wrong, and why.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        if self.account.is_empty() != self.account_of_connection {
            return Some(("credit.account", "at least one place, or else account_of_connection"));
        }
        if self.amount_scale < 1 {
            return Some(("credit.amount_scale", "at least one"));
        }
        if self.at.format.is_empty() {
            return Some(("credit.at.format", "at least one form"));
        }
        if self.at.format.iter().any(|format| format.lacks_zone()) != self.at.zone.is_some() {
            return Some(("credit.at.zone", "needed exactly when a form carries no zone"));
        }
        if self.negative_is_out && self.direction.is_some() {
            return Some(("credit.direction", "a sign or a word says the direction, not both"));
        }
        None
    }
}
