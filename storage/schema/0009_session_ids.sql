-- Session-ID (RFC 7989) towards a backend on behalf of a phone that has none: the phone's UUID, and the
-- peer's, as it said last. Empty: nothing is said for it, nothing was said.

ALTER TABLE legs ADD COLUMN session_uuid TEXT NOT NULL DEFAULT '';
ALTER TABLE legs ADD COLUMN peer_session_uuid TEXT NOT NULL DEFAULT '';
