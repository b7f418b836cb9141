//! The books of a file move to PostgreSQL: every row is there, and at most one of the two opens for work.

use hocphi::ledger;
use hocphi::money::Dong;
use hocphi::simulate::bank::{self, Habit};
use hocphi::simulate::city;
use hocphi::store::{Copied, Store};

use crate::engines;
use crate::world::{EVERYBODY, World};

/// A file with paid and held money, served, and an empty PostgreSQL.
async fn served() -> Option<(World, String, String)> {
    let to = engines::postgres().await?;
    // What the server of the tests has migrated already is no empty database.
    to.store.run_raw("drop schema public cascade; create schema public").await.expect("an empty database");
    let fresh = engines::sqlite().await;
    let from = fresh.address.clone();
    let mut world = World::start(fresh).await;
    for (at, who) in EVERYBODY.into_iter().enumerate() {
        world.pay(who, if at % 3 == 0 { Habit::Short(Dong::new(10_000)) } else { Habit::Exact }).await;
    }
    world.settle().await;
    Some((world, from, to.address))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_moves_and_the_file_takes_nothing_any_more() {
    let Some((mut world, from, to)) = served().await else { return };
    let before = city::progress(&world.house.store).await.expect("counted");
    assert!(before.posted > 0, "{before:?}");
    let copied = Copied::make(&from, &to).await.expect("copied");
    assert!(copied.rows > 100, "{} rows", copied.rows);
    let refused = Store::open(&to).await.expect("open").check_version().await.expect_err("not whole yet");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("copy-unfinished"));
    copied.open_for_all().await.expect("moved");

    let store = Store::open(&to).await.expect("open");
    store.check_version().await.expect("whole");
    assert_eq!(city::progress(&store).await.expect("counted"), before);
    let findings = ledger::audit(&store).await.expect("an audit");
    assert!(findings.iter().all(ledger::Finding::holds), "{findings:#?}");
    store.run_raw("update entry set kind = kind").await.expect_err("what is only appended to stays so");

    // Whoever still serves the file asks the bank to come again, and nobody starts on it.
    world.scan(EVERYBODY[0], Habit::Exact).await;
    let transfer = world.bank.transfers().last().expect("a transfer").clone();
    let client = bank::client().expect("a client");
    let status = bank::tell(&client, &world.hook(), &transfer, world.clock.now()).await.expect("an answer");
    assert_eq!(status, 503);
    for refused in [Store::open(&from).await.expect("open").migrate().await, Copied::make(&from, &to).await.map(drop)] {
        assert_eq!(refused.expect_err("it moved").refusal().map(|refusal| refusal.code), Some("store-moved"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_is_cut_off_leaves_the_file_and_is_done_again() {
    let Some((world, from, to)) = served().await else { return };
    // Dropped before it is opened: as good as a power cut.
    drop(Copied::make(&from, &to).await.expect("copied"));
    let kept = city::progress(&world.house.store).await.expect("counted");
    Store::open(&from).await.expect("open").migrate().await.expect("the file is the books");
    assert!(Store::open(&to).await.expect("open").migrate().await.is_err(), "the copy is not");
    Copied::make(&from, &to).await.expect("copied again").open_for_all().await.expect("moved");
    let store = Store::open(&to).await.expect("open");
    store.migrate().await.expect("now it is");
    assert_eq!(city::progress(&store).await.expect("counted"), kept);

    // Cut off between the two marks: the file has moved, and the copy does not know yet.
    let path = std::fs::canonicalize(from.trim_start_matches("sqlite://")).expect("a path");
    let state = format!("arriving {}", hocphi::seal::token_hash(&path.to_string_lossy()));
    let marked = format!("create table moving (state text not null); insert into moving values ('{state}')");
    store.run_raw(&marked).await.expect("ran");
    assert!(store.migrate().await.is_err(), "nothing opens");
    // Somebody else's file does not take these books for a copy of its own that was cut off.
    let other = engines::sqlite().await;
    let refused = Copied::make(&other.address, &to).await.map(drop).expect_err("another file");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("database-not-empty"));
    let told = Copied::make(&from, &to).await.map(drop).expect_err("nothing is left to copy");
    assert_eq!(told.refusal().map(|refusal| refusal.code), Some("store-moved"));
    store.migrate().await.expect("the copy is the books");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_move_into_an_empty_postgres_only() {
    let Some(full) = engines::postgres().await else { return };
    let file = engines::sqlite().await;
    let codes = [
        (&file.address, &full.address, "database-not-empty"),
        (&full.address, &file.address, "copy-of-other-engines"),
        (&file.address, &file.address, "copy-of-other-engines"),
    ];
    for (from, to, code) in codes {
        let refused = Copied::make(from, to).await.map(drop).expect_err(code);
        assert_eq!(refused.refusal().map(|refusal| refusal.code), Some(code));
    }
    file.store.check_version().await.expect("the file is as it was");
}
