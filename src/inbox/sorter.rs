//! Sorts what was kept: which tellings are credits of their own, and which tell again of one that is known.
//!
//! **Invariants:** a delivery leaves the pile in the transaction that writes its credits, so it is sorted once however
//! many processes sort; one that cannot be sorted waits and stops nobody else's.

use std::collections::{HashMap, HashSet};

use super::AT_ONCE;
use super::identity::{HALF_NAMED_MS, Identity, Known, KnownCredit, Told};
use super::keys;
use super::likeness::{LATEST_BOOKING, bare};
use super::prepare::{Prepared, PreparedCredit, PreparedDebit, Read, memo_context, prepare};
use super::sql;
use crate::fault::{Error, Kind, Result};
use crate::seal::Vault;
use crate::store::{Arg, Fence, Halves, Lot, Store, Tx, args, transact};
use crate::time::{Clock, Day, Moment};

/// How many bytes of deliveries are sorted in one transaction: one may tell of thousands of transfers.
const MOST_BYTES: i64 = 4 << 20;
/// How long a delivery that cannot be sorted waits until it is tried again.
const POSTPONE_MS: i64 = 60_000;

/// What the credits of a delivery were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// At least one is new.
    New,
    /// All had been told before.
    ToldBefore,
    /// At least one is new and pays what had been paid before.
    PaidBefore,
}

