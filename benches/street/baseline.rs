//! What most teams would write, and good of its kind: axum and sqlx, a pool, one transaction for each request that
//! keeps the event once, locks the invoice, writes two ledger lines and moves the balance, and then answers.
//!
//! `plain` has the foreign keys that everybody declares. The others are what a careful team would try next: `no-keys`
//! drops the foreign keys, `no-balance` drops the hot row as well, `one-statement` does it all in one round trip.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use crate::ceiling::{OK, listen};
use crate::heard::{self, Tellers, Told};

/// What is tuned, beside `plain`.
pub const TUNED: [&str; 3] = ["no-keys", "no-balance", "one-statement"];
/// Connections to PostgreSQL; more only queue behind two cores.
const POOL: u32 = 20;

struct Baseline {
    tellers: Tellers,
    books: Books,
}

enum Books {
    Postgres(PgPool, Form),
    Sqlite(SqlitePool),
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Balance,
    NoBalance,
    OneStatement,
}

pub async fn serve(form: &str, database: &str, tellers: &str) {
    let books = if database.starts_with("postgres") {
        let form = match form {
            "one-statement" => Form::OneStatement,
            "no-balance" => Form::NoBalance,
            _ => Form::Balance,
        };
        let pool = PgPoolOptions::new().max_connections(POOL).acquire_timeout(Duration::from_mins(1));
        Books::Postgres(pool.connect(database).await.expect("the database"), form)
    } else {
        let options = database.parse::<SqliteConnectOptions>().expect("a file").foreign_keys(true);
        let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_mins(1));
        Books::Sqlite(pool.connect_with(options).await.expect("the database"))
    };
    let baseline = Baseline { tellers: heard::tellers(tellers), books };
    let router = Router::new().route("/hook/{provider}/{connection}", post(hear)).with_state(Arc::new(baseline));
    listen(router).await;
}

async fn hear(
    State(baseline): State<Arc<Baseline>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let Some(told) = heard::hear(&baseline.tellers, uri.path(), &headers, &body) else {
        return (StatusCode::UNAUTHORIZED, "");
    };
    let kept = match &baseline.books {
        Books::Postgres(pool, Form::OneStatement) => at_once(pool, &told, &body).await,
        Books::Postgres(pool, form) => on_postgres(pool, *form, &told, &body).await,
        Books::Sqlite(pool) => on_sqlite(pool, &told, &body).await,
    };
    match kept {
        Ok(()) => (StatusCode::OK, OK),
        Err(error) => {
            eprintln!("baseline: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "")
        }
    }
}

const EVENT: &str = "insert into event (provider, told, reference, amount, body) values ($1, $2, $3, $4, $5)
    on conflict do nothing";
const LOCK: &str = "select amount from invoice where reference = $1 for update";
const LOOK: &str = "select amount from invoice where reference = $1";
const LINES: &str = "insert into ledger_line (provider, told, account, reference, amount)
    values ($1, $2, $3, $4, $5), ($1, $2, $6, $4, -$5)";
const PAY: &str = "update invoice set paid = paid + $2 where reference = $1";
const BALANCE: &str = "update account set balance = balance + $2 where number = $1";

/// Who is owed the money: the school's families, or nobody yet.
fn other_side(told: &Told, is_known: bool) -> String {
    format!("{}-{}", told.account, if is_known { "receivable" } else { "suspense" })
}

async fn on_postgres(pool: &PgPool, form: Form, told: &Told, body: &[u8]) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    let event = sqlx::query(EVENT).bind(&told.provider).bind(&told.id).bind(&told.reference).bind(told.amount);
    if event.bind(body).execute(&mut *tx).await?.rows_affected() == 0 {
        return tx.commit().await;
    }
    let known = sqlx::query(LOCK).bind(&told.reference).fetch_optional(&mut *tx).await?.is_some();
    let lines = sqlx::query(LINES).bind(&told.provider).bind(&told.id).bind(&told.account);
    let reference = told.reference.as_ref().filter(|_| known);
    lines.bind(reference).bind(told.amount).bind(other_side(told, known)).execute(&mut *tx).await?;
    if known {
        sqlx::query(PAY).bind(&told.reference).bind(told.amount).execute(&mut *tx).await?;
    }
    if form == Form::Balance {
        sqlx::query(BALANCE).bind(&told.account).bind(told.amount).execute(&mut *tx).await?;
    }
    tx.commit().await
}

const AT_ONCE: &str = "
    with kept as (
        insert into event (provider, told, reference, amount, body) values ($1, $2, $3, $4, $5)
        on conflict do nothing returning 1
    ), paid as (
        update invoice set paid = paid + $4 where reference = $3 and exists (select 1 from kept) returning reference
    ), lines as (
        insert into ledger_line (provider, told, account, reference, amount)
        select $1, $2, side.account, (select reference from paid), side.amount
        from kept, (values ($6, $4), ($6 || case when exists (select 1 from paid) then '-receivable' else '-suspense' end, -$4))
            as side (account, amount)
    )
    update account set balance = balance + $4 where number = $6 and exists (select 1 from kept)";

