//! Signing in, forms that happen once, and errors that say what to do.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hocphi::access::SESSION_IDLE_MS;
use hocphi::clockwork::House;
use hocphi::config::Config;
use hocphi::providers::Providers;
use hocphi::web;
use tower::ServiceExt;

use crate::engines::Fresh;
use crate::on_both;
use crate::web_world::{PASSWORD, world};

on_both!(
    whoever_signs_in_reaches_their_desk_and_leaves_it,
    a_wrong_name_and_a_wrong_password_look_the_same_until_there_were_too_many,
    a_form_of_nobody_or_of_another_session_does_nothing,
    a_session_that_was_idle_too_long_is_over,
    signing_in_begins_a_session_that_nobody_could_have_planted,
    a_head_reads_everything_and_moves_nothing,
    a_nul_is_answered_and_never_a_fault,
    who_left_has_no_desk_any_more
);

async fn whoever_signs_in_reaches_their_desk_and_leaves_it(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = world.visitor();
    let turned_away = visitor.get("/desk").await;
    assert_eq!(turned_away.status, StatusCode::SEE_OTHER);
    assert_eq!(turned_away.header(header::LOCATION), "/desk/sign-in?next=/desk");
    let before = visitor.sign_in("HieuTruong ", PASSWORD).await;
    assert_eq!((before.status, before.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/desk"));
    let cookie = before.header(header::SET_COOKIE);
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    // The head of both schools chooses one first.
    let page = visitor.get("/desk").await;
    assert_eq!(page.header(header::LOCATION), "/desk/school");
    let page = visitor.get("/desk/school").await;
    let (csrf, once) = (page.field("csrf"), page.field("once"));
    let school = page.text.split("name=\"school\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let school = school.expect("a school").to_owned();
    let fields = [("csrf", &*csrf), ("once", &*once), ("school", &*school)];
    assert_eq!(visitor.post("/desk/school", &fields).await.status, StatusCode::SEE_OTHER);
    let page = visitor.get("/desk").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Trường Tiểu học Sao Khuê") || page.text.contains("Trường THCS"), "{}", page.text);
    assert!(page.text.contains("<html lang=\"vi\">"));
    assert!(visitor.get("/desk?lang=en").await.text.contains("<html lang=\"en\">"));
    assert!(visitor.get("/desk").await.text.contains("<html lang=\"en\">"), "the switch is remembered");
    let out = visitor.post("/desk/sign-out", &[("csrf", &page.field("csrf")), ("once", "x")]).await;
    assert_eq!(out.header(header::LOCATION), "/desk/sign-in");
    assert_eq!(visitor.get("/desk").await.status, StatusCode::SEE_OTHER);
}

async fn a_wrong_name_and_a_wrong_password_look_the_same_until_there_were_too_many(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = world.visitor();
    let said =
        |text: &str| text.split("role=\"alert\">").nth(1).and_then(|rest| rest.split('<').next()).map(str::to_owned);
    let nobody = visitor.sign_in("khong-co-ai", PASSWORD).await;
    let wrong = visitor.sign_in("ketoan", "sai mat khau nay").await;
    assert_eq!((nobody.status, wrong.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert_eq!(said(&nobody.text), said(&wrong.text));
    assert!(said(&wrong.text).is_some_and(|said| said.contains("chưa đúng")));
    for _ in 0..4 {
        visitor.sign_in("ketoan", "sai mat khau nay").await;
    }
    let refused = visitor.sign_in("ketoan", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!refused.header(header::RETRY_AFTER).is_empty());
    let other = visitor.sign_in("giamsat", PASSWORD).await;
    assert_eq!(other.status, StatusCode::SEE_OTHER, "another login is not shut out");
}

async fn a_form_of_nobody_or_of_another_session_does_nothing(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = world.signed_in("ketoan").await;
    let mut thief = world.signed_in("hieutruong").await;
    let foreign = thief.get("/desk/school").await.field("csrf");
    for fields in [vec![], vec![("csrf", ""), ("once", "a")], vec![("csrf", foreign.as_str()), ("once", "a")]] {
        let refused = visitor.post("/desk/sign-out", &fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{fields:?}");
        assert!(refused.text.contains("Biểu mẫu này đã cũ"));
    }
    assert_eq!(visitor.get("/desk/school").await.status, StatusCode::OK, "still signed in");
    let mut stranger = world.visitor();
    let refused = stranger.post("/desk/sign-in", &[("login", "ketoan"), ("password", PASSWORD)]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "a sign-in form that nobody opened");
}

async fn a_session_that_was_idle_too_long_is_over(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = world.signed_in("ketoan").await;
    world.house.clock.advance_ms(SESSION_IDLE_MS - 1_000);
    assert_eq!(visitor.get("/desk/school").await.status, StatusCode::OK);
    world.house.clock.advance_ms(SESSION_IDLE_MS - 1_000);
    assert_eq!(visitor.get("/desk/school").await.status, StatusCode::OK, "each use begins the half hour again");
    world.house.clock.advance_ms(SESSION_IDLE_MS + 1_000);
    assert_eq!(visitor.get("/desk/school").await.status, StatusCode::SEE_OTHER);
}

async fn signing_in_begins_a_session_that_nobody_could_have_planted(fresh: Fresh) {
    let world = world(fresh).await;
    let planted = "BBBBBBBBBBBBBBBBBBBBBA";
    let mut victim = world.visitor();
    victim.cookies.insert("hp".to_owned(), planted.to_owned());
    assert_eq!(victim.sign_in("ketoan", PASSWORD).await.status, StatusCode::SEE_OTHER);
    let first = victim.cookies["hp"].clone();
    assert_ne!(first, planted, "an id the browser brought is not kept");
    // The next person signs in on the same computer without the one before having signed out.
    assert_eq!(victim.sign_in("hieutruong", PASSWORD).await.status, StatusCode::SEE_OTHER);
    assert_ne!(victim.cookies["hp"], first);
    for noted in [planted, &first] {
        let mut thief = world.visitor();
        thief.cookies.insert("hp".to_owned(), noted.to_owned());
        let seen = thief.get("/desk/school").await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{}", seen.text);
        assert!(seen.header(header::LOCATION).starts_with("/desk/sign-in"));
    }
}

async fn a_head_reads_everything_and_moves_nothing(fresh: Fresh) {
    let world = world(fresh).await;
    let mut head = world.signed_in("hieutruong").await;
    let page = head.get("/desk/school").await;
    let school = page.text.split("name=\"school\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let school = school.expect("a school").to_owned();
    crate::web_desk_work::send(&mut head, &page, "/desk/school", &[("school", &school)]).await;
    for address in ["/desk", "/desk/runs", "/desk/held", "/desk/day", "/desk/pupils", "/desk/roster", "/desk/fees"] {
        assert_eq!(head.get(address).await.status, StatusCode::OK, "{address}");
    }
    let form = head.get("/desk").await;
    let (_, invoice) = world.invoice(0).await;
    let id = &invoice.invoice.id;
    for address in [
        format!("/desk/invoices/{id}/void"),
        format!("/desk/invoices/{id}/reinstate"),
        "/desk/credits/crd_x/assign".to_owned(),
        "/desk/credits/crd_x/same".to_owned(),
        "/desk/runs".to_owned(),
        "/desk/runs/run_x/issue".to_owned(),
        "/desk/runs/run_x/publish".to_owned(),
        "/desk/runs/run_x/undo".to_owned(),
        "/desk/pupils/pup_x/register".to_owned(),
        "/desk/setup/connect".to_owned(),
        "/desk/setup/connections/con_x/secret".to_owned(),
        "/desk/setup/connections/con_x/retire".to_owned(),
        "/desk/setup/connections/con_x/end".to_owned(),
    ] {
        let refused = crate::web_desk_work::send(&mut head, &form, &address, &[("reason", "x"), ("note", "x")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{address}");
        assert!(refused.text.contains("kế toán"), "{}", refused.text);
    }
}

async fn a_nul_is_answered_and_never_a_fault(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = world.visitor();
    let unknown = visitor.sign_in("ke\0toan", PASSWORD).await;
    assert!(unknown.status.is_client_error(), "{}", unknown.status);
    let mut visitor = crate::web_desk_work::at_school(&world, hocphi::simulate::roster::SAO_KHUE.code).await;
    for address in [
        "/desk/credits/%00",
        "/desk/runs/a%00b",
        "/desk/runs/a/x%00/list.csv",
        "/desk/runs/a/x%00/notices.pdf",
        "/desk/invoices/%00/notice.pdf",
        "/desk/receipts/%00.pdf",
        "/desk/pupils/%00",
        "/p/%00",
        "/check/%00",
    ] {
        let answer = visitor.get(address).await;
        assert!(answer.status.is_client_error(), "{address}: {}", answer.status);
    }
    let long = format!("/desk/pupils?q={}", "a".repeat(55_000));
    assert_eq!(visitor.get(&long).await.status, StatusCode::OK, "who looks for too much finds nothing");
    let (_, page) = world.invoice(0).await;
    let form = visitor.get("/desk").await;
    for (address, field) in [
        (format!("/desk/invoices/{}/void", page.invoice.id), "reason"),
        (format!("/desk/pupils/{}/register", page.pupil.id), "item"),
    ] {
        let refused =
            crate::web_desk_work::send(&mut visitor, &form, &address, &[(field, "a\0b"), ("from", "2026-12-01")]).await;
        assert!(refused.status.is_client_error(), "{address}: {}", refused.status);
    }
}

async fn who_left_has_no_desk_any_more(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = world.signed_in("ketoan").await;
    let (store, clock) = (&world.house.store, &world.house.clock);
    let person = hocphi::access::person_by_login(store, "ketoan").await.expect("a look").expect("a person");
    hocphi::access::end_person(store, clock, &person.id, "system").await.expect("an end");
    assert_eq!(visitor.get("/desk/school").await.status, StatusCode::SEE_OTHER);
    assert_eq!(visitor.sign_in("ketoan", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_form_takes_64_kib_and_not_a_byte_more() {
    let world = world(crate::engines::sqlite().await).await;
    let mut visitor = world.signed_in("ketoan").await;
    let head = "csrf=x&once=y&pad=";
    let fits = visitor.post_raw("/desk/sign-out", format!("{head}{}", "a".repeat(65_536 - head.len()))).await;
    assert_eq!(fits.status, StatusCode::FORBIDDEN, "it was read, and is foreign");
    let over = visitor.post_raw("/desk/sign-out", format!("{head}{}", "a".repeat(65_537 - head.len()))).await;
    assert_eq!(over.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(over.text.contains("lớn hơn mức cho phép"), "{}", over.text);
}

#[tokio::test]
async fn errors_are_pages_for_people_and_problems_for_programs() {
    let world = world(crate::engines::sqlite().await).await;
    let mut visitor = world.visitor();
    let page = visitor.get("/nowhere").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text.contains("Không tìm thấy") && page.text.contains(page.header("x-request-id")));
    let english = visitor.send(Request::get("/nowhere?lang=en")).await;
    assert!(english.text.contains("Not found") && !english.text.contains("Không tìm"));
    let method = world.visitor().send(Request::delete("/desk")).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(method.text.contains("không nhận cách gửi đó"), "{}", method.text);
    let problem = visitor.get("/api/v1/nowhere").await;
    assert_eq!(
        (problem.status, problem.header(header::CONTENT_TYPE)),
        (StatusCode::NOT_FOUND, "application/problem+json")
    );
    let body: serde_json::Value = serde_json::from_str(&problem.text).expect("JSON");
    assert_eq!((&body["code"], &body["detail"]), (&"absent".into(), &"Not found.".into()));
}

#[tokio::test]
async fn machines_find_health_readiness_and_figures() {
    let world = world(crate::engines::sqlite().await).await;
    let mut visitor = world.visitor();
    assert_eq!(visitor.get("/healthz").await.text, "ok\n");
    assert_eq!(visitor.get("/readyz").await.text, "ready\n");
    assert!(visitor.get("/metrics").await.text.contains("hocphi_http_requests_total"));
    let house = &world.house;
    let config = Config { metrics_listen: Some("127.0.0.1:0".to_owned()), ..house.config.clone() };
    let providers = Providers::embedded().expect("providers");
    let apart = House::open(house.store.clone(), house.vault.clone(), house.clock.clone(), providers, config);
    let figures = async |router: Router| {
        let asked = Request::get("/metrics").body(Body::empty()).expect("a request");
        router.oneshot(asked).await.expect("an answer").status()
    };
    assert_eq!(figures(web::router(Arc::new(apart.expect("a house")))).await, StatusCode::NOT_FOUND);
    assert_eq!(figures(web::health::metrics()).await, StatusCode::OK, "at an address of their own");
    world.house.store.close().await;
    let down = visitor.get("/readyz").await;
    assert_eq!((down.status, &*down.text), (StatusCode::SERVICE_UNAVAILABLE, "the store is down, or keeps nothing\n"));
}
