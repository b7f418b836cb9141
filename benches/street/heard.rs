//! What the ceiling and the baselines understand of a request: the proof, the transfer, and the reference in its text.

use std::collections::HashMap;
use std::fs;

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use hocphi::simulate::city::Teller;
use serde_json::Value;
use sha2::Sha256;

/// Who may tell, by the path of the hook.
pub type Tellers = HashMap<String, Teller>;

/// Reads who may tell.
pub fn tellers(file: &str) -> Tellers {
    let text = fs::read(file).expect("the tellers");
    let tellers: Vec<Teller> = serde_json::from_slice(&text).expect("tellers");
    tellers.into_iter().map(|teller| (teller.path.clone(), teller)).collect()
}

/// A transfer.
pub struct Told {
    pub provider: String,
    pub id: String,
    pub account: String,
    pub amount: i64,
    pub reference: Option<String>,
}

/// Proves and reads; nothing when it is not proven or not understood.
pub fn hear(tellers: &Tellers, path: &str, headers: &HeaderMap, body: &[u8]) -> Option<Told> {
    let teller = tellers.get(path)?;
    let whole: Value = serde_json::from_slice(body).ok()?;
    if teller.provider == "sepay" {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (stamp, signature) = (header("x-sepay-timestamp")?, header("x-sepay-signature")?);
        let mut message = format!("{stamp}.").into_bytes();
        message.extend_from_slice(body);
        is_signed(&teller.secret, &message, signature.strip_prefix("sha256=")?)?;
        return told(teller, &whole["id"], &whole["accountNumber"], &whole["transferAmount"], &whole["content"]);
    }
    let data = whole["data"].as_object()?;
    let mut pairs: Vec<String> = data.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
    pairs.sort_unstable();
    is_signed(&teller.secret, pairs.join("&").as_bytes(), whole["signature"].as_str()?)?;
    told(teller, &data["reference"], &data["accountNumber"], &data["amount"], &data["description"])
}

fn told(teller: &Teller, id: &Value, account: &Value, amount: &Value, memo: &Value) -> Option<Told> {
    Some(Told {
        provider: teller.provider.clone(),
        id: plain(id),
        account: plain(account),
        amount: amount.as_i64()?,
        reference: reference(memo.as_str()?),
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn is_signed(secret: &str, message: &[u8], signature: &str) -> Option<()> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(message);
    mac.verify_slice(&hex::decode(signature).ok()?).ok()
}

/// The first `RF` with eleven letters or digits behind it, as most teams would look for it.
fn reference(memo: &str) -> Option<String> {
    let at = memo.find("RF")?;
    let found = memo.get(at..at + 13)?;
    found.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| found.to_owned())
}
