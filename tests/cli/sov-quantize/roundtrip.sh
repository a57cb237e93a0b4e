#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# roundtrip - there and back again, to the bit: parts, safetensors, folders
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
cmpmodel=$top_builddir/tests/tools/cmpmodel
[ -e "$tale/config.json" ] || skip "models/tale is not here"

same() {
    cmp "$1" "$2" || fail "$3: the bytes differ"
}

# ---- GGUF -> parts -> GGUF

"$mkmodel" m.gguf
"$mkmodel" type=bf16 experts=4 layers=3 tied=0 moe.gguf
"$mkmodel" extra=empty.weight:256x0 empty.gguf
expect 0 sov-quantize -t q4_k_m -o small.gguf m.gguf
expect 0 sov-quantize -t copy --align 4096 -o aligned.gguf m.gguf
for model in m moe empty small aligned; do
    for cut in "--split-max-size 1M" "--split-max-size 300K" \
        "--split-max-tensors 1" "--split-max-tensors 7" \
        "--split-max-size 400K --split-max-tensors 3" "--split-max-size 1G"; do
        # shellcheck disable=SC2086
        expect 0 sov-quantize -q $cut -o part.gguf $model.gguf
        err_empty
        expect 0 sov-quantize --merge -f -o back.gguf part-00001-of-*.gguf
        same back.gguf $model.gguf "$model, $cut"
        # shellcheck disable=SC2086
        expect 0 sov-quantize -q $cut -f -o pipe.gguf - <$model.gguf
        for f in part-*; do
            same "$f" "pipe${f#part}" "$model by pipe, $cut"
        done
        rm part-* pipe-*
    done
done

# quantizing into parts, and from parts, is the same
expect 0 sov-quantize --split-max-size 500K -o f16.gguf m.gguf
expect 0 sov-quantize -t q4_k_m --split-max-size 300K -o q.gguf f16-00001-of-*.gguf
expect 0 sov-quantize --merge -f -o back.gguf q-00001-of-*.gguf
same back.gguf small.gguf "quantized in parts"

# ---- GGUF -> safetensors -> GGUF

for type in f32 f16 bf16; do
    expect 0 sov-quantize -q -t $type -f -o t.gguf m.gguf
    expect 0 sov-quantize -t copy -f -o t.safetensors t.gguf
    err_has "without metadata and tokenizer"
    "$cmpmodel" -k none t.safetensors t.gguf || fail "$type: safetensors"
    expect 0 sov-quantize -q --split-max-size 400K -f -o s.safetensors t.gguf
    "$cmpmodel" -k none s.safetensors.index.json t.gguf || fail "$type: shards"
    expect 0 sov-quantize -q -t copy -f -o join.safetensors s.safetensors.index.json
    same join.safetensors t.safetensors "$type: joined safetensors"
    expect 0 sov-quantize -q -t copy --format safetensors -o - - <t.gguf
    same out t.safetensors "$type: safetensors by pipe"
    expect 0 sov-quantize -q -t copy -f -o back.gguf t.safetensors
    "$cmpmodel" -k none back.gguf t.gguf || fail "$type: and back"
    rm s-* s.safetensors.index.json
done
cp "$tale/model.safetensors" plain.safetensors
expect 0 sov-quantize -q -t copy -f -o x.safetensors plain.safetensors
"$cmpmodel" x.safetensors plain.safetensors || fail "__metadata__"
grep -q '"__metadata__":{"format":"pt"}' x.safetensors || fail "no __metadata__"
expect 0 sov-quantize -q --set safetensors.note:str='a "b" \ c' --unset 'safetensors.format' \
    -f -o x.safetensors plain.safetensors
grep -q '"__metadata__":{"note":"a \\"b\\" \\\\ c"}' x.safetensors || fail "--set"

# what others say about our file
if command -v python3 >/dev/null; then
    cat >check.py <<'EOF'
