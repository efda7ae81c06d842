#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# golden.sh [--rewrite] [NAME...]: each tests/golden/NAME.yaml is run, and its timeline as text must be
# NAME.txt. The line "# rows: NAME..." of a scenario chooses the rows; `make golden` rewrites.
. "$(dirname "$0")/lib.sh"
rewrite=
if [ "${1:-}" = --rewrite ]; then
    rewrite=yes
    shift
fi
usual="step fault-began fault-ended object-created object-marked object-deleted pod-node pod-ready
container-started container-stopped disk-attached disk-detached workload-replicas healed run-ended"

# text TIMELINE ROWS: run by run, a fact a line: seconds, row, subject, what.
text() {
    local rows
    rows=$(printf "'%s'," $2)
    sqlite3 -readonly "$1" "
        SELECT printf('run %d%s: seed %s, %s', id, iif(variant = '', '', ' ' || variant), seed, state)
          FROM run ORDER BY id;
        SELECT rtrim(printf('%d %10.3f %-18s %s%s%s%s', run, at / 1e9, row,
                 CASE WHEN kind = '' THEN coalesce(nullif(name, ''), actor)
                      ELSE kind || '/' || name END,
                 iif(node = '', '', ' on ' || node),
                 iif(detail = '', '', ' ' || detail),
                 iif(row IN ('pod-ready', 'workload-replicas', 'container-stopped', 'app-ready',
                             'workload-ready', 'attachment', 'request-refused'),
                     ' = ' || number, '')))
          FROM event_log
         WHERE row IN (${rows%,}) AND kind NOT IN ('Lease', 'Node', 'Namespace', 'EndpointSlice')
         ORDER BY id;"
}

names=("$@")
if [ $# -eq 0 ]; then
    for file in tests/golden/*.yaml; do names+=("$(basename "$file" .yaml)"); done
fi
for name in "${names[@]}"; do
    file=tests/golden/$name.yaml expected=tests/golden/$name.txt
    rows=$(sed -n 's/^# rows: *//p' "$file")
    "$KENNEL" run "$file" -o "$TMP/$name" --quiet >"$TMP/$name.out" 2>&1
    code=$?
    wanted=$(sed -n 's/^# exit: *//p' "$file")
    if [ $code -ne "${wanted:-0}" ]; then
        not_ok "golden $name" "exit code $code, not ${wanted:-0}"
        cat "$TMP/$name.out"
        continue
    fi
    text "$TMP/$name/timeline.sqlite" "${rows:-$usual}" >"$TMP/$name.txt"
    if [ -n "$rewrite" ]; then
        cp "$TMP/$name.txt" "$expected"
        echo "wrote $expected ($(wc -l <"$expected") lines)"
    elif diff -u "$expected" "$TMP/$name.txt" >"$TMP/$name.diff" 2>&1; then
        ok "golden $name"
    else
        not_ok "golden $name" "the timeline differs; if it should, run \`make golden\`"
        head -n 40 "$TMP/$name.diff"
    fi
done
