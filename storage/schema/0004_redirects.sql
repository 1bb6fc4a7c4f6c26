-- Whether a 3xx to an INVITE is followed to the targets of the same set that its Contacts name.

ALTER TABLE sets ADD COLUMN failover_redirects INTEGER NOT NULL DEFAULT 0 CHECK (failover_redirects IN (0, 1));
