//! The SQL of the statements.

use crate::store::statements;

/// A file with how far it came and what of it waits.
macro_rules! filed {
    () => {
        "select f.*,
            (select s.done_at from statement_step s where s.file_id = f.id and s.step = 'read') as read_at,
            (select s.done_at from statement_step s where s.file_id = f.id and s.step = 'sealed') as sealed_at,
            (select s.done_by from statement_step s where s.file_id = f.id and s.step = 'sealed') as sealed_by,
            (select count(*) from statement_line l where l.file_id = f.id) as brought,
            (select count(*) from statement_line l join credit_proof p on p.line_id = l.id
                where l.file_id = f.id
                  and not exists (select 1 from credit_decision d where d.credit_id = p.credit_id)) as waiting,
            (select count(*) from statement_line l join credit_proof p on p.line_id = l.id
                join credit_decision d on d.credit_id = p.credit_id
                where l.file_id = f.id and d.kind in ('hold', 'release')
                  and d.turn = (select max(n.turn) from credit_decision n where n.credit_id = p.credit_id)) as held
        from statement_file f "
    };
}

/// A hole, and what other files brought into it.
macro_rules! holed {
    () => {
        "select h.*, f.account_id,
            (select cast(coalesce(sum(l.amount), 0) as bigint) from statement_line l
                where l.account_id = f.account_id and l.file_id <> h.file_id
                  and l.day >= h.from_day and l.day <= h.to_day and l.value_at >= h.from_at and l.value_at <= h.to_at) as brought
        from statement_hole h join statement_file f on f.id = h.file_id "
    };
}

/// Credits with the lines that show them, as far as their return needs.
macro_rules! proved {
    () => {
        "select c.id, c.account_id, c.amount, l.day, c.payment_reference, l.reference, d.kind
        from statement_line l join credit_proof p on p.line_id = l.id join credit c on c.id = p.credit_id
        left join credit_decision d on d.credit_id = c.id
            and d.turn = (select max(n.turn) from credit_decision n where n.credit_id = c.id) "
    };
}

