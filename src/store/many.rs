//! Many rows and many keys in one statement, whose text must not grow with them: a text that is new for every batch is
//! parsed and planned for every batch, which costs more than what it then does.
//!
//! SQLite, which is asked where its statements run, gets row after row, because it keeps a way back out of a statement
//! with many rows by copying every page that it touches; and it gets a mark for each key of a list, in few sizes.
//! PostgreSQL gets one array for each column.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, Pool, Postgres};

use super::engine::CHUNK;
use super::{Arg, Part, Statement};

/// The numbers of keys that occur in a statement of SQLite.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// Keys of one statement, filled up with the last of them to a size that occurs; one key more than once finds the same.
fn filled_up(keys: &[Arg]) -> Vec<Arg> {
    let sizes = SIZES.into_iter().rev().chain([CHUNK]);
    let size = sizes.into_iter().find(|size| *size >= keys.len()).unwrap_or(keys.len());
    keys.iter().chain(keys.last().into_iter().cycle()).take(size).cloned().collect()
}

/// `(?, ?, …)`
fn marks(count: usize) -> String {
    format!("({})", vec!["?"; count].join(", "))
}

/// The text and the keys of a statement of SQLite with a list.
pub(super) fn list(statement: &Statement, keys: &[Arg]) -> (String, Vec<Arg>) {
    let keys = filled_up(keys);
    (format!("{} {} {}", statement.sql, marks(keys.len()), statement.tail), keys)
}

/// The text of a statement of SQLite for one row of so many values.
pub(super) fn row(statement: &Statement, width: usize) -> String {
    format!("{} values {} {}", statement.sql, marks(width), statement.tail)
}

/// A list of PostgreSQL is one array, so its text is the same for any number of keys.
fn of_any(statement: &Statement) -> String {
    let before = statement.sql.trim_end();
    format!("{} = any ($1) {}", before.strip_suffix(" in").unwrap_or(before), statement.tail)
}

/// Several inserts of PostgreSQL in one text, each of which inserts nothing unless the list finds a row for each of its
/// keys. All but the last stand before it, under names of their own, and all see the tables as they were before.
fn of_together(still: &Statement, parts: &[(&Statement, Vec<Column>)]) -> String {
    let mut places = 2..;
    let mut inserts: Vec<String> = parts
        .iter()
        .map(|(insert, columns)| {
            let rows = format!("select * from unnest({})", arrays(columns, &mut places));
            let condition = "where (select found from still) = cardinality($1)";
            format!("{} {rows} {condition} {}", insert.sql, insert.tail)
        })
        .collect();
    let Some(last) = inserts.pop() else { return String::new() };
    let named = (1..).zip(inserts).map(|(at, insert): (u32, _)| format!(", part_{at} as ({insert})"));
    let still = format!("with still as (select count(*) as found from ({}) as one)", of_any(still));
    format!("{still}{} {last}", named.collect::<String>())
}

/// One column of rows, as the array that PostgreSQL takes it in.
enum Column {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    /// A column for values like this one.
    fn like(arg: &Arg) -> Column {
        match arg {
            Arg::Int(_) => Column::Int(Vec::new()),
            Arg::Text(_) => Column::Text(Vec::new()),
            Arg::Bytes(_) => Column::Bytes(Vec::new()),
        }
    }

    fn push(&mut self, arg: Arg) -> Result<(), sqlx::Error> {
        match (self, arg) {
            (Column::Int(column), Arg::Int(value)) => column.push(value),
            (Column::Text(column), Arg::Text(value)) => column.push(value),
            (Column::Bytes(column), Arg::Bytes(value)) => column.push(value),
            _ => return Err(sqlx::Error::Protocol("a column holds values of two types".to_owned())),
        }
        Ok(())
    }

