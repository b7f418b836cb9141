//! The first day and what an accountant sets up, in a real browser: fields that are refused, passwords told once, a
//! connected bank, keys and copy buttons.

use std::sync::Arc;

use fantoccini::Locator;
use fantoccini::key::Key;
use hocphi::seal::MasterKey;
use hocphi::simulate::bank::Habit;
use hocphi::simulate::demo;
use hocphi::time::{Clock, Moment};

use crate::browser::{Browser, DESK, PHONE};
use crate::engines;
use crate::journeys_people::sign_in;
use crate::world::{self, AN_NHIEN, BAO_NGOC_1A, GIA_HUY, World};

/// Chooses an entry of a list.
async fn choose(browser: &Browser, css: &str, value: &str) {
    let option = format!("{css} option[value='{value}']");
    browser.press(&option).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_sets_up_the_first_day_and_reads_the_passwords() {
    for size in [PHONE, DESK] {
        let Some(browser) = Browser::open(size).await else { return };
        let fresh = engines::sqlite().await;
        let clock = Clock::set(Moment::parse("2026-11-23T08:00:00+07:00").expect("an instant"));
        let master = MasterKey::generate().expect("a key").to_string();
        let (house, listener, address) = world::open(&fresh.store, &master, &clock).await;
        let server = demo::serve(Arc::clone(&house), listener);
        browser.goto(&format!("{address}/setup/{}", house.first_day.open().expect("a link"))).await;
        browser.assert_accessible().await;
        browser.picture(&format!("setup-{}", size.0)).await;
        for (field, text) in [
            ("authority_code", "PHS"),
            ("authority_name", "Ủy ban nhân dân phường Hoa Sen"),
            ("school_code", "79769999"),
            ("school_name", "Trường Tiểu học Hoa Sen"),
            ("account_number", "12"),
            ("account_holder", "TRUONG TIEU HOC HOA SEN"),
            ("accountant_name", "Cô Thu"),
            ("accountant_login", "thu"),
            ("head_name", "Thầy Minh"),
            ("head_login", "minh"),
            ("supervisor_name", "Chị Hạnh"),
            ("supervisor_login", "hanh"),
        ] {
            browser.fill(&format!("#{field}"), text).await;
        }
        choose(&browser, "#school_level", "primary").await;
        choose(&browser, "#account_bank", "970422").await;
        browser.press("main form button").await;
        browser.wait_for("#account_number-said").await;
        browser.assert_accessible().await;
        browser.picture(&format!("setup-refused-{}", size.0)).await;
        browser.fill("#account_number", "0881000999999").await;
        browser.press("main form button").await;
        browser.wait_for("code.secret + button.copy").await;
        browser.assert_accessible().await;
        browser.picture(&format!("setup-told-{}", size.0)).await;
        let password = browser.page.find(Locator::Css("code.secret")).await.expect("a password");
        let password = password.text().await.expect("a text");
        browser.goto(&format!("{address}/desk")).await;
        browser.fill("#login", "thu").await;
        browser.fill("#password", &password).await;
        browser.press("form[action='/desk/sign-in'] button").await;
        browser.wait_for("form[action='/desk/sign-out']").await;
        browser.close().await;
        server.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_sees_the_form_of_one_more_school() {
    for size in [PHONE, DESK] {
        let Some(browser) = Browser::open(size).await else { return };
        let world = World::start(engines::sqlite().await).await;
        browser.goto(&format!("{}/oversight", world.address)).await;
        sign_in(&browser, "hanh").await;
        browser.goto(&format!("{}/oversight/schools/new", world.address)).await;
        browser.assert_accessible().await;
        browser.picture(&format!("oversight-school-{}", size.0)).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accountant_connects_a_bank_walks_a_list_by_keys_and_copies_a_link() {
    let Some(browser) = Browser::open(DESK).await else { return };
    let mut world = World::start(engines::sqlite().await).await;
    world.pay(GIA_HUY, Habit::NoReference).await;
    world.pay(BAO_NGOC_1A, Habit::NoReference).await;
    browser.goto(&format!("{}/desk", world.address)).await;
    sign_in(&browser, "thu").await;
    browser.goto(&format!("{}/desk/setup", world.address)).await;
    choose(&browser, "#provider", "sepay").await;
    browser.press("form[action='/desk/setup/connect'] button").await;
    browser.fill("#secret-api_key", "khoa-bi-mat").await;
    browser.fill("#memo_max", "9").await;
    browser.press("main form button").await;
    browser.wait_for_text("không thể nhận ra khoản tiền").await;
    browser.picture("desk-connect-refused").await;
    browser.fill("#memo_max", "40").await;
    browser.fill("#secret-api_key", "khoa-bi-mat").await;
    browser.press("main form button").await;
    browser.wait_for("code.address + button.copy").await;
    browser.picture("desk-connected").await;

    browser.goto(&format!("{}/desk/held", world.address)).await;
    browser.wait_for(".keys:not([hidden])").await;
    let body = browser.page.find(Locator::Css("body")).await.expect("a page");
    let focused = async || {
        let script = "return [...document.querySelectorAll('[data-rows] a')].indexOf(document.activeElement)";
        browser.page.execute(script, vec![]).await.expect("a script").as_i64().expect("a place")
    };
    body.send_keys("j").await.expect("a key");
    assert_eq!(focused().await, 0);
    let press = async |key: &str| {
        browser.page.active_element().await.expect("a focus").send_keys(key).await.expect("a key");
    };
    press("j").await;
    press("j").await;
    assert_eq!(focused().await, 1, "the last row is the last");
    press("k").await;
    assert_eq!(focused().await, 0);
    press(&String::from(char::from(Key::Enter))).await;
    browser.wait_for("form[role='search']").await;
    browser.fill("#q", "jk").await;
    let typed = browser.page.find(Locator::Css("#q")).await.expect("a field");
    assert_eq!(
        typed.prop("value").await.expect("a value").as_deref(),
        Some("jk"),
        "letters that are typed stay letters"
    );

    let pupil = world.invoice(AN_NHIEN).await.pupil_id;
    browser.goto(&format!("{}/desk/pupils/{pupil}", world.address)).await;
    browser.press("code.address + button.copy").await;
    browser.wait_for_text("Đã chép").await;
    browser.picture("desk-pupil-copied").await;
    browser.close().await;
}
