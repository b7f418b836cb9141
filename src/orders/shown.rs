//! What pages show of orders: the code a provider made for what is owed now, read again each time it leaves.

use std::collections::{HashMap, HashSet};

use super::{payos, sql};
use crate::fault::Result;
use crate::ids::PaymentReference;
use crate::money::Dong;
use crate::store::{Arg, Store, args, record};
use crate::time::Moment;
use crate::vietqr::{Ordered, VerifiedQr};

record! {
    #[derive(Debug, Clone)]
    struct Made {
        invoice_id: String,
        amount: Dong,
        description: String,
        qr: String,
        account: String,
        holder: String,
    }
}

/// What there is to pay an invoice with, beside our own code.
#[derive(Debug, Clone)]
pub enum Offer {
    /// Nothing: its account has no orders made.
    None,
    /// An order is being made, or its code was not fit to be shown.
    Preparing,
    /// The provider's code, and who holds the account in it.
    Made(Box<VerifiedQr>, String),
}

/// The offers for some invoices.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    made: HashMap<String, Vec<Made>>,
    accounts: HashSet<String>,
}

/// What an offer is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Owed<'a> {
    /// The invoice.
    pub invoice_id: &'a str,
    /// Its receiving account, its bank and its number.
    pub account: (&'a str, &'a str, &'a str),
    /// What is owed now.
    pub amount: Dong,
    /// The invoice's reference.
    pub reference: &'a PaymentReference,
}

impl Offers {
    /// The offer for what is owed now; an order of another amount is none.
    pub fn of(&self, owed: &Owed<'_>) -> Offer {
        let (account_id, bin, number) = owed.account;
        if !self.accounts.contains(account_id) {
            return Offer::None;
        }
        let mut made = self.made.get(owed.invoice_id).map_or(&[][..], Vec::as_slice).iter();
        let newest = made.rfind(|made| made.amount == owed.amount);
        let shown = newest.and_then(|made| Some((fit(made, owed, bin, number)?, made.holder.clone())));
        shown.map_or(Offer::Preparing, |(qr, holder)| Offer::Made(Box::new(qr), holder))
    }
}

fn fit(made: &Made, owed: &Owed<'_>, bin: &str, number: &str) -> Option<VerifiedQr> {
    let asked = Ordered {
        bin,
        accounts: [number, &made.account],
        amount: owed.amount,
        reference: owed.reference,
        description: &made.description,
    };
    VerifiedQr::ordered(&made.qr, &asked).ok()
}

/// What the orders of these invoices, paid into these accounts, can be paid with.
///
/// # Errors
/// Faults of the store.
pub async fn offers(store: &Store, invoices: &[&str], accounts: &[&str]) -> Result<Offers> {
    let keys = |ids: &[&str]| ids.iter().map(|id| Arg::from(*id)).collect::<Vec<Arg>>();
    let accounts: HashSet<String> =
        store.all_in::<String>(&sql::MAKERS_OF_ACCOUNTS, keys(accounts)).await?.into_iter().collect();
    let mut made: HashMap<String, Vec<Made>> = HashMap::new();
    if !accounts.is_empty() {
        for one in store.all_in::<Made>(&sql::MADE_OF, keys(invoices)).await? {
            made.entry(one.invoice_id.clone()).or_default().push(one);
        }
    }
    Ok(Offers { made, accounts })
}

/// How the orders of a connection stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The provider has them.
    pub made: i64,
    /// Of these, with no code that is fit to be shown.
    pub without_code: i64,
    /// They wait, by the word for why; an empty word for those that were not tried yet.
    pub waiting: Vec<(String, i64)>,
}

/// How the orders of a connection stand that were made since an instant, and those that wait.
///
/// # Errors
/// Faults of the store.
pub async fn counts(store: &Store, connection_id: &str, since: Moment) -> Result<Counts> {
    let (made, without_code): (i64, i64) = store.one(&sql::COUNT_MADE, args![connection_id, since]).await?;
    Ok(Counts { made, without_code, waiting: store.all(&sql::COUNT_WAITING, args![connection_id]).await? })
}

/// The part of a provider's code that is not what was ordered; none where all of it is.
pub(super) fn differs(known: &payos::Known, asked: &Ordered<'_>) -> Option<&'static str> {
    if known.qr.is_empty() {
        return Some("no-code");
    }
    VerifiedQr::ordered(&known.qr, asked).err()
}
