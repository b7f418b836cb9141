//! The program's own pace: work is done without being asked for, and what nobody needs goes away by the clock.

use std::sync::Arc;
use std::time::Duration;

use hocphi::access::{FormUse, SessionRows, claim_form};
use hocphi::clockwork::{self, House, settle};
use hocphi::config::Config;
use hocphi::money::Dong;
use hocphi::simulate::bank::Habit;
use hocphi::store::{Statement, StatementKind, Store};
use tokio::time::timeout;
use tower_sessions::Session;

use crate::engines::Fresh;
use crate::inbox::stage;
use crate::on_both;
use crate::world::{AN_NHIEN, World};

on_both!(a_telling_is_posted_without_anybody_asking, sessions_and_form_keys_go_when_their_time_is_over,);

const MINUTE: i64 = 60 * 1_000;

async fn a_telling_is_posted_without_anybody_asking(fresh: Fresh) {
    let mut world = World::start(fresh).await;
    let mut news = world.house.news.subscribe();
    let pace = tokio::spawn(clockwork::run(Arc::clone(&world.house)));
    world.scan(AN_NHIEN, Habit::Exact).await;
    world.bank.tell_due(world.clock.now()).await.expect("told");
    let heard = timeout(Duration::from_mins(1), news.recv()).await.expect("the clockwork runs").expect("news");
    assert_eq!(heard, world.invoices[AN_NHIEN]);
    assert_eq!(world.owed(AN_NHIEN).await, Dong::ZERO);
    pace.abort();
    world.audit().await;
}

async fn rows(store: &Store) -> (i64, i64) {
    let count = async |sql: &'static str| {
        let statement = Statement { name: "", kind: StatementKind::Fixed, sql, tail: "" };
        store.one::<i64>(&statement, Vec::new()).await.expect("a count")
    };
    (count("select count(*) from session").await, count("select count(*) from form_use").await)
}

async fn sessions_and_form_keys_go_when_their_time_is_over(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let (store, clock) = (&stage.store, &stage.clock);
    let house =
        House::open(store.clone(), stage.vault.clone(), clock.clone(), stage.providers.clone(), Config::default());
    let house = house.expect("a house");
    settle(&house).await.expect("nothing to sweep yet");
    let session = Session::new(None, Arc::new(SessionRows::new(store.clone(), clock.clone())), None);
    session.insert("seat", 1).await.expect("a value");
    session.save().await.expect("a session");
    assert_eq!(claim_form(store, clock, "form").await.expect("a press"), FormUse::First);

    clock.advance_ms(59 * MINUTE);
    settle(&house).await.expect("settled");
    assert_eq!(rows(store).await, (1, 1), "it is swept once an hour, not at every round");
    clock.advance_ms(MINUTE);
    settle(&house).await.expect("settled");
    assert_eq!(rows(store).await, (0, 1), "the session was idle too long; the form may still be pressed twice");
    assert_eq!(claim_form(store, clock, "form").await.expect("a press"), FormUse::AtWork);
    clock.advance_ms(7 * 24 * 60 * MINUTE);
    settle(&house).await.expect("settled");
    assert_eq!(rows(store).await, (0, 0));
}
