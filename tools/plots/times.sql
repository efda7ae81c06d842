-- SPDX-License-Identifier: Apache-2.0
-- Times: how long the start, each scaling and the recovery from each fault took, a bar for each run.
-- A start or scale-up ends when as many members are Ready (and not Terminating) as are declared; a
-- scale-down also needs the others gone. A recovery ends when all declared members are Ready again.
-- Blocks: 0 bars, 1 texts, 2 lines; x in points from the start of the bars, y downwards.

CREATE TEMP TABLE wanted AS
WITH declared AS (
  SELECT panel, n, at, declared, lag(declared) OVER w AS before
    FROM (SELECT *, lag(declared) OVER (PARTITION BY panel ORDER BY n) AS was FROM tally)
   WHERE declared IS NOT was
  WINDOW w AS (PARTITION BY panel ORDER BY n)),
change AS (
  SELECT panel, n, at, CASE WHEN before IS NULL THEN 'start' ELSE 'scale' END AS kind,
         CASE WHEN before IS NULL THEN 'start of ' || declared ELSE 'scale ' || before || ' to ' || declared
           END AS text
    FROM declared WHERE before IS NOT NULL OR declared > 0),
hit AS (
  SELECT i.panel, i.from_at AS at, i.kind, i.name AS text
    FROM incident AS i
   WHERE NOT EXISTS (SELECT 1 FROM change AS c WHERE c.panel = i.panel AND i.kind = 'step'
                        AND c.at BETWEEN i.from_at AND i.from_at + 1000000000)),
both AS (
  SELECT panel, at, kind, text FROM change UNION ALL SELECT panel, at, kind, text FROM hit)
SELECT panel, at, kind, text,
       row_number() OVER (PARTITION BY panel, kind, text ORDER BY at) AS again,
       lead(at, 1, 9e18) OVER (PARTITION BY panel ORDER BY at, kind, text) AS next_at
  FROM both;

-- When it was over; NULL if never. What is not a change of the number must first do harm: a member
-- is lost before anything else happens.
CREATE TEMP TABLE loss AS
SELECT panel, n, at
  FROM (SELECT *, lag(active) OVER (PARTITION BY panel ORDER BY n) AS before FROM tally)
 WHERE active < before AND active < declared;
CREATE INDEX temp.loss_by_panel ON loss (panel, at);
CREATE TEMP TABLE lasted AS
WITH harm AS (
  SELECT w.*,
         CASE WHEN kind IN ('start', 'scale') THEN at
              ELSE (SELECT l.at FROM loss AS l WHERE l.panel = w.panel AND l.at >= w.at
                       AND l.at < w.next_at ORDER BY l.at LIMIT 1) END AS harm_at
    FROM wanted AS w)
SELECT h.panel, h.kind, h.text, h.again, h.at, h.harm_at, h.next_at,
       (SELECT t.at FROM tally AS t WHERE t.panel = h.panel AND t.at >= h.harm_at
           AND t.active >= t.declared AND (h.kind <> 'scale' OR t.live <= t.declared)
         ORDER BY t.at LIMIT 1)
         AS over_at
  FROM harm AS h;

-- A scaling may be overtaken by the next one before it is over; the run's end makes it "never".
CREATE TEMP TABLE bar AS
WITH ended AS (
  SELECT l.*, p.field, p.line, p.title, p.until_at,
         CASE WHEN l.kind = 'scale' AND EXISTS
                (SELECT 1 FROM wanted AS w WHERE w.panel = l.panel AND w.kind = 'scale'
                    AND w.at > l.at AND w.at < coalesce(l.over_at, 9e18))
              THEN 1 ELSE 0 END AS is_overtaken
    FROM lasted AS l JOIN panel AS p ON p.panel = l.panel),
shown AS (
  SELECT *, CASE kind WHEN 'fault' THEN 'recovery from ' WHEN 'step' THEN 'recovery after ' ELSE '' END || text
            || CASE WHEN again > 1 THEN ' (' || again || ')' ELSE '' END AS measure,
         CASE WHEN is_overtaken THEN NULL ELSE over_at END AS end_at,
         CASE WHEN is_overtaken THEN (SELECT min(w.at) FROM wanted AS w
                                       WHERE w.panel = ended.panel AND w.kind = 'scale' AND w.at > ended.at)
              ELSE until_at END AS cut_at
    FROM ended)
SELECT field, line, title, measure, min(at) OVER (PARTITION BY field, measure) AS first_at, at, harm_at,
       CASE WHEN harm_at IS NULL THEN 0 ELSE (coalesce(end_at, cut_at) - at) / 1e9 END AS seconds,
       CASE WHEN harm_at IS NULL THEN 'unharmed' WHEN is_overtaken THEN 'overtaken'
            WHEN end_at IS NULL THEN 'never' ELSE 'over' END AS style
  FROM shown
 WHERE (field, measure) IN (SELECT field, measure FROM shown WHERE harm_at IS NOT NULL);

