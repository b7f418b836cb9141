//! Group commit: one transaction and one sync of the disk serve everybody who waits, and nobody waits longer for it.
//!
//! **Invariant:** what is kept is proven at that moment: the transaction that keeps a delivery finds every secret that
//! its connection had when it was looked up still proving.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::AT_ONCE;
use super::connection::Connection;
use super::prepare::{Prepared, Said, owner, prepare, read};
use super::sorter::{Became, sort_in};
use super::sql;
use crate::fault::{Error, Kind, Refusal, Result};
use crate::ids;
use crate::providers::{Heard, Outcome, Provider};
use crate::seal::Vault;
use crate::store::{Arg, Halves, Store, Wake, args, transact};
use crate::time::{Clock, Moment};

/// How many deliveries may wait; more are asked to come again.
const MOST_WAITING: usize = 4_096;
/// How many bytes of bodies may wait.
pub const MOST_WAITING_BYTES: usize = 64 << 20;
/// How many deliveries one transaction takes.
const MOST_IN_BATCH: usize = 500;
/// How many bytes one transaction takes, of bodies and of what was read from them.
const MOST_BATCH_BYTES: usize = 4 << 20;

/// How long all may wait while it is looked up whose secret was taken back.
const GLANCE: Duration = Duration::from_secs(1);

/// So many deliveries in one transaction are a flood: they came while the one before was written.
const FLOOD: usize = 24;
/// How long a flood is remembered: its senders need a moment to read their answers and go on.
const EBB: Duration = Duration::from_millis(50);
/// How long it counts that banks are telling, after the last of them.
const TOLD: Duration = Duration::from_millis(200);

/// The one who writes the inbox. Cloning shares it.
#[derive(Clone)]
pub struct Keeper {
    vault: Vault,
    clock: Clock,
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    tide: Arc<Tide>,
}

/// When deliveries last came, and when they last came faster than they were written.
#[derive(Default)]
struct Tide(Mutex<(Option<Instant>, Option<Instant>)>);

impl Tide {
    fn took(&self, deliveries: usize, now: Instant) {
        let (came, flooded) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *came = Some(now);
        if deliveries >= FLOOD {
            *flooded = Some(now);
        }
    }

    fn is_told(&self, now: Instant) -> bool {
        let (came, _) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        came.is_some_and(|came| now.duration_since(came) < TOLD)
    }

    fn is_high(&self, now: Instant) -> bool {
        let (_, flooded) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    /// Does the reply say whether it had been told before? Then it is sorted at once, while the bank waits.
    pub asks_what_became: bool,
}

/// What became of it, after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// `dlv_…`
    pub delivery_id: String,
    /// What the reply is chosen by. Credits are new where nobody asked whether they had been told before.
    pub outcome: Outcome,
}

/// A delivery ready to be written.
struct Incoming {
    delivery_id: String,
    connection_id: String,
    secret_ids: Arc<[String]>,
    heard_at: Moment,
    said: Said,
    body_sealed: Vec<u8>,
    lines: Lines,
    has_credits: bool,
}

/// What is to be done with the credits and debits of it.
enum Lines {
    /// There are none.
    None,
    /// They are sorted at the program's own pace, and sealed until then.
    Later(Vec<u8>),
    /// They are sorted before the bank is answered.
    AtOnce(Box<Prepared>),
}

impl Incoming {
    async fn of(vault: &Vault, delivery: &Delivery<'_>, now: Moment) -> Result<Incoming> {
        let key = vault.key_of(&owner(&delivery.connection.school_id)).await?;
        let delivery_id = ids::new_id("dlv");
        let body_sealed = key.seal(delivery.body, &format!("body:{delivery_id}"))?;
        let (read, said) = read(delivery, &delivery_id, now);
        let has_credits = !read.credits.is_empty();
        let lines = match read.is_empty() {
            true => Lines::None,
            false if delivery.asks_what_became => Lines::AtOnce(Box::new(Box::pin(prepare(vault, read)).await?)),
            false => Lines::Later(read.seal(&key)?),
        };
        let Connection { id, secret_ids, .. } = delivery.connection;
        let (connection_id, secret_ids) = (id.clone(), Arc::clone(secret_ids));
        Ok(Incoming { delivery_id, connection_id, secret_ids, heard_at: now, said, body_sealed, lines, has_credits })
    }

