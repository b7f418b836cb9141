//! One fixed day of one school, from its set-up in the morning to the copy of its books at night, which may be stopped
//! at any commit and gone on with.
//!
//! People tick off what they were answered, outside the database. Whoever was not answered does it again, after a look
//! at whether it is there already, and whoever is told that it cannot be has an answer. The bank does not know any more
//! what it told, and tells everything again.
//!
//! **Invariants:** the day makes the same commits each time it is played; it reaches the program as people and banks
//! do, and nothing that was ticked off is done again.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;

use super::bank::{Bank, Habit, Hook, PROVIDER};
use super::{demo, paper, sql};
use crate::access::{self, NewPerson};
use crate::clockwork::{self, House};
use crate::config::Config;
use crate::fault::{Error, Fault, Kind, OrFault, Result};
use crate::fees::{self, NewRun, view};
use crate::inbox::{self, NewConnection};
use crate::ledger;
use crate::matching::{self, Act, Why};
use crate::money::Dong;
use crate::providers::{Providers, Secrets};
use crate::roll::{self, School, import, setup};
use crate::seal::{MasterKey, Vault};
use crate::statements::{self, Upload};
use crate::store::{Meets, Seam, Store, args, back_up};
use crate::time::{Clock, Moment};
use crate::{outbox, web};

/// Who acts.
const ACTOR: &str = "per_simulated";
const SEED: u64 = 23;
/// When the day begins, and how long each step takes.
const MORNING: &str = "2026-11-23T07:00:00+07:00";
const STEP_MS: i64 = 15 * 60 * 1_000;
const SCHOOL: &str = "79769998";
const BIN: &str = "970422";
const NUMBER: &str = "0881000999998";
/// What the bank and the school agreed upon; it opens nothing but this day.
const SECRET: &str = "whsec_bcOpY2ggxYTDoyBuZ8OgeSBtw7QgcGjhu49uZw==";
/// Where nobody listens: the promises of the day stay promised.
const NOBODY: &str = "http://127.0.0.1:9/";

const SETUP: &str = "\
kind,code,name,under,level,ownership,address,phone,mcc,city,reading,bank,number,login,password
authority,SO,Sở Giáo dục và Đào tạo Hoa Lan,,doet,,,,,,,,,,
authority,PHL,Ủy ban nhân dân phường Hoa Lan,SO,ward,,,,,,,,,,
school,79769998,Trường Tiểu học Hoa Lan,PHL,primary,public,1 đường Hoa Lan,02838009998,8211,HO CHI MINH,southern,,,,
account,,TRUONG TIEU HOC HOA LAN,79769998,,,,,,,,970422,0881000999998,,
accountant,,Cô Thu,79769998,,,,,,,,,,thu,mat-khau-cua-ca-truong
";

const ROSTER: &str = "\
Mã học sinh,Họ và tên,Ngày sinh,Lớp,Họ tên phụ huynh,Điện thoại
HS0,Nguyễn An Nhiên,05/09/2020,1A,Lê Thị Hòa,0901000001
HS1,Trần Bảo Ngọc,12/03/2020,1A,Trần Văn Sơn,0901000002
HS2,Nguyễn An Khang,20/11/2019,2B,Lê Thị Hòa,0901000001
HS3,Trần Bảo Châu,01/01/2019,2B,Phạm Thị Lan,0901000004
HS4,Lê Gia Huy,30/06/2019,2B,Lê Quốc Dũng,0901000005
HS5,Võ Khánh Linh,02/07/2020,1A,Võ Minh Trí,0901000006
HS6,Đặng Thanh Vy,17/02/2020,1A,Đặng Quốc Nam,0901000007
HS7,Bùi Đức Duy,25/12/2019,2B,Bùi Thị Oanh,0901000008
HS8,Hồ Phương My,08/08/2019,2B,Hồ Gia Phúc,0901000009
HS9,Ngô Hoàng Giang,09/04/2020,1A,Ngô Ngọc Thư,0901000010
";

