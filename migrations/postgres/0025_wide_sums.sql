-- The sums behind a supervisor's page, where it shows many schools or many days: kept and compared as those they are
-- the sums of, and made from them here.

-- What all schools together raised and collected for an item on a day.
create table total_sum (
    day       text  not null,
    item_id   text  not null,
    issued    {int} not null,
    collected {int} not null,
    primary key (day, item_id)
) with (fillfactor = 70);

-- What a school raised and collected in a month.
create table month_sum (
    month     text  not null,                 -- 2026-11
    school_id text  not null,
    issued    {int} not null,
    collected {int} not null,
    primary key (month, school_id)
) with (fillfactor = 70);

insert into total_sum (day, item_id, issued, collected)
select day, item_id, sum(issued), sum(collected) from item_sum group by day, item_id;

insert into month_sum (month, school_id, issued, collected)
select substr(day, 1, 7), school_id, sum(issued), sum(collected) from day_sum group by substr(day, 1, 7), school_id;
