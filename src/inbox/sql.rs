//! The SQL of the inbox.

use crate::store::statements;

/// Credits as far as telling them from others needs.
macro_rules! known {
    ($which:literal) => {
        concat!(
            "select c.id, c.account_id, c.amount, c.day, c.value_at, c.bank_reference, c.payment_reference, c.likeness,
                c.maybe_same_as, c.payment_key, l.day as booked
            from credit c left join credit_proof p on p.credit_id = c.id left join statement_line l on l.id = p.line_id
            where ",
            $which
        )
    };
}

/// Credits as far as a statement line needs, with what was decided last about each.
macro_rules! unshown {
    ($which:literal) => {
        concat!(
            "select c.id, c.account_id, c.amount, c.value_at, c.bank_reference, c.payment_reference, c.likeness, c.doubt,
                c.maybe_same_as, c.memo_sealed, d.kind as decided, p.line_id
            from credit c left join credit_proof p on p.credit_id = c.id
            left join credit_decision d on d.credit_id = c.id
                and d.turn = (select max(l.turn) from credit_decision l where l.credit_id = c.id)
            where c.gateway_id is null and ",
            $which
        )
    };
}

/// The credit that a reversal takes back: the one told by the same number, or, where that was a second telling and is
/// in no book, the one it was a telling of. What names an invoice is not taken back for what names none, though they
/// came in one minute: should they have been one after all, the statement shows its going.
macro_rules! taken_back {
    () => {
        "case when c.doubt = 'maybe_same_credit' and p.credit_id is null and exists (
            select 1 from credit o where o.id = c.maybe_same_as
                and (o.payment_reference is null) = (c.payment_reference is null)
        ) then c.maybe_same_as else c.id end"
    };
}

/// Credits that a reversal takes back and that are still in the books.
macro_rules! reversed {
    () => {
        concat!(
            "select distinct l.credit_id from debit d
            join telling t on t.told_reference = d.told_reference and t.connection_id = d.connection_id
                and t.fingerprint = d.fingerprint
            join credit c on c.id = t.credit_id
            left join credit_proof p on p.credit_id = c.id
            join credit_decision l on l.credit_id = ",
            taken_back!(),
            " and l.turn = (select max(n.turn) from credit_decision n where n.credit_id = l.credit_id)
            where d.school_id = $1 and d.kind = 'reversal' and l.kind not in ('reversed', 'disowned', 'same') "
        )
    };
}

