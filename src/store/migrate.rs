//! One numbered stream of migrations: what both engines share, and pairs for what must differ.
//!
//! Files are named `NNNN_what.sql`. Shared texts use `{int}`, `{bytes}` and `{strict}`; a number lies either in
//! `migrations/` or in both engine folders. Landed files are frozen: their checksum is kept in the database.

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, Pool, Postgres, SqlSafeStr, Sqlite};

use super::engine::{EngineName, begin_sqlite, tokens, translate};
use super::{Attempts, Engine, Tx, args, statements};
use crate::fault::{Error, Fault, Kind, Refusal, Result};

static MIGRATIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/migrations");
/// Asked whenever a lease is taken.
static NEWEST: LazyLock<i64> = LazyLock::new(|| stream(EngineName::Sqlite).last().map_or(0, |newest| newest.version));
/// Somebody's transaction that nobody ends would keep a migration waiting for ever, and behind it everybody who comes
/// after. Another program that migrates is waited for as long.
const PATIENCE_POSTGRES: &str = "set lock_timeout = '30s'";
/// `lock_not_available` of PostgreSQL: it has run out.
const LOCKED: &str = "55P03";
/// The version since which work is done under leases.
const LEASES: i64 = 2;

statements! {
    /// The newest migration that ran here. Null: none has.
    VERSION = "select max(version) from _sqlx_migrations";
}

/// Who held a lease and only slept, past its end and past a migration, comes back to no lease: an older program would
/// otherwise go on for a moment with what it took before.
const END_TERMS: &str = "update lease set token = token + 1, expires_at = 0";

/// The schema version this program was built for.
pub fn newest_version() -> i64 {
    *NEWEST
}

/// Brings the schema up to this version, or to the newest.
pub(super) async fn run(engine: &Engine, to: Option<i64>) -> Result<()> {
    let name = match engine {
        Engine::Sqlite { .. } => EngineName::Sqlite,
        Engine::Postgres { .. } => EngineName::Postgres,
    };
    let migrator = Migrator::with_migrations(stream(name));
    let to = to.unwrap_or_else(newest_version);
    let ends_terms = changes_what_is_used(engine).await?;
    let mut attempts = Attempts::default();
    loop {
        let ran = match engine {
            Engine::Sqlite { workshop, .. } => run_sqlite(&migrator, workshop, (to, ends_terms)).await,
            Engine::Postgres { pool, .. } => run_postgres(&migrator, pool, (to, ends_terms)).await,
        };
        if let Some(done) = attempts.judge(ran).await {
            return done;
        }
    }
}

/// The lock is taken before the version is looked at: two programs that start at once on a fresh file would both find
/// nothing there. All migrations are one transaction.
async fn run_sqlite(migrator: &Migrator, workshop: &Pool<Sqlite>, (to, ends_terms): (i64, bool)) -> Result<()> {
    let mut tx = begin_sqlite(workshop).await.map_err(|error| translate("begin to migrate", error))?;
    if ends_terms {
        sqlx::raw_sql(END_TERMS).execute(&mut *tx).await.map_err(|error| translate("end the terms", error))?;
    }
    migrator.run_to(to, &mut *tx).await.map_err(told)?;
    tx.commit().await.map_err(|error| translate("commit the migrations", error))
}

/// Each migration is a transaction. The migrator takes a lock of the server's before it looks, and keeps it when it
/// fails: its connection is its own and goes away with it, or the lock would keep every other program out.
async fn run_postgres(migrator: &Migrator, pool: &Pool<Postgres>, (to, ends_terms): (i64, bool)) -> Result<()> {
    let own = pool.acquire().await.map_err(|error| translate("begin to migrate", error))?;
    let mut own = own.detach();
    let before = if ends_terms { format!("{PATIENCE_POSTGRES}; {END_TERMS}") } else { PATIENCE_POSTGRES.to_owned() };
    let ran = match sqlx::raw_sql(AssertSqlSafe(before)).execute(&mut own).await {
        Ok(_) => migrator.run_to(to, &mut own).await.map_err(told),
        Err(error) if is_locked(&error) => Err(locked().into()),
        Err(error) => Err(translate("begin to migrate", error)),
    };
    // What it says while closing changes nothing: the server lets go of everything of a connection that is gone.
    let _ = own.close().await;
    ran
}

