//! Two writers at the same moment: real transactions that meet on PostgreSQL, and the order that decides on SQLite.

use std::sync::atomic::{AtomicUsize, Ordering};

use hocphi::fault::{Error, Result};
use hocphi::store::{EngineName, Statement, StatementKind, Store};
use hocphi::transact;
use tokio::sync::Barrier;

use crate::engines::{self, Fresh};
use crate::on_both;

on_both!(a_key_that_collides_for_ever_comes_out_as_the_fault_it_is);

const fn fixed(name: &'static str, sql: &'static str) -> Statement {
    Statement { name, kind: StatementKind::Fixed, sql, tail: "" }
}

const TABLES: &str = "create table told (id text primary key); create table taken (id text primary key)";
const TELL: Statement = fixed("races::TELL", "insert into told (id) values ('one')");
const TAKE: Statement = fixed("races::TAKE", "insert into taken (id) values ('one')");
const TOLD: Statement = fixed("races::TOLD", "select id from told");

/// Takes the key unless somebody told of it: right on its own, and right beside its twin only when run again.
async fn take_once(store: &Store, runs: &AtomicUsize, both_looked: &Barrier) -> Result<&'static str> {
    transact!(store, |tx| {
        let told: Option<String> = tx.optional(&TOLD, Vec::new()).await?;
        if runs.fetch_add(1, Ordering::SeqCst) == 0 {
            both_looked.wait().await;
        }
        if told.is_some() {
            Ok("told")
        } else {
            tx.run(&TAKE, Vec::new()).await?;
            tx.run(&TELL, Vec::new()).await?;
            Ok("taken")
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_writers_with_one_key_the_later_reads_again_and_meets_the_earlier() {
    let Some(fresh) = engines::postgres().await else { return };
    fresh.store.run_raw(TABLES).await.expect("tables");
    let (first, second, both_looked) = (AtomicUsize::new(0), AtomicUsize::new(0), Barrier::new(2));
    let (one, other) =
        tokio::join!(take_once(&fresh.store, &first, &both_looked), take_once(&fresh.store, &second, &both_looked));
    let mut outcomes = [one.expect("a first or a second"), other.expect("a first or a second")];
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["taken", "told"]);
    assert_eq!(first.into_inner() + second.into_inner(), 3, "one of them ran again, once");
}

/// PostgreSQL really says 23505 here; were it 40001, the test above would prove nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_running_again_the_later_writer_is_told_of_a_collision() {
    let Some(fresh) = engines::postgres().await else { return };
    fresh.store.run_raw(TABLES).await.expect("tables");
    let mut earlier = fresh.store.begin().await.expect("a transaction");
    let mut later = fresh.store.begin().await.expect("a transaction");
    let nothing: Option<String> = later.optional(&TOLD, Vec::new()).await.expect("a look");
    assert_eq!(nothing, None);
    earlier.run(&TAKE, Vec::new()).await.expect("taken");
    earlier.commit().await.expect("durable");
    match later.run(&TAKE, Vec::new()).await {
        Err(Error::Fault(fault)) => assert!(fault.may_be_race() && fault.to_string().contains("23505"), "{fault}"),
        other => panic!("a collision: {other:?}"),
    }
}

async fn a_key_that_collides_for_ever_comes_out_as_the_fault_it_is(fresh: Fresh) {
    fresh.store.run_raw(TABLES).await.expect("tables");
    transact!(fresh.store, |tx| tx.run(&TAKE, Vec::new()).await).expect("the first");
    let runs = AtomicUsize::new(0);
    let again: Result<u64> = transact!(fresh.store, |tx| {
        runs.fetch_add(1, Ordering::SeqCst);
        tx.run(&TAKE, Vec::new()).await
    });
    assert!(matches!(again, Err(Error::Fault(_))), "{again:?}");
    let most = if fresh.store.engine() == EngineName::Sqlite { 1 } else { 5 };
    assert_eq!(runs.into_inner(), most);
}
