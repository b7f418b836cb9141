//! Money on its way from a scanned code to the books, over real HTTP, on both engines: every manner of paying, every
//! telling lost, doubled or late, and the process restarted between.

use hocphi::inbox;
use hocphi::money::Dong;
use hocphi::simulate::bank::{self, Habit};
use hocphi::simulate::chance::Chance;
use hocphi::simulate::paper;
use hocphi::statements::{self, Summary, Upload};
use hocphi::store::{Statement, StatementKind, Store};
use hocphi::{feed, matching, receipts};

use crate::engines::Fresh;
use crate::on_both;
use crate::world::{AN_KHANG, AN_NHIEN, BAO_NGOC_1A, BAO_NGOC_2B, BIN, EVERYBODY, GIA_HUY, NUMBER, OWED, World};

on_both!(
    a_parent_who_pays_what_the_code_says_owes_nothing_and_has_a_receipt,
    short_over_twice_and_mangled_money_is_kept_and_booked_where_it_belongs,
    the_statement_finds_what_nobody_told_and_proves_the_rest,
    three_hundred_and_twenty_tellings_of_forty_credits_are_forty_entries,
);

fn text(sql: &'static str) -> Statement {
    Statement { name: "journeys", kind: StatementKind::Fixed, sql, tail: "" }
}

async fn count(store: &Store, sql: &'static str) -> i64 {
    store.one(&text(sql), vec![]).await.expect(sql)
}

/// The evening's statement, as the bank prints it.
async fn read_statement(world: &World) -> Summary {
    let day = world.clock.now().day();
    let transfers = world.bank.of_day(BIN, NUMBER, day);
    let upload = Upload {
        account: Some((BIN.to_owned(), NUMBER.to_owned())),
        filename: "sao-ke.xlsx".to_owned(),
        bytes: paper::xlsx(NUMBER, day, &transfers).expect("a file"),
        actor: "system".to_owned(),
        ..Upload::default()
    };
    let house = &world.house;
    let summary = statements::import(&house.store, &house.vault, &house.clock, &upload).await.expect("a statement");
    world.settle().await;
    summary
}

async fn a_parent_who_pays_what_the_code_says_owes_nothing_and_has_a_receipt(fresh: Fresh) {
    let mut world = World::start(fresh).await;
    assert_eq!(world.owed(AN_NHIEN).await, Dong::new(OWED));
    world.pay(AN_NHIEN, Habit::Exact).await;
    assert_eq!(world.owed(AN_NHIEN).await, Dong::ZERO);
    assert_eq!(world.owed(AN_KHANG).await, Dong::new(OWED), "the brother's invoice is another");
    let store = &world.house.store;
    let issued = receipts::of_invoice(store, &world.invoices[AN_NHIEN]).await.expect("receipts");
    assert_eq!(issued.len(), 1);
    assert_eq!((issued[0].number, issued[0].amount), (1, Dong::new(OWED)));
    // Five invoices and one payment, each with its place.
    assert_eq!(feed::head(store).await.expect("a head"), 6);
    world.audit().await;
}

async fn short_over_twice_and_mangled_money_is_kept_and_booked_where_it_belongs(fresh: Fresh) {
    let mut world = World::start(fresh).await;
    world.pay(AN_NHIEN, Habit::Short(Dong::new(120_000))).await;
    world.pay(BAO_NGOC_1A, Habit::Over(Dong::new(30_000))).await;
    world.pay(AN_KHANG, Habit::Twice).await;
    world.pay(BAO_NGOC_2B, Habit::Wrapped).await;
    world.pay(GIA_HUY, Habit::NoReference).await;
    let mut owed = Vec::new();
    for pupil in EVERYBODY {
        owed.push(world.owed(pupil).await.get());
    }
    assert_eq!(owed, [120_000, 0, 0, 0, OWED]);
    let store = &world.house.store;
    let held = matching::held(store, &world.school.id, None, 10).await.expect("held");
    assert_eq!(held.iter().map(|held| held.reason.as_str()).collect::<Vec<_>>(), ["no_reference"]);
    let surplus = "select cast(-sum(amount) as bigint) from posting where account = 'credit_balance.family'";
    assert_eq!(count(store, surplus).await, 30_000 + OWED);
    world.audit().await;
}

async fn the_statement_finds_what_nobody_told_and_proves_the_rest(fresh: Fresh) {
    let mut world = World::start(fresh).await;
    world.pay(AN_NHIEN, Habit::Exact).await;
    world.pay(BAO_NGOC_1A, Habit::NeverTold).await;
    world.pay(AN_KHANG, Habit::Exact).await;
    assert_eq!(world.owed(BAO_NGOC_1A).await, Dong::new(OWED));
    let today = world.clock.now().day();
    let before = inbox::day(&world.house.store, &world.school.id, today).await.expect("a day");
    assert_eq!((before.told, before.on_statement), (Dong::new(2 * OWED), Dong::ZERO));
    let read = read_statement(&world).await;
    assert_eq!((read.met, read.found), (2, 1));
    assert_eq!(world.owed(BAO_NGOC_1A).await, Dong::ZERO);
    let again = read_statement(&world).await;
    assert_eq!((again.new, again.met, again.found, again.already), (0, 0, 0, 3));
    let clearing = "select cast(sum(amount) as bigint) from posting where account = 'clearing'";
    assert_eq!(count(&world.house.store, clearing).await, 0);
    world.audit().await;
}

