-- The gate: how it judges, whom it has banned, who knocked, and what the operator changed.

-- One row. `opened` is the moment the store was first opened by a version that has a gate: its first week is a dry run.
CREATE TABLE gate (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  mode           TEXT    NOT NULL CHECK (mode IN ('first-week', 'dry-run', 'enforce')),
  opened         INTEGER NOT NULL,
  limits         TEXT    NOT NULL,  -- "source=50/300 phone=5/30 …": per second / burst, 0/0 for none; absent: as built
  window_us      INTEGER NOT NULL CHECK (window_us > 0),
  failures       INTEGER NOT NULL CHECK (failures > 0),
  knocks         INTEGER NOT NULL CHECK (knocks > 0),
  scanner_hits   INTEGER NOT NULL CHECK (scanner_hits > 0),
  ban_us         INTEGER NOT NULL CHECK (ban_us > 0),
  longest_ban_us INTEGER NOT NULL CHECK (longest_ban_us >= ban_us),
  trusted        TEXT    NOT NULL   -- "10.0.1.0/28 2001:db8::/64"
) STRICT;

INSERT INTO gate (id, mode, opened, limits, window_us, failures, knocks, scanner_hits, ban_us, longest_ban_us, trusted)
VALUES (1, 'first-week', CAST(strftime('%s', 'now') AS INTEGER) * 1000, '', 600000000, 10, 20, 3, 600000000, 86400000000, '');

CREATE TABLE bans (
  network   TEXT    PRIMARY KEY CHECK (network <> ''),
  reason    TEXT    NOT NULL,
  made_by   TEXT    NOT NULL,
  since     INTEGER NOT NULL,
  until     INTEGER NOT NULL,  -- 0: until it is lifted
  hits      INTEGER NOT NULL,
  times     INTEGER NOT NULL,
  enforced  INTEGER NOT NULL CHECK (enforced IN (0, 1))
) STRICT, WITHOUT ROWID;

-- One row per source and reason, with how often and since when.
ALTER TABLE door_knocks RENAME TO single_knocks;

CREATE TABLE door_knocks (
  id           INTEGER PRIMARY KEY,
  time         INTEGER NOT NULL,  -- of the last one
  first        INTEGER NOT NULL,
  count        INTEGER NOT NULL CHECK (count > 0),
  domain       TEXT    NOT NULL,
  source_ip    TEXT    NOT NULL,
  source_port  INTEGER NOT NULL CHECK (source_port BETWEEN 0 AND 65535),
  method       TEXT    NOT NULL,
  reason       TEXT    NOT NULL,
  user_agent   TEXT    NOT NULL,
  UNIQUE (source_ip, reason)
) STRICT;

-- max() picks the row that the other columns come from.
INSERT INTO door_knocks (time, first, count, domain, source_ip, source_port, method, reason, user_agent)
SELECT max(time), min(time), count(*), domain, source_ip, source_port, method, reason, user_agent
FROM single_knocks GROUP BY source_ip, reason ORDER BY max(time);

DROP TABLE single_knocks;

CREATE INDEX door_knocks_by_time ON door_knocks (time);

CREATE TABLE audit (
  id      INTEGER PRIMARY KEY,
  time    INTEGER NOT NULL,
  client  TEXT    NOT NULL,
  token   TEXT    NOT NULL,
  method  TEXT    NOT NULL,
  path    TEXT    NOT NULL,
  status  INTEGER NOT NULL,
  before  TEXT    NOT NULL,
  after   TEXT    NOT NULL
) STRICT;
