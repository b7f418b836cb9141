-- What was read from deliveries of which it is not decided yet which credits are new. Mutable: a row comes with its
-- delivery, which is never deleted, and goes in the transaction that writes the credits.
create table unsorted (
    delivery_id text    primary key,          -- the audit asks whether it is there
    since       {int}   not null,             -- put off until then where it could not be sorted
    read_sealed {bytes} not null
){strict};

-- A transfer without a reference is compared with those alike of some days: by their sum first, because a school has
-- thousands in those days and few of one sum.
create index credit_without_reference on credit (account_id, amount, day) where payment_reference is null;
