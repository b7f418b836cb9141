//! The program ends at commits of a school's day, before and after them, and the day ends as if it had not.

use hocphi::simulate::boundary::{Boundaries, play};

use crate::engines;
use crate::town::folder;

/// The test run stops at each so manieth place, `simulate boundaries` at all of them. An odd number meets both sides of
/// commits: the places are before the first, after it, before the second, and so on.
const EVERY_ON_SQLITE: usize = 3;
const EVERY_ON_POSTGRES: usize = 11;

async fn stops_at_each(server: Option<String>, every: usize) {
    let folder = folder();
    let program = env!("CARGO_BIN_EXE_hocphi").into();
    let boundaries = Boundaries { program, server, folder: folder.path().to_owned(), every, at_once: 2 };
    let outcome = play(&boundaries).await.expect("played");
    println!("{} commits; ended at each {every}. place: {} times", outcome.commits, outcome.stops);
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
    assert!(outcome.commits > 50, "{outcome:?}");
    assert_eq!(outcome.stops, (outcome.commits * 2).div_ceil(every as u64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_commits_all_over_a_day_the_program_may_end() {
    stops_at_each(None, EVERY_ON_SQLITE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_commits_all_over_a_day_on_postgres_the_program_may_end() {
    let Some(fresh) = engines::postgres().await else { return };
    stops_at_each(Some(fresh.address), EVERY_ON_POSTGRES).await;
}
