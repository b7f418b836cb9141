//! The only room that knows which database this is.
//!
//! SQLite is the embedded default, PostgreSQL serves a city; both get the same text with `$N` and the same
//! verbs: [`Tx::one`], [`Tx::optional`], [`Tx::all`], [`Tx::all_in`], [`Tx::run`], [`Tx::insert_many`].
//!
//! **Invariants:** every write is serializable and may run twice ([`transact!`] runs it again after contention, and a
//! few times after a key that another writer may have taken in the same moment), but for new rows that are compared
//! with nothing but a condition and are kept once ([`Store::insert_first`]);
//! idempotency comes from unique constraints in the same transaction as the money; rooms hold no pool and no
//! engine name. What differs between the engines is in `engine.rs`, and how each is asked in `embedded.rs` and
//! `server.rs`.
//!
//! Deliberately absent: an object mapper, `for update`, advisory locks, floats, booleans and null columns that
//! mean three things.

mod backup;
mod copy;
mod embedded;
mod engine;
mod halves;
mod lease;
mod many;
mod migrate;
mod row;
mod seam;
mod server;
mod silence;
mod statement;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Pool, Postgres, Sqlite};

pub use backup::{Restored, back_up};
pub use copy::Copied;
pub use engine::{Choices, EngineName};
pub use halves::Halves;
pub use lease::{ALL as LEASE_STATEMENTS, Fence, HOLD_MS};
pub use migrate::{ALL as VERSION_STATEMENTS, newest_version};
pub use row::{Column, Record, Row};
pub use seam::{Meets, Seam};
pub use statement::{Arg, Part, Statement, StatementKind};
pub(crate) use statement::{args, record, statements};
pub use wake::{Ear, Wake};

use crate::fault::{Error, Kind, Refusal, Result};
use embedded::Embedded;
use seam::AtSeam;

/// A database that is open. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
    seam: AtSeam,
}

enum Engine {
    /// One writer and a few readers of a file, and a connection for what is done to it as a whole: its schema.
    Sqlite { embedded: Embedded, workshop: Pool<Sqlite> },
    /// A few connections of a server, those on which nobody but the keeper writes, and those on which it is asked who
    /// calls.
    Postgres { pool: Pool<Postgres>, lane: Pool<Postgres>, glances: Pool<Postgres> },
}

/// How much of what waits one transaction takes. A larger one shares its commit, and writes a page once for more rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lot {
    /// So little that whoever waits for SQLite's one writer waits some tens of milliseconds.
    Short,
    /// As much as pays, while nobody waits: who comes after all waits for more than twice as long.
    Full,
}

/// More than this in one transaction gain little.
const FULL_LOT: i64 = 512;

/// A transaction that may write. Dropped without [`Tx::commit`], it leaves nothing behind.
pub struct Tx {
    open: OpenTx,
    seam: AtSeam,
}

enum OpenTx {
    Sqlite(embedded::Open),
    Postgres(server::Session),
}

/// Runs a write until it commits: the body may run more than once, so it changes nothing but the transaction.
///
/// `transact!(store, |tx| ledger::post_in(tx, &entry).await)`
#[macro_export]
macro_rules! transact {
    ($store:expr, |$tx:ident| $body:expr) => {
        $crate::transact!(@begin $store.begin(), |$tx| $body)
    };
    (@begin $begin:expr, |$tx:ident| $body:expr) => {{
        let mut attempts = $crate::store::Attempts::default();
        loop {
            let outcome = async {
                let mut opened = $begin.await?;
                let $tx = &mut opened;
                let done: $crate::fault::Result<_> = $body;
                let value = done?;
                opened.commit().await?;
                $crate::fault::Result::Ok(value)
            }
            .await;
            if let Some(done) = attempts.judge(outcome).await {
                break done;
            }
        }
    }};
}
pub(crate) use transact;

/// Counts the runs of one write. Contention is tried again with growing, spread-out pauses; a collision on a unique
/// key, which another writer or a mistake of ours may have caused, only a few times: the other writer's row is seen by
/// the next run, a mistake collides for ever and must come out as the fault it is.
#[derive(Default)]
pub struct Attempts {
    runs: u32,
    collisions: u32,
}

