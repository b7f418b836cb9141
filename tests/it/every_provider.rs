//! Every provider there is, over real HTTP: refused when forged, believed once, told again, paid, and looked over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use hocphi::clockwork::{self, House};
use hocphi::config::Config;
use hocphi::inbox::{self, Health, NewConnection};
use hocphi::ledger::Account;
use hocphi::providers::{Providers, Request, Secrets};
use hocphi::seal::MasterKey;
use hocphi::simulate::demo;
use hocphi::time::{Clock, Moment};
use hocphi::transact;
use hocphi::web::rehearse::rehearse;
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::books::{Books, Owed};
use crate::engines::{self, Fresh};

/// What of a `.want` file this journey needs.
#[derive(Deserialize)]
struct Want {
    now: String,
    secrets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    credits: Vec<BTreeMap<String, toml::Value>>,
    reply: Answer,
}

#[derive(Deserialize)]
struct Answer {
    status: u16,
    #[serde(default)]
    body: String,
}

/// A bank whose number is a credit's account, with a parent who owes what its vector tells.
struct Bench {
    books: Books,
    house: Arc<House>,
    base: String,
    folder: PathBuf,
    name: String,
    connection: String,
    owed: Owed,
    genuine: Want,
}

/// What the parent owes under; the vectors' own references are made up, so an order's number or a person leads here.
const REFERENCE: &str = "RF33BCFGHJKLM";

fn folders() -> Vec<PathBuf> {
    let all = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("providers")).expect("providers");
    let mut folders: Vec<PathBuf> =
        all.map(|entry| entry.expect("an entry").path()).filter(|path| path.join("provider.toml").is_file()).collect();
    folders.sort();
    folders
}

fn text(want: &Want, key: &str) -> Option<String> {
    want.credits.first()?.get(key)?.as_str().map(str::to_owned)
}

fn secrets(want: &Want) -> Secrets {
    let mut secrets = Secrets::new();
    for (name, values) in &want.secrets {
        for value in values {
            secrets.add(name.clone(), value.clone());
        }
    }
    secrets
}

