-- SPDX-License-Identifier: Apache-2.0
-- guarantee: identity
-- promise: every incarnation of an ordinal has the name, hostname, subdomain, claims and volumes of
--          the one before it.

-- exercised: incarnations that had a predecessor
CREATE TEMP TABLE mounted AS
SELECT run, pod_uid, group_concat(volume) AS volumes
  FROM (SELECT DISTINCT run, pod_uid, volume FROM volume_mounted ORDER BY run, pod_uid, volume)
 GROUP BY run, pod_uid;
CREATE TEMP TABLE incarnation AS
SELECT p.run, p.workload, p.object, p.ref, p.uid, p.created_at, p.created_n, p.until_at,
       string.text AS identity, m.volumes
  FROM pod AS p
  LEFT JOIN named_fact AS f ON f.what = 'pod-identity' AND f.run = p.run AND f.object = p.object
       AND f.uid = p.uid
  LEFT JOIN string ON string.id = f.detail
  LEFT JOIN mounted AS m ON m.run = p.run AND m.pod_uid = p.uid
 WHERE p.ordinal >= 0 AND p.workload LIKE 'StatefulSet/%';
CREATE TEMP TABLE pair AS
SELECT run, workload, ref, uid, created_at, created_n, identity, volumes,
       lag(uid) OVER w AS before_uid, lag(identity) OVER w AS before_identity,
       substr(last_mounted, 13) AS before_volumes, 0 + substr(last_mounted, 1, 12) AS before_n
  FROM (SELECT *, max(CASE WHEN volumes IS NOT NULL THEN printf('%012d', created_n) || volumes END)
          OVER (PARTITION BY run, object ORDER BY created_n
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS last_mounted
          FROM incarnation)
WINDOW w AS (PARTITION BY run, ref ORDER BY created_n);
-- Pods whose claim was deleted since the incarnation before: the new volume is the new claim's.
CREATE TEMP TABLE bereft AS
SELECT DISTINCT pair.run, pair.uid
  FROM pair JOIN pod_claim AS pc ON pc.run = pair.run AND pc.uid = pair.uid
  JOIN claim AS c ON c.run = pc.run AND c.claim = pc.claim AND c.deleted_n > pair.before_n;
SELECT run, workload, count(*) AS times FROM pair WHERE before_uid IS NOT NULL
 GROUP BY run, workload;

-- violations
SELECT run, workload, created_at AS at, ref AS object,
       'is ' || identity || ', its predecessor was ' || before_identity AS what
  FROM pair WHERE before_uid IS NOT NULL AND identity IS NOT before_identity
UNION ALL
SELECT run, workload, created_at, ref, 'uses ' || volumes || ', its predecessor used ' || before_volumes
  FROM pair WHERE before_uid IS NOT NULL AND volumes <> before_volumes
   AND NOT EXISTS (SELECT 1 FROM bereft AS b WHERE b.run = pair.run AND b.uid = pair.uid);

-- figures
SELECT run, workload, count(*) AS value, 'incarnations' AS unit FROM pair
 WHERE before_uid IS NOT NULL GROUP BY run, workload;
