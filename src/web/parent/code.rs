//! The code an invoice is paid with: for what is still owed, into the school's account, decoded and compared.

use crate::fault::Result;
use crate::fees::Lifecycle;
use crate::fees::view::{self, InvoicePage, MemoRule};
use crate::ids::PaymentReference;
use crate::money::Dong;
use crate::store::Store;
use crate::vietqr::{Request, VerifiedQr};

/// The code, or why there is none.
#[derive(Debug, Clone)]
pub enum Code {
    /// It pays exactly what is owed.
    Ready(Box<VerifiedQr>),
    /// Nothing is owed, or the invoice is void: a code would invite money nobody asked for.
    NotNeeded,
    /// The school's account is stopped: nobody may be led to it.
    Frozen,
    /// More than one fast transfer carries.
    TooLarge,
    /// No code of this account would be read as it must be.
    Impossible,
}

impl Code {
    /// The code, when there is one.
    pub fn ready(&self) -> Option<&VerifiedQr> {
        match self {
            Code::Ready(qr) => Some(qr),
            _ => None,
        }
    }
}

/// The code for what is owed on an invoice now.
///
/// # Errors
/// Faults of the store. A code that does not read back as asked is logged and never shown.
pub async fn code_of(store: &Store, page: &InvoicePage) -> Result<Code> {
    Ok(code_under(page, &view::memo_rule(store, &page.account.id).await?))
}

/// [`code_of`] under the rule for transfer texts into the invoice's account.
pub fn code_under(page: &InvoicePage, rule: &MemoRule) -> Code {
    let owed = page.money.owed;
    if page.invoice.lifecycle == Lifecycle::Void || !owed.is_positive() {
        return Code::NotNeeded;
    }
    if !page.account.is_usable() {
        return Code::Frozen;
    }
    if owed >= Dong::TRANSFER_LIMIT {
        return Code::TooLarge;
    }
    let Some(reference) = PaymentReference::parse(&page.invoice.reference) else { return Code::Impossible };
    let made = VerifiedQr::make(&Request {
        bin: &page.account.bank_bin,
        account: &page.account.number,
        amount: Some(owed),
        reference: &reference,
        memo_prefix: rule.prefix.as_deref(),
        memo_max: rule.most,
        mcc: page.school.mcc.as_deref(),
        merchant_id: page.school.merchant_id.as_deref(),
    });
    match made {
        Ok(qr) => Code::Ready(Box::new(qr)),
        Err(error) => {
            tracing::error!(invoice = page.invoice.id, %error, "a payment code was withheld");
            Code::Impossible
        }
    }
}