impl Attempts {
    const MOST: u32 = 40;
    const MOST_COLLISIONS: u32 = 5;

    /// The outcome when it is final; nothing when the write should run again.
    pub async fn judge<T>(&mut self, outcome: Result<T>) -> Option<Result<T>> {
        match &outcome {
            Err(Error::Contended) => {}
            Err(Error::Fault(fault)) if fault.may_be_race() => self.collisions += 1,
            _ => return Some(outcome),
        }
        self.runs += 1;
        if self.runs >= Self::MOST || self.collisions >= Self::MOST_COLLISIONS {
            return Some(outcome);
        }
        let [spread] = crate::ids::random::<1>().unwrap_or([128]);
        let ceiling_ms = u64::from(self.runs.min(10)) * 5;
        tokio::time::sleep(Duration::from_millis(1 + ceiling_ms * u64::from(spread) / 256)).await;
        None
    }
}

impl Store {
    fn of(engine: Engine) -> Store {
        Store { engine: Arc::new(engine), seam: AtSeam::default() }
    }

    /// The same store for a simulation, which decides what goes wrong at its seam.
    #[must_use]
    pub fn with_seam(&self, seam: Arc<dyn Seam>) -> Store {
        Store { engine: Arc::clone(&self.engine), seam: AtSeam(Some(seam)) }
    }

    /// Opens `sqlite://FILE` or `postgres://…` as it is, without migrating.
    ///
    /// # Errors
    /// An address of neither kind, a database that does not answer, or a PostgreSQL that does not keep its promises
    /// (`fsync` or `synchronous_commit` off, or a standby whose disk is not waited for).
    pub async fn open(address: &str) -> Result<Store> {
        engine::open(address, true).await.map(Store::of)
    }

    /// As [`Store::open`], but a SQLite file that is not there is refused and not made: for commands that only look.
    ///
    /// # Errors
    /// As [`Store::open`]; there is no such database.
    pub async fn open_existing(address: &str) -> Result<Store> {
        engine::open(address, false).await.map(Store::of)
    }

    /// Brings the schema up to this program's version; doing it again changes nothing. An older program that was just
    /// stopped is waited for.
    ///
    /// # Errors
    /// A schema newer than this program, a landed migration whose text changed, or an older program that is at work.
    pub async fn migrate(&self) -> Result<()> {
        copy::refuse_marked(self).await?;
        lease::until_nobody_works(self).await?;
        migrate::run(&self.engine, None).await
    }

    /// As [`Store::migrate`], but no further than this version and whoever is at work, for tests of what an older
    /// program left behind.
    ///
    /// # Errors
    /// As [`Store::migrate`].
    pub async fn migrate_to(&self, version: i64) -> Result<()> {
        migrate::run(&self.engine, Some(version)).await
    }

    /// Refuses to work on a schema that is older or newer than this program.
    ///
    /// # Errors
    /// A [`Refusal`] that says which of the two and what to do.
    pub async fn check_version(&self) -> Result<()> {
        copy::refuse_marked(self).await?;
        migrate::check(&self.engine).await
    }

    /// Which engine this is, for the operator's eyes and the tests only.
    pub fn engine(&self) -> EngineName {
        match *self.engine {
            Engine::Sqlite { .. } => EngineName::Sqlite,
            Engine::Postgres { .. } => EngineName::Postgres,
        }
    }

    /// How many of what waits one transaction takes.
    pub fn lot(&self, lot: Lot) -> i64 {
        match lot {
            Lot::Short => self.batch(200, FULL_LOT),
            Lot::Full => FULL_LOT,
        }
    }

    /// How many of something one transaction takes. SQLite has one writer, and whoever waits for it waits for the whole
    /// batch; on a server each statement is a journey that a batch shares.
    pub fn batch(&self, of_embedded: i64, of_server: i64) -> i64 {
        match self.engine() {
            EngineName::Sqlite => of_embedded,
            EngineName::Postgres => of_server,
        }
    }

