//! Virtual accounts that a bank gave out: each leads to one invoice, and money that comes through it pays that invoice.

use hocphi::access::{NewKey, Place, SCOPES, make_key};
use hocphi::inbox::{self, Given, GivenAccount, NewConnection};
use hocphi::money::Dong;
use hocphi::providers::Secrets;
use serde_json::{Value, json};

use crate::engines::Fresh;
use crate::on_both;
use crate::payos_mock::{CHECKSUM_KEY, sign_object};
use crate::world::{AN_KHANG, AN_NHIEN, BIN, NUMBER, OWED, World};

on_both!(
    money_through_a_virtual_account_pays_the_invoice_it_was_given_to,
    a_virtual_account_leads_to_one_invoice_for_ever_and_all_are_given_or_none,
    a_program_gives_virtual_accounts_with_its_scope
);

const TABLE: &str = "Mã học sinh,Số tài khoản ảo\nHS01,VQRQ70000001\nHS03,VQRQ70000003\n";

async fn opened(fresh: Fresh) -> (World, String) {
    let world = World::start(fresh).await;
    let new = NewConnection {
        provider: "payos".to_owned(),
        accounts: vec![(BIN.to_owned(), NUMBER.to_owned())],
        secrets: Secrets::new().with("checksum_key", CHECKSUM_KEY),
        ..NewConnection::default()
    };
    let house = &world.house;
    let id = inbox::connect(&house.store, &house.vault, &house.clock, &house.providers, new, "per_lan").await;
    (world, id.expect("a connection"))
}

async fn give(world: &World, connection: &str, given: &[GivenAccount]) -> hocphi::fault::Result<Given> {
    let to = (world.school.id.as_str(), connection);
    inbox::give_accounts(&world.house.store, &world.house.clock, to, given, "per_lan").await
}

fn one(whose: &str, number: &str) -> Vec<GivenAccount> {
    vec![GivenAccount { at: "B2".to_owned(), whose: whose.to_owned(), number: number.to_owned() }]
}

async fn money_through_a_virtual_account_pays_the_invoice_it_was_given_to(fresh: Fresh) {
    let (world, id) = opened(fresh).await;
    let given = inbox::read_accounts(TABLE.as_bytes(), "tai-khoan.csv").expect("a table");
    assert_eq!(give(&world, &id, &given).await.expect("given"), Given { new: 2, known: 0 });
    assert_eq!(give(&world, &id, &given).await.expect("given"), Given { new: 0, known: 2 });
    let data = json!({
        "orderCode": 77, "amount": OWED, "description": "hoc phi", "accountNumber": NUMBER,
        "reference": "FT26327000000021", "transactionDateTime": "2026-11-23 08:10:00", "currency": "VND",
        "paymentLinkId": "5d1e2b0c", "code": "00", "desc": "success", "virtualAccountNumber": "VQRQ70000003",
    });
    let body = json!({ "code": "00", "desc": "success", "data": data, "signature": sign_object(&data) }).to_string();
    let url = format!("{}/hook/payos/{id}", world.address);
    let answer = reqwest::Client::new().post(url).body(body).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    world.settle().await;
    assert_eq!(world.owed(AN_KHANG).await, Dong::ZERO);
    assert_eq!(world.owed(AN_NHIEN).await, Dong::new(OWED), "his sister's is another account");
    assert_eq!(give(&world, &id, &given).await.expect("a paid one too"), Given { new: 0, known: 2 });
    world.audit().await;
}

async fn a_virtual_account_leads_to_one_invoice_for_ever_and_all_are_given_or_none(fresh: Fresh) {
    let (world, id) = opened(fresh).await;
    let reference = world.invoice(AN_NHIEN).await.reference;
    give(&world, &id, &one(&reference, "VQRQ70000001")).await.expect("by reference");
    let good = one(AN_KHANG, "VQRQ70000003").remove(0);
    for (whose, number, sentence) in [
        ("HS03", "VQRQ70000001", "phiếu của người khác"),
        ("HS99", "VQRQ70000009", "Không có phiếu nào"),
        ("HS03", "", "1 đến 19"),
        ("HS03", "VQRQ 70000009", "1 đến 19"),
        ("HS03", "VQRQ7000000900000009", "1 đến 19"),
    ] {
        let given = [one(whose, number), vec![good.clone()]].concat();
        let refused = give(&world, &id, &given).await.expect_err(sentence);
        let places = &refused.refusal().expect("a refusal").places;
        assert_eq!(places.len(), 1, "{sentence}");
        assert!(places[0].at == "B2" && places[0].vi.contains(sentence), "{}", places[0].vi);
    }
    assert_eq!(give(&world, &id, &[good]).await.expect("given"), Given { new: 1, known: 0 }, "none was given before");
    let absent = give(&world, "con_00000000000000000000000000", &one("HS01", "V1")).await.expect_err("nobody's");
    assert_eq!(absent.refusal().map(|refusal| refusal.code), Some("absent"));
    let no_columns = inbox::read_accounts(b"a,b\n1,2\n", "x.csv").expect_err("no such columns");
    assert_eq!(no_columns.refusal().map(|refusal| refusal.code), Some("file-has-errors"));
}

async fn a_program_gives_virtual_accounts_with_its_scope(fresh: Fresh) {
    let (world, id) = opened(fresh).await;
    let (store, clock) = (&world.house.store, &world.house.clock);
    let key = async |scopes: &[&str]| {
        let place = Place::School(world.school.id.clone());
        make_key(store, clock, NewKey { name: "ngân hàng", scopes, place, city: false }, "per_lan")
            .await
            .expect("a key")
            .1
    };
    let url = format!("{}/api/v1/schools/{}/virtual-accounts", world.address, world.school.id);
    let send = async |key: &str, body: &Value| {
        let request = reqwest::Client::new().post(&url).bearer_auth(key).json(body);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    let all = key(&SCOPES).await;
    let body = json!({ "connection": id, "accounts": [{ "whose": "HS01", "number": "VQRQ70000001" }] });
    assert_eq!(send(&all, &body).await, (200, json!({ "new": 1, "known": 0 })));
    assert_eq!(send(&all, &body).await, (200, json!({ "new": 0, "known": 1 })));
    let theirs = json!({ "connection": id, "accounts": [{ "whose": "HS03", "number": "VQRQ70000001" }] });
    let (status, refused) = send(&all, &theirs).await;
    assert_eq!(status, 422, "{refused}");
    assert!(refused.to_string().contains("somebody else's invoice"), "{refused}");
    let (status, _) = send(&key(&["fees:read"]).await, &body).await;
    assert_eq!(status, 403);
    let nobodys = json!({ "connection": "con_x", "accounts": [] });
    assert_eq!(send(&all, &nobodys).await.0, 404);
    let document = serde_json::to_value(hocphi::web::api::document()).expect("a document");
    assert!(document["paths"]["/api/v1/schools/{school}/virtual-accounts"]["post"].is_object());
}
