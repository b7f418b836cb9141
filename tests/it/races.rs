//! Two writers at the same moment: real transactions that meet on PostgreSQL, and the order that decides on SQLite.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hocphi::fault::{Error, Result};
use hocphi::fees;
use hocphi::ledger::Account;
use hocphi::matching;
use hocphi::store::{Arg, EngineName, Meets, Seam, Statement, StatementKind, Store, Tx};
use hocphi::transact;
use tokio::sync::{Barrier, watch};
use tokio::time::timeout;

use crate::books::Books;
use crate::engines::{self, Fresh, fixed};
use crate::on_both;

on_both!(
    a_key_that_collides_for_ever_comes_out_as_the_fault_it_is,
    after_a_failure_nothing_more_is_done,
    what_goes_together_is_kept_whole_or_not_at_all,
    a_credit_that_is_proved_while_it_is_decided_is_proved_once,
    whenever_a_proof_comes_it_is_posted_once,
    a_credit_that_is_assigned_while_it_is_proved_is_posted_once,
    a_credit_is_decided_by_what_its_invoice_is_when_it_is_written,
);

/// How long the one waits for the other at most.
const PATIENCE: Duration = Duration::from_secs(20);

const fn rows(name: &'static str, sql: &'static str) -> Statement {
    Statement { name, kind: StatementKind::Rows, sql, tail: "" }
}

const TABLES: &str = "create table told (id text primary key); create table taken (id text primary key)";
const TELL: Statement = fixed("races::TELL", "insert into told (id) values ('one')");
const TAKE: Statement = fixed("races::TAKE", "insert into taken (id) values ('one')");
const TOLD: Statement = fixed("races::TOLD", "select id from told");

/// SQLite may end a transaction by itself, and what came after would stand on its own; PostgreSQL refuses by itself.
async fn after_a_failure_nothing_more_is_done(fresh: Fresh) {
    fresh.store.run_raw(TABLES).await.expect("tables");
    let mut tx = fresh.store.begin().await.expect("a transaction");
    tx.run(&TELL, Vec::new()).await.expect("told");
    assert!(tx.run(&TELL, Vec::new()).await.is_err(), "its key is taken");
    assert!(tx.run(&TAKE, Vec::new()).await.is_err(), "it has failed");
    assert!(tx.optional::<String>(&TOLD, Vec::new()).await.is_err(), "nor is anything read");
    assert!(tx.commit().await.is_err(), "nobody is told that it is durable");
    let told: Option<String> = fresh.store.optional(&TOLD, Vec::new()).await.expect("a store");
    assert_eq!(told, None);
    let took = transact!(fresh.store, |tx| tx.run(&TAKE, Vec::new()).await);
    assert_eq!(took.expect("whoever comes next writes"), 1);
}

async fn what_goes_together_is_kept_whole_or_not_at_all(fresh: Fresh) {
    const TELL: Statement = rows("races::TELL_ROWS", "insert into told (id)");
    const TAKE: Statement = rows("races::TAKE_ROWS", "insert into taken (id)");
    const AMONG: Statement =
        Statement { name: "races::AMONG", kind: StatementKind::List, sql: "select id from told where id in", tail: "" };
    let of = |ids: &[&str]| ids.iter().map(|id| vec![Arg::from(*id)]).collect::<Vec<_>>();
    let store = &fresh.store;
    store.run_raw(TABLES).await.expect("tables");
    let insert = |told: &[&str], taken: &[&str], still: &'static [&'static str]| {
        store.insert_first((&AMONG, still), vec![(&TELL, of(told)), (&TAKE, of(taken))])
    };
    assert!(insert(&["a"], &["b", "b"], &[]).await.is_err(), "a key that is there twice");
    assert!(insert(&["a\0"], &["b"], &[]).await.is_err(), "no text");
    assert!(!insert(&["a"], &["b"], &["c"]).await.expect("an answer"), "nothing is there");
    assert_eq!(store.all::<String>(&TOLD, Vec::new()).await.expect("a list"), [""; 0]);
    for (told, taken, still) in [
        (&["a"][..], &["b"][..], &[][..]),
        (&["c", "d"], &[], &["a"]),
        (&[], &["e"], &["a", "c", "d"]),
        (&[], &[], &[]),
        (&[], &[], &["nobody"]),
    ] {
        assert!(insert(told, taken, still).await.expect("kept"), "{still:?}");
    }
    for still in [&["e"][..], &["a", "e"], &["a", "c", "d", "e"]] {
        assert!(!insert(&["f"], &["g"], still).await.expect("an answer"), "{still:?}");
        assert!(!insert(&["f"], &[], still).await.expect("an answer"), "{still:?}");
    }
    let mut told: Vec<String> = store.all(&TOLD, Vec::new()).await.expect("a list");
    told.sort();
    assert_eq!(told, ["a", "c", "d"]);
    let taken =
        transact!(store, |tx| tx.run(&fixed("races::FREE", "delete from taken where id = 'b'"), Vec::new()).await);
    assert_eq!(taken.expect("freed"), 1);
}

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

