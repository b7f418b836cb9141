//! Years of a town, put into the tables: what thousands of runs and payments would have left there.
//!
//! Every pupil has an invoice of two lines in each run, a run a month; one in ten is paid, half of those payments are on
//! a statement, and one in five hundred waits for a person.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use hocphi::clockwork::House;
use hocphi::config::Config;
use hocphi::providers::Providers;
use hocphi::roll;
use hocphi::roll::setup;
use hocphi::seal::{MasterKey, Vault, token_hash};
use hocphi::simulate::city::City;
use hocphi::store::{EngineName, Store};
use hocphi::time::{Clock, Day};

use crate::subjects::one;

/// What everybody signs in with.
pub const PASSWORD: &str = "mat-khau-mo-phong";
/// So many schools have an accountant who signs in.
pub const DESKS: usize = 20;
/// So many invoices have a page whose link is known.
pub const PICKED: usize = 400;

/// The two items of each run, in the order of their lines.
const ITEMS: &str =
    "(select row_number() over (order by code) as position, id, code, official_name, revenue, document_kind
    from fee_item order by code limit 2) i";
/// What one of them asks.
const AMOUNT: &str = "(150000 + 50000 * i.position)";

/// The sums of sums, made anew from them.
const WIDE_SUMS: &str = "
    delete from total_sum;
    insert into total_sum (day, item_id, issued, collected)
        select day, item_id, sum(issued), sum(collected) from item_sum group by day, item_id;
    delete from month_sum;
    insert into month_sum (month, school_id, issued, collected)
        select substr(day, 1, 7), school_id, sum(issued), sum(collected) from day_sum group by substr(day, 1, 7), school_id";

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub struct Town {
    pub schools: usize,
    pub pupils: usize,
    pub runs: usize,
}

impl Town {
    pub fn of(invoices: usize) -> Town {
        let schools = (invoices / 1_000).clamp(10, 1_000);
        let pupils = (invoices / schools / 20).clamp(20, 500);
        Town { schools, pupils, runs: (invoices / schools / pupils).max(1) }
    }

    pub fn invoices(&self) -> usize {
        self.schools * self.pupils * self.runs
    }

    /// The first invoice from this one on that nobody paid: there is nothing to be paid by a QR on the others.
    fn unpaid_from(&self, at: usize) -> usize {
        let place = |number: usize| ((number - 1) % self.of_run() + 1, (number - 1) / self.of_run());
        let is_unpaid = |number: &usize| matches!(place(*number), (n, run) if !is_paid(n, run));
        (at + 1..at + 20).find(is_unpaid).expect("nine in ten are")
    }

    fn of_run(&self) -> usize {
        self.schools * self.pupils
    }

    /// The day of the first run; the last is this month's.
    pub fn day_of(&self, run: usize, today: Day) -> Day {
        let months = i64::try_from(self.runs - 1 - run).expect("small");
        today.plus_days(-20 - 30 * months)
    }

    /// Fills a database, or goes on from the runs it has.
    pub async fn fill(&self, database: &str, key: &Path) {
        let store = Store::open(database).await.expect("a database");
        store.migrate().await.expect("a schema");
        if !key.exists() {
            fs::write(key, MasterKey::generate().expect("a key").as_bytes()).expect("the key's file");
        }
        let sql = Sql { engine: store.engine() };
        store.run_raw(sql.in_a_hurry()).await.expect("in a hurry");
        if one::<i64>(&store, "select count(*) from school").await == 0 {
            self.people(&store, key).await;
            store.run_raw(&sql.pupils()).await.expect("the pupils");
            self.pick(&store, key).await;
        }
        let today = Clock::System.now().day();
        let done: i64 = one(&store, "select count(*) from pages_run").await;
        for run in usize::try_from(done).expect("a count")..self.runs {
            for text in sql.run(self, run, today) {
                let ran = store.run_raw(&format!("{} {text}", sql.before())).await;
                ran.unwrap_or_else(|error| panic!("{error}: {text}"));
            }
            eprintln!("run {} of {}", run + 1, self.runs);
        }
        let is_added_up = one::<i64>(&store, "select count(*) from total_sum").await > 0;
        if usize::try_from(done).expect("a count") < self.runs || !is_added_up {
            store.run_raw(WIDE_SUMS).await.expect("the wide sums");
            store.run_raw(sql.at_last()).await.expect("statistics");
        }
        store.close().await;
    }