const FEES: &str = "\
Mã khoản thu,Tên khoản thu,Căn cứ pháp lý,Điều khoản,Tính chất,Loại khoản thu,Đơn vị tính,Cấp học,Mức thu,Chứng từ,Từ ngày
QLBT,\"Dịch vụ tổ chức, quản lý và vệ sinh bán trú\",18/2025/NQ-HĐND,Phụ lục,Thỏa thuận,Dịch vụ,Tháng,Tất cả,350000,C45-BB,01/09/2026
ABT,Tiền ăn bán trú,,Thỏa thuận bằng văn bản,Thỏa thuận,Thu hộ,Suất ăn,Tất cả,35000,pass-through,01/09/2026
";

/// What somebody does next; a number names a pupil.
#[derive(Debug, Clone, Copy)]
enum Step {
    SetUp,
    Roster,
    Fees,
    NewColleague,
    Connect,
    Register,
    MakeRun,
    Issue,
    Publish,
    /// The program does what there is to do.
    Pace,
    Pay(usize, Habit),
    /// The bank tells what is due.
    Tell,
    Void(usize),
    Reinstate(usize),
    Statement,
    Assign(usize),
    TakeBack(usize),
    SealStatement,
    BackUp,
}

/// The day.
const DAY: [Step; 45] = {
    use Step::{
        Assign, BackUp, Connect, Fees, Issue, MakeRun, NewColleague, Pace, Pay, Publish, Register, Reinstate, Roster,
        SealStatement, SetUp, Statement, TakeBack, Tell, Void,
    };
    [
        SetUp,
        Roster,
        Fees,
        NewColleague,
        Connect,
        Register,
        MakeRun,
        Issue,
        Pace,
        Publish,
        Pay(4, Habit::Late),
        Pay(0, Habit::Exact),
        Tell,
        Pace,
        Pay(1, Habit::Short(Dong::new(150_000))),
        Pay(2, Habit::Over(Dong::new(50_000))),
        Pay(3, Habit::Twice),
        Tell,
        Pace,
        Pay(5, Habit::ToldAgain),
        Pay(6, Habit::NoReference),
        Tell,
        Pace,
        Pay(7, Habit::NeverTold),
        Pay(8, Habit::Wrapped),
        Tell,
        Pace,
        Void(9),
        Reinstate(9),
        Void(0),
        Pace,
        Tell,
        Pace,
        Statement,
        Pace,
        Assign(6),
        Pace,
        TakeBack(8),
        Pace,
        Statement,
        Pace,
        SealStatement,
        Pace,
        BackUp,
        Pace,
    ]
};

/// At which commit the program ends without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Commits are counted from 1, in the program that ends.
    pub at: u64,
    /// After it took effect, instead of before.
    pub is_after: bool,
}

/// Counts the commits of a day, and stops at one.
struct Commits {
    begun: AtomicU64,
    stop: Option<Stop>,
}

impl Commits {
    fn meet(&self, at: u64, is_after: bool) {
        if self.stop == Some(Stop { at, is_after }) {
            std::process::abort();
        }
    }
}

impl Seam for Commits {
    fn is_away(&self) -> bool {
        false
    }

    fn commit(&self) -> Meets {
        self.meet(self.begun.fetch_add(1, Ordering::SeqCst) + 1, false);
        Meets::Nothing
    }

    fn committed(&self) {
        self.meet(self.begun.load(Ordering::SeqCst), true);
    }
}

