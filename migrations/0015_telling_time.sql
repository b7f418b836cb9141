-- For which instant a telling tells of its credit: two who tell of one transfer may take different ones. None: told before
-- this was kept, for the credit's own.
alter table telling add column value_at {int};
