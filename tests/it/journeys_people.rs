//! One journey for each kind of person, over real HTTP: the parent and the accountant in a real browser, the
//! integrator through the API alone.

use std::process::Command;
use std::sync::Arc;

use hocphi::access::{self, NewKey, Place, SCOPES};
use hocphi::clockwork;
use hocphi::ledger::{self, Account};
use hocphi::money::Dong;
use hocphi::simulate::bank::{self, Habit};
use hocphi::vietqr::{Label, Payload};
use serde_json::{Value, json};

use crate::browser::{Browser, DESK, PHONE};
use crate::engines::{self, Fresh};
use crate::on_both;
use crate::world::{AN_KHANG, AN_NHIEN, GIA_HUY, OWED, PASSWORD, World};

on_both!(an_integrator_issues_and_gets_paid_through_the_api_alone);

/// Reads a picture with somebody else's reader.
fn scanned(picture: &[u8]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("qr.png");
    std::fs::write(&file, picture).expect("a file");
    let Ok(read) = Command::new("zbarimg").args(["--quiet", "--raw"]).arg(&file).output() else {
        assert!(std::env::var("CI").is_err(), "CI must have zbarimg: a code may not go unread there");
        eprintln!("SKIPPED: there is no zbarimg, so no code was read back (tests/run installs it)");
        return None;
    };
    Some(String::from_utf8(read.stdout).expect("text").trim().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_pays_the_code_on_the_page_and_sees_the_page_change_by_itself() {
    let Some(browser) = Browser::open(PHONE).await else { return };
    let mut world = World::start(engines::sqlite().await).await;
    let pace = tokio::spawn(clockwork::run(Arc::clone(&world.house)));
    let page = world.page(AN_NHIEN);
    browser.goto(&page).await;
    browser.wait_for_text("1.120.000").await;
    let text = browser.text().await;
    assert!(text.contains("Nguyễn A. N.") && !text.contains("An Nhiên"), "{text}");
    browser.assert_accessible().await;
    browser.picture("parent-320-owes").await;
    let client = bank::client().expect("a client");
    let picture =
        client.get(format!("{page}/qr.png")).send().await.expect("an answer").bytes().await.expect("a picture");
    let Some(code) = scanned(&picture) else { return };
    assert_eq!(code, world.code(AN_NHIEN).await);
    let now = world.clock.now();
    world.bank.scan(&code, Habit::Exact, now).expect("paid");
    world.bank.tell_due(now).await.expect("told");
    browser.wait_for_text("Đã nộp đủ").await;
    browser.assert_accessible().await;
    browser.picture("parent-320-paid").await;
    browser.close().await;
    pace.abort();
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accountant_frees_a_held_credit() {
    let Some(browser) = Browser::open(DESK).await else { return };
    let mut world = World::start(engines::sqlite().await).await;
    world.pay(GIA_HUY, Habit::NoReference).await;
    assert_eq!(world.owed(GIA_HUY).await.get(), OWED);
    browser.goto(&format!("{}/desk", world.address)).await;
    sign_in(&browser, "thu").await;
    browser.goto(&format!("{}/desk/held", world.address)).await;
    browser.assert_accessible().await;
    browser.picture("desk-held").await;
    browser.press("ol li h2 a").await;
    browser.fill("#q", "Gia Huy").await;
    browser.press("form[role='search'] button").await;
    browser.wait_for("input[name='invoice']").await;
    browser.assert_accessible().await;
    browser.press("input[name='invoice']").await;
    browser.fill("#note", "Phụ huynh xác nhận qua điện thoại").await;
    browser.picture("desk-credit").await;
    browser.press("form[action$='/assign'] button").await;
    browser.wait_for("[role='status']").await;
    browser.close().await;
    world.settle().await;
    assert_eq!(world.owed(GIA_HUY).await.get(), 0);
    world.audit().await;
}

/// Signs in on the page that asks for it.
pub async fn sign_in(browser: &Browser, login: &str) {
    browser.fill("#login", login).await;
    browser.fill("#password", PASSWORD).await;
    browser.press("form[action='/desk/sign-in'] button").await;
    browser.wait_for("form[action='/desk/sign-out']").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisors_sum_equals_the_ledger() {
    for size in [PHONE, DESK] {
        let Some(browser) = Browser::open(size).await else { return };
        let mut world = World::start(engines::sqlite().await).await;
        world.pay(AN_NHIEN, Habit::Exact).await;
        world.pay(AN_KHANG, Habit::Short(Dong::new(20_000))).await;
        world.pay(GIA_HUY, Habit::NoReference).await;
        browser.goto(&format!("{}/oversight", world.address)).await;
        sign_in(&browser, "hanh").await;
        browser.goto(&format!("{}/oversight", world.address)).await;
        let balances = ledger::balances(&world.house.store, Some(&world.school.id)).await.expect("balances");
        let of = |account: Account| {
            balances.iter().find(|(found, _)| *found == account).map_or(Dong::ZERO, |(_, balance)| *balance)
        };
        let owed = of(Account::ReceivableParent);
        assert_eq!(owed, Dong::new(3 * OWED + 20_000));
        let issued = Dong::new(5 * OWED);
        let collected = issued.minus(owed).expect("a difference");
        for sum in [issued, collected, owed] {
            browser.wait_for_text(&sum.grouped()).await;
        }
        let text = browser.text().await;
        assert!(!text.contains("An Nhiên") && !text.contains("Gia Huy"), "a supervisor sees no names: {text}");
        browser.assert_accessible().await;
        browser.picture(&format!("oversight-{}", size.0)).await;
        browser.close().await;
        world.audit().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_of_the_desk_is_accessible_on_a_phone_and_at_a_desk() {
    for size in [PHONE, DESK] {
        let Some(browser) = Browser::open(size).await else { return };
        let mut world = World::start(engines::sqlite().await).await;
        world.pay(AN_NHIEN, Habit::Short(Dong::new(20_000))).await;
        world.pay(GIA_HUY, Habit::NoReference).await;
        browser.goto(&format!("{}/desk", world.address)).await;
        browser.assert_accessible().await;
        sign_in(&browser, "thu").await;
        let invoice = world.invoice(AN_NHIEN).await;
        let (pupil, class) = (invoice.pupil_id, invoice.class_group_id);
        let held =
            hocphi::matching::held(&world.house.store, &world.school.id, None, 1).await.expect("held")[0].id.clone();
        let paths = [
            "/desk".to_owned(),
            "/desk/runs".to_owned(),
            "/desk/runs/new".to_owned(),
            format!("/desk/runs/{}", world.run_id),
            "/desk/held".to_owned(),
            format!("/desk/credits/{held}"),
            "/desk/pupils?q=ngoc".to_owned(),
            format!("/desk/pupils/{pupil}"),
            format!("/desk/runs/{}/{class}", world.run_id),
            "/desk/setup".to_owned(),
            "/desk/setup/connect?provider=sepay".to_owned(),
            format!("/desk/setup/connections/{}", world.connection_id),
            "/desk/fees".to_owned(),
            "/desk/roster".to_owned(),
            "/desk/day".to_owned(),
        ];
        for path in paths {
            browser.goto(&format!("{}{path}", world.address)).await;
            browser.assert_accessible().await;
            browser.picture(&format!("desk-{}{}", size.0, path.replace(['/', '?', '='], "-"))).await;
        }
        browser.goto(&world.page(AN_NHIEN)).await;
        browser.assert_accessible().await;
        browser.picture(&format!("parent-{}-part", size.0)).await;
        browser.close().await;
        world.audit().await;
    }
}

/// A program with a key.
struct Program {
    client: reqwest::Client,
    address: String,
    key: String,
}

impl Program {
    async fn get(&self, path: &str) -> Value {
        let asked = self.client.get(format!("{}{path}", self.address)).bearer_auth(&self.key);
        let answer = asked.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.expect("JSON")
    }

    async fn post(&self, path: &str, once: &str, body: &Value) -> (u16, Value) {
        let asked = self.client.post(format!("{}{path}", self.address)).bearer_auth(&self.key);
        let answer = asked.header("Idempotency-Key", once).json(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }
}

async fn an_integrator_issues_and_gets_paid_through_the_api_alone(fresh: Fresh) {
    let mut world = World::start(fresh).await;
    let new =
        NewKey { name: "phần mềm", scopes: &SCOPES, place: Place::School(world.school.id.clone()), city: false };
    let (_, key) = access::make_key(&world.house.store, &world.clock, new, "system").await.expect("a key");
    let program = Program { client: bank::client().expect("a client"), address: world.address.clone(), key };
    let school = program.get(&format!("/api/v1/schools/{}", world.school.id)).await;
    let classes = program.get(&format!("/api/v1/schools/{}/classes", world.school.id)).await;
    let items = program.get("/api/v1/fee-items").await;
    let item = items.as_array().expect("items").iter().find(|item| item["code"] == "QLBT").expect("an item");
    let run = json!({
        "school_id": world.school.id,
        "account_id": school["accounts"][0]["id"],
        "title": "Các khoản thu tháng 12 năm 2026",
        "due_day": "2026-12-15",
        "items": [{ "item_id": item["id"], "quantity": 1 }],
        "classes": classes.as_array().expect("classes").iter().map(|class| &class["id"]).collect::<Vec<_>>(),
    });
    let (status, run) = program.post("/api/v1/billing-runs", "thang-12", &run).await;
    assert_eq!(status, 201, "{run}");
    let path = format!("/api/v1/billing-runs/{}", run["id"].as_str().expect("an id"));
    assert_eq!(program.post(&format!("{path}/issue"), "phat-hanh-12", &json!({})).await.0, 202);
    world.settle().await;
    assert_eq!(program.post(&format!("{path}/publish"), "cong-bo-12", &json!({})).await.0, 200);
    let asked = format!("/api/v1/schools/{}/invoices?run={}", world.school.id, run["id"].as_str().expect("an id"));
    let invoices = program.get(&asked).await;
    let invoice = invoices["data"][0].clone();
    assert_eq!((&invoice["position"], &invoice["owed"]), (&json!("unpaid"), &json!(350_000)));
    // What the API says is enough to make the code.
    let account = &school["accounts"][0];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut code = Payload::to_account(text(&account["bank_bin"]), text(&account["number"]));
    code.amount = invoice["owed"].as_i64().map(Dong::new);
    code.additional.set(Label::Purpose, text(&invoice["reference"]));
    let code = code.encode().expect("a code");
    let now = world.clock.now();
    world.bank.scan(&code, Habit::Exact, now).expect("paid");
    world.bank.tell_due(now).await.expect("told");
    world.settle().await;
    let paid = program.get(&format!("/api/v1/invoices/{}", invoice["id"].as_str().expect("an id"))).await;
    assert_eq!((&paid["position"], &paid["owed"]), (&json!("paid"), &json!(0)));
    let receipts =
        program.get(&format!("/api/v1/schools/{}/receipts?from=2026-11-01&to=2026-11-30", world.school.id)).await;
    assert_eq!(receipts[0]["amount"], json!(350_000));
    world.audit().await;
}
