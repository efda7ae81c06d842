#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# part.sh NAME COMMAND...: runs one part of `make check`. Keeps its output in $CHECK/NAME.log, counts
# its cases ("ok ..." and "not ok ..." lines, CUnit's summary), writes $CHECK/NAME.result, and never
# fails itself, so that the other parts run; summary.sh adds up and gives the verdict.
set -u
name=$1
shift
log=$CHECK/$name.log
started=$(date +%s%3N)
# Nothing here takes minutes; what does hangs.
timeout -k 5 "${PART_SECONDS:-280}" "$@" </dev/null >"$log" 2>&1
code=$?
took=$(($(date +%s%3N) - started))

read -r passed failed < <(awk '
    /^ok /     { passed++ }
    /^not ok / { failed++ }
    $1 == "tests" && NF == 6 && $4 ~ /^[0-9]+$/ { passed += $4; failed += $5 }
    END { print passed + 0, failed + 0 }' "$log")
# A part without cases is a case itself, and one that broke off is never green.
if [ $code -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
if [ $code -eq 0 ] && [ $((passed + failed)) -eq 0 ]; then passed=1; fi
echo "$name $passed $failed $took" >"$CHECK/$name.result"

printf '%-14s %4d passed, %d failed  %5d.%d s\n' "$name" "$passed" "$failed" \
    $((took / 1000)) $((took / 100 % 10))
if [ "$failed" -gt 0 ]; then
    echo "--- $name: end of $log"
    grep -nE '^not ok |(error|warning):|\*\*\* |ERROR: |runtime error' "$log" | head -n 30
    tail -n 25 "$log"
    echo "---"
fi
