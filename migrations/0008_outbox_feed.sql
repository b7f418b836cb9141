-- Whom we promised to tell.
create table webhook_endpoint (
    id        text    primary key,
    school_id text    not null references school (id),
    url       text    not null,
    sealed    {bytes} not null,               -- the signing secret
    made_at   {int}   not null,
    ended_at  {int}
){strict};

-- What we promised to tell, written with the money it is about.
create table promise (
    id        text  primary key,
    school_id text  not null references school (id),
    kind      text  not null,                 -- 'credit.received', 'receipt.issued', …
    record_id text  not null,
    body      text  not null,                 -- JSON without personal data
    made_at   {int} not null
){strict};

-- A promise to one endpoint that is not kept yet. Mutable: the row goes when it is.
create table promise_work (
    promise_id  text  not null references promise (id),
    endpoint_id text  not null references webhook_endpoint (id),
    next_at     {int} not null,
    tries       {int} not null,
    primary key (promise_id, endpoint_id)
){strict};
create index promise_work_by_time on promise_work (next_at);
create index promise_work_by_endpoint on promise_work (endpoint_id, next_at);

create table promise_attempt (
    promise_id  text  not null references promise (id),
    endpoint_id text  not null references webhook_endpoint (id),
    try_number  {int} not null,
    at          {int} not null,
    status      {int} not null,               -- HTTP status, 0 when nobody answered
    primary key (promise_id, endpoint_id, try_number)
){strict};

-- Entries that have no place in the feed yet. Mutable: written with the entry, gone when sequenced. The sequencer
-- never asks for 'ids after the last', because a transaction that commits late would be skipped for ever.
-- The database numbers the rows, so that what followed from an entry comes after it whatever two machines' clocks say.
create table unsequenced (
    number   {serial},
    entry_id text  not null unique references entry (id),
    at       {int} not null
){strict};

-- The one order of everything that happened to the money.
create table feed_leaf (
    place     {int} primary key,              -- 1, 2, 3, … without a hole
    entry_id  text  not null unique references entry (id),
    school_id text  not null,
    record_id text  not null,                 -- what the event is about: a credit or an invoice
    event     text  not null check (event in ('NEW', 'UPDATE', 'CANCEL')),
    version   {int} not null,                 -- of the record; a reader ignores lower ones
    day       text  not null,
    at        {int} not null,
    body      text  not null,                 -- JSON, no personal data
    unique (record_id, version)
){strict};
create index feed_leaf_by_school on feed_leaf (school_id, place);
