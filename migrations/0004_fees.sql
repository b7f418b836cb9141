-- Who owes what, and under which law.

create table legal_instrument (
    id            text primary key,
    number        text not null unique,       -- '18/2025/NQ-HĐND'
    title         text not null,
    issuer        text not null,
    in_force_from text,
    in_force_to   text
){strict};

-- A khoản thu with its exact official name. Names of what was issued live on the invoice line.
create table fee_item (
    id            text  primary key,
    code          text  not null unique,
    official_name text  not null,
    necessity     text  not null check (necessity in ('mandatory', 'agreed', 'voluntary')),
    unit          text  not null,             -- 'month', 'day', 'hour', 'lesson', 'km', 'year', 'term', 'once', 'meal', 'actual'
    revenue       text  not null check (revenue in ('tuition', 'service', 'pass_through', 'legal_fee')),
    document_kind text  not null,             -- 'C45-BB', 'EBL01', 'invoice-2', 'pass-through'
    instrument_id text  references legal_instrument (id),
    clause        text  not null,
    made_at       {int} not null
){strict};

-- A price of an item for a level, at one school or at all; the newest that is in force counts.
create table fee_price (
    id        text  primary key,
    item_id   text  not null references fee_item (id),
    school_id text  references school (id),
    level     text  not null,                 -- a level, or 'all'
    amount    {int} not null check (amount > 0),
    from_day  text  not null,
    made_at   {int} not null
){strict};
create index fee_price_by_item on fee_price (item_id);

-- A family asked for a voluntary item. Without a row it is never invoiced.
create table fee_registration (
    pupil_id text  not null references pupil (id),
    item_id  text  not null references fee_item (id),
    from_day text  not null,
    to_day   text,
    made_at  {int} not null,
    made_by  text  not null,
    primary key (pupil_id, item_id, from_day)
){strict};

-- A đợt thu. What happened to it stands in billing_run_event.
create table billing_run (
    id          text  primary key,
    school_id   text  not null references school (id),
    account_id  text  not null references receiving_account (id),
    title       text  not null,
    school_year text  not null,
    due_day     text  not null,
    made_at     {int} not null,
    made_by     text  not null
){strict};
create index billing_run_by_school on billing_run (school_id, made_at);

create table billing_run_item (
    run_id   text  not null references billing_run (id),
    position {int} not null,
    item_id  text  not null references fee_item (id),
    quantity {int} not null check (quantity > 0),
    primary key (run_id, position),
    unique (run_id, item_id)
){strict};

create table billing_run_class (
    run_id         text not null references billing_run (id),
    class_group_id text not null references class_group (id),
    primary key (run_id, class_group_id)
){strict};

-- draft (no row) -> 'issuing' -> 'issued' -> 'published'; 'undoing' -> 'undone' only while no money has come.
create table billing_run_event (
    run_id text  not null references billing_run (id),
    kind   text  not null check (kind in ('issuing', 'issued', 'published', 'undoing', 'undone')),
    at     {int} not null,
    actor  text  not null,
    primary key (run_id, kind)
){strict};

-- A run that still has pupils to issue or to undo; the row goes when the work is done.
create table billing_run_work (
    run_id     text  primary key references billing_run (id),
    kind       text  not null check (kind in ('issue', 'undo')),
    total      {int} not null,                -- pupils or invoices the work is about
    done       {int} not null,                -- how many of them were looked at
    cursor     text  not null,                -- the id of the last of them
    started_at {int} not null,
    actor      text  not null,
    reason     text  not null                 -- why it is undone
){strict};

-- A phiếu báo thu: what one pupil owes in one run.
create table invoice (
    id             text  primary key,
    run_id         text  not null references billing_run (id),
    school_id      text  not null references school (id),
    account_id     text  not null references receiving_account (id),
    pupil_id       text  not null references pupil (id),
    family_id      text  not null references family (id),
    class_group_id text  not null references class_group (id),
    reference      text  not null unique,     -- what the parent's transfer carries
    page_hash      text  not null unique,     -- SHA-256 of the page token; the token is derived, never stored
    total          {int} not null check (total > 0),
    due_day        text  not null,
    issued_at      {int} not null,
    unique (run_id, pupil_id)
){strict};
create index invoice_by_pupil on invoice (pupil_id);
create index invoice_by_family on invoice (family_id);
create index invoice_by_class on invoice (run_id, class_group_id);

create table invoice_line (
    invoice_id    text  not null references invoice (id),
    position      {int} not null,
    item_id       text  not null references fee_item (id),
    official_name text  not null,             -- as it was on the day
    legal_basis   text  not null,
    necessity     text  not null,
    revenue       text  not null,
    document_kind text  not null,
    unit          text  not null,
    quantity      {int} not null,
    unit_price    {int} not null,
    gross         {int} not null,
    exemption     {int} not null,
    payable       {int} not null check (payable = gross - exemption and payable >= 0),
    primary key (invoice_id, position)
){strict};

-- open (no row); 'void' and 'reinstated' by turns.
create table invoice_event (
    invoice_id text  not null references invoice (id),
    turn       {int} not null,
    kind       text  not null check (kind in ('void', 'reinstated')),
    at         {int} not null,
    actor      text  not null,
    reason     text  not null,
    primary key (invoice_id, turn)
){strict};
