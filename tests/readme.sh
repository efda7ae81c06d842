#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tables of the READMEs are what the program prints: `tests/readme.sh` compares, with --write it
# puts them in. A block stands between `<!-- kennel ARGUMENTS -->` and `<!-- end -->`.
set -eu
cd "$(dirname "$0")/.."
kennel=${KENNEL:-build/release/kennel}
failed=0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Tables stand as they are; the verdicts of a run as a block of code, without what depends on where
# it was written.
show() {
    if [ "$1" = reconcile ]; then
        printf '\n'
        KENNEL_DATA=. "$kennel" "$@" </dev/null | sed 's/[[:space:]]*$//; s/^\(.\)/    \1/'
        printf '\n'
    elif [ "$1" = run ]; then
        printf '\n'
        KENNEL_DATA=. COLUMNS=120 "$kennel" "$@" -o "$folder" </dev/null 2>/dev/null |
            sed -n '/^runs  /q; s/[[:space:]]*$//; s/^\(.\)/    \1/; p'
    else
        printf '\n'
        KENNEL_DATA=. "$kennel" "$@" </dev/null
        printf '\n'
    fi
}
render() {
    local inside=0 line
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '<!-- kennel '*' -->')
            inside=1
            printf '%s\n' "$line"
            line=${line#<!-- kennel }
            show ${line% -->}
            ;;
        '<!-- end -->')
            inside=0
            printf '%s\n' "$line"
            ;;
        *) [ $inside = 1 ] || printf '%s\n' "$line" ;;
        esac
    done <"$1"
}
for file in $(git ls-files '*README.md' 2>/dev/null || find . -name README.md); do
    grep -q '^<!-- kennel ' "$file" || continue
    if [ "${1:-}" = --write ]; then
        render "$file" >"$file.new" && mv "$file.new" "$file"
    elif ! render "$file" | diff -u "$file" - >&2; then
        echo "$file: tables are not what the program prints; run tests/readme.sh --write" >&2
        failed=1
    fi
done
exit $failed
