//! What a simulation asks of the books.

use crate::store::statements;

statements! {
    /// The credits of a school that are in its books, with the day of the statement that shows them. What was never
    /// posted is a second telling of something, and no credit; what was taken back and no statement shows is a telling
    /// of something that is not the bank's.
    POSTED_CREDITS = "
        select c.amount, coalesce(l.day, 'no statement') as day, cast(case when p.line_id is null then 0 else 1 end as bigint) as is_proved,
            d.kind, d.reason, d.invoice_id
        from credit c
        left join credit_proof p on p.credit_id = c.id
        left join statement_line l on l.id = p.line_id
        left join credit_decision d on d.credit_id = c.id
            and d.turn = (select max(n.turn) from credit_decision n where n.credit_id = c.id)
        where c.school_id = $1
          and (p.credit_id is not null or d.kind is null or (d.kind <> 'reversed' and exists (
              select 1 from entry e where e.credit_id = c.id and e.kind = 'received')))
        order by c.id";

    /// The credit that a statement line shows, with what was decided about it last. No row: no line with this number.
    SHOWN_BY = "
        select p.credit_id, d.kind from statement_line l
        join credit_proof p on p.line_id = l.id
        join credit_decision d on d.credit_id = p.credit_id
            and d.turn = (select max(n.turn) from credit_decision n where n.credit_id = p.credit_id)
        where l.account_id = $1 and l.reference = $2";

    /// Every invoice as whoever pays it knows it, oldest first.
    BILLS = "
        select i.reference, i.total as amount, a.number as account
        from invoice i join receiving_account a on a.id = i.account_id order by i.issued_at, i.id";

    /// How many credits there are, how much waits, and how many have paid an invoice and are in the ledger.
    PROGRESS = "
        select (select count(*) from credit) as kept,
            (select count(*) from unsorted) + (select count(*) from undecided) as waiting,
            (select count(*) from credit_decision where kind in ('settle', 'part', 'over')) as paid,
            (select count(*) from entry where kind = 'received') as posted";

    /// Whether anything waits to be sorted or decided, 1 or 0; counts nothing, so that asking costs nothing.
    WAITS = "
        select cast(case when exists (select 1 from unsorted) or exists (select 1 from undecided)
            then 1 else 0 end as bigint)";

    /// Which of these numbers of a bank are kept.
    KEPT_NUMBERS = list "select bank_reference from credit where bank_reference in", "";

    /// What came of each credit, by the bank's number.
    CREDITS_BY_NUMBER = "
        select coalesce(c.bank_reference, '') as number, c.amount,
            case when d.kind = 'hold' then 'hold' else 'paid' end as became
        from credit c join credit_decision d on d.credit_id = c.id and d.turn = 1 order by number, c.amount";

    /// What was paid for each invoice, the smallest first.
    PAID_SUMS = "
        select cast(-sum(p.amount) as bigint) as paid from posting p
        where p.invoice_id is not null and p.credit_id is not null group by p.invoice_id order by paid";

    /// When the last credit was decided; null where none was.
    LAST_DECIDED = "select max(at) from credit_decision";

    /// From hearing to deciding, in milliseconds, of what was heard since.
    LAGS_SINCE = "
        select d.at - c.kept_at as lag from credit c join credit_decision d on d.credit_id = c.id and d.turn = 1
        where c.kept_at >= $1";

    /// What came in credits that are posted, and what the entries that received them say.
    CAME_AND_POSTED = "
        select cast(coalesce(sum(c.amount), 0) as bigint) as came,
            (select cast(coalesce(sum(p.amount), 0) as bigint) from posting p join entry e on e.id = p.entry_id
             where e.kind = 'received' and p.amount > 0) as posted
        from credit c where exists (select 1 from entry e where e.credit_id = c.id and e.kind = 'received')";

    /// The first and the last place of the feed, how many there are, and how many entries there are to be placed.
    FEED_AND_ENTRIES = "
        select coalesce(min(place), 1) as first, coalesce(max(place), 0) as last, count(*) as leaves,
            (select count(*) from entry) as entries
        from feed_leaf";

    /// How many entries and promises a school has.
    WRITTEN = "
        select (select count(*) from entry where school_id = $1) as entries,
            (select count(*) from promise where school_id = $1) as promises";

    /// The receipts of a school.
    RECEIPTS = "
        select r.invoice_id, r.amount,
            cast(case when exists (select 1 from receipt_event v where v.receipt_id = r.id) then 1 else 0 end as bigint)
                as void
        from receipt r where r.school_id = $1 order by r.id";

    /// The credit of a bank's number. No row: nobody told of it, and no statement that was read has it.
    CREDIT_BY_NUMBER = "select id from credit where bank_reference = $1";

    /// Every decision about every credit, by the bank's number, in their order.
    DECISIONS = "
        select coalesce(c.bank_reference, '') as number, c.amount, d.kind, d.reason
        from credit_decision d join credit c on c.id = d.credit_id order by number, d.turn";

    /// Every receipt with its number and its pupil's code.
    NUMBERED_RECEIPTS = "
        select r.number, p.code, r.amount,
            cast(case when exists (select 1 from receipt_event v where v.receipt_id = r.id) then 1 else 0 end as bigint)
                as void
        from receipt r join invoice i on i.id = r.invoice_id join pupil p on p.id = i.pupil_id
        order by r.series, r.year, r.number";

    /// How often each thing was done, as the trail tells it.
    DEEDS = "select action, count(*) as times from audit_trail group by action order by action";
}
