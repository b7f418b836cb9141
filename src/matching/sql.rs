//! Matching's statements.

use crate::store::statements;

/// Credits with what was decided last about each.
macro_rules! credits {
    ($which:literal) => {
        concat!(
            "select c.id, c.school_id, c.account_id, c.amount, c.day, c.value_at, c.payment_reference, d.kind, d.reason,
                d.invoice_id, coalesce(d.turn, 0) as turn, p.line_id
            from credit c
            left join credit_decision d on d.credit_id = c.id
                and d.turn = (select max(l.turn) from credit_decision l where l.credit_id = c.id)
            left join credit_proof p on p.credit_id = c.id
            where ",
            $which
        )
    };
}

statements! {
    /// Credits that wait to be decided, in the order they were heard of, so that a batch costs the same however many
    /// wait; one put off for longer than anything is was kept by a clock that has gone back since.
    UNDECIDED = "
        select c.id, c.school_id, c.account_id, c.amount, c.day, c.value_at, c.payment_reference, c.payment_key,
            c.gateway_id, c.doubt, c.memo_sealed
        from undecided u cross join credit c
        where c.id = u.credit_id and (u.since <= $1 or u.since > $2) order by u.credit_id limit $3";

    /// One credit. No row: the id was made up.
    CREDIT = "
        select id, school_id, account_id, amount, day, value_at, payment_reference, payment_key, gateway_id, doubt,
            memo_sealed
        from credit where id = $1";

    /// Takes credits out of the queue. Fewer come back than were asked: another process decided the others.
    TAKE = list "delete from undecided where credit_id in", "returning credit_id";

    /// Puts a credit that cannot be decided at the end of the queue. Zero rows: another process decided it.
    POSTPONE = "update undecided set since = $2 where credit_id = $1";

    /// The newest decision of credits. No row: none was made.
    DECISIONS = list "
        select d.credit_id, d.turn, d.kind, d.invoice_id, d.entry_id from credit_decision d
        where d.turn = (select max(l.turn) from credit_decision l where l.credit_id = d.credit_id) and d.credit_id in", "";

    /// What of credits is in the books: 'received' and 'proved'.
    POSTED = list "
        select credit_id, kind from entry where kind in ('received', 'proved') and credit_id in", "";

    /// Credits that a statement has shown.
    PROVED = list "select credit_id from credit_proof where credit_id in", "";

    /// New decisions. A twin turn means somebody else decided at the same moment: the transaction fails.
    INSERT_DECISIONS = rows "
        insert into credit_decision (credit_id, turn, kind, reason, invoice_id, entry_id, at, actor, note)", "";

    /// Credits that a person must look at; one that waits for somebody already goes on waiting.
    ADD_HELD = rows "insert into held_credit (credit_id, school_id, value_at)", "on conflict (credit_id) do nothing";

    /// Credits that nobody has to look at any more. Fewer come back than were given: the others waited for nobody.
    END_HELD = list "delete from held_credit where credit_id in", "returning credit_id";

    /// The connections of a school whose provider settles later, once it has taken money.
    GATEWAYS = "
        select c.id from connection c
        where c.school_id = $1 and exists (select 1 from credit t where t.gateway_id = c.id) order by c.id";

    /// What a gateway took until a day and has not settled. No row: it owes nothing.
    OWED_BY_GATEWAY = "
        select c.id, c.account_id, c.amount, c.day from credit c
        where c.gateway_id = $1 and c.day <= $2
          and (select sum(p.amount) from posting p where p.credit_id = c.id and p.account = 'clearing.gateway') > 0
        order by c.value_at, c.id";

    /// What of a credit its gateway still owes. Null: the credit was never posted.
    STILL_OWED = "
        select cast(sum(amount) as bigint) as amount from posting where credit_id = $1 and account = 'clearing.gateway'";

    /// A school's credits that a person must look at, the oldest first, after one.
    HELD = "
        select c.id, c.school_id, c.account_id, c.amount, c.day, c.value_at, c.payment_reference, c.bank_reference,
            c.maybe_same_as, c.memo_sealed, c.payer_sealed, d.reason, d.kind, d.turn, d.note, p.line_id
        from held_credit h
        join credit c on c.id = h.credit_id
        join credit_decision d on d.credit_id = c.id
            and d.turn = (select max(l.turn) from credit_decision l where l.credit_id = c.id)
        left join credit_proof p on p.credit_id = c.id
        where h.school_id = $1 and h.value_at >= $2 and (h.value_at > $2 or h.credit_id > $3)
        order by h.value_at, h.credit_id limit $4";

    /// A school's credits with what was decided last, in the order of their ids, after one.
    CREDITS_AFTER = credits!("c.school_id = $1 and c.id > $2 order by c.id limit $3");

    /// Those of them that a person must look at.
    HELD_AFTER = credits!("
        c.id in (select h.credit_id from held_credit h where h.school_id = $1 and h.credit_id > $2) order by c.id limit $3");

    /// One credit with what was decided last. No row: the id was made up.
    SHOWN = credits!("c.id = $1");

    /// The credit that one may be the same as. Null: it is like no other.
    TWIN = "select maybe_same_as from credit where id = $1";

    /// How many of a school's credits a person must look at.
    HELD_COUNT = "select count(*) from held_credit where school_id = $1";

    /// What was decided about a credit, in order.
    STORY = "
        select turn, kind, reason, invoice_id, entry_id, at, actor, note from credit_decision
        where credit_id = $1 order by turn";
}
