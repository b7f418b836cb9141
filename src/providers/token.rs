//! Tokens that we issue and keep nowhere: `expiry.code`, both base64url, the code under the password that was given
//! for it.
//!
//! **Invariant:** a token dies with its time and with its password, and is good on the one connection it was made for.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Disproof;
use super::proof::{same, without_scheme};
use super::request::{Request, Secrets};
use crate::time::Moment;

/// The user and the password of a right HTTP Basic.
///
/// # Errors
/// Absent or wrong.
pub fn basic<'a>(
    request: &Request,
    secrets: &'a Secrets,
    user: &str,
    password: &str,
) -> Result<(&'a str, &'a str), Disproof> {
    let told = without_scheme(request.header("authorization"), "Basic ")?;
    let told = STANDARD.decode(told).map_err(|_| Disproof::Absent)?;
    let mut right = None;
    for user in secrets.values(user) {
        for password in secrets.values(password) {
            if same([user.as_bytes(), b":", password.as_bytes()].concat().as_slice(), &told) {
                right = Some((user.as_str(), password.as_str()));
            }
        }
    }
    right.ok_or(Disproof::Wrong)
}

/// A token for this connection, until then.
pub fn issue(request: &Request, user: &str, password: &str, until: Moment) -> String {
    let expiry = until.0.to_string();
    let code = code(request, &expiry, user, password);
    format!("{}.{}", URL_SAFE_NO_PAD.encode(expiry), URL_SAFE_NO_PAD.encode(code))
}

/// Is the request's bearer a token of ours that lives?
///
/// # Errors
/// Absent, wrong, or its time is over.
pub fn prove(request: &Request, secrets: &Secrets, user: &str, password: &str, now: Moment) -> Result<(), Disproof> {
    let told = without_scheme(request.header("authorization"), "Bearer ")?;
    let told = std::str::from_utf8(told).map_err(|_| Disproof::Absent)?;
    let (expiry, told) = told.split_once('.').ok_or(Disproof::Absent)?;
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Disproof::Absent);
    let (expiry, told) = (decoded(expiry)?, decoded(told)?);
    let expiry = std::str::from_utf8(&expiry).map_err(|_| Disproof::Absent)?;
    let is_ours = secrets.values(user).iter().any(|user| {
        secrets.values(password).iter().any(|password| same(&code(request, expiry, user, password), &told))
    });
    if !is_ours {
        return Err(Disproof::Wrong);
    }
    let until: i64 = expiry.parse().map_err(|_| Disproof::Absent)?;
    if now.0 < until { Ok(()) } else { Err(Disproof::Stale) }
}

fn code(request: &Request, expiry: &str, user: &str, password: &str) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(password.as_bytes())
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
    // The expiry is digits and the connection holds no line break, so the parts cannot be shifted into each other.
    mac.update(format!("hocphi token\n{}\n{expiry}\n{user}", request.connection()).as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_795_310_042_000);

    fn at(connection: &str, header: &str) -> Request {
        Request {
            method: "POST".to_owned(),
            target: format!("/hook/bank/{connection}/api/transaction-sync?x=/1"),
            headers: vec![("Authorization".to_owned(), header.as_bytes().to_vec())],
            body: Vec::new(),
        }
    }

    fn secrets() -> Secrets {
        Secrets::new().with("user", "bank").with("password", "pa:ss")
    }

    #[test]
    fn a_token_lives_until_its_time_on_its_connection_and_under_its_password() {
        let asked = at("con_1", "Basic YmFuazpwYTpzcw==");
        let known = secrets();
        let (user, password) = basic(&asked, &known, "user", "password").expect("a user");
        let token = format!("Bearer {}", issue(&asked, user, password, Moment(NOW.0 + 300_000)));
        let prove = |connection: &str, token: &str, secrets: &Secrets, after: i64| {
            prove(&at(connection, token), secrets, "user", "password", Moment(NOW.0 + after))
        };
        assert_eq!(prove("con_1", &token, &secrets(), 0), Ok(()));
        assert_eq!(prove("con_1", &token, &secrets(), 299_999), Ok(()));
        assert_eq!(prove("con_1", &token, &secrets(), 300_000), Err(Disproof::Stale));
        assert_eq!(prove("con_2", &token, &secrets(), 0), Err(Disproof::Wrong));
        let next = Secrets::new().with("user", "bank").with("password", "next");
        assert_eq!(prove("con_1", &token, &next, 0), Err(Disproof::Wrong));
        assert_eq!(prove("con_1", &token, &next.with("password", "pa:ss"), 0), Ok(()));
        let other = Secrets::new().with("user", "other").with("password", "pa:ss");
        assert_eq!(prove("con_1", &token, &other, 0), Err(Disproof::Wrong));
    }

    #[test]
    fn a_later_time_than_the_one_given_is_no_token() {
        let asked = at("con_1", "");
        let token = issue(&asked, "bank", "pa:ss", NOW);
        let (_, code) = token.split_once('.').expect("two parts");
        let later = format!("Bearer {}.{code}", URL_SAFE_NO_PAD.encode((NOW.0 + 1_000_000).to_string()));
        assert_eq!(prove(&at("con_1", &later), &secrets(), "user", "password", NOW), Err(Disproof::Wrong));
        for broken in ["Bearer ", "Bearer .", "Bearer a", "Bearer a.b", "Bearer !.!", "Basic x", "Bearer"] {
            assert!(prove(&at("con_1", broken), &secrets(), "user", "password", NOW).is_err(), "{broken}");
        }
    }
}
