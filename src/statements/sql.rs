//! The SQL of the statements.

use crate::store::statements;

statements! {
    /// Every account that money may come to; a statement's title names one of them.
    OPEN_ACCOUNTS = "select * from receiving_account where ended_at is null order by id";

    /// A file as uploaded. Zero rows: this account was given the same bytes before.
    KEEP_FILE = rows "
        insert into statement_file (id, account_id, sha256, name_sealed, lines, first_day, last_day, opening, closing,
            received_at, received_by)", "on conflict (account_id, sha256) do nothing";

    /// The file with these bytes. One row after it was kept.
    FILE = "select id from statement_file where account_id = $1 and sha256 = $2";

    /// Lines of an account in a span of days, with what the credits they show say.
    LINES = "
        select l.day, l.amount, l.balance, l.chain_key, c.likeness from statement_line l
        left join credit_proof p on p.line_id = l.id left join credit c on c.id = p.credit_id
        where l.account_id = $1 and l.day >= $2 and l.day <= $3 order by l.day, l.id";

    /// What the bank wrote beside a line. No row: the id was made up.
    MEMO = "select memo_sealed from statement_line where id = $1";

    /// New lines. Fewer rows than were given: another upload brought them a moment earlier.
    KEEP_LINES = rows "
        insert into statement_line (id, file_id, account_id, file_row, day, value_at, amount, balance, reference,
            memo_sealed, chain_key)", "";

    /// Credits of a school that were told between two days and that no statement has. What a gateway holds comes to the
    /// bank in another sum; what left the books is dealt with.
    UNPROVED = "
        select c.id, c.account_id, c.amount, c.day, c.value_at from credit c
        left join credit_proof p on p.credit_id = c.id
        left join credit_decision d on d.credit_id = c.id
            and d.turn = (select max(l.turn) from credit_decision l where l.credit_id = c.id)
        where c.school_id = $1 and c.day >= $2 and c.day <= $3 and p.credit_id is null and c.gateway_id is null
          and d.kind is not null and d.kind not in ('same', 'reversed', 'disowned')
        order by c.value_at, c.id limit $4";

    /// Which days the files of accounts cover, and with which balances. No row: no file with a line was brought.
    COVERED = list "
        select account_id, first_day, last_day, opening, closing from statement_file
        where first_day is not null and last_day is not null and account_id in", "";
}
