-- SPDX-License-Identifier: Apache-2.0
-- Lifelines: for each identity what the API says, what really runs and where the volume is; the runs
-- of one workload name one above the other. The first 24 names get a picture each.
-- split: SELECT DISTINCT name FROM workload ORDER BY name LIMIT 24
--
-- Everything is placed in points, y downwards, x from 0 (start of the run) to 950; gnuplot maps
-- them to the picture. Blocks: 0 areas, 1 boxes, 2 lines, 3 texts; the first column names a style.

-- Rows: a pet's incarnations share one, each head of cattle has its own.
CREATE TEMP TABLE lane AS
WITH first AS (
  SELECT m.panel, m.object, m.name, max(m.ordinal) AS ordinal, min(m.created_n) AS n
    FROM member AS m GROUP BY m.panel, m.object),
numbered AS (
  SELECT f.*, p.kind, row_number() OVER (PARTITION BY f.panel ORDER BY
           CASE p.kind WHEN 'StatefulSet' THEN f.ordinal ELSE 0 END, f.n) AS i
    FROM first AS f JOIN panel AS p ON p.panel = f.panel)
SELECT panel, object, i,
       CASE kind WHEN 'StatefulSet' THEN name
         ELSE '…-' || substr(name, 1 + length(rtrim(name, replace(name, '-', '')))) END AS label
  FROM numbered WHERE i <= 60;

-- Where a pod's disks are: mounted for this pod, or attached. A pet owns its claim for good; cattle
-- share one, so a head sees it attached only while it lives and only to its own node.
CREATE TEMP TABLE ref (text PRIMARY KEY, object);
INSERT INTO ref SELECT kind || '/' || namespace || '/' || name, id FROM object
 WHERE kind IN ('PersistentVolumeClaim', 'PersistentVolume');
CREATE TEMP TABLE owned AS
SELECT DISTINCT m.panel, m.run, m.object, v.object AS volume, p.kind = 'StatefulSet' AS is_pet
  FROM member AS m CROSS JOIN row AS r1
 CROSS JOIN fact AS c ON c.row = +r1.id AND c.run = m.run AND c.object = m.object AND c.uid = m.uid
 CROSS JOIN string AS s ON s.id = c.detail CROSS JOIN ref AS o ON o.text = s.text CROSS JOIN row AS r2
 CROSS JOIN fact AS b ON b.row = +r2.id AND b.run = m.run AND b.object = o.object
 CROSS JOIN string AS t ON t.id = b.detail CROSS JOIN ref AS v ON v.text = t.text
  JOIN panel AS p ON p.panel = m.panel
 WHERE r1.name = 'pod-claim' AND r2.name = 'claim-volume';
CREATE TEMP TABLE disk AS
WITH change AS (
  SELECT o.panel, o.object, f.node, f.rowid AS n, f.at,
         CASE row.name WHEN 'disk-attached' THEN 1 WHEN 'disk-detached' THEN -1 ELSE 0 END AS attached,
         CASE row.name WHEN 'disk-mounted' THEN 1 WHEN 'disk-unmounted' THEN -1 ELSE 0 END AS mounted
    FROM owned AS o CROSS JOIN row
   CROSS JOIN fact AS f ON f.row = +row.id AND f.run = o.run AND f.object = o.volume
   WHERE row.name IN ('disk-mounted', 'disk-unmounted') AND EXISTS
           (SELECT 1 FROM member AS m WHERE m.object = o.object AND m.uid = f.uid AND m.run = o.run)
      OR row.name IN ('disk-attached', 'disk-detached') AND (o.is_pet OR EXISTS
           (SELECT 1 FROM row AS r CROSS JOIN fact AS b ON b.row = +r.id AND b.run = o.run
               AND b.object = o.object AND b.node = f.node WHERE r.name = 'pod-node'))),
swept AS (
  SELECT panel, object, node, n, at, lead(at) OVER w AS next_at,
         CASE WHEN sum(mounted) OVER w > 0 THEN 'mounted' WHEN sum(attached) OVER w > 0 THEN 'attached'
           END AS style
    FROM change WINDOW w AS (PARTITION BY panel, object, node ORDER BY n)),
edge AS (
  SELECT *, lag(style, 1, '') OVER (PARTITION BY panel, object, node ORDER BY n) IS style AS is_same
    FROM swept),
joined AS (
  SELECT panel, object, node, style, n, at,
         lead(at) OVER (PARTITION BY panel, object, node ORDER BY n) AS next_at
    FROM edge WHERE NOT is_same)
