//! Moves the books from a file of SQLite to PostgreSQL, while they are served.
//!
//! The file is locked for writers from the first row to the last, so whoever tells of money is asked to come again.
//! What was written is read back and compared row by row. In the end the file refuses every write and every new start,
//! and says so.
//!
//! **Invariant:** at every moment at most one of the two opens for work. The new database carries a mark that it is not
//! whole yet until the file carries the mark that it has moved; whoever finds both copies to the end.

use std::fmt::Write;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, QueryBuilder, Row as _};

use super::engine::{self, CHUNK, MOVED_AWAY, translate};
use super::{Engine, Store, migrate};
use crate::fault::{Fault, Kind, OrFault, Refusal, Result};

/// The table that marks a database which is not to be opened for work.
const MARK: &str = "moving";
/// What the file says of itself once everything is elsewhere.
const MOVED: &str = "moved";
/// What a database says of itself until everything is in it, before the file that it comes from.
const ARRIVING: &str = "arriving ";

/// One table as both engines have it.
struct Table {
    name: String,
    /// Its rows lie in the order of their keys and have no number; none of them names another.
    is_by_key: bool,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    holds: Holds,
}

/// The three kinds of values there are.
#[derive(Clone, Copy)]
enum Holds {
    Int,
    Text,
    Bytes,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A copy that is whole, and not yet the books.
pub struct Copied {
    /// The new database, for whoever wants to ask its books first.
    pub store: Store,
    /// How many tables there are.
    pub tables: usize,
    /// How many rows.
    pub rows: u64,
    from: SqliteConnection,
    names: Vec<String>,
}

impl Copied {
    /// Copies everything from a file of SQLite to an empty database of PostgreSQL and compares it. Writers of the file
    /// wait from now on.
    ///
    /// # Errors
    /// Addresses of other engines, a file of another version of this program, a database that is not empty, and a row
    /// that is not the same there.
    pub async fn make(from: &str, to: &str) -> Result<Copied> {
        let (Some(file), None) = (engine::sqlite_file(from), engine::sqlite_file(to)) else {
            return Err(other_engines().into());
        };
        let source = Store::open_existing(from).await?;
        let arriving = arriving(file)?;
        if mark(&source).await?.as_deref() == Some(MOVED) {
            source.close().await;
            return Copied::end_of(to, &arriving).await;
        }
        source.check_version().await?;
        source.close().await;
        let mut from = lock(Path::new(file)).await?;
        let store = arrive(to, &arriving).await?;
        let mut target = connect(to).await?;
        let tables = tables(&mut from, &store).await?;
        let (mut sent, mut rows) = (Vec::new(), 0);
        run(&mut target, "begin").await?;
        empty(&mut target, &tables).await?;
        for table in &tables {
            let (count, sum) = send(&mut from, &mut target, table).await?;
            rows += count;
            sent.push((count, sum));
        }
        wake(&mut target, &tables).await?;
        run(&mut target, "commit").await?;
        for (table, sent) in tables.iter().zip(sent) {
            if sent != look(&mut target, table).await? {
                return Err(
                    Fault::new(format!("copy the table {}: its rows are not the same there", table.name)).into()
                );
            }
        }
        let names = tables.iter().map(|table| table.name.clone()).collect();
        Ok(Copied { store, tables: tables.len(), rows, from, names })
    }

    /// The last step of a copy that was cut off between its two marks.
    async fn end_of(to: &str, arriving: &str) -> Result<Copied> {
        let store = Store::open(to).await?;
        if mark(&store).await?.as_deref() == Some(arriving) {
            unmark(&store).await?;
        }
        Err(moved().into())
    }

    /// Makes the new database the books: the file refuses every write from now on.
    ///
    /// # Errors
    /// The file or the database cannot be marked.
    pub async fn open_for_all(mut self) -> Result<()> {
        let mut text =
            format!("create table {MARK} (state text not null) strict; insert into {MARK} values ('{MOVED}');");
        for name in &self.names {
            for act in ["insert", "update", "delete"] {
                let says = format!("select raise(abort, '{MOVED_AWAY}')");
                // Writing to a String cannot fail.
                let _ = write!(text, "create trigger {name}_moved_{act} before {act} on {name} begin {says}; end;");
            }
        }
        let marked = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut self.from).await;
        marked.map_err(|error| translate("mark the file as moved", error))?;
        sqlx::raw_sql("commit").execute(&mut self.from).await.map_err(|error| translate("mark the file", error))?;
        self.from.close().await.map_err(|error| translate("close the file", error))?;
        unmark(&self.store).await?;
        self.store.close().await;
        Ok(())
    }
}

/// Refuses a database that is half of a move.
pub(super) async fn refuse_marked(store: &Store) -> Result<()> {
    match mark(store).await?.as_deref() {
        None => Ok(()),
        Some(MOVED) => Err(moved().into()),
        Some(_) => Err(unfinished().into()),
    }
}

