//! The SQL of orders.

use crate::store::statements;

/// A run that parents see.
macro_rules! published {
    ($run:literal) => {
        concat!(
            "exists (select 1 from billing_run_event e where e.run_id = ",
            $run,
            " and e.kind = 'published')
            and not exists (select 1 from billing_run_event e where e.run_id = ",
            $run,
            " and e.kind in ('undoing', 'undone'))"
        )
    };
}

statements! {
    /// The live connections that make orders. No row: there is nothing to do.
    MAKERS = "
        select id, memo_prefix, memo_max, orders_place from connection
        where orders_from is not null and ended_at is null order by made_at, id";

    /// Which of these accounts have their orders made. No row for one: its invoices are paid by their text alone.
    MAKERS_OF_ACCOUNTS = list "
        select distinct b.account_id from connection_account b join connection c on c.id = b.connection_id
        where c.orders_from is not null and c.ended_at is null and b.account_id in", "";

    /// Orders follow the money up to here.
    MOVE_PLACE = "update connection set orders_place = $2 where id = $1";

    /// The invoices paid into a connection's accounts on which something happened between two places of the
    /// feed, at most a thousand apart.
    CHANGED = "
        select distinct i.id
        from (select entry_id from feed_leaf where place > $1 and place <= $2 order by place limit 1000) f
        join posting p on p.entry_id = f.entry_id
        join invoice i on i.id = p.invoice_id
        join connection_account b on b.account_id = i.account_id and b.connection_id = $3
        order by i.id";

    /// The published run of a connection's accounts whose invoices were not all looked at for it. No row: all were.
    NEXT_WALK = concat!("
        select r.id as run_id, w.cursor
        from connection_account b
        join billing_run r on r.account_id = b.account_id
        left join payment_order_walk w on w.connection_id = b.connection_id and w.run_id = r.id
        where b.connection_id = $1 and w.done_at is null and ", published!("r.id"), "
        order by r.made_at, r.id limit 1");

    /// The invoices of a run's next pupils.
    NEXT_INVOICES = "
        select id, pupil_id from invoice where run_id = $1 and pupil_id > $2 order by pupil_id limit $3";

    /// How far a run was walked.
    MOVE_WALK = "
        insert into payment_order_walk (connection_id, run_id, cursor, done_at) values ($1, $2, $3, $4)
        on conflict (connection_id, run_id) do update set cursor = excluded.cursor, done_at = excluded.done_at";

    /// Which of these invoices parents may see.
    SEEN = list concat!("select i.id from invoice i where ", published!("i.run_id"), " and i.id in"), "";

    /// The orders of invoices with what became of each; the newest turn last.
    ORDERS_OF = list "
        select o.id, o.connection_id, o.invoice_id, o.amount, o.turn,
            (select count(*) from payment_order_event m where m.order_id = o.id and m.kind = 'made') as made,
            (select count(*) from payment_order_event e where e.order_id = o.id and e.kind <> 'made') as ended,
            (select count(*) from payment_order_work w where w.order_id = o.id) as waits
        from payment_order o where o.invoice_id in", "order by o.turn, o.id";

    /// A new order. A collision: its number is taken, or another process made it.
    ADD_ORDER = "
        insert into payment_order (id, connection_id, invoice_id, amount, turn, code, description, made_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";

    /// The provider is to be told of it. Zero rows: it waits already.
    ADD_WORK = "
        insert into payment_order_work (order_id, next_at, tries, reason) values ($1, $2, 0, '')
        on conflict (order_id) do nothing";

    /// Orders whose time has come.
    DUE = "
        select o.id, o.connection_id, o.invoice_id, o.amount, o.turn, o.code, o.description, w.tries
        from payment_order_work w join payment_order o on o.id = w.order_id
        where w.next_at <= $1 or w.next_at > $2 order by w.next_at, w.order_id limit $3";

    /// Takes an order for one try. Zero rows: another process took it.
    CLAIM = "update payment_order_work set tries = tries + 1, next_at = $3 where order_id = $1 and tries = $2";

    /// When the next try is, and why there must be one.
    POSTPONE = "update payment_order_work set next_at = $2, reason = $3 where order_id = $1";

    /// A provider that does not answer is left in peace until then. Zero rows: nothing waits for it.
    REST = "
        update payment_order_work set next_at = $2
        where next_at < $2 and order_id in (select id from payment_order where connection_id = $1)";

    /// Nothing more is asked about an order. Zero rows: somebody was first.
    FINISH = "delete from payment_order_work where order_id = $1";

    /// What became of an order. Zero rows: it was known.
    ADD_EVENT = "
        insert into payment_order_event (order_id, kind, at, reason, link, qr, account, holder)
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (order_id, kind) do nothing";

    /// What the live connections' orders for invoices can be paid with. No row: nothing, or not yet.
    MADE_OF = list "
        select o.invoice_id, o.amount, o.description, e.qr, e.account, e.holder
        from payment_order o
        join payment_order_event e on e.order_id = o.id and e.kind = 'made' and e.qr <> ''
        join connection c on c.id = o.connection_id and c.ended_at is null
        where o.invoice_id in", "order by o.turn, o.id";

    /// How many orders of a connection made since an instant the provider has, and how many of them have no code fit to
    /// be shown.
    COUNT_MADE = "
        select count(*) as made, count(case when e.qr = '' then 1 end) as without_code
        from payment_order o join payment_order_event e on e.order_id = o.id and e.kind = 'made'
        where o.connection_id = $1 and o.made_at >= $2";

    /// Why orders of a connection wait, and how many. Empty: they were not tried yet.
    COUNT_WAITING = "
        select w.reason, count(*) as orders from payment_order_work w join payment_order o on o.id = w.order_id
        where o.connection_id = $1 group by w.reason order by w.reason";
}
