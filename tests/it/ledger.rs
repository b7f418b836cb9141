//! The books balance, the audit finds what breaks them, and another program reads them.

use std::process::Command;

use hocphi::ledger::{self, Account, Cause, Entry, Head, Posting, export};
use hocphi::money::Dong;
use hocphi::store::EngineName;
use hocphi::transact;

use crate::books::{Books, MORNING};
use crate::engines::Fresh;
use crate::on_both;

on_both!(
    a_cause_is_posted_once_in_a_batch_and_in_another,
    entries_alike_differ_in_their_invoices_alone_and_are_posted_once,
    the_audit_finds_a_fault_against_each_invariant,
    hledger_reads_the_journal_and_finds_the_same_balances
);

fn entry(cause: Cause, amount: i64) -> Entry {
    let sides = vec![
        Posting::debit(Account::Clearing, Dong::new(amount)),
        Posting::credit(Account::SuspenseUnidentified, Dong::new(amount)),
    ];
    Entry::new(Head::new("sch_1", cause, MORNING), sides).expect("balanced")
}

async fn a_cause_is_posted_once_in_a_batch_and_in_another(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let cause = |id: &str| Cause::Received(id.to_owned());
    let batch = [entry(cause("a"), 1), entry(cause("a"), 2), entry(cause("b"), 4)];
    let posted = transact!(books.store, |tx| ledger::post_in(tx, &batch).await).expect("posted");
    assert_eq!(posted, [batch[0].id(), batch[2].id()]);
    let again = [entry(cause("b"), 8), entry(cause("c"), 16)];
    let posted = transact!(books.store, |tx| ledger::post_in(tx, &again).await).expect("posted");
    assert_eq!(posted, [again[1].id()]);
    assert_eq!(books.balance(Account::Clearing).await, 1 + 4 + 16);
    let waiting: i64 =
        hocphi::feed::sequence(&books.store, &books.clock).await.expect("a batch").try_into().expect("few");
    assert_eq!(waiting, 3);
}

async fn entries_alike_differ_in_their_invoices_alone_and_are_posted_once(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let head = |invoice: &str| Head::new("sch_1", Cause::Issued(invoice.to_owned()), MORNING);
    let pattern = |invoice: &str| {
        let of = |side: Posting| side.invoice(invoice).line(1, "itm_1");
        let owed = of(Posting::debit(Account::ReceivableParent, Dong::new(30)));
        Entry::new(head(invoice), vec![owed, of(Posting::credit(Account::RevenueService, Dong::new(30)))])
    };
    let post = async |first: &str, heads: &[Head]| {
        let pattern = pattern(first).expect("balanced");
        transact!(books.store, |tx| ledger::post_alike_in(tx, &pattern, heads).await).expect("posted");
    };
    post("inv_a", &["inv_a", "inv_b", "inv_c", "inv_d", "inv_e"].map(head)).await;
    post("inv_e", &["inv_e", "inv_f"].map(head)).await;
    assert_eq!(books.balance(Account::ReceivableParent).await, 6 * 30);
    let invoices =
        [Posting::new(Account::Bank, Dong::new(1)).receiving("acc_1"), Posting::new(Account::Bank, Dong::new(-1))];
    let stray = Entry::new(head("inv_g"), invoices.to_vec()).expect("balanced");
    let heads = [head("inv_g")];
    let refused = transact!(books.store, |tx| ledger::post_alike_in(tx, &stray, &heads).await);
    assert!(refused.is_err(), "a side that is about no invoice cannot be about each one's own");
    let waiting = hocphi::feed::sequence(&books.store, &books.clock).await.expect("a batch");
    assert_eq!(waiting, 6, "each entry has one place");
}

/// What a meddler would have to do to break each invariant, and only the books' own triggers do not stop.
fn faults(invoice: &str, credit: &str, other_credit: &str, entry: &str) -> Vec<(&'static str, String)> {
    [
        posting_faults(invoice, credit, entry),
        decision_faults(credit, other_credit),
        paper_and_feed_faults(invoice, credit),
        vec![settlement_fault()],
    ]
    .concat()
}

