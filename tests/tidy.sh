#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tidy.sh [--full]: format, static analysis and the house rules, a case each. Whatever a rule's search
# prints are its violations. --full adds clang's path-sensitive analyser, which takes minutes.
NEEDS_NO_KENNEL=yes
. "$(dirname "$0")/lib.sh"
full=${1:-}
jobs=$(nproc)
shopt -s nullglob globstar

# The files of a working copy, without what was built; a tarball has no git to ask.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    mapfile -t files < <(git ls-files --cached --others --exclude-standard | sort -u |
        while read -r file; do [ -f "$file" ] && echo "$file"; done)
else
    mapfile -t files < <(find . -type f -not -path './.git/*' -not -path './build/*' -not -path './results/*' |
        sed 's|^\./||' | LC_ALL=C sort)
fi
# match PATTERN: files whose name matches an extended regular expression.
match() { printf '%s\n' "${files[@]}" | grep -E "$1"; }
mapfile -t sources < <(match '^(sim|models|tools|tests)/.*\.c$')
mapfile -t headers < <(match '^(sim|models|tools|tests)/.*\.h$')
mapfile -t product < <(match '^(sim|models)/.*\.[ch]$')
mapfile -t scripts < <(match '^(tests/.*\.sh|tools/setup|\.ci/run)$')

# rule NAME COMMAND...: passes if the command prints nothing.
rule() {
    local name=$1 said
    shift
    said=$("$@" 2>&1)
    if [ -z "$said" ]; then
        ok "lint: $name"
    else
        not_ok "lint: $name" "$(printf '%s\n' "$said" | wc -l) lines"
        printf '%s\n' "$said" | head -n 60
    fi
}

