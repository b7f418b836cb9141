-- Who is at school, and who watches over the school.

create table authority (
    id   text primary key,
    code text not null unique,
    name text not null,
    kind text not null                        -- 'doet', 'ward', 'commune': a word, because the levels changed before
){strict};

-- The tree of authorities, dated: the district level ended on 30 June 2025.
create table authority_parent (
    authority_id text not null references authority (id),
    parent_id    text not null references authority (id),
    from_day     text not null,
    to_day       text,                        -- the last day; null: until further notice
    primary key (authority_id, from_day)
){strict};

create table school (
    id             text  primary key,
    code           text  not null unique,
    name           text  not null,
    level          text  not null check (level in ('preschool', 'primary', 'lower_secondary', 'upper_secondary', 'continuing')),
    ownership      text  not null check (ownership in ('public', 'community', 'private')),
    address        text  not null,
    phone          text  not null,
    budget_code    text,                      -- mã ĐVQHNS
    merchant_id    text,                      -- electronic id of the unit (QĐ 20/2020/QĐ-TTg)
    mcc            text,                      -- ISO 18245: 8211, 8220, 8241, 8299
    city           text,                      -- tag 60 of the QR, ASCII
    reading        text  not null check (reading in ('hanoi', 'southern')),
    made_at        {int} not null
){strict};

create table school_supervision (
    school_id    text not null references school (id),
    authority_id text not null references authority (id),
    from_day     text not null,
    to_day       text,
    primary key (school_id, authority_id, from_day)
){strict};

-- The account parents pay into. It never changes in place: a new one is a new row.
create table receiving_account (
    id        text  primary key,
    school_id text  not null references school (id),
    bank_bin  text  not null,
    number    text  not null,
    holder    text  not null,
    opened_at {int} not null,
    frozen_at {int},
    ended_at  {int},
    unique (bank_bin, number)
){strict};
create index receiving_account_by_school on receiving_account (school_id);

create table class_group (
    id          text not null primary key,
    school_id   text not null references school (id),
    school_year text not null,                -- '2026-2027'
    name        text not null,
    level       text not null,
    unique (school_id, school_year, name)
){strict};

-- Pupils who share their guardians at one school share one credit balance.
create table family (
    id        text  primary key,
    school_id text  not null references school (id),
    made_at   {int} not null
){strict};

create table pupil (
    id          text  primary key,
    school_id   text  not null references school (id),
    family_id   text  not null references family (id),
    code        text  not null,
    full_name   text  not null,
    folded_name text  not null,               -- ASCII, lower case, for searching on both engines
    birth_day   text,
    left_day    text,
    made_at     {int} not null,
    unique (school_id, code)
){strict};
create index pupil_by_family on pupil (family_id);

create table class_membership (
    pupil_id       text not null references pupil (id),
    class_group_id text not null references class_group (id),
    from_day       text not null,
    to_day         text,
    primary key (pupil_id, class_group_id, from_day)
){strict};
create index class_membership_by_class on class_membership (class_group_id);

create table guardian (
    id        text  primary key,
    family_id text  not null references family (id),
    full_name text  not null,
    phone     text,
    relation  text,
    made_at   {int} not null
){strict};
create index guardian_by_family on guardian (family_id);
