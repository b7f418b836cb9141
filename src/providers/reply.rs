//! What the provider is told, by what became of its delivery.
//!
//! **Invariant:** what is put into an answer is escaped as within a text of JSON, so nobody writes into its form.

use serde::Deserialize;
use serde_json::Value;

use super::canonical::{Escape, plain, write_string};
use super::request::{Request, Secrets};
use super::spec::{Answer, Pointer, Spec};
use super::{Bill, Outcome, Reply, said, token};
use crate::time::Moment;

/// What an answer is made of, beside the declared text.
#[derive(Debug, Clone, Copy)]
pub struct ReplyTo<'a> {
    /// The request that is answered.
    pub request: &'a Request,
    /// The live secrets of the connection; a token is made with them.
    pub secrets: &'a Secrets,
    /// The present.
    pub now: Moment,
    /// Our number of the delivery; none where nothing was kept.
    pub id: Option<&'a str>,
    /// The bill that was asked for.
    pub bill: Option<&'a Bill>,
}

/// A text and, as `${word}`, what is put in.
///
/// `${now}` · `${id}` our number of the delivery · `${/pointer}` a value of the request · `${token}` and
/// `${expires_in}` ·
/// `${bill.id}`, `${bill.name}`, `${bill.amount}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Now,
    Id,
    Pointer(Pointer),
    Token,
    ExpiresIn,
    BillId,
    BillName,
    BillAmount,
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((literal, after)) = rest.split_once("${") {
            let (word, after) = after.split_once('}').ok_or("a brace is not closed")?;
            pieces.push(Piece::Literal(literal.to_owned()));
            pieces.push(match word {
                "now" => Piece::Now,
                "id" => Piece::Id,
                "token" => Piece::Token,
                "expires_in" => Piece::ExpiresIn,
                "bill.id" => Piece::BillId,
                "bill.name" => Piece::BillName,
                "bill.amount" => Piece::BillAmount,
                at if at.starts_with('/') => Piece::Pointer(Pointer::try_from(at.to_owned())?),
                _ => return Err(format!("${{{word}}} is not a word of an answer")),
            });
            rest = after;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        Ok(Pattern(pieces))
    }
}

impl Pattern {
    /// Is anything of the request put in?
    fn quotes(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Pointer(_)))
    }
}

/// The declared answer to an outcome; the `ok` one where there is no other.
pub fn reply(spec: &Spec, outcome: Outcome, to: &ReplyTo) -> Reply {
    let replies = &spec.reply;
    let own = match outcome {
        Outcome::New => None,
        Outcome::ToldBefore => replies.told_before.as_ref(),
        Outcome::PaidBefore => replies.paid_before.as_ref().or(replies.told_before.as_ref()),
        Outcome::Nothing => replies.nothing.as_ref(),
        Outcome::Test => replies.test.as_ref(),
        Outcome::Token => replies.token.as_ref(),
        Outcome::Bill => replies.bill.as_ref(),
        Outcome::NoBill => replies.no_bill.as_ref(),
        Outcome::NothingDue => replies.nothing_due.as_ref(),
        Outcome::Refused => {
            return replies.refused.as_ref().map_or_else(unproven, |answer| written(answer, spec, to));
        }
    };
    written(own.unwrap_or(&replies.ok), spec, to)
}

fn written(answer: &Answer, spec: &Spec, to: &ReplyTo) -> Reply {
    let told = if answer.body.quotes() { said(spec, to.request).and_then(|said| said.told) } else { None };
    let mut body = String::new();
    for piece in &answer.body.0 {
        match piece {
            Piece::Literal(text) => body.push_str(text),
            other => escaped(&put_in(other, spec, told.as_ref(), to), &mut body),
        }
    }
    Reply { status: answer.status, content_type: answer.content_type.clone(), body }
}

fn put_in(piece: &Piece, spec: &Spec, told: Option<&Value>, to: &ReplyTo) -> String {
    match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Now => to.now.rfc3339(),
        Piece::Id => to.id.unwrap_or_default().to_owned(),
        Piece::Pointer(at) => match told.and_then(|told| told.pointer(at.as_str())) {
            Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => plain(value),
            _ => String::new(),
        },
        Piece::Token => issued(spec, to).unwrap_or_default(),
        Piece::ExpiresIn => spec.token().map_or_else(String::new, |(_, _, seconds)| seconds.to_string()),
        Piece::BillId => to.bill.map_or_else(String::new, |bill| bill.id.clone()),
        Piece::BillName => to.bill.map_or_else(String::new, |bill| bill.name.clone()),
        Piece::BillAmount => to.bill.map_or(0, |bill| bill.amount.get()).to_string(),
    }
}

/// A token, for a request whose user and password are right; the password is the one that was given.
fn issued(spec: &Spec, to: &ReplyTo) -> Option<String> {
    let (user, password, seconds) = spec.token()?;
    let (user, password) = token::basic(to.request, to.secrets, user, password).ok()?;
    let until = to.now.0.saturating_add(i64::from(seconds).saturating_mul(1_000));
    Some(token::issue(to.request, user, password, Moment(until)))
}

/// A text as it stands between the quotes of JSON.
fn escaped(text: &str, body: &mut String) {
    let mut quoted = String::new();
    write_string(text, Escape::JavaScript, &mut quoted);
    body.push_str(quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default());
}

fn unproven() -> Reply {
    Reply { status: 401, content_type: "application/json".to_owned(), body: r#"{"success":false}"#.to_owned() }
}
