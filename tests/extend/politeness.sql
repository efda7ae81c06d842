-- SPDX-License-Identifier: Apache-2.0
-- guarantee: politeness
-- promise: every pod of a workload is greeted.

-- exercised: pods
SELECT run, workload, count(*) AS times FROM pod WHERE workload <> '' GROUP BY run, workload;

-- violations
SELECT p.run, p.workload, p.created_at AS at, p.ref AS object, 'was not greeted' AS what
  FROM pod AS p
 WHERE p.workload <> ''
   AND NOT EXISTS (SELECT 1 FROM decision AS d WHERE d.run = p.run AND d.object = p.ref
                      AND d.actor LIKE 'greeter-controller%' AND d.reason LIKE 'hello, %');

-- figures
SELECT p.run, p.workload, count(*) AS value, 'greetings' AS unit
  FROM decision AS d JOIN pod AS p ON p.run = d.run AND p.ref = d.object
 WHERE d.actor LIKE 'greeter-controller%' GROUP BY p.run, p.workload;
