//! SQLite, asked by the thread that wants to know.
//!
//! sqlx gives each connection to SQLite a thread of its own and hands its rows over one by one. That is fourteen
//! switches between threads for a payment, which cost more than what SQLite does for it. So the statements of a
//! transaction and its commit run at once where they are asked, because they are short and nobody else may write
//! meanwhile; another thread is woken first, and the program has one more than there are processors, so that everybody
//! else is served while one waits for the disk. Reads may be long and run on a thread that may wait, but those of a few
//! rows; what waits for another program, or opens a file, lets the tasks beside it go on.
//!
//! **Invariants:** there is one writer; a transaction that is dropped is rolled back before anybody else has its
//! connection; a connection on which something failed is closed, so that a disk that has healed is opened anew.

use std::cell::Cell;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::engine::{NOW_SQLITE, PREPARED, SETTINGS_SQLITE, end_unsynced, is_only_readable, translate_sqlite};
use super::{Arg, Record, Row, Statement, many, row, unavailable};
use crate::fault::{OrFault, Result};

/// Reads at once.
const READERS: usize = 4;
/// How long somebody waits for a connection.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long another program may keep the file from us, such as one that copies it.
const BUSY: Duration = Duration::from_secs(5);

/// Pages of the journal after which it is written into the file beside the work: 4 MB. Commits share the disk with that
/// and would wait four times as long for four times as much.
const JOURNAL: i32 = 1_000;
/// Pages after which it is written to its end, so that it begins anew unless somebody still reads in it: 64 MB.
const LONGEST_JOURNAL: i32 = 16_000;

/// One file. Cloning shares it.
#[derive(Clone)]
pub(super) struct Embedded(Arc<Shared>);

struct Shared {
    file: PathBuf,
    writer: Arc<Mutex<Slot>>,
    /// Lets the keeper go before everybody else.
    gate: Arc<Mutex<()>>,
    seats: Arc<Semaphore>,
    readers: std::sync::Mutex<Vec<Connection>>,
    /// How many pages the journal had when it was last written into the file.
    settled: AtomicI32,
    /// Whoever writes it there; one at a time.
    settling: Arc<Semaphore>,
    /// The connection for that; none before it is needed and after it failed.
    settler: std::sync::Mutex<Option<Connection>>,
    /// The file, to bring it to the disk. It is opened by whoever settles and never closed: with any handle that is
    /// closed, the system drops this process's locks on the file, and another program could take away the journal.
    whole: OnceLock<ManuallyDrop<File>>,
}

/// Where the writing connection is when nobody has it; none before it is needed and after it failed.
#[derive(Default)]
struct Slot {
    connection: Option<Connection>,
    is_closed: bool,
}