import json, struct, sys
SIZE = {"F32": 4, "F16": 2, "BF16": 2}
def load(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    assert n % 8 == 0 and n <= 100_000_000
    head = json.loads(raw[8:8 + n], object_pairs_hook=lambda p: dict(p) if len(dict(p)) == len(p) else 1 / 0)
    head.pop("__metadata__", None)
    at = 0
    for name, t in sorted(head.items(), key=lambda e: e[1]["data_offsets"]):
        begin, end = t["data_offsets"]
        count = 1
        for d in t["shape"]:
            count *= d
        assert begin == at and end - begin == count * SIZE[t["dtype"]], name
        at = end
    assert at == len(raw) - 8 - n
    return {k: (v["dtype"], v["shape"], raw[8 + n:][v["data_offsets"][0]:v["data_offsets"][1]]) for k, v in head.items()}
whole = load(sys.argv[1])
index = json.load(open(sys.argv[2]))
parts = {}
for name in sorted(set(index["weight_map"].values())):
    for k, v in load(name).items():
        assert index["weight_map"][k] == name and k not in parts
        parts[k] = v
assert parts == whole
assert index["metadata"]["total_size"] == sum(len(v[2]) for v in whole.values())
EOF
    expect 0 sov-quantize -q --split-max-size 400K -f -o s.safetensors t.gguf
    python3 check.py t.safetensors s.safetensors.index.json || fail "not as others have it"
fi

# ---- folder -> GGUF -> folder -> GGUF

for type in f16 bf16 f32; do
    expect 0 sov-quantize -t $type -f -o tale.gguf "$tale"
    expect 0 sov-quantize -t copy -f -o "folder/" tale.gguf
    err_empty
    for how in copy $type; do
        expect 0 sov-quantize -t "$how" -f -o back.gguf folder
        same back.gguf tale.gguf "$type: from the folder by $how"
    done
    expect 0 sov-quantize -t "$type" -f --split-max-size 2M --format huggingface -o shards tale.gguf
    expect 0 sov-quantize -t copy -f -o back.gguf shards
    same back.gguf tale.gguf "$type: from shards"
    sov-quantize -t copy -f -o "piped/" - <tale.gguf || fail "by pipe"
    diff -r piped folder || fail "$type: the folder by pipe"
done

# tensors that keep their type are those that were published
expect 0 sov-quantize -t copy -f -o "folder/" "$tale"
cp folder/model.safetensors copied.safetensors
"$cmpmodel" copied.safetensors plain.safetensors || fail "copied folder"
expect 0 sov-quantize -t copy -f -o tale.gguf "$tale"
expect 0 sov-quantize -t copy -f -o "folder/" tale.gguf
cp folder/model.safetensors copied.safetensors
"$cmpmodel" copied.safetensors plain.safetensors || fail "by way of GGUF"
expect 0 sov-run -m folder -p "Once upon a time" -n 20 --temp 0
cp out first
expect 0 sov-run -m "$tale" -p "Once upon a time" -n 20 --temp 0
cmp out first || fail "the folder says something else"

# what another program made of it comes back too
if [ -e "$top_srcdir/../shared/data/tale-f16.gguf" ]; then
    other=$top_srcdir/../shared/data/tale-f16.gguf
    expect 0 sov-quantize -t copy -f -o "folder/" "$other"
    expect 0 sov-quantize -t copy -f -o back.gguf folder
    same back.gguf "$other" "another program's file"
    expect 0 sov-quantize --split-max-size 3M -o o.gguf "$other"
    expect 0 sov-quantize --merge -f -o back.gguf o-00001-of-00004.gguf
    same back.gguf "$other" "another program's file in parts"
fi

# stock llama.cpp loads the parts
[ -d "${SOV_PEER:-/nowhere}/node_modules" ] || exit 0
command -v node >/dev/null || exit 0
expect 0 sov-quantize -t q4_k_m --split-max-size 1M -o peer.gguf "$tale"
head -c 2000 "$top_srcdir/tests/data/dev.txt" >text
PEER_PROMPTS=1 PEER_LENGTH=8 node "$top_srcdir/tests/cli/peer.mjs" "$SOV_PEER" \
    "$scratch"/peer-00001-of-*.gguf "$scratch/text" "$scratch" || fail "the peer"
