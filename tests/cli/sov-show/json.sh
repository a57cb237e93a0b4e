#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# json - the whole truth, and single values
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" layers=2 m.gguf

# one value
expect 0 sov-show --get general.name m.gguf
out_is random
expect 0 sov-show --get llama.attention.layer_norm_rms_epsilon m.gguf
out_is 1e-05
expect 0 sov-show --get tokenizer.ggml.tokens m.gguf
[ "$(wc -l <out)" -eq 512 ] || fail "not a token a line"
[ "$(sed -n 2p out)" = "<s>" ] || fail "token 1"
expect 0 sov-show --get tokenizer.ggml.bos_token_id - <m.gguf
out_is 1
expect 1 sov-show --get general.nane m.gguf
err_has "there is general.name"
err_one_line
out_empty
expect 1 sov-show -q --get nothing m.gguf
err_empty
expect 0 sov-show --json --get general.name m.gguf
out_is '{"schema":"sov.show.get/1","key":"general.name","type":"str","value":"random"}'

# all of them
expect 0 sov-show --json m.gguf
[ "$(wc -l <out)" -eq 1 ] || fail "JSON is not one line"
for part in '{"schema":"sov.show/1","path":"m.gguf","format":"gguf"' \
    '"files":["m.gguf"]' '"llama.block_count":{"type":"u32","value":2}' \
    '"tokenizer.ggml.tokens":{"type":"array","items":"str","n":512,"value":["<unk>","<s>","</s>",' \
    '"general.name":{"type":"str","value":"random"}' \
    '{"name":"blk.0.attn_k.weight","type":"f16","shape":[256,128],"weights":32768,"bytes":65536,"file":"m.gguf","offset":'; do
    out_has "$part"
done
expect 0 sh -c 'cat m.gguf | sov-show --json -'
out_has '"path":"-"'

command -v python3 >/dev/null || skip "the rest wants python3"
# every bit of it against a reader of its own, hostile strings among them
cat >check.py <<'EOF'
import json, math, struct, sys
SIZES = {0:'B',1:'b',2:'H',3:'h',4:'I',5:'i',6:'f',7:'?',10:'Q',11:'q',12:'d'}
NAMES = {0:'u8',1:'i8',2:'u16',3:'i16',4:'u32',5:'i32',6:'f32',7:'bool',8:'str',
         9:'array',10:'u64',11:'i64',12:'f64'}
def s(b): return struct.pack('<Q', len(b)) + b
def kv(key, t, v): return s(key) + struct.pack('<I', t) + v
keys = [
    ('general.architecture', 8, s(b'odd'), 'odd'),
    ('general.license', 8, s(b'apache-2.0'), 'apache-2.0'),
    ('general.base_model.0.name', 8, s(b'Even'), 'Even'),
    ('tokenizer.chat_template', 8, s(b'{{ x }}'), '{{ x }}'),
    ('sov.lineage.claims', 8, s(b'{}\n{}\n'), '{}\n{}\n'),
    ('odd.block_count', 4, struct.pack('<I', 9), 9),
    ('odd.attention.head_count_kv', 9, struct.pack('<IQ', 4, 2) + struct.pack('<II', 8, 2), [8, 2]),
    ('u8', 0, struct.pack('<B', 255), 255),
    ('i8', 1, struct.pack('<b', -128), -128),
    ('u16', 2, struct.pack('<H', 65535), 65535),
    ('i16', 3, struct.pack('<h', -2), -2),
    ('u32', 4, struct.pack('<I', 2**32 - 1), 2**32 - 1),
    ('i32', 5, struct.pack('<i', -5), -5),
    ('u64', 10, struct.pack('<Q', 2**64 - 1), str(2**64 - 1)),
    ('u53', 10, struct.pack('<Q', 2**53), 2**53),
    ('i64', 11, struct.pack('<q', -2**63), str(-2**63)),
    ('f32', 6, struct.pack('<f', 0.1), 0.1),
    ('f64', 12, struct.pack('<d', 1 / 3), 1 / 3),
    ('nan', 6, struct.pack('<f', math.nan), 'NaN'),
    ('inf', 12, struct.pack('<d', -math.inf), '-Infinity'),
    ('yes', 7, b'\1', True),
    ('quotes', 8, s(b'a"b\\c\nd\te\x1b[31m\0f'), 'a"b\\c\nd\te\x1b[31m\0f'),
    ('bytes', 8, s(b'a\xffb'), 'a\\xffb'),
    ('long', 8, s('ä'.encode() * 5000), 'ä' * 5000),
    ('list', 9, struct.pack('<IQ', 8, 3) + s(b'x') + s(b'') + s(b'\n'), ['x', '', '\n']),
    ('bools', 9, struct.pack('<IQ', 7, 2) + b'\0\1', [False, True]),
    ('longs', 9, struct.pack('<IQ', 11, 2) + struct.pack('<qq', -1, 2**62), [-1, str(2**62)]),
    ('empty', 9, struct.pack('<IQ', 4, 0), []),
]
if sys.argv[1] == 'make':
    out = b'GGUF' + struct.pack('<IQQ', 3, 1, len(keys))
    for k, t, v, _ in keys:
        out += kv(k.encode(), t, v)
    out += s('t\u202e "x"'.encode()) + struct.pack('<IQIQ', 1, 4, 0, 0)
    out += b'\0' * (-len(out) % 32)
    sys.stdout.buffer.write(out + struct.pack('<4f', 1, 2, 3, 4))
