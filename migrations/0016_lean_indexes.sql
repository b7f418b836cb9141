-- Most postings have no family and no credit, and most entries no credit: their absence needs no place in an index.
drop index posting_by_family;
create index posting_by_family on posting (family_id, account) where family_id is not null;
drop index posting_by_credit;
create index posting_by_credit on posting (credit_id, account) where credit_id is not null;
drop index entry_by_credit;
create index entry_by_credit on entry (credit_id) where credit_id is not null;
drop index entry_by_invoice;
create index entry_by_invoice on entry (invoice_id) where invoice_id is not null;

-- A run is issued class by class, in the order of the pupils.
drop index class_membership_by_class;
create index class_membership_by_class on class_membership (class_group_id, pupil_id);

-- By class first: the classes of a run are found all the same, and a class's invoices without its run.
drop index invoice_by_class;
create index invoice_by_class on invoice (class_group_id, run_id);

-- What pages and the API ask of one school, connection or day is found without reading what all others have.
create index telling_by_delivery on telling (delivery_id);
create index delivery_with_reason on delivery (connection_id, heard_at) where reason <> '';
create index family_by_school on family (school_id);
create index promise_attempt_by_endpoint on promise_attempt (endpoint_id, at);
create index payment_order_by_connection on payment_order (connection_id);
create index entry_by_day on entry (day);
