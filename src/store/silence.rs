//! A server that says nothing: does it still work for us, or is it gone?
//!
//! A machine that lost its power ends no connection, and neither does an address that has moved to another one: who has
//! sent his question waits for ever. So whoever has waited long asks, on a connection of its own, whether the server
//! works on anything of this program. While it does, the answer is waited for, however long it takes: the audit of all
//! books does, and so does a commit while there is no standby. A limit on the statement itself would call a commit done
//! that its standby never had.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Error};
use tokio::time::timeout;

/// So long nobody asks what keeps the server.
const SILENCE: Duration = Duration::from_secs(10);
/// What the server reached by the same address has been doing for this program for some seconds: all its connections
/// have one name. Where nobody may know what others do, those that are there count as busy.
const WORKING: &str = "
    select count(*) from pg_stat_activity
    where application_name = current_setting('application_name') and pid <> pg_backend_pid()
      and (state = 'disabled' or (state = 'active' and query_start < clock_timestamp() - interval '5 seconds'))";

/// What the server answers; an error of the connection once it does not work for us any more.
pub(super) async fn answered<T>(
    server: &PgConnectOptions,
    asked: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut asked = pin!(asked);
    let mut works = true;
    while works {
        if let Ok(answer) = timeout(SILENCE, asked.as_mut()).await {
            return answer;
        }
        tokio::select! {
            answer = asked.as_mut() => return answer,
            still = works_for_us(server) => works = still,
        }
    }
    // What it had answered by then may still be on its way.
    if let Ok(answer) = timeout(SILENCE, asked).await {
        return answer;
    }
    tracing::error!("PostgreSQL says nothing and works on nothing of this program: a connection is given up");
    Err(Error::Io(io::ErrorKind::TimedOut.into()))
}

async fn works_for_us(server: &PgConnectOptions) -> bool {
    let look = async {
        let mut own = PgConnection::connect_with(server).await?;
        let working: i64 = sqlx::query_scalar(WORKING).fetch_one(&mut own).await?;
        own.close().await?;
        Ok(working > 0)
    };
    match timeout(SILENCE, look).await {
        Ok(Ok(working)) => working,
        // It is there, and has no room for one more: that says nothing of what it works on.
        Ok(Err(Error::Database(_))) => true,
        Ok(Err(_)) | Err(_) => false,
    }
}
