//! Which pages are asked for, by whom, and about what: drawn by lot from all that was loaded.

use std::fs;
use std::path::Path;

use hocphi::access::{self, NewKey, Place};
use hocphi::roll;
use hocphi::seal::MasterKey;
use hocphi::store::{Record, Statement, StatementKind, Store};
use hocphi::time::{Clock, Day};

use crate::load::{self, DESKS, PICKED, Town};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// Somebody who signs in with this name.
    Person(String),
    /// A program with this key.
    Program(String),
    /// Whoever has the link.
    Anybody,
}

/// One page and the addresses at which it is asked for.
pub struct Page {
    pub name: String,
    pub asks: Vec<(Who, String)>,
}

/// The rows of a text.
pub async fn rows<T: Record>(store: &Store, text: &str) -> Vec<T> {
    let sql: &'static str = Box::leak(text.to_owned().into_boxed_str());
    let statement = Statement { name: "pages", kind: StatementKind::Fixed, sql, tail: "" };
    store.all(&statement, Vec::new()).await.unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Its only row.
pub async fn one<T: Record>(store: &Store, text: &str) -> T {
    rows(store, text).await.pop().expect("a row")
}

/// Numbers by lot, the same ones each time.
struct Lot(u64);

impl Lot {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).expect("a number") % end
    }
}

/// A school whose accountant signs in, as far as its pages are asked for.
struct Desk {
    who: Who,
    id: String,
    /// Its place among the schools, from 1, and its pupils' first number and how many they are.
    at: usize,
    first: usize,
    pupils: Vec<(String, String)>,
    connection: String,
}

impl Desk {
    /// A run, and the number of an invoice of it that was paid and given to its child.
    fn paid(&self, town: &Town, lot: &mut Lot) -> (usize, usize) {
        loop {
            let run = lot.below(town.runs);
            let n = self.first + lot.below(self.pupils.len());
            if load::is_paid(n, run) && !load::is_held(n) {
                return (run, run * town.schools * town.pupils + n);
            }
        }
    }
}

/// Draws every page's subjects.
pub async fn draw(store: &Store, key: &Path, town: &Town, asks: usize) -> Vec<Page> {
    let mut lot = Lot(0x2545_f491_4f6c_dd1d);
    let today = Clock::System.now().day();
    let desks = desks(store).await;
    let mut pages = of_the_desk(&desks, town, asks, today, &mut lot);
    pages.extend(of_others(store, key, town, asks, today, &mut lot).await);
    pages.extend(of_programs(store, &desks, town, asks, today, &mut lot).await);
    pages
}

async fn desks(store: &Store) -> Vec<Desk> {
    let schools = roll::schools(store).await.expect("the schools");
    let mut desks = Vec::new();
    for at in 0..DESKS {
        let school = &schools[at * schools.len() / DESKS];
        let id = &school.id;
        let own = format!("from pages_pupil where school_id = '{id}'");
        let first: i64 = one(store, &format!("select min(n) {own}")).await;
        let number: i64 = one(store, &format!("select min(school_n) {own}")).await;
        let pupils = rows(store, &format!("select pupil_id, class_id {own} order by n")).await;
        let connection = one(store, &format!("select min(id) from connection where school_id = '{id}'")).await;
        desks.push(Desk {
            who: Who::Person(format!("ketoan{at}")),
            id: id.clone(),
            at: usize::try_from(number).expect("a number"),
            first: usize::try_from(first).expect("a number"),
            pupils,
            connection,
        });
    }
    desks
}

fn id(prefix: &str, number: usize) -> String {
    format!("{prefix}_{number:026}")
}

