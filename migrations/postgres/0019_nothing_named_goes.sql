-- Nothing that a fact names is ever deleted: not another fact, and not who is at school, what is asked, or who tells.
-- So a key between them can only fail where the program names what it has not just read or written, and that is asked of
-- the books (the audit, "what a fact names is there"). PostgreSQL would ask it of every row: 27 questions an invoice, 23 a
-- payment, both of five lines, and a lock on the school that everybody pays.
create trigger school_is_not_deleted before delete on school for each row execute function refuse_change();
create trigger school_is_not_emptied before truncate on school for each statement execute function refuse_change();
create trigger receiving_account_is_not_deleted before delete on receiving_account for each row execute function refuse_change();
create trigger receiving_account_is_not_emptied before truncate on receiving_account for each statement execute function refuse_change();
create trigger family_is_not_deleted before delete on family for each row execute function refuse_change();
create trigger family_is_not_emptied before truncate on family for each statement execute function refuse_change();
create trigger pupil_is_not_deleted before delete on pupil for each row execute function refuse_change();
create trigger pupil_is_not_emptied before truncate on pupil for each statement execute function refuse_change();
create trigger class_group_is_not_deleted before delete on class_group for each row execute function refuse_change();
create trigger class_group_is_not_emptied before truncate on class_group for each statement execute function refuse_change();
create trigger fee_item_is_not_deleted before delete on fee_item for each row execute function refuse_change();
create trigger fee_item_is_not_emptied before truncate on fee_item for each statement execute function refuse_change();
create trigger connection_is_not_deleted before delete on connection for each row execute function refuse_change();
create trigger connection_is_not_emptied before truncate on connection for each statement execute function refuse_change();

alter table invoice
    drop constraint invoice_run_id_fkey,
    drop constraint invoice_school_id_fkey,
    drop constraint invoice_account_id_fkey,
    drop constraint invoice_pupil_id_fkey,
    drop constraint invoice_family_id_fkey,
    drop constraint invoice_class_group_id_fkey;
alter table invoice_line
    drop constraint invoice_line_invoice_id_fkey,
    drop constraint invoice_line_item_id_fkey;
alter table posting
    drop constraint posting_entry_id_fkey;
alter table unsequenced
    drop constraint unsequenced_entry_id_fkey;
alter table feed_leaf
    drop constraint feed_leaf_entry_id_fkey;
alter table delivery
    drop constraint delivery_connection_id_fkey;
alter table credit
    drop constraint credit_school_id_fkey,
    drop constraint credit_account_id_fkey;
alter table telling
    drop constraint telling_connection_id_fkey,
    drop constraint telling_credit_id_fkey,
    drop constraint telling_delivery_id_fkey;
alter table undecided
    drop constraint undecided_credit_id_fkey;
alter table credit_decision
    drop constraint credit_decision_credit_id_fkey,
    drop constraint credit_decision_invoice_id_fkey,
    drop constraint credit_decision_entry_id_fkey;
alter table receipt
    drop constraint receipt_school_id_fkey,
    drop constraint receipt_entry_id_fkey,
    drop constraint receipt_credit_id_fkey,
    drop constraint receipt_invoice_id_fkey,
    drop constraint receipt_family_id_fkey;
alter table statement_line
    drop constraint statement_line_file_id_fkey,
    drop constraint statement_line_account_id_fkey;
alter table credit_proof
    drop constraint credit_proof_credit_id_fkey,
    drop constraint credit_proof_line_id_fkey;
