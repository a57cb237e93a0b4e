#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quiet - the library never prints, never exits and reads no environment
# variable but its own two, and by which launchers of MPI tell a process that
# it is one of many
set -eu
cd "${top_srcdir:?}"

# file:function, space-separated: what may stand where
allowed='lib/sys/cpu.c:getenv lib/sys/par.c:getenv lib/sys/cpu.c:secure_getenv
lib/sys/par.c:secure_getenv lib/distill/comm.c:getenv'

allowed=" $(echo "$allowed" | tr '\n' ' ') "
# shellcheck disable=SC2016
find lib -name '*.[ch]' | sort | xargs awk -v allowed="$allowed" '
    FNR == 1 { comment = 0 }
    {
        line = $0
        gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
        while (1) {
            if (comment) {
                if (!(i = index(line, "*/"))) { line = ""; break }
                line = substr(line, i + 2)
                comment = 0
            }
            if (!(i = index(line, "/*"))) break
            rest = substr(line, i + 2)
            if (j = index(rest, "*/"))
                line = substr(line, 1, i - 1) " " substr(rest, j + 2)
            else {
                line = substr(line, 1, i - 1)
                comment = 1
                break
            }
        }
        while (match(line, /(^|[^A-Za-z0-9_])(printf|fprintf|vprintf|vfprintf|dprintf|puts|fputs|putchar|putc|fputc|perror|err|errx|warn|warnx|exit|_exit|_Exit|quick_exit|abort|getenv|secure_getenv|setenv|putenv|system|popen)[ \t]*\(/)) {
            call = substr(line, RSTART, RLENGTH)
            gsub(/[^A-Za-z0-9_]/, "", call)
            if (!index(allowed, " " FILENAME ":" call " ")) {
                printf "%s:%d: %s() in the library\n", FILENAME, FNR, call
                bad = 1
            }
            line = substr(line, RSTART + RLENGTH)
        }
    }
    END { exit bad }'
