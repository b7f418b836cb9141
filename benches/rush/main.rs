//! `cargo bench --bench rush [schools=1000] [pupils=100] [rate=190] [seconds=12] [only=sqlite]`: the fifth of the month.
//! Banks tell of payments at a steady rate while a run of a hundred invoices is issued at each of a thousand schools and
//! a supervisor asks for the dashboard of all of them again and again. How long do the banks wait for their answers?
//!
//! Once without the run and the supervisor, once with them, each on a fresh copy. Everything is counted afterwards.
#![expect(clippy::expect_used, reason = "a measurement that cannot go on ends with what kept it")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measurement is read from a terminal")]

#[path = "../street/load.rs"]
mod load;
#[path = "../street/machine.rs"]
#[expect(dead_code, reason = "the street asks for more of it")]
mod machine;
#[path = "../street/postgres.rs"]
#[expect(dead_code, reason = "the street asks for more of it")]
mod postgres;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hocphi::clockwork::House;
use hocphi::config::Config;
use hocphi::fees::{self, NewRun};
use hocphi::providers::Providers;
use hocphi::roll::{self, setup};
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::city::{self, City};
use hocphi::simulate::story;
use hocphi::store::Store;
use hocphi::time::Clock;
use load::{Plan, Told};
use machine::Server;
use postgres::Postgres;
use reqwest::StatusCode;
use reqwest::header::{COOKIE, SET_COOKIE};

/// Our program, built with this measurement.
const OURS: &str = env!("CARGO_BIN_EXE_hocphi");
/// Who looks at all schools.
const SUPERVISOR: (&str, &str) = ("giamsat", "mot hai ba bon nam sau");
/// How long all posting may take behind the answers.
const PATIENCE: Duration = Duration::from_mins(2);
const ACTOR: &str = "bench";

struct Asked {
    city: City,
    rate: f64,
    seconds: f64,
    only: String,
    folder: PathBuf,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = |threads| tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    if let [word, plan] = words.as_slice()
        && word == "load"
    {
        return runtime(1).expect("a runtime").block_on(load::run(plan));
    }
    let of = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str, usual: usize| of(name).map_or(usual, |text| text.parse().expect("a number"));
    let real = |name: &str, usual: f64| of(name).map_or(usual, |text| text.parse().expect("a number"));
    let asked = Asked {
        city: City { schools: number("schools", 1_000), pupils: number("pupils", 100), runs: 1 },
        rate: real("rate", 190.0),
        seconds: real("seconds", 12.0),
        only: of("only").unwrap_or_default().to_owned(),
        folder: std::env::temp_dir().join(format!("hocphi-rush-{}", std::process::id())),
    };
    fs::create_dir_all(&asked.folder).expect("a folder");
    runtime(2).expect("a runtime").block_on(measure(&asked));
    fs::remove_dir_all(&asked.folder).expect("cleared");
}

async fn measure(asked: &Asked) {
    if "sqlite".starts_with(&asked.only) {
        let kept = asked.folder.join("kept.db");
        asked.seed(&format!("sqlite://{}", kept.display())).await;
        for is_rush in [false, true] {
            let file = asked.folder.join("round.db");
            for left in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(format!("{}{left}", file.display()));
            }
            fs::copy(&kept, &file).expect("a copy");
            asked.round("sqlite", &format!("sqlite://{}", file.display()), is_rush).await;
        }
    }
    if "postgres".starts_with(&asked.only) {
        let postgres = Postgres::start(&asked.folder);
        println!("PostgreSQL: {}", postgres.promises().await);
        postgres.create("kept", "template0").await;
        asked.seed(&postgres.address("kept")).await;
        for is_rush in [false, true] {
            postgres.create("round", "kept").await;
            asked.round("postgres", &postgres.address("round"), is_rush).await;
        }
    }
}

