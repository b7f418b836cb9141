//! A school with invoices and credits put straight into the tables, for the tests of the money's rooms.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};

use hocphi::fault::Result;
use hocphi::ids;
use hocphi::inbox::memo_context;
use hocphi::ledger::{self, Account, Cause, Entry, Head, Posting};
use hocphi::matching;
use hocphi::money::Dong;
use hocphi::seal::{MasterKey, Vault};
use hocphi::store::Store;
use hocphi::time::{Clock, Moment};
use hocphi::transact;

use crate::engines::Fresh;

/// 22 November 2026, 08:00 in Vietnam.
pub const MORNING: Moment = Moment(1_795_309_200_000);

/// One school, its account, two classes of fee, and as many families as invoices.
pub struct Books {
    _fresh: Fresh,
    pub store: Store,
    pub vault: Vault,
    pub clock: Clock,
    count: AtomicI64,
}

/// An invoice that was issued.
#[derive(Clone)]
pub struct Owed {
    pub id: String,
    pub reference: String,
    pub family: String,
}

impl Books {
    pub async fn open(fresh: Fresh) -> Books {
        let key = MasterKey::generate().expect("a key");
        let store = fresh.store.clone();
        let vault = Vault::new(store.clone(), MasterKey::parse(&key).expect("a key"));
        store
            .run_raw(
                "insert into school values ('sch_1', 'TH01', 'Trường 1', 'primary', 'public', '', '', null, null, null, null, 'hanoi', 0);
                 insert into receiving_account values ('acc_1', 'sch_1', '970436', '0011', 'TRUONG 1', 0, null, null);
                 insert into receiving_account values ('acc_2', 'sch_1', '970436', '0012', 'TRUONG 1', 0, null, null);
                 insert into class_group values ('cls_1', 'sch_1', '2026-2027', '3A', '3');
                 insert into legal_instrument values ('law_1', '18/2025/NQ', 'NQ', 'HĐND', null, null);
                 insert into fee_item values ('itm_1', 'MEAL', 'Tiền ăn', 'agreed', 'month', 'service', 'C45-BB', 'law_1', '1', 0);
                 insert into fee_item values ('itm_2', 'TUITION', 'Học phí', 'mandatory', 'month', 'tuition', 'C45-BB', 'law_1', '2', 0);
                 insert into fee_item values ('itm_3', 'INSURANCE', 'Bảo hiểm', 'mandatory', 'year', 'pass_through', 'C45-BB', 'law_1', '3', 0);",
            )
            .await
            .expect("a school");
        Books { _fresh: fresh, store, vault, clock: Clock::set(MORNING), count: AtomicI64::new(1) }
    }

    fn next(&self) -> i64 {
        self.count.fetch_add(1, Ordering::SeqCst)
    }

    /// An issued invoice with lines of 30, 50 and 20 (the second and third mandatory), times `unit`.
    pub async fn invoice(&self, unit: i64) -> Owed {
        self.invoice_into("acc_1", None, unit).await
    }

