//! The SQL of fees.

use crate::store::statements;

statements! {
    /// Invoices that carry any of these references, with their last event. Fewer than asked: nobody carries the others.
    INVOICES_BY_REFERENCE = list "
        select i.*, e.kind as last_kind, e.turn as turns
        from invoice i
        left join invoice_event e on e.invoice_id = i.id
            and e.turn = (select max(l.turn) from invoice_event l where l.invoice_id = i.id)
        where i.reference in", "order by i.id";

    /// Invoices by id, with their last event.
    INVOICES_BY_ID = list "
        select i.*, e.kind as last_kind, e.turn as turns
        from invoice i
        left join invoice_event e on e.invoice_id = i.id
            and e.turn = (select max(l.turn) from invoice_event l where l.invoice_id = i.id)
        where i.id in", "order by i.id";

    /// The lines of invoices.
    LINES_OF = list "select * from invoice_line where invoice_id in", "order by invoice_id, position";

    /// What is owed on invoices and what came beyond. No row: not posted yet.
    OWED = list "
        select invoice_id,
            cast(sum(case when account = 'receivable.parent' then amount else 0 end) as bigint) as owed,
            cast(-sum(case when account = 'credit_balance.family' then amount else 0 end) as bigint) as surplus
        from posting where account in ('receivable.parent', 'credit_balance.family') and invoice_id in",
        "group by invoice_id";

    /// The invoice of a page, when its run is published. No row: no such page, or not for parents yet.
    PUBLISHED_PAGE = "
        select i.id from invoice i
        where i.page_hash = $1
          and exists (select 1 from billing_run_event e where e.run_id = i.run_id and e.kind = 'published')
          and not exists (select 1 from billing_run_event e where e.run_id = i.run_id and e.kind = 'undone')";

    /// One run. No row: the id was made up.
    RUN = "select * from billing_run where id = $1";

    /// The runs of a school, the newest first.
    RUNS_OF = "select * from billing_run where school_id = $1 order by made_at desc, id desc";

    /// What happened to runs.
    RUN_EVENTS = list "select * from billing_run_event where run_id in", "order by at";

    /// How many invoices of runs stand, how many pupils they still wait for, and their sum.
    RUN_SUMS = list "
        select run_id, count(*) as invoices, cast(sum(total) as bigint) as total
        from invoice where run_id in", "group by run_id";

    /// The work that is left on runs. No row: none.
    RUN_WORK = list "select run_id, kind, total from billing_run_work where run_id in", "";

    /// A run's invoices with pupil and class, by class and name.
    INVOICES_OF_RUN = "
        select i.id, i.reference, i.total, i.due_day, i.class_group_id, c.name as class_name, i.pupil_id,
            p.code as pupil_code, p.full_name as pupil_name, i.run_id, r.title as run_title,
            (select e.kind from invoice_event e where e.invoice_id = i.id order by e.turn desc limit 1) as last_kind
        from invoice i
        join billing_run r on r.id = i.run_id
        join pupil p on p.id = i.pupil_id
        join class_group c on c.id = i.class_group_id
        where i.run_id = $1 order by c.name, p.folded_name, p.code";

    /// A class's invoices of one run, by name.
    INVOICES_OF_CLASS = "
        select i.id, i.reference, i.total, i.due_day, i.class_group_id, c.name as class_name, i.pupil_id,
            p.code as pupil_code, p.full_name as pupil_name, i.run_id, r.title as run_title,
            (select e.kind from invoice_event e where e.invoice_id = i.id order by e.turn desc limit 1) as last_kind
        from invoice i
        join billing_run r on r.id = i.run_id
        join pupil p on p.id = i.pupil_id
        join class_group c on c.id = i.class_group_id
        where i.run_id = $1 and i.class_group_id = $2 order by p.folded_name, p.code";

    /// A pupil's invoices, the newest first.
    INVOICES_OF_PUPIL = "
        select i.id, i.reference, i.total, i.due_day, i.class_group_id, c.name as class_name, i.pupil_id,
            p.code as pupil_code, p.full_name as pupil_name, i.run_id, r.title as run_title,
            (select e.kind from invoice_event e where e.invoice_id = i.id order by e.turn desc limit 1) as last_kind
        from invoice i
        join billing_run r on r.id = i.run_id
        join pupil p on p.id = i.pupil_id
        join class_group c on c.id = i.class_group_id
        where i.pupil_id = $1 order by i.issued_at desc, i.id desc";

    /// A family's credit balance: credit is negative in the books. No row never happens: a sum has one.
    FAMILY_CREDIT = "
        select cast(coalesce(-sum(amount), 0) as bigint) from posting
        where family_id = $1 and account = 'credit_balance.family'";
}
