-- A day is asked for the families who paid on it, among what is no issue: a thousand schools issue half a million
-- invoices on one day, and nobody looks for them by it.
drop index entry_by_day;
create index entry_by_day on entry (day) where kind <> 'issued';
