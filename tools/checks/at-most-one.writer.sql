-- SPDX-License-Identifier: Apache-2.0
-- guarantee: at-most-one.writer
-- promise: a volume is never writable for two pods at once against its access mode: ReadWriteOnce
--          allows one node, ReadWriteOncePod one pod; ReadWriteMany promises nothing.

-- exercised: mounts of volumes that another pod had mounted before
CREATE TEMP TABLE writer AS
SELECT m.run, p.workload, m.volume, m.pod_uid, p.ref, m.node, v.modes, m.from_at, m.from_n,
       m.until_at, coalesce(m.until_n, 9e18) AS until_n
  FROM volume_mounted AS m
  JOIN pod AS p ON p.run = m.run AND p.uid = m.pod_uid
  JOIN volume_modes AS v ON v.run = m.run AND v.volume = m.volume
 WHERE m.mode = 'rw' AND v.modes NOT LIKE '%ReadWriteMany%';
CREATE INDEX temp.writer_by_volume ON writer (run, volume, from_n);
CREATE TEMP TABLE clash AS
SELECT a.run, b.workload, a.volume, a.ref AS ref_a, b.ref AS ref_b, a.node AS node_a,
       b.node AS node_b, max(a.from_at, b.from_at) AS at, min(a.until_at, b.until_at) AS until
  FROM writer AS a JOIN writer AS b ON b.run = a.run AND b.volume = a.volume
       AND b.pod_uid <> a.pod_uid AND b.from_n > a.from_n AND b.from_n < a.until_n
       AND (a.node <> b.node OR a.modes LIKE '%ReadWriteOncePod%');
CREATE TEMP TABLE tested AS
SELECT b.run, b.workload, count(*) AS times
  FROM writer AS b
 WHERE EXISTS (SELECT 1 FROM writer AS a WHERE a.run = b.run AND a.volume = b.volume
                  AND a.pod_uid <> b.pod_uid AND a.from_n < b.from_n)
 GROUP BY b.run, b.workload;
SELECT run, workload, times FROM tested;

-- violations
SELECT run, workload, at, volume AS object,
       printf('writable for %.1f s by %s on %s and %s on %s', (until - at) / 1e9, ref_a, node_a,
              ref_b, node_b) AS what
  FROM clash;

-- figures
SELECT t.run, t.workload, coalesce(sum(c.until - c.at), 0) / 1e9 AS value, 's overlap' AS unit
  FROM tested AS t LEFT JOIN clash AS c ON c.run = t.run AND c.workload = t.workload
 GROUP BY t.run, t.workload;