    /// A serializable transaction. Prefer [`transact!`], which also runs it again after contention.
    ///
    /// # Errors
    /// The store is down or full.
    pub async fn begin(&self) -> Result<Tx> {
        self.begin_in_turn(false).await
    }

    /// As [`Store::begin`], before all ordinary writers: for the keeper, whom a bank is waiting for.
    ///
    /// # Errors
    /// The store is down or full.
    pub async fn begin_first(&self) -> Result<Tx> {
        self.begin_in_turn(true).await
    }

    /// Inserts new rows into several tables, all or nothing, before all ordinary writers, and returns when they are
    /// durable. False: nothing was inserted, because the list no longer finds one row for each of its keys, of which
    /// there are few and none twice. The rows name nothing that may go and collide with nothing, so PostgreSQL takes
    /// them in one journey and compares them with nobody's work. It looks at the list after it was asked: what changes
    /// while the rows are on their way to the disk comes after them.
    ///
    /// # Errors
    /// The store is down or full.
    pub async fn insert_first(&self, still: (&Statement, &[&str]), mut parts: Vec<Part<'_>>) -> Result<bool> {
        parts.retain(|(_, rows)| !rows.is_empty());
        if parts.is_empty() {
            return Ok(true);
        }
        let Engine::Postgres { lane, .. } = &*self.engine else {
            return transact!(@begin self.begin_first(), |tx| async {
                if !tx.finds_all(still).await? {
                    return Ok(false);
                }
                for (statement, rows) in &parts {
                    tx.insert_many(statement, rows.clone()).await?;
                }
                Ok(true)
            }
            .await);
        };
        self.seam.look()?;
        parts.iter().flat_map(|(_, rows)| rows).try_for_each(|row| without_nul(row))?;
        let meets = self.seam.commit();
        meets.before()?;
        let inserted = server::insert_together(lane, still, parts).await?;
        self.seam.committed();
        meets.after()?;
        Ok(inserted)
    }

    async fn begin_in_turn(&self, first: bool) -> Result<Tx> {
        self.seam.look()?;
        let open = match &*self.engine {
            Engine::Sqlite { embedded, .. } => OpenTx::Sqlite(embedded.begin(first).await?),
            Engine::Postgres { pool, .. } => OpenTx::Postgres(server::begin(pool, first).await?),
        };
        Ok(Tx { open, seam: self.seam.clone() })
    }

    /// Exactly one row.
    ///
    /// # Errors
    /// No row is a fault here: the statement promises one.
    pub async fn one<T: Record>(&self, statement: &Statement, args: Vec<Arg>) -> Result<T> {
        row::exactly_one(statement, self.optional(statement, args).await?)
    }

