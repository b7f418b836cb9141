create trigger statement_step_is_not_updated before update on statement_step begin select raise(abort, 'append-only: statement_step'); end;
create trigger statement_step_is_not_deleted before delete on statement_step begin select raise(abort, 'append-only: statement_step'); end;
create trigger statement_hole_is_not_updated before update on statement_hole begin select raise(abort, 'append-only: statement_hole'); end;
create trigger statement_hole_is_not_deleted before delete on statement_hole begin select raise(abort, 'append-only: statement_hole'); end;
