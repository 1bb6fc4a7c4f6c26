-- Maintenance windows of a target, one per line in order: "FROM UNTIL COMMENT", both in milliseconds.

ALTER TABLE targets ADD COLUMN maintenance TEXT NOT NULL DEFAULT '';
