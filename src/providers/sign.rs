//! A rehearsal of the bank: its own vectors, proven anew with a connection's secrets, to play against the live hook.
//!
//! **Invariants:** nothing is rehearsed that could become a credit; a message that was signed with the public secret of
//! the vectors must be refused by every connection.
//!
//! Deliberately absent: signing for banks whose private key only they have.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::proof::{self, counting};
use super::request::{Request, Secrets};
use super::spec::From;
use super::spec::Meant;
use super::ways::{Encoding, Place, Proof, Unit, Window};
use super::{Heard, Provider, ToldCredit, said, token};
use crate::time::Moment;

/// A message to play, and what the hook must do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    /// The vector's name: `forged`, `test-ping`.
    pub name: &'static str,
    /// The message, its target beginning behind the hook's address.
    pub request: Request,
    /// Must it be believed?
    pub is_believed: bool,
}

/// Vectors that no connection may believe, because their secrets are public.
const NOT_BELIEVED: [&str; 2] = ["forged", "genuine"];
/// Vectors that mean no money, the first that there is.
const BELIEVED: [&str; 2] = ["test-ping", "outgoing"];

/// What to play against the hook of a connection at this address, `/hook/sepay/con_…`. A bank whose signature we cannot
/// make is rehearsed only with what must be refused, and so is one whose sample tells of these accounts.
pub fn rehearsal(
    provider: &Provider,
    address: &str,
    secrets: &Secrets,
    accounts: &[&str],
    now: Moment,
) -> Vec<Rehearsed> {
    let vector = |name: &str| {
        let request = Request::parse(provider.0.vectors.get(&format!("{name}.http"))?).ok()?;
        let target = format!("{address}{}{}", request.path_behind(), query_of(&request.target));
        Some(Request { target, ..request })
    };
    let mut played: Vec<Rehearsed> = NOT_BELIEVED
        .iter()
        .filter_map(|name| Some(Rehearsed { name, request: vector(name)?, is_believed: false }))
        .collect();
    let believed = BELIEVED.iter().find_map(|name| Some((*name, vector(name)?)));
    played.extend(believed.and_then(|(name, request)| {
        let request = sign(provider, request, secrets, accounts, now)?;
        Some(Rehearsed { name, request, is_believed: true })
    }));
    played
}

fn query_of(target: &str) -> &str {
    target.find('?').map_or("", |at| &target[at..])
}

/// The same message with a proof of our own; none where it cannot be made, or would tell of something on an account
/// that is listened to.
fn sign(provider: &Provider, request: Request, secrets: &Secrets, accounts: &[&str], now: Moment) -> Option<Request> {
    let Meant::Credit = provider.0.spec.meant(&request)? else { return None };
    let ways = proven(provider, &request, secrets, now);
    ways.into_iter().find(|signed| means_no_money(&provider.hear(signed, secrets, now), accounts))
}

/// A message as whoever holds these secrets proves it, once for each way that counts; not where only a bank's own key
/// can.
pub fn proven(provider: &Provider, request: &Request, secrets: &Secrets, now: Moment) -> Vec<Request> {
    let spec = &provider.0.spec;
    let ways = match spec.meant(request) {
        Some(Meant::Credit) => &spec.proof,
        Some(Meant::Ask(ask)) => &ask.proof,
        None => return Vec::new(),
    };
    let signed = |way: &Proof| {
        let mut signed = request.clone();
        for part in way.parts() {
            put_proof(provider, part, &mut signed, secrets, now)?;
        }
        Some(signed)
    };
    counting(ways, secrets).into_iter().filter_map(signed).collect()
}

/// Is there nothing in it that would stand on the connection's own account? What the vectors tell of other accounts is
/// not kept.
fn means_no_money(heard: &Heard, accounts: &[&str]) -> bool {
    let is_own = |account: &str| {
        let account: String = account.chars().filter(|letter| !letter.is_whitespace()).collect();
        account.is_empty() || accounts.contains(&account.as_str())
    };
    let names_own = |line: &ToldCredit| is_own(&line.account) || line.sub_account.as_deref().is_some_and(is_own);
    match heard {
        Heard::Test | Heard::Unreadable(_) => true,
        Heard::Nothing { outgoing, .. } => !outgoing.iter().any(names_own),
        _ => false,
    }
}

