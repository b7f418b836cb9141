//! A mistyped reference: no money moves by itself, the right invoice is suggested first, one button gives it the money.

use axum::http::{Request, StatusCode, header};
use hocphi::access::{NewKey, Place, make_key};
use hocphi::fees::view::{self, InvoicePage};
use hocphi::ids::new_id;
use hocphi::inbox::memo_context;
use hocphi::simulate::{roster, stage};
use hocphi::store::{Arg, Statement, StatementKind};
use hocphi::time::Moment;
use hocphi::{clockwork, matching, roll};
use serde_json::{Value, json};

use crate::engines::Fresh;
use crate::on_both;
use crate::web_desk_work::{at_school, send};
use crate::web_world::{World, world};

on_both!(
    a_mistyped_reference_is_suggested_and_given_by_one_button,
    a_suggestion_is_of_the_schools_own_unpaid_invoices_only,
    a_text_without_any_reference_fills_in_the_search,
);

/// Money comes with this text into an account of a school, as the keeper would have written it.
async fn told(world: &World, (school, account): (&str, &str), amount: i64, memo: &str) -> String {
    let house = &world.house;
    let id = new_id("crd");
    let at = Moment::parse("2026-11-22T08:14:02+07:00").expect("an instant");
    let key = house.vault.key_of(&format!("deliveries:{school}")).await.expect("a key");
    let sealed = key.seal(memo.as_bytes(), &memo_context(&id)).expect("sealed");
    let credit = format!(
        "insert into credit (id, school_id, account_id, amount, day, value_at, memo_sealed, origin, doubt, kept_at)
         values ('{id}', '{school}', '{account}', {amount}, '{}', {}, $1, 'hook', '', {})",
        at.day(),
        at.0,
        at.0
    );
    let sql: &'static str = Box::leak(credit.into_boxed_str());
    let statement = Statement { name: "test::told", kind: StatementKind::Fixed, sql, tail: "" };
    let mut tx = house.store.begin().await.expect("a transaction");
    tx.run(&statement, vec![Arg::Bytes(Some(sealed))]).await.expect("a credit");
    tx.commit().await.expect("a commit");
    let undecided = format!("insert into undecided (credit_id, since) values ('{id}', {})", at.0);
    house.store.run_raw(&undecided).await.expect("a row");
    clockwork::settle(house).await.expect("drained");
    id
}

async fn told_for(world: &World, page: &InvoicePage, memo: &str) -> String {
    let into = (page.school.id.as_str(), page.account.id.as_str());
    told(world, into, page.invoice.total.get(), memo).await
}

async fn paid(world: &World, invoice: &str) -> i64 {
    let page = view::page_of(&world.house.store, invoice).await.expect("a page").expect("an invoice");
    page.money.paid.get()
}

