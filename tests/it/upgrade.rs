//! A database that an older program left behind, with a school's day in it, is brought up by a program that dies in the
//! middle of it, again and again: the old schema is there as it was, or the new one whole, and the next start finishes.
//! On PostgreSQL each migration is committed by itself, and the program also loses its connection instead of its life.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hocphi::ledger;
use hocphi::simulate::chance::Chance;
use hocphi::simulate::day::{self, Day};
use hocphi::store::{EngineName, Statement, StatementKind, Store, newest_version};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::engines::{self, Fresh};
use crate::on_both;
use crate::town::folder;

on_both!(
    an_upgrade_that_dies_leaves_the_old_or_the_new,
    several_that_upgrade_at_once_are_one_upgrade,
    an_upgrade_that_fails_keeps_nobody_out,
    nothing_is_upgraded_while_an_older_program_works,
    a_version_that_cannot_be_read_is_not_taken_for_none,
);

/// From so many versions ago; what an older program had no column for yet is left out of the day.
const VERSIONS_AGO: [i64; 3] = [1, 2, 4];
/// How often each upgrade dies.
const DEATHS: usize = 12;

fn asked(sql: String) -> Statement {
    Statement { name: "an older program's row", kind: StatementKind::Fixed, sql: sql.leak(), tail: "" }
}

/// Table and column, with the column's type.
type Schema = Vec<(String, String, String, bool)>;

/// A day that was played by this program on SQLite, to be written into an older schema of either engine.
struct Played {
    store: Store,
    schema: Schema,
    /// Each with the order in which its rows came, where it has one.
    tables: Vec<(String, String)>,
    /// What each version has, on the engine that is upgraded. Some change nothing that can be seen.
    versions: Vec<(i64, Schema)>,
    _folder: TempDir,
}

impl Played {
    async fn today(fresh: &Fresh) -> Played {
        let folder = folder();
        let database = format!("sqlite://{}", folder.path().join("day.db").display());
        let day = Day { database: database.clone(), folder: folder.path().to_owned(), stop: None };
        day::play(&day).await.expect("a day");
        let store = Store::open(&database).await.expect("its database");
        let schema = store.describe().await.expect("its schema");
        let names = "select name, case when sql like '%without rowid' then '' else 'order by rowid' end
            from sqlite_master where type = 'table' order by rowid";
        let tables = store.all(&asked(names.to_owned()), Vec::new()).await.expect("its tables");
        Played { store, schema, tables, versions: versions(fresh).await, _folder: folder }
    }

    /// The rows of a table as one statement that inserts them, with the columns that the older schema has.
    async fn rows(&self, (table, order): &(String, String), old: &Schema, engine: EngineName) -> Option<String> {
        let columns: Vec<_> = self.schema.iter().filter(|column| column.0 == *table && old.contains(column)).collect();
        if columns.is_empty() {
            return None;
        }
        let values = columns.iter().map(|(_, column, kind, _)| match (kind.as_str(), engine) {
            ("bytea", EngineName::Postgres) => {
                format!("case when {column} is null then 'null' else '''\\x' || hex({column}) || '''' end")
            }
            _ => format!("quote({column})"),
        });
        let values = values.collect::<Vec<_>>().join(" || ', ' || ");
        let sql = format!("select '(' || {values} || ')' from {table} {order}");
        let rows: Vec<String> = self.store.all(&asked(sql), Vec::new()).await.expect("rows");
        let names = columns.iter().map(|column| column.1.as_str()).collect::<Vec<_>>().join(", ");
        let given = if engine == EngineName::Postgres { "overriding system value" } else { "" };
        (!rows.is_empty()).then(|| format!("insert into {table} ({names}) {given} values\n{};\n", rows.join(",\n")))
    }

    /// Makes an empty database one that a program of this version left behind.
    async fn leave_behind(&self, address: &str, version: i64) -> Old {
        let store = Store::open(address).await.expect("a database");
        store.migrate_to(version).await.expect("an older schema");
        let schema = store.describe().await.expect("its schema");
        let mut text = String::from("begin;");
        for table in &self.tables {
            if let Some(rows) = self.rows(table, &schema, store.engine()).await {
                write!(text, "{rows}").expect("written");
            }
        }
        text.push_str("commit;");
        store.run_raw(&text).await.expect("an older program's day");
        Old { address: address.to_owned(), store, version }
    }
}

