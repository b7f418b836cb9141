//! The limit of the books: the rows that posted payments left behind, put into the same database again by a program
//! that does nothing else.
//!
//! Nothing is proved, opened, read, compared, decided, sealed or answered; no key is checked, no sum kept. On SQLite the
//! journal is not written into the file, so whoever keeps these tables and these indexes cannot post faster. On
//! PostgreSQL it is one connection that copies; several would do more where a processor has nothing else to do.

use std::fs;
use std::path::Path;
use std::time::Instant;

use futures_util::TryStreamExt;
use rusqlite::Connection;
use rusqlite::types::Value;
use sqlx::PgConnection;

use crate::postgres::Postgres;

/// Payments in one transaction.
const TOGETHER: usize = 200;

/// The rows of one table.
struct Table {
    name: String,
    columns: usize,
    rows: Vec<Vec<Value>>,
}

/// Payments a second on SQLite, of those by which a database goes beyond the one it is a copy of.
pub fn on_sqlite(posted: &Path, kept: &Path) -> f64 {
    let tables = added(posted, kept);
    let payments = tables.iter().find(|table| table.name == "credit").map_or(0, |credits| credits.rows.len());
    for left in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{left}", posted.display()));
    }
    fs::copy(kept, posted).expect("a copy");
    let connection = Connection::open(posted).expect("the copy");
    let settings = "pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 0;
        pragma foreign_keys = off; pragma cache_size = -8192";
    connection.execute_batch(settings).expect("durable");
    crate::machine::quiet();
    let begun = Instant::now();
    for first in (0..payments).step_by(TOGETHER) {
        let past = (first + TOGETHER).min(payments);
        connection.execute_batch("begin immediate").expect("begun");
        for table in &tables {
            table.put(&connection, share(&table.rows, first..past, payments));
        }
        connection.execute_batch("commit").expect("durable");
    }
    rate(payments, begun)
}

/// The same on PostgreSQL, of a copy `posted` of the database `kept`.
pub async fn on_postgres(postgres: &Postgres, posted: &str, kept: &str) -> f64 {
    let tables = copied_out(&mut postgres.connect(posted).await, posted).await;
    let payments = tables.iter().find(|(name, _)| name == "credit").map_or(0, |(_, credits)| credits.len());
    postgres.create(posted, kept).await;
    let mut connection = postgres.connect_near(posted).await;
    run(&mut connection, "set session_replication_role = replica").await;
    crate::machine::quiet();
    let begun = Instant::now();
    for first in (0..payments).step_by(TOGETHER) {
        let past = (first + TOGETHER).min(payments);
        run(&mut connection, "begin").await;
        for (name, rows) in &tables {
            let mut copy = connection.copy_in_raw(&format!("copy {name} from stdin")).await.expect("a copy begins");
            copy.send(share(rows, first..past, payments).concat()).await.expect("rows that were there before");
            copy.finish().await.expect("a copy ends");
        }
        run(&mut connection, "commit").await;
    }
    rate(payments, begun)
}

async fn run(connection: &mut PgConnection, text: &'static str) {
    sqlx::raw_sql(text).execute(connection).await.expect("done");
}

/// What was written into the tables of facts since the database was made, a line for each row. Facts are not changed,
/// and a trigger sees to it; so the tables with triggers are those.
async fn copied_out(connection: &mut PgConnection, database: &str) -> Vec<(String, Vec<Vec<u8>>)> {
    let names = "select distinct c.relname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where not t.tgisinternal";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *connection).await.expect("tables");
    let mut tables = Vec::new();
    for name in names {
        let text = format!(
            "copy (select * from {name} where xmin::text::bigint >
                (select xmin::text::bigint from pg_database where datname = '{database}') order by ctid) to stdout"
        );
        let copy = connection.copy_out_raw(&text).await.expect("a copy");
        let bytes = copy.try_fold(Vec::new(), async |mut all, part| {
            all.extend_from_slice(&part);
            Ok(all)
        });
        let bytes = bytes.await.expect("read");
        let rows: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if !rows.is_empty() {
            tables.push((name, rows));
        }
    }
    tables
}

/// Of all these rows those that belong to some of the payments.
fn share<R>(rows: &[R], some: std::ops::Range<usize>, payments: usize) -> &[R] {
    &rows[rows.len() * some.start / payments..rows.len() * some.end / payments]
}

fn rate(payments: usize, begun: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some thousand")]
    let payments = payments as f64;
    payments / begun.elapsed().as_secs_f64()
}

impl Table {
    fn put(&self, connection: &Connection, rows: &[Vec<Value>]) {
        let marks = vec!["?"; self.columns].join(", ");
        let text = format!("insert into {} values ({marks})", self.name);
        let mut insert = connection.prepare_cached(&text).expect("an insert");
        for row in rows {
            insert.execute(rusqlite::params_from_iter(row)).expect("a row that was there before");
        }
    }
}

/// What stands in tables of facts and not in those of the other database. Their rows are numbered as they come; the
/// tables of sums have no such numbers and are left out.
fn added(posted: &Path, kept: &Path) -> Vec<Table> {
    let connection = Connection::open(posted).expect("the database");
    connection.execute("attach ?1 as kept", [kept.display().to_string()]).expect("the one it was copied from");
    let names = "select l.name from pragma_table_list l where l.schema = 'main' and l.type = 'table' and l.wr = 0
        and l.name not like 'sqlite%' and l.name not like '\\_%' escape '\\'";
    let mut listed = connection.prepare(names).expect("a list");
    let listed = listed.query_map([], |row| row.get::<_, String>(0)).expect("tables");
    let tables = listed.map(|table| {
        let name = table.expect("a table");
        let text = format!(
            "select * from main.{name} where rowid > (select coalesce(max(rowid), 0) from kept.{name}) order by rowid"
        );
        let mut select = connection.prepare(&text).expect("a question");
        let columns = select.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        let rows: Vec<Vec<Value>> = select.query_map([], row).expect("rows").collect::<Result<_, _>>().expect("read");
        Table { name, columns, rows }
    });
    // Deliveries and credits stand before what is said of them, as they were written.
    let mut tables: Vec<Table> = tables.filter(|table| !table.rows.is_empty()).collect();
    tables.sort_by_key(|table| !matches!(table.name.as_str(), "delivery" | "credit"));
    tables
}