    /// How many bytes of it are written.
    fn weight(&self) -> usize {
        let read = if let Lines::Later(sealed) = &self.lines { sealed.len() } else { 0 };
        self.body_sealed.len() + read
    }

    /// What the reply is chosen by. What was sorted at once takes the next of what became of those.
    fn outcome(&self, sorted: &mut impl Iterator<Item = Became>) -> Outcome {
        let became = matches!(self.lines, Lines::AtOnce(_)).then(|| sorted.next()).flatten();
        match became {
            _ if self.said.outcome == "test" => Outcome::Test,
            _ if !self.has_credits => Outcome::Nothing,
            Some(Became::ToldBefore) => Outcome::ToldBefore,
            Some(Became::PaidBefore) => Outcome::PaidBefore,
            Some(Became::New) | None => Outcome::New,
        }
    }
}

struct Waiting {
    incoming: Incoming,
    answer: oneshot::Sender<Result<Option<Kept>>>,
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

    /// Are banks telling? Then whoever works through something long leaves them time in between.
    pub fn is_told(&self) -> bool {
        self.tide.is_told(Instant::now())
    }

    /// Keeps a delivery and returns when it is durable. Dropping the future does not take it back. None: nothing was
    /// kept and it is to be proven anew, because a secret of the connection was retired, or the connection ended, since
    /// it was looked up; seldom, because that befell another beside it.
    ///
    /// # Errors
    /// Unavailable when too many wait or the store cannot take it: nothing was kept, the bank must come again. A fault
    /// when this one delivery cannot be written.
    pub async fn keep(&self, delivery: Delivery<'_>) -> Result<Option<Kept>> {
        let size = u32::try_from(delivery.body.len().max(1)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(size).map_err(|_| full())?;
        let place = self.queue.try_reserve().map_err(|_| full())?;
        let incoming = Incoming::of(&self.vault, &delivery, self.clock.now()).await?;
        let (answer, answered) = oneshot::channel();
        place.send(Waiting { incoming, answer, _room: room });
        answered.await.unwrap_or_else(|_| Err(full().into()))
    }
}

async fn work(store: Store, vault: Vault, wake: Wake, mut queue: mpsc::Receiver<Waiting>, tide: Arc<Tide>) {
    while let Some(first) = queue.recv().await {
        let mut bytes = first.incoming.weight();
        let mut batch = vec![first];
        while batch.len() < MOST_IN_BATCH && bytes < MOST_BATCH_BYTES {
            let Ok(next) = queue.try_recv() else { break };
            bytes += next.incoming.weight();
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
    let mut halves = Halves::of(batch);
    while let Some(part) = halves.next() {
        let incoming: Vec<&Incoming> = part.iter().map(|waiting| &waiting.incoming).collect();
        match keep(store, vault, &incoming).await {
            Ok(Some(outcomes)) => {
                if incoming.iter().any(|incoming| !matches!(incoming.lines, Lines::None)) {
                    wake.ring();
                }
                for (waiting, outcome) in part.into_iter().zip(outcomes) {
                    let kept = Kept { delivery_id: waiting.incoming.delivery_id, outcome };
                    // Whoever stopped waiting is told at the retry.
                    let _ = waiting.answer.send(Ok(Some(kept)));
                }
            }
            Ok(None) => halves.give_back(still_proven(store, part).await),
            Err(error) if is_everybodys(&error) => answer_all(part, error),
            Err(error) => {
                if let Some(guilty) = halves.halve(part) {
                    answer_all(vec![guilty], error);
                }
            }
        }
    }
}

/// Sends away whoever was proven by what proves no longer, and gives the others back. Where that cannot be told apart
/// soon, all of them are sent away: nothing of theirs was kept, and they are proven anew.
async fn still_proven(store: &Store, part: Vec<Waiting>) -> Vec<Waiting> {
    let secret_ids = secret_ids(part.iter().map(|waiting| &waiting.incoming));
    let asked = store.glance_in::<String>(&sql::PROVING, secret_ids.into_iter().map(Arg::from).collect());
    let proving: HashSet<String> = match timeout(GLANCE, asked).await {
        Ok(Ok(proving)) => proving.into_iter().collect(),
        Ok(Err(_)) | Err(_) => HashSet::new(),
    };
    let (mut proven, mut disproven): (Vec<_>, Vec<_>) =
        part.into_iter().partition(|waiting| waiting.incoming.secret_ids.iter().all(|id| proving.contains(id)));
    if disproven.is_empty() {
        // Another server answered than the one that kept nothing.
        disproven = std::mem::take(&mut proven);
    }
    for waiting in disproven {
        let _ = waiting.answer.send(Ok(None));
    }
    proven
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

/// Writes a batch and tells what each delivery was. None: a secret of one of them proves no longer.
async fn keep(store: &Store, vault: &Vault, batch: &[&Incoming]) -> Result<Option<Vec<Outcome>>> {
    let secret_ids = secret_ids(batch.iter().copied());
    let still = (&sql::PROVING, secret_ids.as_slice());
    let (deliveries, unsorted) = rows(batch);
    let at_once = batch.iter().filter_map(|incoming| match &incoming.lines {
        Lines::AtOnce(prepared) => Some(&**prepared),
        Lines::None | Lines::Later(_) => None,
    });
    let at_once: Vec<&Prepared> = at_once.collect();
    let became = if at_once.is_empty() {
        let parts = vec![(&sql::KEEP_DELIVERIES, deliveries), (&sql::MARK_UNSORTED, unsorted)];
        store.insert_first(still, parts).await?.then(Vec::new)
    } else {
        transact!(@begin store.begin_first(), |tx| async {
            if !tx.finds_all(still).await? {
                return Ok(None);
            }
            tx.insert_many(&sql::KEEP_DELIVERIES, deliveries.clone()).await?;
            tx.insert_many(&sql::MARK_UNSORTED, unsorted.clone()).await?;
            sort_in(tx, vault, &at_once).await.map(Some)
        }
        .await)?
    };
    Ok(became.map(|became| {
        let mut became = became.into_iter();
        batch.iter().map(|incoming| incoming.outcome(&mut became)).collect()
    }))
}

/// The secrets by which a batch was proven, each once.
fn secret_ids<'a>(batch: impl Iterator<Item = &'a Incoming>) -> Vec<&'a str> {
    let ids: BTreeSet<&str> = batch.flat_map(|incoming| incoming.secret_ids.iter()).map(String::as_str).collect();
    ids.into_iter().collect()
}

/// The rows of a batch: what was told, and what of it is still to be sorted.
fn rows(batch: &[&Incoming]) -> (Vec<Vec<Arg>>, Vec<Vec<Arg>>) {
    let (mut deliveries, mut unsorted) = (Vec::with_capacity(batch.len()), Vec::new());
    for incoming in batch {
        let Incoming { delivery_id, connection_id, heard_at, said, body_sealed, lines, .. } = incoming;
        deliveries.push(args![delivery_id, connection_id, *heard_at, said.outcome, &said.reason, body_sealed]);
        if let Lines::Later(read_sealed) = lines {
            unsorted.push(args![delivery_id, AT_ONCE, read_sealed]);
        }
    }
    (deliveries, unsorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_over_soon_after_its_last_full_batch() {
        let (tide, began) = (Tide::default(), Instant::now());
        assert!(!tide.is_told(began));
        tide.took(FLOOD - 1, began);
        assert!(!tide.is_high(began) && tide.is_told(began) && !tide.is_told(began + TOLD));
        tide.took(FLOOD, began);
        tide.took(1, began + EBB / 3);
        assert!(tide.is_high(began + EBB / 2));
        assert!(!tide.is_high(began + EBB));
    }
}
