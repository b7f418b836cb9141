//! A refused form comes back with what was typed; keys and copy buttons are there, and nothing needs them.

use axum::http::{StatusCode, header};
use hocphi::simulate::roster;

use crate::engines::Fresh;
use crate::on_both;
use crate::web_desk_work::{at_school, send};
use crate::web_world::{Answer, world};

on_both!(
    a_refused_run_keeps_its_title_its_items_and_its_classes,
    a_refused_assignment_keeps_the_search_the_choice_and_the_note,
    a_refused_void_and_a_refused_registration_come_back_on_the_pupils_page,
    lists_can_be_walked_by_keys_and_links_be_copied
);

fn values(page: &Answer, name: &str) -> Vec<String> {
    let mark = format!("name=\"{name}\" value=\"");
    page.text.split(&mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

async fn a_refused_run_keeps_its_title_its_items_and_its_classes(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let form = visitor.get("/desk/runs/new").await;
    let (items, classes) = (values(&form, "item"), values(&form, "class"));
    assert!(classes.len() > 1);
    let quantity = format!("quantity-{}", items[1]);
    let fields = [
        ("title", "Thu \"tháng\" 12 <b>"),
        ("due", "2026-02-30"),
        ("account", "acc_nothing"),
        ("item", &items[1]),
        (&*quantity, "7"),
        ("class", &classes[1]),
    ];
    let refused = send(&mut visitor, &form, "/desk/runs", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    assert!(refused.text.contains("Hãy chọn hạn nộp là một ngày có trong lịch."));
    assert!(refused.text.contains("value=\"Thu &#34;tháng&#34; 12 &#60;b&#62;\""), "{}", refused.text);
    assert!(refused.text.contains(&format!("name=\"item\" value=\"{}\" checked", items[1])));
    assert!(!refused.text.contains(&format!("name=\"item\" value=\"{}\" checked", items[0])));
    assert!(refused.text.contains(&format!("name=\"{quantity}\" value=\"7\"")));
    assert!(refused.text.contains(&format!("name=\"class\" value=\"{}\" checked", classes[1])));
    assert!(!refused.text.contains(&format!("name=\"class\" value=\"{}\" checked", classes[0])));
    let account = form.text.split("<option value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("one");
    let mended = [
        ("title", "Thu tháng 12"),
        ("due", "2026-12-20"),
        ("account", account),
        ("item", &items[1]),
        (&*quantity, "7"),
        ("class", &classes[1]),
    ];
    let made = send(&mut visitor, &refused, "/desk/runs", &mended).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.text);
}

async fn a_refused_assignment_keeps_the_search_the_choice_and_the_note(fresh: Fresh) {
    let world = world(fresh).await;
    let (_, mut nowhere) = world.invoice(0).await;
    let (_, first) = world.invoice(1).await;
    "RF00AAAAAAAAA".clone_into(&mut nowhere.invoice.reference);
    let credit = world.pay(&nowhere, 5_000, "2026-11-22T08:14:02+07:00", false).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let page = visitor.get(&format!("/desk/credits/{credit}?q={}", first.invoice.reference)).await;
    let assign = format!("/desk/credits/{credit}/assign");
    let fields = [("invoice", first.invoice.id.as_str()), ("note", " "), ("q", first.invoice.reference.as_str())];
    let refused = send(&mut visitor, &page, &assign, &fields).await;
    assert!(refused.status.is_client_error() && refused.text.contains("role=\"alert\""), "{}", refused.text);
    assert!(refused.text.contains(&format!("value=\"{}\" required checked", first.invoice.id)), "{}", refused.text);
    let fields = [("invoice", "inv_nothing"), ("note", "Bà ngoại chuyển hộ"), ("q", first.invoice.reference.as_str())];
    let refused = send(&mut visitor, &refused, &assign, &fields).await;
    assert!(refused.status.is_client_error(), "{}", refused.status);
    if refused.status != StatusCode::NOT_FOUND {
        assert!(refused.text.contains("value=\"Bà ngoại chuyển hộ\""), "{}", refused.text);
    }
    let fields = [("invoice", first.invoice.id.as_str()), ("note", "Bà ngoại chuyển hộ")];
    let done = send(&mut visitor, &page, &assign, &fields).await;
    assert_eq!(done.header(header::LOCATION), "/desk/held?done=assigned", "{}", done.text);
}

async fn a_refused_void_and_a_refused_registration_come_back_on_the_pupils_page(fresh: Fresh) {
    let world = world(fresh).await;
    let (_, page) = world.invoice(0).await;
    world.pay(&page, 1_000, "2026-11-22T08:14:02+07:00", false).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let address = format!("/desk/pupils/{}", page.pupil.id);
    let form = visitor.get(&address).await;
    let void = format!("/desk/invoices/{}/void", page.invoice.id);
    let refused = send(&mut visitor, &form, &void, &[("reason", " ")]).await;
    assert!(refused.status.is_client_error() && refused.text.contains("role=\"alert\""), "{}", refused.text);
    assert!(refused.text.contains("<details open>"), "the form that was refused is open");
    let register = format!("{address}/register");
    let fields = [("item", "fit_nothing"), ("from", "2026-13-01"), ("to", "2027-05-31")];
    let refused = send(&mut visitor, &form, &register, &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("Hãy chọn một ngày có trong lịch."));
    assert!(refused.text.contains("value=\"2026-13-01\"") && refused.text.contains("value=\"2027-05-31\""));
}

async fn lists_can_be_walked_by_keys_and_links_be_copied(fresh: Fresh) {
    let world = world(fresh).await;
    let (token, page) = world.invoice(0).await;
    let (_, mut nowhere) = world.invoice(1).await;
    "RF00AAAAAAAAA".clone_into(&mut nowhere.invoice.reference);
    world.pay(&nowhere, 5_000, "2026-11-22T08:14:02+07:00", false).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let held = visitor.get("/desk/held").await;
    assert!(held.text.contains("<ol class=\"plain\" data-rows>") && held.text.contains("J xuống"), "{}", held.text);
    assert!(held.text.contains("class=\"hint keys\" hidden"), "the hint is for those with a script");
    let script = held.text.split("<script src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a script");
    let script = visitor.get(script).await;
    assert_eq!(script.header(header::CONTENT_TYPE), "text/javascript; charset=utf-8");
    assert!(held.header(header::CONTENT_SECURITY_POLICY).contains("script-src 'self'"));
    assert_eq!(visitor.get("/assets/desk-000000000000.js").await.status, StatusCode::NOT_FOUND);
    let link = format!("http://hocphi.test/p/{token}");
    let pupil = visitor.get(&format!("/desk/pupils/{}", page.pupil.id)).await;
    assert!(pupil.text.contains(&format!("data-copy-text=\"{link}\"")), "{}", pupil.text);
    assert!(pupil.text.contains(&format!(">{link}</code>")), "without a script the link is text to select");
    let runs = visitor.get("/desk/runs").await;
    let run = runs.text.split("/desk/runs/run_").nth(1).and_then(|rest| rest.split('"').next()).expect("a run");
    let class = visitor.get(&format!("/desk/runs/run_{run}/{}", page.invoice.class_group_id)).await;
    assert!(class.text.contains(&format!("data-copy-text=\"{link}\"")), "{}", class.text);
}
