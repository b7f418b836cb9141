//! Fresh databases of both engines, and the macro that runs a room's test on each.
//!
//! SQLite needs nothing. PostgreSQL needs `HOCPHI_TEST_POSTGRES`, the address of a server where databases may be made
//! and dropped; `tests/run` starts a throwaway one. Without it the `postgres_…` tests say so loudly, and fail in CI.

use std::sync::atomic::{AtomicU32, Ordering};

use hocphi::store::{Statement, StatementKind, Store};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A migrated database of its own, gone when the test is.
pub struct Fresh {
    /// The open store.
    pub store: Store,
    /// The address, for a second process or a restart.
    pub address: String,
    directory: Option<tempfile::TempDir>,
}

/// A statement of a test's own.
pub const fn fixed(name: &'static str, sql: &'static str) -> Statement {
    Statement { name, kind: StatementKind::Fixed, sql, tail: "" }
}

/// What the trail tells about a thing, the oldest first: `per_lan run.made` and the detail, when there is one.
pub async fn deeds(store: &Store, about: &str) -> Vec<String> {
    let rows = hocphi::access::trail(store, about, 100).await.expect("a trail");
    rows.into_iter()
        .rev()
        .map(|row| format!("{} {} {}", row.actor, row.action, row.detail).trim_end().to_owned())
        .collect()
}

/// An empty SQLite database in a directory of its own.
pub async fn sqlite() -> Fresh {
    let directory = tempfile::tempdir().expect("a directory");
    let address = format!("sqlite://{}", directory.path().join("hocphi.db").display());
    fresh(address, Some(directory)).await
}

/// An empty PostgreSQL database, or `None` when no server was given and this is not CI.
pub async fn postgres() -> Option<Fresh> {
    let Ok(server) = std::env::var("HOCPHI_TEST_POSTGRES") else {
        assert!(
            std::env::var("CI").is_err(),
            "CI must set HOCPHI_TEST_POSTGRES: PostgreSQL tests may not be skipped there"
        );
        eprintln!("SKIPPED: HOCPHI_TEST_POSTGRES is not set, so nothing was tested on PostgreSQL (tests/run sets it)");
        return None;
    };
    let name = format!("hocphi_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    let admin = Store::open(&server).await.expect("the PostgreSQL server of the tests");
    admin.run_raw(&format!("create database {name}")).await.expect("a new database");
    admin.close().await;
    let (base, _) = server.rsplit_once('/').expect("an address that ends with a database");
    Some(fresh(format!("{base}/{name}"), None).await)
}

/// The address of another database beside this one, which is not there yet or empty.
pub async fn beside(fresh: &Fresh) -> String {
    let name = format!("hocphi_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    if let Some(directory) = &fresh.directory {
        return format!("sqlite://{}", directory.path().join(name).display());
    }
    fresh.store.run_raw(&format!("create database {name}")).await.expect("a new database");
    let (base, _) = fresh.address.rsplit_once('/').expect("an address that ends with a database");
    format!("{base}/{name}")
}

async fn fresh(address: String, directory: Option<tempfile::TempDir>) -> Fresh {
    let store = Store::open(&address).await.expect("a database");
    store.migrate().await.expect("a schema");
    Fresh { store, address, directory }
}

/// `on_both!(a_sentence)` runs `async fn a_sentence(fresh: Fresh)` as `sqlite::a_sentence` and `postgres::a_sentence`.
#[macro_export]
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::engines::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(fresh) = $crate::engines::postgres().await {
                    super::$test(fresh).await;
                }
            })+
        }
    };
}
