//! Random terms in which everything fails end in the books of calm ones; more of them by `hocphi simulate term`.

use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::term::Worlds;
use hocphi::store::Store;

use crate::engines::{self, Fresh};

fn with_vault(fresh: &Fresh) -> (Store, Vault) {
    let key = MasterKey::parse(&MasterKey::generate().expect("a key")).expect("a key");
    (fresh.store.clone(), Vault::new(fresh.store.clone(), key))
}

async fn ends_alike(calm: Fresh, troubled: Fresh, seed: u64, cases: u64) -> String {
    let mut worlds = Worlds::open(with_vault(&calm), with_vault(&troubled)).expect("two worlds");
    worlds.found().await.expect("what all terms share");
    let outcome = worlds.play(seed, 0, cases).await.expect("played");
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
    outcome.hash
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_terms_of_trouble_end_as_calm_ones() {
    ends_alike(engines::sqlite().await, engines::sqlite().await, 4, 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_of_trouble_end_on_postgres_as_on_sqlite() {
    let (Some(calm), Some(troubled)) = (engines::postgres().await, engines::postgres().await) else { return };
    let on_postgres = ends_alike(calm, troubled, 4, 40).await;
    assert_eq!(on_postgres, ends_alike(engines::sqlite().await, engines::sqlite().await, 4, 40).await);
}