else:
    d = json.load(sys.stdin)
    for k, t, v, want in keys:
        e = d['metadata'][k]
        assert e['type'] == NAMES[t], (k, e)
        assert e['value'] == want, (k, e['value'], want)
    assert list(d['metadata']) == [k for k, _, _, _ in keys]
    t = d['tensors'][0]
    assert t['shape'] == [4] and t['bytes'] == 16 and t['offset'] % 32 == 0, t
EOF
python3 check.py make >odd.gguf
expect 0 sov-show --json odd.gguf
python3 check.py check <out || fail "JSON and file differ"
expect 0 sov-show --get list odd.gguf
printf 'x\n\n\\n\n' | cmp - out || fail "strings of an array"
expect 0 sov-show --get quotes odd.gguf
printf 'a"b\\c\nd\te\033[31m\000f\n' | cmp - out || fail "a string is not raw"
expect 0 sov-show --get quotes --fake-stdout-is-console odd.gguf
printf '%s\n' 'a"b\c' 'd\te\x1b[31m\x00f' | cmp - out ||
    fail "a string on a terminal"
expect 0 sov-show odd.gguf
if LC_ALL=C grep -q "$(printf '\033')" out; then
    fail "an escape sequence comes through"
fi
out_has '\x1b[31m'
out_has '  claims     2 of ancestors, unverified; check with sov-verify'
out_has '  licence    apache-2.0'
out_has '  made from  Even'
out_has '  chat       template of 7 bytes (--get tokenizer.chat_template)'
out_has '  layers     9, kv heads 2-8'
out_has 't\xe2\x80\xae "x"'
expect 0 sov-show --get u64 odd.gguf
out_is 18446744073709551615
expect 1 sov-show --check odd.gguf
grep -qE '^metadata +1  nan +element 0$' out || {
    show
    fail "metadata that is no number"
}

# folding: full grids of numbers, gaps, what is no number; wide characters
cat >names.py <<'EOF'
import struct, sys, unicodedata
def s(b): return struct.pack('<Q', len(b)) + b
names = ['blk.%d.e.%d.w' % (i, j) for i in range(12) for j in range(3)]
names += ['blk.%d.q' % i for i in (0, 1, 2, 5, 7, 8, 11)]
names += ['a.0.b.1', 'a.1.b.2', 'a.2.b.1', 'a.3.b.2']  # no grid
names += ['c.00.d', 'c.01.d', 'x1.y', 'x2.y', 'n.4294967296000.m', '7', '8']
if sys.argv[1] == 'make':
    out = b'GGUF' + struct.pack('<IQQ', 3, len(names), 2)
    out += s(b'general.name') + struct.pack('<I', 8) + s('日本語e\u0301'.encode() * 40)
    out += s(b'tokens') + struct.pack('<IIQ', 9, 8, 50)
    for i in range(50):
        out += s('語😀'.encode() * (i % 3 + 1))
    for n in names:
        out += s(n.encode()) + struct.pack('<IQIQ', 1, 0, 0, 0)
    sys.stdout.buffer.write(out + b'\0' * (-len(out) % 32))
else:
    for line in sys.stdin.read().split('\n'):
        w = sum(0 if unicodedata.combining(c) else
                2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in line)
        assert w <= 80, (w, line)
EOF
python3 names.py make >names.gguf
expect 0 sov-show names.gguf
sed -n '/^tensor/,$p' out | sed 1d | awk '{ print $1, $NF }' >have
cat >want <<'EOF'
blk.0-11.e.0-2.w 36
blk.0-2,5,7,8,11.q 7
a.0,2.b.1 2
a.1,3.b.2 2
c.00.d B
c.01.d B
x1.y B
x2.y B
n.4294967296000.m B
7,8 2
EOF
diff -u want have || fail "folding"
expect 0 sov-show --fake-stdout-is-console --no-color names.gguf
python3 names.py check <out || fail "wide characters"