/// What a database says of itself; nothing where nothing ever moved.
async fn mark(store: &Store) -> Result<Option<String>> {
    let is_there = store.describe().await?.iter().any(|(table, ..)| table == MARK);
    if !is_there {
        return Ok(None);
    }
    let asked = "select state from moving";
    let state: Result<String, sqlx::Error> = match &*store.engine {
        Engine::Sqlite { workshop, .. } => sqlx::query_scalar(asked).fetch_one(workshop).await,
        Engine::Postgres { pool, .. } => sqlx::query_scalar(asked).fetch_one(pool).await,
    };
    state.map(Some).map_err(|error| translate("read the mark of a move", error))
}

async fn unmark(store: &Store) -> Result<()> {
    store.run_raw(&format!("drop table {MARK}")).await
}

/// The file, with every other writer kept out.
async fn lock(file: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_mins(1));
    let mut from = SqliteConnection::connect_with(&options).await.map_err(|error| translate("open the file", error))?;
    let locked = sqlx::raw_sql("begin immediate").execute(&mut from).await;
    locked.map_err(|error| translate("keep other writers out", error))?;
    Ok(from)
}

/// The mark of what comes from this file: another file's half must not be taken for this one's and taken away, when it
/// may be whole and its file moved.
fn arriving(file: &str) -> Result<String> {
    let path = std::fs::canonicalize(file).or_fault("find the file to move")?;
    Ok(format!("{ARRIVING}{}", hex::encode(Sha256::digest(path.to_string_lossy().as_bytes()))))
}

/// The database to copy to, with the schema and the mark of one that is not whole yet.
async fn arrive(to: &str, arriving: &str) -> Result<Store> {
    let store = Store::open(to).await?;
    if mark(&store).await?.as_deref() == Some(arriving) {
        // What a copy left that was cut off is none.
        store.run_raw("drop schema public cascade; create schema public").await?;
    }
    if !store.describe().await?.is_empty() {
        return Err(not_empty().into());
    }
    let marked = format!("create table {MARK} (state text not null); insert into {MARK} values ('{arriving}')");
    store.run_raw(&marked).await?;
    migrate::run(&store.engine, None).await?;
    Ok(store)
}

async fn connect(address: &str) -> Result<PgConnection> {
    let options = PgConnectOptions::from_str(address).or_fault("read the address of PostgreSQL")?;
    PgConnection::connect_with(&options).await.map_err(|error| translate("open PostgreSQL", error))
}

async fn run(target: &mut PgConnection, text: &str) -> Result<()> {
    let ran = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(target).await;
    ran.map(drop).map_err(|error| translate("copy", error))
}

/// The tables in the order in which they were made, which is the order in which they name each other.
async fn tables(from: &mut SqliteConnection, store: &Store) -> Result<Vec<Table>> {
    let names: Vec<(String, bool)> = sqlx::query_as(
        "select m.name, l.wr from sqlite_master m join pragma_table_list l on l.schema = 'main' and l.name = m.name
        where m.type = 'table' and m.name not like 'sqlite~_%' escape '~' and m.name not like '~_sqlx%' escape '~'
        order by m.rowid",
    )
    .fetch_all(from)
    .await
    .map_err(|error| translate("list the tables", error))?;
    let described = store.describe().await?;
    names
        .into_iter()
        .map(|(name, is_by_key)| {
            let own = described.iter().filter(|(table, ..)| *table == name);
            let columns = own.map(|(_, column, kind, _)| column_of(column, kind)).collect::<Result<Vec<_>>>()?;
            Ok(Table { name, is_by_key, columns })
        })
        .collect()
}

fn column_of(name: &str, kind: &str) -> Result<Column> {
    let holds = match kind {
        "bigint" => Holds::Int,
        "text" => Holds::Text,
        "bytea" => Holds::Bytes,
        other => return Err(Fault::new(format!("copy a column of {other}")).into()),
    };
    Ok(Column { name: name.to_owned(), holds })
}

impl Table {
    fn list(&self) -> String {
        self.columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
    }
}

/// Takes out what the schema came with, and lets the triggers of append-only tables sleep until [`wake`].
async fn empty(target: &mut PgConnection, tables: &[Table]) -> Result<()> {
    for table in tables {
        run(target, &format!("alter table {} disable trigger user", table.name)).await?;
    }
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    run(target, &format!("truncate {}", names.join(", "))).await
}

/// Wakes the triggers, and lets the database number on from where the file was.
async fn wake(target: &mut PgConnection, tables: &[Table]) -> Result<()> {
    for table in tables {
        run(target, &format!("alter table {} enable trigger user", table.name)).await?;
    }
    let numbered: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text, column_name::text from information_schema.columns
         where table_schema = 'public' and is_identity = 'YES'",
    )
    .fetch_all(&mut *target)
    .await
    .map_err(|error| translate("find what is numbered", error))?;
    for (table, column) in numbered {
        let next = format!(
            "select setval(pg_get_serial_sequence('{table}', '{column}'), coalesce(max({column}), 0) + 1, false) from {table}"
        );
        run(target, &next).await?;
    }
    Ok(())
}

