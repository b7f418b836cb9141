//! Who does a piece of work, when several processes share one database.

use super::{Store, Tx, args, statements, transact};
use crate::fault::{Kind, Refusal, Result};

statements! {
    /// The holder of a lease. No row: nobody ever held it.
    LEASE = "select holder, token, expires_at from lease where name = $1";

    /// The first holder. Zero rows: another process was first.
    FIRST_HOLDER = "insert into lease (name, holder, token, expires_at) values ($1, $2, 1, $3) on conflict (name) do nothing";

    /// The next term, of the same holder or a new one. Zero rows: another process was first.
    NEXT_TERM = "update lease set holder = $2, token = $3, expires_at = $4 where name = $1 and token = $5";

    /// Is this still the holder's term? No row: another process holds the lease, and this one must stop.
    TERM = "select token from lease where name = $1 and holder = $2 and token = $3";

    /// The holder is done and lets others go on at once.
    END_TERM = "update lease set expires_at = 0 where name = $1 and holder = $2 and token = $3";
}

/// How long a lease holds, by the database's clock: with a poll on top, others go on within five seconds of a death.
/// Who only slept that long finds out by the token and stops.
pub const HOLD_MS: i64 = 4_000;

/// A term of a lease. Its token rises with each new holder, so a holder that slept too long is fenced off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    name: String,
    holder: String,
    token: i64,
}

impl Fence {
    /// Takes or renews a lease for so many milliseconds of the database's clock; nothing while somebody else holds it.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn take(store: &Store, name: &str, holder: &str, hold_ms: i64) -> Result<Option<Fence>> {
        transact!(store, |tx| take_in(tx, name, holder, hold_ms).await)
    }

    /// Refuses to go on when another process took the lease over; called in every leased transaction.
    ///
    /// # Errors
    /// A [`Refusal`] `lease-lost`.
    pub async fn check_in(&self, tx: &mut Tx) -> Result<()> {
        let term: Option<i64> = tx.optional(&TERM, args![&self.name, &self.holder, self.token]).await?;
        match term {
            Some(_) => Ok(()),
            None => Err(Refusal::new(
                Kind::Conflict,
                "lease-lost",
                "Một tiến trình khác đã nhận việc này.",
                "Another process has taken this work over.",
            )
            .into()),
        }
    }

    /// Gives the lease back, so that another process need not wait until it expires.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn end(self, store: &Store) -> Result<()> {
        transact!(store, |tx| tx.run(&END_TERM, args![&self.name, &self.holder, self.token]).await)?;
        Ok(())
    }
}

async fn take_in(tx: &mut Tx, name: &str, holder: &str, hold_ms: i64) -> Result<Option<Fence>> {
    let now = tx.database_now().await?;
    let until = now.saturating_add(hold_ms);
    let held: Option<(String, i64, i64)> = tx.optional(&LEASE, args![name]).await?;
    let (token, written) = match held {
        None => (1, tx.run(&FIRST_HOLDER, args![name, holder, until]).await?),
        Some((by, token, expires_at)) if by == holder && expires_at > now => {
            (token, tx.run(&NEXT_TERM, args![name, holder, token, until, token]).await?)
        }
        Some((_, _, expires_at)) if expires_at > now => return Ok(None),
        Some((_, token, _)) => {
            let next = token.saturating_add(1);
            (next, tx.run(&NEXT_TERM, args![name, holder, next, until, token]).await?)
        }
    };
    Ok((written == 1).then(|| Fence { name: name.to_owned(), holder: holder.to_owned(), token }))
}
