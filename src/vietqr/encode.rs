//! From what a code shall say to its text, or why no bank would take it.

use super::{
    ACCOUNT_MOST, ADDITIONAL_MOST, Additional, COUNTRY, CURRENCY, LABEL_MOST, Label, NAPAS, Payload, Service, banks,
    crc, fold, tlv,
};
use crate::fault::{self, Kind, Refusal};
use crate::money::Dong;

/// Longest name (tag 59) and city (tag 60).
const NAME_MOST: usize = 25;
const CITY_MOST: usize = 15;

/// Why a code cannot be made. No variant holds an account number or a person's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The BIN is on no list.
    #[error("no bank of Vietnam has this BIN")]
    UnknownBank,
    /// The bank is known, and is not known to be reachable by VietQR.
    #[error("{bank} cannot receive VietQR transfers")]
    CannotReceive {
        /// Its short name.
        bank: &'static str,
    },
    /// An account, card, alias or merchant id that VietQR cannot carry.
    #[error("an account has 1 to 19 letters, digits or signs, without spaces and accents")]
    Account,
    /// Zero or less.
    #[error("the amount of a transfer is more than nothing")]
    NotPositive,
    /// At or above the limit of one transfer.
    #[error("one NAPAS 247 transfer stays under {} ₫", Dong::TRANSFER_LIMIT.grouped())]
    TooMuch,
    /// A category that is not four digits.
    #[error("a merchant category has four digits")]
    Category,
    /// A text longer than its field, after folding.
    #[error("{field} has {length} characters, and {most} fit")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        most: usize,
    },
    /// Something else than `A`, `M` and `E`, each once.
    #[error("the data asked of the payer is any of A, M and E, each once")]
    Ask,
    /// A merchant code without what the payer's bank needs to book it.
    #[error("a merchant code needs a category, a name and a city")]
    MerchantIncomplete,
}

impl Unfit {
    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Unfit::UnknownBank => "bank-unknown",
            Unfit::CannotReceive { .. } => "bank-cannot-receive",
            Unfit::Account => "account-not-payable",
            Unfit::NotPositive => "amount-not-positive",
            Unfit::TooMuch => "amount-over-transfer-limit",
            Unfit::Category => "merchant-category",
            Unfit::TooLong { .. } => "qr-text-too-long",
            Unfit::Ask => "qr-data-request",
            Unfit::MerchantIncomplete => "merchant-incomplete",
        }
    }

    fn vietnamese(&self) -> String {
        match self {
            Unfit::UnknownBank => "Không có ngân hàng nào ở Việt Nam mang mã BIN này.".to_owned(),
            Unfit::CannotReceive { bank } => format!("{bank} không nhận được chuyển khoản VietQR."),
            Unfit::Account => "Số tài khoản có 1 đến 19 chữ, số hoặc ký hiệu, không dấu và không cách.".to_owned(),
            Unfit::NotPositive => "Số tiền chuyển phải lớn hơn 0.".to_owned(),
            Unfit::TooMuch => {
                format!("Một lần chuyển NAPAS 247 phải dưới {} ₫.", Dong::TRANSFER_LIMIT.grouped())
            }
            Unfit::Category => "Mã ngành của đơn vị có 4 chữ số.".to_owned(),
            Unfit::TooLong { field, length, most } => format!("{field} dài {length} ký tự, chỉ chứa được {most}."),
            Unfit::Ask => "Dữ liệu hỏi người trả chỉ gồm A, M và E, mỗi chữ một lần.".to_owned(),
            Unfit::MerchantIncomplete => "Mã thanh toán cho đơn vị cần mã ngành, tên và thành phố.".to_owned(),
        }
    }
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        Refusal::new(Kind::Meaning, unfit.code(), unfit.vietnamese(), format!("{unfit}."))
    }
}

impl From<Unfit> for fault::Error {
    fn from(unfit: Unfit) -> Self {
        Refusal::from(unfit).into()
    }
}

