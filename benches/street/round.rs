//! The order of the measurement: every server in turn, a fresh copy of its database each time, three rounds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hocphi::simulate::city::{self, Progress};
use hocphi::store::Store;
use hocphi::time::Moment;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::baseline::TUNED;
use crate::load::{Plan, Told};
use crate::machine::{self, Cost, Server};
use crate::postgres::Postgres;
use crate::report;
use crate::rows;
use crate::seed::{Seed, Town};

/// Our program, built with this measurement.
const OURS: &str = env!("CARGO_BIN_EXE_hocphi");
/// The number of the first transfer before anything is measured.
const PAST: u64 = 100_000_000;
/// How long all posting may take behind the answers.
const PATIENCE: Duration = Duration::from_mins(2);

/// What was asked on the command line: `rounds=3 seconds=4 bills=100000 only=sqlite/hot`.
pub struct Asked {
    rounds: usize,
    seconds: f64,
    bills: usize,
    only: String,
}

impl Asked {
    pub fn of(words: &[&str]) -> Asked {
        let of = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let number = |name: &str, usual: usize| of(name).map_or(usual, |text| text.parse().expect("a number"));
        Asked {
            rounds: number("rounds", 3),
            seconds: of("seconds").map_or(4.0, |text| text.parse().expect("seconds")),
            bills: number("bills", 100_000),
            only: of("only").unwrap_or_default().to_owned(),
        }
    }
}

/// Where a server keeps its books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        }
    }
}

/// One server under one load, once.
#[derive(Debug, Clone)]
pub struct Point {
    pub engine: Engine,
    pub town: &'static str,
    /// `ceiling`, `plain`, one of the tuned ones, `ours`, and `ours at half` or `… alone` for other loads.
    pub server: String,
    pub told: Told,
    /// Credits fully posted a second, until the last of them was.
    pub posted: f64,
    /// From hearing to posting in milliseconds: the middle, one in a hundred, the longest.
    pub lag: Option<[i64; 3]>,
    pub cost: Cost,
    pub peak_mb: u64,
}

