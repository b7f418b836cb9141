//! No statement of a page, a hook or a batch reads a whole table that grows with the years: not for want of an index,
//! and not because the engine thinks it cheaper once the tables are full.

use std::collections::{HashMap, HashSet};

use hocphi::store::{Choices, EngineName, Statement};

use crate::engines::{Fresh, fixed};
use crate::full::fill;
use crate::on_both;

on_both!(
    an_index_serves_whatever_grows,
    full_tables_are_not_read_from_end_to_end,
    what_a_bank_took_back_is_found_among_nothing_else,
    every_index_serves_a_statement
);

/// What grows with every pupil, invoice and payment.
const GROWING: [&str; 28] = [
    "audit_trail",
    "class_membership",
    "credit",
    "credit_decision",
    "credit_proof",
    "day_sum",
    "debit",
    "delivery",
    "entry",
    "family",
    "feed_leaf",
    "guardian",
    "invoice",
    "invoice_event",
    "invoice_line",
    "item_sum",
    "month_sum",
    "payment_key",
    "payment_order",
    "payment_order_event",
    "posting",
    "promise",
    "promise_attempt",
    "pupil",
    "receipt",
    "statement_line",
    "telling",
    "total_sum",
];

/// What reads everything because everything is what is asked for, outside the work of a day: the audit, the sums of all
/// books, what the simulations count afterwards, and an item of the catalogue, which somebody changes once a year.
const WHOLE: [&str; 4] = ["::ledger::audit::", "::ledger::sql::BALANCES", "::simulate::sql::", "::fees::sql::SET_ITEM"];

/// On PostgreSQL the audit alone goes by it; only what was moved or taken back has a place in it, which is little.
const FOR_THE_AUDIT: &str = "entry_by_reverses";

async fn an_index_serves_whatever_grows(fresh: Fresh) {
    nothing_is_read_from_end_to_end(&fresh, Choices::Indexes).await;
}

async fn full_tables_are_not_read_from_end_to_end(fresh: Fresh) {
    fill(&fresh.store, &GROWING).await;
    nothing_is_read_from_end_to_end(&fresh, Choices::All).await;
}

/// A school's debits of all years are many, and what was taken back of them is little.
async fn what_a_bank_took_back_is_found_among_nothing_else(fresh: Fresh) {
    fill(&fresh.store, &GROWING).await;
    let asked = hocphi::statements().into_iter().filter(|statement| statement.name.ends_with("REVERSED"));
    let mut count = 0;
    for statement in asked {
        let plan = fresh.store.plan(&statement, Choices::All).await.expect("a plan");
        assert!(plan.iter().any(|line| line.contains("debit_reversals")), "{}: {plan:#?}", statement.name);
        count += 1;
    }
    assert_eq!(count, 2);
}

/// An index that no statement of a day goes by costs each payment a place in it, for nothing. The plan of an insert
/// says nothing of that: it goes by what keeps its own table unique, and shows what SQLite would do while a row waits.
async fn every_index_serves_a_statement(fresh: Fresh) {
    fill(&fresh.store, &GROWING).await;
    let mut plans = String::new();
    let asks = |statement: &Statement| !is_of_everything(statement) && !is_insert(statement);
    for statement in hocphi::statements().into_iter().filter(asks) {
        for choices in [Choices::Indexes, Choices::All] {
            let plan = fresh.store.plan(&statement, choices).await.expect("a plan");
            plans.push_str(&(plan.join("\n") + "\n"));
        }
    }
    let used: HashSet<&str> = words_of(&plans).collect();
    let is_idle = |name: &String| !used.contains(name.as_str()) && name != FOR_THE_AUDIT;
    let idle: Vec<String> = indexes(&fresh).await.into_iter().filter(is_idle).collect();
    assert!(idle.is_empty(), "no statement goes by {idle:#?}");
}

fn is_insert(statement: &Statement) -> bool {
    statement.sql.trim_start().starts_with("insert")
}

fn is_of_everything(statement: &Statement) -> bool {
    WHOLE.iter().any(|name| statement.name.contains(name))
}

/// The indexes that keep nothing unique.
async fn indexes(fresh: &Fresh) -> Vec<String> {
    let named = match fresh.store.engine() {
        EngineName::Sqlite => fixed(
            "indexes",
            "select name from sqlite_master where type = 'index' and sql is not null and sql not like '%unique%'",
        ),
        EngineName::Postgres => fixed(
            "indexes",
            "select indexname::text from pg_indexes where schemaname = 'public' and indexdef not like '%UNIQUE%'",
        ),
    };
    fresh.store.all(&named, vec![]).await.expect("the indexes")
}

async fn nothing_is_read_from_end_to_end(fresh: &Fresh, choices: Choices) {
    let mut findings = Vec::new();
    for statement in hocphi::statements() {
        let plan =
            fresh.store.plan(&statement, choices).await.unwrap_or_else(|error| panic!("{}: {error}", statement.name));
        let of = match fresh.store.engine() {
            EngineName::Sqlite => scanned_by_sqlite(&statement, &plan),
            EngineName::Postgres => scanned_by_postgres(&plan),
        };
        let of = of.into_iter().filter(|table| GROWING.contains(&table.as_str()));
        let is_meant = is_of_everything(&statement);
        findings.extend(of.filter(|_| !is_meant).map(|table| format!("{} reads all of {table}", statement.name)));
    }
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// `Seq Scan on posting p`, or `Index Scan using posting_pkey on posting p` without an `Index Cond` below it: all of an
/// index is all of the table, unless a `Limit` above takes the first of it.
fn scanned_by_postgres(plan: &[String]) -> Vec<String> {
    let is_limited =
        plan.iter().any(|line| line.trim_start().trim_start_matches("->").trim_start().starts_with("Limit"));
    let whole = plan.iter().zip(plan.iter().skip(1).map(Some).chain([None])).filter_map(|(line, below)| {
        // `Index Scan`, `Index Only Scan`, either of them `Backward`.
        let is_index = line.contains("Index ") && line.contains(" using ");
        let is_found = below.is_some_and(|below| below.contains("Index Cond"));
        match line.split_once("Seq Scan on ") {
            Some((_, rest)) => Some(rest),
            None if is_index && !is_found && !is_limited => line.split_once(" on ").map(|(_, rest)| rest),
            None => None,
        }
    });
    whole.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect()
}

/// `SCAN p USING INDEX posting_by_credit`, where the statement says which table `p` is. The plan of an insert also
/// shows where SQLite looks for rows that refer to the new one, among tables the statement does not name; it does so
/// only while some wait for it, and keys are checked at once.
fn scanned_by_sqlite(statement: &Statement, plan: &[String]) -> Vec<String> {
    let tables = tables_of(statement);
    let scans = plan.iter().filter_map(|line| line.strip_prefix("SCAN "));
    let names = scans.filter_map(|rest| rest.split_whitespace().next());
    let names = names.filter(|name| !is_insert(statement) || words_of(statement.sql).any(|word| word == *name));
    names.map(|name| tables.get(name).cloned().unwrap_or_else(|| name.to_owned())).collect()
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// The tables of a statement by the names it gives them.
fn tables_of(statement: &Statement) -> HashMap<String, String> {
    let text = format!("{} {}", statement.sql, statement.tail).replace(['(', ')', ','], " , ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let named = words.windows(4).filter(|window| ["from", "join"].contains(&window[0]));
    named
        .map(|window| {
            let alias = if window[2] == "as" { window[3] } else { window[2] };
            (alias.to_owned(), window[1].to_owned())
        })
        .collect()
}
