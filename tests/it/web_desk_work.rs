//! An accountant's work at the desk: a run from draft to published, held money given to a child, files, and what
//! another school's people may not see.

use axum::http::{StatusCode, header};
use hocphi::clockwork;
use hocphi::fees::view;
use hocphi::matching;
use hocphi::roll;
use hocphi::simulate::{roster, stage};

use crate::engines::Fresh;
use crate::on_both;
use crate::web_world::{Answer, Visitor, World, world};

on_both!(
    a_run_goes_from_draft_to_published_however_often_a_button_is_pressed,
    a_held_credit_is_given_to_a_child_once_and_moved_to_another_in_one_act,
    another_schools_things_are_answered_like_absent_ones,
    a_form_without_the_sessions_token_changes_nothing
);

/// The accountant of both schools, at this one.
pub async fn at_school(world: &World, code: &str) -> Visitor {
    let mut visitor = world.signed_in("ketoan").await;
    let school = roll::school_by_code(&world.house.store, code).await.expect("a look").expect("a school");
    let page = visitor.get("/desk/school").await;
    let chosen = send(&mut visitor, &page, "/desk/school", &[("school", &school.id)]).await;
    assert_eq!(chosen.status, StatusCode::SEE_OTHER, "{}", chosen.text);
    visitor
}

/// Sends a form that stood on a page.
pub async fn send(visitor: &mut Visitor, page: &Answer, address: &str, fields: &[(&str, &str)]) -> Answer {
    let (csrf, once) = (page.field("csrf"), page.field("once"));
    let mut all = vec![("csrf", csrf.as_str()), ("once", once.as_str())];
    all.extend_from_slice(fields);
    visitor.post(address, &all).await
}

async fn first_run(world: &World) -> String {
    let school = stage::school(&world.house.store, &roster::SAO_KHUE).await.expect("a school");
    view::runs_of(&world.house.store, &school.id).await.expect("runs")[0].run.id.clone()
}