/// A transaction that may write.
pub(super) struct Open {
    embedded: Embedded,
    slot: OwnedMutexGuard<Slot>,
    has_failed: bool,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Embedded {
    pub(super) fn new(file: &str) -> Embedded {
        Embedded(Arc::new(Shared {
            file: PathBuf::from(file),
            writer: Arc::default(),
            gate: Arc::default(),
            seats: Arc::new(Semaphore::new(READERS)),
            readers: std::sync::Mutex::default(),
            settled: AtomicI32::new(0),
            settling: Arc::new(Semaphore::new(1)),
            settler: std::sync::Mutex::default(),
            whole: OnceLock::new(),
        }))
    }

    /// Begins with the lock, in the turn of ordinary writers or before them.
    pub(super) async fn begin(&self, first: bool) -> Result<Open> {
        let turn = if first { None } else { Some(Arc::clone(&self.0.gate).lock_owned().await) };
        let mut slot = self.slot().await?;
        rouse();
        let anew = || aside(|| self.write_anew().and_then(begun));
        let opened = match slot.connection.take().map_or_else(anew, begun) {
            // A file that was opened while its disk could only be read stays so when the disk no longer is.
            Err(error) if is_only_readable(&error) => anew(),
            opened => opened,
        };
        slot.connection = Some(opened.map_err(|error| translate_sqlite("begin", error))?);
        Ok(Open { embedded: self.clone(), slot, has_failed: false, _turn: turn })
    }

    /// Several statements of plain text on the writer's own connection, outside of any transaction.
    pub(super) async fn run_raw(&self, text: &str) -> Result<()> {
        let mut slot = self.slot().await?;
        let failed = |error| translate_sqlite("run a text", error);
        let connection = match slot.connection.take() {
            Some(connection) => connection,
            None => aside(|| self.write_anew()).map_err(failed)?,
        };
        NOTED.set(0);
        let ran = aside(|| {
            connection.busy_timeout(BUSY)?;
            connection.execute_batch(text)?;
            connection.busy_timeout(Duration::ZERO)
        });
        ran.map_err(failed)?;
        self.tend(NOTED.get());
        slot.connection = Some(connection);
        Ok(())
    }

    async fn slot(&self) -> Result<OwnedMutexGuard<Slot>> {
        let slot = timeout(PATIENCE, Arc::clone(&self.0.writer).lock_owned()).await;
        let slot = slot.map_err(|_| unavailable("store-away"))?;
        if slot.is_closed {
            return Err(unavailable("store-away").into());
        }
        Ok(slot)
    }

    /// Reads where it may take its time.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let seat = self.seat().await?;
        let embedded = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let _seat = seat;
            embedded.read_here(work)
        });
        reading.await.or_fault("read the file: its thread ended")?
    }

    /// Reads a few rows in the thread that asks: sending for another takes longer than they do.
    pub(super) async fn glance<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let _seat = self.seat().await?;
        self.read_here(work)
    }

    async fn seat(&self) -> Result<OwnedSemaphorePermit> {
        let seat = timeout(PATIENCE, Arc::clone(&self.0.seats).acquire_owned()).await;
        Ok(seat.ok().and_then(Result::ok).ok_or_else(|| unavailable("store-away"))?)
    }

    fn read_here<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => aside(|| self.connect(Use::Reads)).map_err(|error| translate_sqlite("open the file", error))?,
        };
        let done = work(&connection)?;
        self.idle().push(connection);
        Ok(done)
    }

    /// Closes what is open, once everybody is done with it.
    pub(super) async fn close(&self) {
        let _seats = self.0.seats.acquire_many(u32::try_from(READERS).unwrap_or(u32::MAX)).await;
        // Whoever writes and still asks for a reader is told so, and lets go of what is waited for next.
        self.0.seats.close();
        let _settling = self.0.settling.acquire().await;
        self.0.settling.close();
        *self.settler() = None;
        self.idle().clear();
        *self.0.writer.lock().await = Slot { connection: None, is_closed: true };
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another file may lie there by now, and whoever settles must not hold on to the old one.
    fn write_anew(&self) -> rusqlite::Result<Connection> {
        *self.settler() = None;
        self.connect(Use::Writes)
    }

    fn connect(&self, purpose: Use) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.0.file.as_path(), flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        // A statement is planned once and not anew for each value, whatever samples of them somebody's `analyze` left.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        for (name, value) in SETTINGS_SQLITE {
            connection.pragma_update(None, name, value)?;
        }
        match purpose {
            // Whoever waits for another program does so where he keeps nobody: see [`begun`].
            Use::Writes => {
                connection.busy_timeout(Duration::ZERO)?;
                connection.wal_hook(Some(note_journal));
            }
            Use::Reads => connection.pragma_update(None, "query_only", "on")?,
        }
        Ok(connection)
    }

    /// Sees to it that the journal, which has so many pages now, stays short. It is written into the file where no one
    /// waits for it; as others write on, that never ends it, so now and then they stand still.
    fn tend(&self, pages: i32) {
        let settled = self.0.settled.load(Ordering::Relaxed);
        let left = if pages < settled { pages } else { pages - settled };
        if left < JOURNAL {
            return;
        }
        let Ok(turn) = Arc::clone(&self.0.settling).try_acquire_owned() else { return };
        self.0.settled.store(pages, Ordering::Relaxed);
        if pages < LONGEST_JOURNAL {
            drop(self.settle_beside(turn));
        } else {
            drop(tokio::spawn(self.clone().settle_all(turn)));
        }
    }

    /// Also tells how many pages were left in the end.
    fn settle_beside(&self, turn: OwnedSemaphorePermit) -> JoinHandle<(OwnedSemaphorePermit, Option<i32>)> {
        let embedded = self.clone();
        tokio::task::spawn_blocking(move || (turn, embedded.settle_here()))
    }

    fn settle_here(&self) -> Option<i32> {
        let kept = self.settler().take();
        let connection = match kept.map_or_else(|| self.connect(Use::Writes), Ok) {
            Ok(connection) => connection,
            Err(error) => {
                tracing::warn!(%error, "the journal could not be opened and is written later");
                return None;
            }
        };
        let left = settle(&connection)?;
        *self.settler() = Some(connection);
        Some(left)
    }

    fn settler(&self) -> std::sync::MutexGuard<'_, Option<Connection>> {
        self.0.settler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// While our own writers but the keeper stand still, all of it is written and brought to the disk; the keeper waits
    /// only for the little that it has added meanwhile. Where somebody reads what is older, much is left, and nobody
    /// waits for that.
    async fn settle_all(self, turn: OwnedSemaphorePermit) {
        let _gate = Arc::clone(&self.0.gate).lock_owned().await;
        let Ok((turn, Some(left))) = self.settle_beside(turn).await else { return };
        if left >= JOURNAL || !self.sync_beside().await {
            return;
        }
        let Ok((_turn, Some(left))) = self.settle_beside(turn).await else { return };
        if left >= JOURNAL {
            return;
        }
        if let Ok(slot) = self.slot().await
            && let Some(writer) = &slot.connection
        {
            aside(|| settle(writer));
            self.0.settled.store(0, Ordering::Relaxed);
        }
    }

    /// Brings to the disk what was written into the file, which SQLite does only where the journal ends, while all the
    /// others wait. A disk that did not keep it says so once, and to SQLite it would not say it again.
    async fn sync_beside(&self) -> bool {
        let embedded = self.clone();
        let syncing = tokio::task::spawn_blocking(move || {
            let Some(whole) = embedded.whole() else { return false };
            if whole.sync_data().is_err() {
                end_unsynced("bring the file to the disk");
            }
            true
        });
        syncing.await.unwrap_or(false)
    }

    fn whole(&self) -> Option<&File> {
        if self.0.whole.get().is_none() {
            // One at a time settles, so none that is opened is thrown away.
            let whole = File::options().read(true).write(true).open(&self.0.file).ok()?;
            let _ = self.0.whole.set(ManuallyDrop::new(whole));
        }
        self.0.whole.get().map(|whole| &**whole)
    }
}

