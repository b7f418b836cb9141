//! Is it really the bank? One comparison, in constant time, and one replay window for every way of proving.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::canonical::{Escape, Said, Template, sorted_json};
use super::read::compact;
use super::request::{Request, Secrets};
use super::rsa::PublicKey;
use super::token;
use super::ways::{DigestHash, Encoding, Hash, Place, Proof, Unit, Window};
use super::{Disproof, SecretForm};
use crate::time::Moment;

/// Proves a request in any of the declared ways for which the connection holds the secrets. Where it holds those of a
/// way that demands more, a way that is content with a part of them does not count.
///
/// # Errors
/// The most telling reason of the ways tried: stale before wrong, wrong before absent.
pub fn prove(ways: &[Proof], said: &Said, secrets: &Secrets, now: Moment) -> Result<(), Disproof> {
    let mut worst = Disproof::NoSecret;
    for way in counting(ways, secrets) {
        let Err(reason) = prove_all(way, said, secrets, now) else { return Ok(()) };
        if rank(reason) > rank(worst) {
            worst = reason;
        }
    }
    Err(worst)
}

/// The ways that count with these secrets.
pub fn counting<'a>(ways: &'a [Proof], secrets: &Secrets) -> Vec<&'a Proof> {
    let held: Vec<&Proof> =
        ways.iter().filter(|way| way.secrets().iter().all(|name| !secrets.values(name).is_empty())).collect();
    let asks_more = |way: &Proof, other: &Proof| {
        let (fewer, more) = (way.secrets(), other.secrets());
        fewer.len() < more.len() && fewer.iter().all(|name| more.contains(name))
    };
    held.iter().copied().filter(|way| !held.iter().any(|other| asks_more(way, other))).collect()
}

fn rank(reason: Disproof) -> u8 {
    match reason {
        Disproof::NoSecret | Disproof::Elsewhere => 0,
        Disproof::Absent => 1,
        Disproof::Wrong => 2,
        Disproof::Stale => 3,
    }
}

fn prove_all(way: &Proof, said: &Said, secrets: &Secrets, now: Moment) -> Result<(), Disproof> {
    way.parts().iter().try_for_each(|part| prove_one(part, said, secrets, now))
}

fn prove_one(way: &Proof, said: &Said, secrets: &Secrets, now: Moment) -> Result<(), Disproof> {
    let request = said.request;
    match way {
        Proof::Bearer { secret, header, prefix } => {
            let told = without_scheme(request.header(header), prefix)?;
            right(secrets.values(secret).iter().any(|value| same(value.as_bytes(), told)))
        }
        Proof::Basic { user, password } => token::basic(request, secrets, user, password).map(|_| ()),
        Proof::TokenWeIssue { user, password, .. } => token::prove(request, secrets, user, password, now),
        Proof::Hmac { secret, hash, message, signature, encoding, window } => {
            let values = secrets.values(secret);
            let is_code = |message: &[u8], told: &[u8]| {
                values.iter().any(|key| same(&code(*hash, key.as_bytes(), message), told))
            };
            signed(said, secrets, message, signature, *encoding, is_code)?;
            window.as_ref().map_or(Ok(()), |window| in_time(request, window, now))
        }
        Proof::Digest { hash, message, signature, encoding } => {
            let is_hash = |message: &[u8], told: &[u8]| same(&digest(*hash, message), told);
            signed(said, secrets, message, signature, *encoding, is_hash)
        }
        Proof::Rsa { public_key, message, signature, encoding } => {
            let keys: Vec<PublicKey> =
                secrets.values(public_key).iter().filter_map(|pem| PublicKey::from_pem(pem)).collect();
            let is_signature = |message: &[u8], told: &[u8]| keys.iter().any(|key| key.proves(message, told));
            signed(said, secrets, message, signature, *encoding, is_signature)
        }
        Proof::CassoV2 { secret } => casso_v2(said, secrets, secret),
        Proof::StandardWebhooks { secret, window_seconds } => {
            standard_webhooks(request, secrets, secret)?;
            let header = "webhook-timestamp".to_owned();
            in_time(request, &Window { header, unit: Unit::Seconds, seconds: *window_seconds }, now)
        }
        // A way of ways is refused within another when the file is loaded.
        Proof::All { .. } => Err(Disproof::Absent),
    }
}

