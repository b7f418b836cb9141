//! Is it really the bank? One comparison, in constant time, and one replay window for every way of proving.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::Disproof;
use super::canonical::{Escape, sorted_json};
use super::request::{Request, Secrets};
use super::spec::{Encoding, Hash, Place, Proof, Unit, Window};
use crate::time::Moment;

/// Proves a request in any of the declared ways for which the connection holds the secrets.
///
/// # Errors
/// The most telling reason of the ways tried: stale before wrong, wrong before absent.
pub fn prove(
    ways: &[Proof],
    request: &Request,
    body: Option<&Value>,
    secrets: &Secrets,
    now: Moment,
) -> Result<(), Disproof> {
    let mut worst = Disproof::NoSecret;
    for way in ways {
        if way.secrets().iter().any(|name| secrets.values(name).is_empty()) {
            continue;
        }
        let Err(reason) = prove_one(way, request, body.unwrap_or(&Value::Null), secrets, now) else { return Ok(()) };
        if rank(reason) > rank(worst) {
            worst = reason;
        }
    }
    Err(worst)
}

fn rank(reason: Disproof) -> u8 {
    match reason {
        Disproof::NoSecret => 0,
        Disproof::Absent => 1,
        Disproof::Wrong => 2,
        Disproof::Stale => 3,
    }
}

fn prove_one(way: &Proof, request: &Request, body: &Value, secrets: &Secrets, now: Moment) -> Result<(), Disproof> {
    match way {
        Proof::Bearer { secret, header, prefix } => {
            let told = without_scheme(request.header(header), prefix)?;
            right(secrets.values(secret).iter().any(|value| same(value.as_bytes(), told)))
        }
        Proof::Basic { user, password } => basic(request, secrets, user, password),
        Proof::Hmac { secret, hash, message, signature, encoding, window } => {
            let left_out = signature.pointer.as_ref().map_or("", |pointer| pointer.as_str());
            let told = told_code(request, body, signature, *encoding)?;
            let message = message.message(request, body, secrets, left_out).ok_or(Disproof::Absent)?;
            let values = secrets.values(secret);
            right(values.iter().any(|key| same(&code(*hash, key.as_bytes(), &message), &told)))?;
            window.as_ref().map_or(Ok(()), |window| in_time(request, window, now))
        }
        Proof::CassoV2 { secret } => casso_v2(request, body, secrets, secret),
        Proof::StandardWebhooks { secret, window_seconds } => {
            standard_webhooks(request, secrets, secret)?;
            let header = "webhook-timestamp".to_owned();
            in_time(request, &Window { header, unit: Unit::Seconds, seconds: *window_seconds }, now)
        }
    }
}

/// The one comparison of a proof. Only the length may be told from the time it takes.
fn same(ours: &[u8], told: &[u8]) -> bool {
    ours.ct_eq(told).into()
}

fn right(is_right: bool) -> Result<(), Disproof> {
    if is_right { Ok(()) } else { Err(Disproof::Wrong) }
}

/// The one replay window.
fn in_time(request: &Request, window: &Window, now: Moment) -> Result<(), Disproof> {
    let told: i64 = request.header_text(&window.header).and_then(|text| text.parse().ok()).ok_or(Disproof::Absent)?;
    let told = if window.unit == Unit::Milliseconds { told } else { told.saturating_mul(1_000) };
    let apart = i128::from(now.0) - i128::from(told);
    if apart.abs() <= i128::from(window.seconds) * 1_000 { Ok(()) } else { Err(Disproof::Stale) }
}

fn code(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha256 => code_of::<Hmac<Sha256>>(key, message),
        Hash::Sha512 => code_of::<Hmac<Sha512>>(key, message),
    }
}

fn code_of<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac =
        <M as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn told_code(request: &Request, body: &Value, place: &Place, encoding: Encoding) -> Result<Vec<u8>, Disproof> {
    let text = match (&place.header, &place.pointer) {
        (Some(header), _) => request.header(header),
        (None, Some(pointer)) => body.pointer(pointer.as_str()).and_then(Value::as_str).map(str::as_bytes),
        (None, None) => None,
    };
    decoded(without_scheme(text, &place.prefix)?, encoding)
}

fn decoded(text: &[u8], encoding: Encoding) -> Result<Vec<u8>, Disproof> {
    let bytes = match encoding {
        Encoding::Hex => hex::decode(text).ok(),
        Encoding::Base64 => STANDARD.decode(text).ok(),
    };
    bytes.ok_or(Disproof::Absent)
}

