//! The address banks call: what they get back, and that nothing answered is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use futures_util::future::join_all;
use hocphi::clockwork::House;
use hocphi::config::Config;
use hocphi::inbox;
use hocphi::providers::BODY_MOST;
use hocphi::store::{Lot, Store};
use hocphi::web;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::engines::{Fresh, fixed};
use crate::inbox::{Stage, stage, transfer, vault};
use crate::on_both;

on_both!(
    a_bank_is_answered_as_its_provider_declares,
    an_unknown_address_is_absent_and_only_posting_is_heard,
    a_body_is_listened_to_up_to_one_mebibyte,
    a_store_that_is_down_asks_the_bank_to_come_again,
    what_is_remembered_proves_only_while_it_is_so,
    banks_that_tell_while_a_secret_goes_are_believed_until_it_went,
    what_a_bank_told_is_kept_though_it_hung_up
);

fn router(stage: &Stage) -> Router {
    web::router(house(stage))
}

fn house(stage: &Stage) -> Arc<House> {
    let (store, vault, clock) = (stage.store.clone(), stage.vault.clone(), stage.clock.clone());
    Arc::new(House::open(store, vault, clock, stage.providers.clone(), Config::default()).expect("a house"))
}

async fn post(router: &Router, path: &str, header: (&str, &str), body: Vec<u8>) -> Response<Body> {
    let request = Request::post(path).header(header.0, header.1).header("content-type", "application/json");
    router.clone().oneshot(request.body(Body::from(body)).expect("a request")).await.expect("an answer")
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    String::from_utf8(bytes.to_vec()).expect("text")
}

const PROOF: (&str, &str) = ("authorization", "Apikey secret-for-tests");

async fn a_bank_is_answered_as_its_provider_declares(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let router = router(&stage);
    let sepay = format!("/hook/sepay/{}", stage.sepay.id);
    let told = transfer(1, "nop tien an");
    for _ in 0..2 {
        let answered = post(&router, &sepay, PROOF, told.sepay().body).await;
        assert_eq!((answered.status(), text(answered).await.as_str()), (StatusCode::OK, "{\"success\":true}"));
    }
    let sorted = inbox::sort(&stage.store, &stage.vault, &stage.clock, None, Lot::Full).await;
    assert_eq!(sorted.expect("both tellings"), 2);
    assert_eq!(stage.doubts().await.len(), 1);
    let forged = post(&router, &sepay, ("authorization", "Apikey another"), transfer(2, "x").sepay().body).await;
    assert_eq!(forged.status(), StatusCode::UNAUTHORIZED);
    let unreadable = post(&router, &sepay, PROOF, b"\xff\0 nothing of JSON".to_vec()).await;
    assert_eq!(unreadable.status(), StatusCode::OK);
    let list = inbox::unreadable(&stage.store, "sch_one", 10).await.expect("a list");
    assert_eq!(list.len(), 1);
    let casso = format!("/hook/casso/{}", stage.casso.id);
    let ping = br#"{"error":0,"data":[{"id":0,"tid":"MA_GIAO_DICH_THU_NGHIEM","description":"x","amount":1,"when":"2026-11-22","bank_sub_acc_id":"0881000123456"}]}"#;
    let answered = post(&router, &casso, ("secure-token", "secret-for-tests"), ping.to_vec()).await;
    assert_eq!(answered.status(), StatusCode::OK);
    assert_eq!(stage.doubts().await.len(), 1, "neither forged, unreadable nor test is a credit");
}

