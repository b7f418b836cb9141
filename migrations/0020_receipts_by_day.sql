-- The receipts of a day are counted and printed without reading those of all years.
create index receipt_by_school on receipt (school_id, issued_at);
