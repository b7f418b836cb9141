//! payOS as its own libraries know it: it takes what they send, refuses everything else, and signs what it answers.
//!
//! That the libraries really take it for payOS is shown in `payos_libraries`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use hmac::{Hmac, KeyInit, Mac};
use hocphi::money::Dong;
use hocphi::vietqr::{Label, Payload};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const CLIENT_ID: &str = "khach-hang-so-9";
pub const API_KEY: &str = "khoa-api-rat-bi-mat";
pub const CHECKSUM_KEY: &str = "khoa-kiem-tra-rat-bi-mat";
/// The virtual account that stands for the school's.
pub const VIRTUAL: &str = "VQRQ88990001";
pub const HOLDER: &str = "TRUONG TIEU HOC HOA SEN VA";

/// How it behaves once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It makes the order and its answer is lost.
    Loses,
    /// It is overrun.
    Busy,
    /// Somebody between us answers.
    Forges,
    /// Its code asks another amount.
    OtherAmount,
    /// Its code pays another account.
    OtherAccount,
    /// Its code pays an account at another bank.
    OtherBank,
    /// Its code carries another invoice's reference.
    OtherReference,
    /// Its code is no code.
    NoCode,
}

/// What it knows and was asked.
#[derive(Default)]
pub struct Known {
    pub orders: BTreeMap<i64, Value>,
    /// Bodies that asked for an order, in their order.
    pub asked: Vec<Value>,
    /// What its own libraries would never send.
    pub wrong: Vec<String>,
    pub moods: VecDeque<Mood>,
    pub description_most: usize,
    bin: String,
    number: String,
}

#[derive(Clone)]
pub struct Mock {
    pub base: String,
    known: Arc<Mutex<Known>>,
    server: Arc<JoinHandle<()>>,
}

pub fn sign(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(CHECKSUM_KEY.as_bytes()).expect("a key");
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Sorted pairs, as the libraries write them: null is empty, a list is compact JSON.
pub fn sign_object(object: &Value) -> String {
    let sorted: BTreeMap<&String, &Value> = object.as_object().expect("an object").iter().collect();
    let pairs = sorted.into_iter().map(|(key, value)| match value {
        Value::Null => format!("{key}="),
        Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    });
    sign(&pairs.collect::<Vec<_>>().join("&"))
}

fn said(data: &Value) -> String {
    json!({ "code": "00", "desc": "success", "data": data, "signature": sign_object(data) }).to_string()
}

fn refused(code: &str, desc: &str) -> String {
    json!({ "code": code, "desc": desc, "data": null, "signature": null }).to_string()
}

impl Mock {
    /// payOS for a school's account.
    pub async fn start(bin: &str, number: &str) -> Mock {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let known = Known { description_most: 25, bin: bin.to_owned(), number: number.to_owned(), ..Known::default() };
        let known = Arc::new(Mutex::new(known));
        let router = Router::new()
            .route("/v2/payment-requests", post(create))
            .route("/v2/payment-requests/{code}", get(read))
            .route("/v2/payment-requests/{code}/cancel", post(cancel))
            .with_state(Arc::clone(&known));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Mock { base, known, server: Arc::new(server) }
    }

    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panicked")
    }

    pub fn moods(&self, moods: &[Mood]) {
        self.known().moods.extend(moods);
    }

    /// The orders it has, by the amount and the text asked for.
    pub fn texts(&self) -> Vec<(i64, String)> {
        let known = self.known();
        assert_eq!(known.wrong, Vec::<String>::new(), "its own libraries would not have sent this");
        let text = |order: &Value| {
            (order["amount"].as_i64().expect("an amount"), order["description"].as_str().expect("a text").to_owned())
        };
        let mut texts: Vec<(i64, String)> = known.orders.values().map(text).collect();
        texts.sort_unstable();
        texts
    }

    /// What it tells when so much comes for the order with this text and amount, by a transfer whose text says nothing.
    pub fn paid(&self, (description, asked): (&str, i64), came: i64, reference: &str) -> String {
        let known = self.known();
        let live = |order: &&Value| {
            order["description"] == description && order["amount"] == asked && order["status"] == "PENDING"
        };
        let order = known.orders.values().find(live).expect("an order");
        let data = json!({
            "orderCode": order["orderCode"], "amount": came, "description": "CK nhanh",
            "accountNumber": known.number, "reference": reference, "transactionDateTime": "2026-11-23 08:10:00",
            "currency": "VND", "paymentLinkId": order["paymentLinkId"], "code": "00", "desc": "success",
            "counterAccountBankId": "", "counterAccountBankName": null, "counterAccountName": null,
            "counterAccountNumber": null, "virtualAccountName": HOLDER, "virtualAccountNumber": VIRTUAL,
        });
        let signature = sign_object(&data);
        json!({ "code": "00", "desc": "success", "success": true, "data": data, "signature": signature }).to_string()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        if Arc::strong_count(&self.server) == 1 {
            self.server.abort();
        }
    }
}

