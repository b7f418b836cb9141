//! PostgreSQL and machines that vanish without a word: what the dead held is free, whoever waits for a server that is
//! gone goes on, and whoever waits for one that works goes on waiting.

use std::time::{Duration, Instant};

use hocphi::fault::{Error, Result};
use hocphi::inbox::Keeper;
use hocphi::providers::Outcome;
use hocphi::store::{Statement, Store, Wake};
use hocphi::transact;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::engines::{self, fixed};
use crate::inbox::{Stage, stage, transfer, vault};

/// Connections of one process, but those of the banks' own ways.
const ALL_CONNECTIONS: usize = 12;

const WORK: &str = "create table work (id text primary key); insert into work values ('one')";
const TAKE: Statement = fixed("silence::TAKE", "delete from work");
const LOOK: Statement = fixed("silence::LOOK", "select id from work");
const WORK_LONG: Statement = fixed("silence::WORK_LONG", "select cast(1 as bigint) from pg_sleep(25)");

/// To the server a machine that died in the middle of a transaction is one that asks nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_dead_held_is_free_within_five_seconds() {
    let Some(fresh) = engines::postgres().await else { return };
    fresh.store.run_raw(WORK).await.expect("work");
    let dead = Store::open(&fresh.address).await.expect("the database");
    let mut held = dead.begin().await.expect("a transaction");
    assert_eq!(held.run(&TAKE, Vec::new()).await.expect("taken"), 1);
    let died = Instant::now();
    let taken: Result<u64> = transact!(fresh.store, |tx| tx.run(&TAKE, Vec::new()).await);
    assert_eq!(taken.expect("taken over"), 1);
    let after = died.elapsed();
    println!("taken over {} ms after the death", after.as_millis());
    assert!(after < Duration::from_secs(5), "{after:?}");
    // Had he only slept, he would find out, and do it again.
    let late = held.commit().await;
    assert!(matches!(late, Err(Error::Contended)), "{late:?}");
}

/// The keeper compares much before it writes anything, and nobody waits for it meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keeper_may_think_for_longer() {
    let Some(fresh) = engines::postgres().await else { return };
    fresh.store.run_raw(WORK).await.expect("work");
    let mut kept = fresh.store.begin_first().await.expect("a transaction");
    sleep(Duration::from_secs(6)).await;
    assert_eq!(kept.run(&TAKE, Vec::new()).await.expect("taken"), 1);
    kept.commit().await.expect("kept");
}

/// The way to a server, which can be made to carry nothing any more without ending anything.
struct Way {
    address: String,
    silence: watch::Sender<()>,
}

impl Way {
    async fn to(address: &str) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let (user, rest) = address.split_once('@').expect("a user");
        let (server, database) = rest.split_once('/').expect("a database");
        let (server, silence) = (server.to_owned(), watch::Sender::new(()));
        let way = Way { address: format!("{user}@{at}/{database}"), silence: silence.clone() };
        tokio::spawn(async move {
            loop {
                let (mut from, _) = listener.accept().await.expect("a connection");
                let mut to = TcpStream::connect(&server).await.expect("the server");
                let mut silenced = silence.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
                        _ = silenced.changed() => std::future::pending().await,
                    }
                });
            }
        });
        way
    }

    /// The machine behind all connections is gone; who comes from now on is led to another.
    fn silence(&self) {
        self.silence.send_replace(());
    }
}

fn is_away<T>(outcome: Result<T>) -> bool {
    outcome.err().and_then(|error| error.refusal().map(|refusal| refusal.code)) == Some("store-away")
}

/// All connections are in the middle of something when their server vanishes. None of them is waited for for ever, and
/// none is kept that nobody will ever answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_vanishes_is_given_up_and_found_again() {
    let Some(fresh) = engines::postgres().await else { return };
    fresh.store.run_raw(WORK).await.expect("work");
    let stage = stage(&fresh).await;
    let way = Way::to(&fresh.address).await;
    let store = Store::open(&way.address).await.expect("the database");
    let mut begun = Vec::new();
    for _ in 0..ALL_CONNECTIONS {
        begun.push(store.begin().await.expect("a transaction"));
    }
    way.silence();
    let asked = begun.iter_mut().map(|tx| timeout(Duration::from_mins(1), tx.all::<String>(&LOOK, Vec::new())));
    for answer in futures_util::future::join_all(asked).await {
        assert!(is_away(answer.expect("nobody waits for ever")));
    }
    drop(begun);
    let again = async { while store.begin().await.is_err() {} };
    timeout(Duration::from_mins(1), again).await.expect("what is closed is replaced");
    let keeper = Keeper::start(store.clone(), vault(&store), stage.clock.clone(), Wake::new());
    let stage = Stage { store, keeper, ..stage };
    assert_eq!(stage.tell(&stage.sepay, &transfer(1, "").sepay()).await, Outcome::New);
}

/// A bank is asked to come again while the server is gone, and is served by the one that follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keeper_goes_on_after_its_server_vanished() {
    let Some(fresh) = engines::postgres().await else { return };
    let stage = stage(&fresh).await;
    let way = Way::to(&fresh.address).await;
    let store = Store::open(&way.address).await.expect("the database");
    let keeper = Keeper::start(store.clone(), vault(&store), stage.clock.clone(), Wake::new());
    let stage = Stage { store, keeper, ..stage };
    assert_eq!(stage.tell(&stage.sepay, &transfer(1, "").sepay()).await, Outcome::New);
    way.silence();
    let told = timeout(Duration::from_mins(1), stage.keep(&stage.sepay, &transfer(2, "").sepay())).await;
    assert!(is_away(told.expect("nobody waits for ever")));
    let again = async {
        loop {
            match stage.keep(&stage.sepay, &transfer(2, "").sepay()).await {
                Ok(kept) => return kept.outcome,
                told => assert!(is_away(told)),
            }
        }
    };
    assert_eq!(timeout(Duration::from_mins(1), again).await.expect("kept"), Outcome::New);
}

/// Nothing is given up that the server works on, however long that takes: a commit that waits for its standby least of
/// all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_worked_for_is_waited_for() {
    let Some(fresh) = engines::postgres().await else { return };
    let read = fresh.store.one::<i64>(&WORK_LONG, Vec::new());
    let written = async {
        sleep(Duration::from_secs(1)).await;
        transact!(fresh.store, |tx| tx.one::<i64>(&WORK_LONG, Vec::new()).await)
    };
    let (read, written) = tokio::join!(read, written);
    assert_eq!((read.expect("an answer"), written.expect("an answer")), (1, 1));
}
