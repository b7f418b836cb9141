//! The fixture world: one small school whose people are easy to remember, with its account, fees, a published run and a
//! connected simulated bank, served over real HTTP with a clock that is set.
//!
//! Class 1A: An Nhiên and Bảo Ngọc. Class 2B: An Khang (An Nhiên's brother), another Bảo Ngọc, and Gia Huy.
//! Everybody owes 350.000 ₫ for day boarding and 770.000 ₫ for meals that are passed through: 1.120.000 ₫.

use std::collections::BTreeMap;
use std::sync::Arc;

use hocphi::clockwork::{self, House};
use hocphi::config::Config;
use hocphi::fees::{self, NewRun, OpenInvoice, view};
use hocphi::inbox::{self, NewConnection};
use hocphi::ledger;
use hocphi::money::Dong;
use hocphi::providers::{Providers, Secrets};
use hocphi::roll::{self, School, import, setup};
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::bank::{self, Bank, Habit, Hook};
use hocphi::simulate::demo;
use hocphi::store::Store;
use hocphi::time::{Clock, Moment};
use hocphi::web;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::engines::Fresh;

pub const SCHOOL: &str = "79769999";
pub const BIN: &str = "970422";
pub const NUMBER: &str = "0881000999999";
pub const PASSWORD: &str = "mat-khau-cua-ca-truong";
pub const OWED: i64 = 1_120_000;

pub const AN_NHIEN: &str = "HS01";
pub const BAO_NGOC_1A: &str = "HS02";
pub const AN_KHANG: &str = "HS03";
pub const BAO_NGOC_2B: &str = "HS04";
pub const GIA_HUY: &str = "HS05";
pub const EVERYBODY: [&str; 5] = [AN_NHIEN, BAO_NGOC_1A, AN_KHANG, BAO_NGOC_2B, GIA_HUY];

const SETUP: &str = "\
kind,code,name,under,level,ownership,address,phone,mcc,city,reading,bank,number,login,password
authority,SO,Sở Giáo dục và Đào tạo Hoa Sen,,doet,,,,,,,,,,
authority,PHS,Ủy ban nhân dân phường Hoa Sen,SO,ward,,,,,,,,,,
school,79769999,Trường Tiểu học Hoa Sen,PHS,primary,public,1 đường Hoa Sen,02838009999,8211,HO CHI MINH,southern,,,,
account,,TRUONG TIEU HOC HOA SEN,79769999,,,,,,,,970422,0881000999999,,
accountant,,Cô Thu,79769999,,,,,,,,,,thu,mat-khau-cua-ca-truong
head,,Thầy Minh,79769999,,,,,,,,,,minh,mat-khau-cua-ca-truong
supervisor,,Chị Hạnh,PHS,,,,,,,,,,hanh,mat-khau-cua-ca-truong
";

const ROSTER: &str = "\
Mã học sinh,Họ và tên,Ngày sinh,Lớp,Họ tên phụ huynh,Điện thoại
HS01,Nguyễn An Nhiên,05/09/2020,1A,Lê Thị Hòa,0901000001
HS02,Trần Bảo Ngọc,12/03/2020,1A,Trần Văn Sơn,0901000002
HS03,Nguyễn An Khang,20/11/2019,2B,Lê Thị Hòa,0901000001
HS04,Trần Bảo Ngọc,01/01/2019,2B,Phạm Thị Lan,0901000004
HS05,Lê Gia Huy,30/06/2019,2B,Lê Quốc Dũng,0901000005
";

const FEES: &str = "\
Mã khoản thu,Tên khoản thu,Căn cứ pháp lý,Điều khoản,Tính chất,Loại khoản thu,Đơn vị tính,Cấp học,Mức thu,Chứng từ,Từ ngày
QLBT,\"Dịch vụ tổ chức, quản lý và vệ sinh bán trú\",18/2025/NQ-HĐND,Phụ lục,Thỏa thuận,Dịch vụ,Tháng,Tất cả,350000,C45-BB,01/09/2026
ABT,Tiền ăn bán trú,,Thỏa thuận bằng văn bản,Thỏa thuận,Thu hộ,Suất ăn,Tất cả,35000,pass-through,01/09/2026
";

