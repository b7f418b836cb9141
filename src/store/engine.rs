//! Every difference between SQLite and PostgreSQL, on about one screen; the rest of the file binds values.

use std::io::Write;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Executor, Pool, Postgres, Row as _, SqlSafeStr, Sqlite};

use super::copy::moved;
use super::embedded::Embedded;
use super::lease::HOLD_MS;
use super::silence::answered;
use super::{Arg, Attempts, Engine, Statement, StatementKind, unavailable};
use crate::fault::{Error, Fault, Kind, OrFault, Refusal, Result};
use crate::ids;

/// Rows or keys in one statement: near the best rate of both engines and far below their bind limits.
pub(super) const CHUNK: usize = 512;
/// Statements that a connection keeps prepared: ours, those of rows and lists in each size.
pub(super) const PREPARED: usize = 512;

/// How the server is to plan. A table that grew by a month in an hour was not counted yet, so that two hundred keys
/// look like all of it: where an index serves, it is used whatever the counts say (`tests/it/plans.rs` asks for one).
/// With that, a plan that was kept from when a table was small does no harm, and a statement that comes again and again
/// is not planned each time. What is short is not compiled first.
const PLANS: [(&str, &str); 3] = [("enable_seqscan", "off"), ("random_page_cost", "1.1"), ("jit", "off")];

/// What stands outside of a transaction is compared with nobody's work, whatever the database was told: see
/// [`super::Store::insert_first`].
const ALONE: (&str, &str) = ("default_transaction_isolation", "read committed");

/// A server that says nothing for so long when it is first asked is not there.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// A connection that nobody used for so long may have lost its server.
const RESTED: Duration = Duration::from_secs(1);

/// What the server is to do about a machine that dies: it sends no end, and what its transaction holds would be kept
/// from everybody for hours. One in which nothing was asked for as long as a lease holds is ended: whoever pauses so
/// long has lost the lease as well. What is read, sealed or asked elsewhere is so before a transaction begins, so none
/// of ours pauses long, and one that was ended runs again. Somebody who died while he asked nothing, or while he was
/// being answered, is found by the network within about ten seconds.
const FORGETS_THE_DEAD: [(&str, i64); 5] = [
    ("idle_in_transaction_session_timeout", HOLD_MS),
    ("tcp_keepalives_idle", 5),
    ("tcp_keepalives_interval", 2),
    ("tcp_keepalives_count", 3),
    ("tcp_user_timeout", 10_000),
];

/// The two engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineName {
    /// Embedded, one file.
    Sqlite,
    /// A server of its own.
    Postgres,
}

/// What an engine may choose from when it is asked for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choices {
    /// Whatever its statistics make it think is cheapest.
    All,
    /// An index wherever one serves.
    Indexes,
}

/// What SQLite writers begin with; the one writer connection makes this the lock.
const BEGIN_SQLITE: &str = "begin immediate";
/// The database's own clock, for leases between processes.
pub(super) const NOW_SQLITE: &str = "select cast((julianday('now') - 2440587.5) * 86400000 as integer)";
/// The same; not the time the transaction began.
const NOW_POSTGRES: &str = "select cast(extract(epoch from clock_timestamp()) * 1000 as bigint)";
/// What PostgreSQL promises of a commit, and for whom it waits.
const SETTINGS_POSTGRES: &str = "select current_setting('fsync'), current_setting('synchronous_commit'),
    current_setting('synchronous_standby_names')";
