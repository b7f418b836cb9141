//! A small city whose money is told from outside, over the program's own port, and what must be true of it afterwards.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use hocphi::clockwork::{self, House};
use hocphi::config::Config;
use hocphi::providers::Providers;
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::city::{self, Bill, City, Teller, Transfer};
use hocphi::store::Store;
use hocphi::time::{Clock, Moment};
use hocphi::{inbox, ledger};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const CITY: City = City { schools: 1, pupils: 40, runs: 1 };
/// Who tells at once when many are told.
const MOUTHS: u64 = 4;

/// A small city, and those outside who tell of its money.
pub struct Town {
    pub database: String,
    key: MasterKey,
    keys: TempDir,
    tellers: Vec<Teller>,
    bills: Vec<Bill>,
    booked: Moment,
    /// The next transfer that was never told.
    pub next: u64,
    pub answered: Vec<u64>,
}

impl Town {
    pub async fn build(database: String) -> Town {
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
    pub async fn serve(&self) -> Result<Served, ExitStatus> {
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
    pub fn request(&self, serial: u64) -> Vec<u8> {
        let bill = &self.bills[usize::try_from(serial).expect("small") % self.bills.len()];
        let teller = self.tellers.iter().find(|teller| teller.account == bill.account).expect("a teller");
        let (amount, memo) = (bill.amount, bill.reference.as_str());
        let transfer = Transfer { serial, amount, memo, at: self.booked, told_at: Clock::System.now() };
        city::request(teller, &transfer).expect("a request")
    }

    /// Tells of a transfer and remembers it when that was answered well.
    pub async fn tell(&mut self, served: &Served, serial: u64) -> Option<u16> {
        let status = city::ask(served.at, &self.request(serial)).await;
        if status == Some(200) {
            self.answered.push(serial);
        }
        status
    }

    pub async fn tell_new(&mut self, served: &Served) -> Option<u16> {
        self.next += 1;
        self.tell(served, self.next - 1).await
    }

    /// Tells of one transfer after another from several mouths, until one is not answered well or so many were.
    pub async fn tell_many(&mut self, served: &Served, most: u64) {
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
    pub async fn tell_until_refused(&mut self, served: &Served) -> Vec<u64> {
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

    /// Does the program say that banks may be sent to it?
    pub async fn is_ready(&self, served: &Served) -> bool {
        city::ask(served.at, b"GET /readyz HTTP/1.1\r\nHost: hocphi\r\nConnection: close\r\n\r\n").await == Some(200)
    }

    /// Tells of these again, each of which must be taken now.
    pub async fn tell_again(&mut self, served: &Served, serials: Vec<u64>) {
        for serial in serials {
            assert_eq!(self.tell(served, serial).await, Some(200), "transfer {serial}");
        }
    }

    /// How many of these are in a database, as credits or to be sorted into them.
    pub async fn there(&self, store: &Store, serials: &[u64]) -> usize {
        let house = self.house(store.clone()).await;
        let mut numbers = inbox::unsorted_numbers(store, &house.vault).await.expect("looked");
        numbers.extend(city::kept_of(store, serials).await.expect("looked"));
        serials.iter().filter(|serial| numbers.contains(&city::bank_number(**serial))).count()
    }

    /// Everything answered is there, once, and posted, and the books agree with themselves.
    pub async fn judge(&self) {
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
pub struct Served {
    pub at: SocketAddr,
    pub child: Child,
}

impl Served {
    pub async fn end(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
        assert!(self.child.wait().await.expect("an end").success(), "it ends well when it is asked to");
    }
}

pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}
