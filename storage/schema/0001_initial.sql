-- Points in time are milliseconds since 1970-01-01 UTC, lengths of time microseconds; addresses, networks and
-- destinations stand in their canonical text.

CREATE TABLE sets (
  setid               INTEGER PRIMARY KEY CHECK (setid BETWEEN 1 AND 2147483648),
  algorithm           TEXT    NOT NULL CHECK (algorithm IN ('round-robin', 'weighted', 'priority', 'hash')),
  health_interval_us  INTEGER NOT NULL CHECK (health_interval_us > 0),
  health_timeout_us   INTEGER NOT NULL CHECK (health_timeout_us > 0),
  health_down_after   INTEGER NOT NULL CHECK (health_down_after > 0),
  health_up_after     INTEGER NOT NULL CHECK (health_up_after > 0),
  failover_codes      TEXT    NOT NULL,  -- "500,502,503"
  failover_attempts   INTEGER NOT NULL CHECK (failover_attempts > 0),
  comment             TEXT    NOT NULL
) STRICT;

CREATE TABLE domains (
  domain   TEXT    PRIMARY KEY CHECK (domain <> ''),
  setid    INTEGER NOT NULL REFERENCES sets (setid),
  enabled  INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  comment  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX domains_of_set ON domains (setid);

-- AUTOINCREMENT: the id of a deleted target is never given to another.
CREATE TABLE targets (
  id           INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
  setid        INTEGER NOT NULL REFERENCES sets (setid),
  destination  TEXT    NOT NULL,
  priority     INTEGER NOT NULL,
  weight       INTEGER NOT NULL CHECK (weight > 0),
  sources      TEXT    NOT NULL,  -- "10.0.1.0/28 2001:db8::/64"
  state        TEXT    NOT NULL CHECK (state IN ('active', 'draining', 'disabled')),
  comment      TEXT    NOT NULL,
  UNIQUE (setid, destination)
) STRICT;

-- No reference from target: a binding outlives the backend that granted it.
CREATE TABLE bindings (
  token       TEXT    PRIMARY KEY CHECK (token <> ''),
  aor         TEXT    NOT NULL,
  contact     TEXT    NOT NULL,
  instance    TEXT    NOT NULL,
  q           INTEGER NOT NULL CHECK (q BETWEEN 0 AND 1000),
  transport   TEXT    NOT NULL CHECK (transport IN ('udp', 'tcp', 'tls', 'ws', 'wss')),
  listener    INTEGER NOT NULL CHECK (listener BETWEEN 0 AND 65535),
  remote_ip   TEXT    NOT NULL,
  remote_port INTEGER NOT NULL CHECK (remote_port BETWEEN 0 AND 65535),
  target      INTEGER NOT NULL,
  user_agent  TEXT    NOT NULL,
  registered  INTEGER NOT NULL,
  expires     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE scanners (
  pattern  TEXT PRIMARY KEY CHECK (pattern <> ''),
  comment  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE door_knocks (
  id           INTEGER PRIMARY KEY,
  time         INTEGER NOT NULL,
  domain       TEXT    NOT NULL,
  source_ip    TEXT    NOT NULL,
  source_port  INTEGER NOT NULL CHECK (source_port BETWEEN 0 AND 65535),
  method       TEXT    NOT NULL,
  reason       TEXT    NOT NULL,
  user_agent   TEXT    NOT NULL
) STRICT;

CREATE TABLE secrets (
  name   TEXT PRIMARY KEY CHECK (name <> ''),
  value  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
