//! The program's own pace: what was kept is decided, posted, numbered, told and published, at once and in batches.
//!
//! [`run`] works for ever beside the server; [`settle`] does everything there is to do and returns.
//!
//! **Invariants:** every step is safe to run twice and in several processes; a process works only under a lease whose
//! token is checked in each of its transactions; a fault slows the pace and stops nothing; nothing is polled while the
//! bell rings, and other processes' work is seen within a second.
//!
//! Deliberately absent: rules. Each room's batch says what is to be done, this file only when.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::fault::{Error, Result};
use crate::inbox::{self, Callers, Keeper};
use crate::providers::Providers;
use crate::roll::first_day::FirstDay;
use crate::seal::Vault;
use crate::store::{Ear, Fence, HOLD_MS, Lot, Store, Wake};
use crate::time::Clock;
use crate::{access, feed, fees, ids, matching, orders, outbox};

/// How long an idle loop waits before it looks for other processes' work.
const POLL: Duration = Duration::from_millis(500);
/// How long a loop lets work gather after the bell: a batch costs little more than one, and a bank that tells of one
/// transfer after the other does not find the store busy with the one before.
const GATHER: Duration = Duration::from_millis(50);
/// How long after another loop's, which let it gather.
const FOLLOW: Duration = Duration::from_millis(10);
/// A round that found fewer than this lets more gather before the next.
const FEW: usize = 32;

/// How a loop goes on after a round that did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// After a round of few, once more have gathered.
    Gathers,
    /// The same, of what another loop let gather.
    Follows,
    /// As one that gathers, and it leaves time to banks while they tell.
    Behind,
    /// In chunks of what is known: nothing gathers, and time is left to banks.
    Chunks,
}

impl Manner {
    /// How long a loop pauses after a round that did so much in so long.
    fn pause(self, done: usize, took: Duration, banks_tell: bool) -> Duration {
        let is_in_no_hurry = matches!(self, Manner::Behind | Manner::Chunks);
        let rest = if is_in_no_hurry && banks_tell { took.min(LONGEST_REST) } else { Duration::ZERO };
        let gather = if self != Manner::Chunks && done < FEW { self.gather() } else { Duration::ZERO };
        rest + gather
    }

    /// How long it lets work gather.
    fn gather(self) -> Duration {
        if self == Manner::Follows { FOLLOW } else { GATHER }
    }
}

/// How long a round lets banks go first that tell faster than is written: what is kept waits safely, and a bank that is
/// not answered comes again with everything. So a burst is answered at its speed and posted behind it, a round each
/// time.
const GIVES_WAY: Duration = Duration::from_millis(250);
/// Whoever works through much rests as long as he worked while banks tell, but no longer than this: what he waited for
/// others counts as work.
const LONGEST_REST: Duration = Duration::from_millis(20);
/// How often it looks whether they are through.
const LOOKS: Duration = Duration::from_millis(5);
/// When a lease is renewed.
const RENEW: Duration = Duration::from_millis(1_300);
/// How often what nobody needs any more is swept out.
const SWEEP_MS: i64 = 60 * 60 * 1000;
/// How often counts of what was not believed are written.
const REFUSALS: Duration = Duration::from_secs(10);
/// The longest pause after faults.
const SLOWEST: Duration = Duration::from_secs(30);
/// News that a slow listener may be behind; a page that missed some reads itself again.
const NEWS: usize = 1_024;

/// The open house: everything a page, a command or a loop needs.
pub struct House {
    /// The database.
    pub store: Store,
    /// What opens sealed values and derives page tokens.
    pub vault: Vault,
    /// The time.
    pub clock: Clock,
    /// Who may tell us of money.
    pub providers: Providers,
    /// What the operator decided.
    pub config: Config,
    /// The bell between those who write work and the loops.
    pub wake: Wake,
    /// Ids of invoices whose money changed, for pages that are open.
    pub news: broadcast::Sender<String>,
    /// Who finds the connection that a bank calls on.
    pub callers: Callers,
    /// Who writes what banks tell.
    pub keeper: Keeper,
    /// Deliveries that were not believed, counted until they are written.
    pub refusals: inbox::Refusals,
    /// What somebody asked for and is not finished.
    pub begun: TaskTracker,
    /// Who carries webhooks.
    pub client: outbox::Client,
    /// Who asks providers for orders.
    pub orders: orders::Client,
    /// The link of the first day, while there is one.
    pub first_day: FirstDay,
    holder: String,
    swept_at: AtomicI64,
}

