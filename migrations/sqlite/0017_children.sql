-- Where several rows are inserted at once, SQLite looks for rows that already refer to each of them; without an index it
-- reads the whole table for every row, and a payment would cost more with every payment before it.
create index debit_by_delivery on debit (delivery_id);
create index credit_by_maybe_same on credit (maybe_same_as) where maybe_same_as is not null;
create index credit_decision_by_entry on credit_decision (entry_id) where entry_id is not null;
create index credit_decision_by_invoice on credit_decision (invoice_id) where invoice_id is not null;
create index receipt_by_family on receipt (family_id);
