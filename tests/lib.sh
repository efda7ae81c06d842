# SPDX-License-Identifier: Apache-2.0
# lib.sh: what the script tests share. A case is one line "ok NAME" or "not ok NAME: WHY"; the script
# exits 1 if any failed. Each test has a folder $TMP of its own, removed at the end.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
TMP=$(mktemp -d "${TMPDIR:-/tmp}/kennel-test-XXXXXX")
KENNEL=${KENNEL:-build/release/kennel}
CHECK=${CHECK:-build/check}
failures=0

finish() {
    local code=$?
    [ "$BASHPID" = $$ ] || return # a part of the script in the background
    rm -rf "$TMP"
    [ "$failures" -gt 0 ] && exit 1
    exit $code
}
trap finish EXIT

ok() { echo "ok $1"; }

# not_ok NAME WHY
not_ok() {
    echo "not ok $1: $2"
    failures=$((failures + 1))
}

# verdict NAME WHY COMMAND...: one case that passes if the command succeeds.
verdict() {
    local name=$1 why=$2
    shift 2
    if "$@"; then ok "$name"; else not_ok "$name" "$why"; fi
}

# The sanitizers of clang 14 need addresses they can predict, and report leaks of no child.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

if [ ! -x "$KENNEL" ] && [ -z "${NEEDS_NO_KENNEL:-}" ]; then
    not_ok "$(basename "$0")" "$KENNEL is not built"
    exit 1
fi
