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

/// Seeds and cases that once ended otherwise.
const ENDED_OTHERWISE: &[(u64, u64)] = &[
    (1, 39),
    (1, 134),
    (1, 625),
    (1, 1221),
    (2, 330),
    (7, 298),
    (7, 896),
    (7, 908),
    (7, 1583),
    (7, 1922),
    (7, 4805),
    (7, 4892),
    (7, 4992),
    (7, 5003),
    (7, 5917),
    (7, 6163),
    (7, 6208),
    (7, 6470),
    (7, 7193),
    (7, 7502),
    (7, 8904),
    (7, 9345),
    (7, 9926),
    (7, 15267),
    (7, 15360),
    (7, 16075),
    (7, 16175),
    (7, 16322),
    (7, 16462),
    (7, 16495),
    (7, 17379),
    (7, 20488),
    (7, 21266),
    (7, 21512),
    (7, 21624),
    (7, 21917),
    (7, 22224),
    (9, 2841),
    (9, 10422),
    (11, 16577),
    (11, 33842),
    (11, 33974),
    (11, 38567),
    (11, 47127),
    (11, 64988),
    (11, 82258),
    (11, 89764),
];

#[tokio::test]
async fn what_once_ended_otherwise_ends_alike() {
    let (told, untold) = (engines::sqlite().await, engines::sqlite().await);
    let mut pair = Pair { told: world(&told).await, untold: world(&untold).await };
    for &(seed, index) in ENDED_OTHERWISE {
        let outcome = pair.play(seed, index, 1, |_| {}).await.expect("played");
        assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
    }
}

#[tokio::test]
async fn random_days_end_in_the_books_of_their_statements_on_both_engines() {
    let sqlite = ends_alike(engines::sqlite().await, engines::sqlite().await, 1, 60).await;
    let (Some(told), Some(untold)) = (engines::postgres().await, engines::postgres().await) else { return };
    let postgres = ends_alike(told, untold, 1, 60).await;
    assert_eq!(sqlite, postgres, "both engines end in the same states");
}
