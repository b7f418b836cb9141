-- Where rows are inserted one by one and none of them may be there already, SQLite looks for no rows that refer to them:
-- nobody else asks for these.
drop index debit_by_delivery;
drop index credit_by_maybe_same;
drop index receipt_by_family;