statements! {
    /// A connection by its id, ended ones too. No row: the id was made up.
    CONNECTION = "select provider, school_id, ended_at from connection where id = $1";

    /// Connections with each account and each live secret of theirs, the oldest secret first. No row for one: the id
    /// was made up.
    CALLERS = list "
        select c.id, c.provider, c.school_id, c.memo_prefix, c.memo_max, c.orders_from, c.ended_at,
            a.id as account_id, a.bank_bin, a.number, s.id as secret_id, s.name as secret_name, s.sealed
        from connection c
        left join connection_account b on b.connection_id = c.id
        left join receiving_account a on a.id = b.account_id
        left join connection_secret s on s.connection_id = c.id and s.retired_at is null
        where c.id in", "order by c.id, a.id, s.made_at, s.id";

    /// Which of these secrets still prove. No row for one: it was retired, or its connection ended.
    PROVING = list "
        select s.id from connection_secret s join connection c on c.id = s.connection_id
        where s.retired_at is null and c.ended_at is null and s.id in", "";

    /// The connections of a school, the newest last.
    CONNECTIONS_OF = "select id from connection where school_id = $1 order by made_at, id";

    /// Every connection with its provider, the newest last.
    CONNECTIONS = "select provider, id from connection order by made_at, id";

    /// The receiving accounts bound to a connection. No row: impossible, a connection is made with one.
    ACCOUNTS_OF_CONNECTION = "
        select a.id, a.bank_bin, a.number from connection_account c join receiving_account a on a.id = c.account_id
        where c.connection_id = $1 order by a.id";

    /// The live secrets of a connection, oldest first.
    LIVE_SECRETS = "
        select id, name, sealed from connection_secret
        where connection_id = $1 and retired_at is null order by made_at, id";

    /// All secrets of a connection, oldest first, without their values. No row: there is no such connection.
    SECRETS = "select id, name, made_at, retired_at from connection_secret where connection_id = $1 order by made_at, id";

    /// The connections of a provider that listen for an account, oldest first. No row: it tells of it nowhere.
    CONNECTED = "
        select c.id from connection c
        join connection_account b on b.connection_id = c.id
        join receiving_account a on a.id = b.account_id
        where c.provider = $1 and a.bank_bin = $2 and a.number = $3 and c.ended_at is null order by c.made_at, c.id";

    /// A new connection.
    MAKE_CONNECTION = "
        insert into connection (id, provider, school_id, memo_prefix, memo_max, made_at, orders_from, ended_at)
        values ($1, $2, $3, $4, $5, $6, $7, null)";

    /// The live connections that make the orders of these accounts. No row: nobody does.
    MAKERS_OF_ACCOUNTS = list "
        select c.id from connection c join connection_account b on b.connection_id = c.id
        where c.orders_from is not null and c.ended_at is null and b.account_id in", "order by c.id";

    /// The accounts a new connection tells of.
    BIND_ACCOUNTS = rows "insert into connection_account (connection_id, account_id)", "";

    /// Secrets of a connection.
    MAKE_SECRETS = rows "insert into connection_secret (id, connection_id, name, sealed, made_at, retired_at)", "";

    /// Retires one secret. Zero rows: it was retired before.
    RETIRE_SECRET = "update connection_secret set retired_at = $2 where id = $1 and retired_at is null";

    /// Ends a connection. Zero rows: it was ended before.
    END_CONNECTION = "update connection set ended_at = $2 where id = $1 and ended_at is null";

    /// Who told of these references before, on any connection. No row: nobody.
    TELLINGS_BY_REFERENCE = list "
        select connection_id, told_reference, fingerprint, credit_id from telling where told_reference in", "";

    /// Which connections told of these credits, and for which instant; null: told before that was kept. No row for a
    /// credit: only the statement has it.
    TELLINGS_OF_CREDITS = list "select credit_id, connection_id, value_at from telling where credit_id in", "";

    /// Credits by the bank's own number, on any account.
    CREDITS_BY_BANK_REFERENCE = list known!("c.bank_reference in"), "";

    /// Credits by payment reference or by the mark of their memo, on any account and day.
    CREDITS_BY_LIKENESS = list known!("c.likeness in"), "";

    /// Credits of an account and an amount that carry no payment reference, but those that only this connection told of
    /// for themselves.
    WITHOUT_REFERENCE = known!("
        c.account_id = $1 and c.day >= $2 and c.day <= $3 and c.amount = $4 and c.payment_reference is null
        and (c.maybe_same_as is not null or p.credit_id is not null
            or not exists (select 1 from telling t where t.credit_id = c.id and t.connection_id = $5))
        order by c.id");

    /// Credits of an account and an amount within minutes.
    WITHIN_MINUTES = known!("
        c.account_id = $1 and c.day >= $2 and c.day <= $3 and c.amount = $4 and c.value_at >= $5 and c.value_at <= $6
        order by c.id");

    /// Those of these accounts that several connections tell of.
    SHARED_ACCOUNTS = list "select account_id from connection_account where account_id in",
        "group by account_id having count(*) > 1";

    /// What credits say. No row for one: the id was made up.
    MEMOS = list "select id, memo_sealed from credit where id in", "";

    /// Credits by the bank's own number, on any account and day, those too that a statement has shown.
    UNSHOWN_BY_NUMBER = list unshown!("c.bank_reference in"), "";

    /// Credits by payment reference or by the mark of their memo that no statement has shown yet, on any account.
    UNSHOWN_BY_LIKENESS = list unshown!("p.credit_id is null and c.likeness in"), "";

    /// Credits of an account and an amount in a span of days that no statement has shown yet.
    UNSHOWN_OF_AMOUNT = unshown!("
        c.account_id = $1 and c.day >= $2 and c.day <= $3 and c.amount = $4 and p.credit_id is null
        order by c.value_at, c.id");

    /// Deliveries, whatever they said.
    KEEP_DELIVERIES = rows "insert into delivery (id, connection_id, heard_at, outcome, reason, body_sealed)", "";

    /// New credits.
    KEEP_CREDITS = rows "
        insert into credit (id, school_id, account_id, amount, day, value_at, bank_reference, payment_reference,
            memo_sealed, payer_sealed, origin, doubt, maybe_same_as, kept_at, likeness, payment_key, gateway_id)", "";

    /// Money that left, and credits taken back. Fewer come in than were told: a retry.
    KEEP_DEBITS = rows "
        insert into debit (id, school_id, account_id, connection_id, delivery_id, told_reference, fingerprint, kind,
            amount, day, value_at, memo_sealed, heard_at)",
        "on conflict (told_reference, connection_id, kind, fingerprint) do nothing";

    /// What left a school's accounts in a span of days, and the credit of ours that a reversal takes back.
    DEBITS = concat!(
        "select d.id, d.kind, d.amount, d.value_at, ", taken_back!(), " as credit_id, l.kind as decided
        from debit d
        left join telling t on d.kind = 'reversal' and t.told_reference = d.told_reference
            and t.connection_id = d.connection_id and t.fingerprint = d.fingerprint
        left join credit c on c.id = t.credit_id
        left join credit_proof p on p.credit_id = c.id
        left join credit_decision l on l.credit_id = ", taken_back!(), "
            and l.turn = (select max(n.turn) from credit_decision n where n.credit_id = l.credit_id)
        where d.school_id = $1 and d.day >= $2 and d.day <= $3 order by d.value_at, d.id");

    /// Credits that a reversal names and that are still in the books.
    REVERSED = concat!(reversed!(), "order by l.credit_id limit $2");

    /// Is this credit one of them? No row: it is not.
    IS_REVERSED = concat!(reversed!(), "and l.credit_id = $2");

    /// When a connection last said something that was believed. Null: never.
    LAST_HEARD = "select max(heard_at) as heard_at from delivery where connection_id = $1";

    /// A connection's deliveries since an instant, by what they were.
    OUTCOMES = "
        select outcome, count(*) from delivery where connection_id = $1 and heard_at >= $2
        group by outcome order by outcome";

    /// Deliveries since an instant whose credits had all been told before.
    TOLD_AGAIN = "
        select count(*) from delivery d where d.connection_id = $1 and d.heard_at >= $2 and d.outcome = 'credits'
          and not exists (select 1 from telling t where t.delivery_id = d.id)
          and not exists (select 1 from unsorted u where u.delivery_id = d.id)";

    /// Deliveries of a connection that could not be sorted and are tried again.
    PUT_OFF = "
        select count(*) from unsorted u cross join delivery d
        where d.id = u.delivery_id and d.connection_id = $1 and u.since > 0";

    /// How long after the bank's time the newest credits of a connection were told, in milliseconds.
    LAGS = "
        select t.told_at - c.value_at
        from delivery d join telling t on t.delivery_id = d.id join credit c on c.id = t.credit_id
        where d.connection_id = $1 and d.heard_at >= $2 order by d.heard_at desc limit $3";

    /// What of a connection was not believed since a day, by reason.
    REFUSALS = "
        select reason, cast(sum(times) as bigint) as times, max(last_at) as last_at from connection_refusal
        where connection_id = $1 and day >= $2 group by reason order by reason";

    /// Counts on.
    COUNT_REFUSALS = rows "insert into connection_refusal (connection_id, day, reason, times, last_at)",
        "on conflict (connection_id, day, reason) do update set
            times = connection_refusal.times + excluded.times,
            last_at = case when excluded.last_at > connection_refusal.last_at then excluded.last_at
                else connection_refusal.last_at end";

    /// Who told of which credit.
    KEEP_TELLINGS = rows "
        insert into telling (connection_id, told_reference, fingerprint, credit_id, delivery_id, told_at, value_at)", "";

    /// What was read from deliveries and is to be sorted.
    MARK_UNSORTED = rows "insert into unsorted (delivery_id, since, read_sealed)", "";

    /// Deliveries to be sorted and how large each is, in the order they were heard; one put off for longer than
    /// anything is was kept by a clock that has gone back since.
    UNSORTED = "
        select delivery_id, cast(length(read_sealed) as bigint) as size from unsorted
        where since <= $1 or since > $2 order by delivery_id limit $3";

    /// What was read from them. No row for one: another process sorted it.
    READ = list "select delivery_id, read_sealed from unsorted where delivery_id in", "order by delivery_id";

    /// Takes deliveries off the pile. Fewer come back than were asked: another process sorted the others.
    TAKE_UNSORTED = list "delete from unsorted where delivery_id in", "returning delivery_id";

    /// Puts a delivery that cannot be sorted at the end of the pile. Zero rows: another process sorted it.
    POSTPONE_UNSORTED = "update unsorted set since = $2 where delivery_id = $1";

    /// Which of these keys lead to an invoice. No row for one: a virtual account or an order we did not make.
    KEYS = list "select key, invoice_id from payment_key where key in", "";

    /// A key that leads to an invoice. Zero rows: it leads somewhere already.
    ADD_KEY = "
        insert into payment_key (key, connection_id, kind, invoice_id, made_at, made_by) values ($1, $2, $3, $4, $5, $6)
        on conflict (key) do nothing";

    /// The statement has these credits.
    KEEP_PROOFS = rows "insert into credit_proof (credit_id, line_id, proved_at)", "";

    /// Work for matching; a credit that waits already goes on waiting. The row is written even then: a matching that
    /// takes it at this moment without having seen the new proof meets a conflict and looks again.
    MARK_UNDECIDED = rows "insert into undecided (credit_id, since)",
        "on conflict (credit_id) do update set since = excluded.since";

    /// The credits of a school's day with how each stands: told, on the statement, decided.
    DAY = "
        select c.id, c.amount, c.origin, c.doubt, p.line_id, d.kind, d.reason, d.invoice_id,
            (select min(t.told_at) from telling t where t.credit_id = c.id) as told_at
        from receiving_account a
        join credit c on c.account_id = a.id
        left join credit_proof p on p.credit_id = c.id
        left join credit_decision d on d.credit_id = c.id
            and d.turn = (select max(l.turn) from credit_decision l where l.credit_id = c.id)
        where a.school_id = $1 and c.day = $2
        order by c.value_at, c.id";

    /// Deliveries of a school that were proven but could not be read, or not wholly; the newest first.
    UNREADABLE = "
        select d.id, d.connection_id, c.provider, d.heard_at, d.reason
        from connection c cross join delivery d
        where c.school_id = $1 and d.connection_id = c.id and d.outcome <> 'nothing' and d.reason <> ''
        order by d.heard_at desc, d.id desc limit $2";

    /// The memo and the school of one credit. No row: the id was made up.
    MEMO = "select memo_sealed from credit where id = $1";
}