/// Writes the journal into the file as far as nobody is in the way, and tells how many pages are left; nothing where
/// another program is writing it. Those it writes the next time; only a disk that did not keep what was written ends
/// the program.
fn settle(connection: &Connection) -> Option<i32> {
    let settled = connection.query_row("pragma wal_checkpoint(passive)", [], |row| {
        let (is_kept_out, pages, settled): (bool, i32, i32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((!is_kept_out).then_some(pages - settled))
    });
    match settled.map_err(|error| translate_sqlite("write the journal into the file", error)) {
        Ok(left) => left,
        Err(error) => {
            tracing::warn!(%error, "the journal is written into the file later");
            None
        }
    }
}

thread_local! {
    /// The length of the journal after the commit that this thread did last.
    static NOTED: Cell<i32> = const { Cell::new(0) };
}

#[expect(clippy::unnecessary_wraps, reason = "SQLite would take an error")]
fn note_journal(_: &rusqlite::hooks::Wal, pages: i32) -> rusqlite::Result<()> {
    NOTED.set(pages);
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Reads,
    Writes,
}

/// Begins; where another program writes, its end is waited for.
fn begun(connection: Connection) -> rusqlite::Result<Connection> {
    let begin = |connection: &Connection| connection.prepare_cached("begin immediate")?.execute([]);
    match begin(&connection) {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => aside(|| {
            connection.busy_timeout(BUSY)?;
            begin(&connection)?;
            connection.busy_timeout(Duration::ZERO)
        })?,
        begun => drop(begun?),
    }
    Ok(connection)
}

/// Waits where it keeps no task beside it from going on.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Wakes another thread of the runtime, which listens to the network and the clock while this one is busy or waits for
/// the disk: one that was woken by the network alone wakes nobody, and all the others would sleep until it is done. Two
/// tasks are one more than a thread keeps for itself.
pub(super) fn rouse() {
    if let Ok(runtime) = Handle::try_current()
        && runtime.runtime_flavor() == RuntimeFlavor::MultiThread
    {
        for _ in 0..2 {
            drop(runtime.spawn(std::future::ready(())));
        }
    }
}

impl Open {
    /// Does something and notes when SQLite could not. After that nothing more is done: it may have rolled back by
    /// itself, and what came after would stand on its own.
    fn does<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let connection = self.slot.connection.as_ref().filter(|_| !self.has_failed);
        let Some(connection) = connection else { return Err(unavailable("store-away").into()) };
        let done = work(connection);
        self.has_failed |= done.is_err();
        done
    }

    pub(super) fn all<T: Record>(&mut self, statement: &Statement, args: &[Arg]) -> Result<Vec<T>> {
        self.does(|connection| fetch(connection, statement, statement.sql, args))
    }

    pub(super) fn all_in<T: Record>(&mut self, statement: &Statement, keys: &[Arg]) -> Result<Vec<T>> {
        self.does(|connection| fetch_in(connection, statement, keys))
    }

    pub(super) fn run(&mut self, statement: &Statement, args: &[Arg]) -> Result<u64> {
        self.does(|connection| execute(connection, statement, statement.sql, args))
    }

    pub(super) fn insert(&mut self, statement: &Statement, rows: &[Vec<Arg>]) -> Result<u64> {
        self.insert_each(statement, rows, &[Vec::new()])
    }

    /// Row after row: see [`many`].
    pub(super) fn insert_each(&mut self, statement: &Statement, each: &[Vec<Arg>], with: &[Vec<Arg>]) -> Result<u64> {
        let (Some(one), Some(beside)) = (each.first(), with.first()) else { return Ok(0) };
        let text = many::row(statement, one.len() + beside.len());
        self.does(|connection| {
            let failed = |error| translate_sqlite(statement.name, error);
            let mut prepared = connection.prepare_cached(&text).map_err(failed)?;
            let mut inserted = 0;
            for one in each {
                for beside in with {
                    bind_in_order(&mut prepared, one.iter().chain(beside)).map_err(failed)?;
                    inserted += prepared.raw_execute().map_err(failed)?;
                }
            }
            inserted.try_into().or_fault("count rows")
        })
    }

    pub(super) fn insert_returning<T: Record>(&mut self, statement: &Statement, rows: &[Vec<Arg>]) -> Result<Vec<T>> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let text = many::row(statement, first.len());
        self.does(|connection| {
            let parts = rows.iter().map(|row| fetch(connection, statement, &text, row));
            Ok(parts.collect::<Result<Vec<Vec<T>>>>()?.into_iter().flatten().collect())
        })
    }

    pub(super) fn now(&mut self) -> Result<i64> {
        self.does(|connection| {
            let now = connection.prepare_cached(NOW_SQLITE).and_then(|mut now| now.query_one([], |row| row.get(0)));
            now.map_err(|error| translate_sqlite("ask the database for the time", error))
        })
    }

    /// Returns when it is on the disk.
    pub(super) fn commit(mut self) -> Result<()> {
        let embedded = self.embedded.clone();
        self.does(|connection| {
            rouse();
            NOTED.set(0);
            let committed = connection.prepare_cached("commit").and_then(|mut commit| commit.execute([]));
            committed.map_err(|error| translate_sqlite("commit", error))?;
            embedded.tend(NOTED.get());
            Ok(())
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(connection) = &self.slot.connection else { return };
        // SQLite may have rolled back by itself, when the disk was full.
        let is_over = connection.is_autocommit() || connection.execute_batch("rollback").is_ok();
        if self.has_failed || !is_over {
            aside(|| self.slot.connection = None);
        }
    }
}

pub(super) fn fetch<T: Record>(
    connection: &Connection,
    statement: &Statement,
    text: &str,
    args: &[Arg],
) -> Result<Vec<T>> {
    let failed = |error| translate_sqlite(statement.name, error);
    let mut prepared = connection.prepare_cached(text).map_err(failed)?;
    bind(&mut prepared, args).map_err(failed)?;
    let mut rows = prepared.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(row::read(statement, &Row::Sqlite(row))?);
    }
    Ok(found)
}

