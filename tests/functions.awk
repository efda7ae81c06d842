# SPDX-License-Identifier: Apache-2.0
# functions.awk: functions of more than `most` lines (default 70), in files that clang-format has laid out:
# a body begins with "{" and ends with "}" in the first column.
BEGIN { if (!most) most = 70 }
FNR == 1 { start = 0 }
/^[a-zA-Z].*\(/ { head = $0; sub(/\(.*/, "", head); sub(/.*[ *]/, "", head) }
/^\{$/ { start = FNR }
/^\}$/ && start {
    lines = FNR - start + 1
    if (lines > most) printf "%s:%d: %s has %d lines, at most %d\n", FILENAME, start, head, lines, most
    start = 0
}