/// The schemas of the versions that an upgrade passes.
async fn versions(fresh: &Fresh) -> Vec<(i64, Schema)> {
    let store = Store::open(&engines::beside(fresh).await).await.expect("a database");
    let mut versions = Vec::new();
    for version in newest_version() - VERSIONS_AGO[2]..=newest_version() {
        store.migrate_to(version).await.expect("a schema");
        versions.push((version, store.describe().await.expect("its words")));
    }
    versions
}

/// A database with a day in it, of an older version.
struct Old {
    address: String,
    store: Store,
    version: i64,
}

impl Old {
    fn upgrade(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hocphi"));
        command.args(["migrate", "--database", &self.address]).env("RUST_LOG", "off").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program")
    }

    async fn version(&self) -> i64 {
        let version = asked("select max(version) from _sqlx_migrations".to_owned());
        self.store.one(&version, Vec::new()).await.expect("a version")
    }

    /// The old schema is there as it was, or a newer one whole; and so is the day.
    async fn assert_old_or_new(&self, played: &Played) -> i64 {
        let (version, schema) = (self.version().await, self.store.describe().await.expect("its schema"));
        if self.store.engine() == EngineName::Sqlite {
            assert!(version == self.version || version == newest_version(), "half an upgrade: {version}");
        }
        let whole = played.versions.iter().find(|(known, _)| *known == version);
        assert!(whole.is_some_and(|(_, whole)| *whole == schema), "half an upgrade: {version}");
        assert_eq!(day_of(&self.store).await, day_of(&played.store).await);
        version
    }

    async fn assert_new(&self, played: &Played) {
        self.store.check_version().await.expect("the newest version");
        assert_eq!(self.store.describe().await.expect("its schema"), played.schema);
        self.assert_old_or_new(played).await;
        let findings = ledger::audit(&self.store).await.expect("an audit");
        assert!(findings.iter().all(ledger::Finding::holds), "{findings:#?}");
    }
}

/// How many credits are kept, wait, paid an invoice, and are in the ledger: asked of what every version has.
async fn day_of(store: &Store) -> Vec<i64> {
    let mut day = Vec::new();
    for counted in [
        "credit",
        "undecided",
        "credit_decision where kind in ('settle', 'part', 'over')",
        "entry where kind = 'received'",
    ] {
        day.push(store.one(&asked(format!("select count(*) from {counted}")), Vec::new()).await.expect("counted"));
    }
    assert!(day[0] > 0 && day[2] > 0 && day[3] > 0, "a day without money shows nothing: {day:?}");
    day
}

/// Ends everybody else's connections at the server and waits until they are gone: who died may have sent a commit.
async fn nobody_else(old: &Old) {
    const END: &str = "select pg_terminate_backend(pid, 10000) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    old.store.run_raw(END).await.expect("they are ended");
}

async fn an_upgrade_that_dies_leaves_the_old_or_the_new(fresh: Fresh) {
    let played = Played::today(&fresh).await;
    let mut chance = Chance::new(17);
    let (mut died, mut left_old) = (0, 0);
    for ago in VERSIONS_AGO {
        let version = newest_version() - ago;
        let old = played.leave_behind(&engines::beside(&fresh).await, version).await;
        let began = Instant::now();
        assert!(old.upgrade().wait().await.expect("an end").success());
        let usual = began.elapsed();
        old.assert_new(&played).await;
        let mut old = played.leave_behind(&engines::beside(&fresh).await, version).await;
        for death in 0..DEATHS {
            if old.version().await == newest_version() {
                old = played.leave_behind(&engines::beside(&fresh).await, version).await;
            }
            let mut child = old.upgrade();
            sleep(usual * u32::try_from(chance.below(1_000)).expect("small") / 1_000).await;
            let is_server = old.store.engine() == EngineName::Postgres;
            // One in three loses its connection instead of its life.
            if !is_server || death % 3 > 0 {
                child.start_kill().expect("ended");
            }
            if is_server {
                nobody_else(&old).await;
            }
            died += usize::from(!child.wait().await.expect("an end").success());
            left_old += usize::from(old.assert_old_or_new(&played).await < newest_version());
        }
        assert!(old.upgrade().wait().await.expect("an end").success(), "the next start finishes");
        old.assert_new(&played).await;
    }
    println!("{died} upgrades died, {left_old} of them with the old schema");
    assert!(died > DEATHS && left_old > 0, "nothing was interrupted: {died}, {left_old}");
}

