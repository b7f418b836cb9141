//! The SQL of the roll.

use crate::store::statements;

statements! {
    /// A school by the code its people know. No row: no such school.
    SCHOOL_BY_CODE = "select * from school where code = $1";

    /// A school by its id. No row: the id was made up.
    SCHOOL = "select * from school where id = $1";

    /// How many schools there are.
    COUNT_SCHOOLS = "select count(*) from school";

    /// Every school. No row: nothing was set up yet.
    SCHOOLS = "select * from school order by code";

    /// Schools supervised on a day by an authority or by one below it in the tree of that day.
    SCHOOLS_UNDER = "
        with recursive under (id) as (
            select id from authority where id = $1
            union
            select p.authority_id from authority_parent p join under on p.parent_id = under.id
            where p.from_day <= $2 and (p.to_day is null or p.to_day >= $2)
        )
        select * from school where id in (
            select s.school_id from school_supervision s join under on s.authority_id = under.id
            where s.from_day <= $2 and (s.to_day is null or s.to_day >= $2)
        )
        order by code";

    /// An authority and those below it in the tree of a day. No row: the id was made up.
    AUTHORITIES_UNDER = "
        with recursive under (id) as (
            select id from authority where id = $1
            union
            select p.authority_id from authority_parent p join under on p.parent_id = under.id
            where p.from_day <= $2 and (p.to_day is null or p.to_day >= $2)
        )
        select * from authority where id in (select id from under) order by code";

    /// An authority by its code. No row: no such authority.
    AUTHORITY_BY_CODE = "select * from authority where code = $1";

    /// An authority by its id. No row: the id was made up.
    AUTHORITY = "select * from authority where id = $1";

    /// The accounts a school was ever paid into, the newest last.
    ACCOUNTS_OF = "select * from receiving_account where school_id = $1 order by opened_at, id";

    /// Those of many schools. No row for one: it has none.
    ACCOUNTS_OF_SCHOOLS = list "select * from receiving_account where school_id in", "order by school_id, opened_at, id";

    /// One receiving account. No row: the id was made up.
    ACCOUNT = "select * from receiving_account where id = $1";

    /// Whose account is this at which bank? No row: nobody's here.
    ACCOUNT_BY_NUMBER = "select * from receiving_account where bank_bin = $1 and number = $2";

    /// Classes of a school in one school year.
    CLASSES_OF = "select * from class_group where school_id = $1 and school_year = $2 order by name";

    /// One class. No row: the id was made up.
    CLASS = "select * from class_group where id = $1";

    /// The school years that have classes, the newest first.
    YEARS_OF = "select distinct school_year from class_group where school_id = $1 order by school_year desc";

    /// Pupils who sit in a class on a day, by name.
    PUPILS_OF = "
        select p.* from class_membership m join pupil p on p.id = m.pupil_id
        where m.class_group_id = $1 and m.from_day <= $2 and (m.to_day is null or m.to_day >= $2)
          and (p.left_day is null or p.left_day >= $2)
        order by p.folded_name, p.code";

    /// One pupil. No row: the id was made up.
    PUPIL = "select * from pupil where id = $1";

    /// A school's pupils in the order of their ids, after one.
    PUPILS_AFTER = "select * from pupil where school_id = $1 and id > $2 order by id limit $3";

    /// Pupils by any of these ids.
    PUPILS_BY_ID = list "select * from pupil where id in", "";

    /// The class a pupil sits in on a day. No row: none, or the pupil left.
    CLASS_OF_PUPIL = "
        select c.* from class_membership m join class_group c on c.id = m.class_group_id
        where m.pupil_id = $1 and m.from_day <= $2 and (m.to_day is null or m.to_day >= $2)
        order by m.from_day desc limit 1";

    /// Pupils whose folded name holds a text or whose code begins with it, with their class on a day.
    SEARCH = "
        select p.id, p.code, p.full_name, c.name as class_name
        from pupil p
        left join class_membership m on m.pupil_id = p.id and m.from_day <= $4 and (m.to_day is null or m.to_day >= $4)
        left join class_group c on c.id = m.class_group_id
        where p.school_id = $1 and (p.folded_name like $2 escape '!' or lower(p.code) like $3 escape '!')
        order by p.folded_name, p.code limit $5";

    /// The people who answer for a family's pupils.
    GUARDIANS_OF = "select * from guardian where family_id = $1 order by made_at, id";

    /// A family's pupils.
    PUPILS_OF_FAMILY = "select * from pupil where family_id = $1 order by folded_name, code";

    /// Every pupil a school ever had.
    PUPILS_OF_SCHOOL = "select * from pupil where school_id = $1";

    /// Where a school's pupils sit on a day.
    SEATS_OF_SCHOOL = "
        select m.pupil_id, m.class_group_id, c.name as class_name, c.school_year
        from class_group c join class_membership m on m.class_group_id = c.id
        where c.school_id = $1 and m.from_day <= $2 and (m.to_day is null or m.to_day >= $2)";

    /// Every guardian of a school's families, the first one first.
    GUARDIANS_OF_SCHOOL = "
        select g.* from family f join guardian g on g.family_id = f.id where f.school_id = $1 order by g.made_at, g.id";

    /// New classes. Fewer rows: somebody made them a moment ago.
    ADD_CLASSES = rows "insert into class_group (id, school_id, school_year, name, level)",
        "on conflict (school_id, school_year, name) do nothing";

    /// New families.
    ADD_FAMILIES = rows "insert into family (id, school_id, made_at)", "";

    /// New pupils; the ids of those really inserted. Missing ones: another import wrote the code a moment ago.
    ADD_PUPILS = rows "
        insert into pupil (id, school_id, family_id, code, full_name, folded_name, birth_day, left_day, made_at)",
        "on conflict (school_id, code) do nothing returning id";

    /// A pupil's name and birthday as the newest roster has them; being listed means being at school.
    SET_PUPIL = "update pupil set full_name = $2, folded_name = $3, birth_day = $4, left_day = null where id = $1";

    /// The last day in a class.
    LEAVE_CLASS = "update class_membership set to_day = $3 where pupil_id = $1 and class_group_id = $2
        and (to_day is null or to_day > $3)";

    /// Pupils join classes; one who comes back on the day of leaving never left.
    JOIN_CLASSES = rows "insert into class_membership (pupil_id, class_group_id, from_day, to_day)",
        "on conflict (pupil_id, class_group_id, from_day) do update set to_day = null";

    /// New guardians.
    ADD_GUARDIANS = rows "insert into guardian (id, family_id, full_name, phone, relation, made_at)", "";

    /// A guardian as the newest roster has them.
    SET_GUARDIAN = "update guardian set full_name = $2, phone = $3, relation = $4 where id = $1";

    /// Every authority.
    AUTHORITIES = "select * from authority order by code";

    /// An authority as the set-up says.
    SET_AUTHORITY = "insert into authority (id, code, name, kind) values ($1, $2, $3, $4)
        on conflict (code) do update set name = excluded.name, kind = excluded.kind";

    /// What an authority stands under on a day.
    PARENTS_OF = "select parent_id from authority_parent
        where authority_id = $1 and from_day <= $2 and (to_day is null or to_day >= $2)";

    /// The last day under what it stood under before.
    END_PARENT = "update authority_parent set to_day = $2 where authority_id = $1 and (to_day is null or to_day > $2)";

    /// What it stands under from a day on.
    SET_PARENT = "insert into authority_parent (authority_id, parent_id, from_day, to_day) values ($1, $2, $3, null)
        on conflict (authority_id, from_day) do update set parent_id = excluded.parent_id, to_day = null";

    /// A school as the set-up says.
    SET_SCHOOL = "
        insert into school (id, code, name, level, ownership, address, phone, budget_code, merchant_id, mcc, city,
            reading, made_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        on conflict (code) do update set name = excluded.name, level = excluded.level, ownership = excluded.ownership,
            address = excluded.address, phone = excluded.phone, budget_code = excluded.budget_code,
            merchant_id = excluded.merchant_id, mcc = excluded.mcc, city = excluded.city, reading = excluded.reading";

    /// Who watches over a school on a day.
    SUPERVISORS_OF = "select authority_id from school_supervision
        where school_id = $1 and from_day <= $2 and (to_day is null or to_day >= $2)";

    /// The last day under who watched before.
    END_SUPERVISION = "
        update school_supervision set to_day = $2 where school_id = $1 and (to_day is null or to_day > $2)";

    /// Who watches from a day on.
    SET_SUPERVISION = "
        insert into school_supervision (school_id, authority_id, from_day, to_day) values ($1, $2, $3, null)
        on conflict (school_id, authority_id, from_day) do update set to_day = null";

    /// A new receiving account.
    ADD_ACCOUNT = "
        insert into receiving_account (id, school_id, bank_bin, number, holder, opened_at)
        values ($1, $2, $3, $4, $5, $6)";
}