/// The school, open for everybody.
pub struct World {
    pub house: Arc<House>,
    pub clock: Clock,
    pub bank: Bank,
    pub school: School,
    pub run_id: String,
    pub connection_id: String,
    /// `http://127.0.0.1:…`
    pub address: String,
    /// The invoice of each pupil.
    pub invoices: BTreeMap<&'static str, String>,
    secret: String,
    master: String,
    database: String,
    payos: Option<String>,
    server: JoinHandle<()>,
    _fresh: Fresh,
}

impl World {
    /// A Monday morning: the run is published and nobody has paid.
    pub async fn start(fresh: Fresh) -> World {
        World::start_with_payos(fresh, None).await
    }

    /// The same with a payOS of its own at this address.
    pub async fn start_with_payos(fresh: Fresh, payos: Option<String>) -> World {
        let clock = Clock::set(Moment::parse("2026-11-23T08:00:00+07:00").expect("an instant"));
        let master = MasterKey::generate().expect("a key").to_string();
        let (house, listener, address) = open_with_payos(&fresh.store, &master, &clock, payos.clone()).await;
        let store = &house.store;
        let lines = setup::read(SETUP.as_bytes(), "setup.csv").expect("a table");
        setup::setup(store, &clock, &lines).await.expect("a school");
        let school = roll::school_by_code(store, SCHOOL).await.expect("a school").expect("a school");
        let today = clock.now().day();
        let roster = import::read(ROSTER.as_bytes(), "danh-sach.csv", today).expect("a roster");
        let preview = import::preview(store, &school, &roster, today).await.expect("a preview");
        import::apply(store, &clock, &school, &preview, "system").await.expect("pupils");
        let fees_file =
            fees::read_catalogue(store, FEES.as_bytes(), "khoan-thu.csv", fees::ListOf::Operator(None), today)
                .await
                .expect("fees");
        fees::import_catalogue(store, &clock, &fees_file, "per_lan").await.expect("a catalogue");
        let account_id = roll::accounts_of(store, &school.id).await.expect("accounts")[0].id.clone();
        let run_id = publish(&house, &school, &account_id).await;
        let secret = demo::new_secret().expect("a secret");
        let new = NewConnection {
            provider: bank::PROVIDER.to_owned(),
            accounts: vec![(BIN.to_owned(), NUMBER.to_owned())],
            secrets: Secrets::new().with("hmac_secret", &secret),
            ..NewConnection::default()
        };
        let connection_id =
            inbox::connect(store, &house.vault, &clock, &house.providers, new, "per_lan").await.expect("a connection");
        let invoices = invoices(store, &run_id).await;
        let server = demo::serve(Arc::clone(&house), listener);
        let bank = Bank::new(1).expect("a bank");
        let database = fresh.address.clone();
        let mut world = World {
            clock,
            bank,
            school,
            run_id,
            connection_id,
            address,
            invoices,
            secret,
            master,
            database,
            payos,
            server,
            _fresh: fresh,
            house,
        };
        world.bank.serve(BIN, NUMBER, world.hook());
        world
    }

    /// The process dies and another one opens the same database.
    pub async fn restart(&mut self) {
        self.server.abort();
        self.house.store.close().await;
        let store = Store::open(&self.database).await.expect("the same database");
        let (house, listener, address) = open_with_payos(&store, &self.master, &self.clock, self.payos.clone()).await;
        self.server = demo::serve(Arc::clone(&house), listener);
        (self.house, self.address) = (house, address);
        self.bank.serve(BIN, NUMBER, self.hook());
    }

    /// Where the bank tells.
    pub fn hook(&self) -> Hook {
        let url = format!("{}/hook/{}/{}", self.address, bank::PROVIDER, self.connection_id);
        Hook { url, secret: self.secret.clone() }
    }

    /// Everything there is to do is done.
    pub async fn settle(&self) {
        clockwork::settle(&self.house).await.expect("the clockwork");
    }

