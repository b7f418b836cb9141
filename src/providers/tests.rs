use std::collections::BTreeMap;
use std::sync::LazyLock;

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

static ALL: LazyLock<Vec<Provider>> =
    LazyLock::new(|| Providers::embedded().expect("the providers of the program").iter().cloned().collect());

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
    let names = ALL.iter().flat_map(Provider::secret_names).flatten();
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
        for provider in ALL.iter() {
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

/// The least of a spec: what the tests below put their words into.
struct Trial {
    top: &'static str,
    proof: &'static str,
    credit: &'static str,
    rest: &'static str,
}

impl Default for Trial {
    fn default() -> Trial {
        Trial {
            top: "",
            proof: "[[proof]]\nkind = \"bearer\"\nsecret = \"key\"\nheader = \"key\"",
            credit: "reference = \"/id\"\naccount = [\"/account\"]\namount = \"/amount\"\nmemo = \"/memo\"\n\
                at = { pointer = \"/at\", format = [\"rfc3339\"] }",
            rest: "",
        }
    }
}

impl Trial {
    fn parse(&self) -> Result<Provider, String> {
        let spec = format!(
            "title = \"Trial\"\ndocuments = \"none\"\nretry_keeps_reference = true\n{}\n{}\n[credit]\n{}\n{}\n\
             [reply.ok]\nstatus = 200\nbody = \"ok\"\n",
            self.top, self.proof, self.credit, self.rest
        );
        let (name, path) = ("trial".to_owned(), "providers/trial".to_owned());
        Provider::parse(&Folder { name, path, spec: spec.into_bytes(), vectors: BTreeMap::new() })
            .map_err(|refusal| refusal.en)
    }

    fn provider(&self) -> Provider {
        self.parse().expect("a provider")
    }

    fn wrong(&self) -> String {
        self.parse().map(|_| ()).expect_err("refused")
    }
}

fn trial_secrets() -> Secrets {
    Secrets::new().with("key", "k").with("user", "bank").with("password", "pa:ss")
}

fn sent(path: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    let target = format!("/hook/trial/con_1{path}");
    Request { method: "POST".to_owned(), target, headers, body: body.as_bytes().to_vec() }
}

fn hear_line(trial: &Trial, body: &serde_json::Value) -> Heard {
    trial.provider().hear(&sent("", &[("key", "k")], &body.to_string()), &trial_secrets(), NOW)
}

fn line() -> serde_json::Value {
    serde_json::json!({
        "id": 7, "account": "01", "amount": 2000, "memo": "a", "at": "2026-11-22T08:14:02+07:00",
        "word": "C", "status": "done", "order": "RF1"
    })
}

fn with(key: &str, value: impl Into<serde_json::Value>) -> serde_json::Value {
    let mut line = line();
    line[key] = value.into();
    line
}

#[test]
fn a_credit_may_name_our_order_and_settle_later_on_the_connections_only_account() {
    let trial = Trial {
        top: "settles = \"later\"",
        credit: "reference = \"/id\"\norder = \"/order\"\naccount_of_connection = true\namount = \"/amount\"\nmemo = []\n\
            at = { pointer = \"/at\", format = [\"rfc3339\"] }",
        ..Trial::default()
    };
    let heard = hear_line(&trial, &line());
    let told = &heard.lines()[0];
    assert_eq!((told.order.as_deref(), told.account.as_str(), told.memo.as_str()), (Some("RF1"), "", ""));
    assert_eq!((told.settles, trial.provider().settles_later()), (Settles::Later, true));
    assert!(!Trial::default().provider().settles_later());
    let neither = Trial {
        credit: "reference = \"/id\"\namount = \"/amount\"\nmemo = \"/memo\"\n\
            at = { pointer = \"/at\", format = [\"rfc3339\"] }",
        ..Trial::default()
    };
    assert!(neither.wrong().contains("credit.account: at least one place, or else account_of_connection"));
}

#[test]
fn a_line_that_is_told_again_in_another_spelling_is_the_same_line() {
    let trial = Trial {
        credit: "reference = \"/id\"\ntold_by = [\"/at\", \"/amount\", \"/memo\"]\naccount = [\"/account\"]\n\
            amount = \"/amount\"\nmemo = \"/memo\"\nat = { pointer = \"/at\", format = [\"rfc3339\"] }",
        ..Trial::default()
    };
    let told = |line: &serde_json::Value| match hear_line(&trial, line) {
        Heard::Credits { lines, .. } => lines[0].told_reference.clone(),
        other => panic!("{other:?}"),
    };
    let once = told(&line());
    let again = [
        ("amount", serde_json::json!(2000.0)),
        ("amount", serde_json::json!("2000.00")),
        ("at", serde_json::json!("2026-11-22T01:14:02.000Z")),
        ("memo", serde_json::json!(" a ")),
    ];
    for (key, value) in again {
        assert_eq!(told(&with(key, value.clone())), once, "{key} {value}");
    }
    assert_ne!(told(&with("amount", 2001)), once);
}

#[test]
fn a_letter_that_wandered_from_one_signed_field_to_the_next_is_no_bill_of_ours() {
    let trial = Trial {
        credit: "reference = \"/id\"\naccount = [\"/account\"]\namount = \"/amount\"\nmemo = \"/order\"\n\
            memo_is_reference = true\nat = { pointer = \"/at\", format = [\"rfc3339\"] }",
        ..Trial::default()
    };
    let reference = crate::ids::PaymentReference::of_letters("BCFGHJKLM").expect("letters").to_string();
    let hear = |bill: &str| hear_line(&trial, &with("order", bill));
    assert!(matches!(hear(&reference), Heard::Credits { .. }));
    for shifted in [format!("7{reference}"), format!("417{reference}"), format!("{reference}1")] {
        assert!(matches!(hear(&shifted), Heard::Unreadable(_)), "{shifted}");
    }
}

#[test]
fn an_amount_may_be_told_in_hundredths_and_a_fraction_is_never_rounded() {
    let trial = Trial {
        credit: "reference = \"/id\"\naccount = [\"/account\"]\namount = \"/amount\"\namount_scale = 100\nmemo = \"/memo\"\n\
            at = { pointer = \"/at\", format = [\"rfc3339\"] }",
        ..Trial::default()
    };
    let amount = |told: &str| hear_line(&trial, &with("amount", told)).lines().first().map(|told| told.amount.get());
    assert_eq!(amount("125000000"), Some(1_250_000));
    assert_eq!(amount("100"), Some(1));
    for refused in ["1", "99", "125000050", "-100", "0", "12500.5"] {
        assert_eq!(amount(refused), None, "{refused}");
    }
}

#[test]
fn a_line_may_take_a_credit_back_and_words_and_values_may_be_several() {
    let trial = Trial {
        credit: "reference = \"/id\"\naccount = [\"/account\"]\namount = \"/amount\"\nmemo = [\"/memo\", \"/order\"]\n\
            where = { \"/status\" = [\"done\", \"void\"] }\nreversal = { \"/status\" = \"void\" }\n\
            direction = { pointer = \"/word\", in = [\"C\", \"3\"], out = \"D\" }\n\
            at = { pointer = \"/at\", format = [\"rfc3339\"] }",
        ..Trial::default()
    };
    let heard = |key: &str, value: &str| hear_line(&trial, &with(key, value));
    let direction = |heard: &Heard| heard.lines().first().map(|line| line.direction.word());
    assert_eq!(heard("word", "3").lines()[0].memo, "a RF1");
    assert_eq!(heard("memo", "").lines()[0].memo, "RF1");
    assert_eq!(direction(&heard("word", "D")), Some("out"));
    let void = heard("status", "void");
    assert_eq!((direction(&void), void.word()), (Some("reversal"), "nothing"));
    assert_eq!(void.reason().as_deref(), Some("an earlier credit is taken back"));
    assert_eq!(void.lines()[0].told_reference, heard("word", "C").lines()[0].told_reference);
    assert_eq!(heard("status", "pending").lines(), []);
}

#[test]
fn two_spellings_of_one_place_must_not_hold_two_things() {
    let trial = Trial {
        credit: "each = [\"/none\", \"/lines\"]\nreference = [\"/id\", \"/ID\"]\naccount = [[\"/account\", \"/Account\"]]\n\
            amount = [\"/amount\", \"/Amount\"]\nmemo = [[\"/memo\", \"/Memo\"]]\n\
            at = { pointer = \"/at\", format = [\"rfc3339\"] }",
        ..Trial::default()
    };
    assert_eq!(hear_line(&trial, &with("Amount", "2000")).word(), "credits");
    assert_eq!(hear_line(&trial, &with("Amount", "")).word(), "credits");
    for (key, value) in [("Amount", "2001"), ("ID", "8"), ("Account", "02"), ("Memo", "b")] {
        let heard = hear_line(&trial, &with(key, value));
        assert!(heard.reason().is_some_and(|why| why.ends_with("two spellings with different values")), "{heard:?}");
    }
    let other =
        serde_json::json!({ "lines": [{ "ID": 7, "Account": "01", "Amount": 1, "Memo": "a", "at": line()["at"] }] });
    assert_eq!(hear_line(&trial, &other).word(), "credits");
}

#[test]
fn times_are_read_in_every_form_that_is_known() {
    let forms = [
        ("compact", "20261122081402", Some(0)),
        ("compact", "2026112208140", None),
        ("compact", "20261322081402", None),
        ("compact", "20261122081402+", None),
        ("date-glued-time", "2026-11-2208:14", Some(-2_000)),
        ("date-glued-time", "2026-11-22 08:14", None),
        ("date-glued-time", "2026-11-2225:14", None),
        ("day-first", "22/11/2026 08:14:02", Some(0)),
        ("day-first", "11/22/2026 08:14:02", None),
        ("day-first", "2/11/2026 08:14:02", None),
        ("day-first", "22/11/26 08:14:02", None),
        ("day-first", "22/11/2026/1 08:14:02", None),
        ("day-first", "22/11/2026", None),
        ("epoch-seconds", "1795310042", Some(0)),
        ("epoch-seconds", "1795310042000", None),
        ("epoch-seconds", "-795310042", None),
        ("epoch-milliseconds", "1795310042000", Some(0)),
        ("epoch-milliseconds", "1795310042", None),
    ];
    for (form, text, wanted) in forms {
        let zone = if form.starts_with("epoch") { "" } else { ", zone = \"+07:00\"" };
        let credit = format!(
            "reference = \"/id\"\naccount = [\"/account\"]\namount = \"/amount\"\nmemo = \"/memo\"\n\
             at = {{ pointer = \"/at\", format = [\"{form}\"]{zone} }}"
        );
        let trial = Trial { credit: credit.leak(), ..Trial::default() };
        let heard = hear_line(&trial, &with("at", text));
        assert_eq!(heard.lines().first().map(|told| told.at.0 - NOW.0), wanted, "{form} {text}");
    }
}

const ASKS: &str = "[[ask]]\nkind = \"token\"\npath = \"/token\"\n\
    proof = [{ kind = \"basic\", user = \"user\", password = \"password\" }]\n\
    [[ask]]\nkind = \"bill\"\npath = \"/bill\"\ncustomer = \"/who\"\nservice = \"/what\"\n\
    proof = [{ kind = \"bearer\", secret = \"key\", header = \"key\" }]";
const ASK_REPLIES: &str = "[reply.token]\nstatus = 201\nbody = '{\"t\":\"${token}\",\"s\":${expires_in}}'\n\
    [reply.bill]\nstatus = 200\nbody = '${bill.id}|${bill.name}|${bill.amount}|${/who}|${/deep/none}|${now}|${id}'\n\
    [reply.no_bill]\nstatus = 404\n[reply.nothing_due]\nstatus = 204\n\
    [reply.told_before]\nstatus = 208\n[reply.paid_before]\nstatus = 209";
const TOKEN: &str = "[[proof]]\nkind = \"token-we-issue\"\nuser = \"user\"\npassword = \"password\"\nseconds = 60";

fn asking() -> Trial {
    let credit = "path = \"/pay\"\nreference = \"/id\"\naccount = [\"/account\"]\namount = \"/amount\"\nmemo = \"/memo\"\n\
        at = { pointer = \"/at\", format = [\"rfc3339\"] }";
    Trial { top: ASKS, proof: TOKEN, credit, rest: ASK_REPLIES }
}

#[test]
fn a_bank_asks_for_a_token_and_tells_with_it_at_another_path() {
    let (bank, secrets) = (asking().provider(), trial_secrets());
    let ask = sent("/token", &[("authorization", "Basic YmFuazpwYTpzcw==")], "");
    assert_eq!(bank.hear(&ask, &secrets, NOW), Heard::Asks(Asked::Token));
    let to = ReplyTo { request: &ask, secrets: &secrets, now: NOW, id: None, bill: None };
    let reply = bank.reply(Outcome::Token, &to);
    let told: serde_json::Value = serde_json::from_str(&reply.body).expect("JSON");
    assert_eq!((reply.status, &told["s"]), (201, &60.into()));
    let token = format!("Bearer {}", told["t"].as_str().unwrap_or_default());
    let pay = |path: &str, token: &str, now: i64| {
        bank.hear(&sent(path, &[("Authorization", token)], &line().to_string()), &secrets, Moment(now))
    };
    assert_eq!(pay("/pay", &token, NOW.0 + 59_999).word(), "credits");
    assert_eq!(pay("/pay/", &token, NOW.0).word(), "credits");
    assert_eq!(pay("/pay", &token, NOW.0 + 60_000), Heard::Refused(Disproof::Stale));
    assert_eq!(pay("", &token, NOW.0), Heard::Refused(Disproof::Elsewhere));
    assert_eq!(pay("/token", &token, NOW.0), Heard::Refused(Disproof::Absent));
    let wrong = sent("/token", &[("authorization", "Basic YmFuazp3cm9uZw==")], "");
    assert_eq!(bank.hear(&wrong, &secrets, NOW), Heard::Refused(Disproof::Wrong));
    let nobody = ReplyTo { request: &wrong, ..to };
    assert_eq!(bank.reply(Outcome::Token, &nobody).body, "{\"t\":\"\",\"s\":60}", "no token for a wrong password");
    let listened: Vec<(&str, &str, &str)> = bank.paths().iter().map(|one| (one.what, one.method, one.path)).collect();
    assert_eq!(listened, [("token", "POST", "/token"), ("bill", "POST", "/bill"), ("credit", "POST", "/pay")]);
}

#[test]
fn an_answer_is_made_of_the_bill_and_the_request_and_nobody_writes_into_its_form() {
    let (bank, secrets) = (asking().provider(), trial_secrets());
    let ask = sent("/bill", &[("key", "k")], r#"{"who":"a\"b\\","what":"S1"}"#);
    let Heard::Asks(Asked::Bill(asked)) = bank.hear(&ask, &secrets, NOW) else { panic!("a bill is asked for") };
    assert_eq!((asked.customer.as_str(), asked.service.as_deref()), ("a\"b\\", Some("S1")));
    let bill = Bill { id: "RF1".to_owned(), name: "N\"\n".to_owned(), amount: crate::money::Dong::new(5) };
    let to = ReplyTo { request: &ask, secrets: &secrets, now: NOW, id: Some("dlv_1"), bill: Some(&bill) };
    let reply = |outcome: Outcome| bank.reply(outcome, &to);
    assert_eq!(reply(Outcome::Bill).body, r#"RF1|N\"\n|5|a\"b\\||2026-11-22T08:14:02+07:00|dlv_1"#);
    let status = |outcome: Outcome| reply(outcome).status;
    assert_eq!((status(Outcome::NoBill), status(Outcome::NothingDue), status(Outcome::New)), (404, 204, 200));
    assert_eq!((status(Outcome::ToldBefore), status(Outcome::PaidBefore)), (208, 209));
    assert_eq!((status(Outcome::Nothing), status(Outcome::Test), status(Outcome::Refused)), (200, 200, 401));
    assert_eq!(reply(Outcome::NoBill).body, "");
    let text = format!("{bill:?} {asked:?}");
    assert_eq!(text, "Bill(…) BillAsked(…)");
    let only_told = Trial { rest: "[reply.told_before]\nstatus = 208", ..Trial::default() };
    assert_eq!(only_told.provider().reply(Outcome::PaidBefore, &to).status, 208);
    let list = sent("/bill", &[("key", "k")], r#"{"who":[1]}"#);
    let Heard::Asks(Asked::Bill(nobody)) = bank.hear(&list, &secrets, NOW) else { panic!("a bill is asked for") };
    assert_eq!((nobody.customer.as_str(), nobody.service), ("", None));
}

#[test]
fn a_question_that_could_not_be_answered_is_refused_when_the_file_is_loaded() {
    let wrong = |from: &str, to: &str| {
        let text = |text: &str| -> &'static str { text.replace(from, to).leak() };
        let asking = asking();
        Trial { top: text(asking.top), proof: text(asking.proof), credit: asking.credit, rest: text(asking.rest) }
            .wrong()
    };
    assert!(wrong("[reply.token]\nstatus = 201", "[reply.test]\nstatus = 201").contains("reply.token: missing"));
    assert!(wrong("[reply.no_bill]", "[reply.nothing]").contains("reply.no_bill: missing"));
    assert!(wrong("[reply.nothing_due]", "[reply.nothing]").contains("reply.nothing_due: missing"));
    assert!(wrong("path = \"/bill\"", "path = \"/token\"").contains("ask.path"));
    assert!(wrong("path = \"/bill\"", "path = \"/pay\"").contains("ask.path"));
    assert!(wrong("path = \"/bill\"", "path = \"bill/\"").contains("ask.path"));
    assert!(wrong("customer = \"/who\"", "").contains("ask.customer"));
    assert!(wrong("seconds = 60", "seconds = 0").contains("proof.seconds"));
    assert!(wrong("${bill.id}", "${bill.iban}").contains("${bill.iban} is not a word of an answer"));
    assert!(wrong("${id}'", "${id'").contains("a brace is not closed"));
    assert!(wrong(TOKEN, "[[proof]]\nkind = \"bearer\"\nsecret = \"key\"").contains("no proof is a token-we-issue"));
    let basic = "proof = [{ kind = \"basic\", user = \"user\", password = \"password\" }]";
    let bearer = "proof = [{ kind = \"bearer\", secret = \"key\" }]";
    assert!(wrong(basic, bearer).contains("a token is given for a user and a password"));
}

#[test]
fn what_is_told_by_query_is_proven_and_read_from_it_alone() {
    let trial = Trial {
        top: "[request]\nmethods = [\"GET\"]\nfrom = \"query\"",
        proof: "[[proof]]\nkind = \"hmac\"\nsecret = \"key\"\nhash = \"sha256\"\nmessage = \"{sorted-query:kind}\"\n\
            signature = { pointer = \"/code\" }",
        ..Trial::default()
    };
    let bank = trial.provider();
    assert_eq!(bank.methods(), ["GET"]);
    let signed = "account=01&amount=2000&at=2026-11-22T08%3A14%3A02%2B07%3A00&id=7&memo=a+b";
    let mut mac = <hmac::Hmac<sha2::Sha256> as hmac::KeyInit>::new_from_slice(b"k").expect("a key");
    hmac::Mac::update(&mut mac, signed.as_bytes());
    let code = hex::encode(hmac::Mac::finalize(mac).into_bytes());
    let hear = |method: &str, query: &str| {
        let mut request = sent(&format!("?{query}"), &[], "{\"amount\":9}");
        request.method = method.to_owned();
        bank.hear(&request, &trial_secrets(), NOW)
    };
    let heard = hear("GET", &format!("{signed}&kind=x&empty=&code={code}"));
    assert_eq!(heard.lines().first().map(|told| (told.amount.get(), told.memo.as_str())), Some((2_000, "a b")));
    assert_eq!(hear("GET", &format!("{signed}&amount=1&code={code}")), Heard::Refused(Disproof::Absent));
    assert_eq!(hear("GET", &format!("{signed}&more=1&code={code}")), Heard::Refused(Disproof::Wrong));
    assert_eq!(hear("POST", &format!("{signed}&code={code}")), Heard::Refused(Disproof::Elsewhere));
}

#[test]
fn ways_may_be_demanded_together_and_a_part_of_them_is_then_not_enough() {
    let trial = Trial {
        proof: "[[proof]]\nkind = \"all\"\nof = [{ kind = \"bearer\", secret = \"key\", header = \"key\" }, \
            { kind = \"digest\", hash = \"md5\", signature = { pointer = \"/sum\" }, \
            message = \"{secret:salt}{/id|/ID}{pad10:/amount}{optional:/none}\" }]\n\
            [[proof]]\nkind = \"bearer\"\nsecret = \"key\"\nheader = \"key\"",
        ..Trial::default()
    };
    let bank = trial.provider();
    let hear = |body: &serde_json::Value, secrets: &Secrets| {
        bank.hear(&sent("", &[("key", "k")], &body.to_string()), secrets, NOW)
    };
    let both = trial_secrets().with("salt", "s");
    // The MD5 of `s70000002000`.
    let sum = hex::encode(<md5::Md5 as sha2::Digest>::digest(b"s70000002000"));
    assert_eq!(hear(&with("sum", sum.as_str()), &both).word(), "credits");
    assert_eq!(hear(&with("sum", sum.as_str()), &both.clone().with("salt", "next")).word(), "credits");
    assert_eq!(hear(&line(), &both), Heard::Refused(Disproof::Absent));
    assert_eq!(hear(&line(), &trial_secrets()).word(), "credits", "a connection without the second secret");
    let mut other = with("sum", sum.as_str());
    other["ID"] = 8.into();
    assert_eq!(hear(&other, &both), Heard::Refused(Disproof::Absent), "two spellings");
    assert!(
        Trial { proof: "[[proof]]\nkind = \"all\"\nof = []", ..Trial::default() }.wrong().contains("at least two ways")
    );
    let plain = "[[proof]]\nkind = \"digest\"\nhash = \"md5\"\nmessage = \"{body}\"\nsignature = { header = \"s\" }";
    assert!(Trial { proof: plain, ..Trial::default() }.wrong().contains("without a secret in it proves nothing"));
    let wide = "[[proof]]\nkind = \"hmac\"\nsecret = \"key\"\nhash = \"sha256\"\nmessage = \"{pad99:/id}\"\n\
        signature = { header = \"s\" }";
    assert!(Trial { proof: wide, ..Trial::default() }.wrong().contains("pad takes a width from 1 to 64"));
}

#[test]
fn a_secret_that_is_no_public_key_does_not_fit_where_one_is_needed() {
    let bank = named("vietinbank");
    let folders = folder::embedded();
    let want = folders.iter().find(|folder| folder.name == "vietinbank").map(|folder| &folder.vectors["genuine.want"]);
    let want: toml::Table = String::from_utf8_lossy(want.expect("a vector")).parse().expect("TOML");
    let pem = want["secrets"]["bank_public_key_pem"][0].as_str().expect("a key");
    assert!(bank.fits("bank_public_key_pem", pem));
    assert!(!bank.fits("bank_public_key_pem", "secret-for-tests"));
    assert!(named("bidv").fits("secret_key", "anything"));
    let forms = [("vietinbank", "bank_public_key_pem"), ("bank-sim", "hmac_secret"), ("bidv", "secret_key")];
    let forms = forms.map(|(provider, name)| named(provider).secret_form(name));
    assert_eq!(forms, [SecretForm::PublicKey, SecretForm::WebhookKey, SecretForm::Any]);
}

#[test]
fn what_stands_in_a_text_of_json_is_read_and_what_stands_beside_it_is_not() {
    let trial = Trial { top: "[request]\ninside = \"/data\"", ..Trial::default() };
    let body = serde_json::json!({ "data": line().to_string(), "amount": 9 });
    assert_eq!(hear_line(&trial, &body).lines()[0].amount.get(), 2_000);
    let heard = hear_line(&trial, &serde_json::json!({ "data": line() }));
    assert!(heard.reason().is_some_and(|why| why.contains("request.inside: /data: not a text of JSON")), "{heard:?}");
}
