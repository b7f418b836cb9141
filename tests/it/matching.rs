//! Whose money it is, on both engines, with the whole audit after each story.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hocphi::fault::Kind;
use hocphi::ledger::Account;
use hocphi::seal::Vault;
use hocphi::store::{Lot, Meets, Seam};
use hocphi::{fees, matching, receipts, transact};

use crate::books::Books;
use crate::engines::{Fresh, deeds};
use crate::on_both;

on_both!(
    an_exact_reference_settles_pays_in_part_or_overpays,
    anything_else_is_held_with_its_reason,
    two_credits_for_one_invoice_in_one_batch_see_each_other,
    three_lines_three_part_payments_and_one_move,
    a_void_invoice_leaves_its_money_to_the_family,
    a_batch_of_two_hundred_is_decided_once_and_twice_changes_nothing,
    money_may_be_larger_than_any_invoice,
    a_doubt_is_in_no_book_until_somebody_decides,
    a_statement_clears_a_doubt_and_moves_clearing_to_the_bank,
    of_two_who_assign_one_credit_one_is_told_of_the_conflict,
    nobody_overturns_a_decision_they_have_not_seen,
    a_reason_is_asked_for,
    one_credit_that_cannot_be_decided_stops_nobody,
    what_cannot_be_read_now_is_decided_later_and_not_otherwise
);

async fn an_exact_reference_settles_pays_in_part_or_overpays(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let [settled, part, over] = [books.invoice(10).await, books.invoice(10).await, books.invoice(10).await];
    let one = books.credit(1_000, Some(&settled.reference)).await;
    let two = books.credit(600, Some(&part.reference)).await;
    let three = books.credit(1_300, Some(&over.reference)).await;
    assert_eq!(books.drain().await, 3);
    assert_eq!(books.decision(&one).await, "settle");
    assert_eq!(books.decision(&two).await, "part");
    assert_eq!(books.decision(&three).await, "over");
    assert_eq!(books.paid(&settled.id).await, [300, 500, 200]);
    assert_eq!(books.paid(&part.id).await, [0, 500, 100]);
    assert_eq!(books.family_credit(&over.family).await, 300);
    let again = books.credit(1_000, Some(&settled.reference)).await;
    books.drain().await;
    assert_eq!(books.decision(&again).await, "over");
    assert_eq!(books.family_credit(&settled.family).await, 1_000);
    assert_eq!(books.balance(Account::Clearing).await, 3_900);
    books.assert_sound().await;
}

async fn anything_else_is_held_with_its_reason(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let open = books.invoice(10).await;
    let void = books.invoice(10).await;
    fees::void_invoice(&books.store, &books.clock, &void.id, "per_1", "nhầm lớp").await.expect("void");
    let one = hocphi::ids::PaymentReference::random().expect("a reference");
    let two = hocphi::ids::PaymentReference::random().expect("a reference");
    let held = [
        (books.credit(5, None).await, "hold no_reference"),
        (books.credit(5, Some("RF00000000099")).await, "hold unknown_reference"),
        (
            books.credit_of(5, None, "acc_1", "", &format!("{} {}", one.as_str(), two.as_str())).await,
            "hold two_references",
        ),
        (books.credit_of(5, Some(&open.reference), "acc_2", "", "").await, "hold other_account"),
        (books.credit(5, Some(&void.reference)).await, "hold invoice_not_open"),
    ];
    books.drain().await;
    for (credit, why) in &held {
        assert_eq!(books.decision(credit).await, *why);
    }
    let all = matching::held(&books.store, "sch_1", None, 100).await.expect("a list");
    assert_eq!(all.len(), 5);
    let after = Some((all[1].value_at, all[1].id.as_str()));
    let page = matching::held(&books.store, "sch_1", after, 2).await.expect("a page");
    assert_eq!(page.iter().map(|one| &one.id).collect::<Vec<_>>(), [&all[2].id, &all[3].id]);
    assert_eq!(books.balance(Account::SuspenseUnidentified).await, -25);
    books.assert_sound().await;

    let assigned = books.assign(&held[0].0, &open.id).await.expect("assigned");
    assert_eq!(books.decision(&held[0].0).await, "assign");
    assert_eq!(books.paid(&open.id).await, [0, 5, 0]);
    let receipt = receipts::receipt_by_id(&books.store, &assigned.receipt_id).await.expect("a row").expect("a receipt");
    assert_eq!((receipt.number, receipt.paid.get(), receipt.due.get()), (1, 5, 1_000));
    let refused = books.assign(&held[1].0, &void.id).await.expect_err("a void invoice");
    assert_eq!(refused.refusal().map(|refusal| refusal.kind), Some(Kind::Conflict));
    books.assert_sound().await;
    assert_eq!(deeds(&books.store, &held[0].0).await, [format!("per_1 credit.assigned {}", open.id)]);
    assert!(deeds(&books.store, &held[1].0).await.is_empty(), "what was refused is no deed");
}