# code PATTERN FILE...: lines of code, not of comments or strings, that match.
code() {
    local pattern=$1
    shift
    awk -v pattern="$pattern" '
        FNR == 1 { inside = 0 }
        {
            line = $0
            gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
            if (inside) { if (!sub(/^.*\*\//, "", line)) next; inside = 0 }
            gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", line)
            if (sub(/\/\*.*/, "", line)) inside = 1
            sub(/\/\/.*/, "", line)
            if (line ~ pattern) printf "%s:%d: %s\n", FILENAME, FNR, $0
        }' "$@"
}
# call WORDS: a pattern for calls of these functions.
call() { echo "(^|[^a-zA-Z0-9_.>])($1)[ ]*[(]"; }

# --- house rules ---

banned_calls() {
    code "$(call 'strcpy|strcat|sprintf|vsprintf|gets|rand|srand|random|srandom|drand48|atoi|atof|strtok|alloca|g_random_[a-z_]*')" \
        "${sources[@]}" "${headers[@]}"
    code "$(call 'g_rand_[a-z_]*')" "${product[@]}"
}
wall_clock() {
    code "$(call 'time|gettimeofday|clock_gettime|clock|localtime|localtime_r|gmtime|mktime|strftime|g_get_real_time|g_get_monotonic_time|g_date_time_new_now[a-z_]*')" \
        "${product[@]}"
}
environment() {
    code "$(call 'getenv|secure_getenv|g_getenv|setlocale|getpid|pthread_self|gethostname|g_get_[a-z_]*dir|g_get_host_name|system|popen|fork')" \
        "${product[@]}"
}
pointer_values() { grep -nE '%p[^a-zA-Z]' "${product[@]}" | grep -v 'order-free:'; }
# Only where the order reaches nothing, which the line has to say.
hash_order() {
    code "$(call 'g_hash_table_(iter_next|foreach|foreach_remove|foreach_steal|get_keys|get_values|get_keys_as_array|get_keys_as_ptr_array|get_values_as_ptr_array|find)')" \
        "${product[@]}" | grep -v 'order-free:'
}
libm() {
    code "$(call '(exp|exp2|expm1|log|log2|log10|log1p|pow|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|cbrt|erf|erfc|tgamma|lgamma)[fl]?')" \
        "${product[@]}"
}
jumps() { code '(^|[^a-zA-Z0-9_])goto[^a-zA-Z0-9_]' "${sources[@]}" "${headers[@]}"; }

# includes FILE-PATTERN ALLOWED-PATTERN: includes of our own headers that are not allowed there.
includes() {
    local list
    mapfile -t list < <(match "$1")
    [ ${#list[@]} -eq 0 ] || grep -nHE '^#include "' "${list[@]}" | grep -vE "#include \"($2)\""
}
layers() {
    includes '^sim/.*\.[ch]$' 'sim/[^"]*'
    includes '^models/.*\.[ch]$' '(sim|models)/[^"]*'
    includes '^tools/.*\.[ch]$' '(sim|models|tools)/[^"]*'
}
# A controller meets the world through four doors: cache, plan, timers, rows.
controller_doors() {
    local doors='models/(actor|plan|bucket|gates)\.h|models/kind/[a-z]*\.h|models/control/[a-z_]*\.h'
    doors="$doors|models/api/(object|selector|quantity|patch|time)\.h|models/catalog\.def|sim/[a-z]*\.h"
    doors="$doors|models/storage/volume\.h" # names and drivers; the disks behind it are not for them
    includes '^models/control/.*\.[ch]$' "$doors"
    local truth
    truth=$(grep -ohE '^[A-Za-z].*[ *]([a-z]+_[a-z_]+)\(' models/storage/storage.h models/node/*.h \
        models/api/store.h models/api/server.h | grep -oE '[a-z_]+\($' | tr -d '(' | sort -u | tr '\n' '|')
    code "$(call "${truth}volume_disk|world_request")" $(match '^models/control/.*\.c$')
}
# The hands of a kubelet and a driver are machines and volumes; the store is the API server's alone.
store_is_private() {
    grep -nHE '#include "models/api/(store|server_parts|table)\.h"' \
        $(match '^models/(control|node|storage|net|app|fault|verb|kind)/.*\.[ch]$')
}

file_sizes() {
    wc -l "${sources[@]}" "${headers[@]}" "${scripts[@]}" |
        awk '$2 != "total" && $1 > 800 { print $2 ": " $1 " lines, at most 800" }'
}
function_sizes() { awk -f tests/functions.awk "${sources[@]}" "${headers[@]}"; }
licence_heads() {
    local file
    for file in $(match '\.([ch]|def|sql|sh|awk|gp)$|^tools/setup$'); do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' ||
            echo "$file: the head lacks its SPDX line"
    done
}
# Whatever is in the catalog says what it imitates and what it leaves out.
model_heads() {
    local file
    for file in $(grep -lE '^const (Component|KindInfo|Fault|Verb|App) ' \
        $(match '^models/[a-z]*/.*\.c$')); do
        head -n 40 "$file" | grep -q 'Mirrors:' || echo "$file: the head lacks 'Mirrors:'"
        head -n 60 "$file" | grep -q 'Simplified:' || echo "$file: the head lacks 'Simplified:'"
    done
}
header_guards() {
    local file
    for file in "${headers[@]}"; do
        grep -q '^#ifndef KENNEL_' "$file" || echo "$file: no guard KENNEL_..._H"
    done
}
headers_alone() {
    make --no-print-directory BUILD=build/lint sql-headers >/dev/null
    printf '%s\n' "${headers[@]}" | xargs -P "$jobs" -I{} sh -c \
        'echo "#include \"{}\"" | gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -I. -Ibuild/lint $0 \
         -fsyntax-only -x c -include stddef.h - 2>&1' "$flags" | grep -E 'error|warning'
}
unfinished() {
    grep -nEw 'TODO|FIXME|XXX|HACK|[Ff]or now|[Pp]laceholder|[Nn]ot implemented|[Ss]tub' \
        $(match '\.([ch]|def|sql|sh|awk|gp|md|yaml)$|Makefile|^tools/setup$') |
        grep -vE '^tests/tidy\.sh:'
}
machine_paths() {
    grep -nE '(^|[^a-zA-Z0-9_$}])/(home|root|work|Users)/[a-z]' $(match '.') | grep -vE '^(LICENSE|tests/tidy\.sh)'
}
foreign_text() { grep -nP '[^\x00-\x7F]' "${sources[@]}" "${headers[@]}" | grep -v '"'; }

# --- nothing without its proof ---

# Rows of the catalog as: macro symbol-with-suffix folder words.
catalog() {
    local macro symbol id
    sed -nE 's/^(KIND|COMPONENT|FAULT|VERB|APP)\((.*)\)$/\1 \2/p' models/catalog.def | tr ',' ' ' |
        while read -r macro symbol id; do
            case $macro in
            KIND) echo "$id kind KIND_$symbol" ;;
            COMPONENT) echo "$symbol component ${symbol}_component" ;;
            *) echo "$symbol ${macro,,} ${symbol}_${macro,,}" ;;
            esac
        done
}
catalog_files() {
    local symbol suffix word
    catalog | while read -r symbol suffix word; do
        grep -qE "${symbol}_$suffix = " models/*/"$symbol".c 2>/dev/null ||
            echo "models/catalog.def: no models/*/$symbol.c defines ${symbol}_$suffix"
    done
}
# A test names a row by its symbol, by the name users write, or in a scenario that is run.
catalog_tests() {
    local symbol suffix word name
    catalog | while read -r symbol suffix word; do
        name=$(sed -nE "/${symbol}_$suffix = /,/;/s/.*\.name = \"([^\"]*)\".*/\1/p" \
            models/*/"$symbol".c 2>/dev/null | head -n 1)
        grep -rqwE -- "$word|${name:-$word}" tests/unit tests/golden ||
            echo "models/catalog.def: no test in tests/unit or tests/golden names $word (${name:-?})"
    done
}
checks_have_mutants() {
    local check name mutants
    for check in tools/checks/*.sql; do
        name=$(basename "$check" .sql)
        mutants=(tests/mutants/"$name".bad*)
        [ ${#mutants[@]} -gt 0 ] || echo "$check: no tests/mutants/$name.bad*, which it must reject"
    done
}
modules_have_tests() {
    local header name
    for header in sim/*.h; do
        name=$(basename "${header%%_*}" .h)
        [ -e "tests/unit/test_$name.c" ] || echo "$header: no tests/unit/test_$name.c"
    done
}
tests_can_run() {
    local script
    for script in "${scripts[@]}"; do
        bash -n "$script" 2>&1
        [ -x "$script" ] || [ "$script" = tests/lib.sh ] || echo "$script: may not be executed"
    done
}
scenarios_are_clean() {
    grep -nP '\t|[ ]+$' $(match '^(scenarios|tests/golden)/.*\.yaml$')
}

# --- the tools ---

flags=$(pkg-config --cflags glib-2.0 yaml-0.1 sqlite3 | sed 's/-I/-isystem /g')
format() {
    printf '%s\0' "${sources[@]}" "${headers[@]}" |
        xargs -0 -P "$jobs" -n 16 clang-format --dry-run --Werror 2>&1 | grep -E 'error:'
}
# Everything but clang-analyzer is quick; that one alone takes nine tenths of the time.
clang_tidy() {
    make --no-print-directory BUILD=build/lint sql-headers >/dev/null
    local checks=
    [ "$full" = --full ] || checks=,-clang-analyzer-*
    # Casting const away by way of uintptr_t is what -Wcast-qual asks for; arrays of pointers are meant.
    checks=--checks=-performance-no-int-to-ptr,-bugprone-sizeof-expression$checks
    printf '%s\n' "${sources[@]}" | grep -v '^tests/extend/' |
        xargs -P "$jobs" -n 4 sh -c 'flags=$1 checks=$2; shift 2
        clang-tidy --quiet $checks "$@" -- -std=c17 -D_GNU_SOURCE -I. -Ibuild/lint $flags \
            -DKENNEL_VERSION=\"0\" -DKENNEL_DATA_DEFAULT=\"/\" 2>&1' clang-tidy "$flags" "$checks" |
        grep -E '(error|warning): ' | sed "s|^$PWD/||" | sort -u
}
# It knows neither g_autoptr (leaks are the sanitizers') nor hexadecimal floats, and takes a NULL that
# one branch excludes for possible in all (which clang's analyser does better).
cpp_check() {
    local scope=(--max-configs=1)
    [ "$full" = --full ] && scope=(--check-config --max-configs=12)
    cppcheck --quiet --enable=warning,performance,portability --std=c11 --language=c \
        --library=gtk --inline-suppr -j "$jobs" "${scope[@]}" -I. -Ibuild/lint \
        '-DG_DEFINE_AUTOPTR_CLEANUP_FUNC(a,b)=' '-DG_GNUC_PRINTF(a,b)=' -DG_GNUC_PURE= \
        '-Dg_autoptr(a)=a*' -Dg_autofree= -DKENNEL_VERSION='"0"' -DKENNEL_DATA_DEFAULT='"/"' \
        --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unknownMacro \
        --suppress=unmatchedSuppression --suppress=memleak --suppress=nullPointerRedundantCheck \
        --suppress=incorrectLogicOperator sim models tools 2>&1
}

rule "no banned calls" banned_calls
rule "no wall clock in sim and models" wall_clock
rule "no environment in sim and models" environment
rule "no pointer values in results" pointer_values
rule "no order of hash tables" hash_order
rule "no transcendental functions of libm" libm
rule "no goto" jumps
rule "layers" layers
rule "controllers use their four doors" controller_doors
rule "the store is the API server's" store_is_private
rule "files of at most 800 lines" file_sizes
rule "functions of at most 70 lines" function_sizes
rule "licence lines" licence_heads
rule "model heads" model_heads
rule "header guards" header_guards
rule "headers compile alone" headers_alone
rule "nothing unfinished" unfinished
rule "no paths of one machine" machine_paths
rule "plain ASCII outside of texts" foreign_text
rule "catalog rows have files" catalog_files
rule "catalog rows have tests" catalog_tests
rule "checks have mutants" checks_have_mutants
rule "sim headers have tests" modules_have_tests
rule "scripts are in order" tests_can_run
rule "scenarios are clean" scenarios_are_clean
rule "clang-format" format
rule "cppcheck" cpp_check
rule "clang-tidy" clang_tidy
