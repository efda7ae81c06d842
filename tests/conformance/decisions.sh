#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# decisions.sh: recorded decisions of the real StatefulSet controller, made again. The slice in this
# folder always; the whole recording where it is present. A comparison that cannot fail proves
# nothing, so recordings with one altered field must be told from the real ones.
. "$(dirname "$0")/../lib.sh"

here=tests/conformance

# agrees NAME FILE: all of a file's cases agree, and there are some.
agrees() {
    local last
    last=$("$KENNEL" reconcile --cases "$2" --check 2>&1 | tee "$TMP/out" | tail -1)
    case $last in
    "0 of 0 cases and 0 of 0"*) not_ok "$1" "the file holds no case" ;;
    *" agree") if [ "$(wc -l < "$TMP/out")" -eq 1 ]; then ok "$1 ($last)"; else
        not_ok "$1" "$last; $(head -1 "$TMP/out")"; fi ;;
    *) not_ok "$1" "$last" ;;
    esac
}

# tells NAME FROM TO: an altered recording is found out.
tells() {
    gunzip -c $here/single.jsonl.gz | sed "0,/$2/s//$3/" > "$TMP/altered.jsonl"
    "$KENNEL" reconcile --cases "$TMP/altered.jsonl" --check > "$TMP/out" 2>&1
    local code=$? lines
    lines=$(wc -l < "$TMP/out")
    verdict "$1" "exit $code and $lines lines" test $code -eq 1 -a "$lines" -eq 2
}

agrees conformance-single $here/single.jsonl.gz
agrees conformance-trajectories $here/trajectories.jsonl.gz

tells conformance-tells-result '"result":"ok"' '"result":"Conflict"'
tells conformance-tells-event '"name":"SuccessfulCreate"' '"name":"FailedCreate"'
tells conformance-tells-requeue '"requeue_after_s":[0-9.]*' '"requeue_after_s":0.5'
tells conformance-tells-claimed '"claimed_pods":\["[^"]*"' '"claimed_pods":["nobody"'
tells conformance-tells-error '"error":null' '"error":"x"'

# What is no case is reported with its place, and the rest is run.
gunzip -c $here/single.jsonl.gz | sed -n '1{p;s/"now":"[^"]*"/"now":"noon"/p;s/.*/{"id":/p};2p' \
    > "$TMP/faulty.jsonl"
"$KENNEL" reconcile --cases - < "$TMP/faulty.jsonl" > "$TMP/out" 2> "$TMP/err"
code=$?
verdict conformance-faulty-lines "exit $code: $(cat "$TMP/err")" test $code -eq 254 \
    -a "$(wc -l < "$TMP/out")" -eq 2 \
    -a "$(grep -c '^kennel: standard input:[23]: ' "$TMP/err")" -eq 2

# Results do not depend on what ran before.
gunzip -c $here/single.jsonl.gz > "$TMP/forward.jsonl"
tac "$TMP/forward.jsonl" > "$TMP/backward.jsonl"
"$KENNEL" reconcile --cases "$TMP/forward.jsonl" > "$TMP/forward"
"$KENNEL" reconcile --cases "$TMP/backward.jsonl" | tac > "$TMP/backward"
verdict conformance-order "results depend on the order of cases" \
    cmp -s "$TMP/forward" "$TMP/backward"

whole=${KENNEL_SHARED:-../shared}/conformance
for name in l1 l1-extra; do
    if [ -e "$whole/$name.jsonl.gz" ]; then
        agrees "conformance-$name" "$whole/$name.jsonl.gz"
    else
        ok "conformance-$name (skipped: the whole recording is not here)"
    fi
done