/// Two writers met: serialization failure and deadlock on PostgreSQL, busy and locked on SQLite. Or the server waited
/// in vain for the next statement (`25P03`): nothing of that transaction stands, as if another had been first.
const CONTENDED: &[&str] = &["40001", "40P01", "25P03", "5", "6", "261", "262", "517", "518"];
/// A unique constraint held on PostgreSQL. Two serializable transactions that insert the same key are each right on
/// their own; the later one is told 40001 only where it had read the key before, and this where it had not. Run again,
/// it reads the other's row and decides otherwise, so this is contention as long as it does not keep happening
/// ([`super::Attempts`] counts). SQLite has one writer that begins with the lock: there it is always a mistake of ours.
const COLLIDED: &str = "23505";
/// No space left: `disk_full` on PostgreSQL, `SQLITE_FULL` on SQLite.
const FULL: &[&str] = &["53100", "13"];
/// The server is out of reach: PostgreSQL shutting down, starting, full, or one that only reads.
const AWAY: &[&str] = &["57P01", "57P02", "57P03", "53300", "25006"];
/// What PostgreSQL says to a serializable transaction on a standby: feature not supported. Nothing else that begins can
/// mean it.
const STANDBY: &str = "0A000";
pub(super) const BEGINNING: &str = "begin";
/// What each connection to SQLite is told; that the journal is one of writes ahead, the file itself knows.
pub(super) const SETTINGS_SQLITE: [(&str, &str); 5] = [
    ("synchronous", "full"),
    ("foreign_keys", "on"),
    // In KiB, below zero: enough for what a batch touches. Each commit walks through all of it.
    ("cache_size", "-8192"),
    // What a statement keeps to undo itself by needs no file.
    ("temp_store", "memory"),
    // Without this, `insert or replace` would delete a row past its append-only trigger.
    ("recursive_triggers", "on"),
];
/// The file is out of reach: `SQLITE_READONLY`, `SQLITE_IOERR`, `SQLITE_CORRUPT` (which is also what SQLite makes of a
/// disk that fails to read) and `SQLITE_CANTOPEN`, each with its whole family.
const AWAY_SQLITE: &[i32] = &[SQLITE_READONLY, 10, 11, 14];
const SQLITE_READONLY: i32 = 8;
/// The lower byte of SQLite's code names the family.
const FAMILY: i32 = 0xff;
/// What was written did not reach the disk: `SQLITE_IOERR_FSYNC`, `SQLITE_IOERR_DIR_FSYNC`.
const NOT_SYNCED: &[i32] = &[1034, 1290];
/// What a trigger says to whoever still writes to books that are elsewhere now; see [`super::copy`].
pub(super) const MOVED_AWAY: &str = "these books have moved to another database";
/// How a program ends that could not write: `EX_IOERR` of sysexits.
const EXIT_IO: i32 = 74;

/// Types and endings as each engine's migrations need them; SQLite's tables are strict.
pub(super) const fn tokens(engine: EngineName) -> [(&'static str, &'static str); 4] {
    match engine {
        EngineName::Sqlite => [
            ("{int}", "integer"),
            ("{bytes}", "blob"),
            ("{strict}", " strict"),
            ("{serial}", "integer primary key autoincrement"),
        ],
        EngineName::Postgres => [
            ("{int}", "bigint"),
            ("{bytes}", "bytea"),
            ("{strict}", ""),
            ("{serial}", "bigint generated always as identity primary key"),
        ],
    }
}

/// The file of an address of SQLite.
pub(super) fn sqlite_file(address: &str) -> Option<&str> {
    let file = address.strip_prefix("sqlite://").or_else(|| address.strip_prefix("sqlite:"));
    file.filter(|file| !file.is_empty())
}

pub(super) async fn open(address: &str, make: bool) -> Result<Engine> {
    if let Some(file) = sqlite_file(address) {
        if !make && !Path::new(file).exists() {
            return Err(no_such_database(file).into());
        }
        let mut attempts = Attempts::default();
        loop {
            // Two programs that open a fresh file at once meet when it is given its journal.
            if let Some(opened) = attempts.judge(open_sqlite(file).await).await {
                return opened;
            }
        }
    }
    if address.starts_with("postgres://") || address.starts_with("postgresql://") {
        return open_postgres(address).await;
    }
    Err(Refusal::new(
        Kind::Shape,
        "unknown-database",
        "Địa chỉ cơ sở dữ liệu phải là sqlite://TỆP hoặc postgres://…",
        "The database must be sqlite://FILE or postgres://…",
    )
    .into())
}

/// Children's names lie in the file: it is the program's user's alone from its first byte, and SQLite gives its
/// companions the same mode.
pub(super) fn keep_private(file: &str) {
    let mut options = std::fs::OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // What is there stays as it is, and whatever is wrong is said by the driver in its own words.
    if !file.starts_with(':') {
        drop(options.open(file));
    }
}

