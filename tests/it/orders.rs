//! Orders at payOS: made once for each invoice and amount, shown only when they pay what is owed, and found by number.

use std::collections::BTreeSet;

use hocphi::clockwork::settle;
use hocphi::fees;
use hocphi::inbox::{self, NewConnection};
use hocphi::money::Dong;
use hocphi::orders::{self, Counts};
use hocphi::providers::Secrets;
use hocphi::time::Moment;
use hocphi::vietqr::Payload;

use crate::engines::Fresh;
use crate::on_both;
use crate::payos_mock::{API_KEY, CHECKSUM_KEY, CLIENT_ID, HOLDER, Mock, Mood, VIRTUAL};
use crate::world::{AN_KHANG, AN_NHIEN, BAO_NGOC_1A, BIN, EVERYBODY, GIA_HUY, NUMBER, OWED, World};

on_both!(
    every_published_unpaid_invoice_gets_one_order_and_its_number_says_whose_money_came,
    what_is_still_owed_gets_an_order_of_its_own_and_a_paid_invoice_none,
    a_lost_answer_makes_no_second_order,
    an_account_that_is_not_linked_is_connected_only_with_orders,
    a_lost_order_that_only_its_code_could_pay_is_taken_back_and_made_anew,
    a_code_that_pays_anything_else_is_never_shown,
    what_is_not_proven_is_not_believed_and_a_busy_provider_is_left_in_peace,
    nothing_is_asked_for_a_void_invoice_or_an_ended_connection,
    a_connection_that_makes_orders_needs_its_secrets_and_is_the_only_one
);

fn secrets() -> Secrets {
    Secrets::new().with("checksum_key", CHECKSUM_KEY).with("client_id", CLIENT_ID).with("api_key", API_KEY)
}

fn with_orders(is_unlinked: bool) -> NewConnection {
    NewConnection {
        provider: "payos".to_owned(),
        accounts: vec![(BIN.to_owned(), NUMBER.to_owned())],
        secrets: secrets(),
        is_unlinked,
        makes_orders: true,
        ..NewConnection::default()
    }
}

async fn connect(world: &World, new: NewConnection) -> hocphi::fault::Result<String> {
    let house = &world.house;
    inbox::connect(&house.store, &house.vault, &house.clock, &house.providers, new, "per_lan").await
}

/// A school whose run was published before it connected payOS.
async fn opened(fresh: Fresh, is_unlinked: bool) -> (World, Mock, String) {
    let mock = Mock::start(BIN, NUMBER).await;
    if is_unlinked {
        mock.known().description_most = 9;
    }
    let world = World::start_with_payos(fresh, Some(mock.base.clone())).await;
    let id = connect(&world, with_orders(is_unlinked)).await.expect("a connection");
    (world, mock, id)
}

async fn tell(world: &World, connection: &str, body: String) {
    let url = format!("{}/hook/payos/{connection}", world.address);
    let answer = reqwest::Client::new().post(url).body(body).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    world.settle().await;
}

async fn page(world: &World, pupil: &str) -> String {
    reqwest::get(world.page(pupil)).await.expect("a page").text().await.expect("its text")
}

async fn code(world: &World, pupil: &str) -> Payload {
    Payload::decode(&world.code(pupil).await).expect("a code")
}

async fn counts(world: &World, connection: &str) -> Counts {
    orders::counts(&world.house.store, connection, Moment(0)).await.expect("counts")
}

async fn every_published_unpaid_invoice_gets_one_order_and_its_number_says_whose_money_came(fresh: Fresh) {
    let (world, mock, id) = opened(fresh, false).await;
    assert_eq!(code(&world, AN_NHIEN).await.account, NUMBER, "until then the school's own code is shown");
    world.settle().await;
    let mut wanted = Vec::new();
    for pupil in EVERYBODY {
        wanted.push((OWED, world.invoice(pupil).await.reference));
    }
    wanted.sort_unstable();
    assert_eq!(mock.texts(), wanted, "each carries the whole reference");
    world.settle().await;
    assert_eq!(mock.known().asked.len(), EVERYBODY.len(), "and nothing is asked twice");
    let shown = code(&world, AN_NHIEN).await;
    assert_eq!((shown.account.as_str(), shown.amount), (VIRTUAL, Some(Dong::new(OWED))));
    let text = page(&world, AN_NHIEN).await;
    assert!(text.contains(VIRTUAL) && text.contains(HOLDER) && !text.contains(NUMBER), "{text}");
    let notice = reqwest::get(format!("{}/notice.pdf", world.page(AN_NHIEN))).await.expect("a notice");
    assert_eq!(notice.status().as_u16(), 200);
    let reference = world.invoice(AN_NHIEN).await.reference;
    let told = mock.paid((&reference, OWED), OWED, "FT26327000000001");
    tell(&world, &id, told.clone()).await;
    assert_eq!(world.owed(AN_NHIEN).await, Dong::ZERO, "the text said nothing, the order's number did");
    tell(&world, &id, told).await;
    assert_eq!(world.owed(AN_KHANG).await, Dong::new(OWED), "her brother's is another order");
    assert_eq!(counts(&world, &id).await, Counts { made: 5, ..Counts::default() });
    world.audit().await;
}

