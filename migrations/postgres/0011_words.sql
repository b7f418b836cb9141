-- The program's own types say which words these columns hold; a list here would have to change with each new one.
alter table entry drop constraint entry_kind_check;
alter table credit_decision drop constraint credit_decision_kind_check;
alter table delivery drop constraint delivery_outcome_check;

create trigger debit_is_not_changed before update or delete on debit for each row execute function refuse_change();
create trigger debit_is_not_emptied before truncate on debit for each statement execute function refuse_change();
create trigger payment_key_is_not_changed before update or delete on payment_key for each row execute function refuse_change();
create trigger payment_key_is_not_emptied before truncate on payment_key for each statement execute function refuse_change();
