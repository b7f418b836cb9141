-- No statement goes by these, and each payment, order or invoice paid for a place in them. The first two SQLite was given
-- for looking for rows that refer to one that is inserted; it looks only while some wait for it, and keys are checked
-- at once, so none do.
drop index if exists credit_decision_by_entry;
drop index if exists credit_decision_by_invoice;
drop index payment_key_by_invoice;
drop index invoice_by_family;
drop index receipt_by_credit;
drop index undecided_by_age;

-- What became of a credit is asked by the credit. By the kind of a decision, an engine went through what was held in all
-- the years to say what is held of one file.
drop index credit_decision_by_kind;

-- Bank and clearing are about no invoice.
drop index posting_by_invoice;
create index posting_by_invoice on posting (invoice_id, account) where invoice_id is not null;
