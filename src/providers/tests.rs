use proptest::prelude::*;

use super::*;

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
    ["checksum_key", "secure_token", "api_key", "hmac_secret"]
        .iter()
        .fold(Secrets::new(), |secrets, name| secrets.with(name, "secret-for-tests"))
}

fn casso(body: &str) -> Heard {
    let headers = vec![("Secure-Token".to_owned(), b"secret-for-tests".to_vec())];
    let body = body.as_bytes().to_vec();
    let request = Request { method: "POST".to_owned(), target: "/hook".to_owned(), headers, body };
    named("casso").hear(&request, &secrets(), NOW)
}

#[test]
fn every_vector_of_every_provider_comes_out_as_wanted() {
    let checked = Providers::check(None).expect("the vectors");
    assert_eq!(checked.faults, Vec::<String>::new());
    let names: Vec<&str> = checked.played.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["bank-sim", "casso", "casso-v2", "payos", "sepay"]);
    assert!(checked.played.iter().map(|(_, played)| played).sum::<usize>() >= 200, "{:?}", checked.played);
}

#[test]
fn every_provider_has_a_genuine_a_forged_an_outgoing_and_a_told_twice_vector() {
    for folder in folder::embedded() {
        for name in ["genuine", "forged", "outgoing", "told-twice"] {
            for extension in ["http", "want"] {
                let file = format!("{name}.{extension}");
                assert!(folder.vectors.contains_key(&file), "{}/vectors/{file} is missing", folder.path);
            }
        }
    }
}

#[test]
fn the_folders_inside_the_program_are_those_beside_its_source() {
    let beside = folder::on_disk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("providers")).expect("the folders");
    let inside = folder::embedded();
    assert_eq!(inside.len(), beside.len());
    for (inside, beside) in inside.iter().zip(&beside) {
        assert_eq!((&inside.name, &inside.spec), (&beside.name, &beside.spec));
        assert!(inside.vectors == beside.vectors, "{}", inside.name);
    }
}

#[test]
fn a_wrong_want_is_named_by_file_key_and_pointer() {
    let mut folders = folder::embedded();
    let sepay = folders.iter_mut().find(|folder| folder.name == "sepay").expect("sepay");
    let want = sepay.vectors.get_mut("genuine.want").expect("a vector");
    *want = String::from_utf8_lossy(want).replace("amount = 1250000", "amount = 1").into_bytes();
    sepay.vectors.remove("outgoing.http");
    let faults = check::check(&folders).faults;
    assert!(
        faults.contains(
            &"providers/sepay/vectors/genuine.want: credits[0].amount: /transferAmount: wanted \"1\", got \"1250000\""
                .to_owned()
        )
    );
    assert!(faults.contains(&"providers/sepay/vectors/outgoing.http: missing".to_owned()), "{faults:?}");
}

#[test]
fn a_word_that_is_not_in_the_vocabulary_is_refused_with_its_file_and_key() {
    let mut folder = folder::embedded().remove(0);
    let spec = String::from_utf8_lossy(&folder.spec).into_owned();
    let refused = |folder: &Folder| Provider::parse(folder).map(|_| ()).expect_err("refused").en;
    folder.spec = spec.replace("memo = ", "memo_regex = ").into_bytes();
    assert!(refused(&folder).starts_with("providers/bank-sim/provider.toml: credit.memo_regex (line "));
    folder.spec = spec.replace("memo = \"/memo\"", "memo = \"memo\"").into_bytes();
    let message = refused(&folder);
    assert!(message.starts_with("providers/bank-sim/provider.toml: credit.memo (line "), "{message}");
    assert!(message.ends_with("a JSON pointer begins with a slash"), "{message}");
    folder.spec = spec.replace("[\"rfc3339\"]", "[\"date\"]").into_bytes();
    assert!(refused(&folder).contains("credit.at.zone"), "{}", refused(&folder));
}

#[test]
fn a_local_folder_wins_over_the_one_of_the_program() {
    let directory = tempfile::tempdir().expect("a directory");
    let local = directory.path().join("sepay");
    std::fs::create_dir(&local).expect("a folder");
    let spec = include_str!("../../providers/sepay/provider.toml").replace("\"SePay\"", "\"SePay of our ward\"");
    std::fs::write(local.join("provider.toml"), spec).expect("a file");
    let all = Providers::load(directory.path()).expect("providers");
    assert_eq!(all.get("sepay").map(Provider::title), Some("SePay of our ward"));
    assert!(all.get("payos").is_some());
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
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 8),
        now in any::<i64>(),
    ) {
        let names = ["authorization", "secure-token", "x-casso-signature", "x-sepay-timestamp", "x-sepay-signature",
            "webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers = names.iter().map(|name| (*name).to_owned()).zip(values).collect();
        let request = Request { method: String::new(), target: String::new(), headers, body };
        for provider in all() {
            prop_assert_eq!(provider.hear(&request, &secrets(), Moment(now)).word(), "refused");
        }
    }

    #[test]
    fn any_proven_json_is_read_or_kept(line in json(), lines in json()) {
        for body in [serde_json::json!({ "data": [line] }), serde_json::json!({ "data": lines }), lines.clone()] {
            let heard = casso(&body.to_string());
            prop_assert_ne!(heard.word(), "refused");
            prop_assert!(heard.lines().iter().all(|told| told.amount.is_positive() && !told.told_reference.is_empty()));
        }
    }

    #[test]
    fn a_request_file_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Request::parse(&bytes);
    }
}