SELECT j.panel, j.object, j.style, node.text AS node, j.n, max(j.at, coalesce(l.from_at, 0)) AS from_at,
       min(coalesce(j.next_at, p.until_at), coalesce(l.until_at, p.until_at)) AS until_at
  FROM joined AS j JOIN panel AS p ON p.panel = j.panel JOIN string AS node ON node.id = j.node
  LEFT JOIN (SELECT m.panel, m.object, min(s.from_at) AS from_at, max(s.until_at) AS until_at
               FROM segment AS s JOIN member AS m ON m.member = s.member WHERE s.live
              GROUP BY m.panel, m.object) AS l
    ON j.style = 'attached' AND p.kind <> 'StatefulSet' AND l.panel = j.panel AND l.object = j.object
 WHERE j.style IS NOT NULL;

-- Intervals of each row, by lane: api, runs, disk.
CREATE TEMP TABLE bar AS
WITH api AS (
  SELECT member, panel, n, from_at, api AS style,
         api IS lag(api, 1, '') OVER (PARTITION BY member ORDER BY n) AS is_same
    FROM segment),
api_joined AS (
  SELECT a.member, a.panel, a.n, a.style, a.from_at,
         lead(a.from_at) OVER (PARTITION BY a.member ORDER BY a.n) AS next_at
    FROM api AS a WHERE NOT is_same),
runs AS (
  SELECT member, panel, n, from_at, CASE WHEN runs THEN 'runs' WHEN api = 'ready' THEN 'ghost' END AS style
    FROM segment),
runs_edge AS (
  SELECT *, style IS lag(style, 1, '') OVER (PARTITION BY member ORDER BY n) AS is_same FROM runs),
runs_joined AS (
  SELECT member, panel, n, style, from_at,
         lead(from_at) OVER (PARTITION BY member ORDER BY n) AS next_at
    FROM runs_edge WHERE NOT is_same)
SELECT 'api' AS lane, j.panel, m.object, j.n, j.style, NULL AS node, j.from_at,
       coalesce(j.next_at, p.until_at) AS until_at
  FROM api_joined AS j JOIN member AS m ON m.member = j.member JOIN panel AS p ON p.panel = j.panel
 WHERE j.style <> 'absent'
UNION ALL
SELECT 'runs', j.panel, m.object, j.n, j.style,
       (SELECT s.text FROM row CROSS JOIN fact AS f ON f.row = +row.id AND f.run = m.run
           AND f.object = m.object AND f.uid = m.uid JOIN string AS s ON s.id = f.node
         WHERE row.name = 'pod-node' LIMIT 1),
       j.from_at, coalesce(j.next_at, p.until_at)
  FROM runs_joined AS j JOIN member AS m ON m.member = j.member JOIN panel AS p ON p.panel = j.panel
 WHERE j.style IS NOT NULL
UNION ALL
SELECT 'disk', panel, object, n, style, node, from_at, until_at FROM disk;

-- Two incarnations of one identity that really run at once.
INSERT INTO bar
WITH change AS (
  SELECT panel, object, n, from_at AS at, 1 AS step FROM bar WHERE style = 'runs'
  UNION ALL
  SELECT panel, object, n, until_at, -1 FROM bar WHERE style = 'runs'),
swept AS (
  SELECT panel, object, at, sum(step) OVER w AS together, lead(at) OVER w AS next_at
    FROM change WINDOW w AS (PARTITION BY panel, object ORDER BY at, step))
SELECT 'runs', panel, object, 0, 'double', NULL, at, next_at
  FROM swept WHERE together > 1 AND next_at > at;

-- Sizes: what a minute, a row and a panel measure.
CREATE TEMP TABLE size AS
SELECT 950 / (axis.minutes * 60e9) AS scale,
       max(14, min(39, 1300 / max(1, (SELECT count(*) FROM lane)))) AS pitch
  FROM axis;

INSERT INTO mark
SELECT panel, min(from_at * scale + 3, 950 - 5.6 * length(text)), 5.6 * length(text) + 12, text
  FROM incident, size;