async fn at_once(pool: &PgPool, told: &Told, body: &[u8]) -> sqlx::Result<()> {
    let all = sqlx::query(AT_ONCE).bind(&told.provider).bind(&told.id).bind(&told.reference).bind(told.amount);
    all.bind(body).bind(&told.account).execute(pool).await.map(drop)
}

async fn on_sqlite(pool: &SqlitePool, told: &Told, body: &[u8]) -> sqlx::Result<()> {
    let mut tx = pool.begin_with("begin immediate").await?;
    let event = sqlx::query(EVENT).bind(&told.provider).bind(&told.id).bind(&told.reference).bind(told.amount);
    if event.bind(body).execute(&mut *tx).await?.rows_affected() == 0 {
        return tx.commit().await;
    }
    let known = sqlx::query(LOOK).bind(&told.reference).fetch_optional(&mut *tx).await?.is_some();
    let lines = sqlx::query(LINES).bind(&told.provider).bind(&told.id).bind(&told.account);
    let reference = told.reference.as_ref().filter(|_| known);
    lines.bind(reference).bind(told.amount).bind(other_side(told, known)).execute(&mut *tx).await?;
    if known {
        sqlx::query(PAY).bind(&told.reference).bind(told.amount).execute(&mut *tx).await?;
    }
    sqlx::query(BALANCE).bind(&told.account).bind(told.amount).execute(&mut *tx).await?;
    tx.commit().await
}

/// The tables of a baseline, filled with these bills.
pub mod books {
    use hocphi::simulate::city::Bill;
    use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

    /// So many rows go in with one statement.
    const AT_ONCE: usize = 500;

    fn tables(bytes: &str, serial: &str, with_keys: bool) -> String {
        let key = |of: &str| if with_keys { format!(" references {of}") } else { String::new() };
        let (account, invoice) = (key("account (number)"), key("invoice (reference)"));
        let event = if with_keys { ", foreign key (provider, told) references event (provider, told)" } else { "" };
        format!(
            "create table account (number text primary key, balance bigint not null);
             create table invoice (reference text primary key, account text not null{account}, amount bigint not null,
                 paid bigint not null);
             create table event (provider text not null, told text not null, reference text, amount bigint not null,
                 body {bytes} not null, primary key (provider, told));
             create table ledger_line (id {serial}, provider text not null, told text not null,
                 account text not null{account}, reference text{invoice}, amount bigint not null{event});
             create index ledger_line_by_account on ledger_line (account);"
        )
    }

    fn rows(bills: &[Bill]) -> Vec<String> {
        let mut numbers: Vec<&str> = bills.iter().map(|bill| bill.account.as_str()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let accounts = numbers
            .iter()
            .flat_map(|number| ["", "-receivable", "-suspense"].map(|kind| format!("('{number}{kind}', 0)")));
        let accounts: Vec<String> = accounts.collect();
        let invoices =
            bills.iter().map(|bill| format!("('{}', '{}', {}, 0)", bill.reference, bill.account, bill.amount));
        let invoices: Vec<String> = invoices.collect();
        let into = |table: &str, rows: &[String]| -> Vec<String> {
            rows.chunks(AT_ONCE).map(|chunk| format!("insert into {table} values {}", chunk.join(", "))).collect()
        };
        [into("account", &accounts), into("invoice", &invoices)].concat()
    }

    pub async fn on_postgres(pool: &PgPool, bills: &[Bill], with_keys: bool) {
        let text = tables("bytea", "bigserial primary key", with_keys);
        sqlx::raw_sql(AssertSqlSafe(text)).execute(pool).await.expect("the tables");
        for insert in rows(bills) {
            sqlx::raw_sql(AssertSqlSafe(insert)).execute(pool).await.expect("rows");
        }
        // A plan made for an empty table would be kept: some history first, as on any day but the first.
        sqlx::raw_sql(
            "insert into event select 'past', n::text, null, 1, '' from generate_series(1, 20000) n;
             insert into ledger_line (provider, told, account, amount)
                 select 'past', n::text, (select min(number) from account), 0 from generate_series(1, 20000) n;",
        )
        .execute(pool)
        .await
        .expect("history");
        sqlx::raw_sql("vacuum analyze").execute(pool).await.expect("statistics");
    }

    pub async fn on_sqlite(pool: &SqlitePool, bills: &[Bill]) {
        let text = tables("blob", "integer primary key", true);
        sqlx::raw_sql(AssertSqlSafe(text)).execute(pool).await.expect("the tables");
        let mut tx = pool.begin().await.expect("a transaction");
        for insert in rows(bills) {
            sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut *tx).await.expect("rows");
        }
        tx.commit().await.expect("committed");
        sqlx::raw_sql("analyze; pragma wal_checkpoint(truncate)").execute(pool).await.expect("statistics");
    }
}
