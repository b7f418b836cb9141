-- What pages show of everything that ever was, kept as it grows.

-- The sums that dashboards show, kept by the sequencer as it gives entries their places, so that a page costs the same
-- after ten years as after one. Mutable, and no fact: the audit compares each row with the postings of the entries that
-- have a place, and all of it can be made again from them, as it is here. Rows lie in the order of their keys.

-- What a school raised and collected for an item on a day; the item is empty where a posting has none.
create table item_sum (
    item_id   text  not null,
    day       text  not null,
    school_id text  not null,
    issued    {int} not null,                 -- receivables raised, net of what was taken back
    collected {int} not null,                 -- money that came for them, net of what was moved away
    primary key (item_id, day, school_id)
){strict}, without rowid;

-- The same over all items.
create table day_sum (
    day       text  not null,
    school_id text  not null,
    issued    {int} not null,
    collected {int} not null,
    primary key (day, school_id)
){strict}, without rowid;

-- Where a school's books stand.
create table school_sum (
    school_id text  primary key,
    owed      {int} not null,                 -- by parents
    surplus   {int} not null,                 -- kept for families
    held      {int} not null                  -- without an owner
){strict}, without rowid;

insert into item_sum (item_id, day, school_id, issued, collected)
select coalesce(p.item_id, ''), e.day, e.school_id, sum(case when p.credit_id is null then p.amount else 0 end),
    -sum(case when p.credit_id is null then 0 else p.amount end)
from feed_leaf f join entry e on e.id = f.entry_id join posting p on p.entry_id = e.id
where p.account = 'receivable.parent'
group by coalesce(p.item_id, ''), e.day, e.school_id;

insert into day_sum (day, school_id, issued, collected)
select day, school_id, sum(issued), sum(collected) from item_sum group by day, school_id;

insert into school_sum (school_id, owed, surplus, held)
select e.school_id, sum(case when p.account = 'receivable.parent' then p.amount else 0 end),
    -sum(case when p.account = 'credit_balance.family' then p.amount else 0 end),
    -sum(case when p.account = 'suspense.unidentified' then p.amount else 0 end)
from feed_leaf f join entry e on e.id = f.entry_id join posting p on p.entry_id = e.id
where p.account in ('receivable.parent', 'credit_balance.family', 'suspense.unidentified')
group by e.school_id;

-- How many invoices a run has, void ones among them, and what they come to. Mutable: it grows with each chunk that is
-- issued.
create table run_sum (
    run_id   text  primary key references billing_run (id),
    invoices {int} not null,
    total    {int} not null
){strict}, without rowid;

insert into run_sum (run_id, invoices, total) select run_id, count(*), sum(total) from invoice group by run_id;

-- The credits whose newest decision asks a person to look. Mutable: a row comes with that decision and goes with the
-- next, so that what was decided long ago is not looked through for what is not.
create table held_credit (
    credit_id text  primary key,
    school_id text  not null,
    value_at  {int} not null
){strict}, without rowid;
create index held_credit_by_school on held_credit (school_id, value_at, credit_id);

insert into held_credit (credit_id, school_id, value_at)
select c.id, c.school_id, c.value_at from credit_decision d join credit c on c.id = d.credit_id
where d.kind in ('hold', 'release')
  and d.turn = (select max(l.turn) from credit_decision l where l.credit_id = d.credit_id);

-- Lists go on after an id: a school's invoices and credits are found in that order. Its days are found by its accounts.
create index invoice_by_school on invoice (school_id, id);
drop index credit_by_school;
create index credit_by_school on credit (school_id, id);

-- A connection's page tells of the last thirty days.
drop index payment_order_by_connection;
create index payment_order_by_connection on payment_order (connection_id, made_at);

-- A school's pages read its own prices and those of all, not those of every school.
create index fee_price_by_school on fee_price (school_id);
