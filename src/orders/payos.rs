//! payOS in its own words: what is asked, what it is signed over, and what the answer says. Pure.
//!
//! `POST /v2/payment-requests` is signed with the checksum key over
//! `amount=…&cancelUrl=…&description=…&orderCode=…&returnUrl=…`; answers are signed as webhooks are.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::fault::{OrFault, Result};
use crate::money::Dong;
use crate::providers::{Provider, Secrets};
use crate::time::Moment;

/// Where orders are made and read back.
pub const PATH: &str = "/v2/payment-requests";
/// Its word for "there is an order of this number already".
pub const EXISTS: &str = "231";
/// The longest text of an answer that is kept.
const TEXT_MOST: usize = 100;

/// An order as payOS is told of it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Our number, within what JavaScript counts exactly.
    pub code: i64,
    /// What is to be paid.
    pub amount: Dong,
    /// What the transfer's text shall carry.
    pub description: &'a str,
    /// Where its own page sends people back to.
    pub back: &'a str,
}

/// What an answer was.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Proven, with what it says.
    Said(Value),
    /// Refused, by the code it gives.
    Refused(String),
    /// It says yes without proof.
    Unproven,
}

/// An order as payOS has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its own number of it.
    pub link: String,
    /// `PENDING`, `PAID`, `CANCELLED`, …
    pub status: String,
    /// The code's text; empty where the answer has none.
    pub qr: String,
    /// The bank of the account that is to be paid.
    pub bin: String,
    /// That account, or the virtual account that stands for it.
    pub account: String,
    /// Who holds it.
    pub holder: String,
}

/// The signature of an order.
///
/// # Errors
/// No key is refused by the hash; a fault if one were.
pub fn signature(asked: &Asked<'_>, checksum_key: &str) -> Result<String> {
    let Asked { code, amount, description, back } = asked;
    let amount = amount.get();
    let text = format!("amount={amount}&cancelUrl={back}&description={description}&orderCode={code}&returnUrl={back}");
    code_of(&text, checksum_key)
}

fn code_of(text: &str, checksum_key: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(checksum_key.as_bytes()).or_fault("sign an order")?;
    mac.update(text.as_bytes());
    Ok(hex::encode(mac.finalize().into_bytes()))
}

/// The body that asks for an order.
///
/// # Errors
/// As [`signature`].
pub fn body(asked: &Asked<'_>, checksum_key: &str) -> Result<String> {
    let body = json!({
        "orderCode": asked.code,
        "amount": asked.amount.get(),
        "description": asked.description,
        "cancelUrl": asked.back,
        "returnUrl": asked.back,
        "signature": signature(asked, checksum_key)?,
    });
    Ok(body.to_string())
}

/// The body that takes an order back; it is signed over its own fields.
///
/// # Errors
/// As [`signature`].
pub fn cancelling(checksum_key: &str) -> Result<String> {
    let reason = "lost";
    let signature = code_of(&format!("cancellationReason={reason}"), checksum_key)?;
    Ok(json!({ "cancellationReason": reason, "signature": signature }).to_string())
}

/// Reads an answer. A refusal is not signed, and believing one costs no more than another try.
pub fn answer(provider: &Provider, secrets: &Secrets, now: Moment, body: &[u8]) -> Answer {
    let Ok(mut told) = serde_json::from_slice::<Value>(body) else { return Answer::Refused("unreadable".to_owned()) };
    match told.get("code").and_then(Value::as_str) {
        Some("00") if provider.says(body, secrets, now) => {
            Answer::Said(told.get_mut("data").map(Value::take).unwrap_or_default())
        }
        Some("00") => Answer::Unproven,
        code => Answer::Refused(word(code.unwrap_or("without-code"))),
    }
}

/// What an answer says of an order; none where it speaks of another one.
pub fn known(said: &Value, asked: &Asked<'_>) -> Option<Known> {
    let number = |name: &str| said.get(name).and_then(Value::as_i64);
    let text = |name: &str| {
        let text = said.get(name).and_then(Value::as_str).unwrap_or_default().trim();
        let fits = text.chars().count() <= TEXT_MOST && !text.contains(char::is_control);
        if fits { text.to_owned() } else { String::new() }
    };
    if number("orderCode") != Some(asked.code) || number("amount") != Some(asked.amount.get()) {
        return None;
    }
    let link = [text("paymentLinkId"), text("id")].into_iter().find(|link| !link.is_empty()).unwrap_or_default();
    // The code alone is longer than any other text.
    let qr = said.get("qrCode").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    Some(Known {
        link,
        status: text("status"),
        qr,
        bin: text("bin"),
        account: text("accountNumber"),
        holder: text("accountName"),
    })
}

/// A code of theirs as a word of ours: it is logged and shown, so it holds nothing else.
fn word(code: &str) -> String {
    let fits = (1..=16).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    format!("answered-{}", if fits { code } else { "something" })
}

/// Was this refusal the one that says that the order exists?
pub fn exists(reason: &str) -> bool {
    reason.strip_prefix("answered-") == Some(EXISTS)
}
