//! The ledger's statements.

use crate::store::statements;

statements! {
    /// Entries of new causes. Fewer come back than were given: the others are posted already.
    INSERT_ENTRIES = rows "
        insert into entry (id, school_id, kind, cause, day, at, credit_id, invoice_id, reverses, actor, note)",
        "on conflict (cause) do nothing returning id";

    /// The postings of entries that were really inserted.
    INSERT_POSTINGS = rows "
        insert into posting (entry_id, position, account, amount, receiving_id, invoice_id, line, item_id, family_id, credit_id)",
        "";

    /// The postings of entries that were really inserted and have the same sides, each about its own invoice.
    INSERT_POSTINGS_ALIKE = rows "
        insert into posting (entry_id, invoice_id, position, account, amount, receiving_id, line, item_id, family_id, credit_id)",
        "";

    /// Entries that wait for their place in the feed.
    INSERT_UNSEQUENCED = rows "insert into unsequenced (entry_id, at)", "";

    /// What came for each line of invoices. No row for a line: nothing came. Written so that no engine goes by the
    /// credits instead, of which there are as many as payments ever were.
    PAID_BY_LINE = list "
        select invoice_id, line, cast(-sum(amount) as bigint) as paid from posting
        where account = 'receivable.parent' and coalesce(credit_id, '') <> '' and line is not null and invoice_id in",
        "group by invoice_id, line";

    /// What entries gave to each line of the invoices they are about.
    GIVEN_BY_ENTRIES = list "
        select entry_id, line, -amount from posting
        where account = 'receivable.parent' and line is not null and entry_id in", "order by entry_id, line";

    /// Where an invoice's money stands: issue and payments, side by side, without what cancelled out. No row: never
    /// issued, or wholly taken back.
    STANDING_OF_INVOICE = "
        select account, cast(sum(amount) as bigint) as amount, null as receiving_id, invoice_id, line, item_id, family_id, credit_id
        from posting where invoice_id = $1 and account not in ('bank', 'clearing', 'clearing.gateway', 'expense.gateway_fee')
        group by account, invoice_id, line, item_id, family_id, credit_id having sum(amount) <> 0
        order by credit_id, line, account";

    /// Where a credit's money stands, without what cancelled out. No row: it was never posted.
    STANDING_OF_CREDIT = "
        select account, cast(sum(amount) as bigint) as amount, null as receiving_id, invoice_id, line, item_id, family_id, credit_id
        from posting where credit_id = $1 and account not in ('bank', 'clearing', 'clearing.gateway', 'expense.gateway_fee')
        group by account, invoice_id, line, item_id, family_id, credit_id having sum(amount) <> 0
        order by account, invoice_id, line";

    /// The sides of entries, in their order.
    POSTINGS_OF = list "
        select account, amount, receiving_id, invoice_id, line, item_id, family_id, credit_id from posting where entry_id in",
        "order by entry_id, position";

    /// The newest entry of a kind about an invoice. No row: there was none.
    LAST_OF_INVOICE = "select id from entry where invoice_id = $1 and kind = $2 order by at desc, id desc limit 1";

    /// Balances of the accounts of one school's books. An account without postings has no row.
    BALANCES_OF_SCHOOL = "
        select p.account, cast(sum(p.amount) as bigint) as amount from posting p join entry e on e.id = p.entry_id
        where e.school_id = $1 group by p.account order by p.account";

    /// Balances of the accounts of all books together.
    BALANCES = "select account, cast(sum(amount) as bigint) as amount from posting group by account order by account";

    /// A family's credit, as a positive amount.
    FAMILY_CREDIT = "
        select cast(coalesce(-sum(amount), 0) as bigint) as amount from posting
        where family_id = $1 and account = 'credit_balance.family'";
}
