-- Whoever a fact may name keeps his id. The keys of SQLite refuse another one only where a fact names him already.
create trigger school_keeps_its_id before update of id on school when old.id <> new.id begin select raise(abort, 'append-only: school'); end;
create trigger receiving_account_keeps_its_id before update of id on receiving_account when old.id <> new.id begin select raise(abort, 'append-only: receiving_account'); end;
create trigger family_keeps_its_id before update of id on family when old.id <> new.id begin select raise(abort, 'append-only: family'); end;
create trigger pupil_keeps_its_id before update of id on pupil when old.id <> new.id begin select raise(abort, 'append-only: pupil'); end;
create trigger class_group_keeps_its_id before update of id on class_group when old.id <> new.id begin select raise(abort, 'append-only: class_group'); end;
create trigger fee_item_keeps_its_id before update of id on fee_item when old.id <> new.id begin select raise(abort, 'append-only: fee_item'); end;
create trigger connection_keeps_its_id before update of id on connection when old.id <> new.id begin select raise(abort, 'append-only: connection'); end;

-- What a bank took back is found without reading everything that ever left a school's accounts.
create index debit_reversals on debit (school_id) where kind = 'reversal';