/// What is to be played, or gone on with.
#[derive(Debug, Clone)]
pub struct Day {
    /// A database of its own.
    pub database: String,
    /// A folder of its own, for what lies outside the database.
    pub folder: PathBuf,
    /// Where it ends before its time.
    pub stop: Option<Stop>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lived {
    /// How many commits this program made.
    pub commits: u64,
    /// What stands in the books at night, line by line, without anything that is drawn by chance.
    pub state: String,
}

/// Plays the day, or what is left of it.
///
/// # Errors
/// The folder cannot be used, or somebody was refused what they must be able to do.
pub async fn play(day: &Day) -> Result<Lived> {
    let commits = Arc::new(Commits { begun: AtomicU64::new(0), stop: day.stop });
    let plain = Store::open(&day.database).await?;
    plain.migrate().await?;
    let seam: Arc<dyn Seam> = Arc::<Commits>::clone(&commits);
    let mut school = OneSchool::open(day, plain.with_seam(seam)).await?;
    let ticks = day.folder.join("ticks");
    let ticked = fs::read_to_string(&ticks).unwrap_or_default().lines().count();
    for (at, step) in DAY.into_iter().enumerate().skip(ticked) {
        school.wait_until(at)?;
        school.make(step).await.or_fault(&format!("{step:?}, step {at}"))?;
        let open = fs::OpenOptions::new().create(true).append(true).open(&ticks);
        open.and_then(|mut file| writeln!(file, "{step:?}")).or_fault("tick a step off")?;
    }
    school.server.abort();
    let state = state(&plain, &school.house.clock).await?;
    plain.close().await;
    Ok(Lived { commits: commits.begun.load(Ordering::SeqCst), state })
}

/// The school's house, and what lies outside of it.
struct OneSchool<'a> {
    day: &'a Day,
    house: Arc<House>,
    bank: Bank,
    address: String,
    server: tokio::task::JoinHandle<()>,
}