fn of_the_desk(desks: &[Desk], town: &Town, asks: usize, today: Day, lot: &mut Lot) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut page = |name: &str, address: &mut dyn FnMut(&Desk, &mut Lot) -> String| {
        let asked = (0..asks).map(|_| {
            let desk = &desks[lot.below(desks.len())];
            (desk.who.clone(), address(desk, lot))
        });
        pages.push(Page { name: name.to_owned(), asks: asked.collect() });
    };
    let run = |desk: &Desk, lot: &mut Lot| id("run", lot.below(town.runs) * town.schools + desk.at);
    let day = |lot: &mut Lot| {
        town.day_of(lot.below(town.runs), today).plus_days(i64::try_from(lot.below(25)).expect("small"))
    };
    for fixed in [
        "/desk",
        "/desk/runs",
        "/desk/runs/new",
        "/desk/held",
        "/desk/day",
        "/desk/statements",
        "/desk/pupils",
        "/desk/roster",
        "/desk/fees",
        "/desk/setup",
        "/desk/school",
        "/desk/setup/connect?provider=sepay",
    ] {
        page(fixed, &mut |_, _| fixed.to_owned());
    }
    page("/desk/runs?before=", &mut |desk, lot| {
        let at = town.day_of(lot.below(town.runs), today).begins().0 + 28_800_000;
        format!("/desk/runs?before={at}.{}", run(desk, lot))
    });
    page("/desk/runs/{run}", &mut |desk, lot| format!("/desk/runs/{}", run(desk, lot)));
    page("/desk/runs/{run}/list.csv", &mut |desk, lot| format!("/desk/runs/{}/list.csv", run(desk, lot)));
    page("/desk/runs/{run}/{class}", &mut |desk, lot| {
        format!("/desk/runs/{}/{}", run(desk, lot), desk.pupils[lot.below(desk.pupils.len())].1)
    });
    page("/desk/pupils?q=", &mut |_, lot| format!("/desk/pupils?q=van%20{}", lot.below(town.pupils)));
    page("/desk/pupils?class=", &mut |desk, lot| {
        format!("/desk/pupils?class={}", desk.pupils[lot.below(desk.pupils.len())].1)
    });
    page("/desk/pupils/{pupil}", &mut |desk, lot| {
        format!("/desk/pupils/{}", desk.pupils[lot.below(desk.pupils.len())].0)
    });
    page("/desk/day?day=", &mut |_, lot| format!("/desk/day?day={}", day(lot)));
    page("/desk/credits/{credit}", &mut |desk, lot| format!("/desk/credits/{}", id("crd", desk.paid(town, lot).1)));
    page("/desk/credits/{credit}?q=", &mut |desk, lot| {
        format!("/desk/credits/{}?q=nguyen", id("crd", desk.paid(town, lot).1))
    });
    page("/desk/statements?after=", &mut |desk, lot| {
        format!("/desk/statements?after={}", id("stm", lot.below(town.runs) * town.schools + desk.at))
    });
    page("/desk/statements/{file}", &mut |desk, lot| {
        format!("/desk/statements/{}", id("stm", lot.below(town.runs) * town.schools + desk.at))
    });
    page("/desk/receipts.csv (a month)", &mut |_, lot| {
        let from = day(lot);
        format!("/desk/receipts.csv?from={from}&to={}", from.plus_days(30))
    });
    page("/desk/receipts/{receipt}.pdf", &mut |desk, lot| {
        format!("/desk/receipts/{}.pdf", id("rec", desk.paid(town, lot).1))
    });
    page("/desk/setup/connections/{connection}", &mut |desk, _| format!("/desk/setup/connections/{}", desk.connection));
    pages
}

async fn of_others(store: &Store, key: &Path, town: &Town, asks: usize, today: Day, lot: &mut Lot) -> Vec<Page> {
    let mut pages = Vec::new();
    let key = MasterKey::parse(&fs::read_to_string(key).expect("the key's file")).expect("a key");
    let supervisor = Who::Person("giamsat".to_owned());
    let mut of = |name: &str, who: &Who, address: &mut dyn FnMut(&mut Lot) -> String| {
        let asks = (0..asks).map(|_| (who.clone(), address(lot)));
        pages.push(Page { name: name.to_owned(), asks: asks.collect() });
    };
    of("/oversight (30 days)", &supervisor, &mut |_| "/oversight".to_owned());
    of("/oversight (30 days of any year)", &supervisor, &mut |lot| {
        let to = town.day_of(lot.below(town.runs), today).plus_days(19);
        format!("/oversight?from={}&to={to}", to.plus_days(-29))
    });
    of("/oversight (400 days)", &supervisor, &mut |_| format!("/oversight?from={}", today.plus_days(-400)));
    let of_few = Who::Person("giamsat-xa".to_owned());
    of("/oversight (400 days of some schools)", &of_few, &mut |_| format!("/oversight?from={}", today.plus_days(-400)));
    of("/oversight/schools/new", &supervisor, &mut |_| "/oversight/schools/new".to_owned());
    // Only the pages of runs that were loaded are there.
    let picked: Vec<i64> = rows(store, "select n from pages_picked order by n").await;
    let picked: Vec<usize> = picked.into_iter().map(|number| usize::try_from(number).expect("a number")).collect();
    assert_eq!(picked.len(), PICKED);
    let picked: Vec<usize> = picked.into_iter().filter(|number| *number <= town.invoices()).collect();
    let token = |lot: &mut Lot| key.page_token("invoice", &id("inv", picked[lot.below(picked.len())]));
    of("/p/{token}", &Who::Anybody, &mut |lot| format!("/p/{}", token(lot)));
    of("/p/{token}/qr.png", &Who::Anybody, &mut |lot| format!("/p/{}/qr.png", token(lot)));
    of("/p/{token}/notice.pdf", &Who::Anybody, &mut |lot| format!("/p/{}/notice.pdf", token(lot)));
    pages
}