async fn an_unknown_address_is_absent_and_only_posting_is_heard(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let router = router(&stage);
    let id = &stage.sepay.id;
    let nobodys = hocphi::ids::new_id("con");
    for path in [
        format!("/hook/piggy/{id}"),
        format!("/hook/casso/{id}"),
        format!("/hook/sepay/{nobodys}"),
        "/hook/sepay/x%00y".to_owned(),
    ] {
        let answered = post(&router, &path, PROOF, transfer(1, "x").sepay().body).await;
        assert_eq!(answered.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let path = format!("/hook/sepay/{id}");
    let request = Request::get(&path).body(Body::empty()).expect("a request");
    let answered = router.clone().oneshot(request).await.expect("an answer");
    assert_eq!(answered.status(), StatusCode::METHOD_NOT_ALLOWED);
    inbox::end(&stage.store, &stage.clock, id, "per_lan").await.expect("ended");
    let answered = post(&router, &path, PROOF, transfer(1, "x").sepay().body).await;
    assert_eq!(answered.status(), StatusCode::NOT_FOUND, "an ended connection is not listened to");
}

async fn a_body_is_listened_to_up_to_one_mebibyte(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let router = router(&stage);
    let path = format!("/hook/sepay/{}", stage.sepay.id);
    for (size, wanted) in
        [(BODY_MOST - 1, StatusCode::OK), (BODY_MOST, StatusCode::OK), (BODY_MOST + 1, StatusCode::PAYLOAD_TOO_LARGE)]
    {
        assert_eq!(post(&router, &path, PROOF, vec![b' '; size]).await.status(), wanted, "{size}");
    }
}

async fn a_store_that_is_down_asks_the_bank_to_come_again(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let router = router(&stage);
    let path = format!("/hook/sepay/{}", stage.sepay.id);
    stage.store.close().await;
    let answered = post(&router, &path, PROOF, transfer(1, "x").sepay().body).await;
    assert_eq!(answered.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answered.headers().contains_key("retry-after"));
}

const NEWER: (&str, &str) = ("authorization", "Apikey newer");

/// Another process over the same database.
async fn beside(fresh: &Fresh, stage: &Stage) -> Arc<House> {
    let (store, clock) = (Store::open(&fresh.address).await.expect("the same database"), stage.clock.clone());
    let vault = vault(&store);
    Arc::new(House::open(store, vault, clock, stage.providers.clone(), Config::default()).expect("a house"))
}

async fn deliveries(stage: &Stage) -> i64 {
    let count = fixed("hook::DELIVERIES", "select count(*) from delivery");
    stage.store.one(&count, Vec::new()).await.expect("a number")
}

/// Two processes remember a connection, and neither is told what becomes of it.
async fn what_is_remembered_proves_only_while_it_is_so(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let (store, clock, id) = (&stage.store, &stage.clock, &stage.sepay.id);
    let houses = [house(&stage), beside(&fresh, &stage).await];
    let routers = houses.each_ref().map(|house| web::router(Arc::clone(house)));
    let path = format!("/hook/sepay/{id}");
    let mut numbers = 1..;
    let mut tell = async |proof, wanted: StatusCode| {
        let before = deliveries(&stage).await;
        for router in &routers {
            let told = transfer(numbers.next().expect("a number"), "nop tien an").sepay().body;
            assert_eq!(post(router, &path, proof, told).await.status(), wanted);
        }
        let kept = if wanted == StatusCode::OK { 2 } else { 0 };
        assert_eq!(deliveries(&stage).await, before + kept, "{wanted}");
    };
    let remembered = |wanted: &[&str]| {
        for house in &houses {
            let remembered = house.callers.remembered(id).expect("who called before");
            let values: Vec<&str> = remembered.secrets.values("api_key").iter().map(|value| value.as_str()).collect();
            assert_eq!(values, wanted);
        }
    };
    tell(NEWER, StatusCode::UNAUTHORIZED).await;
    tell(PROOF, StatusCode::OK).await;
    inbox::add_secret(store, &stage.vault, clock, id, ("api_key", "newer"), "per_lan").await.expect("a second one");
    tell(PROOF, StatusCode::OK).await;
    remembered(&["secret-for-tests"]);
    tell(NEWER, StatusCode::OK).await;
    remembered(&["secret-for-tests", "newer"]);
    inbox::retire_secret(store, clock, id, "api_key", "per_lan").await.expect("the old one goes");
    tell(PROOF, StatusCode::UNAUTHORIZED).await;
    remembered(&["newer"]);
    tell(NEWER, StatusCode::OK).await;
    inbox::end(store, clock, id, "per_lan").await.expect("ended");
    remembered(&["newer"]);
    tell(NEWER, StatusCode::NOT_FOUND).await;
    assert!(houses.iter().all(|house| house.callers.remembered(id).is_none()), "what ended is forgotten");
}

/// Banks call two processes without a pause. Whoever calls after the old secret was retired is not believed by it, who
/// was believed is kept, and whoever uses the new one is never sent away.
async fn banks_that_tell_while_a_secret_goes_are_believed_until_it_went(fresh: Fresh) {
    const MOUTHS: u32 = 16;
    const CALLS: u32 = 10;
    let stage = stage(&fresh).await;
    let (store, clock, id) = (&stage.store, &stage.clock, &stage.sepay.id);
    inbox::add_secret(store, &stage.vault, clock, id, ("api_key", "newer"), "per_lan").await.expect("a second one");
    let routers = [house(&stage), beside(&fresh, &stage).await].map(web::router);
    let [is_retiring, is_retired] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let told = Arc::new(Semaphore::new(0));
    let mouths = (0..MOUTHS).map(|mouth| {
        let (router, path) = (routers[mouth as usize % 2].clone(), format!("/hook/sepay/{id}"));
        let proof = if mouth % 4 < 2 { PROOF } else { NEWER };
        let (is_retiring, is_retired, told) = (Arc::clone(&is_retiring), Arc::clone(&is_retired), Arc::clone(&told));
        tokio::spawn(async move {
            let (mut believed, mut after, mut calls) = (0, 0, mouth * 100_000);
            while after < CALLS {
                calls += 1;
                let was_retired = is_retired.load(Ordering::SeqCst);
                let answered = post(&router, &path, proof, transfer(calls, "nop tien an").sepay().body).await.status();
                match answered {
                    StatusCode::OK => assert!(proof == NEWER || !was_retired, "a retired secret was believed"),
                    StatusCode::UNAUTHORIZED => {
                        let is_going = is_retiring.load(Ordering::SeqCst);
                        assert!(proof == PROOF && is_going, "what nobody takes back proves");
                    }
                    other => panic!("{other}"),
                }
                believed += i64::from(answered == StatusCode::OK);
                after += u32::from(was_retired);
                told.add_permits(1);
            }
            believed
        })
    });
    let mouths: Vec<_> = mouths.collect();
    drop(told.acquire_many(MOUTHS * CALLS).await.expect("they call"));
    is_retiring.store(true, Ordering::SeqCst);
    inbox::retire_secret(store, clock, id, "api_key", "per_lan").await.expect("the old one goes");
    is_retired.store(true, Ordering::SeqCst);
    let mut believed = 0;
    for mouth in join_all(mouths).await {
        believed += mouth.expect("nobody who should not be was believed");
    }
    assert_eq!(deliveries(&stage).await, believed, "who was believed is kept, and nobody else");
}

async fn what_a_bank_told_is_kept_though_it_hung_up(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let house = house(&stage);
    let router = web::router(Arc::clone(&house));
    let path = format!("/hook/sepay/{}", stage.sepay.id);
    {
        let telling = post(&router, &path, PROOF, transfer(1, "nop tien an").sepay().body);
        tokio::pin!(telling);
        assert!(futures_util::poll!(&mut telling).is_pending(), "it is read, and nothing is answered yet");
    }
    house.begun.close();
    house.begun.wait().await;
    let sorted = inbox::sort(&stage.store, &stage.vault, &stage.clock, None, Lot::Full).await;
    assert_eq!(sorted.expect("the telling"), 1);
}
