//! The receipts' statements.

use crate::store::statements;

/// Receipts with why they are void, when they are.
macro_rules! receipts {
    ($which:literal) => {
        concat!(
            "select r.*, (select max(v.reason) from receipt_event v where v.receipt_id = r.id) as void_reason
            from receipt r where ",
            $which
        )
    };
}

statements! {
    /// The newest year of each series of schools. No row: none has begun.
    NEWEST_YEARS = list "
        select school_id, series, max(year) as year from receipt_series where school_id in", "group by school_id, series";

    /// Takes the next numbers of series, each of which begins where it has not yet, and tells the last one taken.
    TAKE_NUMBERS = rows "insert into receipt_series (school_id, series, year, last)",
        "on conflict (school_id, series, year) do update set last = receipt_series.last + excluded.last
        returning school_id, year, last";

    /// New receipts. A twin number, entry or check token breaks the transaction, and so it should.
    INSERT_RECEIPTS = rows "
        insert into receipt (id, school_id, series, year, number, entry_id, credit_id, invoice_id, family_id, amount, surplus,
            due, paid, check_hash, issued_at)", "";

    /// A receipt becomes void. Zero rows: it is already.
    INSERT_VOID = "
        insert into receipt_event (receipt_id, kind, at, actor, reason) values ($1, 'void', $2, $3, $4)
        on conflict (receipt_id, kind) do nothing";

    /// The receipt of an entry. No row: the entry gave money to no invoice.
    BY_ENTRY = receipts!("r.entry_id = $1");

    /// A receipt. No row: the id was made up.
    BY_ID = receipts!("r.id = $1");

    /// The receipt of a public check token. No row: the code was not printed by us.
    BY_CHECK = receipts!("r.check_hash = $1");

    /// The receipts of an invoice, the oldest first.
    BY_INVOICE = receipts!("r.invoice_id = $1 order by r.issued_at, r.year, r.number");

    /// The receipts of a school issued between two instants, in the order of their numbers. A number's year is never
    /// before the year of its issue, so that the years before need not be looked through.
    BY_SCHOOL = receipts!("
        r.school_id = $1 and r.issued_at >= $2 and r.issued_at < $3 and r.year >= $4 order by r.series, r.year, r.number");

    /// How many they are.
    COUNT_OF_SCHOOL = "select count(*) from receipt where school_id = $1 and issued_at >= $2 and issued_at < $3";

    /// So many of them, after so many others.
    PART_OF_SCHOOL = receipts!("
        r.school_id = $1 and r.issued_at >= $2 and r.issued_at < $3
        order by r.series, r.year, r.number limit $4 offset $5");

    /// When the money of credits came.
    CAME_AT = list "select id, value_at from credit where id in", "";

    /// The money of an invoice's valid receipts, with the moments it was reported and a statement showed it. What only
    /// a statement told of has no moment of report, so its own time stands there.
    PAYMENTS = "
        select r.amount, case c.origin when 'hook' then c.kept_at else c.value_at end as reported_at, p.proved_at
        from receipt r join credit c on c.id = r.credit_id left join credit_proof p on p.credit_id = c.id
        where r.invoice_id = $1 and not exists (select 1 from receipt_event v where v.receipt_id = r.id)
        order by c.value_at, r.id";
}