impl House {
    /// Opens the house over a migrated store, inside a runtime. Only the keeper runs yet: see [`run`] and [`settle`].
    ///
    /// # Errors
    /// When the machine's certificates cannot be read; an address for orders that is not safe.
    pub fn open(store: Store, vault: Vault, clock: Clock, providers: Providers, config: Config) -> Result<House> {
        let client = outbox::Client::new(config.private_webhooks)?;
        let orders = orders::Client::new(config.payos_url.as_deref())?;
        let (news, _) = broadcast::channel(NEWS);
        let (wake, holder) = (Wake::new(), ids::new_id("prc"));
        let callers = Callers::start(store.clone(), vault.clone());
        let keeper = Keeper::start(store.clone(), vault.clone(), clock.clone(), wake.clone());
        Ok(House {
            store,
            vault,
            clock,
            providers,
            config,
            wake,
            news,
            callers,
            keeper,
            begun: TaskTracker::new(),
            refusals: inbox::Refusals::default(),
            client,
            orders,
            first_day: FirstDay::default(),
            holder,
            swept_at: AtomicI64::new(0),
        })
    }

    /// The base of links that leave the program.
    pub fn public_url(&self) -> &str {
        self.config.public_url.as_deref().unwrap_or("http://127.0.0.1:8080")
    }

    /// Tells the loops that there is work, and open pages which invoices changed.
    pub fn changed(&self, invoices: &[String]) {
        self.wake.ring();
        self.tell(invoices);
    }

    fn tell(&self, invoices: &[String]) {
        for invoice in invoices {
            // Nobody listening is no error.
            let _ = self.news.send(invoice.clone());
        }
    }
}

/// Does everything there is to do until nothing is left: runs, sorting, credits, feed, orders, promises, and the
/// sweeping.
///
/// # Errors
/// The first fault; what was done before it stands.
pub async fn settle(house: &House) -> Result<()> {
    sweep(house, None).await?;
    house.refusals.write(&house.store).await?;
    loop {
        let issued = runs(house, None).await?;
        let sorted = sorting(house, None).await?;
        let decided = credits(house, None).await?;
        let sequenced = places(house, None).await?;
        let ordered = ordered(house, None).await?;
        let tried = promises(house, None).await?;
        if issued + sorted + decided + sequenced + ordered + tried == 0 {
            return Ok(());
        }
    }
}

/// Keeps the pace for ever. Dropping the future stops it; a transaction under way leaves nothing behind. Who sorts also
/// decides, under one lease, because the bell that says so is heard in one process; so where one of the two hangs on a
/// connection that says nothing, the other keeps the lease until the connection is given up.
pub async fn run(house: Arc<House>) {
    tokio::join!(
        pace(&house, "runs", Manner::Chunks, |house, fence| Box::pin(runs(house, fence))),
        pace(&house, "credits", Manner::Gathers, |house, fence| Box::pin(sorting(house, fence))),
        pace(&house, "credits", Manner::Follows, |house, fence| Box::pin(credits(house, fence))),
        pace(&house, "feed", Manner::Behind, |house, fence| Box::pin(places(house, fence))),
        pace(&house, "orders", Manner::Gathers, |house, fence| Box::pin(ordered(house, fence))),
        pace(&house, "promises", Manner::Gathers, |house, fence| Box::pin(promises(house, fence))),
        pace(&house, "sweep", Manner::Chunks, |house, fence| Box::pin(sweep(house, fence))),
        news(&house),
        refusals(&house),
    );
}

/// One chunk of the run that waits longest. Each chunk is guarded by the run's own work row.
async fn runs(house: &House, _fence: Option<&Fence>) -> Result<usize> {
    let advanced = fees::advance_runs(&house.store, &house.vault, &house.clock).await?;
    Ok(rung(house, advanced))
}

