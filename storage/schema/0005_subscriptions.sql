-- Subscriptions that are up, so that the next process can go on with them. Their legs stand in the table legs, as
-- those of calls do: 0 the subscriber's, 1 the notifier's.

CREATE TABLE subscriptions (
  id             TEXT    PRIMARY KEY CHECK (id <> ''),
  key            TEXT    NOT NULL,
  domain         TEXT    NOT NULL,
  package        TEXT    NOT NULL,
  subscriber_id  TEXT    NOT NULL,
  notifier_id    TEXT    NOT NULL,
  refer          INTEGER NOT NULL CHECK (refer IN (0, 1)),
  expires        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
