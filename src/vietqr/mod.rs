//! VietQR: the code a parent's bank app scans, as text, as a picture and as links that open the app.
//!
//! A payload is the EMVCo merchant-presented code in the profile of NAPAS (*Tài liệu quy định về định dạng mã
//! VietQR*, v1.0). The room is pure: it opens no file, asks no clock and calls nobody.
//!
//! **Invariants**
//! - **A code is shown only through [`VerifiedQr`]**: its text was decoded again and its bank, account, amount
//!   and reference compared with what was asked for.
//! - **[`Payload::decode`] is total**: any text is either a payload or an [`Unreadable`] that says why.
//! - **[`Payload::encode`] writes only what decodes to the same payload**, in printable ASCII.
//! - Lengths count characters; the check counts bytes; neither is ever mended.
//!
//! Deliberately absent: pictures fetched from anybody's service, logos inside the code, tips and alternate
//! languages (tags 55-57 and 64), cash withdrawal, and cross-border codes, whose layout is not public.

mod crc;
mod decode;
mod encode;
mod tlv;
mod verified;

pub mod banks;
pub mod fold;
pub mod image;
pub mod links;

use std::collections::BTreeMap;

pub use decode::Unreadable;
pub use encode::{Field, Unfit};
pub use tlv::Flaw;
pub use verified::{Ordered, Request, VerifiedQr, memo};

use crate::money::Dong;

/// The identifier of NAPAS in tag 38: what makes an EMVCo code a VietQR code.
const NAPAS: &str = "A000000727";
/// ISO 4217 for đồng.
const CURRENCY: &str = "704";
const COUNTRY: &str = "VN";
/// Longest account, card, alias or merchant id.
const ACCOUNT_MOST: usize = 19;
/// Longest of each text in tag 62.
pub const LABEL_MOST: usize = 25;
/// Longest tag 62 as a whole.
const ADDITIONAL_MOST: usize = 99;

/// Everything a VietQR code says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// May it be paid once or many times.
    pub initiation: Initiation,
    /// The six digits of the receiving bank.
    pub bin: String,
    /// The account, virtual account, alias or card; for [`Service::Merchant`] the merchant's id stands here.
    pub account: String,
    /// What `account` is.
    pub service: Service,
    /// Absent where the payer types it.
    pub amount: Option<Dong>,
    /// ISO 18245, four digits: 8211 for preschool to upper secondary.
    pub mcc: Option<String>,
    /// Who is paid, for merchant codes.
    pub name: Option<String>,
    /// Where, for merchant codes.
    pub city: Option<String>,
    /// Tag 62.
    pub additional: Additional,
}

impl Payload {
    /// A code for one payment to an account; the other fields are the caller's to fill.
    pub fn to_account(bin: impl Into<String>, account: impl Into<String>) -> Self {
        Payload {
            initiation: Initiation::Dynamic,
            bin: bin.into(),
            account: account.into(),
            service: Service::Account,
            amount: None,
            mcc: None,
            name: None,
            city: None,
            additional: Additional::default(),
        }
    }

    /// The text that goes into the picture. Texts for people are folded to ASCII; nothing is cut.
    ///
    /// # Errors
    /// A bank that cannot receive, and every value that banks would refuse or shorten.
    pub fn encode(&self) -> Result<String, Unfit> {
        encode::encode(self)
    }

    /// Reads the text of a scanned code.
    ///
    /// # Errors
    /// Why it is not VietQR, or not whole.
    pub fn decode(text: &str) -> Result<Self, Unreadable> {
        decode::decode(text)
    }

    /// What bank apps put into the transfer's description.
    pub fn purpose(&self) -> Option<&str> {
        self.additional.get(Label::Purpose)
    }

    /// The number of the bill; no bank is known to pass it on.
    pub fn bill_number(&self) -> Option<&str> {
        self.additional.get(Label::BillNumber)
    }
}

/// How often a code may be paid (tag 01).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiation {
    /// Printed once, paid many times.
    Static,
    /// Made for one payment.
    Dynamic,
}

impl Initiation {
    /// The value of tag 01.
    pub const fn code(self) -> &'static str {
        match self {
            Initiation::Static => "11",
            Initiation::Dynamic => "12",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [Initiation::Static, Initiation::Dynamic].into_iter().find(|initiation| initiation.code() == code)
    }
}

/// What the money goes to (tag 38-02).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// A transfer to an account.
    Account,
    /// A transfer to a card.
    Card,
    /// A payment to a merchant, who must then have a category, a name and a city.
    Merchant,
}

impl Service {
    /// The value of tag 38-02.
    pub const fn code(self) -> &'static str {
        match self {
            Service::Account => "QRIBFTTA",
            Service::Card => "QRIBFTTC",
            Service::Merchant => "QRPUSH",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [Service::Account, Service::Card, Service::Merchant].into_iter().find(|service| service.code() == code)
    }
}

/// The subfields of tag 62 that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// 62-01.
    BillNumber,
    /// 62-02.
    Mobile,
    /// 62-03. A school's electronic id (QĐ 20/2020/QĐ-TTg) travels here: a transfer has no field of its own for it.
    Store,
    /// 62-04.
    Loyalty,
    /// 62-05.
    Reference,
    /// 62-06.
    Customer,
    /// 62-07.
    Terminal,
    /// 62-08, the one that reaches the receiver's statement.
    Purpose,
    /// 62-09: which of address, mobile and mail (`A`, `M`, `E`) the payer's app shall ask for.
    Ask,
}

impl Label {
    /// In the order of their tags, from 01.
    pub const ALL: [Label; 9] = [
        Label::BillNumber,
        Label::Mobile,
        Label::Store,
        Label::Loyalty,
        Label::Reference,
        Label::Customer,
        Label::Terminal,
        Label::Purpose,
        Label::Ask,
    ];

    /// The subfield's tag inside tag 62.
    pub const fn tag(self) -> u8 {
        self as u8 + 1
    }

    /// Its name in JSON and in refusals.
    pub const fn name(self) -> &'static str {
        match self {
            Label::BillNumber => "bill_number",
            Label::Mobile => "mobile",
            Label::Store => "store",
            Label::Loyalty => "loyalty",
            Label::Reference => "reference_label",
            Label::Customer => "customer_label",
            Label::Terminal => "terminal",
            Label::Purpose => "purpose",
            Label::Ask => "consumer_data_request",
        }
    }
}

/// Tag 62: texts under their labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Additional(BTreeMap<Label, String>);

impl Additional {
    /// The text under a label.
    pub fn get(&self, label: Label) -> Option<&str> {
        self.0.get(&label).map(String::as_str)
    }

    /// Puts a text under a label, in place of what was there.
    pub fn set(&mut self, label: Label, text: impl Into<String>) {
        self.0.insert(label, text.into());
    }

    /// The same with one more text.
    #[must_use]
    pub fn with(mut self, label: Label, text: impl Into<String>) -> Self {
        self.set(label, text);
        self
    }

    /// Every text, in the order of tags.
    pub fn iter(&self) -> impl Iterator<Item = (Label, &str)> {
        self.0.iter().map(|(&label, text)| (label, text.as_str()))
    }
}
