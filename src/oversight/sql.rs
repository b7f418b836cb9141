//! The supervisor's statements: of the sums that the feed keeps, never of the postings themselves.

use crate::store::statements;

/// A supervisor's question about the days from $1 to $2: `chosen` are the schools that are `in` those under the
/// authority $3 on the day $4, or `not in` them.
macro_rules! of_schools {
    ($which:literal, $($text:expr),+) => {
        concat!(
            "with recursive under (id) as (
                select id from authority where id = $3
                union
                select p.authority_id from authority_parent p join under on p.parent_id = under.id
                where p.from_day <= $4 and (p.to_day is null or p.to_day >= $4)
            ), watched (id) as (
                select s.school_id from school_supervision s join under on s.authority_id = under.id
                where s.from_day <= $4 and (s.to_day is null or s.to_day >= $4)
            ), chosen (id) as (
                select id from school where id ", $which, " (select id from watched)
            ) ",
            $($text),+
        )
    };
}

/// The sums by day of the chosen schools. A `cross join` is read in this order by SQLite: each of them is looked for on
/// each day, which is less than looking at all that others did.
macro_rules! days_of_chosen {
    () => {
        "from (select distinct day from total_sum where day >= $1 and day <= $2) d cross join chosen w
        cross join day_sum k where k.day = d.day and k.school_id = w.id"
    };
}

/// Their sums by item.
macro_rules! items_of_chosen {
    () => {
        "from (select day, item_id from total_sum where day >= $1 and day <= $2) d cross join chosen w
        cross join item_sum k where k.item_id = d.item_id and k.day = d.day and k.school_id = w.id"
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

    /// What the watched schools raised and collected on each day, the first one first: what all did, but for those that
    /// are not watched.
    BY_DAY = of_schools!("not in", "select t.day, ", sums!(), "
        from (
            select day, issued, collected from total_sum where day >= $1 and day <= $2
            union all
            select k.day, -k.issued, -k.collected ", days_of_chosen!(), "
        ) t group by t.day having sum(t.issued) <> 0 or sum(t.collected) <> 0 order by t.day");

    /// The same by item, as the catalogue names it today; without a name, of no item.
    BY_ITEM = of_schools!("not in", "select coalesce(i.code, ''), coalesce(i.official_name, ''), ", sums!(), "
        from (
            select item_id, issued, collected from total_sum where day >= $1 and day <= $2
            union all
            select k.item_id, -k.issued, -k.collected ", items_of_chosen!(), "
        ) t left join fee_item i on i.id = t.item_id
        group by 1, 2 having sum(t.issued) <> 0 or sum(t.collected) <> 0 order by 1");

    /// By day where few schools are watched: what each did.
    BY_DAY_OF_FEW = of_schools!("in", "select t.day, ", sums!(), "
        from (select k.day, k.issued, k.collected ", days_of_chosen!(), ") t
        group by t.day having sum(t.issued) <> 0 or sum(t.collected) <> 0 order by t.day");

    /// By item where few are.
    BY_ITEM_OF_FEW = of_schools!("in", "select coalesce(i.code, ''), coalesce(i.official_name, ''), ", sums!(), "
        from (select k.item_id, k.issued, k.collected ", items_of_chosen!(), ") t left join fee_item i on i.id = t.item_id
        group by 1, 2 having sum(t.issued) <> 0 or sum(t.collected) <> 0 order by 1");

    /// Where schools' books stand: owed by parents, kept for families, held without an owner.
    STANDING = "select school_id, owed, surplus, held from school_sum";
}
