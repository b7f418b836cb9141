create trigger statement_step_is_not_changed before update or delete on statement_step for each row execute function refuse_change();
create trigger statement_step_is_not_emptied before truncate on statement_step for each statement execute function refuse_change();
create trigger statement_hole_is_not_changed before update or delete on statement_hole for each row execute function refuse_change();
create trigger statement_hole_is_not_emptied before truncate on statement_hole for each statement execute function refuse_change();