async fn what_is_still_owed_gets_an_order_of_its_own_and_a_paid_invoice_none(fresh: Fresh) {
    let (world, mock, id) = opened(fresh, false).await;
    world.settle().await;
    let reference = world.invoice(AN_NHIEN).await.reference;
    tell(&world, &id, mock.paid((&reference, OWED), 400_000, "FT26327000000005")).await;
    let hers: Vec<i64> =
        mock.texts().into_iter().filter(|(_, text)| *text == reference).map(|(amount, _)| amount).collect();
    let left = world.owed(AN_NHIEN).await;
    assert_eq!(hers, [left.get(), OWED]);
    assert_eq!(code(&world, AN_NHIEN).await.amount, Some(left));
    tell(&world, &id, mock.paid((&reference, left.get()), left.get(), "FT26327000000006")).await;
    assert_eq!(world.owed(AN_NHIEN).await, Dong::ZERO);
    assert_eq!(mock.texts().len(), EVERYBODY.len() + 1, "nothing is owed, so nothing is ordered");
    world.audit().await;
}

async fn a_lost_answer_makes_no_second_order(fresh: Fresh) {
    let (world, mock, id) = opened(fresh, false).await;
    mock.moods(&[Mood::Loses; 5]);
    world.settle().await;
    let waiting = vec![("status-502".to_owned(), 5)];
    assert_eq!(counts(&world, &id).await, Counts { waiting, ..Counts::default() });
    world.clock.advance_ms(5_000);
    world.settle().await;
    let numbers: Vec<i64> = mock.known().asked.iter().map(|body| body["orderCode"].as_i64().expect("one")).collect();
    let different: BTreeSet<i64> = numbers.iter().copied().collect();
    assert_eq!((numbers.len(), different.len()), (10, 5), "asked again under the same number");
    assert_eq!(mock.texts().len(), 5);
    assert_eq!(counts(&world, &id).await, Counts { made: 5, without_code: 5, waiting: Vec::new() });
    assert_eq!(code(&world, AN_NHIEN).await.account, NUMBER, "the school's own code carries the reference");
    let told = mock.paid((&world.invoice(AN_NHIEN).await.reference, OWED), OWED, "FT26327000000002");
    tell(&world, &id, told).await;
    assert_eq!(world.owed(AN_NHIEN).await, Dong::ZERO, "whoever pays the order all the same is known");
}

async fn an_account_that_is_not_linked_is_connected_only_with_orders(fresh: Fresh) {
    let mock = Mock::start(BIN, NUMBER).await;
    mock.known().description_most = 9;
    let world = World::start_with_payos(fresh, Some(mock.base.clone())).await;
    let alone = NewConnection {
        makes_orders: false,
        secrets: Secrets::new().with("checksum_key", CHECKSUM_KEY),
        ..with_orders(true)
    };
    let refused = connect(&world, alone).await.expect_err("too short");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("reference-does-not-fit"));
    let id = connect(&world, with_orders(true)).await.expect("with orders");
    let text = page(&world, AN_NHIEN).await;
    assert!(text.contains("đang được chuẩn bị") && !text.contains(NUMBER), "{text}");
    world.settle().await;
    let reference = world.invoice(AN_NHIEN).await.reference;
    let letters = reference[4..].to_owned();
    assert!(mock.texts().contains(&(OWED, letters.clone())), "{:?}", mock.texts());
    let shown = code(&world, AN_NHIEN).await;
    assert_eq!((shown.account.as_str(), shown.purpose()), (VIRTUAL, Some(letters.as_str())));
    assert!(!page(&world, AN_NHIEN).await.contains("đang được chuẩn bị"));
    tell(&world, &id, mock.paid((&letters, OWED), OWED, "FT26327000000003")).await;
    assert_eq!(world.owed(AN_NHIEN).await, Dong::ZERO);
    world.audit().await;
}