async fn two_credits_for_one_invoice_in_one_batch_see_each_other(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(10).await;
    let first = books.credit(700, Some(&owed.reference)).await;
    let second = books.credit(700, Some(&owed.reference)).await;
    books.drain().await;
    assert_eq!(books.decision(&first).await, "part");
    assert_eq!(books.decision(&second).await, "over");
    assert_eq!(books.paid(&owed.id).await, [300, 500, 200]);
    assert_eq!(books.family_credit(&owed.family).await, 400);
    books.assert_sound().await;
}

async fn three_lines_three_part_payments_and_one_move(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let [wrong, right] = [books.invoice(10).await, books.invoice(10).await];
    let mut credits = Vec::new();
    for amount in [400, 350, 300] {
        credits.push(books.credit(amount, Some(&wrong.reference)).await);
        books.drain().await;
    }
    assert_eq!(books.paid(&wrong.id).await, [300, 500, 200]);
    assert_eq!(books.family_credit(&wrong.family).await, 50);

    // The second payment was for the other child: 100 of tuition, 200 of insurance and 50 of meals go back.
    let note = "chuyển nhầm cho em";
    let moved = matching::move_to(&books.store, &books.vault, &credits[1], &right.id, &books.act(note)).await;
    let moved = moved.expect("moved");
    assert_eq!(books.paid(&wrong.id).await, [250, 400, 0]);
    assert_eq!(books.paid(&right.id).await, [0, 350, 0]);
    assert_eq!(books.family_credit(&wrong.family).await, 50);
    let old = receipts::of_invoice(&books.store, &wrong.id).await.expect("receipts");
    let void: Vec<bool> = old.iter().map(|receipt| receipt.void_reason.is_some()).collect();
    assert_eq!(void, [false, true, false]);
    let token = receipts::check_token(&books.vault, &old[1].id);
    let checked = receipts::check(&books.store, &token).await.expect("a row").expect("our receipt");
    assert_eq!((checked.is_valid, checked.amount.get()), (false, 350));
    let new = receipts::receipt_by_id(&books.store, &moved.receipt_id).await.expect("a row").expect("a receipt");
    assert_eq!(new.number, 4);
    books.sequence().await;
    books.assert_sound().await;

    let back = matching::release(&books.store, &credits[1], &books.act("chưa rõ")).await.expect("released");
    assert_eq!(back.as_deref(), Some(right.id.as_str()));
    assert_eq!(books.paid(&right.id).await, [0, 0, 0]);
    assert_eq!(books.balance(Account::SuspenseUnidentified).await, -350);
    books.assert_sound().await;
    let [moved, released] = ["moved", "released"].map(|done| format!("per_1 credit.{done} {}", right.id));
    assert_eq!(deeds(&books.store, &credits[1]).await, [moved, released]);
}

async fn a_void_invoice_leaves_its_money_to_the_family(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let [void, other] = [books.invoice(10).await, books.invoice(10).await];
    let credit = books.credit(600, Some(&void.reference)).await;
    books.drain().await;
    fees::void_invoice(&books.store, &books.clock, &void.id, "per_1", "thu nhầm").await.expect("void");
    assert_eq!(books.paid(&void.id).await, [0, 0, 0]);
    assert_eq!(books.family_credit(&void.family).await, 600);
    let never = books.invoice(10).await;
    fees::void_invoice(&books.store, &books.clock, &never.id, "per_1", "lập nhầm").await.expect("void");
    for id in [&void.id, &never.id] {
        let total = (id.clone(), hocphi::money::Dong::new(1_000));
        let standing = fees::view::standings(&books.store, &[total]).await.expect("a standing")[id];
        assert_eq!((standing.owed.get(), standing.paid.get()), (0, 0), "nothing is owed, and nothing counts as paid");
    }
    books.assert_sound().await;

    // Moved afterwards, the money comes from where the void put it.
    let note = "trả cho phiếu mới";
    let moved = matching::move_to(&books.store, &books.vault, &credit, &other.id, &books.act(note)).await;
    moved.expect("moved");
    assert_eq!(books.family_credit(&void.family).await, 0);
    assert_eq!(books.paid(&other.id).await, [0, 500, 100]);
    fees::reinstate_invoice(&books.store, &books.clock, &void.id, "per_1", "vẫn phải thu").await.expect("open");
    let late = books.credit(1_000, Some(&void.reference)).await;
    books.drain().await;
    assert_eq!(books.decision(&late).await, "settle");
    books.sequence().await;
    books.assert_sound().await;
}