/// Sorts one batch of what was kept and tells how many deliveries; 0 when none waits. Safe to run twice and in several
/// processes.
///
/// # Errors
/// Faults of the store that are no single delivery's fault; a refusal when the lease was lost.
pub async fn sort(store: &Store, vault: &Vault, clock: &Clock, fence: Option<&Fence>, lot: Lot) -> Result<usize> {
    let (now, most) = (clock.now(), store.lot(lot));
    let waiting: Vec<(String, i64)> = store.all(&sql::UNSORTED, args![now, now.plus_ms(POSTPONE_MS), most]).await?;
    let first = waiting[..within(waiting.iter().map(|(_, size)| *size))].iter().map(|(id, _)| Arg::from(id));
    let mut batch = Vec::new();
    for (delivery_id, sealed) in store.all_in::<(String, Vec<u8>)>(&sql::READ, first.collect()).await? {
        match ready(vault, &delivery_id, &sealed).await {
            Ok(prepared) => batch.push(prepared),
            Err(error) if is_of_one(&error) => postpone(store, &delivery_id, &error, now).await?,
            Err(error) => return Err(error),
        }
    }
    let mut sorted = 0;
    let mut halves = Halves::of(batch);
    while let Some(part) = halves.next() {
        match transact!(store, |tx| take_in(tx, vault, fence, &part).await) {
            Ok(taken) => sorted += taken,
            Err(error) if is_of_one(&error) => {
                if let Some(guilty) = halves.halve(part) {
                    postpone(store, &guilty.delivery_id, &error, now).await?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(sorted)
}

/// The banks' numbers of credits that wait to be sorted, for whoever looks whether anything was lost.
///
/// # Errors
/// Faults of the store; a delivery that does not open.
pub async fn unsorted_numbers(store: &Store, vault: &Vault) -> Result<Vec<String>> {
    let waiting: Vec<(String, i64)> = store.all(&sql::UNSORTED, args![i64::MAX, i64::MAX, i64::MAX]).await?;
    let keys = waiting.iter().map(|(id, _)| Arg::from(id)).collect();
    let mut numbers = Vec::new();
    for (delivery_id, sealed) in store.all_in::<(String, Vec<u8>)>(&sql::READ, keys).await? {
        let read = Read::open(vault, &delivery_id, &sealed).await?;
        numbers.extend(read.credits.into_iter().filter_map(|credit| credit.bank_reference));
    }
    Ok(numbers)
}

async fn ready(vault: &Vault, delivery_id: &str, sealed: &[u8]) -> Result<Prepared> {
    prepare(vault, Read::open(vault, delivery_id, sealed).await?).await
}

/// How many of these, from the first on, one transaction takes: one at least.
fn within(sizes: impl Iterator<Item = i64>) -> usize {
    let mut bytes = 0_i64;
    let fits = |(at, size): &(usize, i64)| {
        bytes = bytes.saturating_add(*size);
        *at == 0 || bytes <= MOST_BYTES
    };
    sizes.enumerate().take_while(fits).count()
}

/// Is it this delivery that cannot be sorted? A store that is away or full, and a lease that was lost, are everybody's.
fn is_of_one(error: &Error) -> bool {
    match error {
        Error::Fault(_) => true,
        Error::Refused(refusal) => refusal.kind == Kind::Shape,
        Error::Contended => false,
    }
}

async fn postpone(store: &Store, delivery_id: &str, error: &Error, now: Moment) -> Result<()> {
    tracing::error!(delivery = delivery_id, %error, "a delivery cannot be sorted");
    let later = now.plus_ms(POSTPONE_MS);
    transact!(store, |tx| tx.run(&sql::POSTPONE_UNSORTED, args![delivery_id, later]).await).map(drop)
}

/// Takes deliveries off the pile and sorts those that nobody took before.
async fn take_in(tx: &mut Tx, vault: &Vault, fence: Option<&Fence>, batch: &[Prepared]) -> Result<usize> {
    if let Some(fence) = fence {
        fence.check_in(tx).await?;
    }
    let keys = batch.iter().map(|delivery| Arg::from(&delivery.delivery_id)).collect();
    let ours: HashSet<String> = tx.all_in::<String>(&sql::TAKE_UNSORTED, keys).await?.into_iter().collect();
    let ours: Vec<&Prepared> = batch.iter().filter(|delivery| ours.contains(&delivery.delivery_id)).collect();
    sort_in(tx, vault, &ours).await?;
    Ok(ours.len())
}

/// Writes the credits and debits of deliveries that are kept, and tells what became of each.
///
/// # Errors
/// Faults of the store.
pub async fn sort_in(tx: &mut Tx, vault: &Vault, batch: &[&Prepared]) -> Result<Vec<Became>> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let mut known = recall_in(tx, vault, batch).await?;
    let (mut credits, mut tellings, mut undecided) = (Vec::new(), Vec::new(), Vec::new());
    let mut outcomes = Vec::with_capacity(batch.len());
    for delivery in batch {
        let Prepared { delivery_id, connection_id, heard_at, .. } = delivery;
        let mut became = Became::ToldBefore;
        for credit in &delivery.credits {
            let told = &credit.told;
            let credit_id = match known.meet(told) {
                Identity::Repeated => continue,
                Identity::Same(credit_id) => credit_id,
                Identity::New { doubt, maybe_same_as, bank_reference } => {
                    became = if delivery.paid_before { Became::PaidBefore } else { Became::New };
                    let doubt = if delivery.paid_before && doubt.is_empty() { "maybe_same_credit" } else { doubt };
                    let key = known.key_of(told);
                    credits.push(credit_row(delivery, credit, doubt, maybe_same_as, bank_reference, key));
                    undecided.push(args![&told.credit_id, AT_ONCE]);
                    told.credit_id.clone()
                }
            };
            let fingerprint = &told.fingerprint;
            let (reference, at) = (&told.told_reference, told.value_at);
            tellings.push(args![connection_id, reference, fingerprint, credit_id, delivery_id, *heard_at, at]);
        }
        outcomes.push(became);
    }
    tx.insert_many(&sql::KEEP_CREDITS, credits).await?;
    tx.insert_many(&sql::KEEP_DEBITS, batch.iter().flat_map(|delivery| debit_rows(delivery)).collect()).await?;
    tx.insert_many(&sql::KEEP_TELLINGS, tellings).await?;
    tx.insert_many(&sql::MARK_UNDECIDED, undecided).await?;
    Ok(outcomes)
}

fn debit_rows(delivery: &Prepared) -> impl Iterator<Item = Vec<Arg>> {
    delivery.debits.iter().map(|PreparedDebit { debit, memo_sealed }| {
        args![
            &debit.id,
            &delivery.school_id,
            &debit.account_id,
            &delivery.connection_id,
            &delivery.delivery_id,
            &debit.told_reference,
            &debit.fingerprint,
            &debit.kind,
            debit.amount,
            debit.value_at.day(),
            debit.value_at,
            memo_sealed,
            delivery.heard_at
        ]
    })
}

fn credit_row(
    delivery: &Prepared,
    credit: &PreparedCredit,
    doubt: &str,
    maybe_same_as: Option<String>,
    bank_reference: Option<String>,
    key: Option<String>,
) -> Vec<Arg> {
    let told = &credit.told;
    args![
        &told.credit_id,
        &delivery.school_id,
        &told.account_id,
        told.amount,
        told.value_at.day(),
        told.value_at,
        bank_reference,
        &told.likeness.payment_reference,
        &credit.memo_sealed,
        credit.payer_sealed.clone(),
        "hook",
        doubt,
        maybe_same_as,
        delivery.heard_at,
        &told.likeness.mark,
        key,
        credit.gateway_id.clone()
    ]
}

/// Credits of the same minutes on accounts of which several connections tell, where perhaps one names what the other
/// does not. With one connection an account, which is the rule, nothing is looked for.
async fn half_named_in(tx: &mut Tx, fresh: &[&Told]) -> Result<Vec<KnownCredit>> {
    let accounts: HashSet<&str> = fresh.iter().map(|told| told.account_id.as_str()).collect();
    let accounts = accounts.into_iter().map(Arg::from).collect();
    let shared: HashSet<String> = tx.all_in::<String>(&sql::SHARED_ACCOUNTS, accounts).await?.into_iter().collect();
    let mut found = Vec::new();
    for told in fresh.iter().filter(|told| shared.contains(&told.account_id)) {
        let day = told.value_at.day();
        let (from, to) = (told.value_at.plus_ms(-HALF_NAMED_MS), told.value_at.plus_ms(HALF_NAMED_MS));
        let span = args![&told.account_id, day.plus_days(-1), day.plus_days(1), told.amount, from, to];
        found.extend(tx.all::<KnownCredit>(&sql::WITHIN_MINUTES, span).await?);
    }
    Ok(found)
}

/// Credits without a payment reference that one of these tellings without one may be of. What its own connection told
/// of under another id is another transfer, so of a hundred who pay one sum without a word only those are read whom
/// somebody else told of, or a line shows.
async fn nameless_in(tx: &mut Tx, fresh: &[&Told]) -> Result<Vec<KnownCredit>> {
    let nameless = fresh.iter().filter(|told| told.likeness.payment_reference.is_none());
    let asked = nameless.map(|told| (&*told.connection_id, &*told.account_id, told.amount, told.value_at.day()));
    let asked: HashSet<(&str, &str, i64, Day)> = asked.collect();
    let mut found = Vec::new();
    for (connection, account, amount, day) in asked {
        // What is told late may be on the statement of a later day, and what is left of those alike of an earlier one.
        let (first, last) = (day.plus_days(-LATEST_BOOKING), day.plus_days(LATEST_BOOKING));
        let span = args![account, first, last, amount, connection];
        found.extend(tx.all::<KnownCredit>(&sql::WITHOUT_REFERENCE, span).await?);
    }
    Ok(found)
}

/// Everything the store knows that the batch could be told twice of, in a handful of questions.
async fn recall_in(tx: &mut Tx, vault: &Vault, batch: &[&Prepared]) -> Result<Known> {
    let told = || batch.iter().flat_map(|delivery| &delivery.credits).map(|credit| &credit.told);
    let mut known = Known::default();
    let leads: Vec<&str> = told().flat_map(|told| told.keys.iter().map(String::as_str)).collect();
    for key in keys::by_keys_in(tx, &leads).await?.into_keys() {
        known.add_key(key);
    }
    let keys = told().map(|told| Arg::from(&told.told_reference)).collect();
    let before: Vec<(String, String, String, String)> = tx.all_in(&sql::TELLINGS_BY_REFERENCE, keys).await?;
    let mut repeated: HashMap<(String, String), Vec<String>> = HashMap::new();
    for (connection, reference, fingerprint, credit) in before {
        repeated.entry((connection.clone(), reference.clone())).or_default().push(fingerprint.clone());
        known.add_telling(connection, reference, fingerprint, credit);
    }
    // A retry is known by its telling alone; only the rest needs to be compared with other credits.
    let fresh: Vec<_> = told()
        .filter(|told| !repeated.contains_key(&(told.connection_id.clone(), told.told_reference.clone())))
        .collect();
    let numbers: Vec<Arg> = fresh.iter().filter_map(|told| told.bank_reference.as_ref()).map(Arg::from).collect();
    let mut found: Vec<KnownCredit> = tx.all_in(&sql::CREDITS_BY_BANK_REFERENCE, numbers).await?;
    let marks: Vec<Arg> = fresh.iter().filter_map(|told| told.likeness.mark.as_ref()).map(Arg::from).collect();
    found.extend(tx.all_in::<KnownCredit>(&sql::CREDITS_BY_LIKENESS, marks).await?);
    found.extend(nameless_in(tx, &fresh).await?);
    found.extend(half_named_in(tx, &fresh).await?);
    // Only what a line shows is compared by its words.
    let shown = found.iter().filter(|known| known.payment_reference.is_none() && known.booked.is_some());
    let shown = shown.map(|known| Arg::from(&known.id)).collect();
    for (credit, sealed) in tx.all_in::<(String, Vec<u8>)>(&sql::MEMOS, shown).await? {
        // What cannot be opened any more says nothing.
        let memo = vault.legible(&sealed, &memo_context(&credit)).await?.unwrap_or_default();
        known.add_text(credit, bare(&memo));
    }
    found.sort_by(|one, other| one.id.cmp(&other.id));
    for credit in found {
        known.add_credit(credit);
    }
    let ids: Vec<Arg> = known.credit_ids().map(Arg::from).collect();
    let tellers: Vec<(String, String, Option<i64>)> = tx.all_in(&sql::TELLINGS_OF_CREDITS, ids).await?;
    for (credit, connection, at) in tellers {
        known.add_teller(&credit, &connection, at.map(Moment));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Refusal};

    #[test]
    fn a_batch_holds_so_many_bytes_and_one_delivery_at_least() {
        let of = |sizes: &[i64]| within(sizes.iter().copied());
        assert_eq!((of(&[]), of(&[MOST_BYTES + 1, 1]), of(&[i64::MAX, i64::MAX])), (0, 1, 1));
        assert_eq!(of(&[1, MOST_BYTES - 2, 1]), 3);
        assert_eq!(of(&[1, MOST_BYTES - 1, 1]), 2);
        assert_eq!(of(&[1, MOST_BYTES, 1]), 1);
    }

    #[test]
    fn what_is_everybodys_trouble_puts_no_delivery_off() {
        let refused = |kind| is_of_one(&Refusal::new(kind, "code", "vi", "en").into());
        assert!(refused(Kind::Shape), "a text that cannot be stored");
        assert!(![Kind::Unavailable, Kind::Conflict].into_iter().any(refused));
        assert!(!is_of_one(&Error::Contended) && is_of_one(&Fault::new("open it").into()));
    }
}
