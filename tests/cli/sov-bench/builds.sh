#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# builds - one build of sov-bench beside another one, and -o
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" layers=1 m.gguf
quick="--prompt 0 --gen 4 -j 1 --fake-root $PWD/none"

# another one: it counts its calls, and does four times the work for what is
# one token, when it is told to
cat >other <<EOF
#!/bin/sh
echo "\$@" >>"$scratch/calls"
[ -z "\${SLOW-}" ] || {
    sov-bench "\$@" >"$scratch/true" || exit
    sed -e 's/"samples":\[[^]]*\]/"samples":[0.5,0.5,0.5]/' \
        -e 's/"median":[0-9.e+]*,/"median":0.5,/' "$scratch/true"
    exit
}
exec sov-bench "\$@"
EOF
chmod +x other

# shellcheck disable=SC2086
expect 0 sov-bench --json $quick --runs 3 --vs-tool ./other m.gguf
err_empty
[ "$(wc -l <calls)" -eq 3 ] || fail "it was not called three times"
grep -q -e '--json --quiet --no-start --runs=8 --turns=3 .*--gen=4 .* m.gguf$' \
    calls ||
    fail "other options: $(cat calls)"
[ "$(wc -l <out)" -eq 3 ] || fail "not three records"
out_has '"metric":"decode"'
out_has '"name":"m.gguf (./other)"'
grep '"metric":"ratio"' out | grep '"name":"m.gguf"' |
    grep '"text":"./other"' | grep -q '"stat":{"n":3,' || fail "no ratio"
[ "$(sed 's/.*"run":"\([^"]*\)".*/\1/' out | sort -u | wc -l)" -eq 1 ] ||
    fail "records of several runs"

# an older build, which knows no turns
cat >older <<EOF
#!/bin/sh
case "\$*" in *--turns*) exit 64 ;; esac
echo "\$@" >>"$scratch/old-calls"
exec sov-bench "\$@"
EOF
chmod +x older
# shellcheck disable=SC2086
expect 0 sov-bench --json $quick --runs 2 --vs-tool ./older m.gguf
[ "$(grep -c -e '--no-start --runs=3 ' old-calls)" -eq 2 ] || fail "not alone"
grep '"metric":"ratio"' out | grep -q '"stat":{"n":2,' || fail "no ratio"

rm calls
expect 0 sov-bench -q --prompt 0 --gen 2 --runs 1 --vs-tool ./other m.gguf
grep -q fake calls && fail "it was told of another root"

# ours is faster: no complaint; the other one is: beyond doubt
SLOW=1
export SLOW
# shellcheck disable=SC2086
expect 0 sov-bench $quick --runs 9 --vs-tool ./other --fail-above 1% m.gguf
out_has 'No worse than the other one, and better in 1 of 1.'
out_has '% faster'
cat >swapped <<EOF
#!/bin/sh
sov-bench "\$@" >"$scratch/true" || exit
sed -e 's/"samples":\[[^]]*\]/"samples":[9e7,9e7,9e7]/' \
    -e 's/"median":[0-9.e+]*,/"median":9e7,/' "$scratch/true"
EOF
chmod +x swapped
# shellcheck disable=SC2086
expect 1 sov-bench -q $quick --runs 9 --vs-tool ./swapped --fail-above 1% m.gguf
err_one_line
err_has 'm.gguf: ratio: '
err_has 'slower ('
err_has 'than ./swapped'
# shellcheck disable=SC2086
expect 0 sov-bench -q $quick --runs 9 --vs-tool ./swapped m.gguf
# what pairs cannot be sure of is no verdict, and it is said why
# shellcheck disable=SC2086
expect 0 sov-bench $quick --runs 8 --vs-tool ./swapped --fail-above 1% m.gguf
out_has '% slower'
grep -q '? perhaps [0-9.]* % slower$' out || fail "no perhaps"
out_has 'Not clear: ratio of decode 4 of m.gguf: '
out_has 'not beyond doubt: 1 of 128 such is chance, and not 1 of 200.'
# shellcheck disable=SC2086
expect 0 sov-bench -q $quick --runs 4 --vs-tool ./swapped --fail-above 1% m.gguf
unset SLOW

# two models, judged likewise
# shellcheck disable=SC2086
expect 0 sov-bench --no-start --runs 6 $quick --vs m.gguf --fail-above 1000% \
    m.gguf

# programs that are none, fail, say something else, or measure something else
broken() {
    want=$1
    printf '#!/bin/sh\n%s\n' "$2" >broken
    chmod +x broken
    # shellcheck disable=SC2086
    expect "$want" sov-bench $quick --runs 2 --vs-tool ./broken m.gguf
    err_one_line
    err_has './broken: '
    err_has "$3"
}
broken 74 'echo "no such luck" >&2; exit 66' 'no such luck'
broken 74 'echo "unknown option" >&2; exit 64' 'is it sov-bench?'
# shellcheck disable=SC2016
broken 74 'kill -9 $$' 'signal 9'
broken 65 'echo hello' 'hello'
broken 65 'echo "{\"schema\":\"sov.bench/1\",\"metric\":\"decode\",\"samples\":[NaN]}"' ''
broken 69 'exit 0' 'does not measure the same cells'
# shellcheck disable=SC2016
broken 69 'exec sov-bench $(echo "$@" | sed s/--gen=4/--gen=5/)' \
    'does not measure the same cells'
mkdir folder
"$mkmodel" layers=1 seed=7 folder/m.gguf
# shellcheck disable=SC2016
broken 74 'exec sov-bench $(echo "$@" | sed "s,m.gguf$,folder/m.gguf,")' \
    'another file'
# shellcheck disable=SC2086
expect 74 sov-bench $quick --vs-tool ./nowhere m.gguf
err_has './nowhere: No such file'
expect 64 sov-bench --vs-tool ./other --vs m.gguf m.gguf
expect 64 sov-bench --vs-tool ./other m.gguf m.gguf
expect 64 sov-bench --vs-tool ./other --perplexity other m.gguf
expect 64 sov-bench --vs-tool ./other --require-energy m.gguf
expect 66 sov-bench --vs-tool ./other nowhere.gguf

# -o
# shellcheck disable=SC2086
expect 0 sov-bench --no-start --runs 2 $quick -o table m.gguf
out_empty
grep -q 'decode 4' table || fail "no table"
# shellcheck disable=SC2086
expect 73 sov-bench --no-start --runs 2 $quick -o table m.gguf
err_one_line
# shellcheck disable=SC2086
expect 0 sov-bench --no-start --runs 2 $quick -f --json -o table --csv - m.gguf
out_has 'run,time,metric'
head -n 1 table | grep -q '^{"schema":"sov.bench/1"' || fail "no records"
# shellcheck disable=SC2086
expect 64 sov-bench $quick -o x --csv x m.gguf
# shellcheck disable=SC2086
expect 73 sov-bench -f $quick -o m.gguf m.gguf
# shellcheck disable=SC2086
expect 66 sov-bench $quick -o gone nowhere.gguf
[ ! -e gone ] || fail "something is left"
expect 64 sov-bench --advise -o x m.gguf
[ -z "$(find . -name '.*sov-*')" ] || fail "a temporary file is left"
exit 0