/// What a program reads of it.
async fn by_api(world: &World, school: &str, path: &str) -> Value {
    let place = Place::School(school.to_owned());
    let new = NewKey { name: "phần mềm", scopes: &["credits:read"], place, city: false };
    let key = make_key(&world.house.store, &world.house.clock, new, "system").await.expect("a key").1;
    let mut program = world.visitor();
    let answer = program.send(Request::get(path).header(header::AUTHORIZATION, format!("Bearer {key}"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    serde_json::from_str(&answer.text).expect("JSON")
}

/// The reference with another letter at a place.
fn wrong_at(reference: &str, place: usize) -> String {
    format!("{}W{}", &reference[..place], &reference[place + 1..])
}

async fn a_mistyped_reference_is_suggested_and_given_by_one_button(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    for (place, slip) in ["wrong", "lost", "added", "swapped"].into_iter().enumerate() {
        let (_, page) = world.invoice(place).await;
        let code = page.invoice.reference.clone();
        let swap = (4..12).find(|at| code[*at..=*at] != code[at + 1..at + 2]).expect("two different neighbours");
        let typed = match slip {
            "wrong" => wrong_at(&code, 6),
            "lost" => code[1..].to_owned(),
            "added" => format!("{}0{}", &code[..7], &code[7..]),
            _ => format!("{}{}{}{}", &code[..swap], &code[swap + 1..swap + 2], &code[swap..=swap], &code[swap + 2..]),
        };
        let memo = format!("MBVCB.6985532817.154278.{} hoc phi.CT tu 9413000000", typed.to_lowercase());
        let credit = told_for(&world, &page, &memo).await;
        assert_eq!(paid(&world, &page.invoice.id).await, 0, "{slip}: nothing moves by itself");

        let seen = by_api(&world, &page.school.id, &format!("/api/v1/credits/{credit}")).await;
        assert_eq!((&seen["decision"], &seen["reason"]), (&json!("hold"), &json!("near_reference")), "{seen}");
        let first = &seen["near"][0];
        assert_eq!((&first["invoice_id"], &first["reference"]), (&json!(page.invoice.id), &json!(code)), "{seen}");
        assert_eq!((&first["slip"], &first["typed"]), (&json!(slip), &json!(typed)), "{seen}");
        let listed =
            by_api(&world, &page.school.id, &format!("/api/v1/schools/{}/credits?held=true", page.school.id)).await;
        assert_eq!(listed["data"][0]["near"], seen["near"]);

        let list = visitor.get("/desk/held").await;
        assert!(list.text.contains("chỉ lệch một ký tự") && list.text.contains(&page.pupil.code), "{}", list.text);
        let address = format!("/desk/credits/{credit}");
        let shown = visitor.get(&address).await;
        for told in [&page.pupil.full_name, &page.pupil.code, &page.class_name, "<mark>", "mã sai một ký tự"] {
            assert!(shown.text.contains(told), "{slip}: {told} is not on the page: {}", shown.text);
        }
        let fields = ["invoice", "note", "turn"].map(|name| (name, shown.field(name)));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let assign = format!("{address}/assign");
        let forged = visitor.post(&assign, &[&fields[..], &[("csrf", "x"), ("once", "y")]].concat()).await;
        assert_eq!((forged.status, paid(&world, &page.invoice.id).await), (StatusCode::FORBIDDEN, 0));
        for _ in 0..2 {
            let done = send(&mut visitor, &shown, &assign, &fields).await;
            assert_eq!(done.header(header::LOCATION), "/desk/held?done=assigned", "{}", done.text);
        }
        assert_eq!(paid(&world, &page.invoice.id).await, page.invoice.total.get());
        let story = matching::story(&world.house.store, &credit).await.expect("a story");
        assert_eq!(story.iter().map(|step| step.kind.as_str()).collect::<Vec<_>>(), ["hold", "assign"]);
        assert!(story[1].note == "mã sai một ký tự" && story[1].actor.starts_with("per_"), "{story:?}");
        assert_eq!(by_api(&world, &page.school.id, &format!("/api/v1/credits/{credit}")).await["near"], json!([]));
    }
    let findings = hocphi::ledger::audit(&world.house.store).await.expect("an audit");
    assert!(findings.iter().all(|finding| finding.rows.is_empty()), "{findings:?}");
}

async fn a_suggestion_is_of_the_schools_own_unpaid_invoices_only(fresh: Fresh) {
    let world = world(fresh).await;
    let (_, page) = world.invoice(0).await;
    let memo = format!("{} hoc phi", wrong_at(&page.invoice.reference, 8));
    let other = stage::school(&world.house.store, &roster::BEN_NGHE_XANH).await.expect("a school");
    let accounts = roll::accounts_of(&world.house.store, &other.id).await.expect("accounts");
    let foreign = told(&world, (&other.id, &accounts[0].id), 1_000, &memo).await;
    let seen = by_api(&world, &other.id, &format!("/api/v1/credits/{foreign}")).await;
    assert_eq!((&seen["reason"], &seen["near"]), (&json!("no_reference"), &json!([])));

    world.pay(&page, page.invoice.total.get(), "2026-11-22T07:14:02+07:00", false).await;
    let late = told_for(&world, &page, &memo).await;
    let seen = by_api(&world, &page.school.id, &format!("/api/v1/credits/{late}")).await;
    assert_eq!((&seen["reason"], &seen["near"]), (&json!("no_reference"), &json!([])), "it is paid already");
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let shown = visitor.get(&format!("/desk/credits/{late}")).await;
    assert!(!shown.text.contains("<mark>") && shown.text.contains("không có mã phiếu nào đúng"), "{}", shown.text);
}

async fn a_text_without_any_reference_fills_in_the_search(fresh: Fresh) {
    let world = world(fresh).await;
    let (_, page) = world.invoice(3).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let name = roll::folded(&page.pupil.full_name);
    let cases = [
        (format!("{} nop hoc phi lop 3A", name.to_uppercase()), name.clone()),
        (format!("IBFT hoc phi {} thang 11 0912345678", page.pupil.code.to_lowercase()), page.pupil.code.clone()),
        ("chuyen tien".to_owned(), String::new()),
    ];
    for (memo, wanted) in cases {
        let credit = told_for(&world, &page, &memo).await;
        let shown = visitor.get(&format!("/desk/credits/{credit}")).await;
        assert!(shown.text.contains(&format!("autocomplete=\"off\" value=\"{wanted}\"")), "{memo}: {}", shown.text);
        assert!(!shown.text.contains("name=\"invoice\""), "nobody searched yet");
        if wanted.is_empty() {
            continue;
        }
        let query = wanted.replace(' ', "+");
        let found = visitor.get(&format!("/desk/credits/{credit}?q={query}")).await;
        let said = format!("{}</strong> · {} · Lớp {}", page.pupil.full_name, page.pupil.code, page.class_name);
        assert!(found.text.contains(&page.invoice.id) && found.text.contains(&said), "{said}: {}", found.text);
    }
}