fn posting_faults(invoice: &str, credit: &str, entry: &str) -> Vec<(&'static str, String)> {
    vec![
        ("every entry balances", format!("insert into posting values ('{entry}', 90, 'bank', 5, null, null, null, null, null, null)")),
        (
            "an entry belongs to one school",
            "insert into school values ('sch_2', 'TH02', 'B', 'primary', 'public', '', '', null, null, null, null, 'hanoi', 0);
             insert into family values ('fam_x', 'sch_2', 0);
             insert into entry values ('ent_x', 'sch_1', 'applied', 'one-school', '2026-11-22', 0, null, null, null, 'x', '');
             insert into posting values ('ent_x', 1, 'credit_balance.family', -5, null, null, null, null, 'fam_x', null)"
                .to_owned(),
        ),
        (
            "an invoice's total is the sum of its lines",
            format!("insert into invoice_line values ('{invoice}', 9, 'itm_1', 'N', 'L', 'agreed', 'service', 'C45-BB', 'month', 1, 7, 7, 0, 7)"),
        ),
        (
            "the books ask what the invoice asks, line by line",
            format!("insert into posting values ('{entry}', 91, 'receivable.parent', 5, null, '{invoice}', 1, 'itm_1', null, null)"),
        ),
        (
            "no line is paid beyond what it asks",
            format!("insert into posting values ('{entry}', 92, 'receivable.parent', -900, null, '{invoice}', 1, 'itm_1', null, '{credit}')"),
        ),
        (
            "nothing is owed below zero",
            format!("insert into posting values ('{entry}', 93, 'receivable.parent', -99999, null, '{invoice}', 1, 'itm_1', null, null)"),
        ),
        (
            "a credit enters the books with its amount",
            format!("insert into posting values ('{entry}', 94, 'clearing', 3, 'acc_1', null, null, null, null, '{credit}')"),
        ),
        (
            "a credit is allocated to its amount",
            format!("insert into posting values ('{entry}', 95, 'suspense.unidentified', -3, null, null, null, null, null, '{credit}')"),
        ),
        (
            "nothing is taken out that did not go in",
            format!("insert into posting values ('{entry}', 96, 'bank', -3, 'acc_1', null, null, null, null, '{credit}')"),
        ),
        (
            "a family's credit is never below zero",
            format!("insert into posting values ('{entry}', 97, 'credit_balance.family', 3, null, null, null, null, 'fam_1', null)"),
        ),
    ]
}

fn decision_faults(credit: &str, other_credit: &str) -> Vec<(&'static str, String)> {
    vec![
        (
            "money lies where the newest decision says",
            format!("insert into credit_decision values ('{credit}', 2, 'release', '', null, null, 0, 'x', '')"),
        ),
        ("a bank's reference is one credit", {
            let columns =
                "id, school_id, account_id, amount, day, value_at, bank_reference, memo_sealed, origin, doubt, kept_at";
            let twin = |id: &str| {
                format!(
                    "insert into credit ({columns}) select '{id}', school_id, account_id, amount, day, value_at, 'FT1', memo_sealed, origin, doubt, kept_at from credit where id = '{credit}';"
                )
            };
            format!("drop index credit_by_bank_reference; {} {}", twin("crd_x"), twin("crd_y"))
        }),
        ("every credit waits or is decided", format!("delete from undecided where credit_id = '{other_credit}'")),
        (
            "a decided credit is posted exactly once",
            format!("insert into credit_decision values ('{other_credit}', 1, 'settle', '', null, null, 0, 'x', '')"),
        ),
        (
            "a doubt is posted by nobody but a person or a statement",
            format!("insert into credit_decision values ('{credit}', 3, 'same', '', null, null, 0, 'x', '')"),
        ),
        (
            "what is proved has a statement line, and is posted so",
            format!(
                "insert into entry values ('ent_p', 'sch_1', 'proved', 'proof', '2026-11-22', 0, '{credit}', null, null, 'x', '')"
            ),
        ),
    ]
}

fn settlement_fault() -> (&'static str, String) {
    (
        "a settlement is what a gateway owed, less its fee",
        "insert into entry values ('ent_g', 'sch_1', 'settled', 'no gateway', '2026-11-22', 0, null, null, null, 'x', '');
         insert into posting values ('ent_g', 1, 'clearing.gateway', 5, null, null, null, null, null, null);
         insert into posting values ('ent_g', 2, 'suspense.unidentified', -5, null, null, null, null, null, null)"
            .to_owned(),
    )
}

fn paper_and_feed_faults(invoice: &str, credit: &str) -> Vec<(&'static str, String)> {
    let entry_values = "'2026-11-22', 0, null, null, null, 'x', ''";
    vec![
        ("receipt numbers have no hole and no twin", "update receipt_series set last = last + 1".to_owned()),
        (
            "a receipt says what its entry says, and none is missing",
            format!("insert into entry values ('ent_r', 'sch_1', 'applied', 'no receipt', '2026-11-22', 0, '{credit}', '{invoice}', null, 'x', '')"),
        ),
        (
            "a receipt is void exactly when its money was moved",
            "insert into receipt_event select id, 'void', 0, 'x', 'x' from receipt".to_owned(),
        ),
        (
            "every entry has its place in the feed or waits for it",
            format!("insert into entry values ('ent_s', 'sch_1', 'applied', 'never told', {entry_values})"),
        ),
        (
            "the feed's places have no hole",
            "insert into feed_leaf values (1000, 'ent_s', 'sch_1', 'rec_1', 'NEW', 1, '2026-11-22', 0, '{\"postings\":[]}')".to_owned(),
        ),
        (
            "a record's versions rise one by one",
            "insert into feed_leaf values (1001, 'ent_r', 'sch_1', 'rec_2', 'NEW', 7, '2026-11-22', 0, '{\"postings\":[]}')".to_owned(),
        ),
        (
            "the feed's totals are the ledger's",
            "insert into feed_leaf values (1002, 'ent_x', 'sch_1', 'rec_3', 'NEW', 1, '2026-11-22', 0, '{\"postings\":[{\"account\":\"bank\",\"amount\":1,\"item\":null}]}')".to_owned(),
        ),
        ("a dashboard's sums of days are the ledger's", "update day_sum set collected = collected + 1".to_owned()),
        ("a dashboard's sums of all schools are theirs", "update total_sum set collected = collected - 1".to_owned()),
        ("a dashboard's sums of months are those of days", "update month_sum set issued = issued - 1".to_owned()),
        ("a dashboard's sums of schools are the ledger's", "update school_sum set held = held + 1".to_owned()),
        ("a run's sums are those of its invoices", "update run_sum set invoices = invoices + 1".to_owned()),
        (
            "the desk shows exactly the credits that wait for a person",
            format!("insert into held_credit values ('{credit}', 'sch_1', 0)"),
        ),
        (
            "a program's request takes effect once",
            "drop table api_request;
             create table api_request (client_id text, operation text, request_key text);
             insert into api_request values ('c', 'o', 'k'), ('c', 'o', 'k')"
                .to_owned(),
        ),
    ]
}