async fn a_batch_of_two_hundred_is_decided_once_and_twice_changes_nothing(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(1_000).await;
    let mut credits = Vec::new();
    for _ in 0..200 {
        credits.push(books.credit(1_000, Some(&owed.reference)).await);
    }
    assert_eq!(matching::drain(&books.store, &books.vault, &books.clock).await.expect("a batch"), 200);
    assert_eq!(matching::drain(&books.store, &books.vault, &books.clock).await.expect("nothing"), 0);
    // Told to look again, matching finds everything decided.
    for credit in &credits {
        books.raw(&format!("insert into undecided values ('{credit}', 0)")).await;
    }
    assert_eq!(books.drain().await, 200);
    assert_eq!(books.paid(&owed.id).await, [30_000, 50_000, 20_000]);
    assert_eq!(books.family_credit(&owed.family).await, 100_000);
    assert_eq!(receipts::of_invoice(&books.store, &owed.id).await.expect("receipts").len(), 200);
    books.assert_sound().await;
}

async fn money_may_be_larger_than_any_invoice(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(10).await;
    books.credit(i64::MAX - 10_000, Some(&owed.reference)).await;
    books.credit(1, Some(&owed.reference)).await;
    books.drain().await;
    assert_eq!(books.family_credit(&owed.family).await, i64::MAX - 10_000 + 1 - 1_000);
    books.assert_sound().await;
}

async fn a_doubt_is_in_no_book_until_somebody_decides(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(10).await;
    let mut doubts = Vec::new();
    for doubt in ["maybe_same_credit", "told_differently"] {
        doubts.push(books.credit_of(1_000, Some(&owed.reference), "acc_1", doubt, "").await);
    }
    books.drain().await;
    assert_eq!(books.decision(&doubts[0]).await, "hold maybe_same_credit");
    assert_eq!(books.decision(&doubts[1]).await, "hold told_differently");
    assert_eq!(books.balance(Account::Clearing).await, 0);
    books.assert_sound().await;
    matching::same(&books.store, &doubts[0], &books.act("cùng một lần chuyển")).await.expect("the same");
    assert_eq!(books.balance(Account::Clearing).await, 0);
    books.assign(&doubts[0], &owed.id).await.expect_err("it is decided");
    assert_eq!(deeds(&books.store, &doubts[0]).await, ["per_1 credit.same"]);
    books.assign(&doubts[1], &owed.id).await.expect("it is real");
    assert_eq!(books.balance(Account::Clearing).await, 1_000);
    books.assert_sound().await;
}

async fn a_statement_clears_a_doubt_and_moves_clearing_to_the_bank(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(10).await;
    let plain = books.credit(400, Some(&owed.reference)).await;
    let doubtful = books.credit_of(600, Some(&owed.reference), "acc_1", "maybe_same_credit", "").await;
    books.drain().await;
    assert_eq!(books.balance(Account::Clearing).await, 400);
    books.prove(&plain).await;
    books.prove(&doubtful).await;
    books.drain().await;
    assert_eq!(books.balance(Account::Clearing).await, 0);
    assert_eq!(books.balance(Account::Bank).await, 1_000);
    assert_eq!(books.decision(&doubtful).await, "settle");
    assert_eq!(books.paid(&owed.id).await, [300, 500, 200]);
    books.sequence().await;
    books.assert_sound().await;
}

async fn of_two_who_assign_one_credit_one_is_told_of_the_conflict(fresh: Fresh) {
    let books = Books::open(fresh).await;
    for _ in 0..5 {
        let [one, two] = [books.invoice(10).await, books.invoice(10).await];
        let credit = books.credit(1_000, None).await;
        books.drain().await;
        let (first, second) = tokio::join!(books.assign(&credit, &one.id), books.assign(&credit, &two.id));
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let lost = first.err().or(second.err()).expect("one lost");
        assert_eq!(lost.refusal().map(|refusal| refusal.code), Some("credit-not-held"), "{lost}");
    }
    books.assert_sound().await;
}