    /// Schools, rosters and connections through the doors everybody uses, and some people who sign in.
    async fn people(&self, store: &Store, key: &Path) {
        let key = MasterKey::parse(&fs::read_to_string(key).expect("the key's file")).expect("a key");
        let vault = Vault::proven(store.clone(), key).await.expect("the vault");
        let providers = Providers::embedded().expect("the providers");
        let house = House::open(store.clone(), vault, Clock::System, providers, Config::default()).expect("the house");
        let city = City { schools: self.schools, pupils: self.pupils, runs: 0 };
        city.build(&house).await.expect("the city");
        let mut table = String::from(
            "kind,code,name,under,level,ownership,address,phone,mcc,city,reading,bank,number,login,password\n",
        );
        let schools = roll::schools(store).await.expect("the schools");
        // Some schools stand below a ward of their own.
        let _ = writeln!(table, "authority,HAMLET,Ủy ban nhân dân xã (mô phỏng),SGD,ward,,,,,,,,,,");
        for school in schools.iter().step_by(schools.len() / DESKS) {
            let (code, name) = (&school.code, &school.name);
            let _ = writeln!(table, "school,{code},{name},HAMLET,primary,public,,,8211,,southern,,,,");
        }
        let _ = writeln!(table, "supervisor,,Anh Nam,HAMLET,,,,,,,,,,giamsat-xa,{PASSWORD}");
        for at in 0..DESKS {
            let school = &schools[at * schools.len() / DESKS];
            // Writing to a String cannot fail.
            let _ = writeln!(table, "accountant,,Cô Thu,{},,,,,,,,,,ketoan{at},{PASSWORD}", school.code);
        }
        let _ = writeln!(table, "supervisor,,Chị Hạnh,SGD,,,,,,,,,,giamsat,{PASSWORD}");
        let lines = setup::read(table.as_bytes(), "setup.csv").expect("a table");
        setup::setup(store, &Clock::System, &lines).await.expect("people");
    }

    /// Invoices whose pages can be asked for: their numbers, by lot, and the hashes of their links.
    async fn pick(&self, store: &Store, key: &Path) {
        let key = MasterKey::parse(&fs::read_to_string(key).expect("the key's file")).expect("a key");
        let rows: Vec<String> = (0..PICKED)
            .map(|at| {
                let number = self.unpaid_from(at * self.invoices() / PICKED);
                let hash = token_hash(&key.page_token("invoice", &format!("inv_{number:026}")));
                let reference = hocphi::ids::PaymentReference::random().expect("a reference");
                format!("({number}, '{hash}', '{reference}')")
            })
            .collect();
        store.run_raw(&format!("insert into pages_picked values {}", rows.join(", "))).await.expect("picked");
    }
}

/// Is this pupil's invoice of a run paid?
pub fn is_paid(n: usize, run: usize) -> bool {
    n % 10 == run % 10
}

/// Does what he paid wait for a person?
pub fn is_held(n: usize) -> bool {
    (n / 10).is_multiple_of(500)
}

/// The texts as each engine reads them.
struct Sql {
    engine: EngineName,
}

impl Sql {
    fn is_sqlite(&self) -> bool {
        self.engine == EngineName::Sqlite
    }

