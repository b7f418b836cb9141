//! The API as a program meets it: keys, scopes, pages, requests that happen once, and the feed.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use hocphi::access::{NewKey, Place, SCOPES, make_key};
use hocphi::clockwork::{self, House};
use hocphi::config::Config;
use hocphi::outbox::Event;
use hocphi::providers::Providers;
use hocphi::roll;
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::roster::{BEN_NGHE_XANH, SAO_KHUE};
use hocphi::simulate::stage;
use hocphi::time::{Clock, Moment};
use hocphi::web;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::engines::{self, Fresh};
use crate::on_both;

on_both!(
    a_run_is_asked_for_once_however_often_it_is_sent,
    a_program_issues_publishes_and_reads_page_by_page,
    a_key_stands_for_one_request_about_one_thing,
    an_endpoint_that_was_made_can_be_ended,
    a_key_reaches_its_scopes_and_its_schools_only,
    the_feed_has_every_place_once_and_adds_up,
);

/// A house with two schools, and a program at the door.
struct Program {
    house: Arc<House>,
    router: axum::Router,
    key: String,
    school: String,
}

impl Program {
    async fn at(fresh: &Fresh) -> Program {
        let clock = Clock::set(Moment::parse("2026-11-23T07:00:00+07:00").expect("an instant"));
        let vault = Vault::new(fresh.store.clone(), MasterKey::parse(&"07".repeat(32)).expect("a key"));
        let providers = Providers::embedded().expect("providers");
        let house = House::open(fresh.store.clone(), vault, clock.clone(), providers, Config::default());
        let house = Arc::new(house.expect("a house"));
        stage::set(&fresh.store, &clock, &[SAO_KHUE, BEN_NGHE_XANH], "mat-khau-cua-thu", 7).await.expect("a stage");
        let school = roll::school_by_code(&fresh.store, SAO_KHUE.code).await.expect("a look").expect("a school").id;
        let router = web::router(Arc::clone(&house));
        let mut program = Program { house, router, key: String::new(), school };
        program.key = program.key_for(Place::School(program.school.clone()), &SCOPES, false).await;
        program
    }

    async fn key_for(&self, place: Place, scopes: &[&str], city: bool) -> String {
        let new = NewKey { name: "phần mềm quản lý", scopes, place, city };
        make_key(&self.house.store, &self.house.clock, new, "system").await.expect("a key").1
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let status = response.status();
        (status, read(response).await)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(self.asking("GET", path).body(Body::empty()).expect("a request")).await
    }

    async fn post(&self, path: &str, key: Option<&str>, body: &Value) -> (StatusCode, Value) {
        let mut request = self.asking("POST", path).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    fn asking(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let bearer = format!("Bearer {}", self.key);
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, bearer)
    }

    /// A run over all classes of the school, as the API wants it.
    async fn new_run(&self) -> Value {
        let (_, school) = self.get(&format!("/api/v1/schools/{}", self.school)).await;
        let (_, classes) = self.get(&format!("/api/v1/schools/{}/classes", self.school)).await;
        let (_, items) = self.get("/api/v1/fee-items").await;
        let mandatory = |item: &&Value| item["necessity"] != "voluntary";
        let items: Vec<Value> = items.as_array().expect("items").iter().filter(mandatory).take(2).cloned().collect();
        json!({
            "school_id": self.school,
            "account_id": school["accounts"][0]["id"],
            "title": "Các khoản thu tháng 12/2026",
            "due_day": "2026-12-15",
            "items": items.iter().map(|item| json!({"item_id": item["id"], "quantity": 1})).collect::<Vec<_>>(),
            "classes": classes.as_array().expect("classes").iter().map(|class| &class["id"]).collect::<Vec<_>>(),
        })
    }

    /// A published run and its id.
    async fn published(&self) -> String {
        let (status, run) = self.post("/api/v1/billing-runs", Some("run-1"), &self.new_run().await).await;
        assert_eq!(status, StatusCode::CREATED, "{run}");
        let id = run["id"].as_str().expect("an id").to_owned();
        let (status, _) = self.post(&format!("/api/v1/billing-runs/{id}/issue"), Some("issue-1"), &json!({})).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        clockwork::settle(&self.house).await.expect("settled");
        let (status, run) =
            self.post(&format!("/api/v1/billing-runs/{id}/publish"), Some("publish-1"), &json!({})).await;
        assert_eq!((status, &run["state"]), (StatusCode::OK, &json!("published")));
        id
    }
}

async fn read(response: Response) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
}

