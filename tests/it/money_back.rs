//! Credits that are no longer there, and gateways that pay later and less: on both engines, the whole audit after each.

use hocphi::ledger::Account;
use hocphi::matching::{self, Why};

use crate::books::{Books, Owed};
use crate::engines::{Fresh, deeds};
use crate::on_both;

on_both!(
    a_reversed_credit_leaves_the_books_and_its_invoice_is_owed_again,
    a_credit_no_statement_has_is_disowned_and_one_it_has_is_not,
    a_doubt_that_was_in_no_book_leaves_none,
    a_line_shows_what_the_bank_took_back_and_makes_no_second_credit,
    of_two_who_take_a_credit_back_one_is_told,
    a_gateways_sum_meets_what_it_took_less_its_fee,
    a_settlement_that_was_a_mistake_is_taken_back,
    what_a_gateway_settled_is_not_taken_back_alone
);

async fn take_back(books: &Books, credit: &str, why: Why) -> Result<Option<String>, &'static str> {
    let act = books.act("ngân hàng báo hoàn");
    let taken = matching::take_back(&books.store, credit, why, &act).await;
    taken.map_err(|error| error.refusal().map_or("fault", |refusal| refusal.code))
}

async fn paid_invoice(books: &Books) -> (Owed, String) {
    let owed = books.invoice(10).await;
    let credit = books.credit(1_300, Some(&owed.reference)).await;
    books.drain().await;
    (owed, credit)
}

async fn a_reversed_credit_leaves_the_books_and_its_invoice_is_owed_again(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (owed, credit) = paid_invoice(&books).await;
    books.prove(&credit).await;
    books.drain().await;
    assert_eq!(books.balance(Account::Bank).await, 1_300);
    assert_eq!(take_back(&books, &credit, Why::Reversed).await, Ok(Some(owed.id.clone())));
    assert_eq!(books.paid(&owed.id).await, [0, 0, 0]);
    assert_eq!(books.family_credit(&owed.family).await, 0);
    assert_eq!(books.balance(Account::Bank).await, 0);
    assert_eq!(books.decision(&credit).await, "reversed");
    let receipts = hocphi::receipts::of_invoice(&books.store, &owed.id).await.expect("receipts");
    assert!(receipts.iter().all(|receipt| receipt.void_reason.is_some()));
    assert_eq!(take_back(&books, &credit, Why::Reversed).await, Err("credit-not-in-books"));
    assert_eq!(deeds(&books.store, &credit).await, [format!("per_1 credit.reversed {}", owed.id)]);
    books.sequence().await;
    books.assert_sound().await;
}

async fn a_credit_no_statement_has_is_disowned_and_one_it_has_is_not(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (owed, told) = paid_invoice(&books).await;
    let (_, shown) = paid_invoice(&books).await;
    let held = books.credit(5, None).await;
    books.prove(&shown).await;
    // The proof of one is not posted yet when somebody looks: it is posted first.
    assert_eq!(take_back(&books, &shown, Why::Disowned).await, Err("credit-on-statement"));
    assert_eq!(take_back(&books, &held, Why::Disowned).await, Err("credit-undecided"));
    books.drain().await;
    assert_eq!(take_back(&books, &told, Why::Disowned).await, Ok(Some(owed.id.clone())));
    assert_eq!(take_back(&books, &held, Why::Disowned).await, Ok(None));
    assert_eq!(books.balance(Account::Clearing).await, 0);
    assert_eq!(books.balance(Account::SuspenseUnidentified).await, 0);
    books.assert_sound().await;
}

async fn a_doubt_that_was_in_no_book_leaves_none(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(10).await;
    let doubtful = books.credit_of(600, Some(&owed.reference), "acc_1", "maybe_same_credit", "").await;
    books.drain().await;
    assert_eq!(take_back(&books, &doubtful, Why::Disowned).await, Ok(None));
    assert_eq!(books.balance(Account::Clearing).await, 0);
    books.assert_sound().await;
}

/// The evening's statement has the money that came and the money that went; neither is income.
async fn a_line_shows_what_the_bank_took_back_and_makes_no_second_credit(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (owed, credit) = paid_invoice(&books).await;
    let doubtful = books.credit_of(600, Some(&owed.reference), "acc_1", "maybe_same_credit", "").await;
    books.drain().await;
    for credit in [&credit, &doubtful] {
        take_back(&books, credit, Why::Reversed).await.expect("taken back");
        books.prove(credit).await;
    }
    books.drain().await;
    assert_eq!(books.decision(&credit).await, "reversed");
    assert_eq!(books.decision(&doubtful).await, "reversed");
    assert_eq!(books.paid(&owed.id).await, [0, 0, 0]);
    for account in [Account::Bank, Account::Clearing, Account::SuspenseUnidentified] {
        assert_eq!(books.balance(account).await, 0);
    }
    books.sequence().await;
    books.assert_sound().await;
}

