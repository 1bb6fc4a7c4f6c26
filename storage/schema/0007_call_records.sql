-- Call detail records: one row for each call, made when it begins and filled in as it goes on. Times are milliseconds since
-- 1970; 0: it has not come to that.
CREATE TABLE cdrs (
  seq             INTEGER PRIMARY KEY,
  id              TEXT    NOT NULL UNIQUE CHECK (id <> ''),
  from_uri        TEXT    NOT NULL,
  to_uri          TEXT    NOT NULL,
  domain          TEXT    NOT NULL,
  origin_side     TEXT    NOT NULL CHECK (origin_side IN ('phone', 'backend')),
  origin_ip       TEXT    NOT NULL,
  origin_port     INTEGER NOT NULL CHECK (origin_port BETWEEN 0 AND 65535),
  target          INTEGER NOT NULL,  -- 0: none; it may be gone since, so this is no reference
  destination     TEXT    NOT NULL,  -- address and port that answered, or was tried last; empty: none
  origin_call_id  TEXT    NOT NULL,
  new_call_id     TEXT    NOT NULL,
  attempts        INTEGER NOT NULL CHECK (attempts >= 0),
  failovers       INTEGER NOT NULL CHECK (failovers >= 0),
  status          INTEGER NOT NULL CHECK (status BETWEEN 0 AND 699),
  cause           TEXT    NOT NULL,
  ended_by        TEXT    NOT NULL CHECK (ended_by IN ('originator', 'answerer', 'edge')),
  started         INTEGER NOT NULL,
  ringing         INTEGER NOT NULL,
  answered        INTEGER NOT NULL,
  ended           INTEGER,           -- null: the call is up, or the process that had it was killed
  filed           INTEGER NOT NULL CHECK (filed IN (0, 1))  -- 0: its line is still to be written to the file of records
) STRICT;

-- Each leaves out the calls that are up, so that a call touches them once.
CREATE INDEX cdrs_by_end ON cdrs (ended) WHERE ended IS NOT NULL;
CREATE INDEX cdrs_by_domain ON cdrs (domain, ended) WHERE ended IS NOT NULL;
CREATE INDEX cdrs_by_origin_call_id ON cdrs (origin_call_id) WHERE ended IS NOT NULL;
CREATE INDEX cdrs_by_new_call_id ON cdrs (new_call_id) WHERE ended IS NOT NULL;
CREATE INDEX cdrs_up ON cdrs (id) WHERE ended IS NULL;
CREATE INDEX cdrs_unfiled ON cdrs (seq) WHERE ended IS NOT NULL AND filed = 0;
