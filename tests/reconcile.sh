#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# reconcile.sh [--rewrite] [NAME...]: `kennel reconcile` over each dump tests/reconcile/NAME.{yaml,json}
# must print NAME.txt. In a dump's head, "# args: ..." gives options and "# exit: N" the exit code.
. "$(dirname "$0")/lib.sh"
rewrite=
if [ "${1:-}" = --rewrite ]; then
    rewrite=yes
    shift
fi

names=("$@")
if [ $# -eq 0 ]; then
    for file in tests/reconcile/*.yaml tests/reconcile/*.json; do
        file=$(basename "$file")
        names+=("${file%.*}")
    done
fi
for name in "${names[@]}"; do
    file=tests/reconcile/$name.yaml expected=tests/reconcile/$name.txt
    [ -f "$file" ] || file=tests/reconcile/$name.json
    read -r -a args < <(sed -n 's/^# args: *//p' "$file"; echo)
    wanted=$(sed -n 's/^# exit: *//p' "$file")
    "$KENNEL" reconcile "$file" "${args[@]}" >"$TMP/$name.txt" 2>&1
    code=$?
    if [ $code -ne "${wanted:-0}" ]; then
        not_ok "reconcile $name" "exit code $code, not ${wanted:-0}"
        cat "$TMP/$name.txt"
    elif [ -n "$rewrite" ]; then
        cp "$TMP/$name.txt" "$expected"
        echo "wrote $expected ($(wc -l <"$expected") lines)"
    elif diff -u "$expected" "$TMP/$name.txt" >"$TMP/$name.diff" 2>&1; then
        ok "reconcile $name"
    else
        not_ok "reconcile $name" "the text differs; if it should, run \`make golden\`"
        head -n 40 "$TMP/$name.diff"
    fi
done
[ -n "$rewrite" ] && exit

# The same judgement for tools: a dump read from standard input, as JSON with a schema version.
"$KENNEL" reconcile --json - <tests/reconcile/stuck-rollout.yaml >"$TMP/json" 2>&1
verdict "reconcile --json" "no schemaVersion, situation or way out: $(head -c 300 "$TMP/json")" \
    sh -c 'grep -q "\"schemaVersion\": 1" "$1" && grep -q "\"situation\": \"stuck-rollout\"" "$1" &&
        grep -q "kubectl delete pod web-2 -n prod" "$1"' _ "$TMP/json"
"$KENNEL" reconcile --json "$TMP/json" >/dev/null 2>"$TMP/error"
verdict "reconcile of what is no dump" "$(cat "$TMP/error")" \
    sh -c 'test -s "$1" && grep -q "kind: is missing" "$1"' _ "$TMP/error"
"$KENNEL" reconcile tests/reconcile/cut-off.yaml tests/reconcile/healthy.json >"$TMP/rest" 2>/dev/null
code=$?
verdict "reconcile goes on after a file that cannot be read" "exit code $code: $(cat "$TMP/rest")" \
    sh -c '[ "$1" = 254 ] && grep -q "StatefulSet prod/web: settled" "$2"' _ $code "$TMP/rest"