pub(super) fn fetch_in<T: Record>(connection: &Connection, statement: &Statement, keys: &[Arg]) -> Result<Vec<T>> {
    let (text, keys) = many::list(statement, keys);
    fetch(connection, statement, &text, &keys)
}

fn execute(connection: &Connection, statement: &Statement, text: &str, args: &[Arg]) -> Result<u64> {
    let done = connection.prepare_cached(text).and_then(|mut prepared| {
        bind(&mut prepared, args)?;
        prepared.raw_execute()
    });
    done.map_err(|error| translate_sqlite(statement.name, error))?.try_into().or_fault("count rows")
}

/// To SQLite `$2` is a name, and whatever stands first in a text is its first place; to us it is the second value.
/// Marks without a name are in order.
fn bind(prepared: &mut rusqlite::Statement<'_>, args: &[Arg]) -> rusqlite::Result<()> {
    let places = prepared.parameter_count();
    if places > args.len() {
        return Err(rusqlite::Error::InvalidParameterCount(args.len(), places));
    }
    let are_named = prepared.parameter_name(1).is_some();
    for place in 1..=places {
        let number = if are_named { number(prepared, place) } else { Some(place) };
        let arg = number.and_then(|number| args.get(number.checked_sub(1)?));
        let arg = arg.ok_or(rusqlite::Error::InvalidParameterCount(args.len(), places))?;
        prepared.raw_bind_parameter(place, arg)?;
    }
    Ok(())
}

