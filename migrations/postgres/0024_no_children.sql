-- PostgreSQL has none of the indexes that SQLite loses under this number.
select 1;