statements! {
    /// Every account that money may come to; a statement's title names one of them.
    OPEN_ACCOUNTS = "select * from receiving_account where ended_at is null order by id";

    /// A file as uploaded. Zero rows: this account was given the same bytes before.
    KEEP_FILE = rows "
        insert into statement_file (id, account_id, sha256, name_sealed, lines, first_day, last_day, opening, closing,
            received_at, received_by, from_day, to_day)", "on conflict (account_id, sha256) do nothing";

    /// The file with these bytes. One row after it was kept.
    FILE = "select id from statement_file where account_id = $1 and sha256 = $2";

    /// Lines of an account in a span of days, with what the credits they show say.
    LINES = "
        select l.day, l.amount, l.balance, l.reference, l.chain_key, c.likeness from statement_line l
        left join credit_proof p on p.line_id = l.id left join credit c on c.id = p.credit_id
        where l.account_id = $1 and l.day >= $2 and l.day <= $3 order by l.day, l.id";

    /// What left a school's accounts on a day, by time.
    LEFT = "
        select l.id, l.account_id, l.day, l.value_at, l.amount, l.reference
        from receiving_account a join statement_line l on l.account_id = a.id
        where a.school_id = $1 and l.day = $2 and l.amount < 0 order by l.value_at, l.id";

    /// What of one amount left an account in a span of days. No row: nothing.
    LEFT_OF_AMOUNT = "
        select l.id, l.account_id, l.day, l.value_at, l.amount, l.reference from statement_line l
        where l.account_id = $1 and l.day >= $2 and l.day <= $3 and l.amount = $4 order by l.day, l.id";

    /// Credits of an account and an amount that lines in a span of days show, with what was decided last.
    PROVED_OF_AMOUNT = concat!(proved!(), "
        where l.account_id = $1 and l.day >= $2 and l.day <= $3 and l.amount = $4 order by l.day, l.id");

    /// One of them. No row: no line shows it.
    PROVED = concat!(proved!(), "where c.id = $1");

    /// What the bank wrote beside a line. No row: the id was made up.
    MEMO = "select memo_sealed from statement_line where id = $1";

    /// New lines. Fewer rows than were given: another upload brought them a moment earlier.
    KEEP_LINES = rows "
        insert into statement_line (id, file_id, account_id, file_row, day, value_at, amount, balance, reference,
            memo_sealed, chain_key)", "";

    /// Credits of a school that were told between two days and that no statement has. What a gateway holds comes to the
    /// bank in another sum; what left the books is dealt with.
    UNPROVED = "
        select c.id, c.account_id, c.amount, c.day, c.value_at
        from receiving_account a
        join credit c on c.account_id = a.id
        left join credit_proof p on p.credit_id = c.id
        left join credit_decision d on d.credit_id = c.id
            and d.turn = (select max(l.turn) from credit_decision l where l.credit_id = c.id)
        where a.school_id = $1 and c.day >= $2 and c.day <= $3 and p.credit_id is null and c.gateway_id is null
          and d.kind is not null and d.kind not in ('same', 'reversed', 'disowned')
        order by c.value_at, c.id limit $4";

    /// Which days the files of accounts have whole, with their balances, once all their lines are stored. No row: no
    /// file without a hole was brought.
    WHOLE_DAYS = list "
        select f.id, f.account_id, f.first_day, f.last_day, f.opening, f.closing, cast(1 as bigint) as overlaps
        from statement_file f
        join statement_step s on s.file_id = f.id and s.step = 'read'
        where f.first_day is not null and f.last_day is not null and f.account_id in", "";

    /// Files of accounts whose lines follow one another, from the day of the first to that of the last. A file overlaps
    /// when some of its lines were stored before it came.
    CHAINS = list "
        select f.id, f.account_id, f.from_day as first_day, f.to_day as last_day, f.opening, f.closing,
            cast(case when f.lines > (select count(*) from statement_line l where l.file_id = f.id) then 1 else 0 end
                as bigint) as overlaps
        from statement_file f
        join statement_step s on s.file_id = f.id and s.step = 'read'
        where f.from_day is not null and f.to_day is not null and f.opening is not null and f.closing is not null
          and not exists (select 1 from statement_hole h where h.file_id = f.id) and f.account_id in", "";

    /// Where a file lacks lines.
    KEEP_HOLES = rows "
        insert into statement_hole (file_id, place, after_row, before_row, from_at, to_at, from_day, to_day, missing,
            withheld)", "on conflict (file_id, place) do nothing";

    /// A step of a file. Zero rows: it was made before.
    KEEP_STEP = rows "
        insert into statement_step (file_id, step, done_at, done_by)", "on conflict (file_id, step) do nothing";

    /// The files of a school's accounts before an id, the newest first.
    FILES = concat!(filed!(), "
        where f.account_id in (select id from receiving_account where school_id = $1) and f.id < $2
        order by f.id desc limit $3");

    /// One file of a school. No row: the id was made up, or is another school's.
    FILE_OF_SCHOOL = concat!(filed!(), "join receiving_account a on a.id = f.account_id
        where a.school_id = $1 and f.id = $2");

    /// Where files lack lines, in the order of their rows.
    HOLES = list concat!(holed!(), "where h.file_id in"), "order by h.file_id, h.place";

    /// Where the files of a school's accounts lack lines that ended after a day.
    HOLES_SINCE = concat!(holed!(), "
        where f.account_id in (select id from receiving_account where school_id = $1) and h.to_day >= $2
        order by h.from_at, h.file_id, h.place");

    /// The accounts of a school that have files.
    ACCOUNTS_WITH_FILES = "
        select a.id from receiving_account a where a.school_id = $1
          and exists (select 1 from statement_file f where f.account_id = a.id) order by a.id";

    /// The lines that a file brought after a row, with what became of what they show.
    FILE_LINES = "
        select l.id, l.file_row, l.day, l.value_at, l.amount, l.balance, l.reference, p.credit_id, d.kind, d.reason,
            d.invoice_id
        from statement_line l
        left join credit_proof p on p.line_id = l.id
        left join credit_decision d on d.credit_id = p.credit_id
            and d.turn = (select max(n.turn) from credit_decision n where n.credit_id = p.credit_id)
        where l.file_id = $1 and l.file_row > $2 order by l.file_row limit $3";
}