async fn a_lost_order_that_only_its_code_could_pay_is_taken_back_and_made_anew(fresh: Fresh) {
    let (world, mock, id) = opened(fresh, true).await;
    mock.moods(&[Mood::Loses; 5]);
    world.settle().await;
    world.clock.advance_ms(5_000);
    world.settle().await;
    let live = |status: &str| mock.known().orders.values().filter(|order| order["status"] == status).count();
    assert_eq!((live("CANCELLED"), live("PENDING")), (5, 5));
    assert_eq!(counts(&world, &id).await, Counts { made: 5, ..Counts::default() });
    assert_eq!(code(&world, AN_NHIEN).await.account, VIRTUAL);
    let letters = world.invoice(AN_NHIEN).await.reference[4..].to_owned();
    tell(&world, &id, mock.paid((&letters, OWED), OWED, "FT26327000000004")).await;
    assert_eq!(world.owed(AN_NHIEN).await, Dong::ZERO);
}

async fn a_code_that_pays_anything_else_is_never_shown(fresh: Fresh) {
    let (world, mock, id) = opened(fresh, false).await;
    mock.moods(&[Mood::OtherAmount, Mood::OtherAccount, Mood::OtherBank, Mood::OtherReference, Mood::NoCode]);
    world.settle().await;
    assert_eq!(counts(&world, &id).await, Counts { made: 5, without_code: 5, waiting: Vec::new() });
    for pupil in EVERYBODY {
        let shown = code(&world, pupil).await;
        assert_eq!((shown.account.as_str(), shown.amount), (NUMBER, Some(Dong::new(OWED))), "{pupil}");
    }
}

async fn what_is_not_proven_is_not_believed_and_a_busy_provider_is_left_in_peace(fresh: Fresh) {
    let (world, mock, id) = opened(fresh, false).await;
    mock.moods(&[Mood::Forges, Mood::Busy]);
    world.settle().await;
    let told = counts(&world, &id).await;
    assert_eq!(told.made, 3);
    assert_eq!(told.waiting, [("too-many".to_owned(), 1), ("unproven".to_owned(), 1)]);
    world.clock.advance_ms(60_000);
    world.settle().await;
    assert_eq!(counts(&world, &id).await, Counts { made: 5, ..Counts::default() });
    assert_eq!(mock.texts().len(), 5);
}

async fn nothing_is_asked_for_a_void_invoice_or_an_ended_connection(fresh: Fresh) {
    let (world, mock, id) = opened(fresh, false).await;
    let (store, clock) = (&world.house.store, &world.house.clock);
    fees::void_invoice(store, clock, &world.invoices[GIA_HUY], "per_lan", "chuyển trường").await.expect("void");
    mock.moods(&[Mood::Busy; 4]);
    world.settle().await;
    assert_eq!(mock.known().asked.len(), 4, "four were asked for and none was made");
    inbox::end(store, clock, &id, "per_lan").await.expect("ended");
    world.clock.advance_ms(60_000);
    world.settle().await;
    assert_eq!(mock.known().asked.len(), 4);
    assert_eq!(counts(&world, &id).await, Counts::default());
    assert_eq!(code(&world, BAO_NGOC_1A).await.account, NUMBER);
    let again = connect(&world, with_orders(false)).await.expect("another connection");
    settle(&world.house).await.expect("the clockwork");
    assert_eq!(counts(&world, &again).await, Counts { made: 4, ..Counts::default() }, "has orders of its own");
}

async fn a_connection_that_makes_orders_needs_its_secrets_and_is_the_only_one(fresh: Fresh) {
    let (world, _mock, _) = opened(fresh, false).await;
    let without = |name: &str| {
        let all = secrets();
        let names: Vec<&str> = all.names().filter(|known| *known != name).collect();
        names.iter().fold(Secrets::new(), |kept, name| kept.with(name, &all.values(name)[0]))
    };
    for (wanted, new) in [
        ("orders-made-already", with_orders(false)),
        ("order-secrets", NewConnection { secrets: without("client_id"), ..with_orders(false) }),
        ("order-secrets", NewConnection { secrets: without("api_key"), ..with_orders(false) }),
        ("wrong-secrets", NewConnection { secrets: without("checksum_key"), ..with_orders(false) }),
        ("orders-not-chosen", NewConnection { makes_orders: false, ..with_orders(false) }),
        (
            "no-orders",
            NewConnection {
                provider: "pay2s".to_owned(),
                secrets: Secrets::new().with("bearer", "x"),
                ..with_orders(false)
            },
        ),
        ("reference-does-not-fit", NewConnection { memo_max: Some(8), ..with_orders(false) }),
    ] {
        let refused = connect(&world, new).await.expect_err(wanted);
        assert_eq!(refused.refusal().map(|refusal| refusal.code), Some(wanted));
    }
}
