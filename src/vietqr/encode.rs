//! From what a code shall say to its text, or why no bank would take it.

use std::fmt;

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
        field: Field,
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

/// A text of limited length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Tag 59.
    Name,
    /// Tag 60.
    City,
    /// One subfield of tag 62.
    Labelled(Label),
    /// Tag 62 as a whole.
    Additional,
}

impl Field {
    const fn vietnamese(self) -> &'static str {
        match self {
            Field::Name => "Tên đơn vị",
            Field::City => "Tên thành phố",
            Field::Labelled(Label::BillNumber) => "Số hóa đơn",
            Field::Labelled(Label::Mobile) => "Số điện thoại",
            Field::Labelled(Label::Store) => "Mã đơn vị",
            Field::Labelled(Label::Loyalty) => "Mã khách quen",
            Field::Labelled(Label::Reference) => "Mã tham chiếu",
            Field::Labelled(Label::Customer) => "Mã khách hàng",
            Field::Labelled(Label::Terminal) => "Mã điểm thu",
            Field::Labelled(Label::Purpose) => "Nội dung chuyển khoản",
            Field::Labelled(Label::Ask) => "Dữ liệu hỏi người trả",
            Field::Additional => "Thông tin bổ sung (trường 62)",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Name => f.write_str("the name (tag 59)"),
            Field::City => f.write_str("the city (tag 60)"),
            Field::Labelled(label) => write!(f, "the {} (tag 62-{:02})", label.name().replace('_', " "), label.tag()),
            Field::Additional => f.write_str("the additional data (tag 62)"),
        }
    }
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
            Unfit::TooLong { field, length, most } => {
                format!("{} dài {length} ký tự, chỉ chứa được {most}.", field.vietnamese())
            }
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
    let name = text(Field::Name, payload.name.as_deref(), NAME_MOST)?;
    let city = text(Field::City, payload.city.as_deref(), CITY_MOST)?;
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
fn text(field: Field, text: Option<&str>, most: usize) -> Result<Option<String>, Unfit> {
    let Some(folded) = text.map(fold::ascii).filter(|folded| !folded.is_empty()) else { return Ok(None) };
    let length = folded.len();
    if length > most { Err(Unfit::TooLong { field, length, most }) } else { Ok(Some(folded)) }
}

fn additional(additional: &Additional) -> Result<Option<String>, Unfit> {
    let mut template = String::new();
    for (label, wanted) in additional.iter() {
        let Some(folded) = text(Field::Labelled(label), Some(wanted), LABEL_MOST)? else { continue };
        if label == Label::Ask && !is_ask(&folded) {
            return Err(Unfit::Ask);
        }
        tlv::write(&mut template, label.tag(), &folded);
    }
    if template.len() > ADDITIONAL_MOST {
        return Err(Unfit::TooLong { field: Field::Additional, length: template.len(), most: ADDITIONAL_MOST });
    }
    Ok((!template.is_empty()).then_some(template))
}

