//! The program on disks that fail: full, broken, read-only, forgetful, and without power at any moment.
//!
//! What is told comes from outside, over the program's own port; what was answered 2xx is looked for afterwards.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use fuser::BackgroundSession;
use hocphi::clockwork::{self, House};
use hocphi::config::Config;
use hocphi::ledger;
use hocphi::providers::Providers;
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::chance::Chance;
use hocphi::simulate::city::{self, Bill, City, Teller, Transfer};
use hocphi::store::Store;
use hocphi::time::{Clock, Moment};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::engines;
use crate::sick_disk::{Disk, Mood};

const CITY: City = City { schools: 1, pupils: 40, runs: 1 };
/// How often the power goes.
const CUTS: u64 = 40;
/// Who tells at once while it does.
const MOUTHS: u64 = 4;

/// A disk of ours and where it is mounted.
struct Rig {
    disk: Disk,
    mounted: Option<BackgroundSession>,
    place: TempDir,
}

impl Rig {
    fn mount() -> Option<Rig> {
        let (disk, place) = (Disk::new(), folder());
        let mounted = Some(disk.mount(place.path())?);
        Some(Rig { disk, mounted, place })
    }

    fn database(&self) -> String {
        format!("sqlite://{}", self.place.path().join("hocphi.db").display())
    }

    /// The power goes: the kernel's memory is gone too, and the disk holds what it kept.
    fn cut(&mut self, chance: &mut Chance) {
        self.mounted = None;
        self.disk.come_back(chance);
        self.mounted = self.disk.mount(self.place.path());
    }
}

/// A small city, and those outside who tell of its money.
struct Town {
    database: String,
    key: MasterKey,
    keys: TempDir,
    tellers: Vec<Teller>,
    bills: Vec<Bill>,
    booked: Moment,
    /// The next transfer that was never told.
    next: u64,
    answered: Vec<u64>,
}

impl Town {
    async fn build(database: String) -> Town {
        let keys = folder();
        let text = MasterKey::generate().expect("a key");
        std::fs::write(keys.path().join("master.key"), text.as_bytes()).expect("the key's file");
        let key = MasterKey::parse(&text).expect("a key");
        let (tellers, bills, booked) = (Vec::new(), Vec::new(), Clock::System.now());
        let mut town = Town { database, key, keys, tellers, bills, booked, next: 0, answered: Vec::new() };
        let store = Store::open(&town.database).await.expect("a database");
        store.migrate().await.expect("a schema");
        let house = town.house(store).await;
        town.tellers = CITY.build(&house).await.expect("a city");
        town.bills = city::bills(&house.store).await.expect("bills");
        house.store.close().await;
        town
    }

    async fn house(&self, store: Store) -> House {
        let vault = Vault::proven(store.clone(), self.key.clone()).await.expect("a vault");
        let providers = Providers::embedded().expect("the providers");
        House::open(store, vault, Clock::System, providers, Config::default()).expect("a house")
    }

