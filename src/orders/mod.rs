//! Orders: what a provider is asked to prepare, so that its number of an order says whose money came although the
//! transfer's text says nothing.
//!
//! The important function is [`make()`]: every published, unpaid invoice of an account whose connection makes orders
//! gets one, and pages show what [`Offers`] has of it.
//!
//! **Invariants**
//! - The number of an order is ours: random, stored with the key that leads to its invoice, and only then told. A call
//!   whose answer was lost is repeated under the same number, so one invoice and amount has one order that can be paid.
//! - An order is believed only when its answer is signed as the provider's deliveries are.
//! - A code of theirs is kept and shown only when it was decoded and pays the right account the right amount.
//! - What is asked and answered is nobody's to log; a failure is told by a word of ours.
//!
//! Deliberately absent: taking back an order whose invoice is paid or void (money that comes is kept and explained),
//! and the provider's own payment page.

mod call;
mod client;
mod payos;
mod plan;
mod shown;
mod sql;

use crate::fault::Result;
use crate::money::Dong;
use crate::providers::Providers;
use crate::seal::Vault;
use crate::store::{Fence, Store};
use crate::time::Clock;

pub use client::Client;
pub use shown::{Counts, Offer, Offers, Owed, counts, offers};
pub use sql::ALL;

/// What making orders needs.
pub struct Maker<'a> {
    /// The database.
    pub store: &'a Store,
    /// What opens the provider's keys.
    pub vault: &'a Vault,
    /// The time.
    pub clock: &'a Clock,
    /// Who can be asked.
    pub providers: &'a Providers,
    /// Who carries the questions.
    pub client: &'a Client,
    /// Where a provider's own page sends people back to; nothing secret stands in it.
    pub back: &'a str,
}

/// What one round did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Round {
    /// Invoices looked at and orders asked for.
    pub done: usize,
    /// Invoices whose order can be paid now.
    pub invoices: Vec<String>,
}

/// One round: looks at a bounded number of invoices, then asks for a bounded number of orders.
///
/// # Errors
/// Faults of the store; a refusal when the lease was lost. A provider that does not answer is asked again later.
pub async fn make(maker: &Maker<'_>, fence: Option<&Fence>) -> Result<Round> {
    let planned = plan::plan(maker.store, maker.clock, fence).await?;
    let mut round = call::call(maker).await?;
    round.done += planned;
    Ok(round)
}

/// The transfer text of an order: the whole reference where it fits, else its nine letters.
fn description(reference: &crate::ids::PaymentReference, prefix: Option<&str>, most: usize) -> String {
    crate::vietqr::memo(prefix, reference, most).unwrap_or_else(|_| reference.as_str().chars().skip(4).collect())
}

/// Can one fast transfer carry it?
fn is_payable(amount: Dong) -> bool {
    amount.is_positive() && amount < Dong::TRANSFER_LIMIT
}
