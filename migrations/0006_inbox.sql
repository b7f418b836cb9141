-- What banks told us, kept as it came.

-- One way of being told: a provider, a school, its secrets, its accounts.
create table connection (
    id          text  primary key,
    provider    text  not null,
    school_id   text  not null references school (id),
    memo_prefix text,                         -- the transfer text must begin with this, or the bank stays silent
    memo_max    {int} not null,               -- how many characters of text arrive
    made_at     {int} not null,
    ended_at    {int}
){strict};

create table connection_account (
    connection_id text not null references connection (id),
    account_id    text not null references receiving_account (id),
    primary key (connection_id, account_id)
){strict};

-- Two secrets of one name may live at once while a bank rotates.
create table connection_secret (
    id            text    primary key,
    connection_id text    not null references connection (id),
    name          text    not null,
    sealed        {bytes} not null,
    made_at       {int}   not null,
    retired_at    {int}
){strict};
create index connection_secret_by_connection on connection_secret (connection_id);

-- One request from a provider whose proof was right, whatever it said.
create table delivery (
    id            text    primary key,
    connection_id text    not null references connection (id),
    heard_at      {int}   not null,
    outcome       text    not null check (outcome in ('credits', 'nothing', 'test', 'unreadable')),
    reason        text    not null,           -- for 'unreadable' and 'nothing'; names a place, never a value
    body_sealed   {bytes} not null
){strict};
create index delivery_by_connection on delivery (connection_id, heard_at);

-- One incoming transfer, however many told of it.
create table credit (
    id                text    primary key,
    school_id         text    not null references school (id),
    account_id        text    not null references receiving_account (id),
    amount            {int}   not null check (amount > 0),
    day               text    not null,       -- the bank's day in Vietnam
    value_at          {int}   not null,
    bank_reference    text,                   -- only where this bank's is declared unique
    payment_reference text,                   -- ours, when the memo holds exactly one
    memo_sealed       {bytes} not null,
    payer_sealed      {bytes},
    origin            text    not null check (origin in ('hook', 'statement')),
    doubt             text    not null check (doubt in ('', 'maybe_same_credit', 'told_differently')),
    maybe_same_as     text    references credit (id),
    kept_at           {int}   not null,
    likeness          text                    -- the payment reference, else a keyed mark of the folded memo; null: no memo
){strict};
create unique index credit_by_bank_reference on credit (bank_reference, account_id) where bank_reference is not null;
create index credit_by_day on credit (account_id, day, amount);
create index credit_by_likeness on credit (likeness) where likeness is not null;
create index credit_by_school on credit (school_id, day);

-- Somebody told of a credit. The same id with the same content is the same telling.
create table telling (
    connection_id  text  not null references connection (id),
    told_reference text  not null,
    fingerprint    text  not null,            -- SHA-256 of account and amount; what went out is no credit
    credit_id      text  not null references credit (id),
    delivery_id    text  not null references delivery (id),
    told_at        {int} not null,
    primary key (told_reference, connection_id, fingerprint)
){strict};
create index telling_by_credit on telling (credit_id);

-- Credits that matching has to look at (again). Mutable: rows come with a credit or its proof and go when decided.
create table undecided (
    credit_id text  primary key references credit (id),
    since     {int} not null
){strict};
create index undecided_by_age on undecided (since);

-- A statement file as uploaded, once.
create table statement_file (
    id          text    primary key,
    account_id  text    not null references receiving_account (id),
    sha256      text    not null,
    name_sealed {bytes} not null,
    lines       {int}   not null,
    first_day   text,
    last_day    text,
    opening     {int},
    closing     {int},
    received_at {int}   not null,
    received_by text    not null,
    unique (account_id, sha256)
){strict};

create table statement_line (
    id          text    primary key,
    file_id     text    not null references statement_file (id),
    account_id  text    not null references receiving_account (id),
    file_row    {int}   not null,             -- for people
    day         text    not null,
    value_at    {int}   not null,
    amount      {int}   not null check (amount <> 0), -- positive: money came; negative: money left
    balance     {int},
    reference   text    not null,             -- as the bank wrote it, possibly empty
    memo_sealed {bytes} not null,
    chain_key   text    not null,             -- SHA-256 of day, amount, balance, reference, text and ordinal among equals
    unique (account_id, chain_key)
){strict};
create index statement_line_by_day on statement_line (account_id, day);

-- The statement has this credit. One to one.
create table credit_proof (
    credit_id text  primary key references credit (id),
    line_id   text  not null unique references statement_line (id),
    proved_at {int} not null
){strict};