/// What stands after a scheme such as `Apikey `, whose case is nobody's business (RFC 9110, 11.1).
fn without_scheme<'a>(value: Option<&'a [u8]>, scheme: &str) -> Result<&'a [u8], Disproof> {
    let value = value.ok_or(Disproof::Absent)?;
    let (head, rest) = value.split_at_checked(scheme.len()).ok_or(Disproof::Absent)?;
    if head.eq_ignore_ascii_case(scheme.as_bytes()) { Ok(rest) } else { Err(Disproof::Absent) }
}

fn basic(request: &Request, secrets: &Secrets, user: &str, password: &str) -> Result<(), Disproof> {
    let told = decoded(without_scheme(request.header("authorization"), "Basic ")?, Encoding::Base64)?;
    let is_right = secrets.values(user).iter().any(|user| {
        secrets
            .values(password)
            .iter()
            .any(|password| same([user.as_bytes(), b":", password.as_bytes()].concat().as_slice(), &told))
    });
    right(is_right)
}

/// `X-Casso-Signature: t=<milliseconds>,v1=<hex>` over `t.json`, the whole body with sorted keys. Casso's own samples
/// escape the JSON as their language does, so each way is tried. Casso documents no replay window, and one of ours
/// would lose retries whose `t` is the first telling's; a replay tells a known reference and changes nothing.
fn casso_v2(request: &Request, body: &Value, secrets: &Secrets, secret: &str) -> Result<(), Disproof> {
    let header = request.header_text("x-casso-signature").ok_or(Disproof::Absent)?;
    let mut time = None;
    let mut told = None;
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => time = Some(value),
            Some(("v1", value)) => told = Some(value),
            _ => {}
        }
    }
    let (Some(time), Some(told)) = (time, told) else { return Err(Disproof::Absent) };
    if !body.is_object() {
        return Err(Disproof::Absent);
    }
    let told = decoded(told.as_bytes(), Encoding::Hex)?;
    let is_right = [Escape::JavaScript, Escape::Python, Escape::Php].into_iter().any(|escape| {
        let message = format!("{time}.{}", sorted_json(body, escape));
        secrets.values(secret).iter().any(|key| same(&code(Hash::Sha512, key.as_bytes(), message.as_bytes()), &told))
    });
    right(is_right)
}

/// `webhook-signature: v1,<base64> v1,<base64> …` over `id.timestamp.body`; any one that is right proves.
fn standard_webhooks(request: &Request, secrets: &Secrets, secret: &str) -> Result<(), Disproof> {
    let id = request.header("webhook-id").ok_or(Disproof::Absent)?;
    let time = request.header("webhook-timestamp").ok_or(Disproof::Absent)?;
    let signatures = request.header_text("webhook-signature").ok_or(Disproof::Absent)?;
    let told: Vec<Vec<u8>> = signatures
        .split_ascii_whitespace()
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .collect();
    if told.is_empty() {
        return Err(Disproof::Absent);
    }
    let message = [id, b".", time, b".", request.body.as_slice()].concat();
    let is_right = secrets.values(secret).iter().any(|value| {
        // A key that is not base64 proves nothing; an empty one would prove everything.
        let key = webhook_key(value);
        let ours = code(Hash::Sha256, &key, &message);
        !key.is_empty() && told.iter().any(|told| same(&ours, told))
    });
    right(is_right)
}

fn webhook_key(value: &str) -> Vec<u8> {
    STANDARD.decode(value.strip_prefix("whsec_").unwrap_or(value)).unwrap_or_default()
}

