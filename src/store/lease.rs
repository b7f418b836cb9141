//! Who does a piece of work, when several processes share one database.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Store, Tx, args, migrate, statements, transact};
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

    /// How many leases are held at an instant. One that runs longer than any is taken for was taken by a clock that has
    /// gone back since.
    HELD = "select count(*) from lease where expires_at > $1 and expires_at <= $2";

    /// A lease under which nobody works, over since ever.
    TOUCH = "
        insert into lease (name, holder, token, expires_at) values ('ready', '', 1, 0)
        on conflict (name) do update set token = lease.token + 1";
}

/// How long a lease holds, by the database's clock: with a poll on top, others go on within five seconds of a death.
/// Who only slept that long finds out by the token and stops.
pub const HOLD_MS: i64 = 4_000;
/// No lease is taken for longer: the reading of a statement holds one for two minutes.
const LONGEST_MS: i64 = 600_000;
/// How long a newer program waits for an older one that was stopped: a little longer than its leases hold.
const STOPPED: Duration = Duration::from_secs(5);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(250);

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
    /// Faults of the store. Refused when a newer program has changed the schema since this one started: it keeps what
    /// this one knows nothing of.
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
    migrate::check_in(tx).await?;
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

/// Writes a term that nobody holds.
pub(super) async fn touch(store: &Store) -> Result<()> {
    transact!(store, |tx| tx.run(&TOUCH, args![]).await)?;
    Ok(())
}

/// Waits until nobody works on what a migration is about to change. An older program that went on would write what a
/// newer one adds up, and would not add it up.
pub(super) async fn until_nobody_works(store: &Store) -> Result<()> {
    let began = Instant::now();
    while migrate::changes_what_is_used(&store.engine).await? && is_anybody_at_work(store).await? {
        if began.elapsed() > STOPPED {
            return Err(still_at_work().into());
        }
        sleep(LOOK).await;
    }
    Ok(())
}

async fn is_anybody_at_work(store: &Store) -> Result<bool> {
    let held: i64 = transact!(store, |tx| {
        let now = tx.database_now().await?;
        tx.one(&HELD, args![now, now.saturating_add(LONGEST_MS)]).await
    })?;
    Ok(held > 0)
}

fn still_at_work() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "still-at-work",
        "Bản chương trình cũ còn đang làm việc trên cơ sở dữ liệu này. Hãy dừng mọi tiến trình hocphi trên mọi máy rồi \
         chạy lại; chưa có gì bị thay đổi.",
        "An older program is still at work on this database. Stop every hocphi on every machine, then run this again; \
         nothing was changed.",
    )
}
