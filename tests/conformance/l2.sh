#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# l2.sh: replays recorded timelines of a real control plane in the closed loop (tests/conformance/l2).
# The recordings here, and all of them where they are present: $KENNEL_SHARED/conformance/l2.
. "$(dirname "$0")/../lib.sh"
program=$(dirname "$KENNEL")/l2
shared=${KENNEL_SHARED:-../shared}/conformance/l2
files=(tests/conformance/l2/recordings/*.jsonl.gz)
[ -d "$shared" ] && files=("$shared"/*.jsonl)
if [ ! -x "$program" ]; then
    not_ok "l2" "$program is not built"
    exit 1
fi
for file in "${files[@]}"; do
    name=$(basename "$file")
    "$program" "$file" >"$TMP/out" 2>&1
    verdict "l2 ${name%%.*}" "$(cat "$TMP/out")" test $? -eq 0
done