impl Asked {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A city whose pupils have one invoice each that may be paid, and a second run at each school that is not begun.
    async fn seed(&self, database: &str) {
        let begun = Instant::now();
        let store = Store::open(database).await.expect("a database");
        store.migrate().await.expect("a schema");
        if !self.file("master.key").exists() {
            fs::write(self.file("master.key"), MasterKey::generate().expect("a key").as_bytes()).expect("its file");
        }
        let house = house(&store, &self.file("master.key")).await;
        let tellers = self.city.build(&house).await.expect("the city");
        let (login, password) = SUPERVISOR;
        let people = format!(
            "kind,code,name,under,level,ownership,address,phone,mcc,city,reading,bank,number,login,password\n\
             supervisor,,Chị Hạnh,SGD,,,,,,,,,,{login},{password}\n"
        );
        let lines = setup::read(people.as_bytes(), "setup.csv").expect("a table");
        setup::setup(&store, &Clock::System, &lines).await.expect("a supervisor");
        plan_runs(&store).await;
        let bills = city::bills(&store).await.expect("the bills");
        fs::write(self.file("tellers.json"), serde_json::to_vec(&tellers).expect("JSON")).expect("a file");
        fs::write(self.file("bills.json"), serde_json::to_vec(&bills).expect("JSON")).expect("a file");
        store.close().await;
        eprintln!("{} invoices seeded in {:.0} s", bills.len(), begun.elapsed().as_secs_f64());
    }

    async fn round(&self, engine: &str, database: &str, is_rush: bool) {
        let store = Store::open(database).await.expect("the database");
        let before = if is_rush { begin_runs(&store).await } else { invoices(&store).await };
        machine::quiet();
        let mut command = Command::new(OURS);
        command.args(["serve", "--database", database, "--listen", "127.0.0.1:0"]);
        command.env("HOCPHI_KEY_FILE", self.file("master.key")).env("RUST_LOG", "error");
        let server = Server::start(&mut command);
        let looking = is_rush.then(|| tokio::spawn(look(server.address)));
        let told = self.tell(server.address).await;
        let issued = invoices(&store).await - before;
        let looks = looking.map(|looking| {
            looking.abort();
            LOOKS.lock().map(|mut looks| std::mem::take(&mut *looks)).unwrap_or_default()
        });
        posted(&store, &told).await;
        let milliseconds = |micros: u32| f64::from(micros) / 1_000.0;
        println!(
            "{engine:<9} {:<8} {:.0} payments/s: answered in p50 {:.2} p99 {:.2} p99.9 {:.2} most {:.2} ms{}",
            if is_rush { "rush" } else { "calm" },
            self.rate,
            milliseconds(told.p50),
            milliseconds(told.p99),
            milliseconds(told.p999),
            milliseconds(told.longest),
            looks.map_or(String::new(), |looks| beside(issued, self.seconds, looks)),
        );
        drop(server);
        store.close().await;
    }

