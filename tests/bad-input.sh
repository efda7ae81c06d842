#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bad-input.sh: whatever is wrong with the input or the system gives one clear line and the documented
# exit code, and leaves a database that says so. Each tests/bad/*.yaml names fragments of its message
# in lines "# expect: ...".
. "$(dirname "$0")/lib.sh"

# one_line NAME CODE FRAGMENT...: what $TMP/err must be after a run that gave $code.
one_line() {
    local name=$1 wanted=$2 said fragment
    shift 2
    said=$(grep -v '^warning: ' "$TMP/err")
    if [ "$code" -ne "$wanted" ]; then
        not_ok "$name" "exit code $code, not $wanted; said: $(head -n 5 "$TMP/err")"
        return
    fi
    if [ "$(printf '%s\n' "$said" | wc -l)" -ne 1 ] || [ "${said#kennel: }" = "$said" ]; then
        not_ok "$name" "is not one line 'kennel: ...': $said"
        return
    fi
    for fragment in "$@"; do
        case $said in
        *"$fragment"*) ;;
        *)
            not_ok "$name" "the message lacks '$fragment': $said"
            return
            ;;
        esac
    done
    ok "$name"
}

# kennel ARGUMENT...: runs the program, keeping $code, $TMP/out and $TMP/err.
kennel() {
    "$KENNEL" "$@" >"$TMP/out" 2>"$TMP/err"
    code=$?
}

# --- files ---

for file in tests/bad/*.yaml; do
    name=$(basename "$file" .yaml)
    mapfile -t expected < <(sed -n 's/^# expect: //p' "$file")
    [ ${#expected[@]} -gt 0 ] || not_ok "bad $name" "the file expects nothing"
    kennel run "$file" -o "$TMP/never"
    one_line "bad $name" 254 "${expected[@]}"
done
verdict "bad: nothing was run" "an output folder was made" [ ! -e "$TMP/never" ]

good=tests/golden/ordered-start.yaml
kennel run tests/absent.yaml -o "$TMP/never"
one_line "bad: no such scenario" 254 "tests/absent.yaml"
kennel run tests -o "$TMP/never"
one_line "bad: a folder as scenario" 254 "tests"
head -c 3000 /dev/zero >"$TMP/zeros.yaml"
kennel run "$TMP/zeros.yaml" -o "$TMP/never"
one_line "bad: a binary file" 254 "zeros.yaml"

# What Kubernetes accepts is a warning, and runs.
sed '/^kind: Service/,/^---/d' tests/bad/manifests/web.yaml | sed '1{/^apiVersion: v1/d}' >"$TMP/alone.yaml"
cat >"$TMP/warned.yaml" <<'YAML'
apiVersion: kennel/v1
kind: Scenario
metadata: {name: warned}
spec: {duration: 2m, manifests: [alone.yaml]}
YAML
kennel run "$TMP/warned.yaml" -o "$TMP/warned" --quiet
verdict "bad: a missing Service is a warning" "exit $code: $(cat "$TMP/err")" \
    eval '[ $code -eq 0 ] && grep -q "^warning: .*alone.yaml:[0-9]*: spec.serviceName: " "$TMP/err"'

# --- the command line ---

kennel runn
one_line "bad: unknown command" 254 "did you mean 'run'?"
kennel run
one_line "bad: no scenario" 254 "names no scenario" "--help"
kennel run "$good" "$good"
one_line "bad: two scenarios" 254 "one scenario at a time"
kennel run "$good" --sede 3
one_line "bad: unknown option" 254 "--sede"
kennel run "$good" --seed x -o "$TMP/never"
one_line "bad: seed" 254 "--seed x" "whole number"
kennel run "$good" --set cluster.nodse=5 -o "$TMP/never"
one_line "bad: --set of an unknown key" 254 "nodse" "did you mean 'nodes'?"
kennel run "$good" --set nodes -o "$TMP/never"
one_line "bad: --set without a value" 254 "must be PATH=VALUE"
kennel check "$TMP/absent.sqlite"
one_line "bad: check of no timeline" 254 "absent.sqlite"
kennel check "$good"
one_line "bad: check of another file" 254 "$good"
kennel plot "$TMP/absent.sqlite"
one_line "bad: plot of no timeline" 254 "absent.sqlite"
kennel help nothing
one_line "bad: help on nothing" 254 "nothing"

# --- the system ---

# last_state FOLDER: state of the last run, if the database is sound.
last_state() {
    [ "$(sqlite3 -readonly "$1/timeline.sqlite" 'PRAGMA integrity_check' 2>&1)" = ok ] &&
        sqlite3 -readonly "$1/timeline.sqlite" 'SELECT state FROM run ORDER BY id DESC LIMIT 1'
}
broken_off() {
    local state
    state=$(last_state "$2") || state="(not a sound database)"
    case $state in
    complete | "(not"*) not_ok "$1" "its last run is: $state" ;;
    *) ok "$1" ;;
    esac
}

kennel run "$good" -o /dev/null/results
one_line "system: output folder cannot be made" 254 "/dev/null/results" "-o"
mkdir "$TMP/taken"
mkdir "$TMP/taken/timeline.sqlite"
kennel run "$good" -o "$TMP/taken"
one_line "system: timeline cannot be written" 255 "taken/timeline.sqlite"

# A run that would go on for months.
cat >"$TMP/long.yaml" <<YAML
apiVersion: kennel/v1
kind: Scenario
metadata: {name: long}
spec:
  duration: 100000h
  cluster: {nodes: 10}
  manifests: [$PWD/tests/golden/manifests/web.yaml]
  steps:
$(for hour in $(seq 1 400); do
    echo "    - {at: ${hour}h, scale: {target: statefulset/web, replicas: $((hour % 2 * 30))}}"
done)
YAML

(
    ulimit -f 256
    "$KENNEL" run "$TMP/long.yaml" -o "$TMP/full" --quiet >"$TMP/out" 2>"$TMP/err"
)
code=$?
one_line "system: disk full" 255 "full/timeline.sqlite"
broken_off "system: disk full leaves a sound database" "$TMP/full"

# interrupted SIGNAL: stops a run in the middle.
interrupted() {
    local folder=$TMP/stopped-$1 process i
    timeout -s KILL 20 "$KENNEL" run "$TMP/long.yaml" -o "$folder" --quiet \
        >"$TMP/out" 2>"$TMP/err" &
    process=$!
    for i in $(seq 100); do
        [ -s "$folder/timeline.sqlite" ] && break
        sleep 0.05
    done
    sleep 0.3
    kill -s "$1" $process
    wait $process
    code=$?
    one_line "system: SIG$1" 255 "interrupted" "stopped-$1/timeline.sqlite"
    broken_off "system: SIG$1 leaves a sound database" "$folder"
}
interrupted INT
interrupted TERM
