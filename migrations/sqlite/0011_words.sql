-- The program's own types say which words these columns hold; a list here would have to change with each new one.
-- SQLite documents this way of dropping a check, because nothing that is stored changes.
pragma writable_schema = on;
update sqlite_schema set sql = replace(sql, ' check (kind in (''issued'', ''received'', ''proved'', ''applied'', ''released'', ''voided'', ''reinstated'', ''undone''))', '')
where type = 'table' and name = 'entry';
update sqlite_schema set sql = replace(sql, ' check (kind in (''settle'', ''part'', ''over'', ''hold'', ''assign'', ''release'', ''same''))', '')
where type = 'table' and name = 'credit_decision';
update sqlite_schema set sql = replace(sql, ' check (outcome in (''credits'', ''nothing'', ''test'', ''unreadable''))', '')
where type = 'table' and name = 'delivery';
pragma writable_schema = reset;

create trigger debit_is_not_updated before update on debit begin select raise(abort, 'append-only: debit'); end;
create trigger debit_is_not_deleted before delete on debit begin select raise(abort, 'append-only: debit'); end;
create trigger payment_key_is_not_updated before update on payment_key begin select raise(abort, 'append-only: payment_key'); end;
create trigger payment_key_is_not_deleted before delete on payment_key begin select raise(abort, 'append-only: payment_key'); end;
