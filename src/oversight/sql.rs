//! The supervisor's statements: of the sums that the feed keeps, never of the postings themselves.

use crate::store::statements;

/// A supervisor's question about the days from $1 to $2, of the schools under the authority $3 on the day $4.
macro_rules! watched {
    ($($text:expr),+) => {
        concat!(
            "with recursive under (id) as (
                select id from authority where id = $3
                union
                select p.authority_id from authority_parent p join under on p.parent_id = under.id
                where p.from_day <= $4 and (p.to_day is null or p.to_day >= $4)
            ), watched (id) as (
                select s.school_id from school_supervision s join under on s.authority_id = under.id
                where s.from_day <= $4 and (s.to_day is null or s.to_day >= $4)
            ) ",
            $($text),+
        )
    };
}

/// What was issued and collected.
macro_rules! sums {
    () => {
        "cast(sum(t.issued) as bigint) as issued, cast(sum(t.collected) as bigint) as collected"
    };
}

statements! {
    /// What each school raised and collected from the day $1 to $2, in the months from $3 to $4, and from the day $5 to
    /// $6. No row: nothing happened.
    BY_SCHOOL = concat!("select t.school_id, ", sums!(), "
        from (
            select school_id, issued, collected from day_sum where day >= $1 and day <= $2
            union all
            select school_id, issued, collected from month_sum where month >= $3 and month <= $4
            union all
            select school_id, issued, collected from day_sum where day >= $5 and day <= $6
        ) t group by t.school_id");

    /// What all schools raised and collected on each day from $1 to $2, the first one first.
    BY_DAY = concat!("select t.day, ", sums!(), "
        from total_sum t where t.day >= $1 and t.day <= $2 group by t.day order by t.day");

    /// The same by item, as the catalogue names it today; without a name, of no item.
    BY_ITEM = concat!("select coalesce(i.code, ''), coalesce(i.official_name, ''), ", sums!(), "
        from total_sum t left join fee_item i on i.id = t.item_id
        where t.day >= $1 and t.day <= $2 group by 1, 2 order by 1");

    /// By day, of some schools. A `cross join` is read in this order by SQLite: each school is looked for on each day,
    /// which is less than looking at all that others did.
    BY_DAY_OF_SOME = watched!("select t.day, ", sums!(), "
        from (select distinct day from total_sum where day >= $1 and day <= $2) d cross join watched w
        cross join day_sum t where t.day = d.day and t.school_id = w.id
        group by t.day order by t.day");

    /// By item, of some schools.
    BY_ITEM_OF_SOME = watched!("select coalesce(i.code, ''), coalesce(i.official_name, ''), ", sums!(), "
        from (select day, item_id from total_sum where day >= $1 and day <= $2) d cross join watched w
        cross join item_sum t left join fee_item i on i.id = t.item_id
        where t.item_id = d.item_id and t.day = d.day and t.school_id = w.id
        group by 1, 2 order by 1");

    /// Where schools' books stand: owed by parents, kept for families, held without an owner.
    STANDING = "select school_id, owed, surplus, held from school_sum";
}