/// A statement proves what is being decided at that moment: whichever commits first, the money goes to the bank once.
async fn a_credit_that_is_proved_while_it_is_decided_is_proved_once(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(100_000).await;
    let mut credits = Vec::new();
    for _ in 0..30 {
        credits.push(books.credit(7, Some(&owed.reference)).await);
    }
    let (store, vault, clock) = (&books.store, &books.vault, &books.clock);
    let decide = async || while matching::drain(store, vault, clock).await.expect("a batch") > 0 {};
    let prove = async || {
        for credit in &credits {
            transact!(store, |tx| prove_in(tx, credit).await).expect("proved");
        }
    };
    tokio::join!(decide(), prove(), decide());
    decide().await;
    let told = i64::try_from(credits.len()).expect("few") * 7;
    assert_eq!((books.balance(Account::Clearing).await, books.balance(Account::Bank).await), (0, told));
    for credit in &credits {
        assert_eq!(kinds(store, credit).await, ["proved", "received"]);
    }
    books.assert_sound().await;
}

/// The same, in every order of the single steps.
async fn whenever_a_proof_comes_it_is_posted_once(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(100_000).await;
    let (store, vault, clock) = (&books.store, &books.vault, &books.clock);
    let decide = async || while matching::drain(store, vault, clock).await.expect("a batch") > 0 {};
    for decided_before in [false, true] {
        for proved_twice in [false, true] {
            for doubt in ["", "maybe_same_credit"] {
                let credit = books.credit_of(7, Some(&owed.reference), "acc_1", doubt, "").await;
                if decided_before {
                    decide().await;
                }
                transact!(store, |tx| prove_in(tx, &credit).await).expect("proved");
                if proved_twice {
                    decide().await;
                    transact!(store, |tx| prove_in(tx, &credit).await).expect("the same again");
                }
                decide().await;
                let case = format!("{decided_before} {proved_twice} {doubt:?}");
                assert_eq!(kinds(store, &credit).await, ["proved", "received"], "{case}");
            }
        }
    }
    assert_eq!((books.balance(Account::Clearing).await, books.balance(Account::Bank).await), (0, 8 * 7));
    books.assert_sound().await;
}

/// A person gives a held credit to an invoice while a statement proves it and matching looks at it again.
async fn a_credit_that_is_assigned_while_it_is_proved_is_posted_once(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(100_000).await;
    let mut credits = Vec::new();
    for doubt in ["", "maybe_same_credit"].repeat(8) {
        credits.push(books.credit_of(7, None, "acc_1", doubt, "").await);
    }
    books.drain().await;
    let (store, vault, clock) = (&books.store, &books.vault, &books.clock);
    let decide = async || while matching::drain(store, vault, clock).await.expect("a batch") > 0 {};
    let assign = async || {
        for credit in &credits {
            books.assign(credit, &owed.id).await.expect("assigned");
        }
    };
    let prove = async || {
        for credit in &credits {
            transact!(store, |tx| prove_in(tx, credit).await).expect("proved");
            decide().await;
        }
    };
    tokio::join!(assign(), prove());
    decide().await;
    let told = i64::try_from(credits.len()).expect("few") * 7;
    assert_eq!((books.balance(Account::Clearing).await, books.balance(Account::Bank).await), (0, told));
    for credit in &credits {
        assert_eq!(kinds(store, credit).await, ["applied", "proved", "received"]);
    }
    books.assert_sound().await;
}

