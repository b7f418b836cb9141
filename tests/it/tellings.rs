//! Random days, told in every way, end in the books that the statements alone make; more of them by
//! `hocphi simulate tellings`.

use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::converge::{Pair, World};

use crate::engines::{self, Fresh};

async fn world(fresh: &Fresh) -> World {
    let key = MasterKey::parse(&MasterKey::generate().expect("a key")).expect("a key");
    let world = World::open(fresh.store.clone(), Vault::new(fresh.store.clone(), key)).expect("a world");
    world.found().await.expect("what all cases share");
    world
}

async fn ends_alike(told: Fresh, untold: Fresh, seed: u64, cases: u64) -> String {
    let mut pair = Pair { told: world(&told).await, untold: world(&untold).await };
    let outcome = pair.play(seed, 0, cases, |_| {}).await.expect("played");
    assert_eq!(outcome.cases, cases);
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
    outcome.hash
}

#[tokio::test]
async fn random_days_end_in_the_books_of_their_statements_on_both_engines() {
    let sqlite = ends_alike(engines::sqlite().await, engines::sqlite().await, 1, 60).await;
    let (Some(told), Some(untold)) = (engines::postgres().await, engines::postgres().await) else { return };
    let postgres = ends_alike(told, untold, 1, 60).await;
    assert_eq!(sqlite, postgres, "both engines end in the same states");
}
