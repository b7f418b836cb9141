-- Whoever a fact may name keeps his id: since facts have no keys to them (0019) nothing else would refuse another one, and
-- the facts would name nobody.
create trigger school_keeps_its_id before update of id on school for each row when (old.id <> new.id) execute function refuse_change();
create trigger receiving_account_keeps_its_id before update of id on receiving_account for each row when (old.id <> new.id) execute function refuse_change();
create trigger family_keeps_its_id before update of id on family for each row when (old.id <> new.id) execute function refuse_change();
create trigger pupil_keeps_its_id before update of id on pupil for each row when (old.id <> new.id) execute function refuse_change();
create trigger class_group_keeps_its_id before update of id on class_group for each row when (old.id <> new.id) execute function refuse_change();
create trigger fee_item_keeps_its_id before update of id on fee_item for each row when (old.id <> new.id) execute function refuse_change();
create trigger connection_keeps_its_id before update of id on connection for each row when (old.id <> new.id) execute function refuse_change();

-- What a bank took back is found without reading everything that ever left a school's accounts.
create index debit_reversals on debit (school_id) where kind = 'reversal';
