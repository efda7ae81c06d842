#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# summary.sh: adds up what the parts of `make check` counted; the last line is the verdict.
set -u
total=$(($(date +%s) - $(cat "$CHECK/started")))
cat "$CHECK"/*.result 2>/dev/null | sort -k4nr | awk -v total="$total" '
    BEGIN { print "\nseconds  passed  failed  part" }
    {
        printf "%7.1f  %6d  %6d  %s\n", $4 / 1000, $2, $3, $1
        passed += $2; failed += $3
        if ($3) names = names " " $1
    }
    END {
        printf "%7.1f  in all\n\n", total
        if (names) print "failed:" names
        printf "%d passed, %d failed\n", passed, failed
        exit failed > 0 || passed == 0
    }'
