//! SQLite's journal begins anew while many write, and nobody who writes to it loses anything.

use hocphi::store::{Arg, Statement, StatementKind, Store};
use hocphi::transact;

use crate::town::folder;

/// A megabyte in rows of ten kilobytes.
const ROWS: i64 = 100;
/// So many of them by whoever works through much.
const BATCHES: i64 = 250;
/// The journal is to begin anew at 64 MB; what is written while it is made ready is beside that.
const LONGEST: u64 = 128 << 20;

const ADD: Statement =
    Statement { name: "a filler", kind: StatementKind::Rows, sql: "insert into filler (number, body)", tail: "" };
const COUNT: Statement =
    Statement { name: "how many", kind: StatementKind::Fixed, sql: "select count(*) from filler", tail: "" };

fn rows(from: i64, count: i64, size: usize) -> Vec<Vec<Arg>> {
    (from..from + count).map(|number| vec![Arg::from(number), Arg::from(vec![7_u8; size])]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_begins_anew_while_others_write() {
    let folder = folder();
    let file = folder.path().join("hocphi.db");
    let store = Store::open(&format!("sqlite://{}", file.display())).await.expect("a database");
    store.run_raw("create table filler (number integer primary key, body blob not null)").await.expect("a table");
    let first = store.clone();
    let much = async {
        for batch in 0..BATCHES {
            transact!(store, |tx| tx.insert_many(&ADD, rows(batch * ROWS, ROWS, 10_000)).await).expect("kept");
        }
    };
    let little = tokio::spawn(async move {
        let mut kept = 0_i64;
        for number in 1..=BATCHES * 4 {
            let mut tx = first.begin_first().await.expect("its turn");
            kept += i64::try_from(tx.insert_many(&ADD, rows(-number, 1, 100)).await.expect("added")).expect("one");
            tx.commit().await.expect("durable");
        }
        kept
    });
    much.await;
    assert_eq!(little.await.expect("no panic"), BATCHES * 4);
    let journal = std::fs::metadata(format!("{}-wal", file.display())).expect("the journal").len();
    println!("after {} MB the journal has {} MB", BATCHES, journal >> 20);
    assert!(journal < LONGEST, "the journal has {journal} bytes");
    assert_eq!(store.one::<i64>(&COUNT, Vec::new()).await.expect("counted"), BATCHES * (ROWS + 4));
    store.close().await;
}
