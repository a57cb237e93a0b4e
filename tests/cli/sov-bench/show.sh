#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# show - the outputs of sov-bench: what they say, and that each is whole and
# well-formed whatever stands in the records
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

nights() {
    awk "$@" -f "$top_srcdir/tests/tools/nights.awk" </dev/null
}
# all RECORDS OPTIONS...: every form into NAME.*
all() {
    _name=$1
    shift
    benchshow --html "$_name.html" --svg "$_name.svg" --csv "$_name.csv" \
        --md "$_name.md" --junit "$_name.xml" --prom "$_name.prom" "$@"
}
has() {
    grep -qF -e "$2" "$1" || fail "$1 lacks: $2"
}
lacks() {
    ! grep -qiF -e "$2" "$1" || fail "$1 has: $2"
}
last='"run":"000000000000103c"'

nights -v slow=0.15 -v from=60 >history
grep "$last" history >now
grep -v "$last" history >past

# well-formed NAME
well_formed() {
    [ "$(awk -f "$top_srcdir/tests/tools/csv.awk" "$1.csv")" -eq "$2" ] ||
        fail "$1.csv: $(awk -f "$top_srcdir/tests/tools/csv.awk" "$1.csv")"
    for what in '<script' 'javascript:' '<link' '<img' '@import' 'url(' src=; do
        lacks "$1.html" "$what"
        lacks "$1.svg" "$what"
        lacks "$1.md" "$what"
    done
    lacks "$1.html" href=
    if command -v promtool >/dev/null; then
        promtool check metrics <"$1.prom" >lint 2>&1 || {
            cat lint
            fail "promtool"
        }
    fi
    if command -v xmllint >/dev/null; then
        xmllint --noout "$1.svg" || fail "$1.svg"
        xmllint --noout --schema "$top_srcdir/tests/data/junit.xsd" \
            "$1.xml" 2>lint || {
            cat lint
            fail "$1.xml"
        }
        # the report is XML but for its first line and elements without an end
        sed -e 1d -e 's/<meta \([^>]*\)>/<meta \1\/>/' -e 's/<br>/<br\/>/g' \
            "$1.html" | xmllint --noout - || fail "$1.html"
    fi
}

# ---- what is said

expect 0 all bad now --base past --past past
well_formed bad 58
err_empty
out_has 'Worse than before in 1 of 38: decode 128 of llama-1b-q4_k_m.gguf is 15.'
out_has '! 15.3 % slower'
out_has '= same'
awk 'length($0) > 160' out | grep . && fail "a long line"
LC_ALL=C grep -n '[^ -~]' out && fail "no ASCII in the C locale"
expect 0 env LC_ALL=C.UTF-8 COLUMNS=120 benchshow now --base past --past past
out_has '▼ 15.3 % slower'
out_has '▇'
expect 0 env LC_ALL=C.UTF-8 benchshow --no-color now --base past --past past
out_has '! 15.3 % slower'
expect 0 env COLUMNS=60 benchshow now --base past --past past
awk 'NR > 1 && /^  / && length($0) > 60' out | grep . && fail "wider than 60"
expect 0 benchshow --fake-stdout-is-console now --base past
out_has "$(printf '\033[31m! 15.3 %% slower')"
expect 0 benchshow --fake-stdout-is-console --no-color now --base past
grep -q "$(printf '\033')" out && fail "colours"
expect 0 benchshow -q now --base past
out_empty
expect 0 benchshow --json now --base past
cmp -s out now || [ "$(wc -l <out)" -eq "$(wc -l <now)" ] || fail "records"

head -n 2 bad.md | grep -q '^❌ \*\*Worse than before' || fail "md: verdict first"
has bad.md 'llama-1b-q4_k_m.gguf` | decode 128'
has bad.html '<section class="verdict bad"'
has bad.html 'prefers-color-scheme:dark'
has bad.html '<h2 id="words">'
lacks bad.html '://'
has bad.svg 'Quality against size'
has bad.svg 'How near to the limits'
has bad.xml '<failure message="15.3 % slower'
has bad.prom 'sov_bench_exit_code 1'
has bad.prom 'quant="q4_k_m",phase="decode"'
lacks bad.prom last_success

nights -v only=1 >same
expect 0 all good same --base past --past past
well_formed good 58
out_has 'No worse than before'
has good.html '<section class="verdict good"'
has good.md '✅ **No worse'
has good.prom 'sov_bench_exit_code 0'
has good.prom sov_bench_last_success_timestamp_seconds
lacks good.xml '<failure'

# a change that stayed
nights -v slow=0.05 -v from=40 >changed
grep "$last" changed >changed-now
expect 0 all changed changed-now --past changed
well_formed changed 58
has changed.html 'It changed by -5.2 % on 2026-11-01.'
has changed.svg '>-5.2 %</text>'

# nothing to compare with, one model, one record, none
expect 0 all first same
well_formed first 58
out_has 'prefill 512'
has first.html 'compared with nothing'
head -n 4 now | tail -n 1 >one
expect 0 all one one
well_formed one 2
: >none
expect 0 all none none
well_formed none 1

