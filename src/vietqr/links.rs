//! Links that open a parent's bank app on the same phone, in two groups that promise only what they do.
//!
//! The links go through `dl.vietqr.io`, the public directory that banks registered their apps with. An app that
//! prefills is told account, amount and text; one that only opens is told nothing, since it would not use it.

use std::fmt::Write;

use super::{VerifiedQr, banks};

/// A bank's app as the directory knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BankApp {
    /// The directory's name for it.
    pub id: &'static str,
    /// The name on the button.
    pub name: &'static str,
    /// Does the app fill in the transfer, or merely open?
    pub prefills: bool,
}

/// Every app that can be opened by a link, those that prefill first (directory of August 2026).
pub const BANK_APPS: [BankApp; 15] = [
    app("ocb", "OCB", true),
    app("acb", "ACB", true),
    app("bidv", "BIDV", true),
    app("icb", "VietinBank", true),
    app("mb", "MB", true),
    app("vcb", "Vietcombank", false),
    app("tcb", "Techcombank", false),
    app("vba", "Agribank", false),
    app("vpb", "VPBank", false),
    app("tpb", "TPBank", false),
    app("shb", "SHB", false),
    app("hdb", "HDBank", false),
    app("seab", "SeABank", false),
    app("vib", "VIB", false),
    app("eib", "Eximbank", false),
];

const fn app(id: &'static str, name: &'static str, prefills: bool) -> BankApp {
    BankApp { id, name, prefills }
}

impl BankApp {
    /// The address behind the button. It must be an ordinary link: opened by a script, apps lose the data.
    pub fn link(&self, qr: &VerifiedQr) -> String {
        let mut link = format!("https://dl.vietqr.io/pay?app={}", self.id);
        let payload = qr.payload();
        let Some(bank) = banks::find(&payload.bin).filter(|_| self.prefills) else { return link };
        // The short code, not the BIN: with a BIN the app opens and fills in nothing.
        add(&mut link, "ba", &format!("{}@{}", payload.account, bank.code.to_lowercase()));
        if let Some(amount) = payload.amount {
            add(&mut link, "am", &amount.get().to_string());
        }
        add(&mut link, "tn", qr.memo());
        link
    }
}

/// Percent-encoded but for what is safe in a query; `@` is, and the directory's own links show it plain.
fn add(link: &mut String, key: &str, value: &str) {
    let _ = write!(link, "&{key}=");
    for byte in value.bytes() {
        let _ = match byte {
            b'-' | b'.' | b'_' | b'~' | b'@' => write!(link, "{}", char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => write!(link, "{}", char::from(byte)),
            byte => write!(link, "%{byte:02X}"),
        };
    }
}