    /// A pupil's invoice.
    pub async fn invoice(&self, pupil: &str) -> OpenInvoice {
        fees::invoice(&self.house.store, &self.invoices[pupil]).await.expect("an invoice").expect("an invoice")
    }

    /// What is still owed for a pupil.
    pub async fn owed(&self, pupil: &str) -> Dong {
        let page = view::page_of(&self.house.store, &self.invoices[pupil]).await.expect("a page").expect("a page");
        page.money.owed
    }

    /// The address of a pupil's page.
    pub fn page(&self, pupil: &str) -> String {
        let token = self.house.vault.master().page_token("invoice", &self.invoices[pupil]);
        format!("{}/p/{token}", self.address)
    }

    /// The text of the code on a pupil's page.
    pub async fn code(&self, pupil: &str) -> String {
        let page = view::page_of(&self.house.store, &self.invoices[pupil]).await.expect("a page").expect("a page");
        let code = web::parent::code_of(&self.house.store, &page).await.expect("a code");
        code.ready().expect("a code").text().to_owned()
    }

    /// A family scans the code and pays; the bank has not told yet.
    pub async fn scan(&mut self, pupil: &str, habit: Habit) {
        let code = self.code(pupil).await;
        self.bank.scan(&code, habit, self.clock.now()).expect("paid");
    }

    /// A family pays, the bank tells, and everything that follows is done.
    pub async fn pay(&mut self, pupil: &str, habit: Habit) {
        self.scan(pupil, habit).await;
        self.bank.tell_due(self.clock.now()).await.expect("told");
        self.settle().await;
    }

    /// The books agree with themselves. Called at the end of every journey.
    pub async fn audit(&self) {
        self.settle().await;
        let findings = ledger::audit(&self.house.store).await.expect("an audit");
        let broken: Vec<_> = findings.iter().filter(|finding| !finding.holds()).collect();
        assert!(broken.is_empty(), "{broken:#?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub async fn open(store: &Store, master: &str, clock: &Clock) -> (Arc<House>, TcpListener, String) {
    open_with_payos(store, master, clock, None).await
}

async fn open_with_payos(
    store: &Store,
    master: &str,
    clock: &Clock,
    payos_url: Option<String>,
) -> (Arc<House>, TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let vault = Vault::new(store.clone(), MasterKey::parse(master).expect("a key"));
    let config = Config { public_url: Some(address.clone()), private_webhooks: true, payos_url, ..Config::default() };
    let providers = Providers::embedded().expect("providers");
    let house = House::open(store.clone(), vault, clock.clone(), providers, config).expect("a house");
    (Arc::new(house), listener, address)
}

async fn publish(house: &House, school: &School, account_id: &str) -> String {
    let (store, clock) = (&house.store, &house.clock);
    let catalogue = fees::catalogue(store).await.expect("a catalogue");
    let item = |code: &str| catalogue.iter().find(|item| item.code == code).expect(code).id.clone();
    let classes = roll::classes_of(store, &school.id, "2026-2027").await.expect("classes");
    let new = NewRun {
        school_id: school.id.clone(),
        account_id: account_id.to_owned(),
        title: "Các khoản thu tháng 11 năm 2026".to_owned(),
        due_day: clock.now().day().plus_days(14),
        items: vec![(item("QLBT"), 1), (item("ABT"), 22)],
        classes: classes.into_iter().map(|class| class.id).collect(),
    };
    let run = fees::create_run(store, clock, &new, "system").await.expect("a run");
    fees::start_issuing(store, clock, &run.id, "system").await.expect("issuing");
    clockwork::settle(house).await.expect("issued");
    fees::publish(store, clock, &run.id, "system").await.expect("published");
    run.id
}

async fn invoices(store: &Store, run_id: &str) -> BTreeMap<&'static str, String> {
    let rows = view::invoices_of_run(store, run_id).await.expect("invoices");
    let of = |pupil: &str| rows.iter().find(|row| row.pupil_code == pupil).expect(pupil).id.clone();
    EVERYBODY.into_iter().map(|pupil| (pupil, of(pupil))).collect()
}
