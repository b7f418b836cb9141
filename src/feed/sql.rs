//! The feed's statements.

use crate::store::statements;

/// Families by school and item, of the entries that were found.
macro_rules! families {
    ($from:literal, $found:literal) => {
        concat!(
            "select e.school_id, coalesce(p.item_id, '') as item_id, count(distinct v.family_id) as families ",
            $from,
            " feed_leaf f cross join posting p cross join invoice v where ",
            $found,
            " and f.entry_id = e.id and p.entry_id = e.id and p.account = 'receivable.parent' and v.id = p.invoice_id
            group by e.school_id, coalesce(p.item_id, '')"
        )
    };
}

statements! {
    /// Entries that have no place yet, in the order they were written. A `cross join` is read in this order by SQLite,
    /// which would otherwise look at every entry there is for the few that wait.
    WAITING = "
        select u.entry_id, e.school_id, s.code as school_code, e.kind, e.credit_id, e.invoice_id, e.day, e.at
        from unsequenced u cross join entry e left join school s on s.id = e.school_id
        where e.id = u.entry_id order by u.number limit $1";

    /// The last place. Null: the feed is empty.
    LAST_PLACE = "select max(place) from feed_leaf";

    /// The newest version of records. No row: the record is new.
    VERSIONS = list "select record_id, max(version) as version from feed_leaf where record_id in", "group by record_id";

    /// What entries moved, by account and item, without names; money and debt apart.
    MOVED = list "
        select p.entry_id, p.account, i.code as item, p.item_id,
            cast(case when p.credit_id is null then 0 else 1 end as bigint) as is_money, cast(sum(p.amount) as bigint) as amount
        from posting p left join fee_item i on i.id = p.item_id where p.entry_id in",
        "group by p.entry_id, p.account, i.code, p.item_id, 5 having sum(p.amount) <> 0
        order by p.entry_id, p.account, i.code, 5";

    /// New leaves. A twin place means another sequencer was first: the transaction runs again.
    INSERT_LEAVES = rows "
        insert into feed_leaf (place, entry_id, school_id, record_id, event, version, day, at, body)", "";

    /// What a batch adds by item, day and school.
    KEEP_ITEM_SUMS = rows "insert into item_sum (item_id, day, school_id, issued, collected)",
        "on conflict (item_id, day, school_id) do update set
            issued = item_sum.issued + excluded.issued, collected = item_sum.collected + excluded.collected";

    /// What it adds by day and school.
    KEEP_DAY_SUMS = rows "insert into day_sum (day, school_id, issued, collected)",
        "on conflict (day, school_id) do update set
            issued = day_sum.issued + excluded.issued, collected = day_sum.collected + excluded.collected";

    /// What it adds by day and item over all schools.
    KEEP_TOTAL_SUMS = rows "insert into total_sum (day, item_id, issued, collected)",
        "on conflict (day, item_id) do update set
            issued = total_sum.issued + excluded.issued, collected = total_sum.collected + excluded.collected";

    /// What it adds by month and school.
    KEEP_MONTH_SUMS = rows "insert into month_sum (month, school_id, issued, collected)",
        "on conflict (month, school_id) do update set
            issued = month_sum.issued + excluded.issued, collected = month_sum.collected + excluded.collected";

    /// How it moves where schools' books stand.
    KEEP_SCHOOL_SUMS = rows "insert into school_sum (school_id, owed, surplus, held)",
        "on conflict (school_id) do update set
            owed = school_sum.owed + excluded.owed, surplus = school_sum.surplus + excluded.surplus,
            held = school_sum.held + excluded.held";

    /// Takes entries off the pile; those another took are absent.
    TAKE = list "delete from unsequenced where entry_id in", "returning entry_id";

    /// Leaves after a place.
    AFTER = "
        select place, school_id, record_id, event, version, day, at, body from feed_leaf
        where place > $1 order by place limit $2";

    /// Leaves of one school after a place.
    AFTER_OF_SCHOOL = "
        select place, school_id, record_id, event, version, day, at, body from feed_leaf
        where school_id = $3 and place > $1 order by place limit $2";

    /// Invoices touched by leaves after a place, up to another at most a thousand on: said in the text, because what an
    /// engine cannot count it takes for a two-hundredth of everything. No row: nothing happened to an invoice.
    INVOICES_AFTER = "
        select distinct p.invoice_id
        from (select entry_id from feed_leaf where place > $1 and place <= $2 order by place limit 1000) f
        join posting p on p.entry_id = f.entry_id where p.invoice_id is not null";

    /// What was raised and collected on a day, by school and item.
    REVENUE = "
        select t.school_id, s.code as school_code, t.item_id, i.code as item, t.issued, t.collected
        from total_sum d join item_sum t on t.item_id = d.item_id and t.day = d.day
        join school s on s.id = t.school_id left join fee_item i on i.id = t.item_id
        where d.day = $1 order by s.code, i.code";

    /// How many families' money moved on the day $1, by school and item, among what has its place. No row: nobody's.
    PAYERS = families!("from entry e cross join", "e.day = $1 and e.kind <> 'issued' and p.credit_id is not null");

    /// The same at the school $2.
    PAYERS_OF_SCHOOL = families!("from entry e cross join",
        "e.school_id = $2 and e.day = $1 and e.kind <> 'issued' and p.credit_id is not null");

    /// How many families were asked for something on the day $1 or were not asked any more, by school and item, among
    /// what has its place. No row: none.
    ISSUED_TO = families!("from day_sum t cross join entry e cross join",
        "t.day = $1 and e.school_id = t.school_id and e.day = t.day and e.credit_id is null and p.credit_id is null");

    /// The same at the school $2.
    ISSUED_TO_OF_SCHOOL = families!("from entry e cross join",
        "e.school_id = $2 and e.day = $1 and e.credit_id is null and p.credit_id is null");
}
