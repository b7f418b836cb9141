//! The code an invoice is paid with: for what is still owed, into the school's account, decoded and compared.

use crate::fault::Result;
use crate::fees::Lifecycle;
use crate::fees::view::{self, InvoicePage, MemoRule};
use crate::ids::PaymentReference;
use crate::money::Dong;
use crate::orders::{self, Offer, Offers, Owed};
use crate::store::Store;
use crate::vietqr::{Request, VerifiedQr};

/// The code, or why there is none.
#[derive(Debug, Clone)]
pub enum Code {
    /// It pays exactly what is owed.
    Ready(Box<VerifiedQr>),
    /// The same, made by a provider for its order, and who holds the account in it.
    Ordered(Box<VerifiedQr>, String),
    /// Only the provider's order can be paid, and it is not made yet.
    Preparing,
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
            Code::Ready(qr) | Code::Ordered(qr, _) => Some(qr),
            _ => None,
        }
    }

    /// Who holds the account that the code pays, where it is not simply the school's.
    pub fn holder(&self) -> Option<&str> {
        match self {
            Code::Ordered(_, holder) => Some(holder).filter(|holder| !holder.is_empty()).map(String::as_str),
            _ => None,
        }
    }
}

/// The code for what is owed on an invoice now.
///
/// # Errors
/// Faults of the store. A code that does not read back as asked is logged and never shown.
pub async fn code_of(store: &Store, page: &InvoicePage) -> Result<Code> {
    let offers = orders::offers(store, &[&page.invoice.id], &[&page.account.id]).await?;
    Ok(code_under(page, &view::memo_rule(store, &page.account.id).await?, &offers))
}

/// [`code_of`] under the rule for transfer texts into the invoice's account, where these orders can be paid.
pub fn code_under(page: &InvoicePage, rule: &MemoRule, offers: &Offers) -> Code {
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
    let account = (page.account.id.as_str(), page.account.bank_bin.as_str(), page.account.number.as_str());
    let offer = offers.of(&Owed { invoice_id: &page.invoice.id, account, amount: owed, reference: &reference });
    if let Offer::Made(qr, holder) = offer {
        return Code::Ordered(qr, holder);
    }
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
        // Our own code cannot carry the reference there, which is why an order is made.
        Err(_) if matches!(offer, Offer::Preparing) => Code::Preparing,
        Err(error) => {
            tracing::error!(invoice = page.invoice.id, %error, "a payment code was withheld");
            Code::Impossible
        }
    }
}
