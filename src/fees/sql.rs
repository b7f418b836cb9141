//! The SQL of fees.

use crate::store::statements;

/// Invoices as lists show them, with pupil, class and run.
macro_rules! listed {
    ($which:literal) => {
        concat!(
            "select i.id, i.account_id, i.reference, i.total, i.due_day, i.class_group_id, c.name as class_name, i.pupil_id,
                p.code as pupil_code, p.full_name as pupil_name, i.run_id, r.title as run_title,
                (select e.kind from invoice_event e where e.invoice_id = i.id order by e.turn desc limit 1) as last_kind
            from invoice i
            join billing_run r on r.id = i.run_id
            join pupil p on p.id = i.pupil_id
            join class_group c on c.id = i.class_group_id
            where ",
            $which
        )
    };
}

/// The pupils of a run's classes on a day.
macro_rules! seats {
    ($which:literal) => {
        concat!(
            "select p.id as pupil_id, p.code as pupil_code, p.family_id, m.class_group_id, c.name as class_name, c.level
            from billing_run_class r
            join class_group c on c.id = r.class_group_id
            join class_membership m on m.class_group_id = c.id and m.from_day <= $2
                and (m.to_day is null or m.to_day >= $2)
            join pupil p on p.id = m.pupil_id and (p.left_day is null or p.left_day >= $2)
            where r.run_id = $1 ",
            $which
        )
    };
}

/// A pupil has no invoice of a run yet, and sits in the class he came to last of those of its classes that he is in
/// that day. Counted pupil by pupil: told that none must exist, PostgreSQL would rather read all invoices of the run
/// for each class.
macro_rules! waits {
    () => {
        "(select count(*) from invoice i where i.run_id = $1 and i.pupil_id = m.pupil_id) = 0
        and (select count(*)
            from class_membership n join billing_run_class k on k.run_id = $1 and k.class_group_id = n.class_group_id
            where n.pupil_id = m.pupil_id and n.class_group_id <> m.class_group_id and n.from_day <= $2
                and (n.to_day is null or n.to_day >= $2)
                and (n.from_day > m.from_day or (n.from_day = m.from_day and n.class_group_id > m.class_group_id))) = 0"
    };
}

