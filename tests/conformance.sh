#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# conformance.sh: runs every tests/conformance/*.sh; each prints its own cases. What is checked and
# where the recordings come from stands in tests/conformance/README.md.
. "$(dirname "$0")/lib.sh"
shopt -s nullglob
for script in tests/conformance/*.sh; do
    KENNEL=$KENNEL "$script" || failures=$((failures + 1))
done
