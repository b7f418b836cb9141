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
        add(&mut link, "ba", &payload.account);
        link.push('@');
        link.push_str(&encoded(&bank.code.to_lowercase()));
        if let Some(amount) = payload.amount {
            add(&mut link, "am", &amount.get().to_string());
        }
        add(&mut link, "tn", qr.memo());
        link
    }
}

fn add(link: &mut String, key: &str, value: &str) {
    let _ = write!(link, "&{key}={}", encoded(value));
}

/// Percent-encoded as RFC 3986 has it: everything but its unreserved signs.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;
    use crate::ids::PaymentReference;
    use crate::money::Dong;

    fn link(app: &str, account: &str, amount: Option<Dong>) -> (String, PaymentReference) {
        let reference = PaymentReference::random().expect("randomness");
        let request = Request {
            bin: "970415",
            account,
            amount,
            reference: &reference,
            memo_prefix: Some("SEVQR"),
            memo_max: 50,
            mcc: None,
            merchant_id: None,
        };
        let qr = VerifiedQr::make(&request).expect("a payable request");
        let app = BANK_APPS.iter().find(|known| known.id == app).expect("a known app");
        (app.link(&qr), reference)
    }

    #[test]
    fn an_app_that_prefills_is_given_the_school_by_its_banks_short_code() {
        let (link, reference) = link("mb", "113366668888", Some(Dong::new(1_250_000)));
        assert_eq!(
            link,
            format!("https://dl.vietqr.io/pay?app=mb&ba=113366668888@icb&am=1250000&tn=SEVQR%20{reference}")
        );
    }

    #[test]
    fn an_account_cannot_add_parameters_of_its_own() {
        let (link, _) = link("ocb", "a&am=1#@b", None);
        assert!(link.starts_with("https://dl.vietqr.io/pay?app=ocb&ba=a%26am%3D1%23%40b@icb&tn="), "{link}");
    }

    #[test]
    fn an_app_that_only_opens_is_told_nothing() {
        assert_eq!(link("vcb", "113366668888", Some(Dong::new(1))).0, "https://dl.vietqr.io/pay?app=vcb");
    }

    #[test]
    fn the_two_groups_are_the_directorys() {
        let group = |prefills| -> Vec<&str> {
            BANK_APPS.iter().filter(|app| app.prefills == prefills).map(|app| app.id).collect()
        };
        assert_eq!(group(true), ["ocb", "acb", "bidv", "icb", "mb"]);
        assert_eq!(group(false), ["vcb", "tcb", "vba", "vpb", "tpb", "shb", "hdb", "seab", "vib", "eib"]);
    }
}