CREATE TEMP TABLE spot AS
SELECT panel, canvas_top + 20 + 13 * levels AS top, canvas_top, rows, pitch,
       canvas_top + 24 + 13 * levels + rows * pitch AS bottom
  FROM (SELECT panel, rows, levels, pitch,
               106 + coalesce(sum(58 + 13 * levels + rows * pitch) OVER
                       (ORDER BY panel ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS canvas_top
          FROM (SELECT p.panel, pitch,
                       (SELECT count(*) FROM lane AS l WHERE l.panel = p.panel) AS rows,
                       (SELECT coalesce(max(level) + 1, 0) FROM placed WHERE canvas = p.panel) AS levels
                  FROM panel AS p, size));

-- A legend lists what occurs, in two lines.
CREATE TEMP TABLE legend AS
WITH item (line, i, style, text) AS (VALUES
  (0, 0, '', 'the API says'), (0, 1, 'pending', 'Pending'), (0, 2, 'notready', 'Running, not Ready'),
  (0, 3, 'ready', 'Ready'), (0, 4, 'terminating', 'Terminating'),
  (0, 5, 'finished', 'Failed or Succeeded'), (0, 6, 'nothing', 'absent'),
  (1, 0, '', 'what runs'), (1, 1, 'runs', 'containers'),
  (1, 2, 'ghost', 'API says Ready, nothing runs'), (1, 3, 'double', 'two at once'),
  (2, 0, '', 'the volume'), (2, 1, 'mounted', 'mounted'), (2, 2, 'attached', 'attached only'),
  (2, 7, '', 'what happens'),
  (2, 8, 'fault', 'fault'), (2, 9, 'step', 'step'))
SELECT line, style, text,
       CASE i WHEN 0 THEN -108
              ELSE sum(CASE i WHEN 0 THEN 0 ELSE 42 + 5.7 * length(text) END) OVER w
                   - 42 - 5.7 * length(text) END AS x,
       38 + 19 * line AS y
  FROM item
 WHERE i = 0 AND (line < 2 OR EXISTS (SELECT 1 FROM bar WHERE lane = 'disk')) OR i = 7 AND EXISTS (SELECT 1 FROM incident) OR style IN ('nothing', 'pending', 'notready', 'ready') OR style IN (SELECT style FROM bar)
    OR style IN (SELECT kind FROM incident)
WINDOW w AS (PARTITION BY line ORDER BY i);

-- Where the bars go; those that begin within the same quarter of a point are one.
CREATE TEMP TABLE shape AS
WITH fine AS (
  SELECT b.lane, b.style, b.node, b.panel, b.object, b.from_at * scale AS x0,
         max(b.until_at * scale, b.from_at * scale
             + CASE WHEN b.style IN ('ghost', 'double') AND b.until_at - b.from_at >= 2e9 THEN 4
                    WHEN b.style = 'terminating' THEN 1.5 ELSE 0.5 END) AS x1,
         (b.until_at - b.from_at) / 1e9 AS seconds
    FROM bar AS b, size WHERE b.until_at > b.from_at),
coarse AS (
  SELECT lane, style, node, panel, object, min(x0) AS x0, max(x1) AS x1, max(seconds) AS seconds
    FROM fine GROUP BY panel, object, lane, style, node, CAST(x0 * 4 AS INTEGER))
SELECT c.*, spot.top + size.pitch * (l.i - 1)
         + size.pitch * CASE c.lane WHEN 'api' THEN 0.08 WHEN 'runs' THEN 0.37 ELSE 0.65 END AS y0,
       size.pitch * 0.26 AS high,
       lead(c.x0, 1, 1e9) OVER (PARTITION BY c.panel, c.object, c.lane ORDER BY c.x0, c.x1) AS next_x
  FROM coarse AS c JOIN lane AS l ON l.panel = c.panel AND l.object = c.object
  JOIN spot ON spot.panel = c.panel JOIN size;

-- Variables.
SELECT 'width' AS name, 1100 AS value
UNION ALL SELECT 'height', coalesce(max(bottom), 150) + 40 FROM spot
UNION ALL SELECT 'minutes', minutes FROM axis
UNION ALL SELECT 'tic', tic FROM axis
UNION ALL SELECT 'lane_font', CASE WHEN pitch >= 36 THEN 8 WHEN pitch >= 26 THEN 6 ELSE 0 END FROM size
UNION ALL SELECT 'label_font', CASE WHEN pitch >= 18 THEN 10 ELSE 8 END FROM size
UNION ALL
SELECT 'note', run.scenario || CASE count(DISTINCT run.seed) WHEN 1 THEN ', seed ' || run.seed ELSE '' END
       || CASE WHEN (SELECT count(DISTINCT run) FROM workload WHERE name = :split) > count(DISTINCT run.id)
               THEN ', ' || count(DISTINCT run.id) || ' of '
                    || (SELECT count(DISTINCT run) FROM workload WHERE name = :split) || ' runs' ELSE '' END
  FROM run WHERE id IN (SELECT run FROM panel);

-- 0: rows, faults.
SELECT 'panel', 0, 950, top, bottom FROM spot
UNION ALL
SELECT 'fault', i.from_at * scale, max(i.until_at * scale, i.from_at * scale + 1), s.top - 2, s.bottom
  FROM incident AS i JOIN spot AS s ON s.panel = i.panel JOIN size WHERE i.kind = 'fault'
UNION ALL
SELECT 'fault', x, x + 22, y - 6, y + 6 FROM legend WHERE style = 'fault'
 ORDER BY 1 DESC, 4, 2, 3;

-- 1: boxes.
SELECT style, x0, x1, y0, y0 + high FROM shape
UNION ALL
SELECT style, x, x + 22, y - 5, y + 5 FROM legend WHERE style NOT IN ('', 'fault', 'step', 'nothing')
 ORDER BY 4, 2, 3, 1;

-- 2: lines: tics, rows, steps.
SELECT 'grid', x.value * tic * 60e9 * scale, s.top, x.value * tic * 60e9 * scale, s.bottom
  FROM spot AS s, axis, size, json_each('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14]') AS x
 WHERE x.value * tic <= minutes
UNION ALL
SELECT 'row', 0, s.top + size.pitch * l.i, 950, s.top + size.pitch * l.i
  FROM lane AS l JOIN spot AS s ON s.panel = l.panel JOIN size
UNION ALL
SELECT 'absent', 0, s.top + size.pitch * (l.i - 0.79), 950, s.top + size.pitch * (l.i - 0.79)
  FROM lane AS l JOIN spot AS s ON s.panel = l.panel JOIN size
UNION ALL
SELECT 'absent', x, y, x + 22, y FROM legend WHERE style = 'nothing'
UNION ALL
SELECT 'step', i.from_at * scale, s.top - 2, i.from_at * scale, s.bottom
  FROM incident AS i JOIN spot AS s ON s.panel = i.panel JOIN size WHERE i.kind = 'step'
UNION ALL
SELECT 'edge', edge.value * scale, s.top, edge.value * scale, s.bottom
  FROM incident AS i JOIN spot AS s ON s.panel = i.panel JOIN size
  JOIN json_each(json_array(i.from_at, i.until_at)) AS edge
 WHERE i.kind = 'fault'
UNION ALL
SELECT 'step', x + 11, y - 7, x + 11, y + 7 FROM legend WHERE style = 'step'
UNION ALL
SELECT 'end', p.until_at * scale, s.top, p.until_at * scale, s.bottom
  FROM panel AS p JOIN spot AS s ON s.panel = p.panel JOIN size, axis
 WHERE p.until_at < minutes * 60e9
 ORDER BY 1, 3, 2;

-- 3: texts.
SELECT 'heading' AS style, -108 AS x, 14 AS y, :split || ': what the API says, what really runs, where the volume is' AS text
UNION ALL
SELECT 'panel', -108, canvas_top + 4,
       p.title || CASE WHEN rows < (SELECT count(DISTINCT object) FROM member AS m WHERE m.panel = p.panel)
                       THEN ': the first ' || rows || ' of '
                            || (SELECT count(DISTINCT object) FROM member AS m WHERE m.panel = p.panel)
                            || ' pods' ELSE '' END
  FROM spot JOIN panel AS p ON p.panel = spot.panel
UNION ALL
SELECT 'member', -8, s.top + size.pitch * (l.i - 0.5), l.label
  FROM lane AS l JOIN spot AS s ON s.panel = l.panel JOIN size
UNION ALL
SELECT 'mark', m.x, s.top - 8 - 13 * m.level, m.text
  FROM placed AS m JOIN spot AS s ON s.panel = m.canvas
UNION ALL
SELECT CASE b.style WHEN 'attached' THEN 'dark' ELSE 'light' END, b.x0 + 3, b.y0 + b.high / 2, b.node
  FROM shape AS b
 WHERE b.style IN ('runs', 'mounted', 'attached') AND b.x1 - b.x0 >= 6 + 5.2 * length(b.node)
UNION ALL
SELECT 'alarm', b.x1 + 4, b.y0 + b.high / 2,
       printf('%.0f s', b.seconds) || CASE WHEN b.next_x < b.x1 + 150 THEN ''
         WHEN b.style = 'ghost' THEN ' Ready but not running' ELSE ' two at once' END
  FROM shape AS b
 WHERE b.style IN ('ghost', 'double') AND b.seconds >= 2 AND b.x1 < 800 AND b.next_x >= b.x1 + 36
UNION ALL
SELECT 'tic', x.value * tic * 60e9 * scale, s.bottom + 9, printf('%g', x.value * tic * factor)
  FROM spot AS s, axis, size, json_each('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14]') AS x
 WHERE x.value * tic <= minutes
UNION ALL
SELECT 'tic', 475, max(bottom) + 26, caption FROM spot, axis
UNION ALL
SELECT CASE style WHEN '' THEN 'title' ELSE 'legend' END, x + CASE style WHEN '' THEN 0 ELSE 26 END, y, text
  FROM legend
 ORDER BY 1, 3, 2, 4;
