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
    /// What was issued and collected by school. No row: nothing happened.
    BY_SCHOOL = watched!("select t.school_id, ", sums!(), "
        from day_sum t where t.day >= $1 and t.day <= $2 and t.school_id in (select id from watched)
        group by t.school_id");

    /// The same by day, the first one first.
    BY_DAY = watched!("select t.day, ", sums!(), "
        from day_sum t where t.day >= $1 and t.day <= $2 and t.school_id in (select id from watched)
        group by t.day order by t.day");

    /// The same by item, as the catalogue names it today; without a name, of no item.
    BY_ITEM = watched!("select i.code, i.official_name, ", sums!(), "
        from (select id, code, official_name from fee_item union all select '', '', '') i
        join item_sum t on t.item_id = i.id and t.day >= $1 and t.day <= $2
        where t.school_id in (select id from watched)
        group by i.code, i.official_name order by i.code");

    /// Where schools' books stand: owed by parents, kept for families, held without an owner.
    STANDING = "select school_id, owed, surplus, held from school_sum";
}
