-- SPDX-License-Identifier: Apache-2.0
-- guarantee: dns
-- promise: the name of a pod answers only the address of a live pod of that identity.
-- Judged on what a client gets that asks again whenever its answer has expired, so the DNS server's
-- lag and the TTL of caches are part of it. A pod is live from the time it has its address until
-- the last of its containers has stopped; between restarts it keeps its address.

-- exercised: names of pods that answered at all
CREATE TEMP TABLE name_of_pod AS
SELECT DISTINCT p.run, p.workload, p.object, p.name || '.' || s.word || '.' || p.namespace AS host
  FROM pod AS p JOIN workload_state AS s ON s.what = 'workload-service' AND s.run = p.run
       AND s.workload = p.workload AND s.word <> ''
 WHERE p.ordinal >= 0 AND p.workload LIKE 'StatefulSet/%';
CREATE TEMP TABLE answer AS
SELECT n.run, n.workload, n.object, a.fqdn, a.answer, a.from_at, a.until_at
  FROM dns_answer AS a
  JOIN name_of_pod AS n ON n.run = a.run
       AND n.host = substr(a.fqdn, 1, instr(a.fqdn, '.svc.') - 1);
CREATE TEMP TABLE live AS
SELECT i.run, i.object, i.ip, i.from_at,
       min(i.until_at, p.until_at, coalesce(max(r.until_at), i.until_at)) AS until_at
  FROM pod_ip AS i JOIN pod AS p ON p.run = i.run AND p.object = i.object AND p.uid = i.uid
  LEFT JOIN pod_run AS r ON r.run = i.run AND r.object = i.object AND r.uid = i.uid
       AND r.from_at < i.until_at AND r.until_at > i.from_at
 GROUP BY i.run, i.object, i.uid, i.from_n;
CREATE INDEX temp.live_by_object ON live (run, object, ip);
CREATE TEMP TABLE stale AS
SELECT a.run, a.workload, a.object, a.fqdn, a.answer, a.from_at, a.until_at,
       a.until_at - a.from_at - coalesce((
         SELECT sum(min(l.until_at, a.until_at) - max(l.from_at, a.from_at)) FROM live AS l
          WHERE l.run = a.run AND l.object = a.object AND l.ip = a.answer
            AND l.from_at < a.until_at AND l.until_at > a.from_at), 0) AS stale_ns
  FROM answer AS a WHERE a.answer NOT IN ('', 'NXDOMAIN', 'SERVFAIL', 'TIMEOUT');
SELECT run, workload, count(*) AS times FROM stale GROUP BY run, workload;

-- violations
SELECT run, workload,
       coalesce((SELECT max(l.until_at) FROM live AS l
                  WHERE l.run = stale.run AND l.object = stale.object AND l.ip = stale.answer
                    AND l.from_at <= stale.from_at AND l.until_at > stale.from_at),
                from_at) AS at,
       fqdn AS object,
       printf('answered %s for %.1f s while no live pod of that name had it', answer,
              stale_ns / 1e9) AS what
  FROM stale WHERE stale_ns > 0;

-- figures
SELECT run, workload, sum(stale_ns) / 1e9 AS value, 's stale' AS unit FROM stale
 GROUP BY run, workload
UNION ALL
SELECT a.run, a.workload,
       sum(max(0, min(r.until_at, a.until_at) - max(r.from_at, a.from_at))) / 1e9, 's unresolvable while Ready'
  FROM answer AS a JOIN pod_ready AS r ON r.run = a.run AND r.object = a.object AND r.ready = 1
       AND r.from_at < a.until_at AND r.until_at > a.from_at
 WHERE a.answer IN ('', 'NXDOMAIN', 'SERVFAIL', 'TIMEOUT')
 GROUP BY a.run, a.workload;
