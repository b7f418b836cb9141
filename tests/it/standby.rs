//! PostgreSQL with a standby that every commit waits for: the primary dies with everything it has, the standby takes
//! its place, and nothing that was answered is lost.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use hocphi::simulate::city;
use hocphi::simulate::crash::{Crash, play};
use hocphi::store::{Statement, StatementKind, Store};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::engines;
use crate::town::{Served, Town, folder};

/// How `tests/standby` ends where PostgreSQL is not installed.
const NOT_INSTALLED: i32 = 3;

/// A primary and its standby, gone when the test is.
struct Pair {
    folder: TempDir,
}

impl Pair {
    /// Both, and the primary's address; nothing where PostgreSQL is not installed and this is not CI.
    fn start() -> Option<(Pair, String)> {
        let pair = Pair { folder: folder() };
        let started = pair.command("start").output().expect("tests/standby runs");
        if started.status.code() == Some(NOT_INSTALLED) {
            assert!(std::env::var("CI").is_err(), "CI must have PostgreSQL: the standby may not be skipped there");
            eprintln!("SKIPPED: PostgreSQL is not installed, so no primary died (tests/run installs it)");
            return None;
        }
        assert!(started.status.success(), "{started:?}");
        Some((pair, address(&started.stdout)))
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(script());
        command.arg(what).arg(self.folder.path()).stdin(Stdio::null()).stderr(Stdio::inherit());
        command
    }

    /// Makes something happen to the two, and tells where the primary is then.
    fn now(&self, what: &str) -> String {
        let done = self.command(what).output().expect("tests/standby runs");
        assert!(done.status.success(), "{what}: {done:?}");
        address(&done.stdout)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // A test that stopped where it was surprised says more than what can be said here.
        drop(self.command("stop").status());
    }
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/standby")
}

fn address(printed: &[u8]) -> String {
    String::from_utf8_lossy(printed).trim().to_owned()
}

/// Kills the primary again and again while two serve and are told of money.
async fn dies_again_and_again(pair: &Pair, database: String, kills: u64, ends: &str) {
    let folder = folder();
    let crash = Crash {
        program: env!("CARGO_BIN_EXE_hocphi").into(),
        database,
        folder: folder.path().to_owned(),
        seed: 5,
        kills,
        servers: 2,
        database_too: Some(format!("{} over {} {ends}", script().display(), pair.folder.path().display())),
    };
    let outcome = play(&crash).await.expect("played");
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
    assert_eq!(outcome.transfers, crash.kills * 50);
    assert!(outcome.databases_ended >= 2, "{outcome:?}");
    assert!(outcome.unanswered > 0, "nobody was interrupted: {outcome:?}");
}

/// Whoever serves is pointed at the new primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_takes_nothing_with_it_that_was_answered() {
    let Some((pair, database)) = Pair::start() else { return };
    dies_again_and_again(&pair, database, 8, "").await;
}

/// Whoever serves has an address that always leads to the primary, and goes on by himself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_one_address_the_gateways_go_on_by_themselves() {
    let Some((pair, _)) = Pair::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let proxy = tokio::spawn(lead_to_primary(listener, pair.folder.path().to_owned()));
    dies_again_and_again(&pair, format!("postgres://hocphi@{at}/postgres"), 8, "> /dev/null").await;
    proxy.abort();
}

/// Leads each new connection to whoever is the primary when it comes.
async fn lead_to_primary(listener: TcpListener, pair: PathBuf) {
    let read = |name: &str| std::fs::read_to_string(pair.join(name)).expect("what tests/standby wrote");
    loop {
        let (mut from, _) = listener.accept().await.expect("a connection");
        let port: u16 = read(&format!("{}.port", read("primary").trim())).trim().parse().expect("a port");
        tokio::spawn(async move {
            // Where nobody listens, whoever asked is told so by the end of his connection.
            if let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await {
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            }
        });
    }
}

/// How many deliveries are committed here and wait for the standby; until then others do not see them.
const WAITING: Statement = Statement {
    name: "deliveries that wait for the standby",
    kind: StatementKind::Fixed,
    sql:
        "select count(*) from pg_stat_activity a join pg_locks l on l.pid = a.pid join pg_class c on c.oid = l.relation
        where a.wait_event = 'SyncRep' and c.relname = 'delivery'",
    tail: "",
};

/// Tells of a transfer until that is kept by the primary and waits for the standby; nobody may be answered meanwhile.
async fn until_it_waits(town: &Town, served: &Served, store: &Store, serial: u64) {
    let tells = async {
        loop {
            let answer = city::ask(served.at, &town.request(serial)).await;
            assert_ne!(answer, Some(200), "transfer {serial} was answered, and the standby does not have it");
        }
    };
    let waits = async { while store.one::<i64>(&WAITING, Vec::new()).await.expect("counted") == 0 {} };
    let waits = timeout(Duration::from_mins(1), waits);
    tokio::select! {
        () = tells => {}
        waited = waits => waited.expect("a delivery waits for the standby"),
    }
}

/// After a start the primary shows what it committed and its standby never had. A bank that tells of it again is not
/// answered from that either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_standby_has_not_is_answered_to_nobody() {
    let Some((pair, database)) = Pair::start() else { return };
    let mut town = Town::build(database).await;
    let served = town.serve().await.expect("it starts");
    assert_eq!(town.tell_new(&served).await, Some(200));
    pair.now("away");
    let primary = Store::open(&town.database).await.expect("the primary");
    until_it_waits(&town, &served, &primary, 1).await;
    pair.now("crash");
    assert_eq!(town.there(&primary, &[0, 1]).await, 2, "it is shown after the start");
    until_it_waits(&town, &served, &primary, 1).await;

    town.database = pair.now("over");
    served.end().await;
    let standby = Store::open(&town.database).await.expect("the standby");
    assert_eq!(town.there(&standby, &[0, 1]).await, 1, "the standby never had it");
    let served = town.serve().await.expect("it starts");
    town.tell_again(&served, vec![1]).await;
    served.end().await;
    town.judge().await;
}

/// Commits that a standby is not waited for would be answered and lost with the primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_do_not_wait_for_a_standby_are_refused_where_there_is_one() {
    let Some(alone) = engines::postgres().await else { return };
    let Some((_pair, database)) = Pair::start() else { return };
    let with = |address: &str, value: &str| format!("{address}?options=-csynchronous_commit%3D{value}");
    for (value, is_taken) in [("on", true), ("remote_apply", true), ("remote_write", false), ("local", false)] {
        let opened = Store::open(&with(&database, value)).await;
        assert_eq!(opened.is_ok(), is_taken, "{value}");
        Store::open(&with(&alone.address, value)).await.expect("there is no standby to wait for");
    }
    assert!(Store::open(&with(&alone.address, "off")).await.is_err());
}

/// The driver knows one address: a list of them is refused with a sentence, and not half understood.
#[tokio::test]
async fn a_list_of_servers_is_refused_with_a_sentence() {
    for address in ["postgres://hocphi@127.0.0.1:1,127.0.0.1:2/hocphi", "postgresql://one,two/hocphi?sslmode=require"] {
        let refused = Store::open(address).await.err().expect("refused");
        assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("several-servers"), "{address}");
    }
}
