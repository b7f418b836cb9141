//! Ends the served program again and again while aggregators tell it of money, and counts what is left of it.
//!
//! Who tells stands outside and writes down every transfer that was answered 2xx. After each start what was written
//! down must be there, once; in the end every transfer is posted once, and the books agree with themselves. Most ends
//! are `SIGKILL`, which leaves no time for anything; one in ten is the `SIGTERM` of a service manager, after which the
//! program must have ended well.

use std::collections::{HashSet, VecDeque};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::chance::Chance;
use super::city::{self, Bill, City, Progress, Teller, Transfer};
use super::sql;
use crate::clockwork::House;
use crate::config::Config;
use crate::fault::{Fault, OrFault, Result};
use crate::inbox;
use crate::ledger;
use crate::providers::Providers;
use crate::seal::{MasterKey, Vault};
use crate::store::{Store, args};
use crate::time::{Clock, Moment};

/// Who tells at once.
const MOUTHS: usize = 8;
/// Transfers that come with each end.
const TRANSFERS: u64 = 50;
/// One end in so many asks politely.
const POLITE: u64 = 10;
/// The program lives so many milliseconds at most between two ends, after it was ready.
const LONGEST_LIFE_MS: usize = 250;
/// One telling in so many is of a transfer that was answered before.
const AGAIN: usize = 4;
/// Whoever told of one again pauses: a program that is ended every half second sorts for a tenth of its time, and what
/// is told over and over would pile up for the whole campaign.
const RETELLS: Duration = Duration::from_millis(20);
/// The text of one transfer in so many names nothing.
const NAMELESS: u64 = 25;
/// How long the program may take to be ready, to end, and to post what is left.
const PATIENCE: Duration = Duration::from_mins(1);
/// An answer that takes longer is none.
const ANSWER: Duration = Duration::from_secs(10);
/// The city that is told of.
const CITY: City = City { schools: 3, pupils: 100, runs: 2 };

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Crash {
    /// The program.
    pub program: PathBuf,
    /// An empty database.
    pub database: String,
    /// A folder of its own, for the key.
    pub folder: PathBuf,
    /// Which moments.
    pub seed: u64,
    /// How often it is ended.
    pub kills: u64,
    /// How many of it serve one database; one of them is ended at a time.
    pub servers: usize,
    /// A command that ends and starts the database itself, run at one end in four. Where it prints an address, the
    /// database is there from then on, and everybody who serves is started anew with it.
    pub database_too: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Transfers that were told until they were answered.
    pub transfers: u64,
    /// Answers 2xx.
    pub answers: u64,
    /// Tellings that were not answered, or answered that they must come again.
    pub unanswered: u64,
    /// How often the database was ended, too.
    pub databases_ended: u64,
    /// From each start to being ready, in milliseconds, shortest first.
    pub ready_ms: Vec<u64>,
    /// From keeping a transfer to posting it, in milliseconds, shortest first; who died under way is waited for.
    pub lag_ms: Vec<i64>,
    /// What is wrong, in sentences; there should be nothing.
    pub failures: Vec<String>,
    /// A hash over what the books say in the end, equal for the same seed and kills.
    pub hash: String,
}

/// So many in a thousand of these are no longer than this.
pub fn of_thousand<T: Copy + Default>(sorted: &[T], part: usize) -> T {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * part / 1_000).min(last)).copied().unwrap_or_default()
}

/// Plays it.
///
/// # Errors
/// When the city cannot be built or the program does not start; what it does wrong is part of the value.
pub async fn play(crash: &Crash) -> Result<Outcome> {
    let key_file = crash.folder.join("master.key");
    let store = Store::open(&crash.database).await?;
    store.migrate().await?;
    let key = MasterKey::generate()?;
    std::fs::write(&key_file, key.as_bytes()).or_fault("write the key of the city")?;
    let vault = Vault::proven(store.clone(), MasterKey::parse(&key)?).await?;
    let house = House::open(store.clone(), vault, Clock::System, Providers::embedded()?, Config::default())?;
    let tellers = CITY.build(&house).await?;
    let bills = city::bills(&store).await?;
    drop(house);
    let addresses = (0..crash.servers.max(1)).map(|_| free_address()).collect::<Result<Vec<_>>>()?;
    let database = crash.database.clone();
    let mut served = Served { crash, key_file: &key_file, key: &key, addresses: addresses.clone(), database, store };
    let street = Street::open(crash.seed, addresses, tellers, bills);
    let mut mouths = JoinSet::new();
    for _ in 0..MOUTHS {
        let street = Arc::clone(&street);
        mouths.spawn(async move { street.tell_for_ever().await });
    }
    let played = served.end_again_and_again(&street).await;
    mouths.abort_all();
    let outcome = played?;
    served.store.close().await;
    Ok(outcome)
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").or_fault("find a free port")?;
    listener.local_addr().or_fault("find a free port")
}