/// Tells how often somebody asked the store for something, or to begin.
struct Asks(watch::Sender<usize>);

impl Seam for Asks {
    fn is_away(&self) -> bool {
        self.0.send_modify(|asks| *asks += 1);
        false
    }

    fn commit(&self) -> Meets {
        Meets::Nothing
    }
}

/// Matching has read what an invoice asks, and waits for somebody who takes it back, or brings it back, at that moment.
async fn a_credit_is_decided_by_what_its_invoice_is_when_it_is_written(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (vault, clock) = (&books.vault, &books.clock);
    let (asks, mut asked) = watch::channel(0);
    let store = books.store.with_seam(Arc::new(Asks(asks)));
    let owed = books.invoice(10).await;
    books.credit(600, Some(&owed.reference)).await;
    assert_eq!(matching::drain(&store, vault, clock).await.expect("a batch"), 1);
    // The last that is asked is to begin; everything was read by then.
    let most = *asked.borrow_and_update();
    for was_void in [false, true] {
        let owed = books.invoice(10).await;
        if was_void {
            fees::void_invoice(&books.store, clock, &owed.id, "per_1", "nhầm lớp").await.expect("void");
        }
        let credit = books.credit(600, Some(&owed.reference)).await;
        let mut tx = books.store.begin().await.expect("a transaction");
        if was_void {
            fees::reinstate_invoice_in(&mut tx, &owed.id, clock.now(), "per_1", "đúng lớp").await.expect("back");
        } else {
            fees::void_invoice_in(&mut tx, &owed.id, clock.now(), "per_1", "nhầm lớp").await.expect("void");
        }
        let before = *asked.borrow_and_update();
        let write = async {
            let begins = asked.wait_for(|asks| *asks >= before + most);
            drop(timeout(PATIENCE, begins).await.expect("it begins").expect("a store"));
            tx.commit().await
        };
        let (decided, written) = tokio::join!(matching::drain(&store, vault, clock), write);
        assert_eq!(decided.expect("a batch"), 1);
        // Where matching is first on PostgreSQL, the other writer has to look again.
        let is_void = written.is_ok() != was_void;
        let expected = if is_void { "hold invoice_not_open" } else { "part" };
        assert_eq!(books.decision(&credit).await, expected, "{was_void} {written:?}");
        books.assert_sound().await;
    }
}

const PROOF: Statement = fixed("races::PROOF", "insert into credit_proof values ($1, $2, 0) on conflict do nothing");
const FILE: Statement = fixed(
    "races::FILE",
    "insert into statement_file (id, account_id, sha256, name_sealed, lines, received_at, received_by)
     values ($1, 'acc_1', $1, $2, 1, 0, 'per_1') on conflict do nothing",
);
const LINE: Statement = fixed(
    "races::LINE",
    "insert into statement_line (id, file_id, account_id, file_row, day, value_at, amount, reference, memo_sealed,
        chain_key)
     values ($1, $1, 'acc_1', 1, '2026-11-22', 0, 7, '', $2, $1) on conflict do nothing",
);

/// What the inbox writes when a statement shows a credit, with the very statement that asks matching to look again.
async fn prove_in(tx: &mut Tx, credit: &str) -> Result<()> {
    let id = || Arg::from(format!("lin_{credit}"));
    let nothing = || Arg::from(Vec::<u8>::new());
    tx.run(&FILE, vec![id(), nothing()]).await?;
    tx.run(&LINE, vec![id(), nothing()]).await?;
    tx.run(&PROOF, vec![Arg::from(credit), id()]).await?;
    let mark = hocphi::statements().into_iter().find(|statement| statement.name.ends_with("::MARK_UNDECIDED"));
    tx.insert_many(&mark.expect("the inbox marks"), vec![vec![Arg::from(credit), Arg::from(0_i64)]]).await?;
    Ok(())
}

/// What of a credit is in the books.
async fn kinds(store: &Store, credit: &str) -> Vec<String> {
    let of = fixed("races::KINDS", "select kind from entry where credit_id = $1 order by kind");
    store.all(&of, vec![Arg::from(credit)]).await.expect("entries")
}
