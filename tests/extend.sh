#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# extend.sh: a fault, a controller and a guarantee each take one new file and at most one row of the
# catalog. They are added to a copy of the tree, which is built and run.
NEEDS_NO_KENNEL=yes
. "$(dirname "$0")/lib.sh"
unset MAKELEVEL
here=$PWD
copy=$TMP/copy
mkdir -p "$copy"
tar -c --exclude=./build --exclude=./results --exclude=./.git . | tar -x -C "$copy"
mkdir -p "$copy/build"
cp -a "$CHECK-gcc" "$copy/build/" 2>/dev/null
build=build/$(basename "$CHECK")-gcc

cd "$copy" || exit 1
cp tests/extend/yawn.c models/fault/
cp tests/extend/greeter.c models/control/
cp tests/extend/politeness.sql tools/checks/
# add MACRO ROW: a row after the last of its macro.
add() {
    local line
    line=$(grep -n "^$1(" models/catalog.def | tail -n 1 | cut -d: -f1)
    sed -i "${line}a $2" models/catalog.def
}
add FAULT 'FAULT(yawn)'
add COMPONENT 'COMPONENT(greeter, CONTROLLER_MANAGER)'

expected="Files ./models/catalog.def differ
Only in ./models/control: greeter.c
Only in ./models/fault: yawn.c
Only in ./tools/checks: politeness.sql"
actual=$(diff -rq -x build -x results -x .git "$here" . | sed "s|^Files $here/\(.*\) and .* differ|Files ./\1 differ|" |
    LC_ALL=C sort)
verdict "extend: three files and the catalog" "changed: $actual" [ "$actual" = "$expected" ]
rows=$(diff "$here/models/catalog.def" models/catalog.def | grep -c '^[<>]')
verdict "extend: two rows of the catalog" "$rows lines differ" [ "$rows" -eq 2 ]

if ! make --no-print-directory WERROR=-Werror BUILD="$build" CC=gcc "$build/kennel" >"$TMP/log" 2>&1; then
    tail -n 30 "$TMP/log"
    not_ok "extend: builds" "see above"
    exit 1
fi
ok "extend: builds"
compiled=$(grep -cE '^  gcc ' "$TMP/log")
echo "compiled $compiled files of $(ls sim/*.c models/*.c models/*/*.c tools/*.c | wc -l)"

"$build/kennel" run tests/extend/scenario.yaml -o "$TMP/run" >"$TMP/out" 2>"$TMP/err"
code=$?
verdict "extend: runs" "exit $code: $(head -n 3 "$TMP/err")" [ $code -eq 0 ]
rows() { sqlite3 -readonly "$TMP/run/timeline.sqlite" "SELECT count(*) FROM event_log WHERE $1"; }
verdict "extend: the fault began and ended" "no such rows" \
    [ "$(rows "row IN ('fault-began', 'fault-ended') AND (detail LIKE '%yawn%' OR name LIKE '%yawn%')")" -ge 2 ]
verdict "extend: the controller ran" "no row of it" \
    [ "$(rows "actor LIKE 'greeter-controller%'")" -ge 3 ]
verdict "extend: the guarantee is judged" "not in the table: $(cat "$TMP/out")" \
    grep -q politeness "$TMP/out"
"$build/kennel" help faults >"$TMP/help" 2>&1
verdict "extend: the fault explains itself" "kennel help faults: $(head -n 3 "$TMP/help")" \
    grep -q yawn "$TMP/help"
