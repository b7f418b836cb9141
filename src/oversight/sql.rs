//! The supervisor's statements.

use crate::store::statements;

statements! {
    /// What was issued and collected by school and item between two days. No row: nothing happened.
    BY_SCHOOL_AND_ITEM = "
        select e.school_id, p.item_id,
            cast(sum(case when p.credit_id is null then p.amount else 0 end) as bigint) as issued,
            cast(-sum(case when p.credit_id is not null then p.amount else 0 end) as bigint) as collected
        from entry e join posting p on p.entry_id = e.id
        where e.day >= $1 and e.day <= $2 and p.account = 'receivable.parent'
        group by e.school_id, p.item_id";

    /// The same by school and day.
    BY_SCHOOL_AND_DAY = "
        select e.school_id, e.day,
            cast(sum(case when p.credit_id is null then p.amount else 0 end) as bigint) as issued,
            cast(-sum(case when p.credit_id is not null then p.amount else 0 end) as bigint) as collected
        from entry e join posting p on p.entry_id = e.id
        where e.day >= $1 and e.day <= $2 and p.account = 'receivable.parent'
        group by e.school_id, e.day";

    /// Where a school's books stand today: owed by parents, kept for families, held without an owner.
    STANDING = "
        select e.school_id,
            cast(sum(case when p.account = 'receivable.parent' then p.amount else 0 end) as bigint) as owed,
            cast(-sum(case when p.account = 'credit_balance.family' then p.amount else 0 end) as bigint) as surplus,
            cast(-sum(case when p.account = 'suspense.unidentified' then p.amount else 0 end) as bigint) as held
        from entry e join posting p on p.entry_id = e.id
        where p.account in ('receivable.parent', 'credit_balance.family', 'suspense.unidentified')
        group by e.school_id";

    /// The catalogue's names, as they are today.
    ITEMS = "select id, code, official_name from fee_item";
}