    fn kind(&self) -> &'static str {
        match self {
            Column::Int(_) => "bigint[]",
            Column::Text(_) => "text[]",
            Column::Bytes(_) => "bytea[]",
        }
    }

    fn bind(self, query: Query<'_, Postgres, PgArguments>) -> Query<'_, Postgres, PgArguments> {
        match self {
            Column::Int(values) => query.bind(values),
            Column::Text(values) => query.bind(values),
            Column::Bytes(values) => query.bind(values),
        }
    }
}

/// Rows turned into columns.
fn columns(rows: Vec<Vec<Arg>>) -> Result<Vec<Column>, sqlx::Error> {
    let mut columns: Vec<Column> = rows.first().into_iter().flatten().map(Column::like).collect();
    for row in rows {
        for (column, arg) in columns.iter_mut().zip(row) {
            column.push(arg)?;
        }
    }
    Ok(columns)
}

/// Rows of PostgreSQL are one array for each column, so its text is the same for any number of rows.
fn of_columns(statement: &Statement, columns: &[Column], places: &mut impl Iterator<Item = u32>) -> String {
    format!("{} select * from unnest({}) {}", statement.sql, arrays(columns, places), statement.tail)
}

fn arrays(columns: &[Column], places: &mut impl Iterator<Item = u32>) -> String {
    let arrays = columns.iter().zip(places).map(|(column, at)| format!("${at}::{}", column.kind()));
    arrays.collect::<Vec<_>>().join(", ")
}

pub(super) async fn fetch_in_postgres<'e>(
    executor: impl Executor<'e, Database = Postgres>,
    statement: &Statement,
    keys: &[Arg],
) -> Result<Vec<PgRow>, sqlx::Error> {
    let query = sqlx::query(AssertSqlSafe(of_any(statement)));
    let Some(keys) = columns(keys.iter().map(|key| vec![key.clone()]).collect())?.pop() else { return Ok(Vec::new()) };
    keys.bind(query).fetch_all(executor).await
}

pub(super) async fn insert_postgres(
    tx: &mut sqlx::Transaction<'static, Postgres>,
    statement: &Statement,
    rows: Vec<Vec<Arg>>,
) -> Result<u64, sqlx::Error> {
    let columns = columns(rows)?;
    let query = sqlx::query(AssertSqlSafe(of_columns(statement, &columns, &mut (1..))));
    let query = columns.into_iter().fold(query, |query, column| column.bind(query));
    Ok(query.execute(&mut **tx).await?.rows_affected())
}

