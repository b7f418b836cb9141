//! Keys of programs: shown once, kept as a hash, good for named scopes at one place.

use crate::fault::{Kind, Refusal, Result};
use crate::ids;
use crate::seal::token_hash;
use crate::store::{Store, args, record, transact};
use crate::time::Clock;

use super::{Deed, Place, sql, trail_in};

/// What a key begins with, so that scanners of leaked secrets know one.
const PREFIX: &str = "hp_live_";

/// Everything a key may be good for.
pub const SCOPES: [&str; 14] = [
    "schools:read",
    "roll:read",
    "roll:write",
    "fees:read",
    "fees:write",
    "invoices:read",
    "invoices:write",
    "credits:read",
    "credits:write",
    "statements:write",
    "receipts:read",
    "webhooks:write",
    "oversight:read",
    "feed:read",
];

/// A key that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// `key_…`; the actor of what it does.
    pub id: String,
    /// What its people call it.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// Where it counts.
    pub place: Place,
    /// Is it the city's own, which sees small groups too?
    pub city: bool,
}

impl ApiKey {
    /// Is the key good for this?
    pub fn allows(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    /// What its people will call it.
    pub name: &'a str,
    /// From [`SCOPES`].
    pub scopes: &'a [&'a str],
    /// Where it will count.
    pub place: Place,
    /// Will it be the city's own?
    pub city: bool,
}

record! {
    struct Stored {
        id: String,
        name: String,
        scopes: String,
        school_id: Option<String>,
        authority_id: Option<String>,
        city: i64,
    }
}

impl Stored {
    fn key(self) -> Option<ApiKey> {
        Some(ApiKey {
            place: Place::read(self.school_id, self.authority_id)?,
            scopes: self.scopes.split_whitespace().map(str::to_owned).collect(),
            id: self.id,
            name: self.name,
            city: self.city == 1,
        })
    }
}

/// Makes a key and gives its token, which nobody can ask for again.
///
/// # Errors
/// A scope that does not exist.
pub async fn make_key(store: &Store, clock: &Clock, new: NewKey<'_>, actor: &str) -> Result<(ApiKey, String)> {
    if new.scopes.is_empty() || new.scopes.iter().any(|scope| !SCOPES.contains(scope)) {
        let known = SCOPES.join(", ");
        return Err(Refusal::new(
            Kind::Meaning,
            "unknown-scope",
            format!("Quyền của khóa phải thuộc: {known}."),
            format!("A key's scopes are of: {known}."),
        )
        .into());
    }
    let token = format!("{PREFIX}{}", ids::new_token()?);
    let key = ApiKey {
        id: ids::new_id("key"),
        name: new.name.trim().to_owned(),
        scopes: new.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        place: new.place,
        city: new.city,
    };
    let now = clock.now();
    let (school_id, authority_id) = key.place.columns();
    let scopes = key.scopes.join(" ");
    transact!(store, |tx| {
        let row = args![
            &key.id,
            &key.name,
            token_hash(&token),
            &scopes,
            school_id,
            authority_id,
            i64::from(key.city),
            now,
            actor
        ];
        tx.run(&sql::ADD_KEY, row).await?;
        let deed = Deed { actor, action: "key.made", about: &key.id, school_id, detail: &scopes };
        trail_in(tx, now, &deed).await
    })?;
    Ok((key, token))
}

/// The key of a token, when it is one that was not taken back.
///
/// # Errors
/// Faults of the store.
pub async fn key_by_token(store: &Store, token: &str) -> Result<Option<ApiKey>> {
    if !token.starts_with(PREFIX) {
        return Ok(None);
    }
    let stored: Option<Stored> = store.optional(&sql::KEY_BY_HASH, args![token_hash(token)]).await?;
    Ok(stored.and_then(Stored::key))
}

/// Every key that was not taken back.
///
/// # Errors
/// Faults of the store.
pub async fn keys(store: &Store) -> Result<Vec<ApiKey>> {
    let stored: Vec<Stored> = store.all(&sql::KEYS, args![]).await?;
    Ok(stored.into_iter().filter_map(Stored::key).collect())
}

/// Takes a key back.
///
/// # Errors
/// No such key.
pub async fn revoke_key(store: &Store, clock: &Clock, id: &str, actor: &str) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| {
        if tx.run(&sql::REVOKE_KEY, args![id, now]).await? == 0 {
            return Err(Refusal::absent().into());
        }
        let deed = Deed { actor, action: "key.revoked", about: id, school_id: None, detail: "" };
        trail_in(tx, now, &deed).await
    })
}
