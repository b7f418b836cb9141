//! The demo: an empty directory becomes two schools with a bank that pays, and keeps living until it is told to stop;
//! or one fixed day is played, added up and audited.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::bank::{Bank, Hook, PROVIDER};
use super::chance::Chance;
use super::roster::{BEN_NGHE_XANH, SAO_KHUE, StorySchool};
use super::summary::{self, Summary};
use super::{paper, stage, story};
use crate::access::{self, NewKey, Place, SCOPES};
use crate::clockwork::{self, House};
use crate::config::Config;
use crate::fault::{Fault, Kind, OrFault, Refusal, Result};
use crate::fees::view;
use crate::ids;
use crate::inbox::{self, NewConnection};
use crate::providers::{Providers, Secrets};
use crate::seal::{MasterKey, Vault};
use crate::statements::{self, Upload};
use crate::store::Store;
use crate::time::{Clock, Moment};
use crate::{matching, roll, web};

/// The schools of the story.
pub const SCHOOLS: [StorySchool; 2] = [SAO_KHUE, BEN_NGHE_XANH];
/// The story that is always told.
const SEED: u64 = 2026;
/// The morning of the day that `--once` plays.
const MORNING: &str = "2026-11-23T07:00:00+07:00";
/// Where it listens when nobody says where, if nobody else does.
const USUAL: &str = "127.0.0.1:8080";
/// How often a parent pays while the demo lives.
const BREATH: Duration = Duration::from_secs(3);
/// Families that pay before anybody looks, so that there is something to see.
const EARLY_BIRDS: usize = 40;
/// The secret that the bank and the school agreed upon is this long.
const SECRET_BYTES: usize = 24;

/// What somebody asked for.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Everything lies here.
    pub dir: PathBuf,
    /// Where to listen.
    pub listen: Option<String>,
    /// Play one fixed day and return.
    pub once: bool,
}

/// What is kept beside the database, for people and scripts. It opens the demo and nothing else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Doors {
    /// `once` or `living`.
    pub kind: String,
    /// `http://127.0.0.1:8080`
    pub address: String,
    /// One parent's page.
    pub parent: String,
    /// The accountant's, with the login `ketoan`.
    pub accountant: String,
    /// The supervisor's, with the login `giamsat`.
    pub supervisor: String,
    /// The API's pages.
    pub api: String,
    /// Of all three people.
    pub password: String,
    /// For programs.
    pub api_key: String,
}

/// One invoice of the story and how its family pays it.
struct Family {
    invoice_id: String,
    reference: String,
    habit: Option<super::bank::Habit>,
}

/// What the demo keeps. The living one and the fixed day tell different stories, so each has files of its own and both
/// may lie in one directory; the key is shared.
struct Files {
    database: PathBuf,
    bank: PathBuf,
    doors: PathBuf,
}

impl Files {
    fn of(demo: &Demo) -> Files {
        let [database, bank, doors] = if demo.once {
            ["once.db", "once-bank.jsonl", "once.json"]
        } else {
            ["hocphi.db", "simulated-bank.jsonl", "demo.json"]
        };
        Files { database: demo.dir.join(database), bank: demo.dir.join(bank), doors: demo.dir.join(doors) }
    }
}

/// Everything that is on the stage.
struct Scene {
    house: Arc<House>,
    bank: Bank,
    families: Vec<Family>,
    doors: Doors,
    server: JoinHandle<()>,
}

/// Plays the demo. True when the books agreed with themselves at the end.
///
/// # Errors
/// The directory cannot be used, or something on the street refused.
pub async fn play(demo: &Demo) -> Result<bool> {
    let mut scene = Scene::open(demo).await?;
    let agreed = if demo.once {
        scene.play_day().await?;
        let summary = Summary::of(&scene.house, &SCHOOLS).await?;
        say(&summary);
        summary.agrees()
    } else {
        say(&summary::welcome(&scene.doors, &demo.dir));
        scene.live().await?
    };
    scene.server.abort();
    scene.house.store.close().await;
    Ok(agreed)
}

