//! A house with the story's first school, its run published, and a browser of a few lines that keeps cookies.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use hocphi::clockwork::{self, House};
use hocphi::config::Config;
use hocphi::fees::view::{self, InvoicePage};
use hocphi::providers::Providers;
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::{roster, stage};
use hocphi::store::{Arg, Statement, StatementKind};
use hocphi::time::{Clock, Moment};
use hocphi::web;
use tower::ServiceExt;

use crate::engines::Fresh;

/// What everybody of the story signs in with.
pub const PASSWORD: &str = "mat-khau-mo-phong";

/// The house and its routes.
pub struct World {
    pub house: Arc<House>,
    pub router: Router,
    _fresh: Fresh,
}

/// A house at half past eight in the morning of 22 November 2026, with one published run.
pub async fn world(fresh: Fresh) -> World {
    let world = empty(fresh).await;
    let house = &world.house;
    let schools = [roster::SAO_KHUE, roster::BEN_NGHE_XANH];
    stage::set(&house.store, &house.clock, &schools, PASSWORD, 7).await.expect("a stage");
    stage::publish_run(house, &roster::SAO_KHUE).await.expect("a run");
    world
}

/// The same house on its first day: nobody is there.
pub async fn empty(fresh: Fresh) -> World {
    let clock = Clock::set(Moment::parse("2026-11-22T08:30:00+07:00").expect("an instant"));
    let key = MasterKey::parse(&"5a".repeat(32)).expect("a key");
    let vault = Vault::new(fresh.store.clone(), key);
    let config = Config { public_url: Some("http://hocphi.test".to_owned()), ..Config::default() };
    let providers = Providers::embedded().expect("providers");
    let house = House::open(fresh.store.clone(), vault, clock, providers, config).expect("a house");
    let house = Arc::new(house);
    World { router: web::router(Arc::clone(&house)), house, _fresh: fresh }
}

impl World {
    /// An invoice of the run, its page's token, and the pupil behind it.
    pub async fn invoice(&self, place: usize) -> (String, InvoicePage) {
        let school = stage::school(&self.house.store, &roster::SAO_KHUE).await.expect("a school");
        let runs = view::runs_of(&self.house.store, &school.id).await.expect("runs");
        let rows = view::invoices_of_run(&self.house.store, &runs[0].run.id).await.expect("invoices");
        let page = view::page_of(&self.house.store, &rows[place].id).await.expect("a page").expect("an invoice");
        (self.house.vault.master().page_token("invoice", &page.invoice.id), page)
    }

    /// Money comes for a reference, as the keeper would have written it, and everything is drained.
    pub async fn pay(&self, page: &InvoicePage, amount: i64, at: &str, proved: bool) -> String {
        let at = Moment::parse(at).expect("an instant");
        let id = hocphi::ids::new_id("crd");
        let (school, account) = (&page.school.id, &page.account.id);
        let credit = format!(
            "insert into credit (id, school_id, account_id, amount, day, value_at, payment_reference, memo_sealed, origin, doubt, kept_at)
             values ('{id}', '{school}', '{account}', {amount}, '{}', {}, '{}', $1, 'hook', '', {})",
            at.day(), at.0, page.invoice.reference, at.0
        );
        let sql: &'static str = Box::leak(credit.into_boxed_str());
        let statement = Statement { name: "test::credit", kind: StatementKind::Fixed, sql, tail: "" };
        let mut tx = self.house.store.begin().await.expect("a transaction");
        tx.run(&statement, vec![Arg::Bytes(Some(vec![0]))]).await.expect("a credit");
        tx.commit().await.expect("a commit");
        let undecided = format!("insert into undecided (credit_id, since) values ('{id}', {})", at.0);
        self.house.store.run_raw(&undecided).await.expect("a row");
        clockwork::settle(&self.house).await.expect("drained");
        if proved {
            self.prove(&id, account).await;
        }
        id
    }