async fn a_run_goes_from_draft_to_published_however_often_a_button_is_pressed(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let form = visitor.get("/desk/runs/new").await;
    let values = |name: &str| -> Vec<String> {
        let mark = format!("name=\"{name}\" value=\"");
        form.text.split(&mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    let (items, classes) = (values("item"), values("class"));
    let account = form.text.split("<option value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let quantity = format!("quantity-{}", items[0]);
    let fields = [
        ("title", "Thu tháng 12"),
        ("due", "2026-12-20"),
        ("account", account.expect("an account")),
        ("item", &items[0]),
        (&*quantity, "2"),
        ("class", &classes[0]),
    ];
    let made = send(&mut visitor, &form, "/desk/runs", &fields).await;
    let again = send(&mut visitor, &form, "/desk/runs", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
    let run = made.header(header::LOCATION).to_owned();
    assert_eq!(again.header(header::LOCATION), run, "a second press gives the same answer");
    let draft = visitor.get(&run).await;
    assert!(draft.text.contains("Bản nháp") && draft.text.contains("Xem trước"), "{}", draft.text);
    let issue = format!("{run}/issue");
    for _ in 0..2 {
        assert_eq!(send(&mut visitor, &draft, &issue, &[]).await.status, StatusCode::SEE_OTHER);
    }
    let working = visitor.get(&run).await;
    assert!(working.text.contains("<progress") && working.text.contains("http-equiv=\"refresh\""));
    clockwork::settle(&world.house).await.expect("drained");
    let issued = visitor.get(&run).await;
    assert!(issued.text.contains("Đã lập, chưa công bố") && !issued.text.contains("http-equiv=\"refresh\""));
    let publish = format!("{run}/publish");
    assert_eq!(send(&mut visitor, &issued, &publish, &[]).await.status, StatusCode::SEE_OTHER);
    let published = visitor.get(&run).await;
    assert!(published.text.contains("Đã công bố"));
    let class = visitor.get(&format!("{run}/{}", classes[0])).await;
    assert!(class.text.contains("Chưa nộp") && class.text.contains("/p/"), "{}", class.text);
    let table = visitor.get(&format!("{run}/list.csv")).await;
    assert!(table.header(header::CONTENT_TYPE).starts_with("text/csv") && table.text.starts_with('\u{feff}'));
    let undone = send(&mut visitor, &published, &format!("{run}/undo"), &[("reason", "Nhầm hạn nộp")]).await;
    assert_eq!(undone.status, StatusCode::SEE_OTHER, "{}", undone.text);
    clockwork::settle(&world.house).await.expect("drained");
    assert!(visitor.get(&run).await.text.contains("Đã hủy"));
}

async fn a_held_credit_is_given_to_a_child_once_and_moved_to_another_in_one_act(fresh: Fresh) {
    let world = world(fresh).await;
    let (_, mut nowhere) = world.invoice(0).await;
    let (_, first) = world.invoice(1).await;
    let (_, second) = world.invoice(2).await;
    "RF00AAAAAAAAA".clone_into(&mut nowhere.invoice.reference);
    let amount = first.invoice.total.get();
    let credit = world.pay(&nowhere, amount, "2026-11-22T08:14:02+07:00", false).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let held = visitor.get("/desk/held").await;
    assert!(held.text.contains(&credit) && held.text.contains("không khớp phiếu nào"), "{}", held.text);
    let page = visitor.get(&format!("/desk/credits/{credit}?q={}", first.invoice.reference)).await;
    assert!(page.text.contains(&first.invoice.id) && page.text.contains("Vừa đúng số tiền"), "{}", page.text);
    let mut colleague = at_school(&world, roster::SAO_KHUE.code).await;
    let hers = colleague.get(&format!("/desk/credits/{credit}?q={}", second.invoice.reference)).await;
    let assign = format!("/desk/credits/{credit}/assign");
    let turn = page.field("turn");
    let fields = [("invoice", first.invoice.id.as_str()), ("note", "Phụ huynh gọi"), ("turn", turn.as_str())];
    let one = send(&mut visitor, &page, &assign, &fields).await;
    let two = send(&mut visitor, &page, &assign, &fields).await;
    assert_eq!(one.header(header::LOCATION), "/desk/held?done=assigned", "{}", one.text);
    assert_eq!(two.header(header::LOCATION), one.header(header::LOCATION));
    let stale = [("invoice", second.invoice.id.as_str()), ("note", "Em kia"), ("turn", turn.as_str())];
    let late = send(&mut colleague, &hers, &assign, &stale).await;
    assert_eq!(late.status, StatusCode::CONFLICT, "who has not seen the first assignment does not overturn it");
    let school = &first.school.id;
    assert_eq!(matching::held_count(&world.house.store, school).await.expect("a count"), 0);
    let account = visitor.get(&format!("/desk/pupils/{}", first.pupil.id)).await;
    assert!(account.text.contains("Đã nộp đủ") && account.text.contains("00000001"), "{}", account.text);
    let page = visitor.get(&format!("/desk/credits/{credit}?q={}", second.invoice.reference)).await;
    let moved = send(&mut visitor, &page, &assign, &[("invoice", &second.invoice.id), ("note", "Nhầm em")]).await;
    assert_eq!(moved.header(header::LOCATION), format!("/desk/credits/{credit}?done=moved"), "{}", moved.text);
    let late = visitor.get(&format!("/desk/credits/{credit}")).await;
    let late = send(&mut visitor, &late, &format!("/desk/credits/{credit}/same"), &[("note", "x")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let paid = view::page_of(&world.house.store, &second.invoice.id).await.expect("a page").expect("an invoice");
    let owed = view::page_of(&world.house.store, &first.invoice.id).await.expect("a page").expect("an invoice");
    assert_eq!((paid.money.paid.get(), owed.money.paid.get()), (amount, 0));
}

async fn another_schools_things_are_answered_like_absent_ones(fresh: Fresh) {
    let world = world(fresh).await;
    let (_, page) = world.invoice(0).await;
    let credit = world.pay(&page, 1_000, "2026-11-22T08:14:02+07:00", false).await;
    let run = first_run(&world).await;
    let mut other = at_school(&world, roster::BEN_NGHE_XANH.code).await;
    let form = other.get("/desk/runs/new").await;
    for address in [
        format!("/desk/runs/{run}"),
        format!("/desk/runs/{run}/list.csv"),
        format!("/desk/runs/{run}/{}", page.invoice.class_group_id),
        format!("/desk/pupils/{}", page.pupil.id),
        format!("/desk/credits/{credit}"),
        "/desk/runs/run_nothing".to_owned(),
    ] {
        let answer = other.get(&address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
        assert!(!answer.text.contains(&page.pupil.full_name), "{address}");
    }
    for (address, fields) in [
        (format!("/desk/runs/{run}/undo"), vec![("reason", "x")]),
        (format!("/desk/invoices/{}/void", page.invoice.id), vec![("reason", "x")]),
        (format!("/desk/credits/{credit}/assign"), vec![("invoice", page.invoice.id.as_str()), ("note", "x")]),
        (format!("/desk/pupils/{}/register", page.pupil.id), vec![("item", "fit_x"), ("from", "2026-12-01")]),
    ] {
        assert_eq!(send(&mut other, &form, &address, &fields).await.status, StatusCode::NOT_FOUND, "{address}");
    }
    let found = other.get(&format!("/desk/pupils?q={}", page.pupil.code)).await;
    assert!(!found.text.contains(&page.pupil.id));
    let mut supervisor = world.signed_in("giamsat").await;
    assert_ne!(supervisor.get(&format!("/desk/runs/{run}")).await.status, StatusCode::OK);
    let sums = supervisor.get("/oversight").await;
    assert!(sums.text.contains("<svg") && sums.text.contains("1.000\u{a0}₫"), "{}", sums.text);
    assert!(!sums.text.contains(&page.pupil.full_name));
    for (from, to, is_shown) in [
        ("2026-01-01", "2027-02-05", true),
        ("2025-12-31", "2027-02-04", true),
        ("2025-12-30", "2027-02-04", false),
        ("2027-02-04", "2026-01-01", false),
        ("2026-02-31", "2026-03-01", false),
    ] {
        let sums = supervisor.get(&format!("/oversight?from={from}&to={to}")).await;
        assert_eq!(sums.text.contains("Không xem được những ngày đã chọn"), !is_shown, "{from} {to}");
    }
}

async fn a_form_without_the_sessions_token_changes_nothing(fresh: Fresh) {
    let world = world(fresh).await;
    let run = first_run(&world).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    for (address, body) in [
        (format!("/desk/runs/{run}/undo"), "reason=x"),
        (format!("/desk/runs/{run}/undo"), "reason=x&csrf=wrong&once=a"),
        ("/desk/runs".to_owned(), "title=x"),
    ] {
        assert_eq!(visitor.post_raw(&address, body.to_owned()).await.status, StatusCode::FORBIDDEN, "{address}");
    }
    let still = view::run_progress(&world.house.store, &run).await.expect("a look").expect("a run");
    assert_eq!(still.state, hocphi::fees::RunState::Published);
}
