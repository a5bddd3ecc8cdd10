-- Times are nanoseconds since 1970; 0 is "none".

CREATE TABLE events (
  seq         INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  type        TEXT NOT NULL,
  stage       TEXT NOT NULL,
  remediation TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  causation   TEXT NOT NULL,
  subject     TEXT NOT NULL,
  time        INTEGER NOT NULL,
  opened      INTEGER NOT NULL,
  alert       TEXT NOT NULL,
  kind        TEXT NOT NULL,
  severity    TEXT NOT NULL,
  action      TEXT NOT NULL,
  outcome     TEXT NOT NULL,
  reason      TEXT NOT NULL,
  step        INTEGER NOT NULL,
  alerts      INTEGER NOT NULL,
  progress    INTEGER NOT NULL,
  terminal    INTEGER NOT NULL,
  body        BLOB NOT NULL
);

CREATE INDEX events_of_remediation ON events (remediation, time);

CREATE INDEX events_verdicts ON events (alert, kind, action)
  WHERE type = 'ai.kubernaut.effectiveness.assessed.v1';

-- What a remediation's events add up to: always history.Summarise of them, or what
-- stands for one that was forgotten.
CREATE TABLE remediations (
  id          TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  subject     TEXT NOT NULL,
  namespace   TEXT NOT NULL,
  name        TEXT NOT NULL,
  alert       TEXT NOT NULL,
  kind        TEXT NOT NULL,
  severity    TEXT NOT NULL,
  action      TEXT NOT NULL,
  phase       TEXT NOT NULL,
  outcome     TEXT NOT NULL,
  reason      TEXT NOT NULL,
  alerts      INTEGER NOT NULL,
  opened      INTEGER NOT NULL,
  last_at     INTEGER NOT NULL,
  ended       INTEGER NOT NULL,
  last_event  TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX remediations_opened ON remediations (opened DESC, id DESC);

CREATE INDEX remediations_ended ON remediations (ended, last_at);
