//! What must always be true of the books, each as a query that returns no rows, and why.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fault::{OrFault, Result};
use crate::store::{Statement, Store, args, statements};

/// One invariant and the rows that break it; no rows: it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What must be true, in a sentence.
    pub name: &'static str,
    /// What it would mean if it were not.
    pub reason: &'static str,
    /// Ids of what breaks it, at most twenty. Never a name, never a secret.
    pub rows: Vec<String>,
}

impl Finding {
    /// Does the invariant hold?
    pub fn holds(&self) -> bool {
        self.rows.is_empty()
    }
}

/// What facts name and is not there, as one question: `posting entry_id: entry_id of entry` says which table, how its
/// rows are told apart, and which column names a row of which table.
macro_rules! unknown_names {
    ($($fact:ident $own:ident: $($column:ident of $named:ident),+;)+) => {
        concat!(
            "select '' as found from school where 1 = 0",
            $($(
                " union all select '", stringify!($fact), " ' || f.", stringify!($own), " from ", stringify!($fact),
                " f where f.", stringify!($column), " is not null and not exists (select 1 from ", stringify!($named),
                " n where n.id = f.", stringify!($column), ")",
            )+)+
            " limit 20"
        )
    };
}

statements! {
    /// Any row: a fact is about something that is not there, and no page can explain it.
    NAMES_ARE_THERE = unknown_names!(
        invoice id: run_id of billing_run, school_id of school, account_id of receiving_account, pupil_id of pupil,
            family_id of family, class_group_id of class_group;
        invoice_line invoice_id: invoice_id of invoice, item_id of fee_item;
        posting entry_id: entry_id of entry;
        unsequenced entry_id: entry_id of entry;
        feed_leaf entry_id: entry_id of entry;
        delivery id: connection_id of connection;
        credit id: school_id of school, account_id of receiving_account;
        telling credit_id: connection_id of connection, credit_id of credit, delivery_id of delivery;
        unsorted delivery_id: delivery_id of delivery;
        undecided credit_id: credit_id of credit;
        credit_decision credit_id: credit_id of credit, invoice_id of invoice, entry_id of entry;
        receipt id: school_id of school, entry_id of entry, credit_id of credit, invoice_id of invoice,
            family_id of family;
        statement_line id: file_id of statement_file, account_id of receiving_account;
        credit_proof credit_id: credit_id of credit, line_id of statement_line;
    );

    /// Any row: an entry got past its only door.
    ENTRIES_BALANCE = "
        select e.id || ' differs by ' || cast(coalesce(sum(p.amount), 0) as text) as found
        from entry e left join posting p on p.entry_id = e.id
        group by e.id having coalesce(sum(p.amount), 0) <> 0 or count(p.position) < 2 limit 20";

    /// Any row: money or debt of one school stands in another's books.
    ONE_SCHOOL = "
        select distinct e.id as found from entry e
        join posting p on p.entry_id = e.id
        left join invoice i on i.id = p.invoice_id
        left join credit c on c.id = p.credit_id
        left join receiving_account a on a.id = p.receiving_id
        left join family f on f.id = p.family_id
        where i.school_id <> e.school_id or c.school_id <> e.school_id or a.school_id <> e.school_id
           or f.school_id <> e.school_id
           or (p.invoice_id is not null and i.id is null) or (p.credit_id is not null and c.id is null)
           or (p.receiving_id is not null and a.id is null) or (p.family_id is not null and f.id is null)
        limit 20";

    /// Any row: a parent is asked for another sum than the lines say.
    INVOICE_TOTALS = "
        select i.id as found from invoice i left join invoice_line l on l.invoice_id = i.id
        group by i.id, i.total having coalesce(sum(l.payable), 0) <> i.total limit 20";

    /// Any row: what the books ask of a parent is not what the invoice asks; of a void one they ask nothing.
    INVOICE_LINES_ISSUED = "
        select l.invoice_id || ' line ' || cast(l.position as text) as found
        from invoice_line l
        left join posting p on p.invoice_id = l.invoice_id and p.line = l.position
            and p.account = 'receivable.parent' and p.credit_id is null
        group by l.invoice_id, l.position, l.payable
        having coalesce(sum(p.amount), 0) <> case
            when (select v.kind from invoice_event v where v.invoice_id = l.invoice_id order by v.turn desc limit 1) = 'void'
            then 0 else l.payable end limit 20";

    /// Any row: a line got more money than it asks, or less than none, or money lies on a void invoice.
    LINES_PAID = "
        select p.invoice_id || ' line ' || cast(p.line as text) as found
        from posting p left join invoice_line l on l.invoice_id = p.invoice_id and l.position = p.line
        where p.account = 'receivable.parent' and p.credit_id is not null
        group by p.invoice_id, p.line, l.payable
        having -sum(p.amount) < 0 or l.payable is null or -sum(p.amount) > case
            when (select v.kind from invoice_event v where v.invoice_id = p.invoice_id order by v.turn desc limit 1) = 'void'
            then 0 else l.payable end limit 20";

    /// Any row: due less owed is not what was allocated, as the invoice's money position shows it.
    INVOICE_POSITION = "
        select i.id as found from invoice i join posting p on p.invoice_id = i.id and p.account = 'receivable.parent'
        group by i.id having sum(p.amount) < 0 limit 20";

    /// Any row: more or less money entered the books than the credit brought.
    CREDIT_RECEIVED = "
        select c.id as found from credit c
        join posting p on p.credit_id = c.id
        join entry s on s.id = p.entry_id and s.kind <> 'settled'
        group by c.id, c.amount
        having sum(case when p.account in ('bank', 'clearing', 'clearing.gateway') then p.amount else 0 end) <> case
            when exists (select 1 from entry e where e.credit_id = c.id and e.kind = 'taken_back')
            then 0 else c.amount end limit 20";

    /// Any row: some of a credit is allocated twice, or lost.
    CREDIT_ALLOCATED = "
        select c.id as found from credit c
        join posting p on p.credit_id = c.id
        join entry s on s.id = p.entry_id and s.kind <> 'settled'
        group by c.id, c.amount
        having sum(case when p.account in ('bank', 'clearing', 'clearing.gateway') then 0 else p.amount end) <> case
            when exists (select 1 from entry e where e.credit_id = c.id and e.kind = 'taken_back')
            then 0 else -c.amount end limit 20";

    /// Any row: more was taken out of suspense, clearing or a credit's surplus than went in.
    CREDIT_SIDES = "
        select p.credit_id || ' ' || p.account as found from posting p where p.credit_id is not null
        group by p.credit_id, p.account
        having (p.account in ('suspense.unidentified', 'credit_balance.family') and sum(p.amount) > 0)
            or (p.account in ('bank', 'clearing', 'clearing.gateway') and sum(p.amount) < 0) limit 20";

    /// Any row: the newest decision says one thing and the money is elsewhere, in suspense or on another invoice.
    DECISIONS_MATCH_MONEY = "
        select d.credit_id || ' ' || d.kind as found
        from credit_decision d
        join credit c on c.id = d.credit_id
        join posting p on p.credit_id = c.id
        where d.turn = (select max(l.turn) from credit_decision l where l.credit_id = d.credit_id)
        group by d.credit_id, d.kind, d.invoice_id, c.amount
        having sum(case when p.account = 'suspense.unidentified' then p.amount else 0 end)
            <> case when d.kind in ('hold', 'release') then -c.amount else 0 end
            or sum(case when p.account in ('receivable.parent', 'credit_balance.family')
                and p.invoice_id = d.invoice_id then p.amount else 0 end)
            <> case when d.kind in ('settle', 'part', 'over', 'assign') then -c.amount else 0 end limit 20";

    /// Any row: a family owes us its own surplus.
    FAMILY_CREDIT_KEPT = "
        select p.family_id as found from posting p where p.account = 'credit_balance.family'
        group by p.family_id having sum(p.amount) > 0 or p.family_id is null limit 20";

    /// Any row: one transfer was counted twice.
    BANK_REFERENCES_ONCE = "
        select min(id) as found from credit where bank_reference is not null
        group by account_id, bank_reference having count(*) > 1 limit 20";

    /// Any row: a bank told us of money that nobody looks at.
    CREDITS_WAIT_OR_ARE_DECIDED = "
        select c.id as found from credit c
        where not exists (select 1 from undecided u where u.credit_id = c.id)
          and not exists (select 1 from credit_decision d where d.credit_id = c.id) limit 20";

    /// Any row: a decided credit is in the books not at all, or more than once.
    DECIDED_POSTED_ONCE = "
        select d.credit_id as found from credit_decision d
        where d.turn = (select max(l.turn) from credit_decision l where l.credit_id = d.credit_id)
          and d.kind <> 'same' and not (d.kind = 'hold' and d.reason in ('maybe_same_credit', 'told_differently'))
          and (select count(*) from entry e where e.credit_id = d.credit_id and e.kind = 'received')
            <> case when d.kind in ('reversed', 'disowned')
                then (select count(*) from entry b where b.credit_id = d.credit_id and b.kind = 'taken_back') else 1 end
        limit 20";

    /// Any row: a gateway kept more than it was owed, or a settlement was booked that no money came for.
    SETTLED_ONCE = "
        select e.id as found from entry e join posting p on p.entry_id = e.id
        where e.kind = 'settled' and e.reverses is null
        group by e.id having sum(case when p.account = 'clearing.gateway' then p.amount else 0 end) >= 0
            or sum(case when p.account = 'suspense.unidentified' then p.amount else 0 end) <= 0
            or sum(case when p.account = 'expense.gateway_fee' then p.amount else 0 end) < 0
        limit 20";

    /// Any row: money that may be counted already was counted again before anybody decided.
    DOUBTS_NOT_POSTED = "
        select d.credit_id as found from credit_decision d
        where d.turn = (select max(l.turn) from credit_decision l where l.credit_id = d.credit_id)
          and (d.kind = 'same' or (d.kind = 'hold' and d.reason in ('maybe_same_credit', 'told_differently')))
          and exists (select 1 from entry e where e.credit_id = d.credit_id and e.kind = 'received') limit 20";

    /// Any row: the books say the statement has it, and it has not; or the other way round, with nothing under way.
    PROOFS_POSTED = "
        select e.credit_id as found from entry e
        where e.kind = 'proved' and not exists (select 1 from credit_proof p where p.credit_id = e.credit_id)
        union
        select p.credit_id as found from credit_proof p
        where not exists (select 1 from undecided u where u.credit_id = p.credit_id)
          and not exists (select 1 from entry e where e.credit_id = p.credit_id and e.kind = 'proved')
          and not exists (select 1 from credit_decision d where d.credit_id = p.credit_id and d.kind = 'reversed'
            and d.turn = (select max(l.turn) from credit_decision l where l.credit_id = d.credit_id)) limit 20";

    /// Any row: a number was lost, given twice, or given without the series' row.
    RECEIPT_NUMBERS = "
        select s.school_id || ' ' || s.series || ' ' || cast(s.year as text) as found
        from receipt_series s
        left join receipt r on r.school_id = s.school_id and r.series = s.series and r.year = s.year
        group by s.school_id, s.series, s.year, s.last
        having count(r.id) <> s.last or count(distinct r.number) <> s.last or coalesce(max(r.number), 0) <> s.last
        union
        select r.id as found from receipt r where not exists (
            select 1 from receipt_series s where s.school_id = r.school_id and s.series = r.series and s.year = r.year)
        limit 20";

    /// Any row: somebody paid without a receipt, or a receipt says what the entry does not.
    RECEIPTS_ARE_ALLOCATIONS = "
        select e.id as found from entry e
        where e.kind in ('received', 'applied') and e.invoice_id is not null
          and not exists (select 1 from receipt r where r.entry_id = e.id)
        union
        select r.id as found from receipt r
        join entry e on e.id = r.entry_id
        join credit c on c.id = r.credit_id
        where e.kind not in ('received', 'applied') or e.invoice_id is null or e.invoice_id <> r.invoice_id
           or e.credit_id is null or e.credit_id <> r.credit_id or r.amount <> c.amount
           or r.surplus <> (select coalesce(-sum(p.amount), 0) from posting p
                            where p.entry_id = e.id and p.account = 'credit_balance.family')
        limit 20";

    /// Any row: a receipt is good for money that was moved away, or void although it was not.
    MOVED_RECEIPTS_ARE_VOID = "
        select r.id as found from receipt r
        where exists (select 1 from entry e where e.reverses = r.entry_id and e.kind = 'released')
          and not exists (select 1 from receipt_event v where v.receipt_id = r.id)
        union
        select r.id as found from receipt r
        where not exists (select 1 from entry e where e.reverses = r.entry_id and e.kind = 'released')
          and exists (select 1 from receipt_event v where v.receipt_id = r.id)
        limit 20";

    /// Any row: the city would never hear of an entry, or hear of it twice.
    ENTRIES_SEQUENCED = "
        select e.id as found from entry e
        left join unsequenced u on u.entry_id = e.id
        left join feed_leaf f on f.entry_id = e.id
        where (u.entry_id is null and f.entry_id is null) or (u.entry_id is not null and f.entry_id is not null) limit 20";

    /// Any row: a reader of the feed would wait for ever, or miss something.
    FEED_PLACES = "
        select cast(count(*) as text) || ' leaves, last place ' || cast(max(place) as text) as found
        from feed_leaf having count(*) <> coalesce(max(place), 0) or min(place) <> 1";

    /// Any row: a reader that ignores lower versions would ignore an event.
    FEED_VERSIONS = "
        select record_id as found from feed_leaf
        group by record_id having count(*) <> max(version) or min(version) <> 1 limit 20";

    /// Any row: a dashboard shows of a day what the books do not.
    SUMS_OF_DAYS = "
        select item_id || ' ' || day || ' ' || school_id as found from (
            select item_id, day, school_id, issued, collected from item_sum
            union all
            select coalesce(p.item_id, ''), e.day, e.school_id, case when p.credit_id is null then -p.amount else 0 end,
                case when p.credit_id is null then 0 else p.amount end
            from feed_leaf f join entry e on e.id = f.entry_id join posting p on p.entry_id = e.id
            where p.account = 'receivable.parent') t
        group by item_id, day, school_id having sum(issued) <> 0 or sum(collected) <> 0
        union
        select day || ' ' || school_id as found from (
            select day, school_id, issued, collected from day_sum
            union all
            select day, school_id, -issued, -collected from item_sum) t
        group by day, school_id having sum(issued) <> 0 or sum(collected) <> 0 limit 20";

    /// Any row: a dashboard of all schools shows another sum than those of the schools come to.
    SUMS_OF_ALL = "
        select day || ' ' || item_id as found from (
            select day, item_id, issued, collected from total_sum
            union all
            select day, item_id, -issued, -collected from item_sum) t
        group by day, item_id having sum(issued) <> 0 or sum(collected) <> 0 limit 20";

    /// Any row: a dashboard of many days shows another sum than those of the days come to.
    SUMS_OF_MONTHS = "
        select month || ' ' || school_id as found from (
            select month, school_id, issued, collected from month_sum
            union all
            select substr(day, 1, 7), school_id, -issued, -collected from day_sum) t
        group by month, school_id having sum(issued) <> 0 or sum(collected) <> 0 limit 20";

    /// Any row: a dashboard shows that more or less is owed, kept or held than the books say.
    SUMS_OF_SCHOOLS = "
        select school_id as found from (
            select school_id, owed, surplus, held from school_sum
            union all
            select e.school_id, case when p.account = 'receivable.parent' then -p.amount else 0 end,
                case when p.account = 'credit_balance.family' then p.amount else 0 end,
                case when p.account = 'suspense.unidentified' then p.amount else 0 end
            from feed_leaf f join entry e on e.id = f.entry_id join posting p on p.entry_id = e.id
            where p.account in ('receivable.parent', 'credit_balance.family', 'suspense.unidentified')) t
        group by school_id having sum(owed) <> 0 or sum(surplus) <> 0 or sum(held) <> 0 limit 20";

    /// Any row: a list shows more or fewer invoices of a run, or another sum, than there are.
    SUMS_OF_RUNS = "
        select run_id as found from (
            select run_id, invoices, total from run_sum
            union all
            select run_id, -count(*), -sum(total) from invoice group by run_id) t
        group by run_id having sum(invoices) <> 0 or sum(total) <> 0 limit 20";

    /// Any row: a credit waits for a person and the desk does not show it, or it shows one that does not wait.
    HELD_SHOWN = "
        select d.credit_id as found from credit_decision d
        left join held_credit h on h.credit_id = d.credit_id
        where d.turn = (select max(l.turn) from credit_decision l where l.credit_id = d.credit_id)
          and case when d.kind in ('hold', 'release') then 1 else 0 end <> case when h.credit_id is null then 0 else 1 end
        union
        select h.credit_id as found from held_credit h join credit c on c.id = h.credit_id
        where h.school_id <> c.school_id or h.value_at <> c.value_at
           or not exists (select 1 from credit_decision d where d.credit_id = h.credit_id) limit 20";

    /// Any row: a program's request took effect more than once.
    REQUESTS_ONCE = "
        select min(client_id) as found from api_request
        group by client_id, operation, request_key having count(*) > 1 limit 20";

    /// Any row: a second invoice for one pupil in one run.
    INVOICES_ONCE = "
        select min(id) as found from invoice group by run_id, pupil_id having count(*) > 1
        union select min(id) as found from invoice group by reference having count(*) > 1 limit 20";

    /// Leaves in order, for adding them up.
    LEAVES = "select place, school_id, body from feed_leaf where place > $1 order by place limit 2000";

    /// What the sequenced entries of the ledger moved, by school, account and item.
    LEDGER_TOTALS = "
        select e.school_id, p.account, coalesce(i.code, '') as item, cast(sum(p.amount) as bigint) as amount
        from feed_leaf f join entry e on e.id = f.entry_id join posting p on p.entry_id = e.id
        left join fee_item i on i.id = p.item_id
        group by e.school_id, p.account, coalesce(i.code, '') having sum(p.amount) <> 0";
}