async fn open_sqlite(file: &str) -> Result<Engine> {
    keep_private(file);
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    let options = SETTINGS_SQLITE.into_iter().fold(options, |options, (name, value)| options.pragma(name, value));
    // A file need not be asked whether it is still there before each use.
    let pool = SqlitePoolOptions::new().acquire_timeout(Duration::from_secs(30)).test_before_acquire(false);
    let workshop =
        pool.max_connections(1).after_release(|connection, _| Box::pin(is_out_of_its_transaction(connection)));
    let workshop = workshop.connect_with(options).await;
    let workshop = workshop.map_err(|error| unreachable(&format!("the file {file}"), error))?;
    settle_journal(&workshop).await?;
    Ok(Engine::Sqlite { embedded: Embedded::new(file), workshop })
}

/// What a program left in the journal may lie in the kernel's memory alone, when the disk did not take it and the
/// program ended for that. It is written into the file before anybody is answered from it.
async fn settle_journal(write: &Pool<Sqlite>) -> Result<()> {
    let settled = sqlx::query("pragma wal_checkpoint(passive)").execute(write).await;
    settled.map(drop).map_err(|error| translate("write the journal into the file", error))
}

async fn open_postgres(address: &str) -> Result<Engine> {
    let named =
        address.split_once("://").map_or(address, |(_, rest)| rest).split(['/', '?']).next().unwrap_or_default();
    if named.rsplit_once('@').map_or(named, |(_, servers)| servers).contains(',') {
        return Err(several_servers().into());
    }
    let options = PgConnectOptions::from_str(address).or_fault("read the address of PostgreSQL")?;
    let place = format!("PostgreSQL at {}:{}", options.get_host(), options.get_port());
    // The pool would only say that it waited in vain; one connection of its own says why.
    match tokio::time::timeout(ANSWERS_WITHIN, PgConnection::connect_with(&options)).await {
        Err(_) => return Err(unreachable(&place, sqlx::Error::PoolTimedOut)),
        Ok(Err(error)) => return Err(unreachable(&place, error)),
        Ok(Ok(first)) => drop(first.close().await),
    }
    let options = options.statement_cache_capacity(PREPARED).options(PLANS).options([ALONE]);
    let options = options.options(FORGETS_THE_DEAD).application_name(&ids::new_id("hocphi"));
    let server = Arc::new(options.clone());
    let pool = a_few(12, &server).connect_with(options.clone()).await;
    let pool = pool.map_err(|error| translate("open PostgreSQL", error))?;
    keeps_promises(&pool).await?;
    Ok(Engine::Postgres { lane: lane(options.clone(), &server), glances: lane(options, &server), pool })
}

/// So many connections, each of which is asked at its release and before its next use whether it lives.
fn a_few(most: u32, server: &Arc<PgConnectOptions>) -> PgPoolOptions {
    let server = Arc::clone(server);
    let few = PgPoolOptions::new().max_connections(most).acquire_timeout(Duration::from_secs(10));
    few.after_release(move |connection, _| Box::pin(still_answers(Arc::clone(&server), connection)))
}

/// The banks' two ways, on which asking who calls and keeping what he tells are one journey each: a connection is asked
/// before its use only once it has rested. One that lost its server since fails one batch, and the banks come again;
/// who calls is asked once more. While one is released, the next batch goes on the other.
fn lane(options: PgConnectOptions, server: &Arc<PgConnectOptions>) -> Pool<Postgres> {
    let lane = a_few(2, server).test_before_acquire(false).before_acquire(|connection, rested| {
        Box::pin(async move {
            if rested.idle_for >= RESTED {
                connection.ping().await?;
            }
            Ok(true)
        })
    });
    lane.connect_lazy_with(options)
}

/// A connection that was left in the middle of a question is used again once it is answered, and closed when its server
/// is gone.
async fn still_answers(server: Arc<PgConnectOptions>, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    answered(&server, connection.ping()).await.map(|()| true)
}

