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
    #[error("an EMVCo payment code, but not VietQR: it has no tag 38 of NAPAS ({NAPAS}){}", elsewhere(*through))]
    NotVietQr {
        /// The tag that says whose it is.
        through: Option<u8>,
    },
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

fn elsewhere(through: Option<u8>) -> String {
    through.map_or_else(String::new, |tag| format!("; it pays through tag {tag:02}"))
}

impl Unreadable {
    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Unreadable::NotEmvco => "qr-not-a-payment-code",
            Unreadable::NoCheck => "qr-not-whole",
            Unreadable::WrongCheck { .. } => "qr-damaged",
            Unreadable::Structure { .. } => "qr-wrong-structure",
            Unreadable::NotVietQr { .. } => "qr-not-vietqr",
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
            Unreadable::NotVietQr { .. } => "Đây là mã thanh toán khác, không phải VietQR.".to_owned(),
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
    let elsewhere =
        || Unreadable::NotVietQr { through: objects.iter().map(|(tag, _)| tag).find(|tag| (2..=51).contains(tag)) };
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn published() -> Vec<Value> {
        serde_json::from_str(include_str!("payloads.json")).expect("a list of payloads")
    }

    fn text<'a>(vector: &'a Value, pointer: &str) -> Option<&'a str> {
        vector.pointer(pointer).and_then(Value::as_str)
    }

    /// The refusal each published payload meets; what is not named here is a VietQR code.
    fn refused(id: &str) -> Option<&'static str> {
        Some(match id {
            "napas-6.1.1-printed" | "bnd-utf8" => "qr-wrong-structure",
            "xn-bad-crc" | "bnd-static" | "bnd-napas-2" | "bnd-c5a3" | "bnd-doc-24f5" | "bnd-5e3f" => "qr-damaged",
            "xn-vnpayqr" | "xn-vnpayqr-2" | "xn-evn" | "xn-airpay" => "qr-not-vietqr",
            _ => return None,
        })
    }

    #[test]
    fn every_published_payload_reads_as_it_should_or_is_refused_for_its_fault() {
        let mut read = 0;
        for vector in published() {
            let id = text(&vector, "/id").expect("an id");
            match Payload::decode(text(&vector, "/payload").expect("a payload")) {
                Ok(payload) => {
                    assert_eq!(refused(id), None, "{id}");
                    says_what_was_published(&payload, &vector);
                    read += 1;
                }
                Err(unreadable) => assert_eq!(Some(unreadable.code()), refused(id), "{id}: {unreadable}"),
            }
        }
        assert_eq!((read, published().len()), (14, 26));
    }

    fn says_what_was_published(payload: &Payload, vector: &Value) {
        let decoded = |path: &str| text(vector, &format!("/decoded/{path}"));
        assert_eq!(Some(payload.initiation.code()), decoded("01"));
        assert_eq!(Some(payload.bin.as_str()), decoded("38/01/00"));
        assert_eq!(Some(payload.account.as_str()), decoded("38/01/01"));
        assert_eq!(Some(payload.service.code()), decoded("38/02"));
        assert_eq!(payload.amount.map(|amount| amount.get().to_string()).as_deref(), decoded("54"));
        for label in Label::ALL {
            assert_eq!(payload.additional.get(label), decoded(&format!("62/{:02}", label.tag())), "{label:?}");
        }
    }

    #[test]
    fn every_published_vietqr_is_written_again_letter_by_letter() {
        for vector in published() {
            let text = text(&vector, "/payload").expect("a payload");
            if let Ok(payload) = Payload::decode(text) {
                assert_eq!(payload.encode().as_deref(), Ok(text));
            }
        }
    }

    #[test]
    fn codes_of_the_street_are_read_as_leniently_as_banks_read_them() {
        let lower_case = "00020101021138540010A00000072701240006970422011003523509170208QRIBFTTA530370454\
                          0410005802VN6304";
        let lower_case = format!("{lower_case}{}", crc::printed(lower_case).to_lowercase());
        assert_eq!(Payload::decode(&lower_case).map(|payload| payload.amount), Ok(Some(Dong::new(1_000))));
        let of_mb = "00020101021138540010A00000072701240006970422011003523509170208QRIBFTTA53037045802VN630479db";
        assert_eq!(Payload::decode(of_mb).expect("a lower-case check").account, "0352350917");
        let of_momo = "00020101021138620010A00000072701320006970454011899MM24011M348750800208QRIBFTTA53037045802VN\
                       62190515MOMOW2W3487508080030466304EBC8";
        let of_momo = Payload::decode(of_momo).expect("an unreserved tag 80");
        assert_eq!(of_momo.additional.get(Label::Reference), Some("MOMOW2W34875080"));
    }

    #[test]
    fn a_length_that_swallows_the_service_is_refused_though_the_check_is_right() {
        let swallowed =
            "00020101021138570010A00000072701390006970422011301234567890200208QRIBFTTA53037045802VN6304A3CF";
        assert_eq!(Payload::decode(swallowed), Err(Unreadable::Missing("38-02")));
    }

    /// A code to Sacombank with these objects after tag 53, and the check that belongs to it.
    fn with(objects: &str) -> String {
        let code = format!("00020101021238570010A00000072701270006970403011300110123456780208QRIBFTTA{objects}6304");
        format!("{code}{}", crc::printed(&code))
    }

    #[test]
    fn an_amount_is_whole_positive_and_within_one_transfer() {
        let amount = |text: &str| {
            let code = with(&format!("530370454{:02}{text}5802VN", text.len()));
            Payload::decode(&code).map(|payload| payload.amount.map(Dong::get)).map_err(|unreadable| unreadable.code())
        };
        for fine in ["50000", "50000.", "50000.00", "0050000"] {
            assert_eq!(amount(fine), Ok(Some(50_000)), "{fine}");
        }
        assert_eq!(amount("499999999"), Ok(Some(499_999_999)));
        for wrong in ["0", "0.00", "-5", "50 000", "50,000", "5.5", ".", ".0", "1.0.0", "500000000", "99999999999999"] {
            assert_eq!(amount(wrong), Err("qr-part-meaningless"), "{wrong}");
        }
    }

    #[test]
    fn what_every_code_must_have_is_asked_for_by_name() {
        assert!(Payload::decode(&with("53037045802VN")).is_ok());
        assert!(Payload::decode(&with("5802VN5303704")).is_ok(), "the order between is free");
        assert_eq!(Payload::decode(&with("5802VN")), Err(Unreadable::Missing("53")));
        assert_eq!(Payload::decode(&with("5303704")), Err(Unreadable::Missing("58")));
        let codes = ["53038405802VN", "53037045802US", "5204abcd53037045802VN", "53037046304ABCD5802VN"];
        for code in codes {
            let refused = Payload::decode(&with(code)).map_err(|unreadable| unreadable.code());
            assert_eq!(refused, Err("qr-part-meaningless"), "{code}");
        }
    }

    #[test]
    fn an_accented_name_is_measured_in_characters() {
        let payload = Payload::decode(&with("53037045802VN5909Nguyễn Ái")).expect("nine characters");
        assert_eq!(payload.name.as_deref(), Some("Nguyễn Ái"));
        let in_bytes = Payload::decode(&with("53037045802VN5913Nguyễn Ái"));
        assert_eq!(in_bytes.map_err(|unreadable| unreadable.code()), Err("qr-wrong-structure"));
    }

    #[test]
    fn a_refusal_says_where_it_pays_instead() {
        let vnpay = published().into_iter().find(|vector| vector["id"] == "xn-vnpayqr").expect("a VNPAY code");
        let sentence = Payload::decode(text(&vnpay, "/payload").expect("a payload")).expect_err("another code");
        assert_eq!(
            sentence.to_string(),
            "an EMVCo payment code, but not VietQR: it has no tag 38 of NAPAS (A000000727); it pays through tag 26"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = Payload::decode(&text);
        }

        #[test]
        fn any_objects_under_a_right_check_are_read_or_refused(objects in "([0-9]{2}0[0-9]|38|62|0[0-2]|[a-zđộ0-9]){0,40}") {
            let _ = Payload::decode(&with(&objects));
            let code = format!("000201{objects}6304");
            let _ = Payload::decode(&format!("{code}{}", crc::printed(&code)));
        }

        #[test]
        fn a_cut_or_changed_code_is_never_read(place in 0_usize..142, sign in "[ -~đ]") {
            let whole = "00020101021238570010A00000072701270006970403011300110123456780208QRIBFTTA530370454061800005802VN\
                         62340107NPS68690819thanh toan don hang63042E2E";
            prop_assert!(Payload::decode(&whole[..place]).is_err());
            let changed = format!("{}{sign}{}", &whole[..place], &whole[place + 1..]);
            if !changed.eq_ignore_ascii_case(whole) {
                prop_assert!(Payload::decode(&changed).is_err());
            }
        }
    }
}
