//! The program is ended fifty times while it is told of money, and nothing that was answered is lost.

use hocphi::simulate::crash::{Crash, play};

use crate::engines::Fresh;
use crate::on_both;

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

on_both!(what_was_answered_outlives_fifty_ends_of_the_program);
