//! The one door through which a code leaves the program.

use super::image::{Level, Picture};
use super::{Additional, Initiation, LABEL_MOST, Label, Payload, Service, Unfit, fold};
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
        return Err(Unfit::TooLong { field: "transfer text", length: memo.len(), most });
    }
    Ok(memo)
}
