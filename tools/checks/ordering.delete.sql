-- SPDX-License-Identifier: Apache-2.0
-- guarantee: ordering.delete
-- promise: under OrderedReady a scale-down deletes from the highest ordinal down, one at a time:
--          a pod beyond spec.replicas is deleted only when no pod of a higher ordinal exists, and
--          while every pod in range is Ready.
-- Deletions that nobody but the StatefulSet controller asked for are judged: those of ordinals
-- beyond spec.replicas at that instant, while the set itself exists.

-- exercised: deletions of pods beyond spec.replicas
CREATE TEMP TABLE removal AS
SELECT p.run, p.workload, p.object, p.uid, p.ref, p.ordinal,
       coalesce(p.marked_at, p.deleted_at) AS at, coalesce(p.marked_n, p.deleted_n) AS n,
       coalesce(s.number, 0) AS start, r.number AS replicas
  FROM pod AS p
  JOIN workload AS wl ON wl.run = p.run AND wl.workload = p.workload
  JOIN workload_state AS w ON w.what = 'workload-policy' AND w.run = p.run
       AND w.workload = p.workload AND w.word = 'OrderedReady'
       AND w.from_n < coalesce(p.marked_n, p.deleted_n)
       AND (w.until_n IS NULL OR w.until_n > coalesce(p.marked_n, p.deleted_n))
  JOIN workload_state AS r ON r.what = 'workload-replicas' AND r.run = p.run
       AND r.workload = p.workload AND r.from_n < coalesce(p.marked_n, p.deleted_n)
       AND (r.until_n IS NULL OR r.until_n > coalesce(p.marked_n, p.deleted_n))
  LEFT JOIN workload_state AS s ON s.what = 'workload-start' AND s.run = p.run
       AND s.workload = p.workload AND s.from_n < coalesce(p.marked_n, p.deleted_n)
       AND (s.until_n IS NULL OR s.until_n > coalesce(p.marked_n, p.deleted_n))
  JOIN fact AS f ON f.rowid = coalesce(p.marked_n, p.deleted_n)
  JOIN string AS actor ON actor.id = f.actor AND actor.text LIKE 'statefulset-controller%'
 WHERE p.ordinal >= coalesce(s.number, 0) + r.number
   AND (wl.deleted_n IS NULL OR wl.deleted_n > coalesce(p.marked_n, p.deleted_n));
SELECT run, workload, count(*) AS times FROM removal GROUP BY run, workload;

-- violations
SELECT d.run, d.workload, d.at, d.ref AS object,
       'deleted while ' || q.name || ' of a higher ordinal still existed' AS what
  FROM removal AS d JOIN pod AS q ON q.run = d.run AND q.workload = d.workload
       AND q.ordinal > d.ordinal AND q.created_n < d.n
       AND (q.deleted_n IS NULL OR q.deleted_n > d.n)
UNION ALL
SELECT d.run, d.workload, d.at, d.ref,
       'deleted while only ' || count(DISTINCT q.ordinal) || ' of ' || d.replicas
         || ' pods in range were ready'
  FROM removal AS d
  LEFT JOIN (SELECT p.run, p.workload, p.ordinal, r.from_n,
                    min(coalesce(r.until_n, 9e18), coalesce(p.deleted_n, 9e18)) AS until_n
               FROM pod AS p
               JOIN pod_ready AS r ON r.run = p.run AND r.object = p.object AND r.uid = p.uid
              WHERE r.ready = 1) AS q
    ON q.run = d.run AND q.workload = d.workload AND q.ordinal >= d.start
       AND q.ordinal < d.start + d.replicas AND q.from_n < d.n AND q.until_n > d.n
 GROUP BY d.run, d.workload, d.n
HAVING count(DISTINCT q.ordinal) < d.replicas;

-- figures
SELECT run, workload, count(*) AS value, 'in order' AS unit FROM removal GROUP BY run, workload;
