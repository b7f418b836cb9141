//! What may be sent twice and happens once: a program's request by its key, a person's form by its one-use key.

use crate::fault::{Error, Result};
use crate::store::{Store, Tx, args, transact};
use crate::time::{Clock, Moment};

use super::sql;

/// What is known of a request's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remembered {
    /// Nothing: do it.
    Fresh,
    /// The same request was answered: answer the same.
    Same {
        /// The HTTP status it was answered with.
        status: u16,
        /// The thing it made.
        resource_id: String,
    },
    /// The key belongs to another body.
    Other,
}

/// Looks a request up in the transaction that would do it.
///
/// # Errors
/// Faults of the store.
pub async fn remembered_in(
    tx: &mut Tx,
    client: &str,
    operation: &str,
    key: &str,
    fingerprint: &str,
) -> Result<Remembered> {
    let found: Option<(String, i64, String)> = tx.optional(&sql::REQUEST, args![client, operation, key]).await?;
    Ok(match found {
        None => Remembered::Fresh,
        Some((stored, status, resource_id)) if stored == fingerprint => {
            Remembered::Same { status: u16::try_from(status).unwrap_or(200), resource_id }
        }
        Some(_) => Remembered::Other,
    })
}

/// A request with its answer, to be remembered with what it did.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Who asked, `key_…`.
    pub client: &'a str,
    /// What was asked, such as `assign-credit`.
    pub operation: &'a str,
    /// The client's key for it.
    pub key: &'a str,
    /// SHA-256 of the canonical body.
    pub fingerprint: &'a str,
    /// The HTTP status it is answered with.
    pub status: u16,
    /// The thing it made.
    pub resource_id: &'a str,
}

/// Remembers a request for ever, in the transaction that does it.
///
/// # Errors
/// Contention when its twin was first: run again, the twin will be found.
pub async fn remember_in(tx: &mut Tx, now: Moment, answered: &Answered<'_>) -> Result<()> {
    let row = args![
        answered.client,
        answered.operation,
        answered.key,
        answered.fingerprint,
        i64::from(answered.status),
        answered.resource_id,
        now
    ];
    if tx.run(&sql::REMEMBER_REQUEST, row).await? == 0 {
        return Err(Error::Contended);
    }
    Ok(())
}

/// What is known of a form's one-use key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormUse {
    /// This is the first press, and the key is now used.
    First,
    /// The first press is still at work.
    AtWork,
    /// The first press was answered here.
    Answered(String),
}

/// Uses a form's key, or tells what its first use came to.
///
/// # Errors
/// Faults of the store.
pub async fn claim_form(store: &Store, clock: &Clock, key_hash: &str) -> Result<FormUse> {
    let now = clock.now();
    transact!(store, |tx| claim_form_in(tx, now, key_hash).await)
}

async fn claim_form_in(tx: &mut Tx, now: Moment, key_hash: &str) -> Result<FormUse> {
    if tx.run(&sql::CLAIM_FORM, args![key_hash, now]).await? > 0 {
        return Ok(FormUse::First);
    }
    let answer: Option<String> = tx.optional(&sql::FORM_ANSWER, args![key_hash]).await?;
    Ok(match answer {
        Some(answer) if !answer.is_empty() => FormUse::Answered(answer),
        _ => FormUse::AtWork,
    })
}

/// The first press is done and its answer lies there.
///
/// # Errors
/// Faults of the store.
pub async fn finish_form(store: &Store, key_hash: &str, answer: &str) -> Result<()> {
    transact!(store, |tx| tx.run(&sql::FINISH_FORM, args![key_hash, answer]).await).map(drop)
}

/// The first press was refused and changed nothing: the same form may be sent again.
///
/// # Errors
/// Faults of the store.
pub async fn forget_form(store: &Store, key_hash: &str) -> Result<()> {
    transact!(store, |tx| tx.run(&sql::FORGET_FORM, args![key_hash]).await).map(drop)
}