/// Does the signature that was told stand under one of the messages this request may have been signed over?
fn signed(
    said: &Said,
    secrets: &Secrets,
    message: &Template,
    signature: &Place,
    encoding: Encoding,
    is_right: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<(), Disproof> {
    let told = told_code(said, signature, encoding)?;
    let messages = message.messages(said, secrets, signature.pointer.as_ref());
    if messages.is_empty() {
        return Err(Disproof::Absent);
    }
    right(messages.iter().any(|message| is_right(message, &told)))
}

/// What a request was signed over and what its proof would be, for a person who looks for the reason of a failing
/// vector. It holds secrets, so it is for vectors alone, whose secrets everybody knows.
pub fn explain(ways: &[Proof], said: &Said, secrets: &Secrets, now: Moment) -> Vec<String> {
    let parts = counting(ways, secrets).into_iter().flat_map(Proof::parts);
    parts.filter_map(|way| explain_one(way, said, secrets, now)).collect()
}

fn explain_one(way: &Proof, said: &Said, secrets: &Secrets, now: Moment) -> Option<String> {
    let last = |name: &str| secrets.values(name).last().map(|value| value.as_bytes().to_vec());
    if let Proof::Hmac { message, .. } | Proof::Digest { message, .. } | Proof::Rsa { message, .. } = way {
        let absent = message.absent(said);
        if !absent.is_empty() {
            return Some(format!("there is nothing to be signed: {}", absent.join("; ")));
        }
    }
    let (messages, proof, place) = match way {
        Proof::Hmac { secret, hash, message, signature, encoding, .. } => {
            let messages = message.messages(said, secrets, signature.pointer.as_ref());
            let proof = code(*hash, &last(secret)?, messages.first()?);
            (messages, written(&proof, *encoding), signature.words())
        }
        Proof::Digest { hash, message, signature, encoding } => {
            let messages = message.messages(said, secrets, signature.pointer.as_ref());
            let proof = digest(*hash, messages.first()?);
            (messages, written(&proof, *encoding), signature.words())
        }
        Proof::Rsa { message, signature, .. } => {
            let messages = message.messages(said, secrets, signature.pointer.as_ref());
            (messages, "(the bank's private key makes it)".to_owned(), signature.words())
        }
        Proof::CassoV2 { secret } => {
            let messages = casso_v2_messages(said)?;
            let proof = hex::encode(code(Hash::Sha512, &last(secret)?, messages.first()?));
            (messages, proof, "v1 of the header x-casso-signature".to_owned())
        }
        Proof::StandardWebhooks { secret, .. } => {
            let message = standard_message(said.request)?;
            let key = webhook_key(secrets.values(secret).last()?);
            let proof = STANDARD.encode(code(Hash::Sha256, &key, &message));
            (vec![message], format!("v1,{proof}"), "the header webhook-signature".to_owned())
        }
        Proof::TokenWeIssue { user, password, seconds } => {
            let (user, password) = (secrets.values(user).last()?, secrets.values(password).last()?);
            let until = Moment(now.0.saturating_add(i64::from(*seconds) * 1_000));
            let token = token::issue(said.request, user, password, until);
            return Some(format!("a token that lives then stands in authorization as \"Bearer {token}\""));
        }
        Proof::Bearer { .. } | Proof::Basic { .. } | Proof::All { .. } => return None,
    };
    let message = String::from_utf8_lossy(messages.first()?).into_owned();
    // As it is, so that it can be compared with a document or signed by another program.
    let message = if message.chars().any(char::is_control) { format!("{message:?}") } else { message };
    Some(format!("signed is `{message}`, and right would be {proof} in {place}"))
}

fn written(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Hex => hex::encode(bytes),
        Encoding::Base64 => STANDARD.encode(bytes),
    }
}

/// The one comparison of a proof. Only the length may be told from the time it takes.
pub fn same(ours: &[u8], told: &[u8]) -> bool {
    ours.ct_eq(told).into()
}

fn right(is_right: bool) -> Result<(), Disproof> {
    if is_right { Ok(()) } else { Err(Disproof::Wrong) }
}

/// The one replay window.
fn in_time(request: &Request, window: &Window, now: Moment) -> Result<(), Disproof> {
    let text = request.header_text(&window.header).ok_or(Disproof::Absent)?;
    let told = match window.unit {
        Unit::Seconds => text.parse::<i64>().ok().map(|seconds| seconds.saturating_mul(1_000)),
        Unit::Milliseconds => text.parse().ok(),
        Unit::Compact => compact(text).map(|told| told.0),
        Unit::CompactMilliseconds => compact_milliseconds(text),
    };
    let told = told.ok_or(Disproof::Absent)?;
    let apart = i128::from(now.0) - i128::from(told);
    if apart.abs() <= i128::from(window.seconds) * 1_000 { Ok(()) } else { Err(Disproof::Stale) }
}

/// `yyyyMMddHHmmssSSS` in Vietnam.
fn compact_milliseconds(text: &str) -> Option<i64> {
    let (seconds, thousandths) = text.split_at_checked(14).filter(|(_, rest)| rest.len() == 3)?;
    if !thousandths.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    compact(seconds)?.0.checked_add(thousandths.parse().ok()?)
}

pub fn digest(hash: DigestHash, message: &[u8]) -> Vec<u8> {
    match hash {
        DigestHash::Md5 => Md5::digest(message).to_vec(),
        DigestHash::Sha256 => Sha256::digest(message).to_vec(),
    }
}