    async fn prove(&self, credit_id: &str, account_id: &str) {
        let (file, line) = (hocphi::ids::new_id("stf"), hocphi::ids::new_id("stl"));
        let texts = [
            format!(
                "insert into statement_file (id, account_id, sha256, name_sealed, lines, received_at, received_by)
                 values ('{file}', '{account_id}', '{file}', $1, 1, 0, 'x')"
            ),
            format!(
                "insert into statement_line values ('{line}', '{file}', '{account_id}', 1, '2026-11-22', 0, 1, null, '', $1, '{line}')"
            ),
        ];
        let mut tx = self.house.store.begin().await.expect("a transaction");
        for text in texts {
            let sql: &'static str = Box::leak(text.into_boxed_str());
            let statement = Statement { name: "test::prove", kind: StatementKind::Fixed, sql, tail: "" };
            tx.run(&statement, vec![Arg::Bytes(Some(vec![0]))]).await.expect("a row");
        }
        tx.commit().await.expect("a commit");
        let proof = format!("insert into credit_proof values ('{credit_id}', '{line}', {})", self.house.clock.now().0);
        self.house.store.run_raw(&proof).await.expect("a proof");
    }

    /// A browser without cookies.
    pub fn visitor(&self) -> Visitor {
        Visitor { router: self.router.clone(), cookies: BTreeMap::new() }
    }

    /// Somebody of the story, signed in.
    pub async fn signed_in(&self, login: &str) -> Visitor {
        let mut visitor = self.visitor();
        let answer = visitor.sign_in(login, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        visitor
    }
}

/// A browser: it keeps cookies and follows nothing.
pub struct Visitor {
    router: Router,
    pub cookies: BTreeMap<String, String>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub bytes: Bytes,
    pub text: String,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The value of a hidden field.
    pub fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let rest = self.text.split_once(&mark).map(|(_, rest)| rest).expect(name);
        rest.split_once('"').map(|(value, _)| value.to_owned()).expect(name)
    }
}

impl Visitor {
    /// Asks for an address.
    pub async fn get(&mut self, address: &str) -> Answer {
        self.send(Request::get(address)).await
    }

    /// Sends a form.
    pub async fn post(&mut self, address: &str, fields: &[(&str, &str)]) -> Answer {
        let encode =
            |text: &str| {
                text.bytes()
                    .map(|byte| {
                        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
                    })
                    .collect::<String>()
            };
        let body = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&");
        self.post_raw(address, body).await
    }

    /// Sends a form's body as it is.
    pub async fn post_raw(&mut self, address: &str, body: String) -> Answer {
        let request = Request::post(address).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.finish(request, Body::from(body)).await
    }

    /// Sends a form with a file beside its fields.
    pub async fn upload(&mut self, address: &str, fields: &[(&str, &str)], name: &str, file: &[u8]) -> Answer {
        const EDGE: &str = "edge-of-a-part-7f3a";
        let mut body = Vec::new();
        for (field, value) in fields {
            let part = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let part = format!(
            "--{EDGE}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(part.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{EDGE}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={EDGE}");
        self.finish(Request::post(address).header(header::CONTENT_TYPE, kind), Body::from(body)).await
    }

    /// Opens the sign-in page and sends it.
    pub async fn sign_in(&mut self, login: &str, password: &str) -> Answer {
        let knock = self.get("/desk/sign-in").await.field("knock");
        self.post("/desk/sign-in", &[("login", login), ("password", password), ("knock", &knock)]).await
    }

    /// Sends a request without a body.
    pub async fn send(&mut self, request: axum::http::request::Builder) -> Answer {
        self.finish(request, Body::empty()).await
    }

    async fn finish(&mut self, request: axum::http::request::Builder, body: Body) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(header::COOKIE, cookies.join("; ")).body(body).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        self.keep(&response);
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 8 << 20).await.expect("a body");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, bytes, text }
    }

    /// Opens a stream and leaves it open.
    pub async fn open(&self, address: &str) -> Response {
        let request = Request::get(address).body(Body::empty()).expect("a request");
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    fn keep(&mut self, response: &Response) {
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else { continue };
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
