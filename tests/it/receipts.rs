//! Numbers without a hole and without a twin, however many drain at once.

use hocphi::time::Moment;
use hocphi::{matching, receipts};

use crate::books::Books;
use crate::engines::Fresh;
use crate::on_both;

on_both!(eight_drains_at_once_leave_no_hole_and_no_twin, the_year_of_a_number_is_vietnams_and_never_goes_back);

async fn eight_drains_at_once_leave_no_hole_and_no_twin(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let mut invoices = Vec::new();
    for _ in 0..10 {
        invoices.push(books.invoice(100).await);
    }
    for round in 0..40 {
        let owed = &invoices[round % invoices.len()];
        books.credit(3_000, (round % 5 > 0).then_some(owed.reference.as_str())).await;
    }
    let drains = (0..8).map(|_| matching::drain(&books.store, &books.vault, &books.clock));
    let decided: usize =
        futures_util::future::join_all(drains).await.into_iter().map(|drained| drained.expect("a batch")).sum();
    assert_eq!(decided + books.drain().await, 40);
    let day = books.clock.now().day();
    let numbers: Vec<i64> = receipts::of_school(&books.store, "sch_1", day, day)
        .await
        .expect("receipts")
        .iter()
        .map(|receipt| receipt.number)
        .collect();
    assert_eq!(numbers, (1..=32).collect::<Vec<i64>>());
    books.sequence().await;
    books.assert_sound().await;
}

async fn the_year_of_a_number_is_vietnams_and_never_goes_back(fresh: Fresh) {
    let mut books = Books::open(fresh).await;
    let owed = books.invoice(100).await;
    let mut numbers = Vec::new();
    // One second before and after midnight in Vietnam, then a clock that went back.
    for at in ["2026-12-31T16:59:59Z", "2026-12-31T17:00:00Z", "2026-12-31T16:59:59Z"] {
        books.clock = hocphi::time::Clock::set(Moment::parse(at).expect("an instant"));
        books.credit(1_000, Some(&owed.reference)).await;
        books.drain().await;
        numbers = receipts::of_invoice(&books.store, &owed.id).await.expect("receipts");
    }
    let mut numbers: Vec<(i64, i64)> = numbers.iter().map(|receipt| (receipt.year, receipt.number)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [(2026, 1), (2027, 1), (2027, 2)]);
    books.assert_sound().await;
}