# the same bytes each time
for form in html svg csv md xml prom; do
    cp "bad.$form" "want.$form"
done
expect 0 all bad now --base past --past past
for form in html svg csv md xml prom; do
    cmp "bad.$form" "want.$form" || fail "other bytes"
done

# another machine's past is not ours
nights -v machine=00112233445566778899aabbccddeeff | grep -v "$last" >other
expect 0 all other same --past other
lacks other.html 'id="history"'

# a disturbed run says so
nights -v only=1 -v noise=0.31 >busy
expect 0 all busy busy --base past
out_has 'disturbed: 31 % of the time work waited for a CPU'
has busy.html 'The machine was disturbed'
has busy.md 'Disturbed: 31 %'

# ---- records are not believed

text='\u003cscript\u003ealert(1)\u003c/script\u003e\"'\''&amp;|`,;\n\r\t@x #1 *b* _i_ [l](http://h) \u001b[31m\ufffe\uffff\u202e=1+1'
# shellcheck disable=SC2016
EVIL_TEXT=$text awk '{
    evil = ENVIRON["EVIL_TEXT"]
    gsub(/&/, "\\\\&", evil)
    gsub(/llama-1b/, evil)
    gsub(/"arch":"llama"/, "\"arch\":\"" evil "\"")
    gsub(/"type":"q/, "\"type\":\"" evil)
    gsub(/"kv":"q8"/, "\"kv\":\"" evil "\"")
    gsub(/wiki.test.raw/, evil)
    gsub(/AMD EPYC 9B14/, evil)
    gsub(/performance/, evil)
    gsub(/sov 0.1.0, gcc/, evil)
    sub(/,"samples"/, ",\"note\":\"" evil "\"&")
    print
}' now >evil
# shellcheck disable=SC2016
EVIL_TEXT=$text awk '{
    evil = ENVIRON["EVIL_TEXT"]
    gsub(/&/, "\\\\&", evil)
    gsub(/llama-1b/, evil)
    gsub(/wiki.test.raw/, evil)
    gsub(/"kv":"q8"/, "\"kv\":\"" evil "\"")
    print
}' past >evil-past
expect 0 all evil evil --base evil-past --past evil-past
well_formed evil 58
out_has 'Worse than before'
grep -q "$(printf '\033')" out evil.html evil.svg evil.csv evil.md evil.xml \
    evil.prom && fail "an escape sequence"
lacks evil.md ' @x'
lacks evil.md '](http'
grep -q '^| .*|.*|.*|.*|.*|.*|.*|' evil.md && fail "a column more"
has evil.html '&lt;script&gt;alert(1)'
tr -d '\r' <evil.csv | grep -q '^=' && fail "a formula"

# ---- files of others stay

echo 'my numbers' >mine
for option in --html --svg --csv --md --junit --prom; do
    expect 73 benchshow now "$option" mine
    err_has "$option: mine exists and is no such file of sov-bench"
    err_one_line
    out_empty
    [ "$(cat mine)" = 'my numbers' ] || fail "it is gone"
done
expect 0 benchshow now --csv mine -f
expect 73 benchshow now -f --csv now
expect 64 benchshow now --csv - --md -
expect 64 benchshow now --csv a --md a
expect 64 benchshow now --csv .
expect 73 benchshow now --csv no/such/folder
expect 0 benchshow now --csv -
cmp out want.csv >/dev/null && fail "a verdict from nowhere"
[ "$(awk -f "$top_srcdir/tests/tools/csv.awk" out)" -eq 58 ] || fail "to stdout"

# ---- metrics of a run that failed; the last good one is not forgotten

at=$(sed -n 's/^sov_bench_last_success_timestamp_seconds //p' good.prom)
expect 0 benchshow now --prom good.prom --failed 66
has good.prom 'sov_bench_exit_code 66'
has good.prom "sov_bench_last_success_timestamp_seconds $at"
lacks good.prom tokens_per_second
expect 0 benchshow now --prom good.prom --base past -q
has good.prom 'sov_bench_exit_code 1'
has good.prom "sov_bench_last_success_timestamp_seconds $at"
expect 0 benchshow now --prom new.prom --failed 75
has new.prom 'sov_bench_exit_code 75'
lacks new.prom last_success

# ---- never torn

lines=$(wc -l <bad.prom)
cp bad.prom torn.prom
benchshow now --base past --prom torn.prom -q --again 400 &
pid=$!
awk -v want="$lines" 'BEGIN {
    for (i = 0; i < 4000; i++) {
        n = 0
        while ((getline line <"torn.prom") > 0)
            n++
        close("torn.prom")
        if (n != want) {
            print n " lines instead of " want " at reading " i
            exit 1
        }
    }
}' || fail "a torn file"
wait "$pid" || fail "it failed"

command -v xmllint >/dev/null || skip "xmllint is not installed"
command -v promtool >/dev/null || skip "promtool is not installed"