fn put_proof(provider: &Provider, way: &Proof, request: &mut Request, secrets: &Secrets, now: Moment) -> Option<()> {
    let value = |name: &str| secrets.values(name).last().map(|value| value.as_str().to_owned());
    match way {
        Proof::Bearer { secret, header, prefix } => put_header(request, header, format!("{prefix}{}", value(secret)?)),
        Proof::Basic { user, password } => {
            let pair = STANDARD.encode(format!("{}:{}", value(user)?, value(password)?));
            put_header(request, "authorization", format!("Basic {pair}"));
        }
        Proof::TokenWeIssue { user, password, seconds } => {
            let until = Moment(now.0 + i64::from(*seconds) * 1_000);
            let token = token::issue(request, &value(user)?, &value(password)?, until);
            put_header(request, "authorization", format!("Bearer {token}"));
        }
        Proof::Hmac { secret, hash, message, signature, encoding, window } => {
            if let Some(Window { header, unit, .. }) = window {
                put_header(request, header, written(*unit, now)?);
            }
            let message =
                first(message.messages(&said(&provider.0.spec, request)?, secrets, signature.pointer.as_ref()))?;
            let code = proof::code(*hash, value(secret)?.as_bytes(), &message);
            put_signature(provider, request, signature, &encoded(&code, *encoding))?;
        }
        Proof::Digest { hash, message, signature, encoding } => {
            let message =
                first(message.messages(&said(&provider.0.spec, request)?, secrets, signature.pointer.as_ref()))?;
            put_signature(provider, request, signature, &encoded(&proof::digest(*hash, &message), *encoding))?;
        }
        Proof::CassoV2 { secret } => {
            put_header(request, "x-casso-signature", format!("t={},v1=", now.0));
            let message = first(proof::casso_v2_messages(&said(&provider.0.spec, request)?)?)?;
            let code = proof::code(super::ways::Hash::Sha512, value(secret)?.as_bytes(), &message);
            put_header(request, "x-casso-signature", format!("t={},v1={}", now.0, hex::encode(code)));
        }
        Proof::StandardWebhooks { secret, .. } => {
            put_header(request, "webhook-id", "msg_rehearsal".to_owned());
            put_header(request, "webhook-timestamp", (now.0 / 1_000).to_string());
            let code = proof::standard_code(request, &value(secret)?)?;
            put_header(request, "webhook-signature", format!("v1,{}", STANDARD.encode(code)));
        }
        Proof::Rsa { .. } | Proof::All { .. } => return None,
    }
    Some(())
}

fn first(messages: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    messages.into_iter().next()
}

fn encoded(code: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Hex => hex::encode(code),
        Encoding::Base64 => STANDARD.encode(code),
    }
}

fn written(unit: Unit, now: Moment) -> Option<String> {
    match unit {
        Unit::Seconds => Some((now.0 / 1_000).to_string()),
        Unit::Milliseconds => Some(now.0.to_string()),
        Unit::Compact => compact(now),
        Unit::CompactMilliseconds => compact(now).map(|digits| format!("{digits}{:03}", now.0.rem_euclid(1_000))),
    }
}

/// `yyyyMMddHHmmss` in Vietnam.
fn compact(now: Moment) -> Option<String> {
    let digits: String = now.rfc3339().chars().take(19).filter(char::is_ascii_digit).collect();
    Some(digits).filter(|digits| digits.len() == 14)
}

fn put_header(request: &mut Request, name: &str, value: String) {
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    request.headers.push((name.to_owned(), value.into_bytes()));
}

