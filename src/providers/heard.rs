//! What comes out of a request: credits, a question, a test, or why it is none of them.

use std::fmt;

use serde::Deserialize;

use crate::money::Dong;
use crate::time::Moment;

/// What a delivery meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Lines were read and at least one is money coming in; lines going out may stand among them.
    Credits {
        /// Every line that could be read, in the order sent; outgoing ones and reversals too.
        lines: Vec<ToldCredit>,
        /// The lines beside them that could not be read, with the reason of each.
        unread: Vec<Unread>,
    },
    /// Proven and read, and no money came in.
    Nothing {
        /// Why there is nothing to book.
        why: &'static str,
        /// The lines of money going out and of reversals, when it was because of them.
        outgoing: Vec<ToldCredit>,
    },
    /// The provider's own test message: answered, never posted.
    Test,
    /// Proven, but not one line could be read: kept, answered as if it had been, shown on the desk.
    Unreadable(Unread),
    /// The provider asks us for something; nothing is booked and nothing kept.
    Asks(Asked),
    /// Not proven. Counted and logged without its body, and kept nowhere.
    Refused(Disproof),
}

/// What a provider asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A token that proves it for a while; the user and the password were right.
    Token,
    /// What somebody has to pay.
    Bill(BillAsked),
}

/// Whose bill is asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct BillAsked {
    /// The payer's number as the bank was given it; empty when the place holds no text, which is nobody's number.
    pub customer: String,
    /// The service or school within the bank's contract, when it is told.
    pub service: Option<String>,
}

/// A bill to answer with.
#[derive(Clone, PartialEq, Eq)]
pub struct Bill {
    /// The number the bank names when it is paid.
    pub id: String,
    /// Whom it is for.
    pub name: String,
    /// What is due now.
    pub amount: Dong,
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
    /// Our own order number or code, where the provider carries it in a place of its own.
    pub order: Option<String>,
    /// The account the money moved on, as sent. Empty where the provider names none: then it is the connection's only
    /// account, and a connection with several cannot say which.
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
    /// In, out, or taken back.
    pub direction: Direction,
    /// When the account itself shows the money.
    pub settles: Settles,
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
    /// An earlier credit is taken back. Its `told_reference` is made of the same places as that credit's.
    Reversal,
}

/// When the account itself shows money that was told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settles {
    /// At once: the transfer itself was told.
    #[default]
    Directly,
    /// Later, in one sum with others and without the fees: wallets and card gateways.
    Later,
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
    /// The provider is not listened to at this path or with this method.
    #[error("path: nothing is listened to there with this method")]
    Elsewhere,
}

/// What became of a delivery, which decides the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// At least one credit was new.
    New,
    /// Every credit had been told before.
    ToldBefore,
    /// The money is kept, but what it pays had been paid before.
    PaidBefore,
    /// Nothing to book; also what is proven but unreadable.
    Nothing,
    /// A test message.
    Test,
    /// A token is asked for and given.
    Token,
    /// A bill is asked for, found, and something is due.
    Bill,
    /// A bill is asked for and nobody has that number.
    NoBill,
    /// A bill is asked for and nothing is due.
    NothingDue,
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
            Heard::Asks(Asked::Token) => Outcome::Token,
            Heard::Asks(Asked::Bill(_)) => Outcome::Bill,
            Heard::Refused(_) => Outcome::Refused,
        }
    }

    /// One word for a script: `credits`, `nothing`, `test`, `asks` or `refused`. What cannot be read is `nothing`.
    pub fn word(&self) -> &'static str {
        match self {
            Heard::Credits { .. } => "credits",
            Heard::Nothing { .. } | Heard::Unreadable(_) => "nothing",
            Heard::Test => "test",
            Heard::Asks(_) => "asks",
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
            Heard::Asks(Asked::Token) => Some("a token is asked for".to_owned()),
            Heard::Asks(Asked::Bill(_)) => Some("a bill is asked for".to_owned()),
            Heard::Unreadable(unread) => Some(unread.to_string()),
            Heard::Refused(disproof) => Some(disproof.to_string()),
        }
    }

    /// Every line that was read, outgoing ones and reversals too.
    pub fn lines(&self) -> &[ToldCredit] {
        match self {
            Heard::Credits { lines, .. } | Heard::Nothing { outgoing: lines, .. } => lines,
            Heard::Test | Heard::Asks(_) | Heard::Unreadable(_) | Heard::Refused(_) => &[],
        }
    }
}

impl Direction {
    /// `in`, `out` or `reversal`.
    pub fn word(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
            Direction::Reversal => "reversal",
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

impl fmt::Debug for BillAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BillAsked(…)")
    }
}

impl fmt::Debug for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bill(…)")
    }
}

impl fmt::Debug for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payer(…)")
    }
}
