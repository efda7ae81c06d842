-- SPDX-License-Identifier: Apache-2.0
-- Times: how long the start, each scaling and the recovery from each fault took, a bar for each run.
-- Every action has an aim, the places that must all be filled at one instant: by a Ready, not
-- Terminating pod of that ordinal (StatefulSet), or by as many such pods (Deployment).
-- * A start or scaling aims at what was declared at that action; a scaling also needs all others
--   gone. The next change of the number (or of ordinals.start) overtakes it: "not in" the time until then.
-- * A recovery aims at what has been declared ever since the loss: it goes on across a change of the
--   number, but what is declared later is not waited for, and what is no longer declared is not
--   either. If the change itself takes away all that was missing, nothing recovered: "not in".
-- Blocks: 0 bars, 1 texts, 2 lines, 3 break marks; x in points from the start of the bars, y downwards.

CREATE TEMP TABLE wanted AS
WITH declared AS (
  SELECT panel, n, at, declared, lag(declared) OVER w AS before
    FROM (SELECT *, lag(declared) OVER (PARTITION BY panel ORDER BY n) AS was FROM tally)
   WHERE declared IS NOT was
  WINDOW w AS (PARTITION BY panel ORDER BY n)),
change AS (
  SELECT panel, at, at AS lasts_until, CASE WHEN before IS NULL THEN 'start' ELSE 'scale' END AS kind,
         CASE WHEN before IS NULL THEN 'start of ' || declared ELSE 'scale ' || before || ' to ' || declared
           END AS text
    FROM declared WHERE before IS NOT NULL OR declared > 0),
hit AS (
  SELECT i.panel, i.from_at AS at, i.until_at AS lasts_until, i.kind, i.name AS text
    FROM incident AS i
   WHERE NOT EXISTS (SELECT 1 FROM change AS c WHERE c.panel = i.panel AND i.kind = 'step'
                        AND c.at BETWEEN i.from_at AND i.from_at + 1000000000)),
both AS (
  SELECT panel, at, lasts_until, kind, text FROM change
  UNION ALL SELECT panel, at, lasts_until, kind, text FROM hit)
SELECT panel, at, lasts_until, kind, text,
       row_number() OVER (PARTITION BY panel, kind, text ORDER BY at) AS again,
       lead(at, 1, 9e18) OVER (PARTITION BY panel ORDER BY at, kind, text) AS next_at
  FROM both;

-- What is declared, from one change to the next: ordinals low <= ordinal < high.
CREATE TEMP TABLE span AS
WITH start AS (
  SELECT p.panel, f.rowid AS n, f.at, f.number AS low
    FROM panel AS p
    JOIN object AS o ON o.kind = p.kind AND o.namespace = p.namespace AND o.name = p.name
   CROSS JOIN row CROSS JOIN fact AS f ON f.row = +row.id AND f.run = p.run AND f.object = +o.id
   WHERE row.name = 'workload-start'),
moment AS (SELECT panel, at FROM tally UNION SELECT panel, at FROM start),
known AS (
  SELECT m.panel, m.at,
         coalesce((SELECT s.low FROM start AS s WHERE s.panel = m.panel AND s.at <= m.at
                   ORDER BY s.n DESC LIMIT 1), 0) AS low,
         coalesce((SELECT t.declared FROM tally AS t WHERE t.panel = m.panel AND t.at <= m.at
                   ORDER BY t.at DESC LIMIT 1), 0) AS declared
    FROM moment AS m),
changed AS (
  SELECT *, low IS NOT lag(low) OVER w OR declared IS NOT lag(declared) OVER w AS is_new
    FROM known WINDOW w AS (PARTITION BY panel ORDER BY at))
SELECT panel, at AS from_at, lead(at, 1, 9e18) OVER (PARTITION BY panel ORDER BY at) AS until_at,
       low, low + declared AS high
  FROM changed WHERE is_new;

-- Pods while they are in the API; whoever is in place is Ready and not Terminating.
CREATE TEMP TABLE presence AS
SELECT s.panel, s.member, CASE p.kind WHEN 'StatefulSet' THEN m.ordinal END AS ordinal, s.from_at,
       lead(s.from_at, 1, 9e18) OVER (PARTITION BY s.member ORDER BY s.n) AS until_at, s.active, s.live
  FROM segment AS s JOIN member AS m ON m.member = s.member JOIN panel AS p ON p.panel = s.panel;
DELETE FROM presence WHERE from_at = until_at OR NOT live;
CREATE INDEX temp.presence_by_panel ON presence (panel, from_at);

-- What is not a change of the number must first do harm: a declared member is lost before anything
-- else happens, or, whatever the number does meanwhile, while the fault lasts.
CREATE TEMP TABLE loss AS
SELECT DISTINCT g.panel, g.until_at AS at
  FROM presence AS g
  JOIN span AS d ON d.panel = g.panel AND g.until_at >= d.from_at AND g.until_at < d.until_at
  JOIN tally AS t ON t.panel = g.panel AND t.at = g.until_at
 WHERE g.active
   AND CASE WHEN g.ordinal IS NULL THEN t.active < t.declared
            ELSE g.ordinal >= d.low AND g.ordinal < d.high END
   AND NOT EXISTS (SELECT 1 FROM presence AS s WHERE s.panel = g.panel AND s.member = g.member
                      AND s.from_at = g.until_at AND s.active);