/// Each value anew: a row that were shorter than the one before would be written with what is left of that.
fn bind_in_order<'a>(
    prepared: &mut rusqlite::Statement<'_>,
    args: impl Iterator<Item = &'a Arg>,
) -> rusqlite::Result<()> {
    let mut bound = 0;
    for arg in args {
        bound += 1;
        prepared.raw_bind_parameter(bound, arg)?;
    }
    let places = prepared.parameter_count();
    if bound == places { Ok(()) } else { Err(rusqlite::Error::InvalidParameterCount(bound, places)) }
}

fn number(prepared: &rusqlite::Statement<'_>, place: usize) -> Option<usize> {
    prepared.parameter_name(place)?.strip_prefix('$')?.parse().ok()
}

impl ToSql for Arg {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Arg::Int(Some(value)) => ToSqlOutput::Owned(Value::Integer(*value)),
            Arg::Text(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Arg::Bytes(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
            Arg::Int(None) | Arg::Text(None) | Arg::Bytes(None) => ToSqlOutput::Owned(Value::Null),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpStream};
    use std::sync::mpsc;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// The thread that the network woke stands still until somebody else has been answered by the same runtime.
    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn while_one_thread_waits_for_the_disk_another_listens_to_the_network() {
        for _ in 0..200 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let (answered, was_answered) = mpsc::channel();
            let waits = tokio::spawn(async move {
                let (first, _) = listener.accept().await.expect("the first");
                tokio::spawn(async move {
                    let (mut second, _) = listener.accept().await.expect("the second");
                    second.write_all(b"!").await.expect("an answer");
                });
                tokio::task::yield_now().await;
                rouse();
                let outside = std::thread::spawn(move || {
                    let mut second = TcpStream::connect(address).expect("a connection");
                    answered.send(second.read_exact(&mut [0]).is_ok()).expect("somebody waits");
                });
                let was_answered = was_answered.recv_timeout(Duration::from_secs(20));
                drop(first);
                // One that was not answered would wait for ever.
                if was_answered.is_ok() {
                    outside.join().expect("it ends");
                }
                was_answered
            });
            let first = std::thread::spawn(move || TcpStream::connect(address).expect("a connection"));
            assert_eq!(waits.await.expect("no panic"), Ok(true));
            drop(first.join());
        }
    }
}