/// What is answered must outlive a crash of the server, and where a standby is waited for, the end of the server, too:
/// `local` does not wait for it, and `remote_write` not for its disk.
async fn keeps_promises(pool: &Pool<Postgres>) -> Result<()> {
    let settings: (String, String, String) = sqlx::query_as(SETTINGS_POSTGRES)
        .fetch_one(pool)
        .await
        .map_err(|error| translate("ask PostgreSQL for its settings", error))?;
    let (fsync, commit, standbys) = settings;
    let broken = match (fsync.as_str(), commit.as_str()) {
        ("off", _) => "fsync=off".to_owned(),
        (_, "off") => "synchronous_commit=off".to_owned(),
        (_, "local" | "remote_write") if !standbys.is_empty() => {
            format!("synchronous_commit={commit}, which does not wait for the disk of its standby")
        }
        _ => return Ok(()),
    };
    Err(Fault::new(format!("PostgreSQL runs with {broken}: money could be lost")).into())
}

/// The driver knows one server. Which of several leads is decided before it: by an address that moves, or a proxy.
fn several_servers() -> Refusal {
    Refusal::new(
        Kind::Shape,
        "several-servers",
        "Địa chỉ PostgreSQL phải chỉ một máy chủ. Khi có nhiều máy, hãy dùng một địa chỉ luôn trỏ tới máy chính.",
        "The address of PostgreSQL must name one server. Of several, use one address that always leads to the primary.",
    )
}

fn no_such_database(file: &str) -> Refusal {
    Refusal::new(
        Kind::Absent,
        "no-such-database",
        format!("Không có cơ sở dữ liệu {file}: hãy chạy `hocphi migrate` hoặc `hocphi setup` để tạo."),
        format!("There is no such database, {file}: `hocphi migrate` or `hocphi setup` makes it."),
    )
}

/// A database that cannot be opened at the start, with its cause. The words are the system's or the server's own about
/// the connection, which hold no password.
fn unreachable(place: &str, error: sqlx::Error) -> Error {
    let cause = match &error {
        sqlx::Error::Database(database) if !CONTENDED.contains(&database.code().unwrap_or_default().as_ref()) => {
            database.message().to_owned()
        }
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::PoolTimedOut => "it does not answer".to_owned(),
        _ => return translate("open the database", error),
    };
    let vi = format!("Không mở được cơ sở dữ liệu ({place}): {cause}");
    Refusal::new(Kind::Unavailable, "store-away", vi, format!("The database cannot be opened ({place}): {cause}"))
        .into()
}

/// With the lock from the first moment.
pub(super) async fn begin_sqlite(workshop: &Pool<Sqlite>) -> Result<sqlx::Transaction<'static, Sqlite>, sqlx::Error> {
    workshop.begin_with(BEGIN_SQLITE).await
}

pub(super) fn is_only_readable(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code & FAMILY == SQLITE_READONLY)
}

/// A full or broken disk makes SQLite roll back by itself, after which the driver believes its connection still inside
/// a transaction for ever: such a connection is not used again.
async fn is_out_of_its_transaction(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Waits for the rollback that the end of a transaction left behind.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// SQLite's codes are numbers of at most four digits; PostgreSQL's have five letters or digits.
fn sqlite_code(code: &str) -> Option<i32> {
    code.parse().ok().filter(|_| code.len() < 5)
}

/// After the disk refused to keep something, nobody knows what it holds: the kernel may have dropped what it could not
/// write, and calls the next attempt a success. Nothing may be answered from its memory, so the program ends here and
/// the next one reads the file anew.
pub(super) fn end_unsynced(doing: &str) -> ! {
    tracing::error!(doing, "the disk did not keep what was written: the program ends");
    // Whoever turned the log off still wants to know this.
    let _ = writeln!(std::io::stderr(), "hocphi: the disk did not keep what was written ({doing}): the program ends");
    std::process::exit(EXIT_IO)
}

/// Turns a driver's error into one of our three kinds. Its text may quote values, so only codes are kept.
#[track_caller]
pub(super) fn translate(doing: &str, error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(database) => {
            said(doing, database.code().unwrap_or_default().as_ref(), database.message())
        }
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => {
            unavailable("store-away").into()
        }
        _ => Fault::from_source(doing, error).into(),
    }
}

