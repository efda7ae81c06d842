-- SPDX-License-Identifier: Apache-2.0
-- The timeline: facts of any number of runs. Times are integer nanoseconds since the run began.
-- Texts are interned: actor, uid, node and detail are string.id, object is object.id, 0 is none.
-- Within a run the order of facts is that of fact.rowid: `at` never falls, but many facts share an
-- instant, and `seq` is given when an event is scheduled, not when it runs.
-- No index and no constraint slows the recording down; timeline_index.sql follows at the end.
PRAGMA application_id = 1801809516;
PRAGMA user_version = 1;

CREATE TABLE run (
  id           INTEGER PRIMARY KEY,
  scenario     TEXT NOT NULL,
  variant      TEXT NOT NULL,            -- "system=rg policy=parallel", '' if there is one only
  seed         NOT NULL,                 -- an integer; text if above 2^63 - 1
  version      TEXT NOT NULL,            -- of the program
  command      TEXT NOT NULL,            -- that repeats the run
  digest       TEXT NOT NULL,            -- of the scenario and its manifests
  epoch_s      INTEGER NOT NULL,         -- Unix time that time 0 stands for
  parameters   TEXT NOT NULL,            -- JSON object, name to value
  state        TEXT NOT NULL,            -- 'incomplete' while it runs, then 'complete' or why not
  ended_at     INTEGER,                  -- simulated time of the end
  events       INTEGER,                  -- events that ran
  event_digest TEXT                      -- of their order, 16 hex digits
);

-- The vocabulary: what can happen.
CREATE TABLE row (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  help TEXT NOT NULL
);

CREATE TABLE string (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL
);

CREATE TABLE object (
  id        INTEGER PRIMARY KEY,
  kind      TEXT NOT NULL,               -- '' if the subject is not written Kind/namespace/name
  namespace TEXT NOT NULL,               -- '' if it has none
  name      TEXT NOT NULL
);

-- Every column is an integer. Types and NOT NULL would make SQLite test what the recorder cannot get
-- wrong, for a fifth of the price of a row.
CREATE TABLE fact (
  run,                                   -- run.id
  at,
  seq,                                   -- of the event during which it happened
  cause,                                 -- seq of the event that scheduled that one, 0 if none
  row,                                   -- row.id: what happened
  actor,                                 -- who did it
  object,                                -- to what
  uid,                                   -- to which incarnation of it
  node,
  detail,
  number
);

INSERT INTO string VALUES (0, '');
INSERT INTO object VALUES (0, '', '', '');

-- Every fact in words; ORDER BY id for the order in which they happened.
CREATE VIEW event_log AS
SELECT fact.rowid AS id,
       fact.run,
       fact.at,
       fact.at / 1e9 AS seconds,
       strftime('%Y-%m-%dT%H:%M:%S', run.epoch_s + fact.at / 1000000000, 'unixepoch')
         || printf('.%06dZ', fact.at / 1000 % 1000000) AS clock,
       fact.seq,
       fact.cause,
       row.name AS row,
       actor.text AS actor,
       object.kind,
       object.namespace,
       object.name,
       uid.text AS uid,
       node.text AS node,
       detail.text AS detail,
       fact.number
  FROM fact
  JOIN run ON run.id = fact.run
  JOIN row ON row.id = fact.row
  JOIN object ON object.id = fact.object
  JOIN string AS actor ON actor.id = fact.actor
  JOIN string AS uid ON uid.id = fact.uid
  JOIN string AS node ON node.id = fact.node
  JOIN string AS detail ON detail.id = fact.detail;

-- The parameters of every run, one a line.
CREATE VIEW run_parameter AS
SELECT run.id AS run, run.scenario, run.variant, json_each.key AS name, json_each.value
  FROM run, json_each(run.parameters);
