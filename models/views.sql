-- SPDX-License-Identifier: Apache-2.0
-- The Kubernetes world as intervals: what checks, plots and people query. Written over the facts of
-- sim/timeline.sql with the vocabulary of models/rows.def. Every interval is [from_at, until_at) in
-- nanoseconds, with from_n and until_n (fact.rowid) as the exact order within an instant; what has
-- not ended when the run ends has until_n NULL and until_at = the run's end.

-- Facts of one row kind are found by index; the names are constant, so SQLite looks each up once.
-- (The + takes away the column's type: an index of the untyped fact columns is not used otherwise.)
CREATE VIEW named_fact AS
SELECT fact.rowid AS n, row.name AS what, fact.run, fact.at, fact.actor, fact.object, fact.uid,
       fact.node, fact.detail, fact.number
  FROM row CROSS JOIN fact ON fact.row = +row.id;

CREATE VIEW run_end AS
SELECT id AS run,
       coalesce(ended_at, (SELECT at FROM fact WHERE fact.run = +run.id ORDER BY rowid DESC LIMIT 1), 0)
         AS at
  FROM run;

-- An object's name as one text, "StatefulSet/default/web".
CREATE VIEW object_ref AS
SELECT id AS object, kind || '/' || namespace || '/' || name AS ref, kind, namespace, name
  FROM object;

-- Every incarnation of every object in the API.
CREATE VIEW life AS
SELECT c.run, c.object, o.kind, o.namespace, o.name, o.ref, c.uid,
       owner.text AS owner, c.number AS ordinal, c.at AS created_at, c.n AS created_n,
       m.at AS marked_at, m.n AS marked_n, d.at AS deleted_at, d.n AS deleted_n,
       coalesce(d.at, e.at) AS until_at
  FROM named_fact AS c
  JOIN object_ref AS o ON o.object = c.object
  JOIN string AS owner ON owner.id = c.detail
  JOIN run_end AS e ON e.run = c.run
  LEFT JOIN named_fact AS d ON d.what = 'object-deleted' AND d.run = c.run AND d.object = c.object
        AND d.uid = c.uid
  LEFT JOIN named_fact AS m ON m.what = 'object-marked' AND m.run = c.run AND m.object = c.object
        AND m.uid = c.uid
 WHERE c.what = 'object-created';

-- The workload (StatefulSet or Deployment) a pod belongs to, through its ReplicaSet if need be.
CREATE VIEW pod AS
SELECT p.run, p.object, p.namespace, p.name, p.ref, p.uid, p.owner,
       coalesce(rs.owner, p.owner) AS workload, p.ordinal,
       p.created_at, p.created_n, p.marked_at, p.marked_n, p.deleted_at, p.deleted_n, p.until_at
  FROM life AS p
  LEFT JOIN life AS rs ON rs.kind = 'ReplicaSet' AND rs.run = p.run AND rs.ref = p.owner
 WHERE p.kind = 'Pod';

-- Workloads that were ever declared.
CREATE VIEW workload AS
SELECT run, object, kind, namespace, name, ref AS workload, uid, created_at, created_n, deleted_at,
       deleted_n, until_at
  FROM life WHERE kind IN ('StatefulSet', 'Deployment');

-- Values that hold until the next one of the same (row kind, object, incarnation), or until the
-- object is gone.
CREATE VIEW state AS
SELECT what, run, object, uid, node, detail, number, at AS from_at, n AS from_n,
       lead(at) OVER w AS next_at, lead(n) OVER w AS until_n
  FROM named_fact
WINDOW w AS (PARTITION BY what, run, object, uid ORDER BY n);

-- Readiness of pods as the API shows it; since_at is what the condition's lastTransitionTime says.
CREATE VIEW pod_ready AS
WITH s AS (
  SELECT run, object, uid, detail, number AS ready, at AS from_at, n AS from_n,
         lead(at) OVER w AS next_at, lead(n) OVER w AS until_n, what
    FROM (SELECT * FROM named_fact WHERE what = 'pod-ready'
          UNION ALL
          SELECT * FROM named_fact WHERE what = 'object-deleted')
  WINDOW w AS (PARTITION BY run, object, uid ORDER BY n))
SELECT s.run, s.object, s.uid, s.ready,
       coalesce((strftime('%s', since.text) - run.epoch_s) * 1000000000, s.from_at) AS since_at,
       s.from_at, s.from_n, coalesce(s.next_at, e.at) AS until_at, s.until_n
  FROM s JOIN run_end AS e ON e.run = s.run JOIN run ON run.id = s.run
  JOIN string AS since ON since.id = s.detail
 WHERE s.what = 'pod-ready';

-- Phases of pods as the API shows them.
CREATE VIEW pod_phase AS
WITH s AS (
  SELECT run, object, uid, detail, at AS from_at, n AS from_n,
         lead(at) OVER w AS next_at, lead(n) OVER w AS until_n, what
    FROM (SELECT * FROM named_fact WHERE what = 'pod-phase'
          UNION ALL
          SELECT * FROM named_fact WHERE what = 'object-deleted')
  WINDOW w AS (PARTITION BY run, object, uid ORDER BY n))
SELECT s.run, s.object, s.uid, string.text AS phase, s.from_at, s.from_n,
       coalesce(s.next_at, e.at) AS until_at, s.until_n
  FROM s JOIN run_end AS e ON e.run = s.run JOIN string ON string.id = s.detail
 WHERE s.what = 'pod-phase';

-- Containers as they really run on machines.
CREATE VIEW container_run AS
WITH s AS (
  SELECT run, object, uid, node, detail, what, number, at AS from_at, n AS from_n,
         lead(at) OVER w AS next_at, lead(n) OVER w AS until_n, lead(number) OVER w AS exit_code
    FROM (SELECT * FROM named_fact WHERE what = 'container-started'
          UNION ALL
          SELECT * FROM named_fact WHERE what = 'container-stopped')
  WINDOW w AS (PARTITION BY run, object, uid, node, detail ORDER BY n))
SELECT s.run, s.object, s.uid, node.text AS node, container.text AS container, s.from_at, s.from_n,
       coalesce(s.next_at, e.at) AS until_at, s.until_n, s.exit_code
  FROM s JOIN run_end AS e ON e.run = s.run
  JOIN string AS node ON node.id = s.node
  JOIN string AS container ON container.id = s.detail
 WHERE s.what = 'container-started';

-- A pod runs while at least one of its containers does.
CREATE VIEW pod_run AS
WITH s AS (
  SELECT run, object, uid, node, at, n,
         sum(CASE what WHEN 'container-started' THEN 1 ELSE -1 END) OVER w AS running,
         CASE what WHEN 'container-started' THEN 1 ELSE -1 END AS step
    FROM (SELECT * FROM named_fact WHERE what = 'container-started'
          UNION ALL
          SELECT * FROM named_fact WHERE what = 'container-stopped')
  WINDOW w AS (PARTITION BY run, object, uid ORDER BY n)),
edge AS (
  SELECT run, object, uid, node, running, at AS from_at, n AS from_n,
         lead(at) OVER w AS next_at, lead(n) OVER w AS until_n
    FROM s WHERE (running = 1 AND step = 1) OR running = 0
  WINDOW w AS (PARTITION BY run, object, uid ORDER BY n))
SELECT edge.run, edge.object, edge.uid, node.text AS node, edge.from_at, edge.from_n,
       coalesce(edge.next_at, e.at) AS until_at, edge.until_n
  FROM edge JOIN run_end AS e ON e.run = edge.run JOIN string AS node ON node.id = edge.node
 WHERE edge.running = 1;

-- Addresses of pods; a restart of the machine gives a pod another one.
CREATE VIEW pod_ip AS
SELECT s.run, s.object, s.uid, ip.text AS ip, s.from_at, s.from_n,
       coalesce(s.next_at, e.at) AS until_at, s.until_n
  FROM state AS s JOIN run_end AS e ON e.run = s.run JOIN string AS ip ON ip.id = s.detail
 WHERE s.what = 'pod-ip' AND s.detail <> 0;

-- Which claims a pod was made with.
CREATE VIEW pod_claim AS
SELECT f.run, f.object, f.uid, f.at, f.n, string.text AS claim
  FROM named_fact AS f JOIN string ON string.id = f.detail
 WHERE f.what = 'pod-claim';

-- Claims from birth to fate, with the volume each got.
CREATE VIEW claim AS
SELECT l.run, l.object, l.namespace, l.name, l.ref AS claim, l.uid, l.created_at, l.created_n,
       l.marked_at, l.marked_n, l.deleted_at, l.deleted_n, l.until_at, string.text AS volume, v.at AS bound_at
  FROM life AS l
  LEFT JOIN named_fact AS v ON v.what = 'claim-volume' AND v.run = l.run AND v.object = l.object
        AND v.uid = l.uid
  LEFT JOIN string ON string.id = v.detail
 WHERE l.kind = 'PersistentVolumeClaim';

-- Disks as they are really attached.
CREATE VIEW volume_attached AS
WITH s AS (
  SELECT run, object, node, what, at AS from_at, n AS from_n,
         lead(at) OVER w AS next_at, lead(n) OVER w AS until_n
    FROM (SELECT * FROM named_fact WHERE what = 'disk-attached'
          UNION ALL
          SELECT * FROM named_fact WHERE what = 'disk-detached')
  WINDOW w AS (PARTITION BY run, object, node ORDER BY n))
SELECT s.run, s.object, o.ref AS volume, node.text AS node, s.from_at, s.from_n,
       coalesce(s.next_at, e.at) AS until_at, s.until_n
  FROM s JOIN run_end AS e ON e.run = s.run JOIN object_ref AS o ON o.object = s.object
  JOIN string AS node ON node.id = s.node
 WHERE s.what = 'disk-attached';

-- Disks as pods can really use them, with the right to write.
CREATE VIEW volume_mounted AS
WITH s AS (
  SELECT run, object, uid, node, detail, what, at AS from_at, n AS from_n,
         lead(at) OVER w AS next_at, lead(n) OVER w AS until_n
    FROM (SELECT * FROM named_fact WHERE what = 'disk-mounted'
          UNION ALL
          SELECT * FROM named_fact WHERE what = 'disk-unmounted')
  WINDOW w AS (PARTITION BY run, object, uid, node ORDER BY n))
SELECT s.run, s.object, o.ref AS volume, s.uid AS pod_uid, node.text AS node, mode.text AS mode,
       s.from_at, s.from_n, coalesce(s.next_at, e.at) AS until_at, s.until_n
  FROM s JOIN run_end AS e ON e.run = s.run JOIN object_ref AS o ON o.object = s.object
  JOIN string AS node ON node.id = s.node JOIN string AS mode ON mode.id = s.detail
 WHERE s.what = 'disk-mounted';

-- Access modes of volumes.
CREATE VIEW volume_modes AS
SELECT f.run, f.object, o.ref AS volume, string.text AS modes
  FROM named_fact AS f JOIN string ON string.id = f.detail JOIN object_ref AS o ON o.object = f.object
 WHERE f.what = 'volume-modes';

-- What a client gets to hear when it looks a name up.
CREATE VIEW dns_answer AS
SELECT s.run, s.object, o.name AS fqdn, answer.text AS answer, s.from_at, s.from_n,
       coalesce(s.next_at, e.at) AS until_at, s.until_n
  FROM state AS s JOIN run_end AS e ON e.run = s.run JOIN object AS o ON o.id = s.object
  JOIN string AS answer ON answer.id = s.detail
 WHERE s.what = 'dns-answer';

-- Nodes as the API shows them.
CREATE VIEW node_ready AS
SELECT s.run, o.name AS node, status.text AS ready, s.from_at, s.from_n,
       coalesce(s.next_at, e.at) AS until_at, s.until_n
  FROM state AS s JOIN run_end AS e ON e.run = s.run JOIN object AS o ON o.id = s.object
  JOIN string AS status ON status.id = s.detail
 WHERE s.what = 'node-ready';

-- Machines as they are.
CREATE VIEW machine_down AS
WITH s AS (
  SELECT run, node, what, at AS from_at, lead(at) OVER w AS next_at
    FROM (SELECT * FROM named_fact WHERE what = 'machine-up'
          UNION ALL
          SELECT * FROM named_fact WHERE what = 'machine-down')
  WINDOW w AS (PARTITION BY run, node ORDER BY n))
SELECT s.run, node.text AS node, s.from_at, coalesce(s.next_at, e.at) AS until_at
  FROM s JOIN run_end AS e ON e.run = s.run JOIN string AS node ON node.id = s.node
 WHERE s.what = 'machine-down';

-- Faults and how long they lasted.
CREATE VIEW fault AS
SELECT b.run, b.number AS step, o.name, detail.text AS what, b.at AS from_at,
       coalesce(f.at, e.at) AS until_at
  FROM named_fact AS b
  JOIN run_end AS e ON e.run = b.run JOIN object AS o ON o.id = b.object
  JOIN string AS detail ON detail.id = b.detail
  LEFT JOIN named_fact AS f ON f.what = 'fault-ended' AND f.run = b.run AND f.object = b.object
        AND f.number = b.number
 WHERE b.what = 'fault-began';

-- What people did.
CREATE VIEW step AS
SELECT f.run, f.at, f.n, o.name, detail.text AS what
  FROM named_fact AS f JOIN object AS o ON o.id = f.object JOIN string AS detail ON detail.id = f.detail
 WHERE f.what = 'step';

-- Numbers and words of a workload's spec and status, as intervals.
CREATE VIEW workload_state AS
SELECT s.what, s.run, s.object, o.ref AS workload, s.uid, detail.text AS word, s.number, s.from_at,
       s.from_n, coalesce(s.next_at, e.at) AS until_at, s.until_n
  FROM state AS s JOIN run_end AS e ON e.run = s.run JOIN object_ref AS o ON o.object = s.object
  JOIN string AS detail ON detail.id = s.detail
 WHERE s.what IN ('workload-replicas', 'workload-start', 'workload-policy', 'workload-strategy',
                  'workload-retention', 'workload-service', 'workload-claim-templates',
                  'workload-min-ready', 'workload-ready', 'workload-revision');

-- Why controllers did what they did, or wait.
CREATE VIEW decision AS
SELECT f.run, f.at, f.n, actor.text AS actor, o.ref AS object, detail.text AS reason
  FROM named_fact AS f JOIN object_ref AS o ON o.object = f.object
  JOIN string AS actor ON actor.id = f.actor JOIN string AS detail ON detail.id = f.detail
 WHERE f.what = 'decision';