/// How the program is started and ended.
struct Served<'a> {
    crash: &'a Crash,
    key_file: &'a Path,
    key: &'a str,
    addresses: Vec<SocketAddr>,
    /// Where the database is now, and the door through which it is looked at.
    database: String,
    store: Store,
}

impl Served<'_> {
    async fn end_again_and_again(&mut self, street: &Street) -> Result<Outcome> {
        let mut chance = Chance::new(self.crash.seed);
        let mut outcome = Outcome::default();
        let mut children = Vec::new();
        for at in 0..self.addresses.len() {
            children.push(self.start(at, &mut outcome).await?);
        }
        for end in 1..=self.crash.kills {
            street.release(end * TRANSFERS);
            sleep(Duration::from_millis(u64::try_from(chance.below(LONGEST_LIFE_MS)).unwrap_or_default())).await;
            let has_moved = chance.below(4) == 0 && self.end_database(street, &mut outcome).await?;
            let which = chance.below(children.len());
            if end % POLITE == 0 {
                outcome.failures.extend(end_well(&mut children[which]).await?.map(|said| format!("end {end}: {said}")));
            } else {
                children[which].kill().await.or_fault("end the program")?;
            }
            for (at, child) in children.iter_mut().enumerate().filter(|(at, _)| has_moved || *at == which) {
                if at != which {
                    child.kill().await.or_fault("end the program")?;
                }
                *child = self.start(at, &mut outcome).await?;
            }
            self.compare(street, &mut outcome).await?;
        }
        street.release_no_more();
        let progress = posted(street, &self.store).await?;
        for child in &mut children {
            outcome.failures.extend(end_well(child).await?);
        }
        self.compare(street, &mut outcome).await?;
        outcome.ready_ms.sort_unstable();
        judge(street, &self.store, progress, &mut outcome).await?;
        Ok(outcome)
    }

    /// Is everything there that was answered since the last look, to be sorted or as a credit? What lies on the pile is
    /// read first, because from there it goes to the credits.
    async fn compare(&self, street: &Street, outcome: &mut Outcome) -> Result<()> {
        let answered = street.newly_answered();
        let vault = Vault::new(self.store.clone(), MasterKey::parse(self.key)?);
        let mut kept: HashSet<String> = inbox::unsorted_numbers(&self.store, &vault).await?.into_iter().collect();
        kept.extend(city::kept_of(&self.store, &answered).await?);
        let lost = answered.iter().filter(|serial| !kept.contains(&city::bank_number(**serial)));
        outcome.failures.extend(lost.map(|serial| format!("transfer {serial} was answered and is not kept")));
        Ok(())
    }

    /// Starts the program and waits until it is ready.
    async fn start(&self, at: usize, outcome: &mut Outcome) -> Result<Child> {
        let (begun, address) = (Instant::now(), self.addresses[at]);
        let mut command = Command::new(&self.crash.program);
        command.args(["serve", "--database", &self.database, "--listen", &address.to_string()]);
        command.env("HOCPHI_KEY_FILE", self.key_file).env("RUST_LOG", "off").stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.kill_on_drop(true).spawn().or_fault("start the program")?;
        while !is_ready(address).await {
            if begun.elapsed() > PATIENCE {
                return Err(Fault::new("start the program: it is not ready after a minute").into());
            }
            sleep(Duration::from_millis(2)).await;
        }
        outcome.ready_ms.push(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        Ok(child)
    }

    /// Ends the database, where that was asked for. Has it moved?
    async fn end_database(&mut self, street: &Street, outcome: &mut Outcome) -> Result<bool> {
        let Some(script) = &self.crash.database_too else { return Ok(false) };
        let ended = Command::new("sh").args(["-c", script]).stderr(Stdio::inherit()).output().await;
        let ended = ended.or_fault("end the database")?;
        if !ended.status.success() {
            return Err(Fault::new("end the database and start it again: the command failed").into());
        }
        outcome.databases_ended += 1;
        street.look_at_all_again();
        let printed = String::from_utf8_lossy(&ended.stdout);
        let Some(address) = printed.lines().rev().find(|line| line.starts_with("postgres")) else { return Ok(false) };
        address.clone_into(&mut self.database);
        self.store = Store::open(address).await?;
        // Nobody serves it yet, so whatever is not there was lost and is not told again meanwhile.
        self.compare(street, outcome).await?;
        Ok(true)
    }
}