async fn a_run_is_asked_for_once_however_often_it_is_sent(fresh: Fresh) {
    let program = Program::at(&fresh).await;
    let body = program.new_run().await;
    let (status, problem) = program.post("/api/v1/billing-runs", None, &body).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("idempotency-key-missing")));

    let mut wrong = body.clone();
    wrong["account_id"] = json!("acc_00000000000000000000000000");
    let (status, problem) = program.post("/api/v1/billing-runs", Some("k"), &wrong).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("account-not-usable")));

    // The refusal did not use the key up.
    let (status, first) = program.post("/api/v1/billing-runs", Some("k"), &body).await;
    assert_eq!(status, StatusCode::CREATED, "{first}");
    for _ in 0..3 {
        let (status, again) = program.post("/api/v1/billing-runs", Some("\"k\""), &body).await;
        assert_eq!((status, &again["id"]), (StatusCode::CREATED, &first["id"]));
    }
    let mut other = body.clone();
    other["title"] = json!("Khác");
    let (status, problem) = program.post("/api/v1/billing-runs", Some("k"), &other).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("idempotency-key-reused")));
    let twins = futures_util::future::join_all((0..8).map(|_| program.post("/api/v1/billing-runs", Some("t"), &body)));
    let ids: std::collections::BTreeSet<String> = twins.await.iter().map(|(_, run)| run["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    let (_, runs) = program.get(&format!("/api/v1/schools/{}/billing-runs", program.school)).await;
    assert_eq!(runs["data"].as_array().map(Vec::len), Some(2));
}

async fn a_program_issues_publishes_and_reads_page_by_page(fresh: Fresh) {
    let program = Program::at(&fresh).await;
    let run = program.published().await;
    // Sent again after everything is done, the answer is the same and nothing is issued twice.
    let (status, again) = program.post(&format!("/api/v1/billing-runs/{run}/issue"), Some("issue-1"), &json!({})).await;
    assert_eq!((status, &again["state"]), (StatusCode::ACCEPTED, &json!("published")));
    let mut seen = std::collections::BTreeSet::new();
    let mut next = String::new();
    loop {
        let path = format!("/api/v1/schools/{}/invoices?run={run}&limit=7{next}", program.school);
        let (status, page) = program.get(&path).await;
        assert_eq!(status, StatusCode::OK);
        for invoice in page["data"].as_array().expect("rows") {
            assert!(seen.insert(invoice["id"].to_string()));
            assert_eq!((&invoice["position"], &invoice["owed"]), (&json!("unpaid"), &invoice["total"]));
        }
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(seen.len(), SAO_KHUE.pupils());
    let findings = hocphi::ledger::audit(&fresh.store).await.expect("an audit");
    assert!(findings.iter().all(|finding| finding.rows.is_empty()), "{findings:?}");
}

async fn a_key_stands_for_one_request_about_one_thing(fresh: Fresh) {
    let program = Program::at(&fresh).await;
    program.published().await;
    let (_, invoices) = program.get(&format!("/api/v1/schools/{}/invoices", program.school)).await;
    let void = async |place: usize| {
        let id = invoices["data"][place]["id"].as_str().expect("an id");
        program.post(&format!("/api/v1/invoices/{id}/void"), Some("v"), &json!({"reason": "Nhầm"})).await
    };
    let (status, first) = void(0).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    let (status, problem) = void(1).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("idempotency-key-reused")));
    assert_eq!(void(0).await.0, StatusCode::OK, "the same request again");
}

async fn an_endpoint_that_was_made_can_be_ended(fresh: Fresh) {
    let program = Program::at(&fresh).await;
    let path = format!("/api/v1/schools/{}/webhook-endpoints", program.school);
    let (status, made) = program.post(&path, None, &json!({"url": "https://example.com/hook"})).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let one = format!("{path}/{}", made["id"].as_str().expect("an id"));
    let end = program.asking("DELETE", &one).body(Body::empty()).expect("a request");
    let ended = program.router.clone().oneshot(end).await.expect("an answer");
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let (_, left) = program.get(&path).await;
    assert_eq!(left[0]["live"], json!(false), "{left}");
}

async fn a_key_reaches_its_scopes_and_its_schools_only(fresh: Fresh) {
    let mut program = Program::at(&fresh).await;
    let other = roll::school_by_code(&fresh.store, BEN_NGHE_XANH.code).await.expect("a look").expect("a school").id;
    let foreign = program.get(&format!("/api/v1/schools/{other}")).await;
    let absent = program.get("/api/v1/schools/sch_00000000000000000000000000").await;
    assert_eq!(foreign.0, StatusCode::NOT_FOUND);
    assert_eq!((foreign.0, &foreign.1["detail"]), (absent.0, &absent.1["detail"]));
    program.key = program.key_for(Place::School(other), &["feed:read"], false).await;
    let (status, problem) = program.get("/api/v1/schools").await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("scope-missing")));
    "hp_live_none".clone_into(&mut program.key);
    let (status, problem) = program.get("/api/v1/schools").await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("no-key")));
}

