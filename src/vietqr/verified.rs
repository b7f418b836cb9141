//! The one door through which a code leaves the program.

use super::image::{Level, Picture};
use super::{Additional, Field, Initiation, LABEL_MOST, Label, Payload, Service, Unfit, fold};
use crate::fault::{Fault, Result};
use crate::ids::PaymentReference;
use crate::money::Dong;

/// What an invoice asks of the payer's bank app.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The bank of the school's receiving account.
    pub bin: &'a str,
    /// The receiving account, or the virtual account that stands for it.
    pub account: &'a str,
    /// What is to be paid; absent where the payer chooses.
    pub amount: Option<Dong>,
    /// The key by which the transfer finds its invoice.
    pub reference: &'a PaymentReference,
    /// What the transfer text must begin with so that the bank tells us of it.
    pub memo_prefix: Option<&'a str>,
    /// How many characters of the transfer text arrive.
    pub memo_max: usize,
    /// The school's merchant category, when it has one.
    pub mcc: Option<&'a str>,
    /// The school's electronic id, when it has one.
    pub merchant_id: Option<&'a str>,
}

/// What a code that a provider made for an invoice must say.
#[derive(Debug, Clone, Copy)]
pub struct Ordered<'a> {
    /// The bank of the school's receiving account.
    pub bin: &'a str,
    /// The receiving account, or the virtual account that the provider says stands for it.
    pub accounts: [&'a str; 2],
    /// What is to be paid.
    pub amount: Dong,
    /// The invoice's own reference: no other may stand in the transfer text.
    pub reference: &'a PaymentReference,
    /// The text that the provider was asked to carry; what it adds of its own stands around it.
    pub description: &'a str,
}

/// A code whose text was read again and found to pay the right account the right amount with the right reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedQr {
    text: String,
    payload: Payload,
}

impl VerifiedQr {
    /// Makes the code that was asked for, reads it back and compares.
    ///
    /// # Errors
    /// A refusal where no bank would take such a code; a fault where the text says something else than was asked.
    pub fn make(request: &Request<'_>) -> Result<Self> {
        let memo = memo(request.memo_prefix, request.reference, request.memo_max)?;
        let mut additional = Additional::default().with(Label::Purpose, memo);
        if let Some(merchant_id) = request.merchant_id {
            additional.set(Label::Store, merchant_id.to_uppercase());
        }
        let payload = Payload {
            initiation: if request.amount.is_some() { Initiation::Dynamic } else { Initiation::Static },
            amount: request.amount,
            mcc: request.mcc.map(str::to_owned),
            additional,
            ..Payload::to_account(request.bin, request.account)
        };
        Self::check(payload.encode()?, request)
    }

    /// Takes a text that was made earlier, when it still says what is asked for now.
    ///
    /// # Errors
    /// A refusal where the text is no code; a fault that names what differs, never its value.
    pub fn check(text: String, request: &Request<'_>) -> Result<Self> {
        let payload = Payload::decode(&text)?;
        let memo = payload.purpose().unwrap_or_default();
        let agreements = [
            ("service", payload.service == Service::Account),
            ("bank", payload.bin == request.bin),
            ("account", payload.account == request.account),
            ("amount", payload.amount == request.amount),
            ("reference", PaymentReference::find_all(memo) == [request.reference.clone()]),
        ];
        match agreements.into_iter().find(|(_, agrees)| !agrees) {
            Some((what, _)) => {
                Err(Fault::new(format!("verify a payment code: its {what} is not the one asked for")).into())
            }
            None => Ok(VerifiedQr { text, payload }),
        }
    }

