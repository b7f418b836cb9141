//! Group commit: one transaction and one sync of the disk serve everybody who waits, and nobody waits longer for it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::AT_ONCE;
use super::connection::Connection;
use super::identity::{HALF_NAMED_MS, Identity, Known, KnownCredit, Told};
use super::keys;
use super::likeness::{LATEST_BOOKING, bare};
use super::prepare::{Prepared, PreparedCredit, memo_context, prepare};
use super::sql;
use crate::fault::{Error, Kind, Refusal, Result};
use crate::providers::{Heard, Outcome, Provider};
use crate::seal::Vault;
use crate::store::{Arg, Store, Tx, Wake, args, transact};
use crate::time::{Clock, Day, Moment};

/// How many deliveries may wait; more are asked to come again.
const MOST_WAITING: usize = 4_096;
/// How many bytes of bodies may wait.
pub const MOST_WAITING_BYTES: usize = 64 << 20;
/// How many deliveries one transaction takes.
const MOST_IN_BATCH: usize = 500;
/// How many bytes of bodies one transaction takes.
const MOST_BATCH_BYTES: usize = 4 << 20;

/// So many deliveries in one transaction are a flood: they came while the one before was written.
const FLOOD: usize = 24;
/// How long a flood is remembered: its senders need a moment to read their answers and go on.
const EBB: Duration = Duration::from_millis(50);

/// The one who writes the inbox. Cloning shares it.
#[derive(Clone)]
pub struct Keeper {
    vault: Vault,
    clock: Clock,
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    tide: Arc<Tide>,
}

/// When deliveries last came faster than they were written.
#[derive(Default)]
struct Tide(Mutex<Option<Instant>>);

impl Tide {
    fn took(&self, deliveries: usize, now: Instant) {
        if deliveries >= FLOOD {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
    }

    fn is_high(&self, now: Instant) -> bool {
        let flooded = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flooded.is_some_and(|flooded| now.duration_since(flooded) < EBB)
    }
}

/// A proven delivery as the hook hands it over.
pub struct Delivery<'a> {
    /// Who says it.
    pub provider: &'a Provider,
    /// On which connection.
    pub connection: &'a Connection,
    /// What it means.
    pub heard: &'a Heard,
    /// Its bytes as they came.
    pub body: &'a [u8],
    /// It pays a bill that had been paid before. The bank may take such money back at once, so it is kept as a doubt.
    pub paid_before: bool,
}

/// What became of it, after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// `dlv_…`
    pub delivery_id: String,
    /// What the reply is chosen by.
    pub outcome: Outcome,
}

struct Waiting {
    prepared: Prepared,
    answer: oneshot::Sender<Result<Kept>>,
    _room: OwnedSemaphorePermit,
}

impl Keeper {
    /// Starts the keeper of this process; it ends when its last clone is dropped and everybody is answered.
    pub fn start(store: Store, vault: Vault, clock: Clock, wake: Wake) -> Keeper {
        let (queue, waiting) = mpsc::channel(MOST_WAITING);
        let tide = Arc::new(Tide::default());
        tokio::spawn(work(store, vault.clone(), wake, waiting, Arc::clone(&tide)));
        Keeper { vault, clock, queue, room: Arc::new(Semaphore::new(MOST_WAITING_BYTES)), tide }
    }

    /// Do deliveries come faster than they are written? Then whoever can wait lets them go first.
    pub fn is_flooded(&self) -> bool {
        self.tide.is_high(Instant::now())
    }