impl Scene {
    async fn open(demo: &Demo) -> Result<Scene> {
        fs::create_dir_all(&demo.dir).or_fault("make the demo's directory")?;
        let kind = if demo.once { "once" } else { "living" };
        let files = Files::of(demo);
        let known = read_doors(&files.doors, kind)?;
        let master = key(&demo.dir)?;
        let listener = listen(demo.listen.as_deref(), demo.once).await?;
        let address = format!("http://{}", listener.local_addr().or_fault("ask where the demo listens")?);
        let store = Store::open(&format!("sqlite://{}", files.database.display())).await?;
        store.migrate().await?;
        let clock = match Moment::parse(MORNING) {
            Some(morning) if demo.once => Clock::set(morning),
            _ => Clock::System,
        };
        let vault = Vault::proven(store.clone(), master).await?;
        let config = Config { public_url: Some(address.clone()), private_webhooks: true, ..Config::default() };
        let house = Arc::new(House::open(store, vault, clock.clone(), Providers::embedded()?, config)?);
        let password = match &known {
            Some(doors) => doors.password.clone(),
            None => ids::new_token()?,
        };
        stage::set(&house.store, &clock, &SCHOOLS, &password, SEED).await?;
        let server = serve(Arc::clone(&house), listener);
        let mut bank = Bank::open(SEED, &files.bank)?;
        for school in &SCHOOLS {
            let hook = connect(&house, school, &address).await?;
            bank.serve(school.bin, school.number, hook);
        }
        bank.tell_again(clock.now());
        let families = families(&house).await?;
        let doors = doors(&house, kind, &address, password, known, &families).await?;
        write_doors(&files.doors, &doors)?;
        Ok(Scene { house, bank, families, doors, server })
    }

    fn now(&self) -> Moment {
        self.house.clock.now()
    }

    /// One family opens its page and pays what the code there says. A second time it does nothing.
    async fn pay(&mut self, which: usize) -> Result<()> {
        let family = &self.families[which];
        let Some(habit) = family.habit else { return Ok(()) };
        if self.bank.transfers().iter().any(|transfer| transfer.asked.contains(&family.reference)) {
            return Ok(());
        }
        let Some(page) = view::page_of(&self.house.store, &family.invoice_id).await? else { return Ok(()) };
        let code = web::parent::code_of(&self.house.store, &page).await?;
        let Some(code) = code.ready() else { return Ok(()) };
        let now = self.now();
        self.bank.scan(code.text(), habit, now)
    }

    /// Tells until nothing is due any more; what was not taken stays due.
    async fn tell(&mut self) -> Result<()> {
        let now = self.now();
        self.bank.tell_due(now).await?;
        Ok(())
    }

    /// A fixed day: parents pay from morning to afternoon, the late news comes, the statement in the evening, and the
    /// accountant frees what a person can.
    async fn play_day(&mut self) -> Result<()> {
        let paid_before = self.bank.transfers().len();
        let mut chance = Chance::new(SEED);
        let mut order: Vec<usize> = (0..self.families.len()).collect();
        chance.shuffle(&mut order);
        for (turn, which) in order.into_iter().enumerate() {
            self.house.clock.advance_ms(60_000 + i64::try_from(chance.below(180_000)).unwrap_or_default());
            self.pay(which).await?;
            self.tell().await?;
            if turn % 10 == 9 {
                clockwork::settle(&self.house).await?;
            }
        }
        while let Some(next) = self.bank.next_telling() {
            let wait = next.0 - self.now().0;
            self.house.clock.advance_ms(wait.max(1));
            self.tell().await?;
        }
        clockwork::settle(&self.house).await?;
        self.import_statements().await?;
        // A day that is played again has nothing new to free.
        if self.bank.transfers().len() > paid_before { self.free_one().await } else { Ok(()) }
    }

    /// The accountant downloads the day's statements and gives them to the program.
    async fn import_statements(&self) -> Result<()> {
        let day = self.now().day();
        for school in &SCHOOLS {
            let transfers = self.bank.of_day(school.bin, school.number, day);
            if transfers.is_empty() {
                continue;
            }
            let upload = Upload {
                account: Some((school.bin.to_owned(), school.number.to_owned())),
                filename: format!("sao-ke-{day}.xlsx"),
                bytes: paper::xlsx(school.number, day, &transfers)?,
                actor: "system".to_owned(),
                ..Upload::default()
            };
            let house = &self.house;
            statements::import(&house.store, &house.vault, &house.clock, &upload).await?;
        }
        clockwork::settle(&self.house).await
    }

