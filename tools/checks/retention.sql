-- SPDX-License-Identifier: Apache-2.0
-- guarantee: retention
-- promise: a claim outlives its pod exactly as persistentVolumeClaimRetentionPolicy says, a kept
--          claim keeps its volume and its data, and no ordinal gets the data of another.

-- exercised: claims of sets that lost their pod by a scale-down or by the end of the set
-- Claims of the set's templates end in the name of their pod; others may be shared on purpose.
CREATE TEMP TABLE set_pod AS
SELECT p.run, p.workload, p.ordinal, pc.claim
  FROM pod AS p JOIN pod_claim AS pc ON pc.run = p.run AND pc.object = p.object AND pc.uid = p.uid
 WHERE p.workload LIKE 'StatefulSet/%' AND pc.claim LIKE '%-' || p.name;
CREATE TEMP TABLE any_claim AS
SELECT run, object, claim, uid, volume, created_n, deleted_at, deleted_n, until_at,
       coalesce(marked_n, deleted_n) AS asked_n
  FROM claim;
CREATE TEMP TABLE set_claim AS
SELECT DISTINCT c.run, p.workload, c.object, c.claim, c.uid, c.volume, c.created_n, c.deleted_at,
       c.deleted_n, c.asked_n, c.until_at, p.ordinal
  FROM any_claim AS c JOIN set_pod AS p ON p.run = c.run AND p.claim = c.claim;
CREATE INDEX temp.set_claim_by_volume ON set_claim (run, volume);
CREATE TEMP TABLE used AS
SELECT m.run, m.volume, p.name, p.workload, p.ordinal, m.from_at, m.from_n
  FROM volume_mounted AS m JOIN pod AS p ON p.run = m.run AND p.uid = m.pod_uid
 WHERE p.workload LIKE 'StatefulSet/%';
CREATE INDEX temp.used_by_volume ON used (run, volume);
CREATE TEMP TABLE erased AS
SELECT f.run, f.n, f.at, o.ref AS volume
  FROM named_fact AS f JOIN object_ref AS o ON o.object = f.object WHERE f.what = 'disk-erased';
CREATE TEMP TABLE condemned AS
SELECT s.run, s.workload, s.claim, s.uid, s.volume, s.deleted_at, s.deleted_n, s.asked_n,
       s.until_at, r.from_at, r.from_n, r.until_n, r.until_at AS range_until,
       coalesce(w.word, 'whenDeleted=Retain whenScaled=Retain') AS policy
  FROM set_claim AS s
  JOIN workload_state AS r ON r.what = 'workload-replicas' AND r.run = s.run
       AND r.workload = s.workload AND r.from_n > s.created_n
  LEFT JOIN workload_state AS st ON st.what = 'workload-start' AND st.run = s.run
       AND st.workload = s.workload AND st.from_n <= r.from_n
       AND (st.until_n IS NULL OR st.until_n > r.from_n)
  LEFT JOIN workload_state AS w ON w.what = 'workload-retention' AND w.run = s.run
       AND w.workload = s.workload AND w.from_n <= r.from_n
       AND (w.until_n IS NULL OR w.until_n > r.from_n)
 WHERE s.ordinal >= coalesce(st.number, 0) + r.number
   AND (s.deleted_n IS NULL OR s.deleted_n > r.from_n);
CREATE TEMP TABLE orphaned AS
SELECT s.run, s.workload, s.claim, s.uid, s.volume, s.deleted_at, s.deleted_n, s.asked_n,
       s.until_at, wl.deleted_at AS from_at, wl.deleted_n AS from_n,
       coalesce((SELECT w.word FROM workload_state AS w WHERE w.what = 'workload-retention'
                    AND w.run = s.run AND w.workload = s.workload AND w.from_n < wl.deleted_n
                  ORDER BY w.from_n DESC LIMIT 1), 'whenDeleted=Retain whenScaled=Retain') AS policy
  FROM set_claim AS s JOIN workload AS wl ON wl.run = s.run AND wl.workload = s.workload
 WHERE wl.deleted_n IS NOT NULL AND s.created_n < wl.deleted_n
   AND (s.deleted_n IS NULL OR s.deleted_n > wl.deleted_n);
SELECT run, workload, count(DISTINCT claim) AS times
  FROM (SELECT run, workload, claim FROM condemned UNION ALL SELECT run, workload, claim FROM orphaned)
 GROUP BY run, workload;

-- violations
SELECT c.run, c.workload, c.deleted_at AS at, c.claim AS object,
       'deleted although whenScaled=Retain' AS what
  FROM condemned AS c
  JOIN fact AS f ON f.rowid = c.asked_n
  LEFT JOIN string AS actor ON actor.id = f.actor
 WHERE c.policy LIKE '%whenScaled=Retain%' AND coalesce(actor.text, '') <> 'user'
   AND (c.until_n IS NULL OR c.deleted_n < c.until_n)
   AND NOT EXISTS (SELECT 1 FROM orphaned AS o WHERE o.run = c.run AND o.uid = c.uid)
UNION ALL
SELECT o.run, o.workload, o.deleted_at, o.claim, 'deleted with its set although whenDeleted=Retain'
  FROM orphaned AS o JOIN fact AS f ON f.rowid = o.asked_n
  LEFT JOIN string AS actor ON actor.id = f.actor
 WHERE o.policy LIKE '%whenDeleted=Retain%' AND coalesce(actor.text, '') <> 'user'
UNION ALL
SELECT c.run, c.workload, c.from_at, c.claim,
       printf('still there %.0f s after the scale-down although whenScaled=Delete',
              (c.range_until - c.from_at) / 1e9)
  FROM condemned AS c
  JOIN named_fact AS b ON b.what = 'budget' AND b.run = c.run
 WHERE c.policy LIKE '%whenScaled=Delete%' AND c.range_until - c.from_at > b.number
   AND (c.deleted_at IS NULL OR c.deleted_at > c.from_at + b.number)
UNION ALL
SELECT s.run, s.workload, f.at, s.claim, 'its disk was erased while the claim was kept'
  FROM erased AS f JOIN set_claim AS s ON s.run = f.run AND s.volume = f.volume
 WHERE s.deleted_n IS NULL OR s.deleted_n > f.n
UNION ALL
SELECT b.run, b.workload, b.from_at, b.volume,
       'data of ordinal ' || s.ordinal || ' reached ' || b.name
  FROM used AS b
  JOIN set_claim AS s ON s.run = b.run AND s.volume = b.volume AND s.workload = b.workload
       AND s.ordinal <> b.ordinal
 WHERE EXISTS (SELECT 1 FROM used AS a WHERE a.run = b.run AND a.volume = b.volume
                  AND a.ordinal = s.ordinal AND a.from_n < b.from_n);

-- figures: the ledger of claims
SELECT run, workload,
       count(DISTINCT CASE WHEN deleted_n IS NULL THEN claim END) AS value, 'claims kept' AS unit
  FROM (SELECT run, workload, claim, deleted_n FROM condemned
        UNION ALL SELECT run, workload, claim, deleted_n FROM orphaned)
 GROUP BY run, workload
UNION ALL
SELECT run, workload, count(DISTINCT claim), 'claims deleted' FROM (
        SELECT run, workload, claim, deleted_n FROM condemned
        UNION ALL SELECT run, workload, claim, deleted_n FROM orphaned)
 WHERE deleted_n IS NOT NULL GROUP BY run, workload;