/// Inserts into several tables in one journey, all or nothing, outside of any transaction, unless the list no longer
/// finds a row for each of its keys. Each insert has rows, and says nothing of what to do where one is there already:
/// how many the last of them inserted tells of all.
pub(super) async fn insert_together_postgres(
    pool: &Pool<Postgres>,
    (still, keys): (&Statement, &[&str]),
    parts: Vec<Part<'_>>,
) -> Result<bool, sqlx::Error> {
    let parts = parts.into_iter().map(|(insert, rows)| Ok((insert, columns(rows)?)));
    let parts = parts.collect::<Result<Vec<_>, sqlx::Error>>()?;
    let query = sqlx::query(AssertSqlSafe(of_together(still, &parts))).bind(keys);
    let values = parts.into_iter().flat_map(|(_, columns)| columns);
    let done = values.fold(query, |query, column| column.bind(query)).execute(pool).await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn insert_returning_postgres(
    tx: &mut sqlx::Transaction<'static, Postgres>,
    statement: &Statement,
    rows: Vec<Vec<Arg>>,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let columns = columns(rows)?;
    let query = sqlx::query(AssertSqlSafe(of_columns(statement, &columns, &mut (1..))));
    let query = columns.into_iter().fold(query, |query, column| column.bind(query));
    query.fetch_all(&mut **tx).await
}

pub(super) async fn insert_each_postgres(
    tx: &mut sqlx::Transaction<'static, Postgres>,
    statement: &Statement,
    each: Vec<Vec<Arg>>,
    with: &[Vec<Arg>],
) -> Result<u64, sqlx::Error> {
    let (each, with) = (columns(each)?, columns(with.to_vec())?);
    let text = of_each(statement, &each, &with);
    let query = each.into_iter().chain(with).fold(sqlx::query(AssertSqlSafe(text)), |query, column| column.bind(query));
    Ok(query.execute(&mut **tx).await?.rows_affected())
}

/// As [`of_columns`], for every row of one list beside every row of another.
fn of_each(statement: &Statement, each: &[Column], with: &[Column]) -> String {
    let mut places = 1..;
    let (each, with) = (arrays(each, &mut places), arrays(with, &mut places));
    let lists = format!("unnest({each}) as one cross join unnest({with}) as beside");
    format!("{} select * from {lists} {}", statement.sql, statement.tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{StatementKind, args};

    const ROWS: Statement =
        Statement { name: "", kind: StatementKind::Rows, sql: "insert into t (a, b)", tail: "on conflict do nothing" };
    const LIST: Statement =
        Statement { name: "", kind: StatementKind::List, sql: "select a from t where a in", tail: "order by a" };

    #[test]
    fn every_row_of_one_list_is_written_beside_every_row_of_another() {
        let each: Vec<Vec<Arg>> = (0..5_i64).map(|number| args![number]).collect();
        let columns = (columns(each).expect("columns"), columns(vec![args!["x"], args!["y"]]).expect("columns"));
        let text = "select * from unnest($1::bigint[]) as one cross join unnest($2::text[]) as beside";
        assert_eq!(
            of_each(&ROWS, &columns.0, &columns.1),
            format!("insert into t (a, b) {text} on conflict do nothing")
        );
        assert_eq!(row(&ROWS, 2), "insert into t (a, b) values (?, ?) on conflict do nothing");
    }

    #[test]
    fn inserts_of_postgres_that_go_together_are_one_text() {
        let part = || (&ROWS, columns(vec![args![1_i64, "x"]]).expect("columns"));
        let (first, second) = ("unnest($2::bigint[], $3::text[])", "unnest($4::bigint[], $5::text[])");
        let condition = "where (select found from still) = cardinality($1)";
        let insert = |arrays| format!("insert into t (a, b) select * from {arrays} {condition} on conflict do nothing");
        let list = "select a from t where a = any ($1) order by a";
        let still = format!("with still as (select count(*) as found from ({list}) as one)");
        assert_eq!(of_together(&LIST, &[part()]), format!("{still} {}", insert(first)));
        let both = format!("{still}, part_1 as ({}) {}", insert(first), insert(second));
        assert_eq!(of_together(&LIST, &[part(), part()]), both);
    }

    #[test]
    fn keys_of_sqlite_are_filled_up_with_the_last() {
        let keys: Vec<Arg> = (0..5_i64).map(Arg::from).collect();
        let filled = filled_up(&keys);
        assert_eq!((filled.len(), &filled[..5], &filled[15]), (16, &keys[..], &Arg::from(4_i64)));
        for full in [1, 4, 16, 64, 256, CHUNK] {
            assert_eq!(filled_up(&vec![Arg::from(1_i64); full]).len(), full);
        }
    }

    #[test]
    fn texts_of_postgres_are_the_same_for_any_number() {
        let text = |rows| of_columns(&ROWS, &columns(rows).expect("columns"), &mut (1..));
        let one = text(vec![args![1_i64, "x"]]);
        let arrays = "unnest($1::bigint[], $2::text[])";
        assert_eq!(one, format!("insert into t (a, b) select * from {arrays} on conflict do nothing"));
        assert_eq!(text(vec![args![1_i64, "x"], args![2_i64, None::<String>]]), one);
        assert!(columns(vec![args![1_i64], args!["x"]]).is_err(), "a column is of one type");
        assert_eq!(of_any(&LIST), "select a from t where a = any ($1) order by a");
    }
}
