-- Data keys, wrapped by the master key. Mutable on purpose: a new master key rewraps the rows, and erasing an
-- owner's data deletes its row.
create table data_key (
    id      text    primary key,
    owner   text    not null unique,        -- 'deliveries:sch_…', 'connection:con_…'
    wrapped {bytes} not null
){strict};
