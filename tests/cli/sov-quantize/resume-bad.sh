#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# resume-bad - parts and journals that are not what they were
#
# Whatever lies there, the output is right or there is none, and what is not
# ours is not touched.
# shellcheck disable=SC2086 # commands in variables
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" layers=3 width=256 m.gguf
expect 0 sov-quantize -t q8_0 -o whole.gguf m.gguf
n=$(stat -c %s m.gguf)
mkfifo pipe

# What a run leaves that is stopped after most of the model came in.
quantize="sov-quantize -t q8_0 --resume -o x.gguf"
leave() {
    rm -rf x.gguf*
    $quantize - <pipe >/dev/null 2>&1 &
    pid=$!
    exec 9>pipe
    head -c $((n * 4 / 5)) m.gguf >&9
    tries=0
    while [ $tries -lt 500 ] &&
        [ "$(stat -c %s x.gguf.part.journal 2>/dev/null || echo 0)" -lt 1000 ]; do
        tries=$((tries + 1))
        sleep 0.02
    done
    sleep 0.1
    kill -9 $pid
    wait $pid 2>/dev/null || :
    exec 9>&-
}
leave
mkdir left
cp x.gguf.part x.gguf.part.journal left
records=$((($(stat -c %s left/x.gguf.part.journal) - 16) / 120))
[ $records -ge 10 ] || fail "only $records records"