    /// Starts the program; the other outcome is that it ended before it listened.
    async fn serve(&self) -> Result<Served, ExitStatus> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hocphi"));
        command.args(["serve", "--database", &self.database, "--listen", "127.0.0.1:0"]).kill_on_drop(true);
        command
            .env("HOCPHI_KEY_FILE", self.keys.path().join("master.key"))
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "off".to_owned()));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let mut said = BufReader::new(child.stdout.take().expect("its words")).lines();
        while let Ok(Some(line)) = said.next_line().await {
            if let Some(address) = line.strip_prefix("listening on http://") {
                return Ok(Served { at: address.parse().expect("an address"), child });
            }
        }
        Err(child.wait().await.expect("an end"))
    }

    /// The transfer of this number as a bank tells of it, the same whenever it is told.
    fn request(&self, serial: u64) -> Vec<u8> {
        let bill = &self.bills[usize::try_from(serial).expect("small") % self.bills.len()];
        let teller = self.tellers.iter().find(|teller| teller.account == bill.account).expect("a teller");
        let (amount, memo) = (bill.amount, bill.reference.as_str());
        let transfer = Transfer { serial, amount, memo, at: self.booked, told_at: Clock::System.now() };
        city::request(teller, &transfer).expect("a request")
    }

    /// Tells of a transfer and remembers it when that was answered well.
    async fn tell(&mut self, served: &Served, serial: u64) -> Option<u16> {
        let status = city::ask(served.at, &self.request(serial)).await;
        if status == Some(200) {
            self.answered.push(serial);
        }
        status
    }

    async fn tell_new(&mut self, served: &Served) -> Option<u16> {
        self.next += 1;
        self.tell(served, self.next - 1).await
    }

    /// Tells of one transfer after another from several mouths, until one is not answered well or so many were.
    async fn tell_many(&mut self, served: &Served, most: u64) {
        let end = self.next + most;
        while self.next < end {
            let serials: Vec<u64> = (self.next..(self.next + MOUTHS).min(end)).collect();
            self.next += serials.len() as u64;
            let requests: Vec<Vec<u8>> = serials.iter().map(|serial| self.request(*serial)).collect();
            let told = requests.iter().map(|request| city::ask(served.at, request));
            let answers = futures_util::future::join_all(told).await;
            let well = serials.into_iter().zip(&answers).filter(|(_, answer)| **answer == Some(200));
            self.answered.extend(well.map(|(serial, _)| serial));
            if answers.iter().any(|answer| *answer != Some(200)) {
                return;
            }
        }
    }

    /// Tells of new transfers until five were refused.
    async fn tell_until_refused(&mut self, served: &Served) -> Vec<u64> {
        let mut refused = Vec::new();
        // There is room in what the files have already for a while.
        while refused.len() < 5 {
            assert!(self.next < 5_000, "it is never refused");
            match self.tell_new(served).await {
                Some(200) => {}
                Some(503) => refused.push(self.next - 1),
                other => panic!("{other:?}"),
            }
        }
        refused
    }

    /// Tells of these again, each of which must be taken now.
    async fn tell_again(&mut self, served: &Served, serials: Vec<u64>) {
        for serial in serials {
            assert_eq!(self.tell(served, serial).await, Some(200), "transfer {serial}");
        }
    }

    /// Everything answered is there, once, and posted, and the books agree with themselves.
    async fn judge(&self) {
        let store = Store::open(&self.database).await.expect("the database");
        let house = self.house(store).await;
        clockwork::settle(&house).await.expect("settled");
        let kept = city::kept_of(&house.store, &self.answered).await.expect("numbers");
        for serial in &self.answered {
            let number = city::bank_number(*serial);
            let times = kept.iter().filter(|kept| **kept == number).count();
            assert_eq!(times, 1, "transfer {serial} was answered, and is there {times} times");
        }
        let progress = city::progress(&house.store).await.expect("counted");
        assert_eq!((progress.waiting, progress.posted), (0, progress.kept), "{progress:?}");
        assert!(progress.kept >= i64::try_from(self.answered.len()).expect("small"), "{progress:?}");
        let findings = ledger::audit(&house.store).await.expect("an audit");
        assert!(findings.iter().all(ledger::Finding::holds), "{findings:#?}");
        house.store.close().await;
    }
}

/// The program while it runs.
struct Served {
    at: SocketAddr,
    child: Child,
}