-- Layout: 17 points a bar, a heading for each measure, a title for each field; 100 bars at most.
CREATE TEMP TABLE row_of AS
WITH heading AS (
  SELECT *, line = min(line) OVER (PARTITION BY field, measure) AS opens_measure,
         dense_rank() OVER (PARTITION BY field ORDER BY first_at, measure) AS measure_i FROM bar),
sized AS (
  SELECT *, row_number() OVER (ORDER BY field, measure_i, line) AS i,
         opens_measure AND measure_i = 1 AS opens_field FROM heading)
SELECT *, 30 + sum(17 + 24 * opens_measure + 36 * opens_field) OVER (ORDER BY i) AS bottom
  FROM sized WHERE i <= 100;

-- The scale is that of what ended; what never did is cut at it.
CREATE TEMP TABLE size AS
WITH wide AS (
  SELECT 40 + 6.3 * min(44, coalesce(max(length(title)), 8)) AS left,
         max(1, coalesce((SELECT max(seconds) FROM row_of WHERE style = 'over'),
                         (SELECT max(seconds) FROM row_of), 1)) * 1.02 AS longest FROM row_of),
tic (step) AS (VALUES (0.1), (0.5), (1), (2), (5), (10), (20), (30), (60), (120), (300), (600), (900), (1800),
                      (3600), (7200), (21600), (43200), (86400), (604800))
SELECT left, 1100 - left - 170 AS wide, (1100 - left - 170) / longest AS scale, longest,
       (SELECT min(step) FROM tic WHERE longest / step <= 12) AS tic
  FROM wide;

-- Variables.
SELECT 'width' AS name, 1100 AS value
UNION ALL SELECT 'height', coalesce(max(bottom) + 56, 0) FROM row_of
UNION ALL SELECT 'left', left FROM size;

-- 0: bars.
SELECT CASE style WHEN 'over' THEN 'over' ELSE 'never' END, line, 0, max(min(seconds, longest) * scale, 1), bottom - 14, bottom - 1
  FROM row_of, size WHERE style <> 'unharmed' ORDER BY i;

-- 1: texts.
SELECT 'heading' AS style, 12 - left AS x, 16 AS y, 'How long starting, scaling and recovering took'
       || CASE WHEN (SELECT count(*) FROM bar) > 100 THEN ': the first 100 of '
               || (SELECT count(*) FROM bar) || ' times' ELSE '' END AS text, 0 AS i
  FROM size
UNION ALL
SELECT 'field', 12 - left, bottom - 51,
       (SELECT CASE WHEN (SELECT count(DISTINCT namespace) FROM panel) > 1 THEN namespace || '/' ELSE '' END
               || name FROM panel AS p WHERE p.field = r.field LIMIT 1), i
  FROM row_of AS r, size WHERE opens_field
UNION ALL
SELECT 'measure', 22 - left, bottom - 26, measure, i FROM row_of, size WHERE opens_measure
UNION ALL
SELECT 'run', -8, bottom - 7.5, substr(title, 1, 44), i FROM row_of
UNION ALL
SELECT CASE style WHEN 'over' THEN 'number' ELSE 'never' END, min(seconds, longest) * scale + 7, bottom - 7.5,
       CASE style WHEN 'unharmed' THEN 'all stayed Ready' WHEN 'never' THEN 'never in '
            WHEN 'overtaken' THEN 'not in ' ELSE '' END
       || CASE WHEN style = 'unharmed' THEN ''
               WHEN r.seconds < 99.95 THEN printf('%.1f s', r.seconds)
               WHEN r.seconds < 7200 THEN printf('%d min %02d s', CAST(round(r.seconds) AS INTEGER) / 60,
                                                 CAST(round(r.seconds) AS INTEGER) % 60)
               ELSE printf('%d h %02d min', CAST(round(r.seconds / 60) AS INTEGER) / 60,
                           CAST(round(r.seconds / 60) AS INTEGER) % 60) END, i
  FROM row_of AS r, size
UNION ALL
SELECT 'tic', t.value * tic * scale, (SELECT max(bottom) FROM row_of) + 14,
       printf('%g', t.value * tic / CASE WHEN longest > 120 THEN 60.0 ELSE 1 END), 0
  FROM size, json_each('[0,1,2,3,4,5,6,7,8,9,10,11,12]') AS t WHERE t.value * tic <= longest
UNION ALL
SELECT 'tic', wide / 2, (SELECT max(bottom) FROM row_of) + 34,
       CASE WHEN longest > 120 THEN 'minutes' ELSE 'seconds' END, 0 FROM size
 ORDER BY 5, 1, 3, 2;

-- 2: lines.
SELECT 'grid', t.value * tic * scale, 46, t.value * tic * scale, (SELECT max(bottom) FROM row_of) + 4
  FROM size, json_each('[0,1,2,3,4,5,6,7,8,9,10,11,12]') AS t WHERE t.value * tic <= longest
 ORDER BY 2;