/// The same of SQLite's own words.
#[track_caller]
pub(super) fn translate_sqlite(doing: &str, error: rusqlite::Error) -> Error {
    let code = error.sqlite_error().map(|error| error.extended_code.to_string());
    match (code, error) {
        (Some(code), rusqlite::Error::SqliteFailure(_, message)) => {
            said(doing, &code, message.as_deref().unwrap_or_default())
        }
        (_, error) => Fault::from_source(doing, error).into(),
    }
}

/// What an engine's code means to us.
#[track_caller]
fn said(doing: &str, code: &str, message: &str) -> Error {
    if CONTENDED.contains(&code) {
        return Error::Contended;
    }
    let sqlite = sqlite_code(code);
    if sqlite.is_some_and(|code| NOT_SYNCED.contains(&code)) {
        end_unsynced(doing);
    }
    if FULL.contains(&code) {
        tracing::error!(doing, code, "no space is left");
        return unavailable("store-full").into();
    }
    if message == MOVED_AWAY {
        return moved().into();
    }
    let is_standby = code == STANDBY && doing == BEGINNING;
    if is_standby || AWAY.contains(&code) || sqlite.is_some_and(|code| AWAY_SQLITE.contains(&(code & FAMILY))) {
        tracing::error!(doing, code, "the store is out of reach");
        return unavailable("store-away").into();
    }
    // PostgreSQL puts the offending row into its detail, never into its message; SQLite has no detail.
    let fault = Fault::new(format!("{doing}: {message} ({code})"));
    if code == COLLIDED { fault.or_a_race().into() } else { fault.into() }
}

pub(super) async fn now_postgres(tx: &mut sqlx::Transaction<'static, Postgres>) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(NOW_POSTGRES).fetch_one(&mut **tx).await
}

pub(super) async fn ping(engine: &Engine) -> Result<()> {
    match engine {
        Engine::Sqlite { embedded, .. } => {
            embedded.read(|file| file.execute_batch("select 1").map_err(|error| translate_sqlite("ping", error))).await
        }
        Engine::Postgres { pool, .. } => {
            sqlx::query("select 1").execute(pool).await.map(drop).map_err(|error| translate("ping", error))
        }
    }
}

pub(super) async fn run_raw(engine: &Engine, text: &str) -> Result<()> {
    match engine {
        Engine::Sqlite { embedded, .. } => embedded.run_raw(text).await,
        Engine::Postgres { pool, .. } => {
            let ran = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(pool).await;
            ran.map(drop).map_err(|error| translate("run a text", error))
        }
    }
}

/// The whole text of a statement with one row or one key, as the engine's parser would see it.
fn sample(statement: &Statement) -> String {
    match statement.kind {
        StatementKind::Fixed => statement.sql.to_owned(),
        StatementKind::Rows => {
            let row: Vec<String> = (1..=statement.width()).map(|place| format!("${place}")).collect();
            format!("{} values ({}) {}", statement.sql, row.join(", "), statement.tail)
        }
        StatementKind::List => format!("{} ($1) {}", statement.sql, statement.tail),
    }
}

pub(super) async fn prepare(engine: &Engine, statement: &Statement) -> Result<()> {
    let text = AssertSqlSafe(sample(statement)).into_sql_str();
    match engine {
        Engine::Sqlite { workshop, .. } => workshop.prepare(text).await.map(drop),
        Engine::Postgres { pool, .. } => pool.prepare(text).await.map(drop),
    }
    .map_err(|error| translate(statement.name, error))
}

/// How the engine would find the rows of a statement. PostgreSQL is told to read a whole table only for want of an
/// index that serves ([`PLANS`]); asked for its own choice, it is not.
pub(super) async fn plan(engine: &Engine, statement: &Statement, choices: Choices) -> Result<Vec<String>> {
    let text = sample(statement);
    match engine {
        Engine::Sqlite { workshop, .. } => {
            let rows = sqlx::raw_sql(AssertSqlSafe(format!("explain query plan {text}"))).fetch_all(workshop).await;
            rows.and_then(|rows| rows.iter().map(|row| row.try_get("detail")).collect())
        }
        Engine::Postgres { pool, .. } => plan_postgres(pool, &text, choices).await,
    }
    .map_err(|error| translate(statement.name, error))
}