/// Every invariant that is one query: the sentence, what it would mean, the statement.
const INVARIANTS: [(&str, &str, Statement); 32] = [
    ("what a fact names is there", "a fact is about nothing that can be shown", NAMES_ARE_THERE),
    ("every entry balances", "an entry got past its only door", ENTRIES_BALANCE),
    ("an entry belongs to one school", "money of one school stands in another's books", ONE_SCHOOL),
    ("an invoice's total is the sum of its lines", "a parent is asked for another sum", INVOICE_TOTALS),
    ("the books ask what the invoice asks, line by line", "a debt is missing or doubled", INVOICE_LINES_ISSUED),
    ("no line is paid beyond what it asks", "money lies where nobody owes it", LINES_PAID),
    ("nothing is owed below zero", "due, allocated and owed do not add up", INVOICE_POSITION),
    ("a credit enters the books with its amount", "money was lost or made", CREDIT_RECEIVED),
    ("a credit is allocated to its amount", "money was given twice or to nobody", CREDIT_ALLOCATED),
    ("nothing is taken out that did not go in", "suspense, clearing or a surplus is below zero", CREDIT_SIDES),
    ("money lies where the newest decision says", "the desk shows what the books do not", DECISIONS_MATCH_MONEY),
    ("a family's credit is never below zero", "a surplus was used twice", FAMILY_CREDIT_KEPT),
    ("a bank's reference is one credit", "one transfer was counted twice", BANK_REFERENCES_ONCE),
    ("every credit waits or is decided", "money came that nobody looks at", CREDITS_WAIT_OR_ARE_DECIDED),
    ("a decided credit is posted exactly once", "a payment is lost or doubled", DECIDED_POSTED_ONCE),
    ("a settlement is what a gateway owed, less its fee", "a wallet's money is lost", SETTLED_ONCE),
    ("a doubt is posted by nobody but a person or a statement", "a payment may be doubled", DOUBTS_NOT_POSTED),
    ("what is proved has a statement line, and is posted so", "bank and books differ", PROOFS_POSTED),
    ("receipt numbers have no hole and no twin", "a receipt was lost or doubled", RECEIPT_NUMBERS),
    (
        "a receipt says what its entry says, and none is missing",
        "a payer holds the wrong paper",
        RECEIPTS_ARE_ALLOCATIONS,
    ),
    (
        "a receipt is void exactly when its money was moved",
        "a payer holds a paper for nothing",
        MOVED_RECEIPTS_ARE_VOID,
    ),
    ("every entry has its place in the feed or waits for it", "the city would never hear of it", ENTRIES_SEQUENCED),
    ("the feed's places have no hole", "a reader would miss an event", FEED_PLACES),
    ("a record's versions rise one by one", "a reader would ignore an event", FEED_VERSIONS),
    ("a dashboard's sums of days are the ledger's", "a supervisor sees other money than came", SUMS_OF_DAYS),
    ("a dashboard's sums of all schools are theirs", "a supervisor of all sees other money", SUMS_OF_ALL),
    ("a dashboard's sums of months are those of days", "a supervisor's year is not its days", SUMS_OF_MONTHS),
    ("a dashboard's sums of schools are the ledger's", "a supervisor sees other debts than stand", SUMS_OF_SCHOOLS),
    ("a run's sums are those of its invoices", "an accountant sees another run than was issued", SUMS_OF_RUNS),
    ("the desk shows exactly the credits that wait for a person", "money lies where nobody looks", HELD_SHOWN),
    ("a program's request takes effect once", "a retry moved money again", REQUESTS_ONCE),
    ("a pupil has one invoice in a run, under its own reference", "a family is asked twice", INVOICES_ONCE),
];

