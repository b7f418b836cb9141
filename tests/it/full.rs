//! Every table full of made-up rows, so that an engine plans as it would after years.
//!
//! A row's columns follow from its number: its own id, the id of a row it refers to, a day, a count. What the schema
//! checks is given its words here; whether the rows make sense to anybody is not asked.

use hocphi::store::{EngineName, Store};

/// Rows of a table that grows with the years, and of any other.
const MANY: usize = 20_000;
const FEW: usize = 307;
/// Of these there are more or fewer, so that no run has one in a hundred of all pupils, and a file has several lines:
/// rather than so large a part of a table an engine reads the whole, as it will not after years.
const SEVERAL: [(&str, usize); 5] = [
    ("posting", MANY * 4),
    ("pupil", MANY * 4),
    ("invoice", MANY * 4),
    ("invoice_line", MANY * 4),
    ("statement_file", MANY / 20),
];

/// The tables behind names that are not their own.
const NAMED: [(&str, &str); 9] = [
    ("run_id", "billing_run"),
    ("account_id", "receiving_account"),
    ("receiving_id", "receiving_account"),
    ("item_id", "fee_item"),
    ("file_id", "statement_file"),
    ("line_id", "statement_line"),
    ("order_id", "payment_order"),
    ("endpoint_id", "webhook_endpoint"),
    ("gateway_id", "connection"),
];

/// What columns hold by their name, or by table and name where only there; `n` is the row's number.
const WORDS: &[(&str, &str)] = &[
    ("level", "'primary'"),
    ("ownership", "'public'"),
    ("reading", "'hanoi'"),
    ("role", "'accountant'"),
    ("api_key.city", "0"),
    ("necessity", "'agreed'"),
    ("revenue", "'service'"),
    ("kind", "'out'"),
    ("billing_run_event.kind", "case n % 3 when 0 then 'issuing' when 1 then 'issued' else 'published' end"),
    ("billing_run_event.run_id", "'billing_run_' || (n / 3)"),
    ("billing_run_work.kind", "'issue'"),
    ("invoice_event.kind", "'void'"),
    ("credit_decision.kind", "case n % 100 when 0 then 'hold' else 'settle' end"),
    ("receipt_event.kind", "'void'"),
    ("payment_key.kind", "'order'"),
    ("entry.kind", "case n % 2 when 0 then 'issued' else 'received' end"),
    ("origin", "'hook'"),
    ("doubt", "''"),
    ("event", "'NEW'"),
    ("outcome", "'credits'"),
    ("delivery.reason", "''"),
    ("gross", "1"),
    ("exemption", "0"),
    ("payable", "1"),
    ("turn", "1"),
    ("year", "2026"),
    ("account", "case n % 2 when 0 then 'receivable.parent' else 'clearing' end"),
    ("step", "'read'"),
    ("maybe_same_as", "null"),
    ("reverses", "null"),
    ("ended_at", "null"),
    ("left_day", "null"),
];

/// Fills every table and has the engine look at them.
pub async fn fill(store: &Store, growing: &[&str]) {
    let rows = |table: &str| match SEVERAL.iter().find(|(name, _)| *name == table) {
        Some((_, several)) => *several,
        None if growing.contains(&table) => MANY,
        None => FEW,
    };
    let mut tables: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for (table, column, kind, _) in store.describe().await.expect("a schema") {
        match tables.last_mut().filter(|(last, _)| *last == table) {
            Some((_, columns)) => columns.push((column, kind)),
            None => tables.push((table, vec![(column, kind)])),
        }
    }
    let engine = store.engine();
    let mut text = match engine {
        EngineName::Sqlite => "pragma foreign_keys = off;",
        EngineName::Postgres => "set session_replication_role = replica;",
    }
    .to_owned();
    for (table, columns) in &tables {
        let names: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
        let values: Vec<String> =
            columns.iter().map(|(column, kind)| value(engine, table, column, kind, &rows)).collect();
        let (names, values, last) = (names.join(", "), values.join(", "), rows(table) - 1);
        let numbers = match engine {
            EngineName::Sqlite => format!(
                "with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < {last})
                 insert into {table} ({names}) select {values} from numbers;"
            ),
            EngineName::Postgres => format!(
                "insert into {table} ({names}) overriding system value
                 select {values} from (select n::bigint from generate_series(0, {last}) n) numbers;"
            ),
        };
        text.push_str(&numbers);
    }
    store.run_raw(&text).await.expect("full tables");
    store.run_raw("analyze").await.expect("statistics");
}

/// What a column of row `n` holds.
fn value(engine: EngineName, table: &str, column: &str, kind: &str, rows: &dyn Fn(&str) -> usize) -> String {
    let exact = format!("{table}.{column}");
    let words =
        WORDS.iter().find(|(name, _)| *name == exact).or_else(|| WORDS.iter().find(|(name, _)| *name == column));
    if let Some((_, words)) = words {
        return (*words).to_owned();
    }
    if column == "authority_id" && ["role_grant", "api_key"].contains(&table) {
        return "null".to_owned();
    }
    if let Some(other) = refers_to(column) {
        return format!("'{other}_' || (n % {})", rows(other));
    }
    match (kind, engine) {
        _ if column == "id" => format!("'{table}_' || n"),
        ("bigint", _) => "n + 1".to_owned(),
        ("bytea", EngineName::Sqlite) => "x'00'".to_owned(),
        ("bytea", EngineName::Postgres) => "'\\x00'::bytea".to_owned(),
        _ if !column.ends_with("day") => format!("'{column} ' || n"),
        (_, EngineName::Sqlite) => "date('2020-01-01', '+' || (n % 1999) || ' days')".to_owned(),
        (_, EngineName::Postgres) => "to_char(date '2020-01-01' + (n % 1999)::int, 'YYYY-MM-DD')".to_owned(),
    }
}

fn refers_to(column: &str) -> Option<&str> {
    let named = NAMED.iter().find(|(name, _)| *name == column).map(|(_, table)| *table);
    named
        .or_else(|| column.strip_suffix("_id"))
        .filter(|other| !["record", "told", "client", "resource"].contains(other))
}