    /// Keeps a delivery and returns when it is durable. Dropping the future does not take it back.
    ///
    /// # Errors
    /// Unavailable when too many wait or the store cannot take it: nothing was kept, the bank must come again. A fault
    /// when this one delivery cannot be written.
    pub async fn keep(&self, delivery: Delivery<'_>) -> Result<Kept> {
        let size = u32::try_from(delivery.body.len().max(1)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(size).map_err(|_| full())?;
        let place = self.queue.try_reserve().map_err(|_| full())?;
        let prepared = prepare(&self.vault, &delivery, self.clock.now()).await?;
        let (answer, answered) = oneshot::channel();
        place.send(Waiting { prepared, answer, _room: room });
        answered.await.unwrap_or_else(|_| Err(full().into()))
    }
}

async fn work(store: Store, vault: Vault, wake: Wake, mut queue: mpsc::Receiver<Waiting>, tide: Arc<Tide>) {
    while let Some(first) = queue.recv().await {
        let mut bytes = first.prepared.body_sealed.len();
        let mut batch = vec![first];
        while batch.len() < MOST_IN_BATCH && bytes < MOST_BATCH_BYTES {
            let Ok(next) = queue.try_recv() else { break };
            bytes += next.prepared.body_sealed.len();
            batch.push(next);
        }
        metrics::histogram!("hocphi_keeper_batch").record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        tide.took(batch.len(), Instant::now());
        // In a task of its own, so that a batch that panics does not take the keeper with it.
        let (store, vault, wake) = (store.clone(), vault.clone(), wake.clone());
        if tokio::spawn(async move { keep_batch(&store, &vault, &wake, batch).await }).await.is_err() {
            tracing::error!("a batch of deliveries ended in a panic; its senders were told to come again");
        }
    }
}

/// Keeps what can be kept: a batch that fails is halved until only the guilty one gets the error.
async fn keep_batch(store: &Store, vault: &Vault, wake: &Wake, batch: Vec<Waiting>) {
    let mut parts = VecDeque::from([batch]);
    while let Some(mut part) = parts.pop_front() {
        let deliveries: Vec<&Prepared> = part.iter().map(|waiting| &waiting.prepared).collect();
        let kept = transact!(@begin store.begin_first(), |tx| keep_in(tx, vault, &deliveries).await);
        match kept {
            Ok(outcomes) => {
                if outcomes.iter().any(|outcome| matches!(outcome, Outcome::New | Outcome::PaidBefore)) {
                    wake.ring();
                }
                for (waiting, outcome) in part.into_iter().zip(outcomes) {
                    let kept = Kept { delivery_id: waiting.prepared.delivery_id, outcome };
                    // Whoever stopped waiting is told at the retry.
                    let _ = waiting.answer.send(Ok(kept));
                }
            }
            Err(error) if part.len() > 1 && !is_everybodys(&error) => {
                let rest = part.split_off(part.len() / 2);
                parts.push_front(rest);
                parts.push_front(part);
            }
            Err(error) => answer_all(part, error),
        }
    }
}

/// Contention and a store out of reach are no one delivery's fault. A full disk is judged one by one: a small one may
/// still fit.
fn is_everybodys(error: &Error) -> bool {
    match error {
        Error::Contended => true,
        Error::Refused(refusal) => refusal.code == "store-away",
        Error::Fault(_) => false,
    }
}

fn answer_all(part: Vec<Waiting>, error: Error) {
    let refusal = match &error {
        Error::Contended => Some(full()),
        Error::Refused(refusal) => Some((**refusal).clone()),
        Error::Fault(_) => None,
    };
    let mut fault = Some(error);
    for waiting in part {
        let answer = match &refusal {
            Some(refusal) => refusal.clone().into(),
            None => fault.take().unwrap_or_else(|| full().into()),
        };
        let _ = waiting.answer.send(Err(answer));
    }
}

fn full() -> Refusal {
    Refusal::new(
        Kind::Unavailable,
        "keeper-full",
        "Hệ thống đang nhận quá nhiều thông báo. Xin gửi lại sau ít giây; chưa có gì bị mất.",
        "Too many deliveries are waiting. Please send it again in a few seconds; nothing was lost.",
    )
}

/// Writes a batch and tells what each delivery was.
async fn keep_in(tx: &mut Tx, vault: &Vault, batch: &[&Prepared]) -> Result<Vec<Outcome>> {
    let mut known = recall_in(tx, vault, batch).await?;
    let (mut deliveries, mut credits, mut tellings, mut undecided) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut outcomes = Vec::with_capacity(batch.len());
    for delivery in batch {
        let Prepared { delivery_id, connection_id, heard_at, outcome, reason, body_sealed, .. } = delivery;
        deliveries.push(args![delivery_id, connection_id, *heard_at, *outcome, reason, body_sealed]);
        let mut became = if delivery.credits.is_empty() { delivery.without_credits() } else { Outcome::ToldBefore };
        for credit in &delivery.credits {
            let told = &credit.told;
            let credit_id = match known.meet(told) {
                Identity::Repeated => continue,
                Identity::Same(credit_id) => credit_id,
                Identity::New { doubt, maybe_same_as, bank_reference } => {
                    became = if delivery.paid_before { Outcome::PaidBefore } else { Outcome::New };
                    let doubt = if delivery.paid_before && doubt.is_empty() { "maybe_same_credit" } else { doubt };
                    let key = known.key_of(told);
                    credits.push(credit_row(delivery, credit, doubt, maybe_same_as, bank_reference, key));
                    undecided.push(args![&told.credit_id, AT_ONCE]);
                    told.credit_id.clone()
                }
            };
            let Prepared { connection_id, delivery_id, .. } = delivery;
            let fingerprint = &told.fingerprint;
            let (reference, at) = (&told.told_reference, told.value_at);
            tellings.push(args![connection_id, reference, fingerprint, credit_id, delivery_id, *heard_at, at]);
        }
        outcomes.push(became);
    }
    tx.insert_many(&sql::KEEP_DELIVERIES, deliveries).await?;
    tx.insert_many(&sql::KEEP_CREDITS, credits).await?;
    tx.insert_many(&sql::KEEP_DEBITS, batch.iter().flat_map(|delivery| debit_rows(delivery)).collect()).await?;
    tx.insert_many(&sql::KEEP_TELLINGS, tellings).await?;
    tx.insert_many(&sql::MARK_UNDECIDED, undecided).await?;
    Ok(outcomes)
}

fn debit_rows(delivery: &Prepared) -> impl Iterator<Item = Vec<Arg>> {
    delivery.debits.iter().map(|debit| {
        args![
            &debit.id,
            &delivery.school_id,
            &debit.account_id,
            &delivery.connection_id,
            &delivery.delivery_id,
            &debit.told_reference,
            &debit.fingerprint,
            debit.kind,
            debit.amount,
            debit.value_at.day(),
            debit.value_at,
            debit.memo_sealed.clone(),
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
    let ids: Vec<Arg> = known.credit_ids().iter().map(Arg::from).collect();
    let tellers: Vec<(String, String, Option<i64>)> = tx.all_in(&sql::TELLINGS_OF_CREDITS, ids).await?;
    for (credit, connection, at) in tellers {
        known.add_teller(&credit, &connection, at.map(Moment));
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_over_soon_after_its_last_full_batch() {
        let (tide, began) = (Tide::default(), Instant::now());
        tide.took(FLOOD - 1, began);
        assert!(!tide.is_high(began));
        tide.took(FLOOD, began);
        tide.took(1, began + EBB / 3);
        assert!(tide.is_high(began + EBB / 2));
        assert!(!tide.is_high(began + EBB));
    }
}