/// Can this value be that secret of this way of proving?
pub fn fits(way: &Proof, name: &str, value: &str) -> bool {
    match way {
        Proof::StandardWebhooks { secret, .. } if secret == name => !webhook_key(value).is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::folder::Folder;
    use super::super::{Heard, Provider};
    use super::*;
    use crate::fault::Refusal;

    const NOW: Moment = Moment(1_795_310_042_000);

    const CREDIT: &str = r#"{"memo":"a b","id":7,"amount":2000,"account":"01","at":"2026-11-22T08:14:02+07:00",
        "x":{"b":[1,true],"a":null}}"#;

    /// A provider with this proof and the least of a credit.
    fn proven_by(proof: &str) -> Result<Provider, Refusal> {
        let spec = format!(
            r#"
            title = "Trial"
            documents = "none"
            retry_keeps_reference = true
            {proof}
            [credit]
            reference = "/id"
            account = ["/account"]
            amount = "/amount"
            memo = "/memo"
            at = {{ pointer = "/at", format = ["rfc3339"] }}
            [reply.ok]
            status = 200
            body = ""
            "#
        );
        let (name, path) = ("trial".to_owned(), "providers/trial".to_owned());
        Provider::parse(&Folder { name, path, spec: spec.into_bytes(), vectors: BTreeMap::new() })
    }

    fn request(headers: &[(&str, &str)], body: &str) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        Request { method: "POST".to_owned(), target: "/hook".to_owned(), headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_user_and_a_password_prove_together_and_not_alone() {
        let bank =
            proven_by("[[proof]]\nkind = \"basic\"\nuser = \"user\"\npassword = \"password\"").expect("a provider");
        let secrets = Secrets::new().with("user", "bank").with("password", "pa:ss").with("password", "next");
        let word = |value: &str| bank.hear(&request(&[("Authorization", value)], CREDIT), &secrets, NOW).word();
        assert_eq!(word("Basic YmFuazpwYTpzcw=="), "credits");
        assert_eq!(word("basic YmFuazpuZXh0"), "credits");
        assert_eq!(word("Basic YmFuazpwYXNz"), "refused");
        assert_eq!(word("Basic YmFuaw=="), "refused");
        assert_eq!(word("Bearer YmFuazpwYTpzcw=="), "refused");
        let half = Secrets::new().with("user", "bank");
        let asked = request(&[("Authorization", "Basic YmFuazo=")], CREDIT);
        assert_eq!(bank.hear(&asked, &half, NOW), Heard::Refused(Disproof::NoSecret));
    }

    #[test]
    fn a_template_puts_in_places_secrets_headers_and_sorted_json() {
        let proof = r#"[[proof]]
            kind = "hmac"
            secret = "key"
            hash = "sha512"
            message = "{secret:client}|{header:when}|{/id}&{/memo}&{/x/a}|{sorted-json:/x}"
            signature = { header = "code" }
            encoding = "base64"
            window = { header = "when", unit = "milliseconds", seconds = 10 }"#;
        let bank = proven_by(proof).expect("a provider");
        let secrets = Secrets::new().with("key", "k").with("client", "c");
        let sign = |message: &str| {
            let mut mac = <Hmac<Sha512> as KeyInit>::new_from_slice(b"k").expect("a key");
            mac.update(message.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        };
        let hear = |when: i64, message: &str| {
            let when = when.to_string();
            bank.hear(&request(&[("When", &when), ("Code", &sign(message))], CREDIT), &secrets, NOW).word()
        };
        let message = |when: i64| format!(r#"c|{when}|7&a b&|{{"a":null,"b":[1,true]}}"#);
        assert_eq!(hear(NOW.0, &message(NOW.0)), "credits");
        assert_eq!(hear(NOW.0 - 10_000, &message(NOW.0 - 10_000)), "credits");
        assert_eq!(hear(NOW.0 - 10_001, &message(NOW.0 - 10_001)), "refused");
        assert_eq!(hear(NOW.0, &message(NOW.0 + 1)), "refused");
    }

    #[test]
    fn a_proof_that_would_prove_nothing_is_refused_when_it_is_loaded() {
        let refused = |proof: &str| proven_by(proof).map(|_| ()).expect_err("refused").en;
        assert!(refused("proof = []").contains("at least one way"));
        let hmac = |message: &str, signature: &str| {
            format!(
                "[[proof]]\nkind = \"hmac\"\nsecret = \"k\"\nhash = \"sha256\"\n\
                 message = \"{message}\"\nsignature = {signature}"
            )
        };
        assert!(refused(&hmac("fixed{secret:k}", "{ header = \"s\" }")).contains("nothing of the request"));
        assert!(refused(&hmac("{bdoy}", "{ header = \"s\" }")).contains("{bdoy} is not a word of a message"));
        assert!(refused(&hmac("{body", "{ header = \"s\" }")).contains("a brace is not closed"));
        assert!(refused(&hmac("{body}", "{}")).contains("either a header or a pointer"));
        assert!(refused("[[proof]]\nkind = \"javascript\"").contains("unknown variant"));
    }

    #[test]
    fn a_signature_made_by_the_standards_own_library_proves() {
        let key = "whsec_c2VjcmV0LWZvci10ZXN0cywgMjQgYnl0ZQ==";
        let signer = standardwebhooks::Webhook::new(key).expect("a key");
        let at = NOW.0 / 1_000;
        let signature = signer.sign("msg_7", at, CREDIT.as_bytes()).expect("a signature");
        let bank = proven_by("[[proof]]\nkind = \"standard-webhooks\"\nsecret = \"key\"\nwindow_seconds = 300")
            .expect("a provider");
        let time = at.to_string();
        let headers = [("Webhook-Id", "msg_7"), ("Webhook-Timestamp", &time), ("Webhook-Signature", &signature)];
        let secrets = Secrets::new().with("key", key);
        assert_eq!(bank.hear(&request(&headers, CREDIT), &secrets, NOW).word(), "credits");
        assert_eq!(bank.hear(&request(&headers, &CREDIT.replace('7', "8")), &secrets, NOW).word(), "refused");
    }
}
