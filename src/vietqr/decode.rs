//! From a scanned text to what it says, or why it is not a VietQR code.
//!
//! Reading is strict where money is at stake (structure, check, bank, account, amount) and lenient where codes
//! in circulation break the letter of the format: a lower-case check, longer descriptions, accented names.

use super::encode::{is_account, payable};
use super::{Additional, COUNTRY, CURRENCY, Initiation, Label, NAPAS, Payload, Service, crc, tlv};
use crate::fault::{self, Kind, Refusal};
use crate::money::Dong;

/// Every EMVCo code begins so: tag 00, two characters, version 01.
const BEGINNING: &str = "000201";
/// Tag 63 with its length; the four digits of the check follow.
const CHECK: &str = "6304";

/// Why a text is not a VietQR payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Some other text.
    #[error("not a payment code: it does not begin with {BEGINNING}")]
    NotEmvco,
    /// Cut, or something was added.
    #[error("not whole: it does not end with {CHECK} and a check of four hexadecimal digits")]
    NoCheck,
    /// Changed on the way.
    #[error("damaged: its check is {given}, and {computed} belongs to its text")]
    WrongCheck {
        /// As it stands in the code.
        given: String,
        /// As it should be.
        computed: String,
    },
    /// Lengths that do not fit what they measure.
    #[error("wrong structure in {template}: {flaw}")]
    Structure {
        /// The code itself, or a tag of it.
        template: &'static str,
        /// What is wrong there.
        flaw: tlv::Flaw,
    },
    /// A payment code of somebody else.
    #[error("an EMVCo payment code, but not VietQR: it has no tag 38 of NAPAS ({NAPAS}){}", elsewhere(.0))]
    NotVietQr(Option<u8>),
    /// A part that every VietQR code has.
    #[error("tag {0} is missing")]
    Missing(&'static str),
    /// A part that means nothing.
    #[error("tag {tag} {why}")]
    Meaningless {
        /// Which tag.
        tag: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

fn elsewhere(tag: &Option<u8>) -> String {
    tag.map_or_else(String::new, |tag| format!("; it pays through tag {tag:02}"))
}

impl Unreadable {
    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Unreadable::NotEmvco => "qr-not-a-payment-code",
            Unreadable::NoCheck => "qr-not-whole",
            Unreadable::WrongCheck { .. } => "qr-damaged",
            Unreadable::Structure { .. } => "qr-wrong-structure",
            Unreadable::NotVietQr(_) => "qr-not-vietqr",
            Unreadable::Missing(_) => "qr-part-missing",
            Unreadable::Meaningless { .. } => "qr-part-meaningless",
        }
    }

    fn vietnamese(&self) -> String {
        match self {
            Unreadable::NotEmvco => "Đây không phải mã thanh toán.".to_owned(),
            Unreadable::NoCheck => "Mã không còn nguyên vẹn: thiếu phần kiểm tra ở cuối.".to_owned(),
            Unreadable::WrongCheck { .. } => "Mã bị hỏng: phần kiểm tra không khớp với nội dung.".to_owned(),
            Unreadable::Structure { template, .. } => format!("Mã sai cấu trúc ở {template}."),
            Unreadable::NotVietQr(_) => "Đây là mã thanh toán khác, không phải VietQR.".to_owned(),
            Unreadable::Missing(tag) => format!("Mã thiếu trường {tag}."),
            Unreadable::Meaningless { tag, .. } => format!("Trường {tag} của mã không hợp lệ."),
        }
    }
}

impl From<Unreadable> for Refusal {
    fn from(unreadable: Unreadable) -> Self {
        Refusal::new(Kind::Meaning, unreadable.code(), unreadable.vietnamese(), format!("{unreadable}."))
    }
}

impl From<Unreadable> for fault::Error {
    fn from(unreadable: Unreadable) -> Self {
        Refusal::from(unreadable).into()
    }
}

pub(super) fn decode(text: &str) -> Result<Payload, Unreadable> {
    let objects = template("the code", checked(text)?)?;
    if objects.get(63).is_some() {
        return Err(Unreadable::Meaningless { tag: "63", why: "stands before the end" });
    }
    let (bin, account, service) = beneficiary(&objects)?;
    exactly(&objects, 53, "53", CURRENCY, "is not the currency of Vietnam")?;
    exactly(&objects, 58, "58", COUNTRY, "is not Vietnam")?;
    Ok(Payload {
        initiation: Initiation::from_code(required(&objects, 1, "01")?)
            .ok_or(Unreadable::Meaningless { tag: "01", why: "is neither static (11) nor dynamic (12)" })?,
        bin: bin.to_owned(),
        account: account.to_owned(),
        service,
        amount: objects.get(54).map(amount).transpose()?,
        mcc: objects.get(52).map(category).transpose()?,
        name: objects.get(59).map(str::to_owned),
        city: objects.get(60).map(str::to_owned),
        additional: additional(objects.get(62))?,
    })
}