/// One batch of deliveries sorted, beside the deciding of those before.
async fn sorting(house: &House, fence: Option<&Fence>) -> Result<usize> {
    let sorted = inbox::sort(&house.store, &house.vault, &house.clock, fence, lot(house, fence)).await?;
    count("hocphi_deliveries_sorted_total", sorted);
    Ok(rung(house, sorted))
}

/// One batch of credits decided. The promises and the feed's waiting rows are written with the money.
async fn credits(house: &House, fence: Option<&Fence>) -> Result<usize> {
    let drained = matching::drain_fenced(&house.store, &house.vault, &house.clock, fence, lot(house, fence)).await?;
    house.tell(&drained.invoices);
    count("hocphi_credits_decided_total", drained.decided);
    count("hocphi_credits_postponed_total", drained.postponed);
    Ok(rung(house, drained.decided))
}

/// One batch of places in the feed.
async fn places(house: &House, fence: Option<&Fence>) -> Result<usize> {
    let sequenced = feed::sequence_fenced(&house.store, &house.clock, fence, lot(house, fence)).await?;
    count("hocphi_feed_leaves_total", sequenced);
    Ok(sequenced)
}

/// Beside banks that tell, a round takes less. One that is asked for is done alike at whatever hour.
fn lot(house: &House, fence: Option<&Fence>) -> Lot {
    if fence.is_some() && house.keeper.is_told() { Lot::Short } else { Lot::Full }
}

/// Rings for the loops whose work this round left behind.
fn rung(house: &House, done: usize) -> usize {
    if done > 0 {
        house.wake.ring();
    }
    done
}

/// One round of orders: what wants one is stored under the lease, and each is asked for by whoever claims it.
async fn ordered(house: &House, fence: Option<&Fence>) -> Result<usize> {
    let maker = orders::Maker {
        store: &house.store,
        vault: &house.vault,
        clock: &house.clock,
        providers: &house.providers,
        client: &house.orders,
        back: house.public_url(),
    };
    let round = orders::make(&maker, fence).await?;
    house.tell(&round.invoices);
    count("hocphi_orders_made_total", round.invoices.len());
    Ok(round.done)
}

/// One round of promises. A try is claimed row by row, so it needs no lease to be made once.
async fn promises(house: &House, _fence: Option<&Fence>) -> Result<usize> {
    let tried = outbox::deliver(&house.store, &house.vault, &house.clock, &house.client).await?;
    count("hocphi_promises_tried_total", tried);
    Ok(tried)
}

/// Once an hour by the clock: sessions and form keys whose time is over. It leaves no work behind.
async fn sweep(house: &House, _fence: Option<&Fence>) -> Result<usize> {
    let now = house.clock.now();
    // One that lies ahead was made by a clock that has gone back.
    if (0..SWEEP_MS).contains(&(now.0 - house.swept_at.load(Ordering::Relaxed))) {
        return Ok(0);
    }
    let swept = access::sweep(&house.store, now).await?;
    house.swept_at.store(now.0, Ordering::Relaxed);
    tracing::debug!(swept, "sessions and form keys swept out");
    Ok(0)
}

fn count(name: &'static str, by: usize) {
    metrics::counter!(name).increment(u64::try_from(by).unwrap_or(u64::MAX));
}

type Round<'a> = Pin<Box<dyn Future<Output = Result<usize>> + Send + 'a>>;

/// One loop: takes the lease, does rounds while there is work, then listens for the bell.
async fn pace(
    house: &House,
    name: &'static str,
    manner: Manner,
    round: for<'a> fn(&'a House, Option<&'a Fence>) -> Round<'a>,
) {
    let mut ear = house.wake.ear();
    let mut term: Option<(Fence, Instant)> = None;
    let mut faults = 0_u32;
    loop {
        give_way(house).await;
        let held = hold(house, name, &mut term).await;
        let begun = Instant::now();
        let done = match held {
            Ok(Some(fence)) => round(house, Some(&fence)).await,
            Ok(None) => Ok(0),
            Err(error) => Err(error),
        };
        match done {
            Ok(0) => {
                faults = 0;
                let gather = if term.is_some() { manner.gather() } else { GATHER };
                wait(&mut ear, gather).await;
            }
            Ok(done) => {
                faults = 0;
                sleep(manner.pause(done, begun.elapsed(), house.keeper.is_told())).await;
            }
            Err(Error::Contended) => {}
            Err(Error::Refused(refusal)) if refusal.code == "lease-lost" => term = None,
            Err(error) => {
                faults = faults.saturating_add(1);
                tracing::error!(work = name, faults, %error, "a round failed and is done again");
                sleep(pause(faults)).await;
            }
        }
    }
}

