//! The program is ended fifty times while it is told of money, and nothing that was answered is lost.

use hocphi::simulate::city;
use hocphi::simulate::crash::{Crash, play};
use hocphi::store::{Statement, StatementKind, Store};

use crate::engines::Fresh;
use crate::on_both;
use crate::town::Town;

/// Work that is done by one of several: runs, credits, feed, orders, promises, sweep.
const LEASES: i64 = 6;
/// How soon after a death others go on.
const TAKEN_OVER_MS: i64 = 5_000;

async fn loses_nothing(fresh: Fresh, kills: u64, servers: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let crash = Crash {
        program: env!("CARGO_BIN_EXE_hocphi").into(),
        database: fresh.address.clone(),
        folder: folder.path().to_owned(),
        seed: 4,
        kills,
        servers,
        database_too: None,
    };
    let outcome = play(&crash).await.expect("played");
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    assert_eq!(outcome.transfers, kills * 50);
    assert!(outcome.unanswered > 0, "nobody was interrupted: {outcome:?}");
}

async fn what_was_answered_outlives_fifty_ends_of_the_program(fresh: Fresh) {
    loses_nothing(fresh, 50, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_that_serve_one_database_any_may_end() {
    if let Some(fresh) = crate::engines::postgres().await {
        loses_nothing(fresh, 10, 3).await;
    }
}

async fn asked(store: &Store, sql: &'static str) -> i64 {
    let statement = Statement { name: "a lease", kind: StatementKind::Fixed, sql, tail: "" };
    store.one(&statement, Vec::new()).await.expect("a number")
}

/// Who holds every lease dies without a word; who is left posts what it is told, and gives it its place in the feed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_left_goes_on_within_five_seconds_of_a_death() {
    const NOW: &str = "select cast(extract(epoch from clock_timestamp()) * 1000 as bigint)";
    let Some(fresh) = crate::engines::postgres().await else { return };
    let mut town = Town::build(fresh.address.clone()).await;
    let mut first = town.serve().await.expect("it starts");
    while asked(&fresh.store, "select count(*) from lease where expires_at > 0").await < LEASES {}
    let second = town.serve().await.expect("it starts");
    assert_eq!(town.tell_new(&second).await, Some(200));
    while city::progress(&fresh.store).await.expect("counted").waiting > 0 {}
    assert_eq!(asked(&fresh.store, "select count(distinct holder) from lease").await, 1, "one holds them all");

    let died = asked(&fresh.store, NOW).await;
    first.child.kill().await.expect("killed");
    assert_eq!(town.tell_new(&second).await, Some(200));
    while city::progress(&fresh.store).await.expect("counted").waiting > 0
        || asked(&fresh.store, "select count(*) from unsequenced").await > 0
    {}
    let after = asked(&fresh.store, NOW).await - died;
    println!("posted and placed {after} ms after the death");
    assert!(after < TAKEN_OVER_MS, "{after} ms");
    second.end().await;
    town.judge().await;
}

on_both!(what_was_answered_outlives_fifty_ends_of_the_program);
