-- Who may do what, and who did what.

-- A person who signs in. Mutable: the password changes, a person leaves.
create table person (
    id            text  primary key,
    login         text  not null unique,      -- lower case
    name          text  not null,
    password_hash text  not null,             -- argon2id, with its own salt and cost
    language      text  not null,             -- 'vi' or 'en'
    made_at       {int} not null,
    ended_at      {int}
){strict};

-- A role at one school or over one authority, from then until then.
create table role_grant (
    id           text  primary key,
    person_id    text  not null references person (id),
    role         text  not null check (role in ('accountant', 'head', 'supervisor')),
    school_id    text,
    authority_id text,
    granted_at   {int} not null,
    granted_by   text  not null,
    ended_at     {int},
    check ((school_id is null) <> (authority_id is null))
){strict};
create index role_grant_by_person on role_grant (person_id);

-- Signed-in sessions; rows come and go.
create table session (
    id         text    primary key,
    record     {bytes} not null,
    expires_at {int}   not null
){strict};
create index session_by_expiry on session (expires_at);

-- A program's key. The key itself is shown once; what is kept is its SHA-256.
create table api_key (
    id           text  primary key,
    name         text  not null,
    hash         text  not null unique,
    scopes       text  not null,              -- blank-separated: 'invoices:write feed:read'
    school_id    text,                        -- one school, or null: every school of the authority
    authority_id text,
    city         {int} not null check (city in (0, 1)), -- 1: the city's own key, which sees small groups too
    made_at      {int} not null,
    made_by      text  not null,
    revoked_at   {int},
    check ((school_id is null) <> (authority_id is null))
){strict};

-- What people and programs did. Never a name of a child, never a secret.
create table audit_trail (
    id        text  primary key,
    at        {int} not null,
    actor     text  not null,                 -- 'per_…', 'key_…' or 'system'
    action    text  not null,
    about     text  not null,                 -- the id of the thing
    school_id text,
    detail    text  not null
){strict};
create index audit_trail_by_about on audit_trail (about, at);

-- The one-use key of a form that was sent, and where its answer lies: a second press shows the same answer. Mutable: the
-- answer is written when the first press is done, and a press that was refused leaves no row.
create table form_use (
    key_hash text  primary key,
    answer   text  not null,
    used_at  {int} not null
){strict};

-- Wrong guesses at what has few possible answers. Mutable: each counts, and the right answer takes the row away.
create table guess (
    about   text  primary key,                -- SHA-256 of what is guessed at
    wrong   {int} not null,
    next_at {int} not null
){strict};

-- A program's request that moved money, kept as long as the money: the same key again gives the same answer.
create table api_request (
    client_id   text  not null,
    operation   text  not null,
    request_key text  not null,
    fingerprint text  not null,               -- SHA-256 of the canonical body, never the body
    status      {int} not null,
    resource_id text  not null,
    made_at     {int} not null,
    primary key (client_id, operation, request_key)
){strict};

-- Work that one process at a time may do. The token rises with each holder and fences off the one before.
create table lease (
    name       text  primary key,
    holder     text  not null,
    token      {int} not null,
    expires_at {int} not null                 -- by the database's clock
){strict};