/// SQLite would refuse it as long as it looks at keys.
fn name_fault(engine: EngineName) -> (&'static str, String) {
    let row = "insert into undecided values ('crd_gone', 0)";
    let fault = match engine {
        EngineName::Sqlite => format!("pragma foreign_keys = off; {row}; pragma foreign_keys = on"),
        EngineName::Postgres => row.to_owned(),
    };
    ("what a fact names is there", fault)
}

async fn the_audit_finds_a_fault_against_each_invariant(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(10).await;
    let credit = books.credit(1_000, Some(&owed.reference)).await;
    books.drain().await;
    books.sequence().await;
    let waiting = books.credit(5, None).await;
    books.assert_sound().await;
    let story = hocphi::matching::story(&books.store, &credit).await.expect("a story");
    let entry = story[0].entry_id.clone().expect("an entry");
    let mut seen = Vec::new();
    let of_names = name_fault(books.store.engine());
    for (name, fault) in faults(&owed.id, &credit, &waiting, &entry).into_iter().chain([of_names]) {
        books.raw(&fault).await;
        let findings = ledger::audit(&books.store).await.expect("an audit");
        let finding = findings.iter().find(|finding| finding.name == name).expect(name);
        assert!(!finding.holds(), "{name}: not found after {fault}");
        assert!(!seen.contains(&name), "{name} is broken once");
        seen.push(name);
    }
    let names: Vec<&str> =
        ledger::audit(&books.store).await.expect("an audit").iter().map(|finding| finding.name).collect();
    // The schema itself refuses a second invoice, and no meddler gets past its unique keys without rebuilding it.
    let unseen: Vec<&&str> = names.iter().filter(|name| !seen.contains(*name)).collect();
    assert_eq!(unseen, [&"a pupil has one invoice in a run, under its own reference"]);
}

async fn hledger_reads_the_journal_and_finds_the_same_balances(fresh: Fresh) {
    let books = Books::open(fresh).await;
    for amount in [600, 1_000, 1_700] {
        let owed = books.invoice(10).await;
        let credit = books.credit(amount, Some(&owed.reference)).await;
        books.prove(&credit).await;
    }
    books.credit(77, None).await;
    books.drain().await;
    let mut text = Vec::new();
    export::journal(&books.store, export::Format::Hledger, &mut text).await.expect("a journal");
    let mut rows = Vec::new();
    export::journal(&books.store, export::Format::Csv, &mut rows).await.expect("rows");
    let mut sums = [0_i64; 2];
    for row in csv::Reader::from_reader(rows.as_slice()).records() {
        let row = row.expect("a row");
        for (sum, column) in sums.iter_mut().zip([6, 7]) {
            *sum += row[column].parse::<i64>().unwrap_or_default();
        }
    }
    assert!(sums[0] > 0 && sums[0] == sums[1], "{sums:?}");

    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("hocphi.journal");
    std::fs::write(&file, &text).expect("a file");
    let hledger = |arguments: &[&str]| Command::new("hledger").arg("-f").arg(&file).args(arguments).output();
    let Ok(checked) = hledger(&["check", "--strict"]) else {
        eprintln!("SKIPPED: hledger is not installed, so nobody else read the journal");
        return;
    };
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let balance = hledger(&["balance", "--flat", "--no-total", "-O", "csv", "--layout", "bare"]).expect("balances");
    let balance = String::from_utf8(balance.stdout).expect("text");
    for (account, amount) in ledger::balances(&books.store, None).await.expect("sums") {
        let row = format!("\"{}\",\"VND\",\"{}\"", account.journal(), amount.get());
        assert!(amount == Dong::ZERO || balance.contains(&row), "{row} is not in\n{balance}");
    }
}
