-- SPDX-License-Identifier: Apache-2.0
-- guarantee: convergence
-- promise: after the last step and the end of the last fault, every workload that still exists has
--          exactly the declared number of pods, all Ready, within the budget
--          (spec.convergenceBudget).

-- exercised: runs in which something was done or broke, and the budget has passed or was not needed
CREATE TEMP TABLE settle AS
SELECT e.run, e.at AS end_at, b.number AS budget,
       coalesce((SELECT max(f.at) FROM named_fact AS f WHERE f.run = e.run
                    AND f.what IN ('step', 'fault-ended', 'fault-began')), 0) AS after
  FROM run_end AS e JOIN named_fact AS b ON b.what = 'budget' AND b.run = e.run;
-- Every change of the number declared, of the number of pods, and of the number Ready.
CREATE TEMP TABLE pod_of AS SELECT run, workload, object, uid, created_n, created_at, deleted_n,
       deleted_at FROM pod;
CREATE TEMP TABLE ready_of AS SELECT run, object, uid, from_n, from_at, until_n, until_at
  FROM pod_ready WHERE ready = 1;
CREATE TEMP TABLE declared_of AS
SELECT run, workload, from_at AS at, from_n AS n,
       number - coalesce(lag(number) OVER (PARTITION BY run, object, uid ORDER BY from_n), 0) AS step
  FROM workload_state WHERE what = 'workload-replicas';
CREATE TEMP TABLE delta AS
SELECT p.run, p.workload, r.from_at AS at, r.from_n AS n, 1 AS ready, 0 AS pods, 0 AS declared
  FROM pod_of AS p JOIN ready_of AS r ON r.run = p.run AND r.object = p.object AND r.uid = p.uid
UNION ALL
SELECT p.run, p.workload, r.until_at, r.until_n, -1, 0, 0
  FROM pod_of AS p JOIN ready_of AS r ON r.run = p.run AND r.object = p.object AND r.uid = p.uid
 WHERE r.until_n IS NOT NULL
UNION ALL
SELECT run, workload, created_at, created_n, 0, 1, 0 FROM pod_of
UNION ALL
SELECT run, workload, deleted_at, deleted_n, 0, -1, 0 FROM pod_of WHERE deleted_n IS NOT NULL
UNION ALL
SELECT run, workload, at, n, 0, 0, step FROM declared_of
UNION ALL
SELECT w.run, w.workload, w.deleted_at, w.deleted_n, 0, 0, -coalesce(sum(d.step), 0)
  FROM workload AS w
  JOIN declared_of AS d ON d.run = w.run AND d.workload = w.workload AND d.n < w.deleted_n
       AND d.n > w.created_n
 WHERE w.deleted_n IS NOT NULL GROUP BY w.run, w.workload, w.deleted_n;
CREATE TEMP TABLE level AS
SELECT run, workload, at, n, sum(ready) OVER w AS ready, sum(pods) OVER w AS pods,
       sum(declared) OVER w AS declared
  FROM (SELECT run, workload, max(at) AS at, n, sum(ready) AS ready, sum(pods) AS pods,
               sum(declared) AS declared FROM delta GROUP BY run, workload, n)
WINDOW w AS (PARTITION BY run, workload ORDER BY n);
-- Settled is the first level after the last one that was not as declared.
CREATE TEMP TABLE reached AS
SELECT s.run, l.workload, s.after, s.budget, s.end_at,
       min(CASE WHEN l.n > coalesce(u.n, -1) THEN l.at END) AS at,
       max(l.n) AS last_n
  FROM settle AS s JOIN level AS l ON l.run = s.run
  LEFT JOIN (SELECT run, workload, max(n) AS n FROM level
              WHERE ready <> declared OR pods <> declared GROUP BY run, workload) AS u
    ON u.run = l.run AND u.workload = l.workload
 WHERE EXISTS (SELECT 1 FROM workload AS w WHERE w.run = s.run AND w.workload = l.workload
                  AND w.deleted_n IS NULL)
 GROUP BY s.run, l.workload;
SELECT run, workload, 1 AS times FROM reached WHERE at IS NOT NULL OR end_at >= after + budget;

-- violations
SELECT r.run, r.workload, r.after + r.budget AS at, r.workload AS object,
       CASE WHEN r.at IS NULL
            THEN printf('%d of %d Ready, %d pods, at the end of the run', l.ready, l.declared, l.pods)
            ELSE printf('took %.1f s', (r.at - r.after) / 1e9) END AS what
  FROM reached AS r
  JOIN level AS l ON l.run = r.run AND l.workload = r.workload AND l.n = r.last_n
 WHERE (r.at IS NULL AND r.end_at >= r.after + r.budget) OR r.at > r.after + r.budget;

-- figures
SELECT run, workload, max(0, at - after) / 1e9 AS value, 's to settle' AS unit FROM reached
 WHERE at IS NOT NULL;