    /// Takes a code that a provider made, when it pays what was ordered.
    ///
    /// # Errors
    /// The part that differs; never its value.
    pub fn ordered(text: &str, asked: &Ordered<'_>) -> Result<Self, &'static str> {
        let payload = Payload::decode(text).map_err(|_| "code")?;
        let memo = payload.purpose().unwrap_or_default();
        let is_named = match PaymentReference::find_all(memo).as_slice() {
            // The number of the order leads to the invoice where the text says nothing.
            [] => memo.is_empty() || folded(memo).contains(&folded(asked.description)),
            found => found == [asked.reference.clone()],
        };
        let agreements = [
            ("service", payload.service == Service::Account),
            ("bank", payload.bin == asked.bin),
            ("account", !payload.account.is_empty() && asked.accounts.contains(&payload.account.as_str())),
            ("amount", payload.amount == Some(asked.amount)),
            ("reference", is_named),
        ];
        match agreements.into_iter().find(|(_, agrees)| !agrees) {
            Some((what, _)) => Err(what),
            None => Ok(VerifiedQr { text: text.to_owned(), payload }),
        }
    }

    /// The text of the code.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the text says.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// The transfer text that a payer without a scanner types.
    pub fn memo(&self) -> &str {
        self.payload.purpose().unwrap_or_default()
    }

    /// The code as a picture.
    ///
    /// # Errors
    /// A fault when the text does not fit into a picture, which no payload is long enough for.
    pub fn picture(&self, level: Level) -> Result<Picture> {
        Picture::draw(&self.text, level)
    }
}

/// The letters and digits of a text in upper case, which is what banks leave of it.
fn folded(text: &str) -> String {
    fold::ascii(text).chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
}

/// The transfer text: the prefix a bank insists on, then the reference, in upper case so that the picture stays
/// small. Nothing follows, because banks cut and wrap what comes last.
///
/// # Errors
/// A text longer than what arrives, or than tag 62-08 carries.
pub fn memo(prefix: Option<&str>, reference: &PaymentReference, max: usize) -> Result<String, Unfit> {
    let prefix = prefix.map(fold::ascii).unwrap_or_default().to_ascii_uppercase();
    let memo = if prefix.is_empty() { reference.to_string() } else { format!("{prefix} {reference}") };
    let most = max.min(LABEL_MOST);
    if memo.len() > most {
        return Err(Unfit::TooLong { field: Field::Labelled(Label::Purpose), length: memo.len(), most });
    }
    Ok(memo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Error;

    fn reference() -> PaymentReference {
        PaymentReference::random().expect("randomness")
    }

    /// A school at VietinBank that hears of money through an aggregator which insists on a prefix.
    fn request(reference: &PaymentReference) -> Request<'_> {
        Request {
            bin: "970415",
            account: "113366668888",
            amount: Some(Dong::new(1_250_000)),
            reference,
            memo_prefix: Some("SEVQR"),
            memo_max: 50,
            mcc: Some("8211"),
            merchant_id: Some("H29.18.8"),
        }
    }

    #[test]
    fn an_invoice_code_says_what_was_asked_and_stays_upper_case() {
        let reference = reference();
        let qr = VerifiedQr::make(&request(&reference)).expect("a payable request");
        assert_eq!(qr.memo(), format!("SEVQR {reference}"));
        assert_eq!(qr.text(), qr.text().to_uppercase());
        let payload = Payload::decode(qr.text()).expect("our own code");
        assert_eq!(&payload, qr.payload());
        assert_eq!((payload.initiation, payload.mcc.as_deref()), (Initiation::Dynamic, Some("8211")));
        assert_eq!(payload.additional.get(Label::Store), Some("H29.18.8"));
    }

    #[test]
    fn a_code_without_an_amount_may_be_paid_many_times() {
        let reference = reference();
        let qr = VerifiedQr::make(&Request { amount: None, ..request(&reference) }).expect("a payable request");
        assert_eq!((qr.payload().initiation, qr.payload().amount), (Initiation::Static, None));
    }

    #[test]
    fn a_code_that_says_anything_else_never_leaves() {
        let (reference, other) = (reference(), reference());
        let text = VerifiedQr::make(&request(&reference)).expect("a payable request").text;
        assert!(VerifiedQr::check(text.clone(), &request(&reference)).is_ok());
        for (what, asked) in [
            ("bank", Request { bin: "970436", ..request(&reference) }),
            ("account", Request { account: "113366668889", ..request(&reference) }),
            ("amount", Request { amount: Some(Dong::new(1_250_001)), ..request(&reference) }),
            ("amount", Request { amount: None, ..request(&reference) }),
            ("reference", request(&other)),
        ] {
            match VerifiedQr::check(text.clone(), &asked) {
                Err(Error::Fault(fault)) => assert!(fault.to_string().contains(&format!("its {what} is not"))),
                other => unreachable!("{what}: {other:?}"),
            }
        }
        let to_card = Payload { service: Service::Card, ..Payload::decode(&text).expect("our own code") };
        let to_card = to_card.encode().expect("a code to a card");
        assert!(matches!(VerifiedQr::check(to_card, &request(&reference)), Err(Error::Fault(_))));
    }

    #[test]
    fn what_no_bank_would_take_is_refused_before_it_is_made() {
        let reference = reference();
        let code =
            |request: Request<'_>| VerifiedQr::make(&request).expect_err("unfit").refusal().map(|refusal| refusal.code);
        assert_eq!(code(Request { amount: Some(Dong::ZERO), ..request(&reference) }), Some("amount-not-positive"));
        assert_eq!(code(Request { bin: "999888", ..request(&reference) }), Some("bank-cannot-receive"));
        assert_eq!(code(Request { memo_max: 9, ..request(&reference) }), Some("qr-text-too-long"));
    }

    #[test]
    fn the_transfer_text_is_the_prefix_and_the_reference_or_nothing() {
        let reference = reference();
        let code = reference.as_str();
        assert_eq!(memo(None, &reference, 13), Ok(code.to_owned()));
        assert_eq!(memo(Some(" sevqr "), &reference, 19), Ok(format!("SEVQR {code}")));
        assert_eq!(memo(Some(""), &reference, 13), Ok(code.to_owned()));
        let too_long = |length, most| Err(Unfit::TooLong { field: Field::Labelled(Label::Purpose), length, most });
        assert_eq!(memo(Some("SEVQR"), &reference, 18), too_long(19, 18));
        assert_eq!(memo(None, &reference, 9), too_long(13, 9));
        assert_eq!(memo(Some("THUHOCPHI24X"), &reference, 50), too_long(26, 25));
    }
}