/// Writes the code where the provider carries it: a header, a pair of the query, a field of the body.
fn put_signature(provider: &Provider, request: &mut Request, place: &Place, code: &str) -> Option<()> {
    let code = format!("{}{code}", place.prefix);
    if let Some(header) = &place.header {
        put_header(request, header, code);
        return Some(());
    }
    let at = place.pointer.as_ref()?.first();
    if provider.0.spec.request.from == From::Query {
        let name = at.strip_prefix('/')?;
        let (path, query) = request.target.split_once('?')?;
        let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
        pairs.retain(|pair| pair.split('=').next() != Some(name));
        pairs.push(format!("{name}={code}"));
        request.target = format!("{path}?{}", pairs.join("&"));
        return Some(());
    }
    let mut body: Value = serde_json::from_slice(&request.body).ok()?;
    *body.pointer_mut(at)? = Value::from(code);
    request.body = serde_json::to_vec(&body).ok()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::{Providers, folder};
    use super::*;

    const NOW: Moment = Moment(1_795_310_042_000);

    #[test]
    fn every_provider_is_rehearsed_with_what_its_connection_refuses_and_believes() {
        let providers = Providers::embedded().expect("the providers of the program");
        let mut believed = Vec::new();
        for folder in folder::embedded() {
            let provider = providers.get(&folder.name).expect("its provider");
            let mut secrets = Secrets::new();
            for name in provider.secret_names().concat() {
                let known = "whsec_YW5vdGhlciBzZWNyZXQgdGhhbiB0aGUgdmVjdG9ycyc=";
                if secrets.values(name).is_empty() {
                    secrets.add(name, known.to_owned());
                }
            }
            let played = rehearsal(provider, "/hook/x/con_1", &secrets, &[], NOW);
            for one in &played {
                let heard = provider.hear(&one.request, &secrets, NOW);
                let is_refused = matches!(heard, Heard::Refused(_));
                assert_eq!(is_refused, !one.is_believed, "{} {}: {heard:?}", folder.name, one.name);
                assert!(!matches!(heard, Heard::Credits { .. }), "{} {}", folder.name, one.name);
            }
            assert!(played.iter().filter(|one| !one.is_believed).count() == 2, "{}", folder.name);
            if played.iter().any(|one| one.is_believed) {
                believed.push(folder.name);
            }
        }
        // A bank that signs with a key of its own can be rehearsed only with what must be refused; and SePay's gateway
        // has no message that means no money on the connection's one account.
        let unsigned: Vec<String> = providers
            .iter()
            .map(|provider| provider.name().to_owned())
            .filter(|name| !believed.contains(name))
            .collect();
        assert_eq!(unsigned, ["bvbank", "sepay-gateway", "vietinbank"]);
    }

    #[test]
    fn what_tells_of_an_account_that_is_listened_to_is_not_played() {
        let providers = Providers::embedded().expect("providers");
        let mut told = 0;
        for provider in providers.iter() {
            let mut secrets = Secrets::new();
            for name in provider.secret_names().concat() {
                secrets.add(name, "one of the bank's own".to_owned());
            }
            let believed = |accounts: &[&str]| {
                rehearsal(provider, "/hook/x/con_1", &secrets, accounts, NOW).into_iter().find(|one| one.is_believed)
            };
            let Some(one) = believed(&[]).filter(|one| one.name == "outgoing") else { continue };
            let heard = provider.hear(&one.request, &secrets, NOW);
            let Heard::Nothing { outgoing, .. } = &heard else { continue };
            let accounts: Vec<&str> = outgoing.iter().map(|line| line.account.as_str()).collect();
            told += accounts.len();
            assert_eq!(believed(&accounts).is_none(), !accounts.is_empty(), "{}: {accounts:?}", provider.name());
        }
        assert!(told > 0, "there are samples that name an account");
    }

    #[test]
    fn the_secrets_of_vectors_are_known_to_be_public() {
        let providers = Providers::embedded().expect("providers");
        let sepay = providers.get("sepay").expect("SePay");
        assert!(sepay.publishes(&Secrets::new().with("hmac_secret", "secret-for-tests")));
        assert!(!sepay.publishes(&Secrets::new().with("hmac_secret", "secret-for-tests-")));
        assert!(!sepay.publishes(&Secrets::new()));
    }
}