async fn plan_postgres(pool: &Pool<Postgres>, text: &str, choices: Choices) -> Result<Vec<String>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    tx.execute("set local plan_cache_mode = force_generic_plan").await?;
    if choices == Choices::All {
        tx.execute("set local enable_seqscan = on").await?;
    }
    tx.execute(AssertSqlSafe(format!("prepare planned as {text}"))).await?;
    let marks = text.split('$').skip(1).filter_map(|rest| {
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        number.parse::<usize>().ok()
    });
    let marks = marks.max().unwrap_or_default();
    let values = if marks == 0 { String::new() } else { format!("({})", vec!["null"; marks].join(", ")) };
    let rows = sqlx::raw_sql(AssertSqlSafe(format!("explain (costs off) execute planned{values}")));
    let rows = rows.fetch_all(&mut *tx).await?;
    tx.execute("deallocate planned").await?;
    tx.rollback().await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// SQLite says `INTEGER`, `TEXT`, `BLOB`; PostgreSQL says `bigint`, `text`, `bytea`. Both are told in the latter words.
pub(super) async fn describe(engine: &Engine) -> Result<Vec<(String, String, String, bool)>> {
    const SQLITE: &str = "select m.name, c.name,
            case lower(c.type) when 'integer' then 'bigint' when 'blob' then 'bytea' else lower(c.type) end,
            cast(c.\"notnull\" = 0 and c.pk = 0 as integer)
        from sqlite_master m join pragma_table_info(m.name) c
        where m.type = 'table' and m.name not like 'sqlite_%' and m.name not like '\\_sqlx%' escape '\\' order by 1, 2";
    const POSTGRES: &str =
        "select table_name::text, column_name::text, data_type::text, (is_nullable = 'YES')::int::bigint
        from information_schema.columns c
        join information_schema.tables t using (table_schema, table_name)
        where table_schema = 'public' and t.table_type = 'BASE TABLE' and table_name not like '\\_sqlx%' order by 1, 2";
    let rows: Vec<(String, String, String, i64)> = match engine {
        Engine::Sqlite { workshop, .. } => sqlx::query_as(SQLITE).fetch_all(workshop).await,
        Engine::Postgres { pool, .. } => sqlx::query_as(POSTGRES).fetch_all(pool).await,
    }
    .map_err(|error| translate("describe the schema", error))?;
    Ok(rows.into_iter().map(|(table, column, kind, nullable)| (table, column, kind, nullable == 1)).collect())
}

/// Splits rows into chunks without copying them.
pub(super) fn chunks(rows: Vec<Vec<Arg>>) -> impl Iterator<Item = Vec<Vec<Arg>>> {
    let mut rows = rows.into_iter().peekable();
    std::iter::from_fn(move || {
        rows.peek()?;
        Some(rows.by_ref().take(CHUNK).collect())
    })
}

pub(super) fn bind(mut query: Query<'_, Postgres, PgArguments>, args: Vec<Arg>) -> Query<'_, Postgres, PgArguments> {
    for arg in args {
        query = match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
            Arg::Bytes(value) => query.bind(value),
        };
    }
    query
}

pub(super) async fn fetch_postgres<'e>(
    executor: impl Executor<'e, Database = Postgres>,
    statement: &Statement,
    args: Vec<Arg>,
) -> Result<Vec<PgRow>, sqlx::Error> {
    bind(sqlx::query(statement.sql), args).fetch_all(executor).await
}

pub(super) async fn execute_postgres(
    tx: &mut sqlx::Transaction<'static, Postgres>,
    statement: &Statement,
    args: Vec<Arg>,
) -> Result<u64, sqlx::Error> {
    let done = bind(sqlx::query(statement.sql), args).execute(&mut **tx).await?;
    Ok(done.rows_affected())
}
