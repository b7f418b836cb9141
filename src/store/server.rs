//! PostgreSQL, asked over the network: every question is a journey, and one whose answer does not come is given up.

use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Pool, Postgres, Transaction};

use super::engine::{BEGINNING, execute_postgres, fetch_postgres, now_postgres, translate};
use super::silence::answered;
use super::{Arg, Part, Record, Statement, many, row, unavailable};
use crate::fault::Result;

/// What writers begin with.
const BEGIN: &str = "begin isolation level serializable";
/// What the keeper begins with where a bank is told what became of its credits. It compares them with all that is like
/// them, which may take a while, and holds nothing meanwhile; what it writes at last only a second telling of the same
/// waits for.
const BEGIN_FIRST: &str = "begin isolation level serializable; set local idle_in_transaction_session_timeout = '10s'";

/// A transaction that may write.
pub(super) struct Session {
    tx: Transaction<'static, Postgres>,
    server: Arc<PgConnectOptions>,
    /// PostgreSQL takes the commit of a transaction in which something failed for a rollback, and says that it is done.
    has_failed: bool,
}

pub(super) async fn begin(pool: &Pool<Postgres>, first: bool) -> Result<Session> {
    let server = pool.connect_options();
    let begun = answered(&server, pool.begin_with(if first { BEGIN_FIRST } else { BEGIN })).await;
    Ok(Session { tx: begun.map_err(|error| translate(BEGINNING, error))?, server, has_failed: false })
}

pub(super) async fn all<T: Record>(pool: &Pool<Postgres>, statement: &Statement, args: Vec<Arg>) -> Result<Vec<T>> {
    read(statement, answered(&pool.connect_options(), fetch_postgres(pool, statement, args)).await)
}

pub(super) async fn all_in<T: Record>(pool: &Pool<Postgres>, statement: &Statement, keys: &[Arg]) -> Result<Vec<T>> {
    read(statement, answered(&pool.connect_options(), many::fetch_in_postgres(pool, statement, keys)).await)
}

/// Returns when it is durable, or with false, which inserted nothing.
pub(super) async fn insert_together(
    pool: &Pool<Postgres>,
    still: (&Statement, &[&str]),
    parts: Vec<Part<'_>>,
) -> Result<bool> {
    let names: Vec<&str> = parts.iter().map(|(insert, _)| insert.name).collect();
    let names = names.join(" and ");
    let done = answered(&pool.connect_options(), many::insert_together_postgres(pool, still, parts)).await;
    done.map_err(|error| translate(&names, error))
}

fn read<T: Record>(statement: &Statement, rows: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<T>> {
    row::read_all(statement, &rows.map_err(|error| translate(statement.name, error))?)
}

impl Session {
    /// Notes when PostgreSQL could not do something.
    fn noted<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.has_failed |= done.is_err();
        done
    }

    pub(super) async fn all<T: Record>(&mut self, statement: &Statement, args: Vec<Arg>) -> Result<Vec<T>> {
        let rows = answered(&self.server, fetch_postgres(&mut *self.tx, statement, args)).await;
        read(statement, self.noted(rows))
    }

    pub(super) async fn all_in<T: Record>(&mut self, statement: &Statement, keys: &[Arg]) -> Result<Vec<T>> {
        let rows = answered(&self.server, many::fetch_in_postgres(&mut *self.tx, statement, keys)).await;
        read(statement, self.noted(rows))
    }

    pub(super) async fn run(&mut self, statement: &Statement, args: Vec<Arg>) -> Result<u64> {
        let touched = answered(&self.server, execute_postgres(&mut self.tx, statement, args)).await;
        self.noted(touched).map_err(|error| translate(statement.name, error))
    }

    pub(super) async fn insert(&mut self, statement: &Statement, rows: Vec<Vec<Arg>>) -> Result<u64> {
        let inserted = answered(&self.server, many::insert_postgres(&mut self.tx, statement, rows)).await;
        self.noted(inserted).map_err(|error| translate(statement.name, error))
    }

    pub(super) async fn insert_each(
        &mut self,
        statement: &Statement,
        each: Vec<Vec<Arg>>,
        with: &[Vec<Arg>],
    ) -> Result<u64> {
        let inserted = answered(&self.server, many::insert_each_postgres(&mut self.tx, statement, each, with)).await;
        self.noted(inserted).map_err(|error| translate(statement.name, error))
    }

    pub(super) async fn insert_returning<T: Record>(
        &mut self,
        statement: &Statement,
        rows: Vec<Vec<Arg>>,
    ) -> Result<Vec<T>> {
        let rows = answered(&self.server, many::insert_returning_postgres(&mut self.tx, statement, rows)).await;
        read(statement, self.noted(rows))
    }

    pub(super) async fn now(&mut self) -> Result<i64> {
        let now = answered(&self.server, now_postgres(&mut self.tx)).await;
        self.noted(now).map_err(|error| translate("ask the database for the time", error))
    }

    pub(super) async fn commit(self) -> Result<()> {
        if self.has_failed {
            return Err(unavailable("store-away").into());
        }
        answered(&self.server, self.tx.commit()).await.map_err(|error| translate("commit", error))
    }
}