/// Asks every invariant. All findings come back, those that hold with no rows.
///
/// # Errors
/// Faults of the store.
pub async fn audit(store: &Store) -> Result<Vec<Finding>> {
    let mut findings = Vec::with_capacity(INVARIANTS.len() + 1);
    for (name, reason, statement) in &INVARIANTS {
        let rows: Vec<Option<String>> = store.all(statement, args![]).await?;
        let rows = rows.into_iter().map(Option::unwrap_or_default).collect();
        findings.push(Finding { name, reason, rows });
    }
    findings.push(Finding {
        name: "the feed's totals are the ledger's",
        reason: "the city reads other sums than the books hold",
        rows: feed_differences(store).await?,
    });
    Ok(findings)
}

/// Adds every leaf up, as a reader of the feed would, and compares with the postings of the same entries.
async fn feed_differences(store: &Store) -> Result<Vec<String>> {
    let mut sums: BTreeMap<(String, String, String), i128> = BTreeMap::new();
    let mut after = 0_i64;
    loop {
        let leaves: Vec<(i64, String, String)> = store.all(&LEAVES, args![after]).await?;
        let Some((last, ..)) = leaves.last() else { break };
        after = *last;
        for (place, school, body) in &leaves {
            let body: Value = serde_json::from_str(body).or_fault("read a leaf of the feed")?;
            for side in body["postings"].as_array().into_iter().flatten() {
                let word = |key: &str| side[key].as_str().unwrap_or_default().to_owned();
                let Some(amount) = side["amount"].as_i64() else {
                    return Ok(vec![format!("place {place}: an amount is missing")]);
                };
                *sums.entry((school.clone(), word("account"), word("item"))).or_default() += i128::from(amount);
            }
        }
    }
    let ledger: Vec<(String, String, String, i64)> = store.all(&LEDGER_TOTALS, args![]).await?;
    for (school, account, item, amount) in ledger {
        *sums.entry((school, account, item)).or_default() -= i128::from(amount);
    }
    sums.retain(|_, difference| *difference != 0);
    let told =
        |((school, account, item), by): (&(String, String, String), &i128)| format!("{school} {account} {item}: {by}");
    Ok(sums.iter().take(20).map(told).collect())
}
