//! A request that moves money happens once: `Idempotency-Key` is required, belongs to one client and one operation,
//! and is kept as long as the money, in the transaction that moves it.
//!
//! The same key with the same body answers as before; with another body it is 422; a refusal before any write leaves
//! the key unused.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use sha2::{Digest, Sha256};

use super::caller::Caller;
use crate::access::{Answered, Remembered, remember_in, remembered_in};
use crate::fault::{Kind, Refusal, Result};
use crate::store::{Tx, transact};
use crate::time::Moment;
use crate::web::House;
use crate::web::failure::Failure;

/// The longest key.
const KEY_MOST: usize = 255;

/// The value of `Idempotency-Key`, quoted or bare.
pub struct RequestKey(pub String);

impl<S: Send + Sync> FromRequestParts<S> for RequestKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let given = parts.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        Ok(RequestKey(read(given)?))
    }
}

fn read(given: Option<&str>) -> Result<String, Refusal> {
    let key = given.unwrap_or_default().trim();
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    if key.is_empty() || key.len() > KEY_MOST || !key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(Refusal::new(
            Kind::Shape,
            "idempotency-key-missing",
            "Thao tác này cần tiêu đề Idempotency-Key, 1 đến 255 ký tự ASCII.",
            "This operation needs the header Idempotency-Key, 1 to 255 ASCII characters.",
        )
        .at("Idempotency-Key", "thiếu hoặc sai", "missing or wrong"));
    }
    Ok(key.to_owned())
}

/// One request about to move money.
pub struct Once<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// What is asked: `assign-credit`.
    operation: &'static str,
    /// The client's key.
    key: &'a RequestKey,
    /// SHA-256 of the thing it is about and the canonical body.
    fingerprint: String,
}

impl<'a> Once<'a> {
    /// A request for an operation on a thing, with the fingerprint of its body. The thing is part of what the key
    /// stands for: the same key for another thing is another request.
    pub fn new(
        caller: &'a Caller,
        key: &'a RequestKey,
        operation: &'static str,
        about: &str,
        fingerprint: &str,
    ) -> Once<'a> {
        let fingerprint = hex::encode(Sha256::digest(format!("{about}\n{fingerprint}")));
        Once { caller, operation, key, fingerprint }
    }

    /// [`Once::before_in`] in a transaction of its own, for operations that look at more before they write: what they
    /// would refuse today was answered then.
    ///
    /// # Errors
    /// As [`Once::before_in`].
    pub async fn before(&self, house: &House) -> Result<Option<String>> {
        transact!(house.store, |tx| self.before_in(tx).await)
    }

    /// The id of what this request made when it was first sent; nothing when this is the first time.
    ///
    /// # Errors
    /// 422 when the key came with another body.
    pub async fn before_in(&self, tx: &mut Tx) -> Result<Option<String>> {
        match remembered_in(tx, &self.caller.key.id, self.operation, &self.key.0, &self.fingerprint).await? {
            Remembered::Fresh => Ok(None),
            Remembered::Same { resource_id, .. } => Ok(Some(resource_id)),
            Remembered::Other => Err(Refusal::new(
                Kind::Meaning,
                "idempotency-key-reused",
                "Idempotency-Key này đã dùng cho một yêu cầu khác.",
                "This Idempotency-Key was used for another request.",
            )
            .into()),
        }
    }

    /// Remembers what the request made, in the transaction that made it.
    ///
    /// # Errors
    /// Contention with its twin.
    pub async fn done_in(&self, tx: &mut Tx, now: Moment, status: u16, resource_id: &str) -> Result<()> {
        let answered = Answered {
            client: &self.caller.key.id,
            operation: self.operation,
            key: &self.key.0,
            fingerprint: &self.fingerprint,
            status,
            resource_id,
        };
        remember_in(tx, now, &answered).await
    }
}

/// Runs a write once: looks the key up, does the work, remembers it, all in one transaction. The work gives the id of
/// what it made.
macro_rules! once {
    ($house:expr, $once:expr, $status:literal, |$tx:ident, $now:ident| $work:expr) => {{
        let (house, once) = (&*$house, &$once);
        let $now = house.clock.now();
        $crate::store::transact!(house.store, |$tx| {
            if let Some(made) = once.before_in($tx).await? {
                Ok(made)
            } else {
                let made: $crate::fault::Result<String> = $work;
                let made = made?;
                once.done_in($tx, $now, $status, &made).await?;
                Ok(made)
            }
        })
    }};
}
pub(super) use once;

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_key_is_taken_bare_or_quoted_up_to_255_characters() {
        assert_eq!(read(Some("abc")).ok().as_deref(), Some("abc"));
        assert_eq!(read(Some("\"8e03978e-40d5\"")).ok().as_deref(), Some("8e03978e-40d5"));
        for wrong in [None, Some(""), Some("\"\""), Some("chìa")] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        let length = |count: usize| read(Some(&"k".repeat(count))).is_ok();
        assert!(length(254) && length(255) && !length(256));
    }
}
