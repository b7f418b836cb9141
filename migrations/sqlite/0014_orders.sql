-- Orders made at a provider, by which an invoice is paid although the transfer's text carries no reference.

alter table connection add column orders_from {int};  -- since when it makes orders; null: it makes none
alter table connection add column orders_place {int}; -- the feed's place up to which its orders followed the money

-- Our number is stored before the provider hears of it: a call whose answer was lost is repeated under the same number.
create table payment_order (
    id            text  primary key,          -- ord_…
    connection_id text  not null references connection (id),
    invoice_id    text  not null references invoice (id),
    amount        {int} not null check (amount > 0),
    turn          {int} not null,             -- 1; the next one only after the one before came to nothing
    code          {int} not null unique,      -- our number of it at the provider
    description   text  not null,             -- what the transfer's text shall carry
    made_at       {int} not null,
    unique (invoice_id, amount, connection_id, turn)
){strict};

-- What became of it at the provider: 'made', or one of the ends after which the next turn may begin.
create table payment_order_event (
    order_id text  not null references payment_order (id),
    kind     text  not null,
    at       {int} not null,
    reason   text  not null,                  -- what is wrong with its code, if anything; names a part, never a value
    link     text  not null,                  -- the provider's own number of it
    qr       text  not null,                  -- the code to pay it with, empty where none is fit to be shown
    account  text  not null,                  -- the account or virtual account in that code
    holder   text  not null,                  -- who holds it, as the payer's bank will show it
    primary key (order_id, kind)
){strict};

-- Orders the provider must still be told of. Mutable: the row goes when it has them.
create table payment_order_work (
    order_id text  primary key references payment_order (id),
    next_at  {int} not null,
    tries    {int} not null,
    reason   text  not null                   -- why the last try came to nothing; a word, never a value
){strict};
create index payment_order_work_by_time on payment_order_work (next_at);

-- How far the invoices of a published run were looked at for a connection. Mutable.
create table payment_order_walk (
    connection_id text  not null references connection (id),
    run_id        text  not null references billing_run (id),
    cursor        text  not null,             -- the id of the last invoice looked at
    done_at       {int},
    primary key (connection_id, run_id)
){strict};

create trigger payment_order_is_not_updated before update on payment_order begin select raise(abort, 'append-only: payment_order'); end;
create trigger payment_order_is_not_deleted before delete on payment_order begin select raise(abort, 'append-only: payment_order'); end;
create trigger payment_order_event_is_not_updated before update on payment_order_event begin select raise(abort, 'append-only: payment_order_event'); end;
create trigger payment_order_event_is_not_deleted before delete on payment_order_event begin select raise(abort, 'append-only: payment_order_event'); end;