async fn give_way(house: &House) {
    let until = Instant::now() + GIVES_WAY;
    while house.keeper.is_flooded() && Instant::now() < until {
        sleep(LOOKS).await;
    }
}

/// This process's term, taken or renewed when it is time; nothing while another process holds the lease.
async fn hold(house: &House, name: &str, term: &mut Option<(Fence, Instant)>) -> Result<Option<Fence>> {
    if let Some((fence, taken)) = term
        && taken.elapsed() < RENEW
    {
        return Ok(Some(fence.clone()));
    }
    let taken = Fence::take(&house.store, name, &house.holder, HOLD_MS).await?;
    *term = taken.clone().map(|fence| (fence, Instant::now()));
    Ok(taken)
}

async fn wait(ear: &mut Ear, gather: Duration) {
    // Running out of patience is how other processes' work is found.
    if timeout(POLL, ear.rung()).await.is_ok() {
        sleep(gather).await;
    }
}

fn pause(faults: u32) -> Duration {
    let doubled = Duration::from_millis(100).saturating_mul(1 << faults.min(12));
    doubled.min(SLOWEST)
}

/// Writes what this process did not believe, now and then.
async fn refusals(house: &House) {
    loop {
        sleep(REFUSALS).await;
        if let Err(error) = house.refusals.write(&house.store).await {
            tracing::warn!(%error, "what was not believed is counted on and written later");
        }
    }
}

/// Tells open pages what other processes changed; polls only while somebody listens.
async fn news(house: &House) {
    let mut seen = None;
    let mut ear = house.wake.ear();
    loop {
        wait(&mut ear, GATHER).await;
        if house.news.receiver_count() == 0 {
            seen = None;
            continue;
        }
        match changes(house, seen).await {
            Ok(place) => seen = Some(place),
            Err(error) => {
                tracing::warn!(%error, "the news cannot be read and are read again");
                sleep(POLL).await;
            }
        }
    }
}

async fn changes(house: &House, seen: Option<i64>) -> Result<i64> {
    let Some(seen) = seen else { return feed::head(&house.store).await };
    let (place, invoices) = feed::invoices_after(&house.store, seen).await?;
    house.tell(&invoices);
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_works_through_much_rests_a_little_while_banks_tell() {
        let (short, long) = (LONGEST_REST / 2, LONGEST_REST * 2);
        assert_eq!(Manner::Chunks.pause(1, short, true), short);
        assert_eq!(Manner::Chunks.pause(1, long, true), LONGEST_REST);
        assert_eq!(Manner::Chunks.pause(1, long, false), Duration::ZERO);
        assert_eq!(Manner::Behind.pause(FEW, Duration::from_hours(1), true), LONGEST_REST);
        assert_eq!(Manner::Behind.pause(FEW - 1, short, true), short + GATHER);
        assert_eq!(Manner::Gathers.pause(FEW, Duration::from_hours(1), true), Duration::ZERO);
        assert_eq!(Manner::Gathers.pause(FEW - 1, long, true), GATHER);
        assert_eq!(Manner::Follows.pause(FEW, Duration::from_hours(1), true), Duration::ZERO);
        assert_eq!(Manner::Follows.pause(FEW - 1, long, true), FOLLOW);
    }

    #[test]
    fn pauses_grow_to_half_a_minute() {
        assert_eq!(pause(1), Duration::from_millis(200));
        assert!(pause(3) < pause(4));
        assert_eq!(pause(u32::MAX), SLOWEST);
    }
}