async fn of_two_who_take_a_credit_back_one_is_told(fresh: Fresh) {
    let books = Books::open(fresh).await;
    for _ in 0..5 {
        let (owed, credit) = paid_invoice(&books).await;
        let (one, two) =
            tokio::join!(take_back(&books, &credit, Why::Reversed), take_back(&books, &credit, Why::Disowned));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert_eq!(books.paid(&owed.id).await, [0, 0, 0]);
    }
    assert_eq!(books.balance(Account::Clearing).await, 0);
    books.assert_sound().await;
}

/// Two invoices paid through a gateway on one day and one on the next, and the sum that comes for the first two.
async fn gateway(books: &Books) -> ([Owed; 3], String) {
    let invoices = [books.invoice(10).await, books.invoice(10).await, books.invoice(10).await];
    for (invoice, day) in invoices.iter().zip(["2026-11-20", "2026-11-20", "2026-11-21"]) {
        books.credit_through("con_1", 1_000, &invoice.reference, day).await;
    }
    let net = books.credit(1_967, None).await;
    books.prove(&net).await;
    books.drain().await;
    (invoices, net)
}

async fn a_gateways_sum_meets_what_it_took_less_its_fee(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (invoices, net) = gateway(&books).await;
    assert_eq!(books.paid(&invoices[2].id).await, [300, 500, 200], "the parent has paid, whoever holds the money");
    assert_eq!(books.balance(Account::ClearingGateway).await, 3_000);
    let found = matching::settlements(&books.store, &net).await.expect("settlements");
    assert_eq!(found.iter().map(|found| (found.count, found.fee.get())).collect::<Vec<_>>(), [(2, 33)]);
    let stale = matching::Settlement { fee: hocphi::money::Dong::new(32), ..found[0].clone() };
    let act = books.act("VNPAY trả ngày 20/11");
    let refused = matching::settle(&books.store, &net, &stale, &act).await.expect_err("another fee");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("settlement-changed"));
    matching::settle(&books.store, &net, &found[0], &act).await.expect("settled");
    assert_eq!(books.balance(Account::ClearingGateway).await, 1_000);
    assert_eq!(books.balance(Account::ExpenseGatewayFee).await, 33);
    assert_eq!(books.balance(Account::SuspenseUnidentified).await, 0);
    assert_eq!(books.balance(Account::Bank).await, 1_967);
    assert_eq!(books.decision(&net).await, "settled");
    let again = matching::settle(&books.store, &net, &found[0], &act).await.expect_err("once");
    assert_eq!(again.refusal().map(|refusal| refusal.code), Some("credit-not-held"));
    books.sequence().await;
    books.assert_sound().await;
}

async fn a_settlement_that_was_a_mistake_is_taken_back(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (_, net) = gateway(&books).await;
    let found = matching::settlements(&books.store, &net).await.expect("settlements");
    for _ in 0..2 {
        matching::settle(&books.store, &net, &found[0], &books.act("trả ngày 20")).await.expect("settled");
        matching::unsettle(&books.store, &net, &books.act("nhầm ngày")).await.expect("taken back");
        assert_eq!(books.balance(Account::ClearingGateway).await, 3_000);
        assert_eq!(books.balance(Account::SuspenseUnidentified).await, -1_967);
        books.assert_sound().await;
    }
    let nothing =
        matching::unsettle(&books.store, &net, &books.act("lần nữa")).await.expect_err("nothing to take back");
    assert_eq!(nothing.refusal().map(|refusal| refusal.code), Some("credit-not-held"));
}

async fn what_a_gateway_settled_is_not_taken_back_alone(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let (invoices, net) = gateway(&books).await;
    let found = matching::settlements(&books.store, &net).await.expect("settlements");
    matching::settle(&books.store, &net, &found[0], &books.act("trả ngày 20")).await.expect("settled");
    let credits = matching::credits_after(&books.store, "sch_1", "", 10, false).await.expect("credits");
    let of = |invoice: &Owed| {
        let found = credits.iter().find(|credit| credit.invoice_id.as_ref() == Some(&invoice.id));
        found.expect("its credit").id.clone()
    };
    assert_eq!(take_back(&books, &of(&invoices[0]), Why::Reversed).await, Err("credit-settled"));
    assert_eq!(take_back(&books, &net, Why::Reversed).await, Err("credit-settled"));
    assert_eq!(take_back(&books, &of(&invoices[2]), Why::Reversed).await, Ok(Some(invoices[2].id.clone())));
    assert_eq!(books.balance(Account::ClearingGateway).await, 0);
    books.assert_sound().await;
}