impl Bench {
    async fn set(folder: PathBuf, fresh: Fresh) -> Bench {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let read = |file: &str| std::fs::read_to_string(folder.join("vectors").join(file)).expect(file);
        let genuine: Want = toml::from_str(&read("genuine.want")).expect("a want");
        let mut books = Books::open(fresh).await;
        books.clock = Clock::set(Moment::parse(&genuine.now).expect("an instant"));
        let bin = text(&genuine, "bank_bin").unwrap_or_else(|| "970418".to_owned());
        let number = text(&genuine, "account").unwrap_or_else(|| "31410001234567".to_owned());
        let account =
            format!("insert into receiving_account values ('acc_9', 'sch_1', '{bin}', '{number}', 'T', 0, null, null)");
        books.raw(&account).await;
        let amount = genuine.credits[0]["amount"].as_integer().expect("an amount");
        let owed = books.invoice_into("acc_9", Some(REFERENCE), amount / 100).await;
        let providers = Providers::embedded().expect("providers");
        let house =
            House::open(books.store.clone(), books.vault.clone(), books.clock.clone(), providers, Config::default());
        let house = Arc::new(house.expect("a house"));
        let new = NewConnection {
            provider: name.clone(),
            accounts: vec![(bin, number)],
            secrets: secrets(&genuine),
            ..NewConnection::default()
        };
        let connection = inbox::connect(&books.store, &books.vault, &books.clock, &house.providers, new, "per_1").await;
        let connection = connection.unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Some(order) = text(&genuine, "order").or_else(|| text(&genuine, "sub_account")) {
            let kind = if text(&genuine, "order").is_some() { "order" } else { "virtual_account" };
            let key = (kind, connection.as_str(), order.as_str());
            let now = books.clock.now();
            let added = transact!(books.store, |tx| inbox::add_key_in(tx, key, &owed.id, now, "per_1").await);
            assert!(added.expect("a key"), "{name}: the key leads to the invoice");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        // The server ends with the runtime of the test.
        drop(demo::serve(Arc::clone(&house), listener));
        Bench { books, house, base, folder, name, connection, owed, genuine }
    }

    fn vector(&self, name: &str) -> Request {
        let bytes = std::fs::read(self.folder.join(format!("vectors/{name}.http"))).expect(name);
        Request::parse(&bytes).expect(name)
    }

    /// Calls the hook as the bank would; a bank that works with our tokens asks for one first.
    async fn play(&self, name: &str) -> (u16, String) {
        let mut request = self.vector(name);
        if name != "forged" && request.header_text("authorization").is_some_and(|value| value.starts_with("Bearer ")) {
            self.with_token(&mut request).await;
        }
        self.send(&request).await
    }

    async fn send(&self, request: &Request) -> (u16, String) {
        let path = request.target.split('/').skip(4).fold(String::new(), |path, part| format!("{path}/{part}"));
        let query = request.target.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
        let path = path.split('?').next().unwrap_or_default();
        let url = format!("{}/hook/{}/{}{path}{query}", self.base, self.name, self.connection);
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).expect("a method");
        let mut call = reqwest::Client::new().request(method, url).body(request.body.clone());
        for (name, value) in &request.headers {
            if !["host", "content-length"].contains(&name.to_ascii_lowercase().as_str()) {
                call = call.header(name, value.as_slice());
            }
        }
        let answer = call.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    async fn with_token(&self, request: &mut Request) {
        let provider = self.house.providers.get(&self.name).expect("the provider");
        let listened = provider.paths();
        let Some(asked) = listened.iter().find(|listened| listened.what == "token") else { return };
        let value = |name: &str| self.genuine.secrets.get(name).map(|values| values[0].clone());
        let (Some(user), Some(password)) = (value("token_user"), value("token_password")) else { return };
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let url = format!("{}/hook/{}/{}{}", self.base, self.name, self.connection, asked.path);
        let call = reqwest::Client::new().post(url).header("authorization", format!("Basic {basic}"));
        let answer = call.send().await.expect("a token").text().await.expect("a body");
        let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        let token = answer["access_token"].as_str().expect("a token");
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
        request.headers.push(("Authorization".to_owned(), format!("Bearer {token}").into_bytes()));
    }

    async fn credits(&self) -> Vec<String> {
        let all = hocphi::matching::credits_after(&self.books.store, "sch_1", "", 10, false).await.expect("credits");
        all.into_iter().map(|credit| credit.kind.unwrap_or_default()).collect()
    }
}

async fn walked(bench: &Bench) {
    let name = &bench.name;
    let (_, body) = bench.play("forged").await;
    assert!(bench.credits().await.is_empty(), "{name}: a forged message is no credit: {body}");
    let stamped = |body: &str| body.contains("dlv_") || body.contains("Time");
    let told = bench.play("genuine").await;
    let wanted = &bench.genuine.reply;
    assert_eq!(told.0, wanted.status, "{name}: {}", told.1);
    assert!(told.1 == wanted.body || stamped(&wanted.body), "{name}: {} is not {}", told.1, wanted.body);
    let again = bench.play("genuine").await;
    assert_eq!(again.0, wanted.status, "{name}: told again");
    clockwork::settle(&bench.house).await.expect("settled");
    let has_key = text(&bench.genuine, "order").or_else(|| text(&bench.genuine, "sub_account")).is_some();
    let became = if has_key { "settle" } else { "hold" };
    assert_eq!(bench.credits().await, [became], "{name}: one credit, told twice");
    let told_amount = bench.genuine.credits[0]["amount"].as_integer().expect("an amount");
    let paid: i64 = bench.books.paid(&bench.owed.id).await.iter().sum();
    assert_eq!(paid, if has_key { told_amount } else { 0 }, "{name}");
    let provider = bench.house.providers.get(name).expect("the provider");
    let waits = if provider.settles_later() { Account::ClearingGateway } else { Account::Clearing };
    assert_ne!(bench.books.balance(waits).await, 0, "{name}: the money is where its provider holds it");
    let outgoing = bench.play("outgoing").await;
    assert!((200..300).contains(&outgoing.0), "{name}: {outgoing:?}");
    clockwork::settle(&bench.house).await.expect("settled");
    assert_eq!(bench.credits().await, [became], "{name}: what goes out is no credit");
    let health =
        inbox::health(&bench.books.store, &bench.connection, bench.books.clock.now()).await.expect("its health");
    assert!(health.heard_at.is_some() && health.told_again == 1, "{name}: {health:?}");
    assert!(health.refusals.iter().map(|one| one.times).sum::<i64>() >= 1, "{name}: {health:?}");
    bench.books.assert_sound().await;
}

/// Looked over with secrets of its own, as a school has them.
async fn rehearsed(bench: &Bench) {
    let provider = bench.house.providers.get(&bench.name).expect("the provider");
    let mut own = Secrets::new();
    for name in bench.genuine.secrets.keys() {
        let value = "whsec_YW5vdGhlciBzZWNyZXQgdGhhbiB0aGUgdmVjdG9ycyc=";
        let pem = bench.genuine.secrets[name][0].clone();
        own.add(name.clone(), if pem.contains("PUBLIC KEY") { OTHER_KEY.to_owned() } else { value.to_owned() });
    }
    let new = NewConnection {
        provider: bench.name.clone(),
        accounts: vec![("970436".to_owned(), "0011".to_owned())],
        secrets: own.clone(),
        ..NewConnection::default()
    };
    let (store, vault, clock) = (&bench.books.store, &bench.books.vault, &bench.books.clock);
    let id = inbox::connect(store, vault, clock, &bench.house.providers, new, "per_1").await.expect("connected");
    let before = bench.credits().await;
    let found = inbox::connection(store, vault, &id).await.expect("a look").expect("a connection");
    let played = rehearse(provider, &bench.base, &found, (vault.master(), clock.now())).await.expect("played");
    assert!(played.len() >= 2 && played.iter().all(|one| one.is_right), "{}: {played:?}", bench.name);
    clockwork::settle(&bench.house).await.expect("settled");
    assert_eq!(bench.credits().await, before, "{}: a rehearsal books nothing", bench.name);
    bench.house.refusals.write(store).await.expect("written");
    let health = inbox::health(store, &id, clock.now()).await.expect("its health");
    assert_eq!(health, Health::default(), "{}: a rehearsal is not the bank", bench.name);

    // Whoever has not the master key cannot keep himself from being counted.
    let other = MasterKey::parse(&MasterKey::generate().expect("a key")).expect("a key");
    rehearse(provider, &bench.base, &found, (&other, clock.now())).await.expect("played");
    bench.house.refusals.write(store).await.expect("written");
    let health = inbox::health(store, &id, clock.now()).await.expect("its health");
    assert!(!health.refusals.is_empty(), "{}: {health:?}", bench.name);
}

/// Somebody's public key that signed none of the vectors.
const OTHER_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArfpWoItq1kt2z0rInACK\n\
    APjBOovDNc2Y4u5np59AbapddpyEcwT9Gw+79CQWhbPXt58XgriXSb5cqzdjBXv5\n\
    qO0u2tNgiCTVmCg+CdHfE85K4ZahWjDpxXFkK9S74s/AIWiFZffesIX1NpPYvYQN\n\
    hYKPjeeikSoMbicXtJiYFSLrtHpftHyLLWQfbHdRX/oMpi2cUOXh8DkLnvusGR/I\n\
    MePpRV3bo3LKI98gb1DTT4CglZGsFF7JxKnklky+k/dh1HZqCSQld6xqhEz9LMOH\n\
    hNbgw/VbllwRdcQyvbAUHixA0woaS2yWZ2TcCd4LJrQzy0CHrNrT+Ge0jhmw4TT4\n\
    DQIDAQAB\n\
    -----END PUBLIC KEY-----\n";

#[tokio::test]
async fn every_provider_is_heard_over_http_on_sqlite() {
    for folder in folders() {
        let bench = Bench::set(folder, engines::sqlite().await).await;
        walked(&bench).await;
        rehearsed(&bench).await;
    }
}

#[tokio::test]
async fn every_provider_is_heard_over_http_on_postgres() {
    for folder in folders() {
        let Some(fresh) = engines::postgres().await else { return };
        let bench = Bench::set(folder, fresh).await;
        walked(&bench).await;
    }
}

#[tokio::test]
async fn a_bank_shows_the_bill_until_it_is_paid_and_a_second_payment_is_a_doubt() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers/bidv");
    let bench = Bench::set(folder, engines::sqlite().await).await;
    let asked = async |customer: &str| {
        let body = format!(
            r#"{{"customer_id":"{customer}","service_id":"SCHOOL01","checksum":"{}"}}"#,
            checksum(&["SCHOOL01", customer])
        );
        let (status, body) = bench.send(&posted("getbill", body)).await;
        assert_eq!(status, 200);
        serde_json::from_str::<serde_json::Value>(&body).expect("JSON")
    };
    let shown = asked(REFERENCE).await;
    assert_eq!((shown["result_code"].as_str(), shown["data"]["amount"].as_i64()), (Some("000"), Some(1_250_000)));
    assert_eq!(shown["data"]["bill_id"], REFERENCE);
    let pupil = format!("P{}", bench.owed.family.trim_start_matches("fam_"));
    let by_code = asked(&pupil).await;
    assert_eq!(by_code["data"], shown["data"], "a pupil's code leads to the same bill");
    assert_eq!(asked("HS404").await["result_code"], "011");
    let pays = async |number: &str| {
        let body = format!(
            r#"{{"trans_id":"{number}","trans_date":"20261122081359","customer_id":"{pupil}","service_id":"SCHOOL01","bill_id":"{REFERENCE}","amount":"1250000","checksum":"{}"}}"#,
            checksum(&[number, REFERENCE, "1250000"])
        );
        let (_, answered) = bench.send(&posted("paybill", body)).await;
        clockwork::settle(&bench.house).await.expect("settled");
        serde_json::from_str::<serde_json::Value>(&answered).expect("JSON")["result_code"].clone()
    };
    assert_eq!(pays("T1").await, "000");
    assert_eq!(asked(REFERENCE).await["result_code"], "012");
    assert_eq!(pays("T2").await, "023");
    let mut kinds = bench.credits().await;
    kinds.sort();
    assert_eq!(kinds, ["hold", "settle"], "kept, and in no book until the statement shows it");
    assert_eq!(bench.books.balance(Account::Clearing).await, 1_250_000);
    bench.books.assert_sound().await;
}

fn posted(path: &str, body: String) -> Request {
    Request {
        method: "POST".to_owned(),
        target: format!("/hook/bidv/con/{path}"),
        headers: vec![("Content-Type".to_owned(), b"application/json".to_vec())],
        body: body.into_bytes(),
    }
}

/// The MD5 of the vectors' secret and these parts, as BIDV has it.
fn checksum(parts: &[&str]) -> String {
    use md5::Digest as _;
    hex::encode(md5::Md5::digest(format!("secret-for-tests{}", parts.concat())))
}