fn is_known(headers: &HeaderMap, known: &mut Known) -> bool {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if !header("content-type").starts_with("application/json") {
        known.wrong.push("content-type".to_owned());
    }
    header("x-client-id") == CLIENT_ID && header("x-api-key") == API_KEY
}

/// What is not as the libraries write it.
fn flaws(body: &Value, most: usize) -> Vec<String> {
    let Some(object) = body.as_object() else { return vec!["no object".to_owned()] };
    let mut flaws = Vec::new();
    let optional = [
        "items",
        "buyerName",
        "buyerCompanyName",
        "buyerTaxCode",
        "buyerEmail",
        "buyerPhone",
        "buyerAddress",
        "invoice",
        "expiredAt",
    ];
    let needed = ["orderCode", "amount", "description", "cancelUrl", "returnUrl", "signature"];
    let unknown = object.keys().filter(|key| !optional.contains(&key.as_str()) && !needed.contains(&key.as_str()));
    flaws.extend(unknown.cloned());
    let whole = |name: &str, most: i64| body[name].as_i64().is_some_and(|number| (1..=most).contains(&number));
    let checks = [
        ("orderCode", whole("orderCode", (1 << 53) - 1)),
        ("amount", whole("amount", 499_999_999)),
        ("description", body["description"].as_str().is_some_and(|text| (1..=most).contains(&text.chars().count()))),
        ("cancelUrl", body["cancelUrl"].as_str().is_some_and(|url| url.starts_with("http"))),
        ("returnUrl", body["returnUrl"].as_str().is_some_and(|url| url.starts_with("http"))),
        ("expiredAt", body["expiredAt"].is_null() || whole("expiredAt", i64::from(i32::MAX))),
    ];
    flaws.extend(checks.iter().filter(|(_, fits)| !fits).map(|(name, _)| (*name).to_owned()));
    flaws
}

fn signed_text(body: &Value) -> String {
    let text = |name: &str| body[name].as_str().map_or_else(|| body[name].to_string(), str::to_owned);
    let names = ["amount", "cancelUrl", "description", "orderCode", "returnUrl"];
    names.map(|name| format!("{name}={}", text(name))).join("&")
}

