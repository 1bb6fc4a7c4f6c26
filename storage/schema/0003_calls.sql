-- Calls that are up, so that the next process can go on with them.

CREATE TABLE calls (
  id         TEXT    PRIMARY KEY CHECK (id <> ''),
  key        TEXT    NOT NULL,
  domain     TEXT    NOT NULL,
  target     INTEGER NOT NULL,  -- no reference: a call outlives its target's row
  started    INTEGER NOT NULL,
  answered   INTEGER NOT NULL,
  session_us INTEGER NOT NULL CHECK (session_us >= 0)  -- RFC 4028; 0: the session has no timer
) STRICT, WITHOUT ROWID;

-- The sides of what is kept of dialogs: 0 the one that began it, 1 the one that answered.
CREATE TABLE legs (
  owner          TEXT    NOT NULL CHECK (owner <> ''),
  place          INTEGER NOT NULL CHECK (place IN (0, 1)),
  side           TEXT    NOT NULL CHECK (side IN ('phone', 'backend')),
  is_uac         INTEGER NOT NULL CHECK (is_uac IN (0, 1)),
  device         TEXT    NOT NULL,
  transport      TEXT    NOT NULL CHECK (transport IN ('udp', 'tcp', 'tls', 'ws', 'wss')),
  listener       INTEGER NOT NULL CHECK (listener BETWEEN 0 AND 65535),
  remote_ip      TEXT    NOT NULL,
  remote_port    INTEGER NOT NULL CHECK (remote_port BETWEEN 0 AND 65535),
  call_id        TEXT    NOT NULL,
  local_tag      TEXT    NOT NULL,
  remote_tag     TEXT    NOT NULL,
  local_party    TEXT    NOT NULL,
  remote_party   TEXT    NOT NULL,
  remote_target  TEXT    NOT NULL,
  route_set      TEXT    NOT NULL,  -- as one Route header field's value
  contact_user   TEXT    NOT NULL,
  local_cseq     INTEGER NOT NULL CHECK (local_cseq BETWEEN 0 AND 4294967295),
  remote_cseq    INTEGER NOT NULL CHECK (remote_cseq BETWEEN 0 AND 4294967295),
  invite_cseq    INTEGER NOT NULL CHECK (invite_cseq BETWEEN 0 AND 4294967295),
  PRIMARY KEY (owner, place)
) STRICT, WITHOUT ROWID;
