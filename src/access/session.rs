//! Sessions as rows of the store, so that a restart or a second process signs nobody out.

use std::fmt;

use async_trait::async_trait;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result, SessionStore};

use crate::seal::token_hash;
use crate::store::{Store, args, transact};
use crate::time::{Clock, Moment};

use super::sql;

/// After so long without a request a session is over.
pub const SESSION_IDLE_MS: i64 = 30 * 60 * 1000;

/// How long a used form key is remembered. A page that stood open longer lost its session in between, and a form is
/// sent again by a person's second press, not a week later.
const FORM_KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Removes sessions that were idle too long and form keys that nobody can send any more. Such rows are never read, so
/// once in a while is enough.
///
/// # Errors
/// Faults of the store.
pub async fn sweep(store: &Store, now: Moment) -> crate::fault::Result<u64> {
    transact!(store, |tx| {
        let sessions = tx.run(&sql::SWEEP_SESSIONS, args![now]).await?;
        let forms = tx.run(&sql::SWEEP_FORMS, args![now.plus_ms(-FORM_KEPT_MS)]).await?;
        Ok(sessions + forms)
    })
}

/// The session table. A row is found by the hash of the session's id, so that a copied database signs nobody in.
#[derive(Clone)]
pub struct SessionRows {
    store: Store,
    clock: Clock,
}

impl SessionRows {
    /// Sessions in this store by this clock.
    pub fn new(store: Store, clock: Clock) -> Self {
        SessionRows { store, clock }
    }

    async fn write(&self, record: &Record, statement: &crate::store::Statement) -> Result<u64> {
        let body = serde_json::to_vec(record).map_err(|error| Error::Encode(error.to_string()))?;
        let expires = self.clock.now().plus_ms(SESSION_IDLE_MS);
        let row = args![key(&record.id), body, expires];
        transact!(self.store, |tx| tx.run(statement, row.clone()).await).map_err(backend)
    }
}

fn key(id: &Id) -> String {
    token_hash(&id.to_string())
}

fn backend(error: crate::fault::Error) -> Error {
    Error::Backend(error.to_string())
}

impl fmt::Debug for SessionRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionRows")
    }
}

#[async_trait]
impl SessionStore for SessionRows {
    /// A session's id is always drawn here: one that a browser brought may be known to whoever planted it there.
    async fn create(&self, record: &mut Record) -> Result<()> {
        record.id = Id::default();
        while self.write(record, &sql::ADD_SESSION).await? == 0 {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.write(record, &sql::SAVE_SESSION).await.map(drop)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = self.clock.now();
        let found: Option<Vec<u8>> = self.store.optional(&sql::SESSION, args![key(id), now]).await.map_err(backend)?;
        let Some(body) = found else { return Ok(None) };
        let mut record: Record = serde_json::from_slice(&body).map_err(|error| Error::Decode(error.to_string()))?;
        record.id = *id;
        Ok(Some(record))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        transact!(self.store, |tx| tx.run(&sql::END_SESSION, args![key(id)]).await).map_err(backend).map(drop)
    }
}
