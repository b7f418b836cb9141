//! Whose money is it: decides every credit, posts it, numbers its receipt and promises to tell, in one transaction.
//!
//! [`drain`] takes one batch of undecided credits; [`decide()`] and [`allocate`] are pure; [`assign`], [`move_to`],
//! [`release`], [`same`] and [`take_back`] are what a person may do with a credit that is held, went to the wrong
//! child, or is no longer there; [`settle`] meets what a gateway pays at last with what it took.
//!
//! **Invariants:** a credit leaves the queue in the same transaction as its decision, so it is decided once
//! however many processes drain; two credits for one invoice in one batch see each other; money with a doubt is in no
//! book until a person or a statement line says it is real; one credit that cannot be decided stops nobody else's.
//!
//! Deliberately absent: matching by amount or name, and near misses of a reference. [`near()`] suggests an invoice
//! whose reference is one symbol away; a person decides.

mod decide;
mod desk;
mod near;
mod settle;
mod sql;
mod take_back;
mod turn;

use std::collections::HashSet;

pub use decide::{Allocation, Decision, Doubt, Heard, HoldReason, Outcome, References, allocate, decide};
pub use desk::{
    Act, Assigned, Held, Shown, Step, assign, assign_in, credits_after, held, held_count, move_to, move_to_in, release,
    same, same_in, shown, story, twin,
};
pub use near::{NEAR_REFERENCE, Suggestion, lead, may_be_near, near};
pub use settle::{Settlement, settle, settlements, unsettle};
pub use sql::ALL;
pub use take_back::{Why, take_back, take_back_in};

use crate::fault::{Error, Result};
use crate::ids::PaymentReference;
use crate::inbox;
use crate::money::Dong;
use crate::seal::Vault;
use crate::store::{Fence, Halves, Lot, Store, args, record, transact};
use crate::time::{Clock, Day, Moment};

/// How long a credit that cannot be decided waits until it is tried again.
const POSTPONE_MS: i64 = 60_000;

/// What one batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// How many credits left the queue.
    pub decided: usize,
    /// Invoices on which money moved, for pages that are open.
    pub invoices: Vec<String>,
    /// How many credits could not be decided and are tried again later.
    pub postponed: usize,
}

record! {
    /// A credit as matching reads it.
    #[derive(Debug, Clone)]
    struct Credit {
        id: String,
        school_id: String,
        account_id: String,
        amount: Dong,
        day: Day,
        value_at: Moment,
        payment_reference: Option<String>,
        payment_key: Option<String>,
        gateway_id: Option<String>,
        doubt: String,
        memo_sealed: Vec<u8>,
    }
}

/// A credit with what its text holds.
#[derive(Debug, Clone)]
struct Waiting {
    credit: Credit,
    references: References,
}

/// Decides one batch of credits and tells how many; 0 when none waits. Safe to run twice and in several processes.
///
/// # Errors
/// Faults of the store that are no single credit's fault.
pub async fn drain(store: &Store, vault: &Vault, clock: &Clock) -> Result<usize> {
    Ok(drain_fenced(store, vault, clock, None, Lot::Full).await?.decided)
}

/// As [`drain`], under a lease, and telling which invoices changed.
///
/// # Errors
/// As [`drain`]; a refusal when the lease was lost.
pub async fn drain_fenced(
    store: &Store,
    vault: &Vault,
    clock: &Clock,
    fence: Option<&Fence>,
    lot: Lot,
) -> Result<Drained> {
    let (now, most) = (clock.now(), store.lot(lot));
    let credits: Vec<Credit> = store.all(&sql::UNDECIDED, args![now, now.plus_ms(POSTPONE_MS), most]).await?;
    let mut waiting = Vec::with_capacity(credits.len());
    for credit in credits {
        let references = references_of(vault, &credit).await?;
        waiting.push(Waiting { credit, references });
    }
    let mut drained = Drained::default();
    let mut halves = Halves::of(waiting);
    while let Some(batch) = halves.next() {
        let now = clock.now();
        match decided(store, vault, now, fence, &batch).await {
            Ok(done) => {
                drained.decided += done.decided;
                drained.invoices.extend(done.invoices);
            }
            Err(Error::Fault(fault)) => {
                let Some(guilty) = halves.halve(batch) else { continue };
                tracing::error!(credit = guilty.credit.id, %fault, "a credit cannot be decided");
                let later = now.plus_ms(POSTPONE_MS);
                transact!(store, |tx| tx.run(&sql::POSTPONE, args![&guilty.credit.id, later]).await)?;
                drained.postponed += 1;
            }
            Err(error) => return Err(error),
        }
    }
    let mut seen = HashSet::new();
    drained.invoices.retain(|invoice| seen.insert(invoice.clone()));
    Ok(drained)
}

/// Decides a batch: what its invoices ask is read while others may write, and how they stand in the transaction.
async fn decided(
    store: &Store,
    vault: &Vault,
    now: Moment,
    fence: Option<&Fence>,
    batch: &[Waiting],
) -> Result<Drained> {
    let named = turn::Named::read(store, batch).await?;
    transact!(store, |tx| turn::decide_in(tx, vault, now, fence, batch, &named).await)
}

/// How many references a credit's text holds. Only a text without exactly one has to be opened; one that cannot be
/// opened any more holds none, one that cannot be opened now is asked again.
async fn references_of(vault: &Vault, credit: &Credit) -> Result<References> {
    if credit.payment_reference.is_some() {
        return Ok(References::One);
    }
    let memo = vault.legible(&credit.memo_sealed, &inbox::memo_context(&credit.id)).await?;
    let Some(memo) = memo else { return Ok(References::None) };
    Ok(match PaymentReference::find_all(&memo).len() {
        0 => References::None,
        // Exactly one would have been kept with the credit; more than one is a person's.
        _ => References::Several,
    })
}