    /// The accountant rings a parent whose transfer had no reference, and learns whose money it is.
    async fn free_one(&self) -> Result<()> {
        let House { store, vault, clock, .. } = &*self.house;
        let Some(person) = access::person_by_login(store, stage::ACCOUNTANT).await? else { return Ok(()) };
        for school in &SCHOOLS {
            let school = stage::school(store, school).await?;
            for held in matching::held(store, &school.id, None, 100).await? {
                let transfers = self.bank.transfers().iter();
                let transfer = transfers
                    .into_iter()
                    .find(|transfer| held.bank_reference.as_ref() == Some(&transfer.bank_reference));
                let family = transfer.and_then(|transfer| {
                    self.families.iter().find(|family| transfer.asked.contains(&family.reference))
                });
                let Some(family) = family.filter(|_| held.reason == "no_reference") else { continue };
                let note = "Phụ huynh xác nhận qua điện thoại đã chuyển khoản này.";
                let act = matching::Act::new(clock.now(), &person.id, note)?;
                matching::assign(store, vault, &held.id, &family.invoice_id, &act).await?;
                return clockwork::settle(&self.house).await;
            }
        }
        Ok(())
    }

    /// Goes on until Ctrl-C: some pay at once, then one family a breath.
    async fn live(&mut self) -> Result<bool> {
        let pace = tokio::spawn(clockwork::run(Arc::clone(&self.house)));
        let stop = tokio::signal::ctrl_c();
        tokio::pin!(stop);
        let mut breath = tokio::time::interval(BREATH);
        let mut turn = 0;
        loop {
            tokio::select! {
                _ = &mut stop => break,
                _ = breath.tick() => {
                    let end = if turn == 0 { EARLY_BIRDS } else { turn + 1 }.min(self.families.len());
                    for which in turn..end {
                        self.pay(which).await?;
                    }
                    self.tell().await?;
                    if turn == 0 {
                        self.import_statements().await?;
                    }
                    turn = end;
                }
            }
        }
        pace.abort();
        clockwork::settle(&self.house).await?;
        let summary = Summary::of(&self.house, &SCHOOLS).await?;
        say(&format_args!("\n{summary}"));
        Ok(summary.agrees())
    }
}

/// Tells the story on standard output; it goes on when nobody listens any more.
fn say(text: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Every invoice of the story, in the order the families pay.
async fn families(house: &House) -> Result<Vec<Family>> {
    let mut chance = Chance::new(SEED);
    let mut families = Vec::new();
    for school in &SCHOOLS {
        let run_id = stage::publish_run(house, school).await?;
        let invoices = view::invoices_of_run(&house.store, &run_id).await?;
        let habits = story::habits(invoices.len(), &mut chance);
        families.extend(invoices.into_iter().zip(habits).map(|(invoice, habit)| Family {
            invoice_id: invoice.id,
            reference: invoice.reference,
            habit,
        }));
    }
    chance.shuffle(&mut families);
    Ok(families)
}

/// Connects a school's account with the simulated bank, or finds that it is.
async fn connect(house: &House, story: &StorySchool, address: &str) -> Result<Hook> {
    let school = stage::school(&house.store, story).await?;
    let mut known = None;
    for id in inbox::connections_of(&house.store, &school.id).await? {
        let found = inbox::connection(&house.store, &house.vault, &id).await?;
        known = known.or(found.filter(|found| found.provider == PROVIDER));
    }
    let (id, secret) = if let Some(known) = known {
        let secret = known.secrets.values("hmac_secret").first().map(|secret| secret.to_string());
        (known.id, secret.ok_or_else(|| Fault::new("connect the simulated bank: its secret is gone"))?)
    } else {
        let secret = new_secret()?;
        let new = NewConnection {
            provider: PROVIDER.to_owned(),
            accounts: vec![(story.bin.to_owned(), story.number.to_owned())],
            secrets: Secrets::new().with("hmac_secret", &secret),
            ..NewConnection::default()
        };
        let House { store, vault, clock, providers, .. } = house;
        (inbox::connect(store, vault, clock, providers, new, "system").await?, secret)
    };
    Ok(Hook { url: format!("{address}/hook/{PROVIDER}/{id}"), secret })
}

/// A secret as Standard Webhooks writes it.
///
/// # Errors
/// When the machine has no randomness to give.
pub fn new_secret() -> Result<String> {
    use base64::Engine;
    let bytes = ids::random::<SECRET_BYTES>()?;
    Ok(format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(bytes)))
}

