//! `cargo bench --bench month pupils=10000,100000`: what a school's month costs, on each engine: a run of invoices with
//! five lines each, their places in the feed, reading the feed in the room and through the API, a statement with a line
//! for every payment, and the receipts as one paper. `only=sqlite` or `only=postgres` leaves the other engine out.
//!
//! One process does it all and nothing else runs, so that a figure is what the work itself takes. Everything is counted
//! afterwards; a month that ends otherwise than it should is no figure.
#![expect(clippy::expect_used, reason = "a measurement that cannot go on ends with what kept it")]
#![expect(clippy::print_stdout, reason = "a measurement is read from a terminal")]

#[path = "../street/postgres.rs"]
#[expect(dead_code, reason = "the street asks for more of it")]
mod postgres;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hocphi::access::{NewKey, Place, make_key};
use hocphi::clockwork::House;
use hocphi::config::Config;
use hocphi::feed::{self, Scope};
use hocphi::fees::{self, NewRun};
use hocphi::matching;
use hocphi::providers::Providers;
use hocphi::receipts::{self, FILE_MOST};
use hocphi::roll;
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::bank::Transfer;
use hocphi::simulate::city::{self, Bill, City};
use hocphi::simulate::{paper, story};
use hocphi::statements::{self, Upload};
use hocphi::store::Store;
use hocphi::time::Clock;
use hocphi::web::{self, papers};
use postgres::Postgres;
use tower::ServiceExt;

/// As in the program.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Who acts.
const ACTOR: &str = "bench";
/// How long matching waits for more, where nothing is left.
const GATHER: Duration = Duration::from_millis(50);
/// Lines of the largest statement that is taken.
const LINES: usize = statements::MOST_LINES;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let of = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let pupils = of("pupils").unwrap_or("10000,100000").split(',').map(|text| text.parse().expect("a number"));
    let pupils: Vec<usize> = pupils.collect();
    let only = of("only").unwrap_or_default().to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(measure(&pupils, &only));
}

async fn measure(pupils: &[usize], only: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    if "sqlite".starts_with(only) {
        for pupils in pupils {
            let file = folder.path().join(format!("{pupils}.db"));
            month("sqlite", &format!("sqlite://{}", file.display()), *pupils).await;
        }
    }
    if "postgres".starts_with(only) {
        let server = folder.path().join("server");
        open_to_all(folder.path());
        std::fs::create_dir(&server).expect("a folder");
        let postgres = Postgres::start(&server);
        println!("PostgreSQL: {}", postgres.promises().await);
        for pupils in pupils {
            let name = format!("month_{pupils}");
            postgres.create(&name, "template0").await;
            month("postgres", &postgres.address(&name), *pupils).await;
        }
    }
}

/// PostgreSQL runs as somebody else, who must be able to pass through.
fn open_to_all(folder: &Path) {
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder, everybody).expect("its own folder");
}

/// A figure as it is printed: what, how many, in how long.
fn told(engine: &str, what: &str, count: usize, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
    let rate = count as f64 / seconds;
    println!("{engine:<9} {what:<34} {count:>8} in {seconds:>8.2} s  {rate:>9.0} /s");
}

async fn month(engine: &str, database: &str, pupils: usize) {
    let house = open(database).await;
    let (store, clock) = (&house.store, &house.clock);
    let begun = Instant::now();
    City { schools: 1, pupils, runs: 0 }.build(&house).await.expect("a school");
    told(engine, "pupils read from a list", pupils, begun);

    let run = planned(store, clock).await;
    fees::start_issuing(store, clock, &run, ACTOR).await.expect("begun");
    issue(engine, &house, pupils).await;
    fees::publish(store, clock, &run, ACTOR).await.expect("published");

    let begun = Instant::now();
    while feed::sequence(store, clock).await.expect("a batch") > 0 {}
    told(engine, "entries given their places", pupils, begun);
    read_the_feed(engine, store, pupils).await;
    ask_for_the_feed(engine, &house, pupils).await;

    let bills = city::bills(store).await.expect("the bills");
    assert_eq!(bills.len(), pupils, "an invoice for every pupil");
    settle_by_statement(engine, &house, &bills).await;
    print_receipts(engine, &house).await;
    house.store.close().await;
}