impl OneSchool<'_> {
    async fn open(day: &Day, store: Store) -> Result<OneSchool<'_>> {
        let clock = Clock::set(Moment::parse(MORNING).ok_or_else(|| Fault::new("read when the day begins"))?);
        let vault = Vault::proven(store.clone(), key(&day.folder)?).await?;
        let config = Config { private_webhooks: true, ..Config::default() };
        let house = Arc::new(House::open(store, vault, clock.clone(), Providers::embedded()?, config)?);
        let listener = TcpListener::bind("127.0.0.1:0").await.or_fault("listen at a free port")?;
        let address = format!("http://{}", listener.local_addr().or_fault("ask where the day listens")?);
        let server = demo::serve(Arc::clone(&house), listener);
        let mut bank = Bank::open(SEED, &day.folder.join("bank.jsonl"))?;
        bank.tell_again(clock.now());
        let mut school = OneSchool { day, house, bank, address, server };
        if school.is_set_up().await? {
            school.reach_hook().await?;
        }
        Ok(school)
    }

    fn now(&self) -> Moment {
        self.house.clock.now()
    }

    fn wait_until(&self, step: usize) -> Result<()> {
        let morning = Moment::parse(MORNING).ok_or_else(|| Fault::new("read when the day begins"))?;
        let at = morning.0 + STEP_MS * i64::try_from(step).or_fault("count the steps of a day")?;
        self.house.clock.advance_ms(at - self.now().0);
        Ok(())
    }

    async fn is_set_up(&self) -> Result<bool> {
        Ok(roll::school_by_code(&self.house.store, SCHOOL).await?.is_some())
    }

    async fn school(&self) -> Result<School> {
        let found = roll::school_by_code(&self.house.store, SCHOOL).await?;
        found.ok_or_else(|| Fault::new("find the school of the day: it was not set up").into())
    }

    /// The bank learns where the school's hook is, when there is one.
    async fn reach_hook(&mut self) -> Result<()> {
        let school = self.school().await?;
        if let Some(id) = inbox::connections_of(&self.house.store, &school.id).await?.first() {
            let hook = Hook { url: format!("{}/hook/{PROVIDER}/{id}", self.address), secret: SECRET.to_owned() };
            self.bank.serve(BIN, NUMBER, hook);
        }
        Ok(())
    }

    /// Each step is a future on the heap: together they would be one of a size that no compiler likes.
    async fn make(&mut self, step: Step) -> Result<()> {
        match step {
            Step::SetUp | Step::Roster | Step::Fees | Step::NewColleague => Box::pin(self.found(step)).await,
            Step::Connect => Box::pin(self.connect()).await,
            Step::Register => Box::pin(self.register()).await,
            Step::MakeRun | Step::Issue | Step::Publish => Box::pin(self.make_run(step)).await,
            Step::Pace => Box::pin(clockwork::settle(&self.house)).await,
            Step::Pay(who, habit) => Box::pin(self.pay(who, habit)).await,
            Step::Tell => Box::pin(self.tell()).await,
            Step::Void(_) | Step::Reinstate(_) | Step::Assign(_) | Step::TakeBack(_) => {
                Box::pin(self.decide(step)).await
            }
            Step::Statement => Box::pin(self.bring_statement()).await,
            Step::SealStatement => Box::pin(self.seal_statement()).await,
            Step::BackUp => {
                let to = self.day.folder.join("backup");
                if to.exists() { Ok(()) } else { Box::pin(back_up(&self.day.database, &to)).await }
            }
        }
    }

    /// What a school begins with.
    async fn found(&self, step: Step) -> Result<()> {
        let House { store, clock, .. } = &*self.house;
        let today = clock.now().day();
        match step {
            Step::SetUp => {
                let lines = setup::read(SETUP.as_bytes(), "setup.csv")?;
                setup::setup(store, clock, &lines).await.map(drop)
            }
            Step::Roster => {
                let school = self.school().await?;
                let roster = import::read(ROSTER.as_bytes(), "danh-sach.csv", today)?;
                let preview = import::preview(store, &school, &roster, today).await?;
                if preview.new + preview.changed == 0 {
                    return Ok(());
                }
                import::apply(store, clock, &school, &preview, ACTOR).await.map(drop)
            }
            Step::Fees => {
                let list = fees::ListOf::Operator(None);
                let read = fees::read_catalogue(store, FEES.as_bytes(), "khoan-thu.csv", list, today).await?;
                fees::import_catalogue(store, clock, &read, ACTOR).await
            }
            _ => {
                let (login, name, password) = ("mai", "Cô Mai", "mat-khau-cua-co-mai");
                let new = NewPerson { login, name, password, language: "vi", grants: &[] };
                decided(access::add_person(store, clock, new, ACTOR).await)
            }
        }
    }

    async fn register(&self) -> Result<()> {
        let House { store, vault, clock, client, .. } = &*self.house;
        let school = self.school().await?;
        if !outbox::endpoints(store, &school.id).await?.is_empty() {
            return Ok(());
        }
        outbox::register(store, vault, clock, client, &school.id, NOBODY).await.map(drop)
    }

    async fn tell(&mut self) -> Result<()> {
        let now = self.now();
        while self.bank.next_telling().is_some_and(|at| at <= now) {
            self.bank.tell_due(now).await?;
        }
        Ok(())
    }

    /// What the accountant decides about a pupil's invoice.
    async fn decide(&self, step: Step) -> Result<()> {
        let House { store, clock, .. } = &*self.house;
        match step {
            Step::Void(who) => {
                let invoice = self.invoice(who).await?;
                decided(fees::void_invoice(store, clock, &invoice.id, ACTOR, "ghi nhầm").await)
            }
            Step::Reinstate(who) => {
                let invoice = self.invoice(who).await?;
                decided(fees::reinstate_invoice(store, clock, &invoice.id, ACTOR, "hủy nhầm").await)
            }
            Step::Assign(who) => self.assign(who).await,
            Step::TakeBack(who) => self.take_back(who).await,
            _ => Ok(()),
        }
    }

    async fn seal_statement(&self) -> Result<()> {
        let House { store, clock, .. } = &*self.house;
        let school = self.school().await?;
        for file in statements::files(store, &school.id, "", 10, clock.now().day()).await? {
            decided(statements::seal(store, clock, &school.id, &file.id, ACTOR).await)?;
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<()> {
        let House { store, vault, clock, providers, .. } = &*self.house;
        let school = self.school().await?;
        if inbox::connections_of(store, &school.id).await?.is_empty() {
            let new = NewConnection {
                provider: PROVIDER.to_owned(),
                accounts: vec![(BIN.to_owned(), NUMBER.to_owned())],
                secrets: Secrets::new().with("hmac_secret", SECRET),
                ..NewConnection::default()
            };
            inbox::connect(store, vault, clock, providers, new, ACTOR).await?;
        }
        self.reach_hook().await
    }

    async fn make_run(&self, step: Step) -> Result<()> {
        let House { store, clock, .. } = &*self.house;
        let school = self.school().await?;
        let made = view::runs_of(store, &school.id).await?.into_iter().next().map(|known| known.run.id);
        match (step, made) {
            (Step::MakeRun, None) => {
                let today = clock.now().day();
                let account = roll::accounts_of(store, &school.id).await?.into_iter().next();
                let account = account.ok_or_else(|| Fault::new("find the account of the day: it was not set up"))?;
                let items = fees::catalogue(store).await?.into_iter();
                let units = |code: &str| if code == "ABT" { 22 } else { 1 };
                let classes = roll::classes_of(store, &school.id, &roll::school_year_of(today)).await?;
                let new = NewRun {
                    school_id: school.id,
                    account_id: account.id,
                    title: "Các khoản thu tháng 12".to_owned(),
                    due_day: today.plus_days(14),
                    items: items.map(|item| (item.id, units(&item.code))).collect(),
                    classes: classes.into_iter().map(|class| class.id).collect(),
                };
                fees::create_run(store, clock, &new, ACTOR).await.map(drop)
            }
            (Step::Issue, Some(id)) => fees::start_issuing(store, clock, &id, ACTOR).await,
            (Step::Publish, Some(id)) => fees::publish(store, clock, &id, ACTOR).await,
            _ => Ok(()),
        }
    }

    async fn invoice(&self, who: usize) -> Result<view::InvoiceRow> {
        let (school, code) = (self.school().await?, format!("HS{who}"));
        for known in view::runs_of(&self.house.store, &school.id).await? {
            let invoices = view::invoices_of_run(&self.house.store, &known.run.id).await?;
            if let Some(found) = invoices.into_iter().find(|invoice| invoice.pupil_code == code) {
                return Ok(found);
            }
        }
        Err(Fault::new("find an invoice of the day: it was not issued").into())
    }

    /// A parent opens the page and pays what the code there says, once.
    async fn pay(&mut self, who: usize, habit: Habit) -> Result<()> {
        let (now, invoice) = (self.now(), self.invoice(who).await?);
        if self.paid(&invoice.reference).is_some() {
            return Ok(());
        }
        let page = view::page_of(&self.house.store, &invoice.id).await?;
        let page = page.ok_or_else(|| Fault::new("open a page of the day: its run was not published"))?;
        let code = web::parent::code_of(&self.house.store, &page).await?;
        let code = code.ready().ok_or_else(|| Fault::new("scan a code of the day: its page has none"))?;
        self.bank.scan(code.text(), habit, now)
    }

    /// The bank's number of the first transfer for this reference.
    fn paid(&self, reference: &str) -> Option<String> {
        let transfer = self.bank.transfers().iter().find(|transfer| transfer.asked.contains(reference))?;
        Some(transfer.bank_reference.clone())
    }

    async fn bring_statement(&self) -> Result<()> {
        let House { store, vault, clock, .. } = &*self.house;
        let day = clock.now().day();
        let upload = Upload {
            account: Some((BIN.to_owned(), NUMBER.to_owned())),
            filename: format!("sao-ke-{day}.csv"),
            bytes: paper::csv(NUMBER, day, &self.bank.of_day(BIN, NUMBER, day))?,
            actor: ACTOR.to_owned(),
            ..Upload::default()
        };
        match statements::import(store, vault, clock, &upload).await {
            Err(Error::Refused(refusal)) if refusal.code == "statement-at-work" => {
                // Whoever comes again in a minute finds that the turn nobody gave back is over.
                store.run_raw("update lease set expires_at = 0").await?;
                statements::import(store, vault, clock, &upload).await.map(drop)
            }
            imported => imported.map(drop),
        }
    }

    /// The accountant learns by telephone whose a transfer without a reference is; one that is not held was given.
    async fn assign(&self, who: usize) -> Result<()> {
        let House { store, vault, clock, .. } = &*self.house;
        let (school, invoice) = (self.school().await?, self.invoice(who).await?);
        let number = self.paid(&invoice.reference);
        let held = matching::held(store, &school.id, None, 100).await?;
        let Some(held) = held.iter().find(|held| held.bank_reference == number) else { return Ok(()) };
        let act = Act::new(clock.now(), ACTOR, "phụ huynh báo")?.having_seen(Some(held.turn));
        decided(matching::assign(store, vault, &held.id, &invoice.id, &act).await)
    }

    /// The bank rings: it took a transfer back.
    async fn take_back(&self, who: usize) -> Result<()> {
        let House { store, clock, .. } = &*self.house;
        let invoice = self.invoice(who).await?;
        let credit: Option<String> =
            store.optional(&sql::CREDIT_BY_NUMBER, args![self.paid(&invoice.reference)]).await?;
        let credit = credit.ok_or_else(|| Fault::new("find a credit of the day: it is not kept"))?;
        let act = Act::new(clock.now(), ACTOR, "ngân hàng báo hoàn")?;
        decided(matching::take_back(store, &credit, Why::Reversed, &act).await)
    }
}

/// A person who is told that it cannot be has an answer.
fn decided<T>(done: Result<T>) -> Result<()> {
    match done {
        Err(Error::Refused(refusal)) if refusal.kind != Kind::Unavailable => Ok(()),
        done => done.map(drop),
    }
}

fn key(folder: &Path) -> Result<MasterKey> {
    let file = folder.join("master.key");
    if !file.exists() {
        fs::write(&file, MasterKey::generate()?.as_bytes()).or_fault("write the key of the day")?;
    }
    MasterKey::parse(&fs::read_to_string(&file).or_fault("read the key of the day")?)
}

/// Everything that matters at night, by names that chance has no part in.
async fn state(store: &Store, clock: &Clock) -> Result<String> {
    let mut lines = Vec::new();
    let school = roll::school_by_code(store, SCHOOL).await?.ok_or_else(|| Fault::new("find the school of the day"))?;
    for known in view::runs_of(store, &school.id).await? {
        let mut invoices = view::invoices_of_run(store, &known.run.id).await?;
        invoices.sort_by(|one, other| one.pupil_code.cmp(&other.pupil_code));
        lines.push(format!("run {:?}", known.state));
        for view::InvoiceRow { pupil_code, total, lifecycle, money, .. } in invoices {
            lines.push(format!("invoice {pupil_code} {} {lifecycle:?} {money:?}", total.get()));
        }
    }
    for (account, sum) in ledger::balances(store, Some(&school.id)).await? {
        lines.push(format!("balance {} {}", account.code(), sum.get()));
    }
    for (number, amount, kind, reason) in store.all::<(String, i64, String, String)>(&sql::DECISIONS, args![]).await? {
        lines.push(format!("decision {number} {amount} {kind} {reason}"));
    }
    for (number, pupil, amount, void) in store.all::<(i64, String, i64, i64)>(&sql::NUMBERED_RECEIPTS, args![]).await? {
        lines.push(format!("receipt {number} {pupil} {amount} void {void}"));
    }
    for (action, times) in store.all::<(String, i64)>(&sql::DEEDS, args![]).await? {
        lines.push(format!("deed {action} {times}"));
    }
    let (entries, promises): (i64, i64) = store.one(&sql::WRITTEN, args![&school.id]).await?;
    let (first, last, leaves, placed): (i64, i64, i64, i64) = store.one(&sql::FEED_AND_ENTRIES, args![]).await?;
    lines.push(format!("{entries} entries, {promises} promises, places {first} to {last}: {leaves} for {placed}"));
    for file in statements::files(store, &school.id, "", 10, clock.now().day()).await? {
        lines.push(format!("statement {} {} {:?} {:?}", file.lines, file.brought, file.days, file.state));
    }
    for finding in ledger::audit(store).await?.iter().filter(|finding| !finding.holds()) {
        lines.push(format!("BROKEN {}: {}", finding.name, finding.rows.join(", ")));
    }
    Ok(lines.join("\n"))
}
