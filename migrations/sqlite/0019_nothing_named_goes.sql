-- Nothing that a fact names is ever deleted: not another fact, and not who is at school, what is asked, or who tells.
-- SQLite finds what a row names by one step into an index, and keeps its keys.
create trigger school_is_not_deleted before delete on school begin select raise(abort, 'append-only: school'); end;
create trigger receiving_account_is_not_deleted before delete on receiving_account begin select raise(abort, 'append-only: receiving_account'); end;
create trigger family_is_not_deleted before delete on family begin select raise(abort, 'append-only: family'); end;
create trigger pupil_is_not_deleted before delete on pupil begin select raise(abort, 'append-only: pupil'); end;
create trigger class_group_is_not_deleted before delete on class_group begin select raise(abort, 'append-only: class_group'); end;
create trigger fee_item_is_not_deleted before delete on fee_item begin select raise(abort, 'append-only: fee_item'); end;
create trigger connection_is_not_deleted before delete on connection begin select raise(abort, 'append-only: connection'); end;
