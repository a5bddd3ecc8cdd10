-- Times are nanoseconds since 1970; 0 is "none". Texts compare byte by byte,
-- as Go does.

CREATE TABLE kubernaut_events (
  id          text COLLATE "C" PRIMARY KEY,
  type        text COLLATE "C" NOT NULL,
  stage       text COLLATE "C" NOT NULL,
  remediation text COLLATE "C" NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  causation   text COLLATE "C" NOT NULL,
  subject     text COLLATE "C" NOT NULL,
  time        bigint NOT NULL,
  opened      bigint NOT NULL,
  alert       text COLLATE "C" NOT NULL,
  kind        text COLLATE "C" NOT NULL,
  severity    text COLLATE "C" NOT NULL,
  action      text COLLATE "C" NOT NULL,
  outcome     text COLLATE "C" NOT NULL,
  reason      text COLLATE "C" NOT NULL,
  step        bigint NOT NULL,
  alerts      bigint NOT NULL,
  progress    boolean NOT NULL,
  terminal    boolean NOT NULL,
  body        bytea NOT NULL
);

-- Bodies are compressed already.
ALTER TABLE kubernaut_events ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE INDEX kubernaut_events_of_remediation ON kubernaut_events (remediation, time);

CREATE INDEX kubernaut_events_strays ON kubernaut_events (time) WHERE remediation = '';

CREATE INDEX kubernaut_events_verdicts ON kubernaut_events (alert, kind, action)
  WHERE type = 'ai.kubernaut.effectiveness.assessed.v1';

-- What a remediation's events add up to: always history.Summarise of them, or what
-- stands for one that was forgotten.
CREATE TABLE kubernaut_remediations (
  id          text COLLATE "C" PRIMARY KEY,
  fingerprint text COLLATE "C" NOT NULL,
  subject     text COLLATE "C" NOT NULL,
  namespace   text COLLATE "C" NOT NULL,
  name        text COLLATE "C" NOT NULL,
  alert       text COLLATE "C" NOT NULL,
  kind        text COLLATE "C" NOT NULL,
  severity    text COLLATE "C" NOT NULL,
  action      text COLLATE "C" NOT NULL,
  phase       text COLLATE "C" NOT NULL,
  outcome     text COLLATE "C" NOT NULL,
  reason      text COLLATE "C" NOT NULL,
  alerts      bigint NOT NULL,
  opened      bigint NOT NULL,
  last_at     bigint NOT NULL,
  ended       bigint NOT NULL,
  last_event  text COLLATE "C" NOT NULL
);

CREATE INDEX kubernaut_remediations_opened ON kubernaut_remediations (opened DESC, id DESC);

CREATE INDEX kubernaut_remediations_live ON kubernaut_remediations (last_at)
  WHERE ended = 0 AND last_event <> '';

CREATE INDEX kubernaut_remediations_gone ON kubernaut_remediations (greatest(ended, last_at), id)
  WHERE ended > 0 OR last_event = '';
