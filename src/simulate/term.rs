//! A school's term in which everything fails: every write may meet a store that goes away before it or after it, clocks
//! jump, programs end, and banks and people do what they do in [`super::tellings`].
//!
//! Each term is played twice. In the calm world every seam holds and time stands still; in the troubled one whoever was
//! not answered asks again, as banks and people do. Both end in the same books, or the story is told in words.
//!
//! **Invariants:** the same seed and index play the same term and meet the same trouble; nobody does a thing twice who
//! was answered, and everybody does it again who was not.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use super::chance::Chance;
use super::converge::{NOW, Outcome, World, school};
use super::sql;
use super::tellings::{Case, Step};
use crate::fault::{Error, Kind, OrFault, Result};
use crate::matching::{self, Act};
use crate::seal::Vault;
use crate::store::{Meets, Seam, Store, args};
use crate::{feed, fees};

/// Who acts.
const ACTOR: &str = "per_simulated";
/// Whoever asks so often without an answer is stuck.
const PATIENCE: usize = 500;
/// One commit in so many fails before it takes effect, and as many after.
const FAILS: usize = 6;
/// One commit in so many meets another writer.
const CONTENDS: usize = 80;
/// One question in so many finds no store.
const AWAY: usize = 60;
/// A second, an hour, a night over midnight, a year: each forward or backward.
const JUMPS_MS: [i64; 4] = [1_000, 3_600_000, 13 * 3_600_000, 366 * 86_400_000];

/// What happens next in a term.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Move {
    /// Something of the account's days.
    Day(Step),
    /// The accountant gives the first credit that waits to an invoice.
    Assign(usize),
    /// The accountant takes an invoice back.
    Void(usize),
    /// The accountant brings it back again.
    Reinstate(usize),
    /// The machine's clock jumps by so many milliseconds.
    Jump(i64),
}

/// A term, drawn from a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    case: Case,
    moves: Vec<Move>,
}

impl Term {
    /// The term of this seed and index.
    pub fn drawn(seed: u64, index: u64) -> Term {
        let case = Case::drawn(seed, index);
        let mut chance = Chance::new(seed.rotate_left(17) ^ index.wrapping_mul(0xA24B_AED4_963E_E407));
        let mut moves = Vec::new();
        for step in &case.steps {
            moves.push(Move::Day(step.clone()));
            if chance.below(4) == 0 {
                moves.push(drawn_move(&mut chance, case.asked.len()));
            }
        }
        moves.push(Move::Day(Step::Settle));
        Term { case, moves }
    }
}

