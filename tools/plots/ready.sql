-- SPDX-License-Identifier: Apache-2.0
-- Ready: how many members are Ready (as the API shows it) over time, a line for each run, a field
-- for each workload name. Blocks: 0 the lines, 1 the declared number, 2 faults, 3 steps, 4 labels,
-- 5 fields, 6 names of the lines. Column 1 is the field, column 2 the line within it.

-- A field is 950 points wide less the key; labels of faults and steps that coincide are one.
CREATE TEMP TABLE size AS
SELECT 60 AS left, 30 + 6.6 * min(44, coalesce(max(length(title)), 8)) + 28 AS right,
       1100 - 60 - (30 + 6.6 * min(44, coalesce(max(length(title)), 8)) + 28) AS wide
  FROM panel;

CREATE TEMP TABLE event AS
SELECT DISTINCT p.field, i.kind, i.name AS text, round(i.from_at / 60e9, 3) AS from_min,
       max(round(i.until_at / 60e9, 3)) AS until_min
  FROM incident AS i JOIN panel AS p ON p.panel = i.panel
 GROUP BY p.field, i.kind, i.name, round(i.from_at / 60e9, 3);

INSERT INTO mark
SELECT field, min(from_min * wide / minutes + 3, wide - 5.8 * length(text)), 5.8 * length(text) + 10, text
  FROM event, size, axis;

-- The most of a field, and the room above it for the labels.
CREATE TEMP TABLE top AS
SELECT p.field, p.name, p.namespace, max(1, max(max(t.ready, t.declared))) AS most,
       (SELECT coalesce(max(level) + 1, 0) FROM placed WHERE canvas = p.field) AS levels
  FROM panel AS p JOIN tally AS t ON t.panel = p.panel GROUP BY p.field;

-- Variables.
SELECT 'width' AS name, 1100 AS value
UNION ALL SELECT 'height', CASE count(*) WHEN 0 THEN 0 ELSE 62 + (240 + 13 * max(levels)) * count(*) END FROM top
UNION ALL SELECT 'levels', max(levels) FROM top
UNION ALL SELECT 'fields', count(*) FROM top
UNION ALL SELECT 'minutes', minutes FROM axis
UNION ALL SELECT 'tic', tic FROM axis
UNION ALL SELECT 'factor', factor FROM axis
UNION ALL SELECT 'caption', caption FROM axis
UNION ALL SELECT 'faults', count(*) FROM event WHERE kind = 'fault'
UNION ALL SELECT 'steps', count(*) FROM event WHERE kind = 'step'
UNION ALL SELECT 'left', left FROM size
UNION ALL SELECT 'right', right FROM size
UNION ALL SELECT 'heading', 'Members that the API shows as Ready, over time'
       || CASE WHEN (SELECT count(DISTINCT namespace || '/' || name) FROM workload) > 8
               THEN ' (8 of ' || (SELECT count(DISTINCT namespace || '/' || name) FROM workload)
                    || ' workloads)' ELSE '' END;

-- 0: the lines, from the first fact to the end of the run. What is finer than a quarter of a point
-- is told by its least, its most and its last.
WITH dot AS (
  SELECT t.panel, CAST(t.at / 60e9 / minutes * 4 * wide AS INTEGER) AS slot, min(t.at) AS first_at,
         max(t.at) AS last_at, min(t.ready) AS least, max(t.ready) AS most,
         max(t.n * 1048576 + t.ready) % 1048576 AS last
    FROM tally AS t, axis, size GROUP BY 1, 2)
SELECT p.field, p.line, t.at / 60e9, t.ready
  FROM panel AS p
  JOIN (SELECT panel, first_at AS at, 1 AS i, least AS ready FROM dot
        UNION ALL
        SELECT panel, first_at, 2, most FROM dot WHERE most > least
        UNION ALL
        SELECT panel, last_at, 3, last FROM dot WHERE most > least
        UNION ALL
        SELECT panel, from_at, 0, 0 FROM panel
        UNION ALL
        SELECT p.panel, p.until_at, 4,
               (SELECT ready FROM tally AS t WHERE t.panel = p.panel ORDER BY at DESC LIMIT 1)
          FROM panel AS p) AS t
    ON t.panel = p.panel
 ORDER BY p.field, p.line, t.at, t.i;

-- 1: declared.
SELECT p.field, p.line, t.at / 60e9, t.declared
  FROM panel AS p
  JOIN (SELECT panel, n, at, declared
          FROM (SELECT *, lag(declared) OVER w AS was FROM tally WINDOW w AS (PARTITION BY panel ORDER BY n))
         WHERE declared IS NOT was
        UNION ALL
        SELECT p.panel, 9e18, p.until_at, (SELECT declared FROM tally AS t WHERE t.panel = p.panel
                                            ORDER BY at DESC LIMIT 1) FROM panel AS p) AS t
    ON t.panel = p.panel
 ORDER BY p.field, p.line, t.n;

-- 2: faults, 3: steps.
SELECT field, 0, from_min, until_min FROM event WHERE kind = 'fault' ORDER BY 1, 3, 4;
SELECT DISTINCT field, 0, from_min FROM event WHERE kind = 'step' ORDER BY 1, 3;

-- 4: labels: time, level and text.
SELECT canvas, 0, x * minutes / wide, level, text FROM placed, size, axis ORDER BY 1, 3, 4;

-- 5: fields: the most, title; 6: names of the lines.
SELECT field, 0, most,
       CASE WHEN (SELECT count(DISTINCT namespace) FROM top) > 1 THEN namespace || '/' ELSE '' END || name
  FROM top ORDER BY field;
SELECT field, line, substr(title, 1, 44) FROM panel ORDER BY field, line;
