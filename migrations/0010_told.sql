-- What else banks tell: money that leaves an account, and credits they take back. Kept and shown, never income.
create table debit (
    id             text    primary key,       -- dbt_…
    school_id      text    not null references school (id),
    account_id     text    not null references receiving_account (id),
    connection_id  text    not null references connection (id),
    delivery_id    text    not null references delivery (id),
    told_reference text    not null,
    fingerprint    text    not null,          -- SHA-256 of account and amount
    kind           text    not null check (kind in ('out', 'reversal')),
    amount         {int}   not null check (amount > 0),
    day            text    not null,
    value_at       {int}   not null,
    memo_sealed    {bytes} not null,
    heard_at       {int}   not null,
    unique (told_reference, connection_id, kind, fingerprint)
){strict};
create index debit_by_school on debit (school_id, day);

-- What leads to an invoice beside the reference in the transfer's text: the virtual account the money comes through, or
-- the number of an order made at a provider.
create table payment_key (
    key           text  primary key,          -- 'order:con_…:12345', 'virtual_account:con_…:V93…'
    connection_id text  not null references connection (id),
    kind          text  not null check (kind in ('virtual_account', 'order')),
    invoice_id    text  not null references invoice (id),
    made_at       {int} not null,
    made_by       text  not null
){strict};
create index payment_key_by_invoice on payment_key (invoice_id);

-- Which of these keys a credit came with. None: only its text says whose it is.
alter table credit add column payment_key text;
-- The connection whose provider holds the money and settles it later, less its fees. None: it is on the account.
alter table credit add column gateway_id text;
create index credit_by_gateway on credit (gateway_id, day) where gateway_id is not null;

-- Why deliveries were not believed, by day: for whoever looks after a connection. Counted, never the body.
create table connection_refusal (
    connection_id text  not null references connection (id),
    day           text  not null,
    reason        text  not null,
    times         {int} not null,
    last_at       {int} not null,
    primary key (connection_id, day, reason)
){strict};
