-- SPDX-License-Identifier: Apache-2.0
-- guarantee: ordering.create
-- promise: under OrderedReady a pod is created only while every lower ordinal in range exists, is
--          not terminating, and is Ready (and has been for minReadySeconds).
-- Judged on the store at the instant of the commit.

-- exercised: creations that had lower ordinals to wait for
CREATE TEMP TABLE creation AS
SELECT p.run, p.workload, p.object, p.ref, p.ordinal, p.created_at, p.created_n,
       coalesce(s.number, 0) AS start, coalesce(m.number, 0) AS min_ready
  FROM pod AS p
  JOIN workload_state AS w ON w.what = 'workload-policy' AND w.run = p.run
       AND w.workload = p.workload AND w.word = 'OrderedReady'
       AND w.from_n < p.created_n AND (w.until_n IS NULL OR w.until_n > p.created_n)
  LEFT JOIN workload_state AS s ON s.what = 'workload-start' AND s.run = p.run
       AND s.workload = p.workload AND s.from_n < p.created_n
       AND (s.until_n IS NULL OR s.until_n > p.created_n)
  LEFT JOIN workload_state AS m ON m.what = 'workload-min-ready' AND m.run = p.run
       AND m.workload = p.workload AND m.from_n < p.created_n
       AND (m.until_n IS NULL OR m.until_n > p.created_n)
 WHERE p.ordinal >= 0 AND p.ordinal > coalesce(s.number, 0);
CREATE TEMP TABLE good AS
SELECT p.run, p.workload, p.ordinal, r.since_at, r.from_n,
       min(coalesce(r.until_n, 9e18), coalesce(p.marked_n, 9e18), coalesce(p.deleted_n, 9e18))
         AS until_n
  FROM pod AS p JOIN pod_ready AS r ON r.run = p.run AND r.object = p.object AND r.uid = p.uid
 WHERE p.ordinal >= 0 AND r.ready = 1;
CREATE INDEX temp.good_by_workload ON good (run, workload);
SELECT run, workload, count(*) AS times FROM creation GROUP BY run, workload;

-- violations
SELECT c.run, c.workload, c.created_at AS at, c.ref AS object,
       'created while only ' || count(DISTINCT g.ordinal) || ' of ' || (c.ordinal - c.start)
         || ' lower ordinals were ready' AS what
  FROM creation AS c
  LEFT JOIN good AS g ON g.run = c.run AND g.workload = c.workload
       AND g.ordinal >= c.start AND g.ordinal < c.ordinal
       AND g.from_n < c.created_n AND g.until_n > c.created_n
       AND g.since_at + c.min_ready * 1000000000 <= c.created_at
 GROUP BY c.run, c.workload, c.created_n
HAVING count(DISTINCT g.ordinal) < c.ordinal - c.start;

-- figures
SELECT run, workload, count(*) AS value, 'in order' AS unit FROM creation GROUP BY run, workload;
