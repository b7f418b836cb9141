//! What was kept is sorted once, at the program's own pace, whoever sorts and whatever lies between.

use futures_util::future::join_all;
use hocphi::inbox::{self, Keeper};
use hocphi::ledger;
use hocphi::providers::Outcome;
use hocphi::store::{EngineName, Fence, Lot, Store, Wake};

use crate::engines::Fresh;
use crate::inbox::{Stage, stage, transfer, vault};
use crate::on_both;

on_both!(
    what_was_answered_is_sorted_once_however_many_sort,
    what_was_answered_before_an_end_is_sorted_after_it,
    who_asks_is_told_before_what_waits_is_sorted,
    what_cannot_be_sorted_waits_and_stops_nobody,
    nobody_sorts_without_the_lease,
    a_round_takes_no_more_than_its_lot
);

async fn sort(stage: &Stage) -> usize {
    inbox::sort(&stage.store, &stage.vault, &stage.clock, None, Lot::Full).await.expect("sorted")
}

async fn what_was_answered_is_sorted_once_however_many_sort(fresh: Fresh) {
    let stage = stage(&fresh).await;
    for id in 0..40 {
        let told = transfer(id, &format!("nop tien {id}"));
        for request in [told.sepay(), told.sepay()] {
            assert_eq!(stage.keep_unsorted(&stage.sepay, &request).await.expect("kept").outcome, Outcome::New);
        }
        stage.keep_unsorted(&stage.casso, &told.casso()).await.expect("kept");
    }
    assert_eq!(stage.doubts().await.len(), 0, "answered, and not sorted yet");
    let sorted: usize = join_all((0..8).map(|_| sort(&stage))).await.into_iter().sum();
    assert_eq!((sorted, sort(&stage).await), (120, 0));
    assert_eq!(stage.doubts().await, vec![String::new(); 40]);
}

async fn what_was_answered_before_an_end_is_sorted_after_it(fresh: Fresh) {
    let before = stage(&fresh).await;
    before.keep_unsorted(&before.sepay, &transfer(1, "nop tien an").sepay()).await.expect("kept");
    let store = Store::open(&fresh.address).await.expect("the same database");
    let keeper = Keeper::start(store.clone(), vault(&store), before.clock.clone(), Wake::new());
    let after = Stage { vault: vault(&store), store, keeper, ..before };
    assert_eq!(sort(&after).await, 1);
    assert_eq!(after.doubts().await, [""]);
    let day = inbox::day(&after.store, "sch_one", after.clock.now().day()).await.expect("a day");
    let memo = inbox::open_memo(&after.store, &after.vault, &day.credits[0].id).await.expect("a memo");
    assert_eq!(memo, "nop tien an");
}

/// The same transfer, told to wait by one and asked about by another: whichever is sorted first, it is one credit.
async fn who_asks_is_told_before_what_waits_is_sorted(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let told = transfer(1, "nop tien an");
    stage.keep_unsorted(&stage.sepay, &told.sepay()).await.expect("kept");
    assert_eq!(stage.tell(&stage.casso, &told.casso()).await, Outcome::New);
    assert_eq!(sort(&stage).await, 1);
    assert_eq!(stage.doubts().await, [""]);
    assert_eq!(stage.tell(&stage.sepay, &told.sepay()).await, Outcome::ToldBefore);
}

async fn what_cannot_be_sorted_waits_and_stops_nobody(fresh: Fresh) {
    let stage = stage(&fresh).await;
    for id in 0..5 {
        stage.keep_unsorted(&stage.sepay, &transfer(id, "nop tien an").sepay()).await.expect("kept");
    }
    let poison = "update unsorted set read_sealed =
        (select read_sealed from unsorted order by delivery_id desc limit 1) where delivery_id = (select min(delivery_id) from unsorted)";
    stage.store.run_raw(poison).await.expect("one that opens under another name only");
    assert_eq!((sort(&stage).await, stage.doubts().await.len()), (4, 4));
    assert_eq!(sort(&stage).await, 0, "it waits for a minute");
    let progress = hocphi::simulate::city::progress(&stage.store).await.expect("counted");
    assert_eq!((progress.kept, progress.waiting), (4, 5), "and is not lost: four credits to decide and one delivery");
    let put_off = async |connection: &str| {
        inbox::health(&stage.store, connection, stage.clock.now()).await.expect("looked over").put_off
    };
    assert_eq!((put_off(&stage.sepay.id).await, put_off(&stage.casso.id).await), (1, 0), "a person can see it");
    stage.clock.advance_ms(60_000);
    assert_eq!(sort(&stage).await, 0, "it is tried again");
    assert_eq!(put_off(&stage.sepay.id).await, 1, "and stays");
    stage.store.run_raw("update unsorted set delivery_id = 'dlv_gone'").await.expect("a row about nothing");
    let findings = ledger::audit(&stage.store).await.expect("looked over");
    assert!(findings.iter().any(|finding| finding.rows.iter().any(|row| row.contains("dlv_gone"))), "{findings:?}");
}

async fn nobody_sorts_without_the_lease(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let first = Fence::take(&stage.store, "credits", "prc_1", 60_000).await.expect("a lease").expect("free");
    stage.keep_unsorted(&stage.sepay, &transfer(1, "nop tien an").sepay()).await.expect("kept");
    stage.store.run_raw("update lease set expires_at = 0").await.expect("it ran out");
    let second = Fence::take(&stage.store, "credits", "prc_2", 60_000).await.expect("a lease").expect("it expired");
    let sort = async |fence| inbox::sort(&stage.store, &stage.vault, &stage.clock, Some(fence), Lot::Full).await;
    let late = sort(&first).await.expect_err("fenced off");
    assert_eq!(late.refusal().map(|refusal| refusal.code), Some("lease-lost"));
    assert_eq!(sort(&second).await.expect("a batch"), 1);
}

async fn a_round_takes_no_more_than_its_lot(fresh: Fresh) {
    let stage = stage(&fresh).await;
    for id in 0..201 {
        stage.keep_unsorted(&stage.sepay, &transfer(id, &format!("nop tien {id}")).sepay()).await.expect("kept");
    }
    let taken = match stage.store.engine() {
        EngineName::Sqlite => 200,
        EngineName::Postgres => 201,
    };
    let sorted = inbox::sort(&stage.store, &stage.vault, &stage.clock, None, Lot::Short).await;
    assert_eq!((sorted.expect("a batch"), sort(&stage).await), (taken, 201 - taken));
}