fn told(error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => newer_schema().into(),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if is_locked(&error) => locked().into(),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => translate("migrate", error),
        other => Fault::from_source("migrate", other).into(),
    }
}

fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == LOCKED)
}

fn locked() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "schema-locked",
        "Có chương trình khác giữ cơ sở dữ liệu quá 30 giây nên chưa nâng cấp được. Hãy kết thúc giao dịch đang mở hoặc \
         chờ lần nâng cấp kia xong rồi chạy lại; không có gì dở dang.",
        "Something else has held the database for more than 30 seconds, so it cannot be upgraded now. End the open \
         transaction, or let the other upgrade finish, then run this again; nothing is left half done.",
    )
}

pub(super) async fn check(engine: &Engine) -> Result<()> {
    judge(version(engine).await?)
}

/// The same in a transaction.
pub(super) async fn check_in(tx: &mut Tx) -> Result<()> {
    let found: Option<i64> = tx.one(&VERSION, args![]).await?;
    judge(found.unwrap_or_default())
}

/// Is there something to migrate that older programs may be at work on?
pub(super) async fn changes_what_is_used(engine: &Engine) -> Result<bool> {
    Ok((LEASES..newest_version()).contains(&version(engine).await?))
}

/// The newest migration that ran here; 0 where none has.
async fn version(engine: &Engine) -> Result<i64> {
    let sql = VERSION.sql;
    let found: Result<Option<i64>, sqlx::Error> = match engine {
        Engine::Sqlite { workshop, .. } => sqlx::query_scalar(sql).fetch_one(workshop).await,
        Engine::Postgres { pool, .. } => sqlx::query_scalar(sql).fetch_one(pool).await,
    };
    match found {
        Ok(found) => Ok(found.unwrap_or_default()),
        Err(sqlx::Error::Database(error)) if has_no_table(&*error) => Ok(0),
        Err(error) => Err(translate("read the schema's version", error)),
    }
}

/// No table of migrations: this database was never migrated. PostgreSQL says so by a code, SQLite by words alone;
/// whatever else it says is no answer to the question.
fn has_no_table(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table")
}

fn judge(found: i64) -> Result<()> {
    match found.cmp(&newest_version()) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(newer_schema().into()),
        std::cmp::Ordering::Less => Err(Error::from(Refusal::new(
            Kind::Conflict,
            "schema-older",
            "Cơ sở dữ liệu cũ hơn chương trình. Hãy chạy `hocphi migrate` trước.",
            "The database is older than this program. Run `hocphi migrate` first.",
        ))),
    }
}

fn newer_schema() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "schema-newer",
        "Cơ sở dữ liệu mới hơn chương trình này. Hãy dùng bản chương trình mới; chưa có gì bị thay đổi.",
        "The database is newer than this program. Use the newer program; nothing was changed.",
    )
}

/// All migrations of an engine in the order of their numbers.
fn stream(engine: EngineName) -> Vec<Migration> {
    let folder = match engine {
        EngineName::Sqlite => "sqlite",
        EngineName::Postgres => "postgres",
    };
    let own = MIGRATIONS.get_dir(folder).into_iter().flat_map(Dir::files);
    let mut stream: Vec<Migration> = MIGRATIONS.files().chain(own).filter_map(|file| read(engine, file)).collect();
    stream.sort_by_key(|migration| migration.version);
    stream
}

fn read(engine: EngineName, file: &include_dir::File<'_>) -> Option<Migration> {
    let name = file.path().file_stem()?.to_str()?;
    let (number, what) = name.split_once('_')?;
    let mut text = file.contents_utf8()?.to_owned();
    for (token, rendered) in tokens(engine) {
        text = text.replace(token, rendered);
    }
    let sql = AssertSqlSafe(text).into_sql_str();
    Some(Migration::new(number.parse().ok()?, what.to_owned().into(), MigrationType::Simple, sql, false))
}