pub(super) fn encode(payload: &Payload) -> Result<String, Unfit> {
    let name = text("name", payload.name.as_deref(), NAME_MOST)?;
    let city = text("city", payload.city.as_deref(), CITY_MOST)?;
    if payload.service == Service::Merchant && (payload.mcc.is_none() || name.is_none() || city.is_none()) {
        return Err(Unfit::MerchantIncomplete);
    }
    let mut code = String::with_capacity(160);
    tlv::write(&mut code, 0, "01");
    tlv::write(&mut code, 1, payload.initiation.code());
    tlv::write(&mut code, 38, &beneficiary(payload)?);
    if let Some(mcc) = category(payload.mcc.as_deref())? {
        tlv::write(&mut code, 52, mcc);
    }
    tlv::write(&mut code, 53, CURRENCY);
    if let Some(amount) = payload.amount {
        tlv::write(&mut code, 54, &payable(amount)?.get().to_string());
    }
    tlv::write(&mut code, 58, COUNTRY);
    for (tag, value) in [(59, name), (60, city), (62, additional(&payload.additional)?)] {
        if let Some(value) = value {
            tlv::write(&mut code, tag, &value);
        }
    }
    code.push_str("6304");
    code.push_str(&crc::printed(&code));
    Ok(code)
}

/// The amount, when one transfer can carry it.
pub(super) fn payable(amount: Dong) -> Result<Dong, Unfit> {
    if !amount.is_positive() {
        Err(Unfit::NotPositive)
    } else if amount >= Dong::TRANSFER_LIMIT {
        Err(Unfit::TooMuch)
    } else {
        Ok(amount)
    }
}

/// Is this an account, card, alias or merchant id as tag 38-01-01 carries it?
pub(super) fn is_account(text: &str) -> bool {
    (1..=ACCOUNT_MOST).contains(&text.len()) && text.bytes().all(|sign| sign.is_ascii_graphic())
}

fn beneficiary(payload: &Payload) -> Result<String, Unfit> {
    let bank = banks::find(&payload.bin).ok_or(Unfit::UnknownBank)?;
    if !bank.can_receive() {
        return Err(Unfit::CannotReceive { bank: &bank.short_name });
    }
    if !is_account(&payload.account) {
        return Err(Unfit::Account);
    }
    let mut organisation = String::new();
    tlv::write(&mut organisation, 0, &bank.bin);
    tlv::write(&mut organisation, 1, &payload.account);
    let mut template = String::new();
    tlv::write(&mut template, 0, NAPAS);
    tlv::write(&mut template, 1, &organisation);
    tlv::write(&mut template, 2, payload.service.code());
    Ok(template)
}

fn category(mcc: Option<&str>) -> Result<Option<&str>, Unfit> {
    match mcc {
        Some(mcc) if mcc.len() != 4 || !mcc.bytes().all(|digit| digit.is_ascii_digit()) => Err(Unfit::Category),
        mcc => Ok(mcc),
    }
}

/// A text for people: folded, absent when nothing is left of it, refused rather than cut when too long.
fn text(field: &'static str, text: Option<&str>, most: usize) -> Result<Option<String>, Unfit> {
    let Some(folded) = text.map(fold::ascii).filter(|folded| !folded.is_empty()) else { return Ok(None) };
    let length = folded.len();
    if length > most { Err(Unfit::TooLong { field, length, most }) } else { Ok(Some(folded)) }
}

fn additional(additional: &Additional) -> Result<Option<String>, Unfit> {
    let mut template = String::new();
    for (label, wanted) in additional.iter() {
        let Some(folded) = text(label.name(), Some(wanted), LABEL_MOST)? else { continue };
        if label == Label::Ask && !is_ask(&folded) {
            return Err(Unfit::Ask);
        }
        tlv::write(&mut template, label.tag(), &folded);
    }
    if template.len() > ADDITIONAL_MOST {
        return Err(Unfit::TooLong { field: "tag 62", length: template.len(), most: ADDITIONAL_MOST });
    }
    Ok((!template.is_empty()).then_some(template))
}

fn is_ask(text: &str) -> bool {
    text.bytes().enumerate().all(|(place, sign)| b"AME".contains(&sign) && !text.as_bytes()[..place].contains(&sign))
}
