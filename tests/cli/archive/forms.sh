#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# forms - models in archives of every kind, from files and pipes
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/archive/lib.sh"

"$tools/mkmodel" layers=2 width=64 heads=2 kv=1 ffn=64 vocab=64 m.gguf

# one GGUF file: plain, in a tar, in a zip, each compressed
mk tar m.tar n=m.gguf d=m.gguf
mk tar n.tar n=README d="$tale/README.md" . n=dir/m.gguf d=m.gguf . \
    n=z.txt d="$tale/README.md"
mk zip m.zip n=README d="$tale/README.md" . n=dir/m.gguf d=m.gguf
for f in m.gguf m.tar n.tar m.zip; do
    [ $f = m.gguf ] || accept $f m.gguf
    mk gz $f.gz d=$f
    accept $f.gz m.gguf
    for tool in xz zstd gzip; do
        command -v $tool >/dev/null || continue
        $tool -q -c $f >packed
        accept packed m.gguf
    done
done
rm -f packed ./*.gz ./*.tar ./*.zip

# the parts of a split, in any order
sov-quantize -q --split-max-size 30k -o s.gguf m.gguf
set --
for f in s-*.gguf; do
    set -- n="x/$f" d="$f" . "$@"
done
[ $# -gt 6 ] || fail "not split: $*"
mk tar split.tar "$@"
accept split.tar m.gguf
mk gz split.tar.gz d=split.tar
accept split.tar.gz m.gguf
shift 3
mk tar split.tar "$@"
refuse split.tar 'of '
rm -f s-*.gguf split.*

# a published directory: with a folder, without, weights first or last
expect 0 sov-quantize -q -t f16 -o ref.gguf "$tale"
dir() {
    for f in "$@"; do
        set -- "$@" n="$prefix$f" d="$tale/$f" .
        shift
    done
    mk tar d.tar "$@"
    mk zip d.zip "$@"
    mk gz d.tar.gz d=d.tar
}
for prefix in tale/ ./tale/; do
    for order in 'config.json tokenizer.model model.safetensors
        tokenizer_config.json' 'model.safetensors README.md tokenizer.model
        config.json generation_config.json tokenizer_config.json'; do
        # shellcheck disable=SC2086
        dir $order
        for f in d.tar d.zip d.tar.gz; do
            expect 0 sov-quantize -q -f -t f16 -o made $f
            cmp made ref.gguf || fail "$f: another model"
            expect 0 sov-quantize -q -f -t f16 -o made - <$f
            cmp made ref.gguf || fail "$f from a pipe: another model"
        done
    done
done
expect 0 sov-run -m "$tale" --temp 0 -n 8 -p 'Once upon'
mv out want
prefix=
dir config.json model.safetensors tokenizer.model tokenizer_config.json
for f in d.tar d.zip d.tar.gz; do
    expect 0 sov-run -m $f --temp 0 -n 8 -p 'Once upon'
    cmp out want || fail "$f: another text"
    expect 0 sov-run -m - --temp 0 -n 8 -p 'Once upon' <$f
    cmp out want || fail "$f from a pipe: another text"
done
tmp_empty
rm -f d.* made want

# what is not whole, cut at many places
mk tar m.tar n=a.json d="$tale/config.json" . n=m.gguf d=m.gguf
mk zip m.zip n=a.json d="$tale/config.json" . n=m.gguf d=m.gguf
mk gz m.tar.gz d=m.tar
for f in m.tar m.zip m.tar.gz; do
    size=$(wc -c <$f)
    for cut in 1 100 511 512 513 1000 1024 1536 2000 2048 5000 30000 \
        $((size - 1025)) $((size - 1024)) $((size - 23)) $((size - 9)); do
        [ $cut -lt "$size" ] || continue
        case $f in
        m.tar) [ $cut -lt $((size - 1023)) ] || continue ;;
        esac
        head -c $cut $f >short
        for how in short -; do
            expect 65 sov-quantize -t copy -o made $how <short
            err_one_line
            [ ! -e made ] || fail "$f cut at $cut: an output is left"
        done
    done
done
tmp_empty
only_files tmp m.gguf m.tar m.zip m.tar.gz ref.gguf short
