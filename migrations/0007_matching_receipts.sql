-- What was decided about a credit, and by whom. The newest turn counts.
create table credit_decision (
    credit_id  text  not null references credit (id),
    turn       {int} not null,
    kind       text  not null check (kind in ('settle', 'part', 'over', 'hold', 'assign', 'release', 'same')),
    reason     text  not null,                -- why it is held: 'no_reference', 'unknown_reference', …
    invoice_id text  references invoice (id),
    entry_id   text  references entry (id),
    at         {int} not null,
    actor      text  not null,
    note       text  not null,
    primary key (credit_id, turn)
){strict};
create index credit_decision_by_kind on credit_decision (kind);

-- Where a series of receipt numbers stands. Mutable: the row is the allocator.
create table receipt_series (
    school_id text  not null references school (id),
    series    text  not null,
    year      {int} not null,
    last      {int} not null,
    primary key (school_id, series, year)
){strict};

create table receipt (
    id         text  primary key,
    school_id  text  not null references school (id),
    series     text  not null,                -- 'C45-BB'
    year       {int} not null,                -- calendar year in UTC+7
    number     {int} not null check (number between 1 and 99999999),
    entry_id   text  not null unique references entry (id),
    credit_id  text  not null references credit (id),
    invoice_id text  not null references invoice (id),
    family_id  text  not null references family (id),
    amount     {int} not null check (amount > 0), -- what came
    surplus    {int} not null check (surplus >= 0), -- of it, kept as the family's credit
    due        {int} not null,                -- of the invoice
    paid       {int} not null,                -- on the invoice, with this
    check_hash text  not null unique,         -- SHA-256 of the public check token
    issued_at  {int} not null,
    unique (school_id, series, year, number)
){strict};
create index receipt_by_invoice on receipt (invoice_id);
create index receipt_by_credit on receipt (credit_id);

-- A receipt is never deleted and its number never used again; it may become void.
create table receipt_event (
    receipt_id text  not null references receipt (id),
    kind       text  not null check (kind in ('void')),
    at         {int} not null,
    actor      text  not null,
    reason     text  not null,
    primary key (receipt_id, kind)
){strict};