again() {
    rm -rf x.gguf*
    cp left/* .
}

# right WHAT COMMAND...: it makes the output, and nothing is left
right() {
    what=$1
    shift
    expect 0 "$@"
    cmp x.gguf whole.gguf || fail "$what"
    only_files m.gguf whole.gguf x.gguf left pipe other.gguf
}

# put FILE OFFSET BYTES
put() {
    # shellcheck disable=SC2059
    printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>err
}

again
right "as it was left" $quantize -v m.gguf
err_has "going on behind"
again
right "from a pipe" sh -c "cat m.gguf | $quantize -v -"
err_has "going on behind"

# a journal that is cut, anywhere
for cut in 16 17 135 136 137 255 256 257 $((16 + 120 * records - 1)); do
    again
    truncate -s "$cut" x.gguf.part.journal
    right "a journal of $cut bytes" $quantize m.gguf
done
again
cat left/x.gguf.part.journal left/x.gguf.part.journal >x.gguf.part.journal
right "a journal that goes on" $quantize m.gguf
again
head -c 100000 /dev/urandom >>x.gguf.part.journal
right "rubbish behind" $quantize m.gguf

# a byte of it that is another: of each field of a record
for at in 0 4 8 16 31 32 47 48 64 103 104 119; do
    for record in 0 1 $((records / 2)); do
        again
        put x.gguf.part.journal $((16 + 120 * record + at)) '\252'
        right "byte $at of record $record" $quantize m.gguf
    done
done
again
put x.gguf.part.journal 16 '\252'
expect 0 $quantize m.gguf
err_has "damaged: all is made again"

# a byte of the part: head, tensors, padding; and a part that is cut
size=$(stat -c %s x.gguf)
for at in 0 1000 $((size / 4)) $((size / 2)); do
    again
    put x.gguf.part "$at" '\252\125\252'
    right "byte $at of the part" $quantize m.gguf
    err_has "tensors are made again: their bytes are not what was written"
done
for cut in 0 10 $((size / 3)); do
    again
    truncate -s "$cut" x.gguf.part
    right "a part of $cut bytes" $quantize m.gguf
done
again
rm x.gguf.part
right "no part at all" $quantize m.gguf

# another input: what was made of it is made again
cp m.gguf same.gguf
cp m.gguf other.gguf
put other.gguf $((n / 2)) '\001\002'
touch -r m.gguf other.gguf
rm -f x.gguf
expect 0 sov-quantize -t q8_0 -o other-whole.gguf other.gguf
again
expect 0 $quantize other.gguf
err_has "the model has changed"
cmp x.gguf other-whole.gguf || fail "of another input"
again
expect 65 sh -c "cat other.gguf | $quantize -"
err_has "is not what it was when x.gguf.part was begun"
[ ! -e x.gguf ] || fail "an output of two models"
rm -f x.gguf*
# changed in its place, behind what is made, with the old time
cp m.gguf here.gguf
$quantize here.gguf
rm x.gguf
again
expect 0 $quantize here.gguf
err_empty
rm -f x.gguf*
rm -f same.gguf other-whole.gguf here.gguf

# Two inputs in turn.  Neither comes to an end; what is kept of the first is
# what it would be without the other, wherever runs of that were stopped.
norm=output_norm.weight
"$mkmodel" layers=3 width=256 bad=$norm:5:nan a.gguf
cp a.gguf b.gguf
put b.gguf $((n / 2)) '\001\002'
stopped() { # after RECORDS records of the journal, and then goes on with INPUT
    truncate -s $((16 + 120 * $1)) x.gguf.part.journal
    expect 65 $quantize "$2"
    err_has "$norm: weight 5 of row 0 is not a number"
}
rm -f x.gguf*
expect 65 $quantize a.gguf
cp x.gguf.part a.part
stopped 4 b.gguf
cmp -s x.gguf.part a.part && fail "the inputs are the same"
cp x.gguf.part b.part
for at in 4 5 6; do
    stopped $at b.gguf
    cmp x.gguf.part b.part || fail "of the second input, from $at records on"
    expect 65 $quantize a.gguf
    cmp x.gguf.part a.part || fail "of the first input, after $at records"
    stopped 4 b.gguf
done
rm -f x.gguf* a.gguf b.gguf a.part b.part

# other options, and another version's output
again
expect 0 sov-quantize -t q4_0 --resume -o x.gguf m.gguf
err_has "was begun with another model, options or version: all is made again"
expect 0 sov-quantize -t q4_0 -o y.gguf m.gguf
cmp x.gguf y.gguf || fail "of other options"
rm y.gguf

# ---- what is not ours

rm -f x.gguf*
echo mine >x.gguf.part
expect 73 $quantize m.gguf
err_has "x.gguf.part: is there, and no journal says what it is"
[ "$(cat x.gguf.part)" = mine ] || fail "somebody else's part"
[ ! -e x.gguf.part.journal ] || fail "a journal is left"
echo mine as well >x.gguf.part.journal
expect 73 $quantize -f m.gguf
err_has "is no journal of ours"
expect 0 sov-quantize -t q8_0 -o x.gguf m.gguf
[ "$(cat x.gguf.part)" = mine ] || fail "somebody else's part is gone"
again
rm x.gguf.part
echo theirs >target
ln -s target x.gguf.part
expect 73 $quantize m.gguf
[ "$(cat target)" = theirs ] || fail "through a link"
again
ln x.gguf.part second
expect 73 $quantize m.gguf
err_has "has a second name"
rm -f target second

# a part is no input of what becomes of it
again
cp whole.gguf x.gguf.part
expect 73 $quantize x.gguf.part
err_has "is also the input"
cmp x.gguf.part whole.gguf || fail "it ate its own part"
right "after it was an input" $quantize m.gguf

# ---- how it goes with the other options

# what rounding cost is known of all tensors, whoever asks
rm x.gguf
expect 0 sov-quantize -t q8_0 --json -o x.gguf m.gguf
told=$(sed 's/"seconds":[^,}]*//' out)
again
right "--json" $quantize --json m.gguf
[ "$(sed 's/"seconds":[^,}]*//' out)" = "$told" ] ||
    fail "errors of one part only"
again
expect 0 sov-quantize -t q8_0 -o x.gguf m.gguf
only_files m.gguf whole.gguf x.gguf left pipe other.gguf
cp left/* .
expect 73 $quantize m.gguf
err_has "without --force"
right "--force" $quantize -f m.gguf
touch -d '2 days ago' x.gguf
cp -p x.gguf old
cp left/* .
expect 0 $quantize --if-changed m.gguf
[ -z "$(find x.gguf -newer old)" ] || fail "--if-changed, and it did"
rm old
only_files m.gguf whole.gguf x.gguf left pipe other.gguf
for out in - x.tar x/ /dev/null /dev/fd/3; do
    expect 64 sov-quantize -t q8_0 --resume -o $out m.gguf 3>/dev/null
    err_one_line
done
rm -f x.gguf
expect 0 $quantize --dry-run m.gguf
only_files m.gguf whole.gguf left pipe other.gguf

# an error before any tensor is done leaves nothing
"$mkmodel" layers=1 bad=token_embd.weight:5:nan bad.gguf
expect 65 $quantize bad.gguf
rm bad.gguf
only_files m.gguf whole.gguf left pipe other.gguf

# ---- two at once; signals

$quantize - <pipe >/dev/null 2>said &
pid=$!
exec 9>pipe
head -c $((n / 2)) m.gguf >&9
tries=0
while [ $tries -lt 500 ] &&
    [ "$(stat -c %s x.gguf.part.journal 2>/dev/null || echo 0)" -lt 400 ]; do
    tries=$((tries + 1))
    sleep 0.02
done
expect 75 $quantize m.gguf
err_has "another run is writing this output"
expect 0 sov-quantize -t q8_0 -o x.gguf m.gguf
[ -e x.gguf.part.journal ] || fail "another run has removed the journal"
rm x.gguf
kill -TERM $pid
wait $pid 2>/dev/null && fail "it did not end"
exec 9>&-
grep -q "x.gguf.part is kept; the same command goes on from there" said ||
    fail "nothing was said at the end"
rm said
[ -s x.gguf.part ] || fail "SIGTERM took the part away"
right "after SIGTERM" $quantize m.gguf

# who waits for another and then finds its output does no work in vain
for how in "" --resume; do
    rm x.gguf
    sov-quantize -q -t q8_0 --lock=wait $how -o x.gguf - <pipe &
    first=$!
    exec 9>pipe
    head -c $((n / 2)) m.gguf >&9
    tries=0
    while [ $tries -lt 500 ] && [ ! -e .x.gguf.lock ]; do
        tries=$((tries + 1))
        sleep 0.02
    done
    $quantize --lock=wait m.gguf 2>said 9>&- &
    second=$!
    sleep 0.2
    tail -c +$((n / 2 + 1)) m.gguf >&9
    exec 9>&-
    wait $first || fail "the first of two"
    got=0
    wait $second || got=$?
    [ $got -eq 73 ] || fail "status $got after the wait"
    grep -q "will not be replaced without --force" said ||
        fail "it says: $(cat said)"
    rm said
    only_files m.gguf whole.gguf x.gguf left pipe other.gguf
done

# ---- a full disk

strace -o /dev/null true 2>err || {
    echo "no strace, or not allowed: no full disk"
    exit 0
}
for at in 3 9 20; do
    rm -f x.gguf*
    expect 74 strace -f -qq -o /dev/null -e trace=write \
        -e inject=write:error=ENOSPC:when=$at+ $quantize -j 1 m.gguf
    [ ! -e x.gguf ] || fail "an output on a full disk"
    right "after a full disk" $quantize m.gguf
done
rm -f x.gguf
expect 74 strace -f -qq -o /dev/null -e trace=fsync \
    -e inject=fsync:error=EIO:when=3+ $quantize m.gguf
[ ! -e x.gguf ] || fail "an output that is not on the disk"
right "after a bad disk" $quantize m.gguf
