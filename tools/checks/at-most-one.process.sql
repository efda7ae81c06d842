-- SPDX-License-Identifier: Apache-2.0
-- guarantee: at-most-one.process
-- promise: containers of two pods of one identity (set and ordinal) never run at once, wherever
--          they run and whatever the API says.

-- exercised: pods that ran after another pod of the same name had run
CREATE TEMP TABLE running AS
SELECT p.run, p.workload, p.object, p.ref, p.uid, r.node, r.from_at, r.from_n, r.until_at,
       coalesce(r.until_n, 9e18) AS until_n
  FROM pod AS p JOIN pod_run AS r ON r.run = p.run AND r.object = p.object AND r.uid = p.uid
 WHERE p.ordinal >= 0 AND p.workload LIKE 'StatefulSet/%';
CREATE INDEX temp.running_by_object ON running (run, object, from_n);
CREATE TEMP TABLE overlap AS
SELECT a.run, a.workload, a.ref, a.node AS node_a, b.node AS node_b,
       max(a.from_at, b.from_at) AS at, min(a.until_at, b.until_at) AS until
  FROM running AS a JOIN running AS b ON b.run = a.run AND b.object = a.object AND b.uid <> a.uid
       AND b.from_n > a.from_n AND b.from_n < a.until_n;
CREATE TEMP TABLE tested AS
SELECT b.run, b.workload, count(DISTINCT b.uid) AS times
  FROM running AS b
 WHERE EXISTS (SELECT 1 FROM running AS a WHERE a.run = b.run AND a.object = b.object
                  AND a.uid <> b.uid AND a.from_n < b.from_n)
 GROUP BY b.run, b.workload;
SELECT run, workload, times FROM tested;

-- violations
SELECT run, workload, at, ref AS object,
       printf('two processes for %.1f s, on %s and %s', (until - at) / 1e9, node_a, node_b) AS what
  FROM overlap;

-- figures
SELECT t.run, t.workload, coalesce(sum(o.until - o.at), 0) / 1e9 AS value, 's overlap' AS unit
  FROM tested AS t LEFT JOIN overlap AS o ON o.run = t.run AND o.workload = t.workload
 GROUP BY t.run, t.workload;