async fn three_hundred_and_twenty_tellings_of_forty_credits_are_forty_entries(fresh: Fresh) {
    let mut world = World::start(fresh).await;
    for turn in 0..40 {
        world.scan(EVERYBODY[turn % EVERYBODY.len()], Habit::Exact).await;
    }
    let client = bank::client().expect("a client");
    let mut tellings = tokio::task::JoinSet::new();
    for turn in 0..320 {
        let (client, hook) = (client.clone(), world.hook());
        let (transfer, now) = (world.bank.transfers()[turn % 40].clone(), world.clock.now());
        tellings.spawn(async move { bank::tell(&client, &hook, &transfer, now).await.expect("a telling") });
    }
    let answers = tellings.join_all().await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    world.settle().await;
    let store = &world.house.store;
    assert_eq!(count(store, "select count(*) from credit").await, 40);
    assert_eq!(count(store, "select count(*) from telling").await, 40);
    assert_eq!(count(store, "select count(*) from entry where kind = 'received'").await, 40);
    assert_eq!(count(store, "select count(*) from receipt").await, 40);
    world.audit().await;
}

/// What the books say, in words that are the same in every world: account, pupil, line, family and sum.
async fn books(store: &Store) -> Vec<(String, String, i64, String, i64)> {
    let sql = "select p.account, coalesce(u.code, ''), coalesce(p.line, 0),
                      coalesce((select min(f.code) from pupil f where f.family_id = p.family_id), ''),
                      cast(sum(p.amount) as bigint)
               from posting p left join invoice i on i.id = p.invoice_id left join pupil u on u.id = i.pupil_id
               group by 1, 2, 3, 4 having sum(p.amount) <> 0 order by 1, 2, 3, 4";
    store.all(&text(sql), vec![]).await.expect("the books")
}

const HABITS: [Habit; 8] = [
    Habit::Exact,
    Habit::Short(Dong::new(400_000)),
    Habit::Over(Dong::new(70_000)),
    Habit::Twice,
    Habit::LowerCase,
    Habit::Wrapped,
    Habit::NoReference,
    Habit::Misread,
];

/// Who pays how, by this seed; everybody scans before anything is told, so that the sums do not depend on the order.
async fn scan_all(world: &mut World, seed: u64) {
    let mut chance = Chance::new(seed);
    for _ in 0..4 + chance.below(8) {
        let (pupil, habit) = (*chance.pick(&EVERYBODY), *chance.pick(&HABITS));
        world.scan(pupil, habit).await;
    }
}

async fn tell(world: &World, which: usize) {
    let client = bank::client().expect("a client");
    let transfer = &world.bank.transfers()[which];
    let status = bank::tell(&client, &world.hook(), transfer, world.clock.now()).await.expect("a telling");
    assert_eq!(status, 200);
}

/// Each credit told once, in order, and the statement.
async fn plain(fresh: Fresh, seed: u64) -> Vec<(String, String, i64, String, i64)> {
    let mut world = World::start(fresh).await;
    scan_all(&mut world, seed).await;
    for which in 0..world.bank.transfers().len() {
        tell(&world, which).await;
        world.settle().await;
    }
    read_statement(&world).await;
    world.audit().await;
    books(&world.house.store).await
}

/// The same credits in any order, each told twice or lost, the process restarted anywhere, and the statement, twice.
async fn troubled(fresh: Fresh, seed: u64) -> Vec<(String, String, i64, String, i64)> {
    let mut world = World::start(fresh).await;
    scan_all(&mut world, seed).await;
    let mut chance = Chance::new(seed ^ 0xFACE);
    let told = world.bank.transfers().len();
    let mut order: Vec<usize> = (0..told).filter(|_| chance.below(6) != 0).flat_map(|which| [which, which]).collect();
    chance.shuffle(&mut order);
    for which in order {
        tell(&world, which).await;
        match chance.below(5) {
            0 => world.restart().await,
            1 => world.settle().await,
            _ => {}
        }
    }
    read_statement(&world).await;
    world.restart().await;
    read_statement(&world).await;
    world.audit().await;
    books(&world.house.store).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_books_are_the_same_in_whatever_order_credits_come_doubled_lost_or_interrupted() {
    for seed in 1..=12 {
        let one = plain(crate::engines::sqlite().await, seed).await;
        let other = troubled(crate::engines::sqlite().await, seed).await;
        assert_eq!(one, other, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_books_are_the_same_in_whatever_order_credits_come_doubled_lost_or_interrupted() {
    for seed in 101..=103 {
        let (Some(one), Some(other)) = (crate::engines::postgres().await, crate::engines::postgres().await) else {
            return;
        };
        assert_eq!(plain(one, seed).await, troubled(other, seed).await, "seed {seed}");
    }
}