CREATE INDEX temp.loss_by_panel ON loss (panel, at);

CREATE TEMP TABLE action AS
WITH window_of AS (
  SELECT w.*, row_number() OVER (ORDER BY panel, at, kind, text) AS action,
         max(next_at, min(lasts_until,
             coalesce((SELECT min(x.at) FROM wanted AS x WHERE x.panel = w.panel AND x.at > w.at
                          AND x.kind IN ('fault', 'step')), 9e18))) AS harm_until
    FROM wanted AS w)
SELECT *, CASE WHEN kind IN ('start', 'scale') THEN at
               ELSE (SELECT min(l.at) FROM loss AS l WHERE l.panel = w.panel AND l.at >= w.at
                        AND l.at < w.harm_until) END AS harm_at
  FROM window_of AS w;

-- The aims: a recovery's may shrink with each change of the number.
CREATE TEMP TABLE aim AS
SELECT a.action, a.panel, a.kind, max(d.from_at, a.harm_at) AS from_at, d.until_at,
       d.from_at > a.harm_at AS is_cut, max(d.low) OVER w AS low, min(d.high) OVER w AS high
  FROM action AS a
  JOIN span AS d ON d.panel = a.panel AND d.until_at > a.harm_at
   AND (a.kind IN ('fault', 'step') OR d.from_at <= a.harm_at)
WINDOW w AS (PARTITION BY a.action ORDER BY d.from_at);

-- The instants at which an aim was reached, the first for each.
CREATE TEMP TABLE reached AS
WITH part AS (
  SELECT i.action, i.from_at AS aim_at, max(g.from_at, i.from_at) AS from_at, min(g.until_at, i.until_at) AS until_at,
         g.active AND (g.ordinal IS NULL OR g.ordinal >= i.low AND g.ordinal < i.high) AS placed
    FROM aim AS i JOIN presence AS g ON g.panel = i.panel AND g.from_at < i.until_at AND g.until_at > i.from_at),
change AS (
  SELECT action, aim_at, aim_at AS at, 0 AS placed, 0 AS live
    FROM (SELECT action, from_at AS aim_at FROM aim)
  UNION ALL SELECT action, aim_at, from_at, placed, 1 FROM part
  UNION ALL SELECT action, aim_at, until_at, -placed, -1 FROM part),
instant AS (
  SELECT action, aim_at, at, sum(sum(placed)) OVER w AS placed, sum(sum(live)) OVER w AS live
    FROM change GROUP BY action, aim_at, at WINDOW w AS (PARTITION BY action, aim_at ORDER BY at))
SELECT i.action, t.at, i.is_cut AND t.at = i.from_at AS is_cut
  FROM instant AS t JOIN aim AS i ON i.action = t.action AND i.from_at = t.aim_at
 WHERE t.at < i.until_at AND t.placed >= i.high - i.low
   AND (i.kind <> 'scale' OR t.live <= i.high - i.low);

-- How each action ended; the run's end makes it "never".
CREATE TEMP TABLE bar AS
WITH first AS (SELECT action, min(at) AS at, is_cut FROM reached GROUP BY action),
ended AS (
  SELECT a.*, p.field, p.line, p.title, p.until_at,
         CASE WHEN NOT f.is_cut THEN f.at END AS over_at,
         CASE WHEN f.is_cut THEN f.at
              WHEN f.at IS NULL AND a.kind IN ('start', 'scale') THEN
                (SELECT nullif(i.until_at, 9e18) FROM aim AS i WHERE i.action = a.action) END AS cut_at
    FROM action AS a JOIN panel AS p ON p.panel = a.panel LEFT JOIN first AS f ON f.action = a.action),
shown AS (
  SELECT *, CASE kind WHEN 'fault' THEN 'recovery from ' WHEN 'step' THEN 'recovery after ' ELSE '' END || text
            || CASE WHEN again > 1 THEN ' (' || again || ')' ELSE '' END AS measure
    FROM ended)
SELECT field, line, title, measure, min(at) OVER (PARTITION BY field, measure) AS first_at, at, harm_at,
       CASE WHEN harm_at IS NULL THEN 0 ELSE (coalesce(over_at, cut_at, until_at) - at) / 1e9 END AS seconds,
       CASE WHEN harm_at IS NULL THEN 'unharmed' WHEN over_at IS NOT NULL THEN 'over'
            WHEN cut_at IS NOT NULL THEN 'overtaken' ELSE 'never' END AS style
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

-- The scale is that of what ended; what never did is cut at it, with a break mark before its end.
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

-- 3: break marks, for bars that go on beyond the axis.
SELECT wide - 15 + k.value, bottom, i FROM row_of, size, json_each('[0, 5]') AS k
 WHERE style <> 'unharmed' AND seconds > longest ORDER BY i, 1;