fn is_ask(text: &str) -> bool {
    text.bytes().enumerate().all(|(place, sign)| b"AME".contains(&sign) && !text.as_bytes()[..place].contains(&sign))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Initiation;
    use super::*;

    fn labelled(texts: &[(Label, &str)]) -> Additional {
        texts.iter().fold(Additional::default(), |all, &(label, text)| all.with(label, text))
    }

    /// A code for one payment, as public programs test it.
    fn paying(bin: &str, account: &str, amount: i64, texts: &[(Label, &str)]) -> Payload {
        Payload { amount: Some(Dong::new(amount)), additional: labelled(texts), ..Payload::to_account(bin, account) }
    }

    fn to_mb(account: &str, purpose: &str) -> Payload {
        paying("970422", account, 40_123, &[(Label::Purpose, purpose)])
    }

    /// Codes of which the fields and the check were published; the check stands for the whole text.
    #[test]
    fn the_checks_of_other_programs_come_out() {
        let of_vietinbank = [
            (Label::Store, "macuahang"),
            (Label::Reference, "fb53cf92-bbc"),
            (Label::Customer, "makhachhang"),
            (Label::Terminal, "madiemban"),
            (Label::Purpose, "thanh toan hoa don"),
        ];
        for (payload, check) in [
            (to_mb("0023457923442", "test text string"), "D9C6"),
            (to_mb("0023457923442", "chuyển khoản"), "722F"),
            (to_mb("0023457923442ASDFLJ", "chuyển khoản alsdkf laksj"), "E5DB"),
            (paying("970416", "257678859", 10_000, &[(Label::Purpose, "Chuyen tien")]), "53E6"),
            (paying("970436", "1017595600", 180_000, &[(Label::Purpose, "thanh toan don hang")]), "70FA"),
            (paying("970415", "tudt", 500_000, &of_vietinbank), "7660"),
        ] {
            let code = payload.encode().expect("a published code");
            assert_eq!(&code[code.len() - 4..], check, "{code}");
        }
    }

    fn refusal(change: impl FnOnce(&mut Payload)) -> Unfit {
        let mut payload = to_mb("0023457923442", "hoc phi");
        change(&mut payload);
        payload.encode().expect_err("an unfit code")
    }

    #[test]
    fn a_bank_that_cannot_receive_is_refused_by_name() {
        assert_eq!(refusal(|payload| payload.bin = "000000".to_owned()), Unfit::UnknownBank);
        assert_eq!(refusal(|payload| payload.bin = String::new()), Unfit::UnknownBank);
        assert_eq!(refusal(|payload| payload.bin = "999888".to_owned()), Unfit::CannotReceive { bank: "VBSP" });
        assert_eq!(refusal(|payload| payload.bin = "970460".to_owned()), Unfit::CannotReceive { bank: "Vietcredit" });
    }

    #[test]
    fn an_account_has_1_to_19_signs_of_plain_ascii() {
        for wrong in ["", "12345678901234567890", "0123 456", "tài khoản", "0123\n"] {
            assert_eq!(refusal(|payload| payload.account = wrong.to_owned()), Unfit::Account, "{wrong}");
        }
    }

    #[test]
    fn an_amount_is_more_than_nothing_and_under_500_million() {
        let amount = |dong| refusal(|payload| payload.amount = Some(Dong::new(dong)));
        assert_eq!(
            (amount(0), amount(-1), amount(i64::MIN)),
            (Unfit::NotPositive, Unfit::NotPositive, Unfit::NotPositive)
        );
        assert_eq!((amount(500_000_000), amount(i64::MAX)), (Unfit::TooMuch, Unfit::TooMuch));
        let most = Payload { amount: Some(Dong::new(499_999_999)), ..to_mb("1", "hoc phi") };
        assert!(most.encode().is_ok());
    }

    #[test]
    fn a_text_too_long_is_refused_and_never_cut() {
        let long = "n".repeat(26);
        let too_long = |field| Unfit::TooLong { field, length: 26, most: 25 };
        let purpose = Field::Labelled(Label::Purpose);
        assert_eq!(refusal(|payload| payload.additional.set(Label::Purpose, long.as_str())), too_long(purpose));
        assert_eq!(refusal(|payload| payload.name = Some(long.clone())), too_long(Field::Name));
        let whole = refusal(|payload| {
            for label in [Label::BillNumber, Label::Store, Label::Reference, Label::Customer] {
                payload.additional.set(label, "x".repeat(20));
            }
        });
        assert_eq!(whole, Unfit::TooLong { field: Field::Additional, length: 107, most: 99 });
    }

    #[test]
    fn a_text_of_which_nothing_is_left_is_left_out() {
        let code = to_mb("0023457923442", "学费").encode().expect("no purpose");
        assert_eq!(Payload::decode(&code).expect("a code").additional, Additional::default());
    }

    #[test]
    fn the_payer_is_asked_for_known_data_only() {
        for wrong in ["X", "AA", "AMEA"] {
            assert_eq!(refusal(|payload| payload.additional.set(Label::Ask, wrong)), Unfit::Ask);
        }
        let mut payload = to_mb("1", "***");
        payload.additional.set(Label::Ask, "ME");
        assert!(payload.encode().expect("a code").contains("62130803***0902ME"));
    }

    #[test]
    fn a_merchant_code_needs_what_its_bank_books_by() {
        assert_eq!(refusal(|payload| payload.service = Service::Merchant), Unfit::MerchantIncomplete);
        assert_eq!(refusal(|payload| payload.mcc = Some("821".to_owned())), Unfit::Category);
        let school = Payload {
            service: Service::Merchant,
            mcc: Some("8211".to_owned()),
            name: Some("Trường Tiểu học Kim Đồng".to_owned()),
            city: Some("Hồ Chí Minh".to_owned()),
            ..to_mb("H29.18.8", "hoc phi")
        };
        let code = school.encode().expect("a merchant code");
        assert!(code.contains("0206QRPUSH52048211") && code.contains("5924Truong Tieu hoc Kim Dong6011Ho Chi Minh"));
    }

    #[test]
    fn a_refusal_speaks_both_languages_and_keeps_the_account_to_itself() {
        let refusal = Refusal::from(refusal(|payload| payload.account = "01234567890123456789".to_owned()));
        assert_eq!(refusal.code, "account-not-payable");
        assert!(!refusal.vi.contains("0123") && !refusal.en.contains("0123"));
        let purpose = Unfit::TooLong { field: Field::Labelled(Label::Purpose), length: 26, most: 25 };
        assert_eq!(purpose.to_string(), "the purpose (tag 62-08) has 26 characters, and 25 fit");
        assert_eq!(Refusal::from(purpose).vi, "Nội dung chuyển khoản dài 26 ký tự, chỉ chứa được 25.");
    }

    fn any_payload() -> impl Strategy<Value = Payload> {
        let receiving: Vec<&str> =
            banks::all().iter().filter(|bank| bank.can_receive()).map(|b| b.bin.as_str()).collect();
        let texts = proptest::collection::btree_map(
            proptest::sample::select(&Label::ALL[..8]),
            "[!-~]([ -~]{0,9}[!-~])?",
            0..6,
        );
        (
            proptest::sample::select(receiving),
            "[!-~]{1,19}",
            proptest::option::of(1_i64..500_000_000),
            proptest::option::of("[0-9]{4}"),
            any::<bool>(),
            texts,
        )
            .prop_map(|(bin, account, amount, mcc, reusable, texts)| Payload {
                initiation: if reusable { Initiation::Static } else { Initiation::Dynamic },
                amount: amount.map(Dong::new),
                mcc,
                additional: texts
                    .into_iter()
                    .fold(Additional::default(), |all, (label, text)| all.with(label, fold::ascii(&text))),
                ..Payload::to_account(bin, account)
            })
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(payload in any_payload()) {
            let code = payload.encode().expect("within every limit");
            prop_assert!(code.bytes().all(|sign| (b' '..=b'~').contains(&sign)));
            prop_assert_eq!(Payload::decode(&code), Ok(payload));
        }

        #[test]
        fn any_purpose_is_folded_or_refused(purpose in "\\PC{0,40}") {
            match to_mb("0023457923442", &purpose).encode() {
                Ok(code) => {
                    let folded = fold::ascii(&purpose);
                    let read = Payload::decode(&code).expect("our own code");
                    prop_assert_eq!(read.purpose().unwrap_or_default(), folded);
                }
                Err(unfit) => prop_assert!(matches!(unfit, Unfit::TooLong { .. }), "{}", unfit),
            }
        }
    }
}