    /// One row or none.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn optional<T: Record>(&self, statement: &Statement, args: Vec<Arg>) -> Result<Option<T>> {
        Ok(self.all(statement, args).await?.into_iter().next())
    }

    /// All rows.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn all<T: Record>(&self, statement: &Statement, args: Vec<Arg>) -> Result<Vec<T>> {
        self.seam.look()?;
        without_nul(&args)?;
        match &*self.engine {
            Engine::Sqlite { embedded, .. } => {
                let statement = *statement;
                embedded.read(move |file| embedded::fetch(file, &statement, statement.sql, &args)).await
            }
            Engine::Postgres { pool, .. } => server::all(pool, statement, args).await,
        }
    }

    /// All rows whose key is one of these; asked in chunks, so the list may be long.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn all_in<T: Record>(&self, statement: &Statement, keys: Vec<Arg>) -> Result<Vec<T>> {
        self.seam.look()?;
        without_nul(&keys)?;
        let mut found = Vec::new();
        for chunk in keys.chunks(engine::CHUNK) {
            found.extend(match &*self.engine {
                Engine::Sqlite { embedded, .. } => {
                    let (statement, chunk) = (*statement, chunk.to_vec());
                    embedded.read(move |file| embedded::fetch_in(file, &statement, &chunk)).await?
                }
                Engine::Postgres { pool, .. } => server::all_in(pool, statement, chunk).await?,
            });
        }
        Ok(found)
    }

    /// As [`Store::all_in`], for a few rows that a bank waits for and an index finds. On PostgreSQL it is one journey,
    /// on a connection that may have lost its server since: whoever is told so asks [`Store::all_in`].
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn glance_in<T: Record>(&self, statement: &Statement, keys: Vec<Arg>) -> Result<Vec<T>> {
        self.seam.look()?;
        without_nul(&keys)?;
        let mut found = Vec::new();
        for chunk in keys.chunks(engine::CHUNK) {
            found.extend(match &*self.engine {
                Engine::Sqlite { embedded, .. } => {
                    embedded.glance(|file| embedded::fetch_in(file, statement, chunk)).await?
                }
                Engine::Postgres { glances, .. } => server::all_in(glances, statement, chunk).await?,
            });
        }
        Ok(found)
    }

    /// Writes something that means nothing, and returns when it is durable. For `/readyz`.
    ///
    /// # Errors
    /// The store is down, full, moved away or only reads.
    pub async fn prove_it_keeps(&self) -> Result<()> {
        lease::touch(self).await
    }

    /// Does the store answer? For `/readyz`.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        engine::ping(&self.engine).await
    }

    /// Prepares a statement without running it; the test of every statement on both engines.
    ///
    /// # Errors
    /// The engine does not accept the text.
    pub async fn prepare(&self, statement: &Statement) -> Result<()> {
        engine::prepare(&self.engine, statement).await
    }

    /// How the engine would find a statement's rows, in its own words, a line each; the test of every statement's plan.
    ///
    /// # Errors
    /// The engine does not accept the text.
    pub async fn plan(&self, statement: &Statement, choices: Choices) -> Result<Vec<String>> {
        engine::plan(&self.engine, statement, choices).await
    }

    /// Table, column, type and nullability of the whole schema, in words both engines share.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn describe(&self) -> Result<Vec<(String, String, String, bool)>> {
        engine::describe(&self.engine).await
    }

    /// Runs several statements of plain text, for tests that must do what no room does.
    ///
    /// # Errors
    /// Whatever the engine says.
    pub async fn run_raw(&self, text: &str) -> Result<()> {
        engine::run_raw(&self.engine, text).await
    }

    /// Closes all connections, after which the files may be moved.
    pub async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite { embedded, workshop } => {
                embedded.close().await;
                workshop.close().await;
            }
            Engine::Postgres { pool, lane, glances } => {
                glances.close().await;
                lane.close().await;
                pool.close().await;
            }
        }
    }
}

impl Tx {
    /// Exactly one row.
    ///
    /// # Errors
    /// No row is a fault here: the statement promises one.
    pub async fn one<T: Record>(&mut self, statement: &Statement, args: Vec<Arg>) -> Result<T> {
        row::exactly_one(statement, self.optional(statement, args).await?)
    }