/// Copies the rows of a table in the order in which they were written, where it keeps one, and tells how many they are
/// and their sum.
async fn send(from: &mut SqliteConnection, target: &mut PgConnection, table: &Table) -> Result<(u64, u128)> {
    let order = if table.is_by_key { "" } else { " order by rowid" };
    let text = format!("select {} from {}{order}", table.list(), table.name);
    let mut rows = sqlx::query(AssertSqlSafe(text)).fetch(from);
    let (mut count, mut sum, mut chunk) = (0, 0_u128, Vec::with_capacity(CHUNK));
    loop {
        let row = rows.try_next().await.map_err(|error| translate("read a row", error))?;
        let is_last = row.is_none();
        if let Some(row) = row {
            let values = table.columns.iter().enumerate().map(|(at, column)| match column.holds {
                Holds::Int => row.try_get(at).map(Value::Int),
                Holds::Text => row.try_get(at).map(Value::Text),
                Holds::Bytes => row.try_get(at).map(Value::Bytes),
            });
            let values = values.collect::<Result<Vec<_>, _>>().map_err(|error| translate("read a value", error))?;
            sum = sum.wrapping_add(weigh(&values));
            count += 1;
            chunk.push(values);
        }
        if chunk.len() == CHUNK || (is_last && !chunk.is_empty()) {
            insert(target, table, std::mem::take(&mut chunk)).await?;
        }
        if is_last {
            return Ok((count, sum));
        }
    }
}

async fn insert(target: &mut PgConnection, table: &Table, rows: Vec<Vec<Value>>) -> Result<()> {
    let mut query =
        QueryBuilder::new(format!("insert into {} ({}) overriding system value ", table.name, table.list()));
    query.push_values(rows, |mut row, values| {
        for value in values {
            match value {
                Value::Int(value) => row.push_bind(value),
                Value::Text(value) => row.push_bind(value),
                Value::Bytes(value) => row.push_bind(value),
            };
        }
    });
    query.build().execute(target).await.map(drop).map_err(|error| translate(&format!("copy {}", table.name), error))
}

/// How many rows a table has there and their sum.
async fn look(target: &mut PgConnection, table: &Table) -> Result<(u64, u128)> {
    let text = format!("select {} from {}", table.list(), table.name);
    let mut rows = sqlx::query(AssertSqlSafe(text)).fetch(target);
    let (mut count, mut sum) = (0, 0_u128);
    while let Some(row) = rows.try_next().await.map_err(|error| translate("read a copied row", error))? {
        let values = table.columns.iter().enumerate().map(|(at, column)| match column.holds {
            Holds::Int => row.try_get(at).map(Value::Int),
            Holds::Text => row.try_get(at).map(Value::Text),
            Holds::Bytes => row.try_get(at).map(Value::Bytes),
        });
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|error| translate("read a copied value", error))?;
        sum = sum.wrapping_add(weigh(&values));
        count += 1;
    }
    Ok((count, sum))
}

/// A row as a number; the sum of a table's rows does not depend on their order.
fn weigh(values: &[Value]) -> u128 {
    let mut hash = Sha256::new();
    for value in values {
        let bytes = match value {
            Value::Int(value) => value.map(|value| value.to_be_bytes().to_vec()),
            Value::Text(value) => value.as_ref().map(|value| value.as_bytes().to_vec()),
            Value::Bytes(value) => value.clone(),
        };
        // A value's length stands before it, and nothing's is one that no value has.
        let length = bytes.as_ref().map_or(u64::MAX, |bytes| bytes.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(bytes.unwrap_or_default());
    }
    let digest = hash.finalize();
    digest.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

fn other_engines() -> Refusal {
    let (vi, en) = (
        "Lệnh này chuyển từ sqlite://TỆP sang postgres://… . Xin kiểm tra hai địa chỉ.",
        "This moves from sqlite://FILE to postgres://…; please look at the two addresses.",
    );
    Refusal::new(Kind::Shape, "copy-of-other-engines", vi, en)
}

fn not_empty() -> Refusal {
    let (vi, en) = (
        "Cơ sở dữ liệu đích không trống: chỉ chuyển vào một cơ sở dữ liệu trống.",
        "The database to copy to is not empty: books are copied into an empty one.",
    );
    Refusal::new(Kind::Conflict, "database-not-empty", vi, en)
}

pub(super) fn moved() -> Refusal {
    let (vi, en) = (
        "Sổ sách trong tệp này đã chuyển sang PostgreSQL: hãy khởi động chương trình với địa chỉ mới.",
        "The books of this file have moved to PostgreSQL: start the program with the new address.",
    );
    Refusal::new(Kind::Unavailable, "store-moved", vi, en)
}

fn unfinished() -> Refusal {
    let (vi, en) = (
        "Việc chuyển sổ sách vào cơ sở dữ liệu này chưa xong: hãy chạy lại `hocphi copy`.",
        "Books are still being copied into this database: run `hocphi copy` again.",
    );
    Refusal::new(Kind::Conflict, "copy-unfinished", vi, en)
}
