#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# frame-options - the option table: parsing, help, suggestions
. "${top_srcdir:?}/tests/cli/lib.sh"

defaults='flag=0 text=some text file=- int=-1 uint=7 real=0.8 size=0'
defaults="$defaults colour=green call=not q=0 v=0 o=-"

expect 0 t-tool show
out_is "$defaults"

# every way to give a value
for way in '-t word' '-tword' '--text word' '--text=word' '-Ftword' \
    '-F -t word' '-Ft word'; do
    # shellcheck disable=SC2086
    expect 0 t-tool $way show
    out_has 'text=word'
done
expect 0 t-tool show --text= --int -3 -u0 -x 1e-3 --colour=blue
out_has 'text= file=- int=-3 uint=0 real=0.001'
out_has 'colour=blue'

# flags, grouped and taken back; options after operands; --
expect 0 t-tool -Fqvv show
out_has 'flag=1'
out_has 'q=1 v=2'
expect 0 t-tool -F --no-flag show
out_has 'flag=0'
expect 0 t-tool show two -F -- -x
out_has 'flag=1'
out_has 'operand two'
out_has 'operand -x'
expect 0 t-tool show -
out_has 'operand -'

# lists and optional values
expect 0 t-tool --item a --item=b show
out_has 'item a'
out_has 'item b'
expect 0 t-tool --call show
out_has 'call=alone'
expect 0 t-tool --call=x show
out_has 'call=x'
expect 64 t-tool --call=bad show

# sizes
while read -r size bytes; do
    expect 0 t-tool --size "$size" show
    out_has " size=$bytes "
done <<'END'
0 0
4096 4096
800M 800000000
5.2G 5200000000
2Gi 2147483648
1.5Ki 1536
7kB 7000
18446744073709551615 18446744073709551615
END
for size in '' -1 5X 5GG 1e3 .. 99999999E nan ' 5' 5iB; do
    expect 64 t-tool --size="$size" show
    err_one_line
    out_empty
done

# numbers
for bad in --int=6 --int=-6 --int=1x --int= '--int= 1' --int=9999999999999999999 \
    --uint=-1 --uint=1.5 --uint= --uint=99999999999999999999 --real=nan \
    --real=inf --real=0x10 --real=1,5 --real= --real=-0.1 --real=1e999 \
    --colour=violet --file= --align=48 --align=4 -j0 -jx; do
    expect 64 t-tool "$bad" show
    err_one_line
    err_has 't-tool: --'
    err_has "(try 't-tool --help')"
    out_empty
done

# a value that is refused tells what would do
expect 64 t-tool --colour=violet show
err_has "is not red, green or blue"
expect 64 t-tool -j0 show
err_has '--threads: 0 is not between 1 and 4096'
expect 64 t-tool --uint=99999999999999999999 show
err_has 'is too large'

# mistakes, and what they get
expect 64 t-tool --txet x show
err_has "unknown option '--txet', did you mean '--text'?"
expect 64 t-tool --out x show
err_has "did you mean '--output'?"
expect 64 t-tool --colour=geren show
err_has "did you mean 'green'?"
expect 64 t-tool --outputt=x show
err_has "unknown option '--outputt', did you mean '--output'?"
expect 64 t-tool --zebra show
err_has "unknown option '--zebra'"
grep -q 'did you mean' err && fail "a wild guess"
expect 64 t-tool -Z show
err_has "unknown option '-Z'"
expect 64 t-tool -flag show
err_has "did you mean '--flag'?"
expect 64 t-tool --flag=1 show
err_has 'takes no value'
expect 64 t-tool show --text
err_has 'needs a value (TEXT)'
expect 64 t-tool show -t
err_has 'needs a value (TEXT)'
expect 64 t-tool
err_has 'operand missing'
expect 64 t-tool show b c d
err_has "one operand too many: 'd'"
expect 64 t-tool "--$(printf 'a\033[2Jb\nc')" show
err_one_line
LC_ALL=C grep -q "$(printf '\033')" err && fail "a control character came through"

# help, version, dump
expect 0 t-tool --help
err_empty
out_has 'Usage: t-tool [OPTION]... DOING [OPERAND...]'
out_has '--colour=red|green|blue'
out_has 'one of three [green]'
out_has '-o, --output=OUT'
grep -q 'fake' out && fail "a hidden option in --help"
grep -q 'max-memory' out && fail "an option that the tool does not take"
[ "$(awk 'length > 80' out | wc -l)" -eq 0 ] || fail "a line of help is too wide"
mv out help
expect 0 t-tool -h
cmp -s out help || fail "-h is not --help"
expect 0 t-tool --text other --help --nonsense
cmp -s out help || fail "--help shows a given value as a default"
expect 0 t-tool --version
out_has 't-tool (sov) '
expect 0 t-tool --dump-options
[ "$(awk -F'\t' 'NF != 6' out | wc -l)" -eq 0 ] || fail "a row has not 6 fields"
grep -q "^t	text	TEXT	some text	a string	$" out || fail "no row for --text"
grep -q "^	colour	red|green|blue	green	one of three	red|green|blue$" out ||
    fail "no row for --colour"
grep -q "@file$" out || fail "no file option"

exit 0
