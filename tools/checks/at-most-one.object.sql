-- SPDX-License-Identifier: Apache-2.0
-- guarantee: at-most-one.object
-- promise: the API never holds two live pods of one identity (namespace and name).

-- exercised: pods whose name had been used before
CREATE TEMP TABLE succession AS
SELECT run, workload, object, ref, uid, created_at, created_n,
       lag(uid) OVER w AS before_uid, lag(deleted_n) OVER w AS before_deleted_n
  FROM pod WHERE ordinal >= 0 AND workload LIKE 'StatefulSet/%'
WINDOW w AS (PARTITION BY run, object ORDER BY created_n);
SELECT run, workload, count(*) AS times FROM succession WHERE before_uid IS NOT NULL
 GROUP BY run, workload;

-- violations
SELECT run, workload, created_at AS at, ref AS object,
       'created while an earlier pod of this name was still in the API' AS what
  FROM succession
 WHERE before_uid IS NOT NULL AND (before_deleted_n IS NULL OR before_deleted_n > created_n);

-- figures
SELECT run, workload, count(*) AS value, 'successors' AS unit FROM succession
 WHERE before_uid IS NOT NULL GROUP BY run, workload;