/// The run, and how long its chunks kept a writer waiting; the last tenth beside the first says whether one invoice costs
/// what another does.
async fn issue(engine: &str, house: &House, pupils: usize) {
    let (begun, mut chunks, mut tenths) = (Instant::now(), Vec::new(), vec![Instant::now()]);
    let mut looked_at = 0;
    loop {
        let chunk = Instant::now();
        let done = fees::advance_runs(&house.store, &house.vault, &house.clock).await.expect("a chunk");
        if done == 0 {
            break;
        }
        chunks.push(chunk.elapsed());
        looked_at += done;
        if looked_at * 10 >= pupils * tenths.len() {
            tenths.push(Instant::now());
        }
    }
    told(engine, "invoices of five lines", pupils, begun);
    chunks.sort_unstable();
    let at = |part: usize| milliseconds(chunks[(chunks.len() - 1) * part / 100]);
    println!(
        "{engine:<9} {:<34} {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        "  a chunk, the median",
        at(50),
        at(99),
        at(100)
    );
    let [first, second, .., last_but_one, last] = tenths[..] else { return };
    let (first, last) = (milliseconds(second - first), milliseconds(last - last_but_one));
    println!("{engine:<9} {:<34} {first:.0} ms and {last:.0} ms", "  the first tenth and the last");
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A city reads the feed through the door that it has.
async fn ask_for_the_feed(engine: &str, house: &Arc<House>, pupils: usize) {
    let authority = roll::authority_by_code(&house.store, "SGD").await.expect("asked").expect("the authority").id;
    let new = NewKey { name: "city", scopes: &["feed:read"], place: Place::Authority(authority), city: true };
    let (_, key) = make_key(&house.store, &house.clock, new, ACTOR).await.expect("a key");
    let router = web::router(Arc::clone(house));
    let (begun, mut read, mut bytes) = (Instant::now(), 0, 0);
    while read < pupils {
        let request = Request::get(format!("/feed/v1/entries?limit=1000&after={read}"));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {key}")).body(Body::empty());
        let answer = router.clone().oneshot(request.expect("a request")).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let page = axum::body::to_bytes(answer.into_body(), 64 << 20).await.expect("a page");
        let lines = page.split(|byte| *byte == b'\n').count() - 1;
        assert!(lines > 0, "the feed ends early");
        (read, bytes) = (read + lines, bytes + page.len());
    }
    told(engine, "entries of the feed by the API", read, begun);
    println!("{engine:<9} {:<34} {} bytes", "  one of them", bytes / read.max(1));
}

/// A thousand receipts for the printer.
async fn print_receipts(engine: &str, house: &House) {
    let today = house.clock.now().day();
    let school = roll::schools(&house.store).await.expect("the schools").remove(0);
    let begun = Instant::now();
    let days = (today.plus_days(-1), today);
    let found = receipts::file_of_school(&house.store, &school.id, days, Some(1)).await.expect("receipts");
    let file = papers::receipts_in_one(house, &found, true).await.expect("a paper");
    told(engine, "receipts on one paper", found.len(), begun);
    let size = file.len() / found.len().max(1);
    println!("{engine:<9} {:<34} {size} bytes", "  one of them");
    assert_eq!(i64::try_from(found.len()).expect("few"), FILE_MOST, "a full file");
    if let Ok(folder) = std::env::var("HOCPHI_BENCH_KEEP") {
        std::fs::write(Path::new(&folder).join(format!("receipts-{engine}.pdf")), file).expect("kept");
    }
}

async fn open(database: &str) -> Arc<House> {
    let store = Store::open(database).await.expect("a database");
    store.migrate().await.expect("a schema");
    let key = MasterKey::parse(&MasterKey::generate().expect("a key")).expect("a key");
    let vault = Vault::proven(store.clone(), key).await.expect("a vault");
    let providers = Providers::embedded().expect("the providers");
    Arc::new(House::open(store, vault, Clock::System, providers, Config::default()).expect("a house"))
}

/// A run of five items for every class of the one school.
async fn planned(store: &Store, clock: &Clock) -> String {
    let today = clock.now().day();
    let school = roll::schools(store).await.expect("the schools").remove(0);
    let accounts = roll::accounts_of(store, &school.id).await.expect("its accounts");
    let classes = roll::classes_of(store, &school.id, &roll::school_year_of(today)).await.expect("its classes");
    let catalogue = fees::catalogue(store).await.expect("the catalogue");
    let item = |code: &str| catalogue.iter().find(|item| item.code == code).expect("an item").id.clone();
    let new = NewRun {
        school_id: school.id.clone(),
        account_id: accounts[0].id.clone(),
        title: "Đợt thu".to_owned(),
        due_day: today.plus_days(14),
        items: story::LINES.iter().map(|(code, quantity)| (item(code), *quantity)).collect(),
        classes: classes.iter().map(|class| class.id.clone()).collect(),
    };
    fees::create_run(store, clock, &new, ACTOR).await.expect("a run").id
}

async fn read_the_feed(engine: &str, store: &Store, pupils: usize) {
    let begun = Instant::now();
    let (mut place, mut read) = (0, 0);
    loop {
        let page = feed::entries(store, &Scope::All, place, 1_000).await.expect("a page").leaves;
        let Some(last) = page.last() else { break };
        (place, read) = (last.place, read + page.len());
    }
    assert_eq!(read, pupils, "an entry for every invoice");
    told(engine, "entries of the feed read", read, begun);
}

/// Matches until nothing is left of what was read.
async fn match_beside(house: Arc<House>, is_read: Arc<AtomicBool>) {
    loop {
        let was_read = is_read.load(Ordering::Relaxed);
        match matching::drain(&house.store, &house.vault, &house.clock).await.expect("a batch") {
            0 if was_read => return,
            0 => tokio::time::sleep(GATHER).await,
            _ => {}
        }
    }
}

/// Every bill is paid, and nobody told of it but the statement.
async fn settle_by_statement(engine: &str, house: &Arc<House>, bills: &[Bill]) {
    let now = house.clock.now();
    let mut balance = 0;
    let transfer = |(at, bill): (usize, &Bill)| {
        balance += bill.amount;
        Transfer {
            id: at.to_string(),
            bank_reference: city::bank_number(u64::try_from(at).expect("a number")),
            bin: city::BIN.to_owned(),
            number: bill.account.clone(),
            amount: bill.amount,
            asked: bill.reference.clone(),
            memo: format!("{} nop hoc phi", bill.reference),
            payer: "NGUYEN VAN A".to_owned(),
            payer_number: String::new(),
            booked_at: now.0,
            balance,
            tell_at: Vec::new(),
        }
    };
    let transfers: Vec<Transfer> = bills.iter().take(LINES).enumerate().map(transfer).collect();
    let lines: Vec<&Transfer> = transfers.iter().collect();
    let bytes = paper::csv(&bills[0].account, now.day(), &lines).expect("a statement");
    let account = Some((city::BIN.to_owned(), bills[0].account.clone()));
    let upload = Upload { account, school: None, filename: "sao-ke.csv".to_owned(), bytes, actor: ACTOR.to_owned() };
    let begun = Instant::now();
    // As in the program: what is read is matched beside the reading.
    let is_read = Arc::new(AtomicBool::new(false));
    let matching = tokio::spawn(match_beside(Arc::clone(house), Arc::clone(&is_read)));
    let summary = statements::import(&house.store, &house.vault, &house.clock, &upload).await.expect("read");
    is_read.store(true, Ordering::Relaxed);
    told(engine, "lines of a statement read", lines.len(), begun);
    matching.await.expect("all are matched");
    assert_eq!((summary.new, summary.found), (lines.len(), lines.len()));
    told(engine, "lines read, matched and posted", lines.len(), begun);
    let progress = city::progress(&house.store).await.expect("counted");
    assert_eq!(progress.paid, i64::try_from(lines.len()).expect("small"), "{progress:?}");
}
