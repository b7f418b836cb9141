//! `cargo bench --bench pages invoices=10000000 only=sqlite`: how long each page takes once years have been loaded.
//!
//! A thousand schools are set up through the doors everybody uses; their invoices, payments, receipts, statements and
//! places in the feed are put straight into the tables, because issuing ten million would take the night. Then the
//! program is served and each page is asked for over HTTP, three hundred times, of subjects drawn by lot. It prints the
//! middle and the slowest of a hundred of each page, the slowest page first.
//!
//! `keep=FOLDER` leaves the databases there and goes on from what they hold; `asks=300` says how often.
#![expect(clippy::expect_used, reason = "a measurement that cannot go on ends with what kept it")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measurement is read from a terminal")]

mod ask;
mod load;
#[path = "../street/machine.rs"]
#[expect(dead_code, reason = "the street asks for more of it")]
mod machine;
#[path = "../street/postgres.rs"]
#[expect(dead_code, reason = "the street asks for more of it")]
mod postgres;
mod subjects;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ask::Timed;
use hocphi::store::Store;
use load::Town;
use machine::Server;
use postgres::Postgres;

/// Our program, built with this measurement.
const OURS: &str = env!("CARGO_BIN_EXE_hocphi");

/// What was asked on the command line.
struct Asked {
    invoices: usize,
    asks: usize,
    only: String,
    pages: String,
    folder: PathBuf,
    keeps: bool,
}

impl Asked {
    fn of(words: &[String]) -> Asked {
        let of = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let number = |name: &str, usual: usize| of(name).map_or(usual, |text| text.parse().expect("a number"));
        let passing = std::env::temp_dir().join(format!("hocphi-pages-{}", std::process::id()));
        Asked {
            invoices: number("invoices", 100_000),
            asks: number("asks", 300),
            only: of("only").unwrap_or_default().to_owned(),
            pages: of("pages").unwrap_or_default().to_owned(),
            folder: of("keep").map_or(passing, PathBuf::from),
            keeps: of("keep").is_some(),
        }
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = Asked::of(&words);
    std::fs::create_dir_all(&asked.folder).expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(measure(&asked));
    if !asked.keeps {
        std::fs::remove_dir_all(&asked.folder).expect("cleared");
    }
}

async fn measure(asked: &Asked) {
    if "sqlite".starts_with(&asked.only) {
        let file = asked.folder.join("pages.db");
        engine(asked, "sqlite", &format!("sqlite://{}", file.display())).await;
    }
    if "postgres".starts_with(&asked.only) {
        let folder = asked.folder.join("server");
        std::fs::create_dir_all(&folder).expect("a folder");
        let everybody = || std::os::unix::fs::PermissionsExt::from_mode(0o755);
        for folder in [&asked.folder, &folder] {
            std::fs::set_permissions(folder, everybody()).expect("its own folder");
        }
        let is_there = folder.join("postgres/PG_VERSION").exists();
        let postgres = Postgres::start(&folder);
        if !is_there {
            postgres.create("pages", "template0").await;
        }
        println!("PostgreSQL: {}", postgres.promises().await);
        engine(asked, "postgres", &postgres.address("pages")).await;
    }
}

async fn engine(asked: &Asked, name: &str, database: &str) {
    let key = asked.folder.join("master.key");
    let town = Town::of(asked.invoices);
    let begun = Instant::now();
    town.fill(database, &key).await;
    eprintln!("{name}: {} invoices loaded in {:.0} s", town.invoices(), begun.elapsed().as_secs_f64());
    if asked.asks == 0 {
        return;
    }
    let store = Store::open_existing(database).await.expect("the database");
    let size = size(&store, &asked.folder).await;
    let subjects = subjects::draw(&store, &key, &town, asked.asks).await;
    store.close().await;
    let server = serve(database, &key);
    let mut timed = ask::all(server.address, &subjects, &asked.pages).await;
    timed.sort_by_key(|timed| std::cmp::Reverse(timed.at(0.99)));
    told(name, &town, size, &timed);
}

fn serve(database: &str, key: &Path) -> Server {
    let mut command = Command::new(OURS);
    command.args(["serve", "--database", database, "--listen", "127.0.0.1:0"]);
    command.env("HOCPHI_KEY_FILE", key).env("RUST_LOG", "error");
    Server::start(&mut command)
}

/// In megabytes.
async fn size(store: &Store, folder: &Path) -> u64 {
    if store.engine() == hocphi::store::EngineName::Sqlite {
        return std::fs::metadata(folder.join("pages.db")).expect("the file").len() >> 20;
    }
    let bytes: i64 = subjects::one(store, "select pg_database_size(current_database())").await;
    u64::try_from(bytes).expect("a size") >> 20
}

fn told(name: &str, town: &Town, size: u64, timed: &[Timed]) {
    println!("{name}: {} invoices of {} schools, {} runs each; {size} MB", town.invoices(), town.schools, town.runs);
    println!("{:<48} {:>8} {:>8} {:>8} {:>9}", "page", "p50 ms", "p99 ms", "most ms", "bytes");
    for page in timed {
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|part| page.at(part));
        println!(
            "{:<48} {:>8.1} {:>8.1} {:>8.1} {:>9}",
            page.name,
            p50.as_secs_f64() * 1e3,
            p99.as_secs_f64() * 1e3,
            most.as_secs_f64() * 1e3,
            page.bytes
        );
    }
}