/// The text without its check, when the check belongs to it.
fn checked(text: &str) -> Result<&str, Unreadable> {
    if !text.starts_with(BEGINNING) {
        return Err(Unreadable::NotEmvco);
    }
    let (signed, given) =
        text.len().checked_sub(4).and_then(|end| text.split_at_checked(end)).ok_or(Unreadable::NoCheck)?;
    let body = signed.strip_suffix(CHECK).ok_or(Unreadable::NoCheck)?;
    if !given.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Unreadable::NoCheck);
    }
    let computed = crc::printed(signed);
    // Codes of a large bank carry their check in lower case.
    if !given.eq_ignore_ascii_case(&computed) {
        return Err(Unreadable::WrongCheck { given: given.to_owned(), computed });
    }
    Ok(body)
}

/// Tag 38: which bank, which account, what sort of account.
fn beneficiary<'a>(objects: &tlv::Objects<'a>) -> Result<(&'a str, &'a str, Service), Unreadable> {
    let elsewhere = || Unreadable::NotVietQr(objects.iter().map(|(tag, _)| tag).find(|tag| (2..=51).contains(tag)));
    let tag_38 = template("tag 38", objects.get(38).ok_or_else(elsewhere)?)?;
    if tag_38.get(0) != Some(NAPAS) {
        return Err(elsewhere());
    }
    let organisation = template("tag 38-01", required(&tag_38, 1, "38-01")?)?;
    let bin = required(&organisation, 0, "38-01-00")?;
    if bin.len() != 6 || !bin.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Unreadable::Meaningless { tag: "38-01-00", why: "is not a BIN of six digits" });
    }
    let account = required(&organisation, 1, "38-01-01")?;
    if !is_account(account) {
        return Err(Unreadable::Meaningless { tag: "38-01-01", why: "is not an account of 1 to 19 characters" });
    }
    let service = Service::from_code(required(&tag_38, 2, "38-02")?)
        .ok_or(Unreadable::Meaningless { tag: "38-02", why: "pays neither an account, a card nor a merchant" })?;
    Ok((bin, account, service))
}

/// `50000`, `50000.` and `50000.0` are the same amount; a part of a đồng is none.
fn amount(text: &str) -> Result<Dong, Unreadable> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = !whole.is_empty() && whole.bytes().all(|digit| digit.is_ascii_digit());
    if text.len() > 13 || !digits || !fraction.bytes().all(|digit| digit == b'0') {
        return Err(Unreadable::Meaningless { tag: "54", why: "is not an amount in whole đồng" });
    }
    whole
        .parse()
        .ok()
        .and_then(|dong| payable(Dong::new(dong)).ok())
        .ok_or(Unreadable::Meaningless { tag: "54", why: "is zero, or beyond what one transfer carries" })
}

fn category(text: &str) -> Result<String, Unreadable> {
    if text.len() == 4 && text.bytes().all(|digit| digit.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err(Unreadable::Meaningless { tag: "52", why: "is not a category of four digits" })
    }
}

/// Reserved subfields (10-99) are passed over: no bank hands them on.
fn additional(text: Option<&str>) -> Result<Additional, Unreadable> {
    let Some(text) = text else { return Ok(Additional::default()) };
    let objects = template("tag 62", text)?;
    let named = Label::ALL.into_iter().filter_map(|label| Some((label, objects.get(label.tag())?.to_owned())));
    Ok(Additional(named.collect()))
}

fn template<'a>(template: &'static str, text: &'a str) -> Result<tlv::Objects<'a>, Unreadable> {
    tlv::read(text).map_err(|flaw| Unreadable::Structure { template, flaw })
}

fn required<'a>(objects: &tlv::Objects<'a>, tag: u8, name: &'static str) -> Result<&'a str, Unreadable> {
    objects.get(tag).ok_or(Unreadable::Missing(name))
}

fn exactly(
    objects: &tlv::Objects<'_>,
    tag: u8,
    name: &'static str,
    value: &str,
    why: &'static str,
) -> Result<(), Unreadable> {
    if required(objects, tag, name)? == value { Ok(()) } else { Err(Unreadable::Meaningless { tag: name, why }) }
}
