-- SPDX-License-Identifier: Apache-2.0
-- guarantee: convergence
-- promise: after the last step and the end of the last fault, every workload has exactly the
--          declared number of pods, all Ready, within the budget (spec.convergenceBudget).

-- exercised: runs in which something was done or broke, and the budget has passed or was not needed
CREATE TEMP TABLE settle AS
SELECT e.run, e.at AS end_at, b.number AS budget,
       coalesce((SELECT max(f.at) FROM named_fact AS f WHERE f.run = e.run
                    AND f.what IN ('step', 'fault-ended', 'fault-began')), 0) AS after
  FROM run_end AS e JOIN named_fact AS b ON b.what = 'budget' AND b.run = e.run;
-- Every change of the number declared, the number of pods, and the number Ready, as +-1 steps.
CREATE TEMP TABLE change AS
SELECT run, workload, at, n, sum(ready) OVER w AS ready, sum(pods) OVER w AS pods,
       sum(declared) OVER w AS declared
  FROM (
    SELECT p.run, p.workload, r.from_at AS at, r.from_n AS n, 1 AS ready, 0 AS pods, 0 AS declared
      FROM pod AS p JOIN pod_ready AS r ON r.run = p.run AND r.object = p.object AND r.uid = p.uid
     WHERE r.ready = 1
    UNION ALL
    SELECT p.run, p.workload, r.until_at, r.until_n, -1, 0, 0
      FROM pod AS p JOIN pod_ready AS r ON r.run = p.run AND r.object = p.object AND r.uid = p.uid
     WHERE r.ready = 1 AND r.until_n IS NOT NULL
    UNION ALL
    SELECT run, workload, created_at, created_n, 0, 1, 0 FROM pod
    UNION ALL
    SELECT run, workload, deleted_at, deleted_n, 0, -1, 0 FROM pod WHERE deleted_n IS NOT NULL
    UNION ALL
    SELECT run, workload, from_at, from_n, 0, 0,
           number - coalesce(lag(number) OVER (PARTITION BY run, object, uid ORDER BY from_n), 0)
      FROM workload_state WHERE what = 'workload-replicas'
    UNION ALL
    SELECT w.run, w.workload, w.deleted_at, w.deleted_n, 0, 0,
           -(SELECT s.number FROM workload_state AS s WHERE s.what = 'workload-replicas'
                AND s.run = w.run AND s.workload = w.workload AND s.uid = w.uid
              ORDER BY s.from_n DESC LIMIT 1)
      FROM workload AS w WHERE w.deleted_n IS NOT NULL)
WINDOW w AS (PARTITION BY run, workload ORDER BY n, pods, ready, declared);
CREATE TEMP TABLE reached AS
SELECT w.run, w.workload, s.after, s.budget, s.end_at,
       coalesce((SELECT max(c.at) FROM change AS c WHERE c.run = w.run AND c.workload = w.workload
                   AND c.n = (SELECT min(d.n) FROM change AS d WHERE d.run = c.run
                                AND d.workload = c.workload AND d.n > coalesce((
                                  SELECT max(x.n) FROM change AS x WHERE x.run = w.run
                                     AND x.workload = w.workload
                                     AND (x.ready <> x.declared OR x.pods <> x.declared)), -1))),
                CASE WHEN EXISTS (SELECT 1 FROM change AS y WHERE y.run = w.run
                                     AND y.workload = w.workload) THEN NULL ELSE 0 END) AS at
  FROM (SELECT DISTINCT run, workload FROM workload) AS w JOIN settle AS s ON s.run = w.run;
SELECT run, workload, 1 AS times FROM reached WHERE at IS NOT NULL OR end_at >= after + budget;

-- violations
SELECT r.run, r.workload, r.after + r.budget AS at, r.workload AS object,
       CASE WHEN r.at IS NULL THEN
         (SELECT printf('%d of %d Ready, %d pods, at the end of the run', c.ready, c.declared, c.pods)
            FROM change AS c WHERE c.run = r.run AND c.workload = r.workload
           ORDER BY c.n DESC LIMIT 1)
       ELSE printf('took %.1f s', (r.at - r.after) / 1e9) END AS what
  FROM reached AS r
 WHERE (r.at IS NULL AND r.end_at >= r.after + r.budget) OR r.at > r.after + r.budget;

-- figures
SELECT run, workload, max(0, at - after) / 1e9 AS value, 's to settle' AS unit FROM reached
 WHERE at IS NOT NULL;
