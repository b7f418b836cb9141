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

use crate::sick_disk::{Disk, Mood};

const CITY: City = City { schools: 1, pupils: 40, runs: 1 };
/// How often the power goes.
const CUTS: u64 = 40;
/// Who tells at once while it does.
const MOUTHS: u64 = 4;

/// A small city on a disk of ours, and those outside who tell of its money.
struct Town {
    disk: Disk,
    mounted: Option<BackgroundSession>,
    place: TempDir,
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
    async fn build() -> Option<Town> {
        let (disk, place, keys) = (Disk::new(), folder(), folder());
        let mounted = Some(disk.mount(place.path())?);
        let text = MasterKey::generate().expect("a key");
        std::fs::write(keys.path().join("master.key"), text.as_bytes()).expect("the key's file");
        let key = MasterKey::parse(&text).expect("a key");
        let (tellers, bills, booked) = (Vec::new(), Vec::new(), Clock::System.now());
        let mut town = Town { disk, mounted, place, key, keys, tellers, bills, booked, next: 0, answered: Vec::new() };
        let store = Store::open(&town.address()).await.expect("a database");
        store.migrate().await.expect("a schema");
        let house = town.house(store).await;
        town.tellers = CITY.build(&house).await.expect("a city");
        town.bills = city::bills(&house.store).await.expect("bills");
        house.store.close().await;
        Some(town)
    }

    fn address(&self) -> String {
        format!("sqlite://{}", self.place.path().join("hocphi.db").display())
    }

    async fn house(&self, store: Store) -> House {
        let vault = Vault::proven(store.clone(), self.key.clone()).await.expect("a vault");
        let providers = Providers::embedded().expect("the providers");
        House::open(store, vault, Clock::System, providers, Config::default()).expect("a house")
    }

    /// Starts the program; the other outcome is that it ended before it listened.
    async fn serve(&self) -> Result<Served, ExitStatus> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hocphi"));
        command.args(["serve", "--database", &self.address(), "--listen", "127.0.0.1:0"]).kill_on_drop(true);
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

    /// The power goes: nobody is left, and the disk holds what it kept.
    fn cut(&mut self, chance: &mut Chance) {
        self.mounted = None;
        self.disk.come_back(chance);
        self.mounted = self.disk.mount(self.place.path());
    }

    /// Everything answered is there, once, and posted, and the books agree with themselves.
    async fn judge(&self) {
        let store = Store::open(&self.address()).await.expect("the database");
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
    let Some(mut town) = Town::build().await else { return };
    let served = town.serve().await.expect("it starts");
    for mood in [Mood::Full, Mood::Broken, Mood::ReadOnly] {
        assert_eq!(town.tell_new(&served).await, Some(200), "before {mood:?}");
        town.disk.be(mood);
        let mut refused = Vec::new();
        // A full disk has room in the journal's own blocks for a while.
        while refused.len() < 5 {
            assert!(town.next < 5_000, "{mood:?}: it is never refused");
            match town.tell_new(&served).await {
                Some(200) => {}
                Some(503) => refused.push(town.next - 1),
                other => panic!("{mood:?}: {other:?}"),
            }
        }
        town.disk.be(Mood::Well);
        for serial in refused {
            assert_eq!(town.tell(&served, serial).await, Some(200), "after {mood:?}");
        }
    }
    served.end().await;
    town.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_keep_what_it_took_ends_the_program() {
    let Some(mut town) = Town::build().await else { return };
    let mut served = town.serve().await.expect("it starts");
    assert_eq!(town.tell_new(&served).await, Some(200));
    town.disk.be(Mood::Unsynced);
    assert_eq!(town.tell_new(&served).await, None, "nobody is answered");
    let ended = served.child.wait().await.expect("an end");
    assert_eq!(ended.code(), Some(74), "EX_IOERR");
    // What lies in the kernel's memory is not believed as long as the disk does not take it.
    assert_eq!(town.serve().await.err().and_then(|ended| ended.code()), Some(74));
    town.disk.be(Mood::Well);
    let served = town.serve().await.expect("it starts");
    assert_eq!(town.tell(&served, town.next - 1).await, Some(200));
    served.end().await;
    // Whatever the disk did not keep by now is gone.
    town.cut(&mut Chance::new(1));
    town.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_write_loses_nothing_that_was_answered() {
    let Some(mut town) = Town::build().await else { return };
    let mut chance = Chance::new(20_261_005);
    let begun = town.disk.steps();
    let served = town.serve().await.expect("it starts");
    town.tell_many(&served, 40).await;
    served.end().await;
    let steps = usize::try_from(town.disk.steps() - begun).expect("small");
    for _ in 0..CUTS {
        town.disk.lose_power_after(1 + chance.below(steps) as u64);
        // It may go while the program starts.
        if let Ok(mut served) = town.serve().await {
            town.tell_many(&served, 60).await;
            served.child.kill().await.expect("killed");
        }
        town.cut(&mut chance);
        town.judge().await;
    }
    assert!(town.answered.len() as u64 > CUTS, "the power went before anybody was answered");
    let served = town.serve().await.expect("it starts");
    let unanswered: Vec<u64> = (0..town.next).filter(|serial| !town.answered.contains(serial)).collect();
    assert!(!unanswered.is_empty(), "nobody was interrupted");
    for serial in unanswered {
        assert_eq!(town.tell(&served, serial).await, Some(200), "told again");
    }
    served.end().await;
    town.judge().await;
}