    /// Nothing is lost here that could not be loaded again.
    fn in_a_hurry(&self) -> &'static str {
        if self.is_sqlite() {
            "pragma synchronous = off; pragma cache_size = -3000000; pragma foreign_keys = off"
        } else {
            "alter database pages set synchronous_commit = on"
        }
    }

    /// Rows come in the right order, so nothing need be looked up for each of them.
    fn before(&self) -> &'static str {
        if self.is_sqlite() { "" } else { "set session_replication_role = replica;" }
    }

    fn at_last(&self) -> &'static str {
        if self.is_sqlite() {
            "pragma foreign_keys = on; pragma analysis_limit = 2000; analyze; pragma wal_checkpoint(truncate)"
        } else {
            "vacuum analyze"
        }
    }

    /// A number as the 26 letters of an id.
    fn id(&self, prefix: &str, number: &str) -> String {
        if self.is_sqlite() {
            format!("('{prefix}_' || printf('%026d', {number}))")
        } else {
            format!("('{prefix}_' || lpad(({number})::text, 26, '0'))")
        }
    }

    fn bytes(&self) -> &'static str {
        if self.is_sqlite() { "zeroblob(100)" } else { "decode(repeat('00', 100), 'hex')" }
    }

    /// Day `number` days after one, as text.
    fn day(&self, first: Day, number: &str) -> String {
        if self.is_sqlite() {
            format!("date('{first}', '+' || ({number}) || ' days')")
        } else {
            format!("to_char(date '{first}' + ({number})::int, 'YYYY-MM-DD')")
        }
    }

    /// The pupils in the order of their schools, numbered.
    fn pupils(&self) -> String {
        let int = if self.is_sqlite() { "integer" } else { "bigint" };
        format!(
            "create table pages_run (run {int} primary key);
             create table pages_picked (n {int} primary key, hash text, reference text);
             create table pages_pupil (n {int} primary key, school_n {int}, school_id text, account_id text, pupil_id text,
                family_id text, class_id text);
             insert into pages_pupil
             select row_number() over (order by p.school_id, c.class_group_id, p.id),
                dense_rank() over (order by p.school_id), p.school_id,
                (select min(a.id) from receiving_account a where a.school_id = p.school_id), p.id, p.family_id, c.class_group_id
             from pupil p join class_membership c on c.pupil_id = p.id;"
        )
    }

    /// Everything that one run of all schools leaves behind.
    fn run(&self, town: &Town, run: usize, today: Day) -> Vec<String> {
        let first = town.day_of(run, today);
        let (before, runs) = (run * town.of_run(), run * town.schools);
        let at = first.begins().0 + 28_800_000;
        let mut texts = vec![self.billing(first, at, runs)];
        texts.extend(self.invoices(first, at, before, runs));
        texts.extend(self.payments(first, at, before, runs, run % 10));
        texts.push(format!("insert into pages_run values ({run})"));
        texts
    }

    fn billing(&self, first: Day, at: i64, runs: usize) -> String {
        let id = self.id("run", &format!("{runs} + school_n"));
        let file = self.id("stm", &format!("{runs} + school_n"));
        let bytes = self.bytes();
        format!(
            "insert into billing_run (id, school_id, account_id, title, school_year, due_day, made_at, made_by)
                select {id}, school_id, account_id, 'Các khoản thu {first}', '2026-2027', '{first}', {at}, 'system'
                from (select distinct school_n, school_id, account_id from pages_pupil) s;
             insert into billing_run_event (run_id, kind, at, actor)
                select {id}, k.kind, {at} + k.after, 'system'
                from (select distinct school_n from pages_pupil) s,
                    (select 'issuing' as kind, 1 as after union all select 'issued', 2 union all select 'published', 3) k;
             insert into billing_run_class (run_id, class_group_id)
                select distinct {id}, class_id from pages_pupil;
             insert into billing_run_item (run_id, position, item_id, quantity)
                select {id}, i.position, i.id, 1 from (select distinct school_n from pages_pupil) s,
                    (select row_number() over (order by code) as position, id from fee_item order by code limit 2) i;
             insert into statement_file (id, account_id, sha256, name_sealed, lines, first_day, last_day, opening, closing,
                    received_at, received_by, from_day, to_day)
                select {file}, account_id, {file}, {bytes}, 1, '{first}', {last}, 0, 0, {at}, 'system', '{first}', {last}
                from (select distinct school_n, account_id from pages_pupil) s;
             insert into statement_step (file_id, step, done_at, done_by)
                select {file}, 'read', {at}, 'system' from (select distinct school_n from pages_pupil) s",
            last = self.day(first, "28")
        )
    }

    fn invoices(&self, first: Day, at: i64, before: usize, runs: usize) -> Vec<String> {
        let number = format!("{before} + p.n");
        let (invoice, entry) = (self.id("inv", &number), self.id("ent", &number));
        let run = self.id("run", &format!("{runs} + p.school_n"));
        vec![
            format!(
                "insert into invoice (id, run_id, school_id, account_id, pupil_id, family_id, class_group_id, reference,
                    page_hash, total, due_day, issued_at)
                 select {invoice}, {run}, p.school_id, p.account_id, p.pupil_id, p.family_id, p.class_id,
                    coalesce(k.reference, {reference}), coalesce(k.hash, {invoice}), 450000, '{first}', {at}
                 from pages_pupil p left join pages_picked k on k.n = {number} order by p.n;
                 insert into run_sum (run_id, invoices, total)
                 select {run}, count(*), 450000 * count(*) from pages_pupil p group by p.school_n",
                reference = self.id("RF", &number)
            ),
            format!(
                "insert into invoice_line (invoice_id, position, item_id, official_name, legal_basis, necessity, revenue,
                    document_kind, unit, quantity, unit_price, gross, exemption, payable)
                 select {invoice}, i.position, i.id, i.official_name, '18/2025/NQ-HĐND', 'agreed', i.revenue,
                    i.document_kind, 'month', 1, {AMOUNT}, {AMOUNT}, 0, {AMOUNT}
                 from pages_pupil p cross join {ITEMS} order by p.n, i.position"
            ),
            format!(
                "insert into entry (id, school_id, kind, cause, day, at, credit_id, invoice_id, reverses, actor, note)
                 select {entry}, p.school_id, 'issued', 'issued:' || {invoice}, '{first}', {at}, null, {invoice}, null,
                    'system', ''
                 from pages_pupil p order by p.n"
            ),
            format!(
                "insert into posting (entry_id, position, account, amount, invoice_id, line, item_id)
                 select {entry}, 2 * i.position - s.side, case s.side when 1 then 'receivable.parent' else 'revenue.service' end,
                    case s.side when 1 then {AMOUNT} else -{AMOUNT} end, {invoice}, i.position, i.id
                 from pages_pupil p cross join {ITEMS} cross join (select 1 as side union all select 0) s
                 order by p.n, 2 * i.position - s.side"
            ),
            places(&entry, &invoice, "NEW", first, at, "from pages_pupil p"),
            format!(
                "insert into item_sum (item_id, day, school_id, issued, collected)
                 select i.id, '{first}', p.school_id, count(*) * {AMOUNT}, 0
                 from pages_pupil p cross join {ITEMS} group by i.id, i.position, p.school_id
                 on conflict (item_id, day, school_id) do update set issued = item_sum.issued + excluded.issued;
                 insert into day_sum (day, school_id, issued, collected)
                 select '{first}', p.school_id, 450000 * count(*), 0 from pages_pupil p where 1 = 1 group by p.school_id
                 on conflict (day, school_id) do update set issued = day_sum.issued + excluded.issued;
                 insert into school_sum (school_id, owed, surplus, held)
                 select p.school_id, 450000 * count(*), 0, 0 from pages_pupil p where 1 = 1 group by p.school_id
                 on conflict (school_id) do update set owed = school_sum.owed + excluded.owed"
            ),
        ]
    }

    /// One invoice in ten is paid within 25 days; of those payments one in five hundred waits for a person.
    fn payments(&self, first: Day, at: i64, before: usize, runs: usize, of_ten: usize) -> Vec<String> {
        let number = format!("{before} + p.n");
        let from = format!("from pages_pupil p where p.n % 10 = {of_ten}");
        let (credit, invoice) = (self.id("crd", &number), self.id("inv", &number));
        let (entry, receipt) = (self.id("enu", &number), self.id("rec", &number));
        let (line, delivery) = (self.id("lin", &number), self.id("dlv", &number));
        let (file, day) = (self.id("stm", &format!("{runs} + p.school_n")), self.day(first, "p.n % 25"));
        let (bytes, moment) = (self.bytes(), format!("({at} + (p.n % 25) * 86400000 + p.n)"));
        let is_held = "(p.n / 10) % 500 = 0";
        let connection = "(select min(b.connection_id) from connection_account b where b.account_id = p.account_id)";
        vec![
            format!(
                "insert into delivery (id, connection_id, heard_at, outcome, reason, body_sealed)
                 select {delivery}, {connection}, {moment}, 'credits', '', {bytes} {from} order by p.n;
                 insert into credit (id, school_id, account_id, amount, day, value_at, payment_reference, memo_sealed, origin,
                    doubt, kept_at, likeness)
                 select {credit}, p.school_id, p.account_id, 450000, {day}, {moment}, {credit}, {bytes}, 'hook', '', {moment},
                    {credit} {from} order by p.n;
                 insert into telling (connection_id, told_reference, fingerprint, credit_id, delivery_id, told_at)
                 select {connection}, {delivery}, 'f', {credit}, {delivery}, {moment} {from} order by p.n"
            ),
            format!(
                "insert into entry (id, school_id, kind, cause, day, at, credit_id, invoice_id, reverses, actor, note)
                 select {entry}, p.school_id, 'received', 'received:' || {credit}, {day}, {moment}, {credit},
                    case when {is_held} then null else {invoice} end, null, 'system', '' {from} order by p.n;
                 insert into posting (entry_id, position, account, amount, receiving_id, credit_id)
                 select {entry}, 1, 'clearing', 450000, p.account_id, {credit} {from} order by p.n;
                 insert into posting (entry_id, position, account, amount, credit_id)
                 select {entry}, 2, 'suspense.unidentified', -450000, {credit} {from} and {is_held} order by p.n;
                 insert into posting (entry_id, position, account, amount, invoice_id, line, item_id, credit_id)
                 select {entry}, 1 + i.position, 'receivable.parent', -{AMOUNT}, {invoice}, i.position, i.id, {credit}
                 from pages_pupil p cross join {ITEMS} where p.n % 10 = {of_ten} and not ({is_held}) order by p.n, i.position"
            ),
            format!(
                "insert into credit_decision (credit_id, turn, kind, reason, invoice_id, entry_id, at, actor, note)
                 select {credit}, 1, case when {is_held} then 'hold' else 'settle' end,
                    case when {is_held} then 'no_reference' else '' end,
                    case when {is_held} then null else {invoice} end, {entry}, {moment}, 'system', '' {from} order by p.n;
                 insert into held_credit (credit_id, school_id, value_at)
                 select {credit}, p.school_id, {moment} {from} and {is_held};
                 insert into receipt (id, school_id, series, year, number, entry_id, credit_id, invoice_id, family_id, amount,
                    surplus, due, paid, check_hash, issued_at)
                 select {receipt}, p.school_id, 'C45-BB', cast(substr({day}, 1, 4) as int), {number}, {entry}, {credit},
                    {invoice}, p.family_id, 450000, 0, 450000, 450000, {receipt}, {moment}
                 {from} and not ({is_held}) order by p.n"
            ),
            format!(
                "insert into statement_line (id, file_id, account_id, file_row, day, value_at, amount, reference, memo_sealed,
                    chain_key)
                 select {line}, {file}, p.account_id, p.n, {day}, {moment}, 450000, '', {bytes}, {line}
                 {from} and (p.n / 10) % 2 = 1 order by p.n;
                 insert into credit_proof (credit_id, line_id, proved_at)
                 select {credit}, {line}, {moment} {from} and (p.n / 10) % 2 = 1 order by p.n"
            ),
            places(&entry, &credit, "NEW", first, at, &from),
            paid_sums(&from, &day, of_ten, is_held),
        ]
    }
}

