-- Facts are never edited and never deleted: not by this program, not by `insert or replace`, not by hand in a hurry.
-- What is decided about a fact stands in a row beside it.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'append-only: %', tg_table_name;
end $$;

create trigger audit_trail_is_not_changed before update or delete on audit_trail for each row execute function refuse_change();
create trigger audit_trail_is_not_emptied before truncate on audit_trail for each statement execute function refuse_change();
create trigger api_request_is_not_changed before update or delete on api_request for each row execute function refuse_change();
create trigger api_request_is_not_emptied before truncate on api_request for each statement execute function refuse_change();
create trigger billing_run_is_not_changed before update or delete on billing_run for each row execute function refuse_change();
create trigger billing_run_is_not_emptied before truncate on billing_run for each statement execute function refuse_change();
create trigger billing_run_item_is_not_changed before update or delete on billing_run_item for each row execute function refuse_change();
create trigger billing_run_item_is_not_emptied before truncate on billing_run_item for each statement execute function refuse_change();
create trigger billing_run_class_is_not_changed before update or delete on billing_run_class for each row execute function refuse_change();
create trigger billing_run_class_is_not_emptied before truncate on billing_run_class for each statement execute function refuse_change();
create trigger billing_run_event_is_not_changed before update or delete on billing_run_event for each row execute function refuse_change();
create trigger billing_run_event_is_not_emptied before truncate on billing_run_event for each statement execute function refuse_change();
create trigger invoice_is_not_changed before update or delete on invoice for each row execute function refuse_change();
create trigger invoice_is_not_emptied before truncate on invoice for each statement execute function refuse_change();
create trigger invoice_line_is_not_changed before update or delete on invoice_line for each row execute function refuse_change();
create trigger invoice_line_is_not_emptied before truncate on invoice_line for each statement execute function refuse_change();
create trigger invoice_event_is_not_changed before update or delete on invoice_event for each row execute function refuse_change();
create trigger invoice_event_is_not_emptied before truncate on invoice_event for each statement execute function refuse_change();
create trigger entry_is_not_changed before update or delete on entry for each row execute function refuse_change();
create trigger entry_is_not_emptied before truncate on entry for each statement execute function refuse_change();
create trigger posting_is_not_changed before update or delete on posting for each row execute function refuse_change();
create trigger posting_is_not_emptied before truncate on posting for each statement execute function refuse_change();
create trigger connection_account_is_not_changed before update or delete on connection_account for each row execute function refuse_change();
create trigger connection_account_is_not_emptied before truncate on connection_account for each statement execute function refuse_change();
create trigger delivery_is_not_changed before update or delete on delivery for each row execute function refuse_change();
create trigger delivery_is_not_emptied before truncate on delivery for each statement execute function refuse_change();
create trigger credit_is_not_changed before update or delete on credit for each row execute function refuse_change();
create trigger credit_is_not_emptied before truncate on credit for each statement execute function refuse_change();
create trigger telling_is_not_changed before update or delete on telling for each row execute function refuse_change();
create trigger telling_is_not_emptied before truncate on telling for each statement execute function refuse_change();
create trigger statement_file_is_not_changed before update or delete on statement_file for each row execute function refuse_change();
create trigger statement_file_is_not_emptied before truncate on statement_file for each statement execute function refuse_change();
create trigger statement_line_is_not_changed before update or delete on statement_line for each row execute function refuse_change();
create trigger statement_line_is_not_emptied before truncate on statement_line for each statement execute function refuse_change();
create trigger credit_proof_is_not_changed before update or delete on credit_proof for each row execute function refuse_change();
create trigger credit_proof_is_not_emptied before truncate on credit_proof for each statement execute function refuse_change();
create trigger credit_decision_is_not_changed before update or delete on credit_decision for each row execute function refuse_change();
create trigger credit_decision_is_not_emptied before truncate on credit_decision for each statement execute function refuse_change();
create trigger receipt_is_not_changed before update or delete on receipt for each row execute function refuse_change();
create trigger receipt_is_not_emptied before truncate on receipt for each statement execute function refuse_change();
create trigger receipt_event_is_not_changed before update or delete on receipt_event for each row execute function refuse_change();
create trigger receipt_event_is_not_emptied before truncate on receipt_event for each statement execute function refuse_change();
create trigger promise_is_not_changed before update or delete on promise for each row execute function refuse_change();
create trigger promise_is_not_emptied before truncate on promise for each statement execute function refuse_change();
create trigger promise_attempt_is_not_changed before update or delete on promise_attempt for each row execute function refuse_change();
create trigger promise_attempt_is_not_emptied before truncate on promise_attempt for each statement execute function refuse_change();
create trigger feed_leaf_is_not_changed before update or delete on feed_leaf for each row execute function refuse_change();
create trigger feed_leaf_is_not_emptied before truncate on feed_leaf for each statement execute function refuse_change();