async fn the_feed_has_every_place_once_and_adds_up(fresh: Fresh) {
    let mut program = Program::at(&fresh).await;
    program.published().await;
    let authority = roll::authority_by_code(&fresh.store, "SGD").await.expect("a look").expect("an authority").id;
    program.key = program.key_for(Place::Authority(authority), &["feed:read"], true).await;
    let (mut after, mut issued) = (0, 0);
    loop {
        let asked = program.asking("GET", &format!("/feed/v1/entries?after={after}&limit=50"));
        let asked = asked.body(Body::empty()).expect("a request");
        let answer = program.router.clone().oneshot(asked).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let through = answer.headers()["feed-through"].to_str().expect("a text").to_owned();
        let lines = read(answer).await;
        let lines = match lines {
            Value::String(text) => text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(),
            one => vec![one],
        };
        let lines: Vec<Value> = lines.into_iter().filter(|line| !line.is_null()).collect();
        if lines.is_empty() {
            assert_eq!(through, after.to_string(), "there is nothing more");
            break;
        }
        assert_eq!(through, lines[lines.len() - 1]["index"].to_string());
        for line in lines {
            after += 1;
            assert_eq!((&line["index"], &line["event"]), (&json!(after), &json!("NEW")));
            let postings = line["body"]["postings"].as_array().expect("postings").clone();
            let amount = |posting: &Value| posting["amount"].as_i64().expect("an amount");
            assert_eq!(postings.iter().map(amount).sum::<i64>(), 0);
            let raised = |posting: &&Value| posting["account"] == "receivable.parent";
            issued += postings.iter().filter(raised).map(amount).sum::<i64>();
        }
    }
    assert_eq!(usize::try_from(after), Ok(SAO_KHUE.pupils()));
    let (status, rows) = program.get("/feed/v1/revenue?day=2026-11-23").await;
    assert_eq!(status, StatusCode::OK);
    let sum: i64 = rows.as_array().expect("rows").iter().filter_map(|row| row["issued"].as_i64()).sum();
    assert_eq!(sum, issued);
}

#[tokio::test]
async fn a_body_holds_64_kib_and_not_a_byte_more() {
    let fresh = engines::sqlite().await;
    let program = Program::at(&fresh).await;
    for (bytes, wanted) in
        [(65_535, StatusCode::BAD_REQUEST), (65_536, StatusCode::BAD_REQUEST), (65_537, StatusCode::PAYLOAD_TOO_LARGE)]
    {
        let body = format!("\"{}\"", "x".repeat(bytes - 2));
        let request = program.asking("POST", "/api/v1/billing-runs").header("Idempotency-Key", "k");
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body));
        let (status, problem) = program.send(request.expect("a request")).await;
        assert_eq!(status, wanted, "{bytes}: {problem}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_and_never_a_fault() {
    let fresh = engines::sqlite().await;
    let program = Program::at(&fresh).await;
    let whole = program.new_run().await;
    for (title, wanted) in [(json!("a\u{0}b"), "body-has-nul"), (json!(7), "body-mismatch"), (json!(""), "no-title")] {
        let mut body = whole.clone();
        body["title"] = title;
        let (status, problem) = program.post("/api/v1/billing-runs", Some("k"), &body).await;
        assert!(status.is_client_error());
        assert_eq!(problem["code"], json!(wanted));
        assert!(problem["detail"].is_string() && problem["detail_vi"].is_string());
    }
    for path in ["/api/v1/invoices/%00", "/api/v1/credits/%ff", "/api/v1/schools/a%20b", "/api/v1/nothing"] {
        assert_eq!(program.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(program.get("/api/v1/invoices/inv_x/void").await.0, StatusCode::METHOD_NOT_ALLOWED);
    for query in ["limit=0", "limit=201", "limit=x", "cursor=x"] {
        let (status, _) = program.get(&format!("/api/v1/schools/{}/pupils?{query}", program.school)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_its_pages_come_from_the_program() {
    let fresh = engines::sqlite().await;
    let program = Program::at(&fresh).await;
    let (status, document) = program.get("/api/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    let paths = document["paths"].as_object().expect("paths");
    for path in ["/api/v1/billing-runs", "/api/v1/credits/{credit}/assign", "/feed/v1/entries", "/feed/v1/revenue"] {
        assert!(paths.contains_key(path), "{path}");
    }
    assert!(document["components"]["schemas"].get("FeedLineBody").is_some());
    for event in Event::ALL {
        let told = &document["webhooks"][event.code()]["post"];
        assert_eq!(told["summary"].as_str(), Some(event.meaning()));
    }
    assert!(document["components"]["schemas"].get("ToldBody").is_some());
    let (status, page) = program.get("/api/docs/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!page.to_string().contains("https://"), "{page}");
}