/// Everything that lies about while measuring.
struct Bench {
    asked: Asked,
    folder: PathBuf,
    postgres: Postgres,
    points: Vec<Point>,
    /// How many payments a second went in as rows alone.
    limits: Vec<(Engine, &'static str, f64)>,
}

pub async fn measure(asked: &Asked) {
    let Asked { rounds, seconds, bills, ref only } = *asked;
    let folder = std::env::temp_dir().join(format!("hocphi-street-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let postgres = Postgres::start(&folder);
    println!("{}", report::conditions(&postgres.promises().await));
    let asked = Asked { rounds, seconds, bills, only: only.clone() };
    let mut bench = Bench { asked, folder, postgres, points: Vec::new(), limits: Vec::new() };
    for town in [Town::Hot, Town::Hundred] {
        let engines = [Engine::Sqlite, Engine::Postgres].into_iter().filter(|engine| bench.is_asked(*engine, town));
        let engines: Vec<Engine> = engines.collect();
        if engines.is_empty() {
            continue;
        }
        let begun = Instant::now();
        let seed = Seed::make(&bench.folder, town, bills, &engines, &bench.postgres).await;
        for engine in &engines {
            bench.pay_the_past(*engine, &seed).await;
        }
        eprintln!("{}: seeded in {:.0} s", town.name(), begun.elapsed().as_secs_f64());
        for round in 1..=bench.asked.rounds {
            for engine in &engines {
                bench.round(*engine, &seed, round).await;
            }
        }
    }
    println!("{}{}", report::table(&bench.points), report::limits(&bench.points, &bench.limits));
    let Bench { postgres, folder, .. } = bench;
    drop(postgres);
    fs::remove_dir_all(folder).expect("cleared");
}

impl Bench {
    fn is_asked(&self, engine: Engine, town: Town) -> bool {
        format!("{}/{}", engine.name(), town.name()).starts_with(&self.asked.only)
    }

    async fn round(&mut self, engine: Engine, seed: &Seed, round: usize) {
        let mut servers = vec!["ceiling", "plain"];
        if engine == Engine::Postgres {
            servers.extend(TUNED);
        }
        servers.push("ours");
        let turn = round % servers.len();
        servers.rotate_left(turn);
        for server in servers {
            let full = self.plan(seed, engine, 64, None);
            let point = self.point(engine, seed, server, &full).await;
            let half = (server == "ours").then_some(point.posted / 2.0);
            self.keep(point);
            if server == "ours" {
                let limit = match engine {
                    Engine::Sqlite => rows::on_sqlite(&self.folder.join("round.db"), Path::new(&seed.file("ours.db"))),
                    Engine::Postgres => rows::on_postgres(&self.postgres, "round", &seed.database("ours")).await,
                };
                eprintln!("{}/{} rows alone: {limit:.0} payments/s", engine.name(), seed.town.name());
                self.limits.push((engine, seed.town.name(), limit));
            }
            if server == "ceiling" || TUNED.contains(&server) {
                continue;
            }
            let alone = self.plan(seed, engine, 1, None);
            let mut point = self.point(engine, seed, server, &alone).await;
            point.server = format!("{server} alone");
            self.keep(point);
            if let Some(rate) = half {
                let plan = self.plan(seed, engine, 64, Some(rate));
                let mut point = self.point(engine, seed, server, &plan).await;
                "ours at half".clone_into(&mut point.server);
                self.keep(point);
            }
        }
    }

    /// Some bills are paid through the hook before anything is measured, and the database looks at what it holds.
    async fn pay_the_past(&self, engine: Engine, seed: &Seed) {
        let database = seed.ours_at(engine, &self.postgres);
        let bills = seed.file(&format!("{}-past.json", engine.name()));
        let plan = Plan { bills, seconds: 60.0, first: PAST, ..self.plan(seed, engine, 16, None) };
        let process = Server::start(&mut command(seed, "ours", &database, &plan));
        let (told, _) = tell(&Plan { address: process.address, ..plan });
        ours_posted(&database, &told, Progress::default()).await;
        drop(process);
        seed.know(engine, &self.postgres).await;
    }

    fn keep(&mut self, point: Point) {
        eprintln!("{}", report::line(&point));
        self.points.push(point);
    }

    fn plan(&self, seed: &Seed, engine: Engine, connections: usize, rate: Option<f64>) -> Plan {
        let file = |name: &str| seed.file(&format!("{}-{name}.json", engine.name()));
        Plan {
            address: ([127, 0, 0, 1], 0).into(),
            tellers: file("tellers"),
            bills: file("bills"),
            connections,
            most: self.asked.bills,
            seconds: self.asked.seconds,
            rate,
            first: 1,
            seed: 1,
        }
    }

    async fn point(&self, engine: Engine, seed: &Seed, server: &str, plan: &Plan) -> Point {
        let database = self.copy(engine, seed, server).await;
        let past = if server == "ours" { progress(&database).await } else { Progress::default() };
        machine::quiet();
        let process = Server::start(&mut command(seed, server, &database, plan));
        let backing = (engine == Engine::Postgres && server != "ceiling").then(|| self.postgres.pid());
        let before = machine::read(process.pid(), backing);
        let plan = Plan { address: process.address, ..plan.clone() };
        let (told, load) = tell(&plan);
        let after_answers = machine::read(process.pid(), backing);
        let cost = before.until(&after_answers, load);
        let (posted, lag) = match server {
            "ceiling" => (0.0, None),
            "ours" => ours_posted(&database, &told, past).await,
            _ => (baseline_posted(&database, &told).await, None),
        };
        let peak_mb = machine::peak_mb(process.pid());
        drop(process);
        Point { engine, town: seed.town.name(), server: server.to_owned(), told, posted, lag, cost, peak_mb }
    }

    /// A fresh copy of the seeded database.
    async fn copy(&self, engine: Engine, seed: &Seed, server: &str) -> String {
        let form = match server {
            "ceiling" => return String::new(),
            "ours" => "ours",
            "plain" => "plain",
            _ => "no-keys",
        };
        if engine == Engine::Postgres {
            self.postgres.create("round", &seed.database(form)).await;
            return self.postgres.address("round");
        }
        let kept = seed.file(if form == "ours" { "ours.db" } else { "baseline.db" });
        let file = self.folder.join("round.db");
        for left in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{left}", file.display()));
        }
        fs::copy(kept, &file).expect("a copy");
        format!("sqlite://{}", file.display())
    }
}

/// How a server is started.
fn command(seed: &Seed, server: &str, database: &str, plan: &Plan) -> Command {
    if server != "ours" {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        match server {
            "ceiling" => command.args(["ceiling", &plan.tellers]),
            form => command.args(["baseline", form, database, &plan.tellers]),
        };
        return command;
    }
    let mut command = Command::new(OURS);
    command.args(["serve", "--database", database, "--listen", "127.0.0.1:0"]);
    command.env("HOCPHI_KEY_FILE", seed.key()).env("RUST_LOG", "error");
    command
}

/// Has the telling process do its plan; also what it spent of the processor.
fn tell(plan: &Plan) -> (Told, f64) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let own = || machine::spent(std::process::id());
    let before = own();
    let output = command.args(["load", &serde_json::to_string(plan).expect("JSON")]).output().expect("the load runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Told = serde_json::from_slice(&output.stdout).expect("what it told");
    assert!(told.refused == 0, "{} requests were not taken", told.refused);
    (told, own() - before)
}

/// How far the money of a database has come.
async fn progress(database: &str) -> Progress {
    let store = Store::open(database).await.expect("the database");
    let progress = city::progress(&store).await.expect("counted");
    store.close().await;
    progress
}

/// Waits until everything is posted and counts it: each transfer once, each that names an invoice on it.
async fn ours_posted(database: &str, told: &Told, past: Progress) -> (f64, Option<[i64; 3]>) {
    let store = Store::open(database).await.expect("the database");
    let begun = Instant::now();
    // Counting costs the database as much as some hundred payments, so it is done once, when nothing waits any more.
    while city::waits(&store).await.expect("asked") {
        assert!(begun.elapsed() < PATIENCE, "posting does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let progress: Progress = city::progress(&store).await.expect("counted");
    let count = |figure: i64| usize::try_from(figure).expect("a count");
    let since = |now: i64, past: i64| count(now - past);
    let kept = since(progress.kept, past.kept);
    assert!(kept == told.transfers, "{} transfers, kept {past:?} {progress:?}", told.transfers);
    let (posted, paid) = (since(progress.posted, past.posted), since(progress.paid, past.paid));
    assert!(posted == told.transfers && paid == told.named, "{told:?} {past:?} {progress:?}");
    let mut lags = city::lags(&store, Moment(told.since)).await.expect("lags");
    let last = city::last_posted(&store).await.expect("the last posting").expect("a posting");
    store.close().await;
    lags.sort_unstable();
    let of_hundred = |part: usize| lags[(lags.len() * part / 100).min(lags.len() - 1)];
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of some minutes")]
    let seconds = (last.0 - told.since) as f64 / 1_000.0;
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
    let posted = told.transfers as f64 / seconds;
    (posted, Some([of_hundred(50), of_hundred(99), of_hundred(100)]))
}

/// What a baseline answers it has posted; counted all the same.
async fn baseline_posted(database: &str, told: &Told) -> f64 {
    let counts = "select (select count(*) from event where provider <> 'past'),
        (select count(*) from ledger_line where provider <> 'past'), (select count(*) from invoice where paid > 0)";
    let (events, lines, paid): (i64, i64, i64) = if database.starts_with("postgres") {
        let pool = PgPool::connect(database).await.expect("the database");
        let counted = sqlx::query_as(AssertSqlSafe(counts)).fetch_one(&pool).await.expect("counted");
        pool.close().await;
        counted
    } else {
        let pool = SqlitePool::connect(database).await.expect("the database");
        let counted = sqlx::query_as(AssertSqlSafe(counts)).fetch_one(&pool).await.expect("counted");
        pool.close().await;
        counted
    };
    let all = i64::try_from(told.transfers).expect("a count");
    let named = i64::try_from(told.named).expect("a count");
    assert!(
        events == all && lines == 2 * all && paid == named,
        "{told:?}: {events} events, {lines} lines, {paid} paid"
    );
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
    let posted = told.transfers as f64 / told.seconds;
    posted
}