/// Whoever is not the city gets small groups in one.
const POOLED: &str = "/feed/v1/revenue (pooled)";

/// The address of a random subject: the newest place of the feed stands before the lot.
type Address = fn(&Town, &Desk, Day, usize, &mut Lot) -> String;

async fn of_programs(store: &Store, desks: &[Desk], town: &Town, asks: usize, today: Day, lot: &mut Lot) -> Vec<Page> {
    let mut pages = Vec::new();
    let authority = roll::authority_by_code(store, "SGD").await.expect("asked").expect("an authority");
    let scopes =
        ["feed:read", "invoices:read", "credits:read", "receipts:read", "fees:read", "roll:read", "schools:read"];
    let entries: i64 = one(store, "select max(place) from feed_leaf").await;
    let entries = usize::try_from(entries).expect("a count");
    let revenue: Address = |town, _, today, _, lot| {
        let day = town.day_of(lot.below(town.runs), today).plus_days(i64::try_from(lot.below(20)).expect("small"));
        format!("/feed/v1/revenue?day={day}")
    };
    let asked: [(&str, Address); 10] = [
        ("/feed/v1/entries (500)", |_, _, _, entries, lot| format!("/feed/v1/entries?after={}", lot.below(entries))),
        ("/feed/v1/revenue", revenue),
        (POOLED, revenue),
        ("/api/v1/schools", |_, _, _, _, _| "/api/v1/schools?limit=200".to_owned()),
        ("/api/v1/…/invoices", |town, desk, _, _, lot| {
            format!("/api/v1/schools/{}/invoices?limit=200{}", desk.id, cursor("inv", lot.below(town.invoices())))
        }),
        ("/api/v1/…/credits", |town, desk, _, _, lot| {
            format!("/api/v1/schools/{}/credits?limit=200{}", desk.id, cursor("crd", lot.below(town.invoices())))
        }),
        ("/api/v1/…/receipts", |_, desk, today, _, _| {
            format!("/api/v1/schools/{}/receipts?limit=200&from={}&to={today}", desk.id, today.plus_days(-30))
        }),
        ("/api/v1/…/billing-runs", |_, desk, _, _, _| format!("/api/v1/schools/{}/billing-runs?limit=200", desk.id)),
        ("/api/v1/…/pupils", |_, desk, _, _, _| format!("/api/v1/schools/{}/pupils?limit=200", desk.id)),
        ("/api/v1/…/statements", |_, desk, _, _, _| format!("/api/v1/schools/{}/statements?limit=200", desk.id)),
    ];
    for (name, address) in asked {
        let new = NewKey { name, scopes: &scopes, place: Place::Authority(authority.id.clone()), city: name != POOLED };
        let (_, token) = access::make_key(store, &Clock::System, new, "bench").await.expect("a key");
        let asks = (0..asks).map(|_| {
            let desk = &desks[lot.below(desks.len())];
            (Who::Program(token.clone()), address(town, desk, today, entries, lot))
        });
        pages.push(Page { name: name.to_owned(), asks: asks.collect() });
    }
    // A program of one school, which reads its own places alone.
    let mut asks_of_one = Vec::new();
    for desk in desks {
        let new = NewKey { name: "one school", scopes: &scopes, place: Place::School(desk.id.clone()), city: false };
        let (_, token) = access::make_key(store, &Clock::System, new, "bench").await.expect("a key");
        for _ in 0..asks.div_ceil(desks.len()) {
            asks_of_one.push((Who::Program(token.clone()), format!("/feed/v1/entries?after={}", lot.below(entries))));
        }
    }
    pages.push(Page { name: "/feed/v1/entries (of one school)".to_owned(), asks: asks_of_one });
    pages
}

/// Where a list goes on, as the API writes it.
fn cursor(prefix: &str, after: usize) -> String {
    use base64::Engine;
    let text = format!("after:{}", id(prefix, after));
    format!("&cursor={}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text))
}