/// Entries of this run in their places.
fn places(entry: &str, record: &str, event: &str, day: Day, at: i64, from: &str) -> String {
    format!(
        "insert into feed_leaf (place, entry_id, school_id, record_id, event, version, day, at, body)
         select (select coalesce(max(place), 0) from feed_leaf) + row_number() over (order by p.n), {entry},
            p.school_id, {record}, '{event}', 1, '{day}', {at},
            '{{\"day\":\"{day}\",\"kind\":\"issued\",\"postings\":[{{\"account\":\"receivable.parent\",\"amount\":450000,\"item\":\"ABT\"}}],\"record\":\"' || {record} || '\",\"school\":\"79000001\"}}'
         {from} order by p.n"
    )
}

/// What the payments of a run add to the sums that are kept.
fn paid_sums(from: &str, day: &str, of_ten: usize, is_held: &str) -> String {
    let sums = |columns: &str, what: &str, more: &str| {
        format!("insert into {columns} select {what} {from} and not ({is_held}) group by {more}")
    };
    format!(
        "{} on conflict (day, school_id) do update set collected = day_sum.collected + excluded.collected;
         {} on conflict (school_id) do update set owed = school_sum.owed + excluded.owed;
         insert into item_sum (item_id, day, school_id, issued, collected)
         select i.id, {day}, p.school_id, 0, count(*) * {AMOUNT}
         from pages_pupil p cross join {ITEMS} where p.n % 10 = {of_ten} and not ({is_held})
         group by i.id, i.position, {day}, p.school_id
         on conflict (item_id, day, school_id) do update set collected = item_sum.collected + excluded.collected;
         insert into school_sum (school_id, owed, surplus, held)
         select p.school_id, 0, 0, 450000 * count(*) {from} and {is_held} group by p.school_id
         on conflict (school_id) do update set held = school_sum.held + excluded.held",
        sums(
            "day_sum (day, school_id, issued, collected)",
            &format!("{day}, p.school_id, 0, 450000 * count(*)"),
            &format!("{day}, p.school_id")
        ),
        sums("school_sum (school_id, owed, surplus, held)", "p.school_id, -450000 * count(*), 0, 0", "p.school_id"),
    )
}