async fn nobody_overturns_a_decision_they_have_not_seen(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let [one, other] = [books.invoice(10).await, books.invoice(10).await];
    let credit = books.credit(400, None).await;
    books.drain().await;
    let seen = matching::shown(&books.store, &credit).await.expect("a store").expect("the credit").turn;
    matching::assign(&books.store, &books.vault, &credit, &one.id, &books.act("gọi điện")).await.expect("first");
    let late = async |turn| {
        let act = matching::Act::new(books.clock.now(), "per_2", "xem sổ").expect("words").having_seen(Some(turn));
        transact!(books.store, |tx| matching::move_to_in(tx, &books.vault, &credit, &other.id, &act).await)
    };
    let refused = late(seen).await.expect_err("the page was old");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("credit-not-held"));
    assert_eq!(matching::story(&books.store, &credit).await.expect("a story").len(), 2, "nothing moved");
    late(seen + 1).await.expect("having looked again");
    books.assert_sound().await;
}

async fn a_reason_is_asked_for(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let said =
        |note: &str| matching::Act::new(books.clock.now(), "per_1", note).map(drop).map_err(|refusal| refusal.kind);
    for note in ["", "  ", &"ơ".repeat(501)] {
        assert_eq!(said(note), Err(Kind::Meaning));
    }
    assert_eq!(said(&"ơ".repeat(500)), Ok(()));
}

async fn one_credit_that_cannot_be_decided_stops_nobody(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(1_000).await;
    let mut credits = Vec::new();
    for _ in 0..9 {
        credits.push(books.credit(1_000, Some(&owed.reference)).await);
    }
    // A cause that is taken without its credit being received: as if the table had been meddled with.
    let guilty = &credits[4];
    books
        .raw(&format!(
            "insert into credit_decision values ('{guilty}', 9223372036854775807, 'release', '', null, null, 0, 'x', '')"
        ))
        .await;
    let drained =
        matching::drain_fenced(&books.store, &books.vault, &books.clock, None, Lot::Full).await.expect("a batch");
    assert_eq!((drained.decided, drained.postponed), (8, 1));
    assert_eq!(books.drain().await, 0, "it is not tried again at once");
    assert_eq!(books.paid(&owed.id).await, [0, 8_000, 0]);
}

/// A store that goes away and comes back.
struct Away(AtomicBool);

impl Seam for Away {
    fn is_away(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn commit(&self) -> Meets {
        Meets::Nothing
    }
}

/// A text with two references is nobody's to guess, and must not become one without any because its key could not be
/// read at that moment; an erased key is another thing.
async fn what_cannot_be_read_now_is_decided_later_and_not_otherwise(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let references = [(); 2].map(|()| hocphi::ids::PaymentReference::random().expect("a reference"));
    let memo = format!("{} {}", references[0].as_str(), references[1].as_str());
    let credit = books.credit_of(5, None, "acc_1", "", &memo).await;
    let away = Arc::new(Away(AtomicBool::new(true)));
    let seam: Arc<dyn Seam> = away.clone();
    let vault = Vault::new(books.store.with_seam(seam), books.vault.master().clone());
    let refused = matching::drain(&books.store, &vault, &books.clock).await.expect_err("its key cannot be read");
    assert_eq!(refused.refusal().map(|refusal| refusal.kind), Some(Kind::Unavailable));
    assert_eq!(books.decision(&credit).await, "nothing");
    away.0.store(false, Ordering::SeqCst);
    assert_eq!(matching::drain(&books.store, &vault, &books.clock).await.expect("decided"), 1);
    assert_eq!(books.decision(&credit).await, "hold two_references");
    let erased = books.credit_of(5, None, "acc_1", "", &memo).await;
    books.raw("delete from data_key where owner = 'deliveries:sch_1'").await;
    let vault = Vault::new(books.store.clone(), books.vault.master().clone());
    assert_eq!(matching::drain(&books.store, &vault, &books.clock).await.expect("decided"), 1);
    assert_eq!(books.decision(&erased).await, "hold no_reference");
    books.assert_sound().await;
}