impl Served {
    async fn end(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
        assert!(self.child.wait().await.expect("an end").success(), "it ends well when it is asked to");
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_nothing_is_refused_on_and_heals_without_a_new_start() {
    let Some(rig) = Rig::mount() else { return };
    let mut town = Town::build(rig.database()).await;
    let served = town.serve().await.expect("it starts");
    for mood in [Mood::Full, Mood::Broken, Mood::ReadOnly] {
        assert_eq!(town.tell_new(&served).await, Some(200), "before {mood:?}");
        rig.disk.be(mood);
        let refused = town.tell_until_refused(&served).await;
        rig.disk.be(Mood::Well);
        town.tell_again(&served, refused).await;
    }
    served.end().await;
    town.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_keep_what_it_took_ends_the_program() {
    let Some(mut rig) = Rig::mount() else { return };
    let mut town = Town::build(rig.database()).await;
    let mut served = town.serve().await.expect("it starts");
    assert_eq!(town.tell_new(&served).await, Some(200));
    rig.disk.be(Mood::Unsynced);
    assert_eq!(town.tell_new(&served).await, None, "nobody is answered");
    let ended = served.child.wait().await.expect("an end");
    assert_eq!(ended.code(), Some(74), "EX_IOERR");
    // What lies in the kernel's memory is not believed as long as the disk does not take it.
    assert_eq!(town.serve().await.err().and_then(|ended| ended.code()), Some(74));
    rig.disk.be(Mood::Well);
    let served = town.serve().await.expect("it starts");
    assert_eq!(town.tell(&served, town.next - 1).await, Some(200));
    served.end().await;
    // Whatever the disk did not keep by now is gone.
    rig.cut(&mut Chance::new(1));
    town.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_write_loses_nothing_that_was_answered() {
    let Some(mut rig) = Rig::mount() else { return };
    let mut town = Town::build(rig.database()).await;
    let mut chance = Chance::new(20_261_005);
    let begun = rig.disk.steps();
    let served = town.serve().await.expect("it starts");
    town.tell_many(&served, 40).await;
    served.end().await;
    let steps = usize::try_from(rig.disk.steps() - begun).expect("small");
    for _ in 0..CUTS {
        rig.disk.lose_power_after(1 + chance.below(steps) as u64);
        // It may go while the program starts.
        if let Ok(mut served) = town.serve().await {
            town.tell_many(&served, 60).await;
            served.child.kill().await.expect("killed");
        }
        rig.cut(&mut chance);
        town.judge().await;
    }
    assert!(town.answered.len() as u64 > CUTS, "the power went before anybody was answered");
    let served = town.serve().await.expect("it starts");
    let unanswered: Vec<u64> = (0..town.next).filter(|serial| !town.answered.contains(serial)).collect();
    assert!(!unanswered.is_empty(), "nobody was interrupted");
    town.tell_again(&served, unanswered).await;
    served.end().await;
    town.judge().await;
}

/// A place for PostgreSQL's tables that holds so little, gone when the test is.
struct Small(TempDir);

impl Small {
    const SIZE: &str = "40m";

    fn mount(owner: u32) -> Small {
        let place = folder();
        let options = format!("size={},uid={owner},mode=700", Small::SIZE);
        as_root(&["mount", "-t", "tmpfs", "-o", &options, "tmpfs", &place.path().display().to_string()]);
        Small(place)
    }

    /// Takes all the space there is.
    fn fill(&self) {
        let ballast = format!("of={}", self.0.path().join("ballast").display());
        // It ends when no space is left, which is what it is for.
        let ended = command_as_root(&["dd", "if=/dev/zero", &ballast, "bs=4096"]).output().expect("dd runs");
        assert!(!ended.status.success(), "there is space for ever");
    }

    fn empty(&self) {
        as_root(&["rm", &self.0.path().join("ballast").display().to_string()]);
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        as_root(&["umount", "--lazy", &self.0.path().display().to_string()]);
    }
}

fn command_as_root(words: &[&str]) -> std::process::Command {
    if owner_of("/proc/self") == 0 {
        let mut command = std::process::Command::new(words[0]);
        command.args(&words[1..]);
        return command;
    }
    let mut command = std::process::Command::new("sudo");
    command.arg("-n").args(words);
    command
}

fn as_root(words: &[&str]) {
    let ended = command_as_root(words).output().expect("it runs");
    assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

fn owner_of(path: &str) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path).expect("a path that is there"))
}

/// Who runs PostgreSQL here, as `tests/run` starts it: its own user for root, else whoever runs the tests.
fn server_owner() -> u32 {
    let own = owner_of("/proc/self");
    if own != 0 {
        return own;
    }
    let asked = std::process::Command::new("id").args(["-u", "postgres"]).output().expect("id runs");
    String::from_utf8_lossy(&asked.stdout).trim().parse().expect("a user named postgres")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_without_space_is_refused_on_and_heals_without_a_new_start() {
    let Some(fresh) = engines::postgres().await else { return };
    let small = Small::mount(server_owner());
    let name = format!("small_{}", std::process::id());
    let place = small.0.path().display();
    fresh.store.run_raw(&format!("create tablespace {name} location '{place}'")).await.expect("a tablespace");
    fresh.store.run_raw(&format!("create database {name} tablespace {name}")).await.expect("a database in it");
    let (base, _) = fresh.address.rsplit_once('/').expect("an address that ends with a database");
    let mut town = Town::build(format!("{base}/{name}")).await;
    let served = town.serve().await.expect("it starts");
    assert_eq!(town.tell_new(&served).await, Some(200));
    small.fill();
    let refused = town.tell_until_refused(&served).await;
    small.empty();
    town.tell_again(&served, refused).await;
    served.end().await;
    town.judge().await;
    fresh.store.run_raw(&format!("drop database {name} with (force)")).await.expect("no database");
    fresh.store.run_raw(&format!("drop tablespace {name}")).await.expect("no tablespace");
}
