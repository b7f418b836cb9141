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

    /// The receipts of a school.
    RECEIPTS = "
        select r.invoice_id, r.amount,
            cast(case when exists (select 1 from receipt_event v where v.receipt_id = r.id) then 1 else 0 end as bigint)
                as void
        from receipt r where r.school_id = $1 order by r.id";
}