async fn listen(asked: Option<&str>, once: bool) -> Result<TcpListener> {
    match asked {
        Some(address) => TcpListener::bind(address).await.or_fault(&format!("listen at {address}")),
        None if once => TcpListener::bind("127.0.0.1:0").await.or_fault("listen at a free port"),
        None => match TcpListener::bind(USUAL).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind("127.0.0.1:0").await.or_fault("listen at a free port"),
        },
    }
}

/// Serves a house from a task of its own.
pub fn serve(house: Arc<House>, listener: TcpListener) -> JoinHandle<()> {
    tokio::spawn(web::door::serve(listener, web::router(house), web::door::Door::default(), std::future::pending()))
}

/// The master key of the demo: made once, readable by its owner only.
fn key(dir: &Path) -> Result<MasterKey> {
    let file = dir.join("demo-only.key");
    if !file.exists() {
        write_private(&file, &MasterKey::generate()?)?;
        say(&format_args!("made {}: a key for this demo only, never for a school", file.display()));
    }
    MasterKey::parse(&fs::read_to_string(&file).or_fault("read the demo's key")?)
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(file).or_fault("write a private file of the demo")?;
    open.write_all(text.as_bytes()).or_fault("write a private file of the demo")
}

fn read_doors(file: &Path, kind: &str) -> Result<Option<Doors>> {
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(file).or_fault("read the demo's doors")?;
    let doors: Doors = serde_json::from_str(&text).or_fault("read the demo's doors")?;
    if doors.kind != kind {
        return Err(Refusal::new(
            Kind::Conflict,
            "another-demo",
            "Các tệp trong thư mục này thuộc một lần chạy khác. Hãy chọn --dir khác.",
            "The files of this directory belong to another kind of demo. Choose another --dir.",
        )
        .into());
    }
    Ok(Some(doors))
}

fn write_doors(file: &Path, doors: &Doors) -> Result<()> {
    let text = serde_json::to_string_pretty(doors).or_fault("write the demo's doors")?;
    write_private(file, &text)
}

/// The addresses that are printed; one invoice's page stands for all parents'.
async fn doors(
    house: &House,
    kind: &str,
    address: &str,
    password: String,
    known: Option<Doors>,
    families: &[Family],
) -> Result<Doors> {
    let api_key = match known {
        Some(doors) => doors.api_key,
        None => make_api_key(house).await?,
    };
    // Somebody who pays only after everybody else, so that the page can be seen before and after.
    let parent = families.iter().rev().find(|family| family.habit == Some(super::bank::Habit::Exact));
    let token = parent.map(|family| house.vault.master().page_token("invoice", &family.invoice_id));
    Ok(Doors {
        kind: kind.to_owned(),
        address: address.to_owned(),
        parent: format!("{address}/p/{}", token.unwrap_or_default()),
        accountant: format!("{address}/desk"),
        supervisor: format!("{address}/oversight"),
        api: format!("{address}/api/docs"),
        password,
        api_key,
    })
}

async fn make_api_key(house: &House) -> Result<String> {
    let authority = roll::authority_by_code(&house.store, "PBNX").await?;
    let authority = authority.ok_or_else(|| Fault::new("find the authority of the story: it was not set up"))?;
    let new = NewKey { name: "demo", scopes: &SCOPES, place: Place::Authority(authority.id), city: true };
    let (_, token) = access::make_key(&house.store, &house.clock, new, "system").await?;
    Ok(token)
}