pub fn code(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
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

fn told_code(said: &Said, place: &Place, encoding: Encoding) -> Result<Vec<u8>, Disproof> {
    let within = |value: &'_ Value| {
        place.pointer.as_ref().and_then(|at| at.find(value).ok()?.and_then(Value::as_str).map(str::to_owned))
    };
    let text = match &place.header {
        Some(header) => said.request.header(header).map(<[u8]>::to_vec),
        None => said.told.as_ref().and_then(within).map(String::into_bytes),
    };
    let text = text.as_deref();
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
pub fn without_scheme<'a>(value: Option<&'a [u8]>, scheme: &str) -> Result<&'a [u8], Disproof> {
    let value = value.ok_or(Disproof::Absent)?;
    let (head, rest) = value.split_at_checked(scheme.len()).ok_or(Disproof::Absent)?;
    if head.eq_ignore_ascii_case(scheme.as_bytes()) { Ok(rest) } else { Err(Disproof::Absent) }
}

/// `X-Casso-Signature: t=<milliseconds>,v1=<hex>` over `t.json`, the whole body with sorted keys. Casso's own samples
/// escape the JSON as their language does, so each way is tried. Casso documents no replay window, and one of ours
/// would lose retries whose `t` is the first telling's; a replay tells a known reference and changes nothing.
fn casso_v2(said: &Said, secrets: &Secrets, secret: &str) -> Result<(), Disproof> {
    let (_, told) = casso_v2_header(said.request).ok_or(Disproof::Absent)?;
    let messages = casso_v2_messages(said).ok_or(Disproof::Absent)?;
    let told = decoded(told.as_bytes(), Encoding::Hex)?;
    right(messages.iter().any(|message| {
        secrets.values(secret).iter().any(|key| same(&code(Hash::Sha512, key.as_bytes(), message), &told))
    }))
}

fn casso_v2_header(request: &Request) -> Option<(&str, &str)> {
    let mut time = None;
    let mut told = None;
    for part in request.header_text("x-casso-signature")?.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => time = Some(value),
            Some(("v1", value)) => told = Some(value),
            _ => {}
        }
    }
    Some((time?, told?))
}

pub fn casso_v2_messages(said: &Said) -> Option<Vec<Vec<u8>>> {
    let (time, _) = casso_v2_header(said.request)?;
    let body = said.told.as_ref().filter(|body| body.is_object())?;
    let ways = [Escape::JavaScript, Escape::Python, Escape::Php].into_iter();
    Some(ways.map(|escape| format!("{time}.{}", sorted_json(body, escape)).into_bytes()).collect())
}

/// `webhook-signature: v1,<base64> v1,<base64> …` over `id.timestamp.body`; any one that is right proves.
fn standard_webhooks(request: &Request, secrets: &Secrets, secret: &str) -> Result<(), Disproof> {
    standard_message(request).ok_or(Disproof::Absent)?;
    let signatures = request.header_text("webhook-signature").ok_or(Disproof::Absent)?;
    let told: Vec<Vec<u8>> = signatures
        .split_ascii_whitespace()
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
        .collect();
    if told.is_empty() {
        return Err(Disproof::Absent);
    }
    let is_right = secrets
        .values(secret)
        .iter()
        .any(|value| standard_code(request, value).is_some_and(|ours| told.iter().any(|told| same(&ours, told))));
    right(is_right)
}

/// The code of a request under a key of Standard Webhooks. A key that is not base64 proves nothing; an empty one would
/// prove everything.
pub fn standard_code(request: &Request, value: &str) -> Option<Vec<u8>> {
    let key = webhook_key(value);
    let message = standard_message(request).filter(|_| !key.is_empty())?;
    Some(code(Hash::Sha256, &key, &message))
}

fn standard_message(request: &Request) -> Option<Vec<u8>> {
    let (id, time) = (request.header("webhook-id")?, request.header("webhook-timestamp")?);
    Some([id, b".", time, b".", request.body.as_slice()].concat())
}

fn webhook_key(value: &str) -> Vec<u8> {
    STANDARD.decode(value.strip_prefix("whsec_").unwrap_or(value)).unwrap_or_default()
}

/// What that secret of this way of proving must be.
pub fn secret_form(way: &Proof, name: &str) -> SecretForm {
    match way {
        Proof::StandardWebhooks { secret, .. } if secret == name => SecretForm::WebhookKey,
        Proof::Rsa { public_key, .. } if public_key == name => SecretForm::PublicKey,
        Proof::All { of } => of.iter().map(|way| secret_form(way, name)).max().unwrap_or_default(),
        _ => SecretForm::Any,
    }
}

/// Is this value of that form?
pub fn fits(form: SecretForm, value: &str) -> bool {
    match form {
        SecretForm::Any => true,
        SecretForm::WebhookKey => !webhook_key(value).is_empty(),
        SecretForm::PublicKey => PublicKey::from_pem(value).is_some(),
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
