-- SPDX-License-Identifier: Apache-2.0
-- What all figures share; it runs before each plot, on the same connection. Temporary tables, so
-- that the facts are read once: who is drawn (panel), the pods (member), what held when (segment),
-- how many of them (tally), and the labels of faults and steps that find room (mark, placed).
-- Columns of `fact` have no type, so an index serves a comparison with a typed column only if that
-- is written as an expression: f.row = +row.id.

-- A workload of a run. `field` numbers the workloads of one name, which are compared with one another;
-- `line` numbers them within their field. More than 12 runs and 8 names are more than one can read.
CREATE TEMP TABLE panel AS
WITH w AS (
  SELECT run, kind, namespace, name, workload, min(created_at) AS from_at
    FROM workload WHERE :split IN ('', name) GROUP BY run, workload),
numbered AS (
  SELECT w.*, dense_rank() OVER (ORDER BY namespace, name) AS field,
         row_number() OVER (PARTITION BY namespace, name ORDER BY run, kind) AS line
    FROM w)
SELECT row_number() OVER (ORDER BY field, line) AS panel, n.*, e.at AS until_at, '' AS title
  FROM numbered AS n JOIN run_end AS e ON e.run = n.run
 WHERE line <= 12 AND field <= 8;

-- The title of a panel is what tells its run from the others: the parameters that vary.
CREATE TEMP TABLE title_part AS
WITH value AS (
  SELECT p.panel, p.field, '1' || j.key AS part,
         substr(CASE j.type
           WHEN 'object' THEN coalesce(json_extract(j.value, '$.name'), j.value)
           WHEN 'text' THEN j.value
           WHEN 'true' THEN j.key
           WHEN 'false' THEN 'no ' || j.key
           ELSE j.key || ' ' || coalesce(j.value, 'none') END, 1, 40) AS text
    FROM panel AS p JOIN run ON run.id = p.run JOIN json_each(run.parameters) AS j
  UNION ALL
  SELECT p.panel, p.field, '0', run.scenario FROM panel AS p JOIN run ON run.id = p.run
  UNION ALL
  SELECT p.panel, p.field, '2', 'seed ' || run.seed FROM panel AS p JOIN run ON run.id = p.run)
SELECT panel, part, text FROM value
 WHERE (field, part) IN (SELECT field, part FROM value GROUP BY field, part
                         HAVING count(DISTINCT text) > 1)
 ORDER BY panel, part;

UPDATE panel SET title = coalesce(
         (SELECT group_concat(text, ', ')
            FROM (SELECT text FROM title_part AS t WHERE t.panel = panel.panel ORDER BY part)),
         name)
       || ' (' || kind || ')';
UPDATE panel SET title = namespace || '/' || title
 WHERE (SELECT count(DISTINCT namespace) FROM panel) > 1;
UPDATE panel SET title = title || ', run ' || run
 WHERE (field, title) IN (SELECT field, title FROM panel GROUP BY field, title HAVING count(*) > 1);
UPDATE panel SET title = title || ' - the run is incomplete'
 WHERE run IN (SELECT id FROM run WHERE state <> 'complete');

-- Pods, found by their controlling owner: the workload itself or one of its ReplicaSets.
CREATE TEMP TABLE owner (run, detail, panel, PRIMARY KEY (run, detail));
INSERT INTO owner
SELECT p.run, s.id, p.panel FROM panel AS p JOIN string AS s ON s.text = p.workload;
INSERT OR IGNORE INTO owner
SELECT f.run, s.id, w.panel
  FROM row CROSS JOIN fact AS f ON f.row = +row.id
  JOIN object AS o ON o.id = f.object AND o.kind = 'ReplicaSet'
  JOIN owner AS w ON w.run = f.run AND w.detail = f.detail
  JOIN string AS s ON s.text = o.kind || '/' || o.namespace || '/' || o.name
 WHERE row.name = 'object-created';

CREATE TEMP TABLE member AS
SELECT row_number() OVER (ORDER BY f.rowid) AS member, w.panel, f.run, f.object, f.uid, f.number AS ordinal,
       o.name, f.rowid AS created_n, f.at AS created_at
  FROM row CROSS JOIN fact AS f ON f.row = +row.id
  JOIN owner AS w ON w.run = f.run AND w.detail = f.detail
  JOIN object AS o ON o.id = f.object AND o.kind = 'Pod'
 WHERE row.name = 'object-created';

CREATE INDEX temp.member_by_object ON member (object, uid);

-- What held of each pod from one fact to the next. `ready` is the condition that the API shows,
-- `running` counts containers that really run. max(n * 4 + code) keeps the latest code.
CREATE TEMP TABLE segment AS
WITH moment AS (
  SELECT m.member, m.panel, f.rowid AS n, f.at, row.name AS what,
         CASE row.name WHEN 'object-created' THEN 1
              WHEN 'pod-phase' THEN CASE s.text WHEN 'Pending' THEN 1 WHEN 'Running' THEN 2
                                                WHEN 'Unknown' THEN 2 ELSE 3 END END AS phase,
         CASE row.name WHEN 'pod-ready' THEN f.number END AS ready,
         CASE row.name WHEN 'container-started' THEN 1 WHEN 'container-stopped' THEN -1
              ELSE 0 END AS change
    FROM member AS m CROSS JOIN row
   CROSS JOIN fact AS f ON f.row = +row.id AND f.run = m.run AND f.object = m.object AND f.uid = m.uid
    JOIN string AS s ON s.id = f.detail
   WHERE row.name IN ('object-created', 'object-marked', 'object-deleted', 'pod-phase', 'pod-ready',
                      'container-started', 'container-stopped')),
