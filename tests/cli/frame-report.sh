#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# frame-report - reports as text and JSON, progress
. "${top_srcdir:?}/tests/cli/lib.sh"

name=$(printf 'a\033[2J"b\377')
expect 0 t-tool "report:$name"
cat >want <<'END'
name          a\x1b[2J"b\xff
big number    18446744073709551615
size          5.20 GB
not a number  -
tenth         0.10 s
good          yes

tensor                rows
blk.0.attn_q.weight      5
output               32000
END
diff want out || fail "text report"

expect 0 t-tool --json report:x
want='{"schema":"sov.test/1","name":"x","big":"18446744073709551615"'
want="$want,\"bytes\":5200000000,\"nan\":null,\"tenth\":0.1,\"good\":true"
want="$want,\"ids\":[1,2,3],\"rows\":[{\"tensor\":\"blk.0.attn_q.weight\""
want="$want,\"rows\":5},{\"tensor\":\"output\",\"rows\":32000}]}"
out_is "$want"
expect 0 t-tool --json "report:$name"
out_has '"name":"a\u001B[2J\"b\\xff"'

# bold heads on a terminal only, unless refused
esc=$(printf '\033')
expect 0 t-tool --fake-stdout-is-console report:x
out_has "${esc}[1m"
expect 0 t-tool --fake-stdout-is-console --no-color report:x
LC_ALL=C grep -q "$esc" out && fail "--no-color"
expect 0 env NO_COLOR=1 t-tool --fake-stdout-is-console report:x
LC_ALL=C grep -q "$esc" out && fail "NO_COLOR"

# progress: silent without a terminal
expect 0 t-tool progress
err_empty
for args in --progress=always --fake-stderr-is-console; do
    start=$(date +%s)
    expect 0 t-tool "$args" progress
    most=$((($(date +%s) - start + 1) * 10 + 2))
    err_has ' % '
    err_has 'blk.\x1b.weight'
    n=$(tr '\r' '\n' <err | grep -c ' % ')
    if [ "$n" -lt 2 ] || [ "$n" -gt $most ]; then
        fail "$n drawings, $most would be ten a second"
    fi
    [ "$(tail -c 4 err)" = "$(printf '\r\033[K')" ] || fail "not erased at the end"
done
expect 0 t-tool --fake-stderr-is-console --progress=never progress
err_empty
expect 0 t-tool --fake-stderr-is-console -q progress
err_empty
expect 0 t-tool --progress=json progress
grep -q '^{"type":"progress","unit":"B","done":30000000,"total":30000000,' err ||
    fail "no last JSON line"
expect 0 t-tool progress:usr1
err_one_line
err_has 't-tool:  50 %  15.0 MB of 30.0 MB'

exit 0