    /// One row or none.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn optional<T: Record>(&mut self, statement: &Statement, args: Vec<Arg>) -> Result<Option<T>> {
        Ok(self.all(statement, args).await?.into_iter().next())
    }

    /// All rows.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn all<T: Record>(&mut self, statement: &Statement, args: Vec<Arg>) -> Result<Vec<T>> {
        without_nul(&args)?;
        match &mut self.open {
            OpenTx::Sqlite(tx) => tx.all(statement, &args),
            OpenTx::Postgres(tx) => tx.all(statement, args).await,
        }
    }

    /// All rows whose key is one of these; asked in chunks.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn all_in<T: Record>(&mut self, statement: &Statement, keys: Vec<Arg>) -> Result<Vec<T>> {
        without_nul(&keys)?;
        let mut found = Vec::new();
        for chunk in keys.chunks(engine::CHUNK) {
            found.extend(match &mut self.open {
                OpenTx::Sqlite(tx) => tx.all_in(statement, chunk)?,
                OpenTx::Postgres(tx) => tx.all_in(statement, chunk).await?,
            });
        }
        Ok(found)
    }

    /// Runs a statement and tells how many rows it touched.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn run(&mut self, statement: &Statement, args: Vec<Arg>) -> Result<u64> {
        without_nul(&args)?;
        match &mut self.open {
            OpenTx::Sqlite(tx) => tx.run(statement, &args),
            OpenTx::Postgres(tx) => tx.run(statement, args).await,
        }
    }

    /// What time the database says it is, in milliseconds since 1970: the one clock several processes share.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn database_now(&mut self) -> Result<i64> {
        match &mut self.open {
            OpenTx::Sqlite(tx) => tx.now(),
            OpenTx::Postgres(tx) => tx.now().await,
        }
    }

    /// Inserts many rows in chunks and tells how many were really inserted.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn insert_many(&mut self, statement: &Statement, rows: Vec<Vec<Arg>>) -> Result<u64> {
        let mut inserted = 0;
        for chunk in engine::chunks(rows) {
            chunk.iter().try_for_each(|row| without_nul(row))?;
            inserted += match &mut self.open {
                OpenTx::Sqlite(tx) => tx.insert(statement, &chunk)?,
                OpenTx::Postgres(tx) => tx.insert(statement, chunk).await?,
            };
        }
        Ok(inserted)
    }

    /// Does the list find one row for each of these keys, none of which is there twice?
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn finds_all(&mut self, (list, keys): (&Statement, &[&str])) -> Result<bool> {
        let found: Vec<String> = self.all_in(list, keys.iter().copied().map(Arg::from).collect()).await?;
        Ok(found.len() == keys.len())
    }

    /// Inserts every row of one list beside every row of another: the statement's first columns are the one's, its
    /// last the other's. What many things have in common is sent once.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn insert_each(&mut self, statement: &Statement, each: Vec<Vec<Arg>>, with: &[Vec<Arg>]) -> Result<u64> {
        let mut inserted = 0;
        with.iter().try_for_each(|row| without_nul(row))?;
        for chunk in engine::chunks(each) {
            chunk.iter().try_for_each(|row| without_nul(row))?;
            inserted += match &mut self.open {
                OpenTx::Sqlite(tx) => tx.insert_each(statement, &chunk, with)?,
                OpenTx::Postgres(tx) => tx.insert_each(statement, chunk, with).await?,
            };
        }
        Ok(inserted)
    }

    /// Inserts many rows and reads what the statement's `returning` gives for those really inserted.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn insert_returning<T: Record>(&mut self, statement: &Statement, rows: Vec<Vec<Arg>>) -> Result<Vec<T>> {
        let mut returned = Vec::new();
        for chunk in engine::chunks(rows) {
            chunk.iter().try_for_each(|row| without_nul(row))?;
            returned.extend(match &mut self.open {
                OpenTx::Sqlite(tx) => tx.insert_returning(statement, &chunk)?,
                OpenTx::Postgres(tx) => tx.insert_returning(statement, chunk).await?,
            });
        }
        Ok(returned)
    }

    /// Makes everything of this transaction durable, or nothing of it.
    ///
    /// # Errors
    /// Contention found only now, or a store that could not write.
    pub async fn commit(self) -> Result<()> {
        let meets = self.seam.commit();
        meets.before()?;
        match self.open {
            OpenTx::Sqlite(tx) => tx.commit()?,
            OpenTx::Postgres(tx) => tx.commit().await?,
        }
        self.seam.committed();
        meets.after()
    }
}

/// PostgreSQL stores no NUL in a text and SQLite would: neither is asked. What banks send is kept as bytes.
fn without_nul(args: &[Arg]) -> Result<()> {
    let holds = |arg: &Arg| matches!(arg, Arg::Text(Some(text)) if text.contains('\0'));
    if !args.iter().any(holds) {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Shape,
        "nul-in-text",
        "Nội dung có ký tự không ghi được (NUL). Xin xóa ký tự đó rồi gửi lại.",
        "The text holds a NUL, which cannot be stored. Please remove it and send it again.",
    )
    .into())
}

/// The store cannot take work now: the bank or the browser should come again.
pub(crate) fn unavailable(code: &'static str) -> Refusal {
    Refusal::new(
        Kind::Unavailable,
        code,
        "Hệ thống tạm thời chưa ghi được dữ liệu. Xin thử lại sau ít phút; chưa có gì bị mất.",
        "The store cannot take work now. Please try again in a few minutes; nothing was lost.",
    )
}