/// Asks the program to end as a service manager does. A sentence when it did not end well.
async fn end_well(child: &mut Child) -> Result<Option<String>> {
    let Some(pid) = child.id() else { return Ok(Some("the program had ended by itself".to_owned())) };
    let asked = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
    asked.or_fault("ask the program to end")?;
    match timeout(PATIENCE, child.wait()).await {
        Ok(ended) if ended.as_ref().is_ok_and(std::process::ExitStatus::success) => Ok(None),
        Ok(ended) => Ok(Some(format!("asked to end, it ended with {ended:?}"))),
        Err(_) => Ok(Some("asked to end, it goes on after a minute".to_owned())),
    }
}

async fn is_ready(address: SocketAddr) -> bool {
    let asked = b"GET /readyz HTTP/1.1\r\nHost: hocphi\r\nConnection: close\r\n\r\n";
    matches!(timeout(ANSWER, city::ask(address, asked)).await, Ok(Some(200)))
}

/// Waits until every transfer was told and answered, and everything that was kept is posted; or until a minute has gone
/// by in which nothing came of it.
async fn posted(street: &Street, store: &Store) -> Result<Progress> {
    let mut moved = Instant::now();
    let mut before = None;
    loop {
        let progress = city::progress(store).await?;
        if (street.is_done() && progress.waiting == 0) || moved.elapsed() > PATIENCE {
            return Ok(progress);
        }
        if before != Some(progress) {
            (before, moved) = (Some(progress), Instant::now());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Counts what is there in the end, and asks the books.
async fn judge(street: &Street, store: &Store, progress: Progress, outcome: &mut Outcome) -> Result<()> {
    street.count_into(outcome);
    let all = i64::try_from(outcome.transfers).unwrap_or(i64::MAX);
    if !street.is_done() {
        outcome.failures.push("some transfers are not answered, and for a minute none was".to_owned());
    }
    let Progress { kept, waiting, posted, .. } = progress;
    if (kept, waiting, posted) != (all, 0, all) {
        outcome.failures.push(format!("of {all} transfers {kept} are kept, {posted} posted, {waiting} wait"));
    }
    for finding in ledger::audit(store).await?.into_iter().filter(|finding| !finding.holds()) {
        outcome.failures.push(format!("{}: {}", finding.name, finding.rows.join(", ")));
    }
    let credits: Vec<(String, i64, String)> = store.all(&sql::CREDITS_BY_NUMBER, args![]).await?;
    outcome.lag_ms = city::lags(store, street.opened).await?;
    outcome.lag_ms.sort_unstable();
    let paid: Vec<i64> = store.all(&sql::PAID_SUMS, args![]).await?;
    outcome.hash = hex::encode(Sha256::digest(format!("{credits:?}{paid:?}")));
    Ok(())
}

/// The outside: transfers in order, who was answered, and who must be told again.
struct Street {
    seed: u64,
    addresses: Vec<SocketAddr>,
    tellers: Vec<Teller>,
    bills: Vec<Bill>,
    /// When all of it was booked: a transfer that is told again was booked when it was booked.
    opened: Moment,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// Transfers up to this one may be told.
    released: u64,
    /// No more will be, and nobody tells again of what was answered: it would be sorted for ever.
    is_last: bool,
    /// The next that was never told.
    next: u64,
    /// Told without an answer.
    again: VecDeque<u64>,
    answered: HashSet<u64>,
    /// The same in the order they were answered.
    order: Vec<u64>,
    /// How many of those were looked for already.
    compared: usize,
    answers: u64,
    unanswered: u64,
    asked: u64,
}

impl Street {
    fn open(seed: u64, addresses: Vec<SocketAddr>, tellers: Vec<Teller>, bills: Vec<Bill>) -> Arc<Street> {
        Arc::new(Street { seed, addresses, tellers, bills, opened: Clock::System.now(), told: Mutex::default() })
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, until: u64) {
        self.told().released = until;
    }

    fn release_no_more(&self) {
        self.told().is_last = true;
    }

    fn newly_answered(&self) -> Vec<u64> {
        let mut told = self.told();
        let newly = told.order[told.compared..].to_vec();
        told.compared = told.order.len();
        newly
    }

    /// A database that was ended may have lost what was seen in it before.
    fn look_at_all_again(&self) {
        self.told().compared = 0;
    }

    fn is_done(&self) -> bool {
        let told = self.told();
        told.next == told.released
            && told.again.is_empty()
            && u64::try_from(told.order.len()).is_ok_and(|answered| answered == told.released)
    }

    fn count_into(&self, outcome: &mut Outcome) {
        let told = self.told();
        (outcome.transfers, outcome.answers, outcome.unanswered) = (told.released, told.answers, told.unanswered);
    }

    async fn tell_for_ever(&self) {
        loop {
            let Some((serial, asked)) = self.next() else {
                sleep(Duration::from_millis(1)).await;
                continue;
            };
            let Ok(request) = self.request(serial) else { return };
            let address = self.addresses[usize::try_from(asked).unwrap_or_default() % self.addresses.len()];
            let status = timeout(ANSWER, city::ask(address, &request)).await.ok().flatten();
            let is_taken = status.is_some_and(|status| (200..300).contains(&status));
            let is_known = self.heard(serial, is_taken);
            if is_known {
                sleep(RETELLS).await;
            } else if !is_taken {
                sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// What is told next, and the how manieth telling it is: something that was not answered, something new, or
    /// something over again.
    fn next(&self) -> Option<(u64, u64)> {
        let mut told = self.told();
        told.asked += 1;
        let asked = told.asked;
        if let Some(serial) = told.again.pop_front() {
            return Some((serial, asked));
        }
        let mut chance = Chance::new(self.seed ^ asked);
        let is_new = told.next < told.released && (told.answered.is_empty() || chance.below(AGAIN) > 0);
        if is_new {
            told.next += 1;
            return Some((told.next - 1, asked));
        }
        if told.is_last && told.next == told.released {
            return None;
        }
        told.order.get(chance.below(told.order.len())).map(|serial| (*serial, asked))
    }

    /// Writes down what came of telling, and tells whether the transfer had been answered before.
    fn heard(&self, serial: u64, is_taken: bool) -> bool {
        let mut told = self.told();
        let is_known = told.answered.contains(&serial);
        if is_taken {
            told.answers += 1;
            if told.answered.insert(serial) {
                told.order.push(serial);
            }
        } else {
            told.unanswered += 1;
            if !is_known {
                told.again.push_back(serial);
            }
        }
        is_known
    }

    /// The same transfer for the same serial, whenever it is told.
    fn request(&self, serial: u64) -> Result<Vec<u8>> {
        let place = usize::try_from(serial).unwrap_or_default();
        let bill = &self.bills[place % self.bills.len()];
        let teller = self.tellers.iter().find(|teller| teller.account == bill.account);
        let teller = teller.ok_or_else(|| Fault::new("find who tells of an account of the city"))?;
        let memo = if serial % NAMELESS == 3 { "nop tien hoc cho chau" } else { &bill.reference };
        let transfer = Transfer { serial, amount: bill.amount, memo, at: self.opened, told_at: Clock::System.now() };
        city::request(teller, &transfer)
    }
}
