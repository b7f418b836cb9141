//! payOS's own libraries take our mock for payOS, and what we sign for their own: so what holds against the mock holds
//! against payOS as far as its libraries know it.
//!
//! `HOCPHI_TEST_PAYOS` names the folder with both of them (`tests/run` makes it). Where it is missing the test says so
//! loudly, and fails in CI.

use std::path::{Path, PathBuf};
use std::process::Command;

use hocphi::inbox::{self, NewConnection};
use hocphi::providers::Secrets;
use hocphi::vietqr::Payload;
use serde_json::{Value, json};

use crate::engines;
use crate::payos_mock::{API_KEY, CHECKSUM_KEY, CLIENT_ID, Mock, VIRTUAL};
use crate::world::{BIN, NUMBER, World};

fn libraries() -> Option<PathBuf> {
    let folder = std::env::var_os("HOCPHI_TEST_PAYOS").map(PathBuf::from);
    assert!(
        folder.is_some() || std::env::var_os("CI").is_none(),
        "CI must set HOCPHI_TEST_PAYOS: payOS's own libraries may not be skipped there"
    );
    if folder.is_none() {
        eprintln!("SKIPPED: HOCPHI_TEST_PAYOS is not set, so payOS's own libraries were not tried (tests/run sets it)");
    }
    folder
}

/// What a library prints for a job.
async fn play(mut command: Command, script: &str, job: &Value) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("job.json");
    std::fs::write(&file, job.to_string()).expect("a file");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script)).arg(&file);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("played").expect("a library");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What is really sent: a field that is null is one that was left out.
fn bare(body: &Value) -> Value {
    let object = body.as_object().expect("an object");
    let fields =
        object.iter().filter(|(name, value)| !value.is_null() && !["signature", "orderCode"].contains(&&***name));
    fields.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payos_own_libraries_sign_as_we_do_and_believe_the_mock_and_our_rehearsal() {
    let Some(libraries) = libraries() else { return };
    let mock = Mock::start(BIN, NUMBER).await;
    let world = World::start_with_payos(engines::sqlite().await, Some(mock.base.clone())).await;
    let house = &world.house;
    let secrets =
        Secrets::new().with("checksum_key", CHECKSUM_KEY).with("client_id", CLIENT_ID).with("api_key", API_KEY);
    let new = NewConnection {
        provider: "payos".to_owned(),
        accounts: vec![(BIN.to_owned(), NUMBER.to_owned())],
        secrets: secrets.clone(),
        makes_orders: true,
        ..NewConnection::default()
    };
    let id = inbox::connect(&house.store, &house.vault, &house.clock, &house.providers, new, "per_lan").await;
    id.expect("a connection");
    world.settle().await;
    let ours = mock.known().asked[0].clone();
    let (text, amount) = (ours["description"].as_str().expect("a text"), ours["amount"].as_i64().expect("an amount"));
    let played =
        house.providers.get("payos").expect("payOS").rehearsal("/hook/payos/con_1", &secrets, &[], house.clock.now());
    let body = |request: &hocphi::providers::Request| String::from_utf8(request.body.clone()).expect("text");
    let (believed, forged): (Vec<_>, Vec<_>) = played.iter().partition(|one| one.is_believed);
    assert_eq!((believed.len(), forged.len()), (1, 2));
    let webhooks = [body(&believed[0].request), mock.paid((text, amount), amount, "FT26327000000007")];
    let order_code = |body: &str| serde_json::from_str::<Value>(body).expect("JSON")["data"]["orderCode"].clone();
    let verified: Vec<Value> = webhooks.iter().map(|body| order_code(body)).collect();
    let forged: Vec<String> = forged.iter().map(|one| body(&one.request)).collect();
    let python = || Command::new(libraries.join("bin/python"));
    let node = || {
        let mut command = Command::new("node");
        command.env("NODE_PATH", libraries.join("node_modules"));
        command
    };
    for (code, script, command) in [(4_107, "payos_peer.py", python()), (4_108, "payos_peer.cjs", node())] {
        let job = json!({
            "base": mock.base, "client_id": CLIENT_ID, "api_key": API_KEY, "checksum_key": CHECKSUM_KEY,
            "order": ours, "code": code, "webhooks": webhooks, "forged": forged,
        });
        let came = play(command, script, &job).await;
        assert_eq!(came["signature"], ours["signature"], "{script}: it signs our order as we do");
        assert_eq!((&came["read"], &came["cancelled"]), (&json!("PENDING"), &json!("CANCELLED")), "{script}");
        assert_eq!((&came["verified"], &came["refused"]), (&json!(verified), &json!(2)), "{script}");
        let qr = Payload::decode(came["qr"].as_str().expect("a code")).expect("a code");
        assert_eq!((qr.account.as_str(), qr.amount.map(hocphi::money::Dong::get)), (VIRTUAL, Some(amount)), "{script}");
        let theirs = mock.known().asked.last().expect("an order").clone();
        assert_eq!((theirs["orderCode"].as_i64(), bare(&theirs)), (Some(code), bare(&ours)), "{script}: one body");
    }
    assert_eq!(mock.texts().len(), 5 + 2, "and none of it was wrong to the mock");
}
