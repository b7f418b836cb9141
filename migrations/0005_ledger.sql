-- The books. An entry balances or does not exist; a mistake is a new entry that names the old one.
create table entry (
    id         text  primary key,
    school_id  text  not null,
    kind       text  not null check (kind in ('issued', 'received', 'proved', 'applied', 'released', 'voided', 'reinstated', 'undone')),
    cause      text  not null unique,         -- 'received:crd_…': a second run finds it posted
    day        text  not null,
    at         {int} not null,
    credit_id  text,
    invoice_id text,
    reverses   text references entry (id),
    actor      text  not null,
    note       text  not null
){strict};
create index entry_by_school on entry (school_id, day);
create index entry_by_credit on entry (credit_id);
create index entry_by_invoice on entry (invoice_id);
create index entry_by_reverses on entry (reverses) where reverses is not null;

-- Positive is debit, negative is credit. The other columns say whose money it is.
create table posting (
    entry_id     text  not null references entry (id),
    position     {int} not null,
    account      text  not null,
    amount       {int} not null check (amount <> 0),
    receiving_id text,                        -- which receiving account: bank, clearing
    invoice_id   text,                        -- receivable, revenue, payable
    line         {int},
    item_id      text,
    family_id    text,                        -- credit balance
    credit_id    text,                        -- suspense, and every side of money that came
    primary key (entry_id, position)
){strict};
create index posting_by_invoice on posting (invoice_id, account);
create index posting_by_family on posting (family_id, account);
create index posting_by_credit on posting (credit_id, account);
