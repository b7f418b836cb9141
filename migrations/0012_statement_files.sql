-- How far a statement file came. 'read': each of its lines is stored. 'sealed': a person said that all of it is explained.
create table statement_step (
    file_id text  not null references statement_file (id),
    step    text  not null,
    done_at {int} not null,
    done_by text  not null,
    primary key (file_id, step)
){strict};

-- Where a file lacks lines, as its balances tell.
create table statement_hole (
    file_id    text  not null references statement_file (id),
    place      {int} not null,                -- which of the file's holes, from 0
    after_row  {int},                         -- the row before it; none: the file begins with it
    before_row {int},                         -- the row after it; none: the file ends with it
    from_at    {int} not null,
    to_at      {int} not null,
    from_day   text  not null,
    to_day     text  not null,
    missing    {int} not null,                -- what the missing lines come to
    withheld   {int},                         -- the amount of the row after it, when it was not believed
    primary key (file_id, place)
){strict};

-- The days of its first and its last line. None: a file without lines, or one from before they were kept.
alter table statement_file add column from_day text;
alter table statement_file add column to_day text;

create index statement_line_by_file on statement_line (file_id, file_row);
create index statement_file_by_account on statement_file (account_id, received_at, id);

-- Files that were brought before their steps were kept had all their lines.
insert into statement_step (file_id, step, done_at, done_by)
select id, 'read', received_at, received_by from statement_file;
