//! `hocphi audit` and `hocphi export`, as a script sees them: what is printed, and the exit code.

use std::process::{Command, Output, Stdio};

use hocphi::simulate::bank::Habit;

use crate::engines;
use crate::world::{AN_NHIEN, GIA_HUY, World};

fn hocphi(database: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hocphi"))
        .args(arguments)
        .args(["--database", database])
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_exits_0_while_the_books_agree_and_1_with_the_rows_when_they_do_not() {
    let fresh = engines::sqlite().await;
    let (store, database) = (fresh.store.clone(), fresh.address.clone());
    let mut world = World::start(fresh).await;
    world.pay(AN_NHIEN, Habit::Exact).await;
    let sound = hocphi(&database, &["audit"]);
    assert_eq!(sound.status.code(), Some(0), "{sound:?}");
    let lines = printed(&sound);
    assert!(lines.lines().count() > 3 && lines.lines().all(|line| line.starts_with("holds   ")), "{lines}");

    let forged = "insert into entry (id, school_id, kind, cause, day, at, credit_id, invoice_id, reverses, actor, note)
        select 'ent_forged', school_id, kind, 'received:forged', day, at, credit_id, invoice_id, null, actor, note
        from entry where kind = 'received';
        insert into posting (entry_id, position, account, amount) values ('ent_forged', 1, 'bank', 5)";
    let forged = store.run_raw(forged).await;
    forged.expect("a posting with no other side");
    let broken = hocphi(&database, &["audit"]);
    assert_eq!(broken.status.code(), Some(1));
    let lines = printed(&broken);
    assert!(lines.lines().any(|line| line.starts_with("BROKEN  ")) && lines.contains("ent_forged"), "{lines}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_are_exported_whole_and_a_wrong_question_is_answered_with_its_exit_code() {
    let fresh = engines::sqlite().await;
    let database = fresh.address.clone();
    let mut world = World::start(fresh).await;
    world.pay(AN_NHIEN, Habit::Exact).await;
    world.pay(GIA_HUY, Habit::Exact).await;
    let days = ["--from", "2026-11-23", "--to", "2026-11-23"];
    let receipts = hocphi(&database, &[&["export", "receipts", "--format", "csv"][..], &days].concat());
    assert_eq!(receipts.status.code(), Some(0), "{receipts:?}");
    let rows = printed(&receipts);
    assert_eq!(rows.lines().count(), 3, "a heading and two receipts: {rows}");
    assert!(rows.lines().skip(1).all(|row| row.contains(",1120000,") && row.ends_with(",valid")), "{rows}");

    let revenue = hocphi(&database, &[&["export", "revenue", "--format", "ndjson"][..], &days].concat());
    assert_eq!(revenue.status.code(), Some(0), "{revenue:?}");
    let cells = printed(&revenue);
    let cells = cells.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let collected: i64 = cells.map(|cell| cell["collected"].as_i64().expect("an amount")).sum();
    assert_eq!(collected, 2 * 1_120_000);

    let journal = hocphi(&database, &["export", "journal", "--format", "csv"]);
    assert_eq!(journal.status.code(), Some(0), "{journal:?}");
    assert!(printed(&journal).lines().count() > 10);

    let backwards = ["export", "receipts", "--format", "csv", "--from", "2026-11-23", "--to", "2026-11-22"];
    let unknown = ["export", "journal", "--format", "xml"];
    let no_day = ["export", "revenue", "--format", "csv", "--from", "yesterday", "--to", "2026-11-22"];
    for (arguments, code) in [(&backwards[..], 2), (&unknown, 2), (&no_day, 2)] {
        let refused = hocphi(&database, arguments);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {refused:?}");
        assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{arguments:?}");
    }
    let absent = hocphi("sqlite:///nowhere/hocphi.db", &["audit"]);
    assert_eq!(absent.status.code(), Some(1), "{absent:?}");
}
