#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install.sh: `make install` gives a program that works elsewhere, `make uninstall` leaves nothing, and
# tools/setup is silent when nothing is missing and clear where it cannot help.
NEEDS_NO_KENNEL=yes
. "$(dirname "$0")/lib.sh"
unset KENNEL MAKEFLAGS MAKELEVEL
make=(make --no-print-directory BUILD="$CHECK-gcc" CC=gcc WERROR=-Werror DESTDIR="$TMP/root")

"${make[@]}" install >"$TMP/log" 2>&1 || cat "$TMP/log"
share=$TMP/root/usr/local/share/kennel
verdict "install: program" "bin/kennel is absent" [ -x "$TMP/root/usr/local/bin/kennel" ]
verdict "install: checks" "tools/checks differs" diff -rq tools/checks "$share/tools/checks"
verdict "install: scenarios" "scenarios differs" diff -rq scenarios "$share/scenarios"
# As if it had been installed to a root of its own: the program finds its data beside itself.
verdict "install: program finds its data" "kennel help guarantees fails" \
    env -C "$TMP" root/usr/local/bin/kennel help guarantees >/dev/null
if "${make[@]}" uninstall >"$TMP/log" 2>&1; then
    left=$(find "$TMP/root" ! -type d)
    verdict "uninstall" "left: $left" [ -z "$left" ]
else
    not_ok "uninstall" "make uninstall fails"
fi

said=$(tools/setup check 2>&1)
code=$?
verdict "setup: silent when nothing is missing" "exit $code, said: $said" \
    [ "$code" -eq 0 -a -z "$said" ]

# A PATH on which only the shell's own tools are found: no apt-get, no compiler.
mkdir "$TMP/bin"
for program in sh id uname cat mktemp; do ln -s "$(command -v $program)" "$TMP/bin"; done
said=$(PATH=$TMP/bin tools/setup check 2>&1)
code=$?
verdict "setup: says what to install" "exit $code, said: $said" \
    [ "$code" -eq 1 -a "${said#*libglib2.0-dev}" != "$said" -a "${said#*clang-tidy}" != "$said" ]
