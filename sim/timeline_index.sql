-- SPDX-License-Identifier: Apache-2.0
-- Built when the recording ends. Both end in the rowid, so equal times stay in order.
-- What happened of one row kind, object by object, in time: the order of window functions
-- PARTITION BY run, object ORDER BY at, rowid.
CREATE INDEX fact_by_row ON fact (row, run, object, at);
-- The facts of one event, to walk up the chain of causes.
CREATE INDEX fact_by_event ON fact (run, seq);
PRAGMA analysis_limit = 400;
ANALYZE;