async fn create(State(known): State<Arc<Mutex<Known>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let mut known = known.lock().expect("nobody panicked");
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !is_known(&headers, &mut known) {
        return (StatusCode::UNAUTHORIZED, refused("401", "Client Id hoặc API key không hợp lệ"));
    }
    let most = known.description_most;
    let flaws = flaws(&body, most);
    if !flaws.is_empty() {
        known.wrong.extend(flaws);
        return (StatusCode::OK, refused("20", "Thông tin truyền lên không đúng."));
    }
    if body["signature"] != sign(&signed_text(&body)) {
        known.wrong.push("signature".to_owned());
        return (StatusCode::OK, refused("201", "Mã kiểm tra(signature) không hợp lệ"));
    }
    known.asked.push(body.clone());
    let code = body["orderCode"].as_i64().expect("checked");
    if known.orders.contains_key(&code) {
        return (StatusCode::OK, refused("231", "Đơn thanh toán đã tồn tại"));
    }
    let mood = known.moods.pop_front();
    if mood == Some(Mood::Busy) {
        return (StatusCode::TOO_MANY_REQUESTS, refused("429", "Too many requests"));
    }
    let order = order(&known, &body, mood);
    if mood == Some(Mood::Forges) {
        let forged = said(&order).replace(VIRTUAL, "VQRQ66660001");
        return (StatusCode::OK, forged);
    }
    known.orders.insert(code, order.clone());
    if mood == Some(Mood::Loses) {
        return (StatusCode::BAD_GATEWAY, String::new());
    }
    (StatusCode::OK, said(&order))
}

fn order(known: &Known, body: &Value, mood: Option<Mood>) -> Value {
    let description = body["description"].as_str().expect("checked");
    let amount = body["amount"].as_i64().expect("checked");
    // Of its own it puts a code before the text, where there is room.
    let memo = if description.len() > 9 { format!("CS99LLIO075 {description}") } else { description.to_owned() };
    let is = |one: Mood| mood == Some(one);
    let bin = if is(Mood::OtherBank) { "970436" } else { &known.bin };
    let mut payload = Payload::to_account(bin, if is(Mood::OtherAccount) { "0011999999" } else { VIRTUAL });
    payload.amount = Some(Dong::new(if is(Mood::OtherAmount) { amount + 1 } else { amount }));
    let memo = if is(Mood::OtherReference) { "RF33BCFGHJKLM".to_owned() } else { memo };
    payload.additional.set(Label::Purpose, memo);
    let qr = if is(Mood::NoCode) { "data:image/png;base64,".to_owned() } else { payload.encode().expect("a code") };
    let code = body["orderCode"].as_i64().expect("checked");
    json!({
        "bin": known.bin, "accountNumber": VIRTUAL, "accountName": HOLDER, "amount": amount,
        "description": description, "orderCode": code, "currency": "VND", "paymentLinkId": format!("{code:032x}"),
        "status": "PENDING", "expiredAt": null, "checkoutUrl": format!("https://pay.payos.vn/web/{code:032x}"),
        "qrCode": qr,
    })
}

/// An order as it is read back: without its code.
fn link(order: &Value) -> Value {
    json!({
        "id": order["paymentLinkId"], "orderCode": order["orderCode"], "amount": order["amount"], "amountPaid": 0,
        "amountRemaining": order["amount"], "status": order["status"], "createdAt": "2026-11-23T08:00:00+07:00",
        "transactions": [], "cancellationReason": null, "canceledAt": null,
    })
}

async fn read(State(known): State<Arc<Mutex<Known>>>, Path(code): Path<i64>, headers: HeaderMap) -> String {
    let mut known = known.lock().expect("nobody panicked");
    if !is_known(&headers, &mut known) {
        return refused("401", "Client Id hoặc API key không hợp lệ");
    }
    known.orders.get(&code).map_or_else(|| refused("101", "Mã thanh toán không tồn tại"), |order| said(&link(order)))
}

async fn cancel(
    State(known): State<Arc<Mutex<Known>>>,
    Path(code): Path<i64>,
    headers: HeaderMap,
    body: Bytes,
) -> String {
    let mut known = known.lock().expect("nobody panicked");
    let mut body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let signature = body.as_object_mut().and_then(|body| body.remove("signature"));
    // Of its libraries one signs this and the other does not.
    if !is_known(&headers, &mut known) || signature.is_some_and(|signature| signature != sign_object(&body)) {
        known.wrong.push("cancel".to_owned());
        return refused("201", "Mã kiểm tra(signature) không hợp lệ");
    }
    let Some(order) = known.orders.get_mut(&code) else { return refused("101", "Mã thanh toán không tồn tại") };
    order["status"] = Value::from("CANCELLED");
    said(&link(order))
}