    /// The same to be paid into an account, under a reference of one's own; its run is published.
    pub async fn invoice_into(&self, account: &str, reference: Option<&str>, unit: i64) -> Owed {
        let n = self.next();
        let id = ids::new_id("inv");
        let reference = reference.map_or_else(|| format!("RF{n:011}"), str::to_owned);
        let owed = Owed { id: id.clone(), reference, family: format!("fam_{n}") };
        let lines = [(1, "itm_1", "agreed", "service", 30 * unit), (2, "itm_2", "mandatory", "tuition", 50 * unit)];
        let total = 100 * unit;
        let lines = [lines.as_slice(), &[(3, "itm_3", "mandatory", "pass_through", 20 * unit)]].concat();
        let mut text = format!(
            "insert into family values ('fam_{n}', 'sch_1', 0);
             insert into pupil values ('pup_{n}', 'sch_1', 'fam_{n}', 'P{n}', 'X', 'x', null, null, 0);
             insert into billing_run values ('run_{n}', 'sch_1', '{account}', 'T', '2026-2027', '2026-12-01', 0, 'per_1');
             insert into billing_run_event (run_id, kind, at, actor) values ('run_{n}', 'published', 0, 'per_1');
             insert into invoice values ('{id}', 'run_{n}', 'sch_1', '{account}', 'pup_{n}', 'fam_{n}', 'cls_1', '{}', 'h{n}', {total}, '2026-12-01', 0);
             insert into run_sum values ('run_{n}', 1, {total});",
            owed.reference
        );
        let mut sides = Vec::new();
        for (position, item, necessity, revenue, amount) in lines {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "insert into invoice_line values ('{id}', {position}, '{item}', 'N', 'L', '{necessity}', '{revenue}', 'C45-BB', 'month', 1, {amount}, {amount}, 0, {amount});"
            );
            let earned = Account::of_revenue(revenue).expect("an account");
            let of_line = |side: Posting| side.invoice(&id).line(position, item);
            sides.push(of_line(Posting::debit(Account::ReceivableParent, Dong::new(amount))));
            sides.push(of_line(Posting::credit(earned, Dong::new(amount))));
        }
        self.raw(&text).await;
        let head = Head::new("sch_1", Cause::Issued(id.clone()), self.clock.now());
        let entry = Entry::new(head, sides).expect("balanced");
        transact!(self.store, |tx| ledger::post_in(tx, std::slice::from_ref(&entry)).await).expect("issued");
        owed
    }

    /// A kept credit that waits to be decided.
    pub async fn credit(&self, amount: i64, reference: Option<&str>) -> String {
        self.credit_of(amount, reference, "acc_1", "", "").await
    }

    pub async fn credit_of(
        &self,
        amount: i64,
        reference: Option<&str>,
        account: &str,
        doubt: &str,
        memo: &str,
    ) -> String {
        let id = ids::new_id("crd");
        let key = self.vault.key_of("deliveries:sch_1").await.expect("a key");
        let memo = hex::encode(key.seal(memo.as_bytes(), &memo_context(&id)).expect("sealed"));
        let bytes = match self.store.engine() {
            hocphi::store::EngineName::Sqlite => format!("x'{memo}'"),
            hocphi::store::EngineName::Postgres => format!("'\\x{memo}'::bytea"),
        };
        let reference = reference.map_or("null".to_owned(), |reference| format!("'{reference}'"));
        let at = MORNING.0 + self.next();
        self.raw(&format!(
            "insert into credit (id, school_id, account_id, amount, day, value_at, bank_reference, payment_reference, memo_sealed,
                payer_sealed, origin, doubt, maybe_same_as, kept_at) values ('{id}', 'sch_1', '{account}', {amount}, '2026-11-22', {at}, null, {reference}, {bytes}, null, 'hook', '{doubt}', null, {at});
             insert into undecided values ('{id}', 0);"
        ))
        .await;
        id
    }

    /// A kept credit of a day that a gateway holds.
    pub async fn credit_through(&self, gateway: &str, amount: i64, reference: &str, day: &str) -> String {
        let id = ids::new_id("crd");
        let bytes = match self.store.engine() {
            hocphi::store::EngineName::Sqlite => "x'00'",
            hocphi::store::EngineName::Postgres => "'\\x00'::bytea",
        };
        let at = hocphi::time::Day::parse(day).expect("a day").begins().0 + self.next();
        self.raw(&format!(
            "insert into connection (id, provider, school_id, memo_max, made_at) values ('{gateway}', 'p', 'sch_1', 25, 0)
             on conflict (id) do nothing;
             insert into credit (id, school_id, account_id, amount, day, value_at, payment_reference, memo_sealed, origin,
                doubt, kept_at, gateway_id) values ('{id}', 'sch_1', 'acc_1', {amount}, '{day}', {at}, '{reference}', {bytes}, 'hook', '', {at}, '{gateway}');
             insert into undecided values ('{id}', 0);"
        ))
        .await;
        id
    }

    /// A statement line shows the credit.
    pub async fn prove(&self, credit: &str) {
        let n = self.next();
        let bytes = match self.store.engine() {
            hocphi::store::EngineName::Sqlite => "x'00'",
            hocphi::store::EngineName::Postgres => "'\\x00'::bytea",
        };
        self.raw(&format!(
            "insert into statement_file (id, account_id, sha256, name_sealed, lines, received_at, received_by)
             values ('fil_{n}', 'acc_1', 's{n}', {bytes}, 1, 0, 'per_1');
             insert into statement_line values ('lin_{n}', 'fil_{n}', 'acc_1', 1, '2026-11-22', 0, 1, null, '', {bytes}, 'c{n}');
             insert into credit_proof values ('{credit}', 'lin_{n}', 0);
             insert into undecided values ('{credit}', 0) on conflict (credit_id) do nothing;"
        ))
        .await;
    }

    pub async fn raw(&self, text: &str) {
        self.store.run_raw(text).await.expect(text);
    }

    /// Drains until nothing waits.
    pub async fn drain(&self) -> usize {
        let mut decided = 0;
        loop {
            match matching::drain(&self.store, &self.vault, &self.clock).await.expect("a batch") {
                0 => break decided,
                some => decided += some,
            }
        }
    }

    /// Gives every entry its place.
    pub async fn sequence(&self) {
        while hocphi::feed::sequence(&self.store, &self.clock).await.expect("a batch") > 0 {}
    }

    /// What the accountant says of what she does.
    pub fn act<'a>(&self, note: &'a str) -> matching::Act<'a> {
        matching::Act::new(self.clock.now(), "per_1", note).expect("words")
    }

    pub async fn assign(&self, credit: &str, invoice: &str) -> Result<matching::Assigned> {
        matching::assign(&self.store, &self.vault, credit, invoice, &self.act("mẹ cháu gọi điện")).await
    }

    /// The newest decision: kind and reason.
    pub async fn decision(&self, credit: &str) -> String {
        let story = matching::story(&self.store, credit).await.expect("a story");
        story.last().map_or("nothing".to_owned(), |step| format!("{} {}", step.kind, step.reason).trim().to_owned())
    }

    /// What came for lines 1, 2 and 3.
    pub async fn paid(&self, invoice: &str) -> [i64; 3] {
        let paid = ledger::paid_by_line(&self.store, &[invoice.to_owned()]).await.expect("sums");
        [1, 2, 3].map(|line| paid.get(&(invoice.to_owned(), line)).map_or(0, |paid| paid.get()))
    }

    pub async fn family_credit(&self, family: &str) -> i64 {
        ledger::family_credit(&self.store, family).await.expect("a sum").get()
    }

    pub async fn balance(&self, account: Account) -> i64 {
        let balances = ledger::balances(&self.store, None).await.expect("sums");
        balances.iter().find(|(other, _)| *other == account).map_or(0, |(_, amount)| amount.get())
    }

    /// The names of the invariants that do not hold.
    pub async fn broken(&self) -> Vec<String> {
        let findings = ledger::audit(&self.store).await.expect("an audit");
        findings.into_iter().filter(|finding| !finding.holds()).map(|finding| format!("{finding:?}")).collect()
    }

    /// Every invariant holds.
    pub async fn assert_sound(&self) {
        assert_eq!(self.broken().await, Vec::<String>::new());
    }
}
