use proptest::prelude::*;

use super::*;

const OUTCOMES: [Outcome; 10] = [
    Outcome::New,
    Outcome::ToldBefore,
    Outcome::PaidBefore,
    Outcome::Nothing,
    Outcome::Test,
    Outcome::Token,
    Outcome::Bill,
    Outcome::NoBill,
    Outcome::NothingDue,
    Outcome::Refused,
];
const NOW: Moment = Moment(1_795_310_042_000);

fn all() -> Vec<Provider> {
    Providers::embedded().expect("the providers of the program").iter().cloned().collect()
}

fn named(name: &str) -> Provider {
    Providers::embedded().expect("the providers of the program").get(name).cloned().expect("a provider")
}

fn vector(provider: &str, name: &str) -> Request {
    let folders = folder::embedded();
    let folder = folders.iter().find(|folder| folder.name == provider).expect("a folder");
    Request::parse(&folder.vectors[&format!("{name}.http")]).expect("a request")
}

/// Secrets under every name that any provider declares.
fn secrets() -> Secrets {
    let all = all();
    let names = all.iter().flat_map(Provider::secret_names).flatten();
    names.fold(Secrets::new(), |secrets, name| secrets.with(name, "secret-for-tests"))
}

fn casso(body: &str) -> Heard {
    let headers = vec![("Secure-Token".to_owned(), b"secret-for-tests".to_vec())];
    let body = body.as_bytes().to_vec();
    let request = Request { method: "POST".to_owned(), target: "/hook".to_owned(), headers, body };
    named("casso").hear(&request, &secrets(), NOW)
}

#[test]
fn nothing_secret_or_personal_is_printed_by_debug() {
    let request = vector("payos", "genuine");
    let heard = named("payos").hear(&request, &secrets(), NOW);
    let printed = format!("{heard:?} {request:?} {:?}", secrets());
    for hidden in ["secret-for-tests", "NGUYEN", "0881000123456", "0123499999", "RF18BCFGHJKLM"] {
        assert!(!printed.contains(hidden), "{printed}");
    }
}

#[test]
fn a_reason_holds_no_value_that_the_bank_sent() {
    let heard = casso(r#"{"data":[{"id":1,"tid":"T","amount":"4411882","bank_sub_acc_id":"990011","when":"x y z"}]}"#);
    let reason = heard.reason().unwrap_or_default();
    assert!(reason.contains("/data/0/"), "{reason}");
    for hidden in ["4411882", "990011", "x y z"] {
        assert!(!reason.contains(hidden), "{reason}");
    }
}

#[test]
fn what_a_connection_must_know_of_a_bank_is_declared() {
    assert_eq!(named("sepay").memo_prefix("970415"), "SEVQR");
    assert_eq!(named("sepay").memo_prefix("970436"), "");
    assert_eq!((named("payos").memo_max(true), named("payos").memo_max(false)), (25, 9));
    assert!(named("bank-sim").bank_reference_is_unique("970416"));
    assert!(!named("sepay").bank_reference_is_unique("970416"));
    assert!(named("sepay").bank_reference_is_unique("970422"));
    assert_eq!(named("sepay").secret_names(), [["hmac_secret"], ["api_key"]]);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,12}".prop_map(serde_json::Value::from),
        "-?[0-9]{0,30}(\\.[0-9]{0,3})?".prop_map(serde_json::Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?".prop_map(serde_json::Value::from),
    ];
    let names = "id|tid|amount|when|description|bank_sub_acc_id|cusum_balance|data|x";
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map(names, inner, 0..8).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_provider_panic(
        body in prop::collection::vec(any::<u8>(), 0..300),
        query in prop_oneof!["\\PC{0,40}", "(vnp_[A-Z]{1,4}=[0-9%+]{0,4}&){0,5}"],
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 13),
        now in any::<i64>(),
    ) {
        let names = ["authorization", "secure-token", "x-casso-signature", "x-sepay-timestamp", "x-sepay-signature",
            "webhook-id", "webhook-timestamp", "webhook-signature", "x-secret-key", "x-api-key", "signature",
            "x-signature", "x-request-timestamp"];
        let headers: Vec<(String, Vec<u8>)> = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
        let secrets = secrets();
        for provider in all() {
            for listened in provider.paths() {
                let request = Request {
                    method: listened.method.to_owned(),
                    target: format!("/hook/{}/con_1{}?{query}", provider.name(), listened.path),
                    headers: headers.clone(),
                    body: body.clone(),
                };
                prop_assert_eq!(provider.hear(&request, &secrets, Moment(now)).word(), "refused");
                for outcome in OUTCOMES {
                    let to = ReplyTo { request: &request, secrets: &secrets, now: Moment(now), id: None, bill: None };
                    prop_assert!(provider.reply(outcome, &to).status >= 200);
                }
            }
        }
    }

    #[test]
    fn any_proven_json_is_read_or_kept(line in json(), lines in json()) {
        for body in [serde_json::json!({ "data": [line] }), serde_json::json!({ "data": lines }), lines.clone()] {
            let heard = casso(&body.to_string());
            prop_assert_ne!(heard.word(), "refused");
            for told in heard.lines() {
                prop_assert!(told.amount.is_positive() && !told.told_reference.is_empty());
            }
        }
    }

    #[test]
    fn a_request_file_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Request::parse(&bytes);
    }
}

#[test]
fn a_delivery_as_large_as_a_hook_takes_is_read_line_by_line() {
    let line = r#"{"id":1,"tid":"T","amount":2000,"bank_sub_acc_id":"01","when":"2026-11-22","description":"a"}"#;
    let lines = vec![line; 1_048_576 / (line.len() + 1)].join(",");
    let heard = casso(&format!("{{\"data\":[{lines}]}}"));
    assert_eq!(heard.lines().len(), 1_048_576 / (line.len() + 1));
    assert_eq!(casso(&"[".repeat(1_048_576)).word(), "nothing");
}

#[test]
fn one_changed_byte_of_a_signed_body_is_refused() {
    for (name, secrets) in [("sepay", secrets()), ("bank-sim", secrets())] {
        let secrets = if name == "bank-sim" {
            Secrets::new().with("hmac_secret", "whsec_c2VjcmV0LWZvci10ZXN0cywgMjQgYnl0ZQ==")
        } else {
            secrets
        };
        let genuine = vector(name, "genuine");
        let now = Moment::parse("2026-11-22T08:14:02+07:00").expect("a time");
        assert_eq!(named(name).hear(&genuine, &secrets, now).word(), "credits", "{name}");
        for place in 0..genuine.body.len() {
            let mut changed = genuine.clone();
            changed.body[place] ^= 1;
            assert_eq!(named(name).hear(&changed, &secrets, now), Heard::Refused(Disproof::Wrong), "{name} {place}");
        }
    }
}