    async fn tell(&self, address: SocketAddr) -> Told {
        let path = |name: &str| self.file(name).display().to_string();
        let plan = Plan {
            address,
            tellers: path("tellers.json"),
            bills: path("bills.json"),
            connections: 64,
            most: self.city.schools * self.city.pupils,
            seconds: self.seconds,
            rate: Some(self.rate),
            first: 1,
            seed: 1,
        };
        let mut command = tokio::process::Command::new(std::env::current_exe().expect("this program"));
        let output = command.args(["load", &serde_json::to_string(&plan).expect("JSON")]).output().await;
        let output = output.expect("the load runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Told = serde_json::from_slice(&output.stdout).expect("what it told");
        assert!(told.refused == 0, "{} requests were not taken", told.refused);
        told
    }
}

/// What went on beside the payments.
fn beside(issued: i64, seconds: f64, mut looks: Vec<Duration>) -> String {
    looks.sort_unstable();
    let at = |part: usize| looks.get(looks.len() * part / 100).map_or(0.0, |look| look.as_secs_f64() * 1e3);
    format!(
        "; beside {issued} invoices in {seconds:.0} s and {} looks at the dashboard, p50 {:.0} p99 {:.0} ms",
        looks.len(),
        at(50),
        at(99)
    )
}

async fn house(store: &Store, key: &Path) -> House {
    let key = MasterKey::parse(&fs::read_to_string(key).expect("the key's file")).expect("a key");
    let vault = Vault::proven(store.clone(), key).await.expect("the vault");
    let providers = Providers::embedded().expect("the providers");
    House::open(store.clone(), vault, Clock::System, providers, Config::default()).expect("the house")
}

/// A run of five items for every class of every school.
async fn plan_runs(store: &Store) {
    let today = Clock::System.now().day();
    let catalogue = fees::catalogue(store).await.expect("the catalogue");
    let item = |code: &str| catalogue.iter().find(|item| item.code == code).expect("an item").id.clone();
    for school in roll::schools(store).await.expect("the schools") {
        let accounts = roll::accounts_of(store, &school.id).await.expect("its accounts");
        let classes = roll::classes_of(store, &school.id, &roll::school_year_of(today)).await.expect("its classes");
        let new = NewRun {
            school_id: school.id,
            account_id: accounts[0].id.clone(),
            title: "Đợt thu".to_owned(),
            due_day: today.plus_days(14),
            items: story::LINES.iter().map(|(code, quantity)| (item(code), *quantity)).collect(),
            classes: classes.into_iter().map(|class| class.id).collect(),
        };
        fees::create_run(store, &Clock::System, &new, ACTOR).await.expect("a run");
    }
}

/// Begins what was planned, and tells how many invoices there are before it.
async fn begin_runs(store: &Store) -> i64 {
    let planned = "select id from billing_run r where not exists
        (select 1 from billing_run_event e where e.run_id = r.id) order by id";
    for run in ask::<String>(store, planned).await {
        fees::start_issuing(store, &Clock::System, &run, ACTOR).await.expect("begun");
    }
    invoices(store).await
}

async fn invoices(store: &Store) -> i64 {
    ask(store, "select cast(sum(invoices) as bigint) from run_sum").await.remove(0)
}

async fn ask<T: hocphi::store::Record>(store: &Store, sql: &'static str) -> Vec<T> {
    let asked = hocphi::store::Statement {
        name: "a question of this measurement",
        kind: hocphi::store::StatementKind::Fixed,
        sql,
        tail: "",
    };
    store.all(&asked, Vec::new()).await.expect("an answer")
}

/// Each payment that was told of is posted, once.
async fn posted(store: &Store, told: &Told) {
    let begun = Instant::now();
    while city::waits(store).await.expect("asked") {
        assert!(begun.elapsed() < PATIENCE, "posting does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let progress = city::progress(store).await.expect("counted");
    let count = |figure: i64| usize::try_from(figure).expect("a count");
    assert_eq!((count(progress.posted), count(progress.paid)), (told.transfers, told.named), "{told:?}");
}

/// How long each look at the dashboard took.
static LOOKS: std::sync::Mutex<Vec<Duration>> = std::sync::Mutex::new(Vec::new());

/// A supervisor signs in and asks for the dashboard of all schools, one time after the other.
async fn look(address: SocketAddr) {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let session = sign_in(&client, address).await;
    loop {
        let begun = Instant::now();
        let page = client.get(format!("http://{address}/oversight")).header(COOKIE, &session).send().await;
        let page = page.expect("an answer");
        assert_eq!(page.status(), StatusCode::OK);
        page.bytes().await.expect("a page");
        LOOKS.lock().expect("nobody panicked").push(begun.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn sign_in(client: &reqwest::Client, address: SocketAddr) -> String {
    let address = format!("http://{address}/desk/sign-in");
    let page = client.get(&address).send().await.expect("the page");
    let before = cookies(&page).join("; ");
    let text = page.text().await.expect("its text");
    let mark = "name=\"knock\" value=\"";
    let knock = text.split_once(mark).and_then(|(_, rest)| rest.split_once('"')).expect("a knock").0;
    let (login, password) = SUPERVISOR;
    let body = format!("login={login}&password={}&knock={knock}", password.replace(' ', "+"));
    let request = client.post(&address).header("content-type", "application/x-www-form-urlencoded");
    let signed = request.header(COOKIE, &before).body(body).send().await.expect("an answer");
    assert_eq!(signed.status(), StatusCode::SEE_OTHER);
    cookies(&signed).into_iter().find(|pair| pair.starts_with("hp=")).expect("a session")
}

/// `hp=…`, and whatever else the answer sets.
fn cookies(response: &reqwest::Response) -> Vec<String> {
    let set = response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    set.filter_map(|value| Some(value.split(';').next()?.to_owned())).collect()
}