statements! {
    /// What the transfer text into an account must begin with and how much of it arrives. No row: nobody tells of it.
    MEMO_OF_ACCOUNT = "
        select max(c.memo_prefix), min(c.memo_max) from connection c join connection_account a on a.connection_id = c.id
        where a.account_id = $1 and c.ended_at is null";

    /// Invoices that carry any of these references, with their last event. Missing ones are nobody's.
    INVOICES_BY_REFERENCE = list "
        select i.*, e.kind as last_kind, e.turn as turns
        from invoice i
        left join invoice_event e on e.invoice_id = i.id
            and e.turn = (select max(l.turn) from invoice_event l where l.invoice_id = i.id)
        where i.reference in", "order by i.id";

    /// The ids of the invoices that carry references.
    IDS_BY_REFERENCE = list "select reference, id from invoice where reference in", "";

    /// Invoices by id, with their last event.
    INVOICES_BY_ID = list "
        select i.*, e.kind as last_kind, e.turn as turns
        from invoice i
        left join invoice_event e on e.invoice_id = i.id
            and e.turn = (select max(l.turn) from invoice_event l where l.invoice_id = i.id)
        where i.id in", "order by i.id";

    /// The last event of invoices. No row: nothing became of it since it was issued.
    LAST_EVENTS = list "
        select e.invoice_id, e.kind, e.turn from invoice_event e
        where e.turn = (select max(l.turn) from invoice_event l where l.invoice_id = e.invoice_id) and e.invoice_id in", "";

    /// The lines of invoices.
    LINES_OF = list "select * from invoice_line where invoice_id in", "order by invoice_id, position";

    /// The lines of invoices as far as money needs them.
    SHARES_OF = list "select invoice_id, position, item_id, necessity, payable from invoice_line where invoice_id in",
        "order by invoice_id, position";

    /// What is owed on invoices, what came for them and what came beyond. No row: not posted yet. Nothing is owed on a
    /// void invoice although nothing came, so what came is asked for by itself.
    OWED = list "
        select invoice_id,
            cast(sum(case when account = 'receivable.parent' then amount else 0 end) as bigint) as owed,
            cast(-sum(case when account = 'receivable.parent' and credit_id is not null then amount else 0 end) as bigint)
                as paid,
            cast(-sum(case when account = 'credit_balance.family' then amount else 0 end) as bigint) as surplus
        from posting where account in ('receivable.parent', 'credit_balance.family') and invoice_id in",
        "group by invoice_id";

    /// The invoice of a page, when its run is published. No row: no such page, or not for parents yet.
    PUBLISHED_PAGE = "
        select i.id from invoice i
        where i.page_hash = $1
          and exists (select 1 from billing_run_event e where e.run_id = i.run_id and e.kind = 'published')
          and not exists (
              select 1 from billing_run_event e where e.run_id = i.run_id and e.kind in ('undoing', 'undone'))";

    /// One run. No row: the id was made up.
    RUN = "select * from billing_run where id = $1";

    /// The runs of a school, the newest first.
    RUNS_OF = "select * from billing_run where school_id = $1 order by made_at desc, id desc";

    /// The runs of a school that wait to be published, the newest first.
    UNPUBLISHED = "
        select r.* from billing_run r
        where r.school_id = $1 and exists (select 1 from billing_run_event e where e.run_id = r.id and e.kind = 'issued')
          and not exists (
              select 1 from billing_run_event e where e.run_id = r.id and e.kind in ('published', 'undoing', 'undone'))
        order by r.made_at desc, r.id desc";

    /// Those made before one, at most so many.
    RUNS_BEFORE = "
        select * from billing_run where school_id = $1 and made_at <= $2 and (made_at < $2 or id < $3)
        order by made_at desc, id desc limit $4";

    /// The runs of a school in the order of their ids, after one.
    RUNS_AFTER = "select * from billing_run where school_id = $1 and id > $2 order by id limit $3";

    /// A school's invoices in the order of their ids, after one.
    INVOICES_AFTER = "select id from invoice where school_id = $1 and id > $2 order by id limit $3";

    /// Those of one run. The run stands first, so that an engine begins with it.
    INVOICES_OF_RUN_AFTER = "
        select i.id from billing_run r cross join invoice i
        where r.id = $4 and r.school_id = $1 and i.run_id = r.id and i.id > $2 order by i.id limit $3";

    /// Those of one pupil, and of one run where that is not empty.
    INVOICES_OF_PUPIL_AFTER = "
        select i.id from pupil p cross join invoice i
        where p.id = $4 and p.school_id = $1 and i.pupil_id = p.id and ($5 = '' or i.run_id = $5) and i.id > $2
        order by i.id limit $3";

    /// What happened to runs.
    RUN_EVENTS = list "select * from billing_run_event where run_id in", "order by at";

    /// How many invoices runs have, and their sum. No row: none was issued.
    RUN_SUMS = list "select run_id, invoices, total from run_sum where run_id in", "";

    /// A chunk more of a run's invoices.
    KEEP_RUN_SUM = "
        insert into run_sum (run_id, invoices, total) values ($1, $2, $3)
        on conflict (run_id) do update set
            invoices = run_sum.invoices + excluded.invoices, total = run_sum.total + excluded.total";

    /// The work that is left on runs. No row: none.
    RUN_WORK = list "select run_id, done, total from billing_run_work where run_id in", "";

    /// A run's invoices with pupil and class, by class and name.
    INVOICES_OF_RUN = listed!("i.run_id = $1 order by c.name, p.folded_name, p.code");

    /// A class's invoices of one run, by name.
    INVOICES_OF_CLASS = listed!("i.run_id = $1 and i.class_group_id = $2 order by p.folded_name, p.code");

    /// A pupil's invoices before one, the newest first.
    INVOICES_OF_PUPIL = listed!("i.pupil_id = $1 and i.id < $2 order by i.id desc limit $3");

    /// What is owed on all invoices of a pupil; nothing is on a void one.
    OWED_BY_PUPIL = "
        select cast(coalesce(sum(p.amount), 0) as bigint) as amount
        from invoice i join posting p on p.invoice_id = i.id and p.account = 'receivable.parent'
        where i.pupil_id = $1";

    /// Invoices by their ids, as lists show them.
    LISTED = list listed!("i.id in"), "";

    /// The invoice of a school that carries a reference, once parents may see it.
    PAYABLE_BY_REFERENCE = listed!("
        i.school_id = $1 and i.reference = $2
          and exists (select 1 from billing_run_event e where e.run_id = i.run_id and e.kind = 'published')
          and not exists (
              select 1 from billing_run_event e where e.run_id = i.run_id and e.kind in ('undoing', 'undone'))");

    /// The invoices of a school's pupil that parents may see.
    PAYABLE_BY_CODE = listed!("
        p.school_id = $1 and p.code = $2
          and exists (select 1 from billing_run_event e where e.run_id = i.run_id and e.kind = 'published')
          and not exists (
              select 1 from billing_run_event e where e.run_id = i.run_id and e.kind in ('undoing', 'undone'))");

    /// A new run.
    ADD_RUN = "
        insert into billing_run (id, school_id, account_id, title, school_year, due_day, made_at, made_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";

    /// What the run asks.
    ADD_RUN_ITEMS = rows "insert into billing_run_item (run_id, position, item_id, quantity)", "";

    /// Of whom the run asks it.
    ADD_RUN_CLASSES = rows "insert into billing_run_class (run_id, class_group_id)", "";

    /// Something happened to a run. Zero rows: it had happened before.
    ADD_RUN_EVENT = rows "insert into billing_run_event (run_id, kind, at, actor)",
        "on conflict (run_id, kind) do nothing";

    /// What happened to one run.
    EVENTS_OF_RUN = "select kind from billing_run_event where run_id = $1";

    /// Catalogue items by id. Fewer than asked: the others do not exist.
    ITEM_IDS = list "select id from fee_item where id in", "";

    /// Classes by id, with what a run must know of them.
    CLASSES_BY_ID = list "select * from class_group where id in", "";

    /// What a run asks, in the order of its lines.
    ASKED = "
        select r.position, r.quantity, r.item_id, f.official_name, f.necessity, f.unit, f.revenue, f.document_kind,
            l.number as instrument, f.clause
        from billing_run_item r
        join fee_item f on f.id = r.item_id
        left join legal_instrument l on l.id = f.instrument_id
        where r.run_id = $1 order by r.position";

    /// Prices of a run's items that were known at an instant: later ones do not change a run that is under way.
    PRICES_OF_RUN = "
        select p.* from fee_price p join billing_run_item r on r.item_id = p.item_id
        where r.run_id = $1 and p.made_at <= $2";

    /// The pupils of a run's classes on a day.
    SEATS = seats!("order by p.id, m.from_day desc");

    /// The class of a run after one. No row: that was the last.
    NEXT_CLASS = "
        select class_group_id from billing_run_class where run_id = $1 and class_group_id > $2
        order by class_group_id limit 1";

    /// Classes of a run from one on. No row: it has none there.
    CLASSES_FROM = "
        select class_group_id from billing_run_class where run_id = $1 and class_group_id >= $2
        order by class_group_id limit $3";

    /// The next pupils of one of a run's classes that have no invoice of it yet.
    NEXT_SEATS = concat!(
        seats!("and r.class_group_id = $3 and m.pupil_id > $4 and "), waits!(), " order by m.pupil_id, m.from_day desc limit $5");

    /// Those of several of its classes, from the first to the last of them, after a pupil of the first.
    MISSED_SEATS = concat!(
        seats!("and r.class_group_id >= $3 and r.class_group_id <= $4 and (r.class_group_id > $3 or m.pupil_id > $5) and "),
        waits!(), " order by r.class_group_id, m.pupil_id, m.from_day desc limit $6");

    /// Who registered for which of a run's items on a day.
    REGISTERED = "
        select distinct f.pupil_id, f.item_id
        from fee_registration f join billing_run_item r on r.item_id = f.item_id
        where r.run_id = $1 and f.from_day <= $2 and (f.to_day is null or f.to_day >= $2)";

    /// Which of these pupils registered for which items on which days.
    REGISTRATIONS_OF = list "select pupil_id, item_id, from_day, to_day from fee_registration where pupil_id in",
        "order by pupil_id, item_id, from_day";

    /// Other runs that ask the same item of the same class for the same month. A row: perhaps a family is asked twice.
    ASKED_TWICE = "
        select distinct f.official_name, c.name, o.title
        from billing_run_item i
        join billing_run_class k on k.run_id = i.run_id
        join billing_run_item oi on oi.item_id = i.item_id and oi.run_id <> i.run_id
        join billing_run_class ok on ok.run_id = oi.run_id and ok.class_group_id = k.class_group_id
        join billing_run o on o.id = oi.run_id
        join billing_run r on r.id = i.run_id
        join fee_item f on f.id = i.item_id
        join class_group c on c.id = k.class_group_id
        where i.run_id = $1 and substr(o.due_day, 1, 7) = substr(r.due_day, 1, 7)
          and exists (select 1 from billing_run_event e where e.run_id = o.id and e.kind = 'issuing')
          and not exists (select 1 from billing_run_event e where e.run_id = o.id and e.kind = 'undoing')
        order by 1, 2, 3";

    /// Work begins. A second beginning is refused by the key.
    ADD_WORK = rows "insert into billing_run_work (run_id, kind, total, done, cursor, started_at, actor, reason)", "";

    /// All work, the longest waiting first. No row: idle.
    WORK = "select * from billing_run_work order by started_at, run_id";

    /// The work of one run. No row: somebody finished it.
    WORK_OF_RUN = "select * from billing_run_work where run_id = $1";

    /// The work went on.
    MOVE_WORK = "update billing_run_work set cursor = $2, done = done + $3 where run_id = $1";

    /// The work is done.
    END_WORK = "delete from billing_run_work where run_id = $1";

    /// New invoices; the ids of those really inserted. Missing ones met an existing reference, or the same pupil.
    ADD_INVOICES = rows "
        insert into invoice (id, run_id, school_id, account_id, pupil_id, family_id, class_group_id, reference,
            page_hash, total, due_day, issued_at)", "on conflict do nothing returning id";

    /// Their lines, the same for all that are asked the same.
    ADD_LINES = rows "
        insert into invoice_line (invoice_id, position, item_id, official_name, legal_basis, necessity, revenue,
            document_kind, unit, quantity, unit_price, gross, exemption, payable)", "";

    /// Voided or reinstated. The turn is part of the key: two people at once, one of them is refused.
    ADD_INVOICE_EVENTS = rows "insert into invoice_event (invoice_id, turn, kind, at, actor, reason)", "";

    /// The invoices of a run's next pupils.
    NEXT_INVOICES = "
        select id, pupil_id from invoice where run_id = $1 and pupil_id > $2 order by pupil_id limit $3";

    /// How many invoices a run has.
    COUNT_INVOICES = "select count(*) from invoice where run_id = $1";

    /// Did money come for any invoice of a run? A row: it did.
    MONEY_FOR_RUN = "
        select p.credit_id from invoice i join posting p on p.invoice_id = i.id
        where i.run_id = $1 and p.credit_id is not null limit 1";

    /// The catalogue with the numbers of its instruments.
    CATALOGUE = "
        select f.id, f.code, f.official_name, f.necessity, f.unit, f.revenue, f.document_kind,
            l.number as instrument, f.clause
        from fee_item f left join legal_instrument l on l.id = f.instrument_id order by f.code";

    /// All prices, with which a file of the operator is compared.
    PRICES = "select * from fee_price order by item_id, level, from_day";

    /// The prices of a school and those of all schools.
    PRICES_OF_SCHOOL = "
        select * from fee_price where school_id is null or school_id = $1 order by item_id, level, from_day";

    /// The prices of one item.
    PRICES_OF_ITEM = "select * from fee_price where item_id = $1";

    /// An instrument by its number; its title and issuer are filled in by whoever keeps the law. Zero rows: it is
    /// known.
    ADD_INSTRUMENT = "
        insert into legal_instrument (id, number, title, issuer, in_force_from, in_force_to)
        values ($1, $2, '', '', null, null) on conflict (number) do nothing";

    /// An item as the file has it. What was issued keeps the words of its day on its own lines.
    SET_ITEM = "
        insert into fee_item (id, code, official_name, necessity, unit, revenue, document_kind, instrument_id, clause,
            made_at)
        values ($1, $2, $3, $4, $5, $6, $7, (select id from legal_instrument where number = $8), $9, $10)
        on conflict (code) do update set official_name = excluded.official_name, necessity = excluded.necessity,
            unit = excluded.unit, revenue = excluded.revenue, document_kind = excluded.document_kind,
            instrument_id = excluded.instrument_id, clause = excluded.clause";

    /// An item by its code. No row: nobody has collected it yet.
    ITEM_BY_CODE = "
        select f.id, f.code, f.official_name, f.necessity, f.unit, f.revenue, f.document_kind,
            l.number as instrument, f.clause
        from fee_item f left join legal_instrument l on l.id = f.instrument_id where f.code = $1";

    /// A school's id by its code. No row: the preview saw it a moment ago and nobody deletes schools.
    SCHOOL_ID = "select id from school where code = $1";

    /// A new price.
    ADD_PRICE = "
        insert into fee_price (id, item_id, school_id, level, amount, from_day, made_at)
        values ($1, $2, $3, $4, $5, $6, $7)";

    /// The school of a pupil who registers for an item. No row: there is no such item or no such pupil.
    SCHOOL_OF_REGISTRATION = "select p.school_id from fee_item f join pupil p on p.id = $2 where f.id = $1";

    /// A registration; the same again only moves its end.
    ADD_REGISTRATIONS = rows "insert into fee_registration (pupil_id, item_id, from_day, to_day, made_at, made_by)",
        "on conflict (pupil_id, item_id, from_day) do update set to_day = excluded.to_day";

    /// The last day of what is still running.
    END_REGISTRATIONS = "
        update fee_registration set to_day = $3
        where pupil_id = $1 and item_id = $2 and from_day <= $3 and (to_day is null or to_day > $3)";

    /// The items a pupil is registered for on a day.
    REGISTRATIONS_OF_PUPIL = "
        select distinct item_id from fee_registration
        where pupil_id = $1 and from_day <= $2 and (to_day is null or to_day >= $2) order by item_id";
}
