-- A class is walked pupil by pupil. With the day in it, no other index promises more: before it was counted anew,
-- PostgreSQL took the one that begins with the pupil and read through the memberships of all classes for each class.
drop index class_membership_by_class;
create index class_membership_by_class on class_membership (class_group_id, pupil_id, from_day);
