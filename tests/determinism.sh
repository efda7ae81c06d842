#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# determinism.sh: one scenario and seed give one digest and one database, whatever compiler,
# optimisation, sanitizer, locale, folder and address layout; another seed gives another digest.
NEEDS_NO_KENNEL=yes
. "$(dirname "$0")/lib.sh"
scenario=tests/golden/${SHORT:-faults}.yaml
[ -e "$scenario" ] || scenario=$(ls tests/golden/*.yaml | head -n 1)

# look FOLDER: what a run left behind: digest of the events, hash of all that is in the database.
look() {
    sed -n 's/^digest *//p' "$1.out"
    sqlite3 -readonly "$1/timeline.sqlite" .dump | sha256sum
}

# try NAME COMMAND...: runs a scenario some way; it must leave what the first way left.
try() {
    local name=$1 folder=$TMP/run/${1//[^a-zA-Z0-9]/-}
    shift
    mkdir -p "$TMP/run"
    "$@" -o "$folder" >"$folder.out" 2>"$folder.err"
    local code=$?
    if [ $code -gt 2 ]; then
        not_ok "determinism: $name" "exit code $code: $(head -n 3 "$folder.err")"
    elif [ -z "${reference:-}" ]; then
        reference=$folder
        verdict "determinism: $name" "no digest" [ "$(look "$folder" | wc -l)" -eq 2 ]
    elif [ "$(look "$folder")" = "$(look "$reference")" ]; then
        ok "determinism: $name"
    else
        not_ok "determinism: $name" "differs from the first run"
        diff <(sqlite3 -readonly "$reference/timeline.sqlite" .dump) \
            <(sqlite3 -readonly "$folder/timeline.sqlite" .dump) | head -n 10
    fi
}

# A locale with a decimal comma, made here if the system has none.
comma_locale() {
    localedef --no-archive -i de_DE -f UTF-8 "$TMP/locales/de_DE.UTF-8" 2>/dev/null
    [ "$(LOCPATH=$TMP/locales LC_ALL=de_DE.UTF-8 locale decimal_point)" = , ]
}

try "gcc -O2" "$CHECK-gcc/kennel" run "$scenario"
try "again" "$CHECK-gcc/kennel" run "$scenario"
try "gcc -O0" "$CHECK-gcc-O0/kennel" run "$scenario"
try "clang -O2" "$CHECK-clang/kennel" run "$scenario"
try "clang -O1, sanitizers" "$CHECK-asan/kennel" run "$scenario"
try "no address randomisation" setarch -R "$CHECK-gcc/kennel" run "$scenario"
try "other allocator settings" env MALLOC_PERTURB_=165 MALLOC_ARENA_MAX=1 G_SLICE=always-malloc \
    "$CHECK-gcc/kennel" run "$scenario"
try "other environment" env -i HOME=/nonexistent TZ=Asia/Kathmandu COLUMNS=300 TERM=dumb \
    SOURCE_DATE_EPOCH=0 "$CHECK-gcc/kennel" run "$scenario"
mkdir -p "$TMP/locales"
if comma_locale; then
    try "decimal comma" env LOCPATH="$TMP/locales" LC_ALL=de_DE.UTF-8 "$CHECK-gcc/kennel" run \
        "$scenario"
else
    not_ok "determinism: decimal comma" "localedef cannot make de_DE.UTF-8; install locales"
fi
mkdir -p "$TMP/elsewhere"
cp -r scenarios tests "$TMP/elsewhere"
try "other folder" env -C "$TMP/elsewhere" "$PWD/$CHECK-gcc/kennel" run "$scenario"

"$CHECK-gcc/kennel" run "$scenario" --seed 4711 -o "$TMP/seed" >"$TMP/seed.out" 2>&1
verdict "determinism: another seed" "gives the same digest" \
    [ "$(look "$TMP/seed" | head -n 1)" != "$(look "${reference:-$TMP/none}" | head -n 1)" ]

reference=
scenario=scenarios/pets-and-cattle.yaml
try "main experiment, gcc -O2" "$CHECK-gcc/kennel" run "$scenario"
try "main experiment, clang -O2" "$CHECK-clang/kennel" run "$scenario"