swept AS (
  SELECT member, panel, n, at,
         max(n * 4 + phase) OVER w % 4 AS phase, coalesce(max(n * 4 + ready) OVER w % 4, 0) AS ready,
         max(what = 'object-marked') OVER w AS marked,
         max(what = 'object-deleted') OVER w AS gone,
         sum(change) OVER w AS running, lead(at) OVER w AS next_at
    FROM moment WINDOW w AS (PARTITION BY member ORDER BY n)),
named AS (
  SELECT s.member, s.panel, s.n, s.at AS from_at, coalesce(s.next_at, p.until_at) AS until_at,
         CASE WHEN s.gone THEN 'absent' WHEN s.marked THEN 'terminating' WHEN s.phase = 3 THEN 'finished'
              WHEN s.ready THEN 'ready' WHEN s.phase = 2 THEN 'notready' ELSE 'pending' END AS api,
         s.running > 0 AS runs, s.ready AND NOT s.gone AS ready, s.ready AND NOT s.gone AND NOT s.marked AS active,
         NOT s.gone AS live
    FROM swept AS s JOIN panel AS p ON p.panel = s.panel)
SELECT * FROM named;

-- Members of each workload after each instant: Ready in the API, of these not Terminating, objects
-- in the API, and the number declared.
CREATE TEMP TABLE tally AS
WITH change AS (
  SELECT panel, n, from_at AS at, ready - lag(ready, 1, 0) OVER w AS ready,
         active - lag(active, 1, 0) OVER w AS active, live - lag(live, 1, 0) OVER w AS live,
         NULL AS declared
    FROM segment WINDOW w AS (PARTITION BY member ORDER BY n)
  UNION ALL
  SELECT p.panel, f.rowid, f.at, 0, 0, 0, CASE row.name WHEN 'workload-replicas' THEN f.number ELSE 0 END
    FROM panel AS p
    JOIN object AS o ON o.kind = p.kind AND o.namespace = p.namespace AND o.name = p.name
   CROSS JOIN row CROSS JOIN fact AS f ON f.row = +row.id AND f.run = p.run AND f.object = +o.id
   WHERE row.name IN ('workload-replicas', 'object-deleted'))
SELECT panel, n, at, ready, active, live, declared
  FROM (SELECT panel, n, at, sum(ready) OVER w AS ready, sum(active) OVER w AS active,
               sum(live) OVER w AS live,
               coalesce(max(n * 1048576 + declared) OVER w % 1048576, 0) AS declared,
               lead(at) OVER w IS at AS goes_on
          FROM change WINDOW w AS (PARTITION BY panel ORDER BY n))
 WHERE NOT goes_on;
CREATE INDEX temp.tally_by_panel ON tally (panel, at);

-- Faults and steps of each panel's run; a fault says what was done, and to which machines.
CREATE TEMP TABLE incident AS
SELECT p.panel, 'fault' AS kind, f.from_at, f.until_at,
       f.name || CASE WHEN f.name LIKE f.what || '%' THEN '' ELSE ' (' || f.what || ')' END
         || coalesce(': ' || (SELECT group_concat(node, ', ')
                                FROM (SELECT DISTINCT node FROM machine_down AS d
                                       WHERE d.run = f.run AND d.from_at = f.from_at
                                       ORDER BY node LIMIT 3)), '') AS text,
       f.name
  FROM panel AS p JOIN fault AS f ON f.run = p.run
UNION ALL
SELECT p.panel, 'step', s.at, s.at, s.name, s.name FROM panel AS p JOIN step AS s ON s.run = p.run;

-- Labels that a plot wants at x, with their width (points); `placed` gives each the first of three
-- levels on which it does not touch its left neighbour, and drops those that find none.
CREATE TEMP TABLE mark (canvas, x, wide, text);
CREATE TEMP VIEW placed AS
WITH RECURSIVE sorted AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY canvas ORDER BY x, text) AS i FROM mark),
walk (canvas, i, x, text, level, a, b, c) AS (
  SELECT DISTINCT canvas, 0, NULL, NULL, NULL, -1e9, -1e9, -1e9 FROM mark
  UNION ALL
  SELECT s.canvas, s.i, s.x, s.text,
         CASE WHEN s.x >= a THEN 0 WHEN s.x >= b THEN 1 WHEN s.x >= c THEN 2 END,
         CASE WHEN s.x >= a THEN s.x + s.wide ELSE a END,
         CASE WHEN s.x < a AND s.x >= b THEN s.x + s.wide ELSE b END,
         CASE WHEN s.x < a AND s.x < b AND s.x >= c THEN s.x + s.wide ELSE c END
    FROM walk JOIN sorted AS s ON s.canvas = walk.canvas AND s.i = walk.i + 1)
SELECT canvas, x, text, level FROM walk WHERE level IS NOT NULL;

-- The length of the time axis, a step for its tics (both in minutes), and the unit to name them in.
CREATE TEMP TABLE axis AS
WITH longest AS (SELECT max(1e-3, coalesce(max(until_at), 0) / 60e9) AS minutes FROM panel),
tic (step) AS (VALUES (0.001), (0.005), (0.02), (5 / 60e0), (10 / 60e0), (0.25), (0.5), (1), (2), (5), (10), (15),
                      (30), (60), (120), (360), (720), (1440), (2880), (10080), (43200))
SELECT minutes, coalesce((SELECT min(step) FROM tic WHERE minutes / step <= 14), 525600) AS tic,
       CASE WHEN minutes < 3 THEN 60 ELSE 1 END AS factor,
       CASE WHEN minutes < 3 THEN 'seconds' ELSE 'minutes' END || ' since the start of the run' AS caption
  FROM longest;