fn drawn_move(chance: &mut Chance, asked: usize) -> Move {
    match chance.below(6) {
        0 | 1 => Move::Assign(chance.below(asked)),
        2 => Move::Void(chance.below(asked)),
        3 => Move::Reinstate(chance.below(asked)),
        _ => {
            let by = *chance.pick(&JUMPS_MS);
            Move::Jump(if chance.below(2) == 0 { by } else { -by })
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut days = self.case.clone();
        days.steps.clear();
        write!(f, "{days}")?;
        for each in &self.moves {
            match each {
                Move::Day(step) => {
                    days.steps = vec![step.clone()];
                    let said = days.to_string();
                    writeln!(f, "{}", said.lines().last().unwrap_or_default())?;
                }
                Move::Assign(to) => writeln!(f, "  the accountant gives what waits first to invoice {to}")?,
                Move::Void(of) => writeln!(f, "  the accountant takes invoice {of} back")?,
                Move::Reinstate(of) => writeln!(f, "  the accountant brings invoice {of} back again")?,
                Move::Jump(by) => writeln!(f, "  the clock jumps by {by} ms")?,
            }
        }
        Ok(())
    }
}

/// What goes wrong at the seam of the troubled world, drawn from a seed and written down.
pub struct Trouble {
    rests: AtomicBool,
    met: Mutex<Met>,
}

struct Met {
    chance: Chance,
    commits: usize,
    story: String,
}

impl Trouble {
    /// No trouble yet.
    pub fn new() -> Arc<Trouble> {
        let met = Met { chance: Chance::new(0), commits: 0, story: String::new() };
        Arc::new(Trouble { rests: AtomicBool::new(true), met: Mutex::new(met) })
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, seed: u64) {
        *self.met() = Met { chance: Chance::new(seed), commits: 0, story: String::new() };
        self.rests.store(false, Ordering::SeqCst);
    }

    /// Ends it and tells what was met.
    fn end(&self) -> String {
        self.rests.store(true, Ordering::SeqCst);
        std::mem::take(&mut self.met().story)
    }
}

impl Seam for Trouble {
    fn is_away(&self) -> bool {
        !self.rests.load(Ordering::SeqCst) && self.met().chance.below(AWAY) == 0
    }

    fn commit(&self) -> Meets {
        if self.rests.load(Ordering::SeqCst) {
            return Meets::Nothing;
        }
        let mut met = self.met();
        met.commits += 1;
        let meets = match (met.chance.below(FAILS), met.chance.below(CONTENDS)) {
            (0, _) => Meets::FailureBefore,
            (1, _) => Meets::FailureAfter,
            (_, 0) => Meets::Contention,
            _ => return Meets::Nothing,
        };
        let commits = met.commits;
        // Writing to a String cannot fail.
        let _ = writeln!(met.story, "  commit {commits} met {meets:?}");
        meets
    }
}

/// The calm world and the troubled one.
pub struct Worlds {
    calm: World,
    troubled: World,
    trouble: Arc<Trouble>,
}

impl Worlds {
    /// Two worlds over migrated, empty stores.
    ///
    /// # Errors
    /// Faults of the stores; a provider of the program is not understood.
    pub fn open(calm: (Store, Vault), troubled: (Store, Vault)) -> Result<Worlds> {
        let trouble = Trouble::new();
        let seam: Arc<dyn Seam> = Arc::<Trouble>::clone(&trouble);
        let calm = World::open(calm.0, calm.1)?;
        let troubled = World::open(troubled.0.with_seam(seam), troubled.1)?;
        Ok(Worlds { calm, troubled, trouble })
    }

    /// Prepares what all terms share.
    ///
    /// # Errors
    /// Faults of the stores.
    pub async fn found(&self) -> Result<()> {
        self.calm.found().await?;
        self.troubled.found().await
    }

    /// Plays terms of a seed, one after the other.
    ///
    /// # Errors
    /// Faults of the calm store.
    pub async fn play(&mut self, seed: u64, from: u64, cases: u64) -> Result<Outcome> {
        let mut hash = Sha256::new();
        let mut outcome = Outcome { cases, ..Outcome::default() };
        for index in from..from + cases {
            let term = Term::drawn(seed, index);
            let calm = live(&mut self.calm, &term, None).await.or_fault(&format!("play in calm\n{term}"))?;
            let lived = live(&mut self.troubled, &term, Some((&self.trouble, seed ^ (index << 20)))).await;
            let met = self.trouble.end();
            let troubled = lived.unwrap_or_else(|error| error.to_string());
            hash.update(calm.as_bytes());
            hash.update(troubled.as_bytes());
            if calm != troubled {
                outcome.failures.push(format!("{term}--- met\n{met}--- calm\n{calm}\n--- troubled\n{troubled}\n"));
            }
        }
        for world in [&self.calm, &self.troubled] {
            outcome.failures.extend(world.broken().await?);
            outcome.failures.extend(unsound(&world.store).await?);
        }
        outcome.hash = hex::encode(hash.finalize());
        Ok(outcome)
    }
}

/// What does not hold in the end beside the books' own questions.
async fn unsound(store: &Store) -> Result<Vec<String>> {
    let (came, posted): (i64, i64) = store.one(&sql::CAME_AND_POSTED, args![]).await?;
    let (first, last, leaves, entries): (i64, i64, i64, i64) = store.one(&sql::FEED_AND_ENTRIES, args![]).await?;
    let mut unsound = Vec::new();
    if came != posted {
        unsound.push(format!("{came} đồng came and {posted} were posted"));
    }
    if (first, last) != (1, leaves) || leaves != entries {
        unsound.push(format!("the feed has {leaves} places from {first} to {last} for {entries} entries"));
    }
    Ok(unsound)
}

async fn live(world: &mut World, term: &Term, trouble: Option<(&Trouble, u64)>) -> Result<String> {
    let school = school(&term.case);
    world.set_up(&term.case, &school).await?;
    if let Some((trouble, seed)) = trouble {
        trouble.begin(seed);
    }
    for each in &term.moves {
        match each {
            Move::Jump(by) if trouble.is_some() => world.clock.advance_ms(*by),
            Move::Jump(_) => {}
            Move::Assign(to) => assign(world, &school, *to).await?,
            each => {
                until_answered(async || make(world, term, &school, each).await).await.or_fault(&format!("{each:?}"))?;
            }
        }
    }
    if let Some((trouble, _)) = trouble {
        trouble.rests.store(true, Ordering::SeqCst);
    }
    let mut state = world.state(&term.case, &school).await?;
    let counts: (i64, i64) = world.store.one(&sql::WRITTEN, args![&school]).await?;
    // Writing to a String cannot fail.
    let _ = write!(state, "\n{} entries, {} promises", counts.0, counts.1);
    Ok(state)
}

/// Whoever is told to come again does.
async fn until_answered<T>(mut ask: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut tries = 0;
    loop {
        let answer = ask().await;
        tries += 1;
        let comes_again = match &answer {
            Err(Error::Contended) => true,
            Err(Error::Refused(refusal)) => refusal.kind == Kind::Unavailable,
            Err(Error::Fault(_)) | Ok(_) => false,
        };
        if !comes_again || tries >= PATIENCE {
            return answer;
        }
    }
}

/// Whoever is refused for what passes or can be set right comes again, for one such thing after the other.
async fn take_step(world: &mut World, term: &Term, school: &str, step: &Step) -> Result<()> {
    for _ in 0..PATIENCE {
        match world.step(&term.case, school, step).await {
            Err(Error::Refused(refusal)) if refusal.code == "statement-at-work" => {
                // In a minute the turn that nobody gave back is over.
                world.store.run_raw("update lease set expires_at = 0").await?;
            }
            Err(Error::Refused(refusal)) if refusal.code == "statement-ahead" => {
                // Whoever is told that the bank is ahead of the machine sets its clock right.
                world.clock.advance_ms(NOW.0 - world.clock.now().0);
            }
            stepped => return stepped,
        }
    }
    world.step(&term.case, school, step).await
}

async fn make(world: &mut World, term: &Term, school: &str, each: &Move) -> Result<()> {
    match each {
        Move::Day(Step::Settle) => settle(world).await,
        Move::Day(step) => take_step(world, term, school, step).await,
        Move::Void(of) => {
            let id = format!("inv_{school}_{of}");
            decided(fees::void_invoice(&world.store, &world.clock, &id, ACTOR, "ghi nhầm").await)
        }
        Move::Reinstate(of) => {
            let id = format!("inv_{school}_{of}");
            decided(fees::reinstate_invoice(&world.store, &world.clock, &id, ACTOR, "hủy nhầm").await)
        }
        Move::Assign(_) | Move::Jump(_) => Ok(()),
    }
}

/// Posts and publishes what there is.
async fn settle(world: &World) -> Result<()> {
    world.settle().await?;
    while feed::sequence(&world.store, &world.clock).await? > 0 {}
    Ok(())
}

/// A person who is told that it cannot be has an answer.
fn decided(done: Result<()>) -> Result<()> {
    match done {
        Err(Error::Refused(refusal)) if refusal.kind != Kind::Unavailable => Ok(()),
        done => done,
    }
}

/// The accountant looks at what waits, and gives what stands first; that they have seen it is remembered when the
/// answer is not heard.
async fn assign(world: &World, school: &str, to: usize) -> Result<()> {
    let mut held = until_answered(async || matching::held(&world.store, school, None, 100).await).await?;
    held.sort_by_key(|held| (held.value_at, held.amount, held.payment_reference.clone(), held.reason.clone()));
    let Some(first) = held.first() else { return Ok(()) };
    let id = format!("inv_{school}_{to}");
    until_answered(async || {
        let act = Act::new(NOW, ACTOR, "phụ huynh báo")?.having_seen(Some(first.turn));
        decided(matching::assign(&world.store, &world.vault, &first.id, &id, &act).await.map(drop))
    })
    .await
}