async fn several_that_upgrade_at_once_are_one_upgrade(fresh: Fresh) {
    let played = Played::today(&fresh).await;
    let old = played.leave_behind(&engines::beside(&fresh).await, newest_version() - VERSIONS_AGO[2]).await;
    let mut upgrades: Vec<Child> = (0..4).map(|_| old.upgrade()).collect();
    for upgrade in &mut upgrades {
        assert!(upgrade.wait().await.expect("an end").success());
    }
    old.assert_new(&played).await;
}

/// Whoever failed and still runs holds nothing that others need.
async fn an_upgrade_that_fails_keeps_nobody_out(fresh: Fresh) {
    let address = engines::beside(&fresh).await;
    let store = Store::open(&address).await.expect("a database");
    store.migrate_to(newest_version() - 1).await.expect("an older schema");
    let strange = "update _sqlx_migrations set version = 1000 + version where version = 1";
    store.run_raw(strange).await.expect("a migration that nobody knows");
    assert!(store.migrate().await.is_err());
    store.run_raw("update _sqlx_migrations set version = 1 where version = 1001").await.expect("known again");
    let other = Store::open(&address).await.expect("the database");
    timeout(Duration::from_secs(20), other.migrate()).await.expect("nobody is waited for").expect("the newest schema");
}

/// An older program took a lease that runs for so long from now on.
async fn older_works(store: &Store, for_ms: i64) {
    let now = store.begin().await.expect("a transaction").database_now().await.expect("a time");
    let until = now + for_ms;
    let lease = format!(
        "insert into lease values ('credits', 'prc_older', 1, {until})
         on conflict (name) do update set expires_at = excluded.expires_at"
    );
    store.run_raw(&lease).await.expect("a lease");
}

async fn nothing_is_upgraded_while_an_older_program_works(fresh: Fresh) {
    let store = Store::open(&engines::beside(&fresh).await).await.expect("a database");
    store.migrate_to(newest_version() - 1).await.expect("an older schema");
    let refused = async || {
        let outcome = (store.migrate().await, store.check_version().await);
        let code = |outcome: hocphi::fault::Result<()>| {
            outcome.err().and_then(|error| error.refusal().map(|refusal| refusal.code)).unwrap_or_default()
        };
        (code(outcome.0), code(outcome.1))
    };
    older_works(&store, 60_000).await;
    assert_eq!(refused().await, ("still-at-work", "schema-older"));
    older_works(&store, 1_500).await;
    assert_eq!(refused().await, ("", ""), "who was stopped a moment ago is waited for");
    let token: i64 = store.one(&asked("select token from lease".to_owned()), Vec::new()).await.expect("a lease");
    assert_eq!(token, 2, "and finds no term of its own when it only slept");
    older_works(&store, 60_000).await;
    assert_eq!(refused().await, ("", ""), "who starts without anything to change waits for nobody");
}

/// Only a missing table says that nothing was ever migrated; whoever hears so of a sick database would migrate it.
async fn a_version_that_cannot_be_read_is_not_taken_for_none(fresh: Fresh) {
    fresh.store.check_version().await.expect("the newest");
    fresh.store.run_raw("alter table _sqlx_migrations rename column version to number").await.expect("renamed");
    let error = fresh.store.check_version().await.expect_err("it cannot be read");
    assert!(error.refusal().is_none_or(|refusal| refusal.code != "schema-older"), "{error}");
    fresh.store.run_raw("drop table _sqlx_migrations").await.expect("dropped");
    let error = fresh.store.check_version().await.expect_err("it was never migrated");
    assert_eq!(error.refusal().map(|refusal| refusal.code), Some("schema-older"), "{error}");
}

/// Somebody looked at the database by hand and went home in the middle of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_behind_a_forgotten_transaction_is_refused_with_a_sentence() {
    let Some(fresh) = engines::postgres().await else { return };
    let store = Store::open(&engines::beside(&fresh).await).await.expect("a database");
    store.migrate_to(newest_version() - 1).await.expect("an older schema");
    let mut forgotten = store.begin().await.expect("a transaction");
    for text in
        ["set local idle_in_transaction_session_timeout = 0", "lock table _sqlx_migrations in share row exclusive mode"]
    {
        forgotten.run(&asked(text.to_owned()), Vec::new()).await.expect(text);
    }
    let refused = timeout(Duration::from_mins(1), store.migrate()).await.expect("nobody waits for ever");
    let refused = refused.expect_err("it is locked");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("schema-locked"), "{refused}");
    drop(forgotten);
    store.migrate().await.expect("the newest schema");
}
