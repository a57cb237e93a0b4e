/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkmodel - a random model in the shape of a real one, for tests
 *
 *     mkmodel [NAME=VALUE]... OUT
 *
 *     layers=2 width=256 heads=8 kv=4 ffn=768 vocab=512 tied=1 ctx=256
 *     experts=0 arch=llama type=f16 seed=1 scale=0.02
 *     sparse=1     no tensor data is written, the file ends in a hole
 *     swap=1       the file is big-endian
 *     bad=NAME:INDEX:nan|inf|big   one weight that is no good number
 *     extra=NAME:DIM[xDIM...]      one more tensor, also of size 0
 *     form=NAME    first of all: tiny, of a form of forms.def, with the keys
 *                  and tensors that this has; vectors are random, too
 *     head=N       the length of a head, if not width / heads
 *
 * It writes the file with its own few lines, not with the library's writer,
 * so that a fault there does not hide in its own mirror.  The same arguments
 * give the same bytes.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TENSORS 4096
#define N_DRAWS     65536
#define ALIGN       32

enum { F32 = 0, F16 = 1, BF16 = 30 };
enum { U32 = 4, I32 = 5, FLT = 6, BOOL = 7, STR = 8, ARR = 9 };

struct tensor {
    char name[64];
    uint32_t type;
    uint32_t ndim;
    uint64_t dim[4];
    bool ones; /* a norm */
    bool near; /* ... of weights around 1 */
};

/* What a model is, but for its sizes. */
struct form {
    const char *name, *arch, *keys, *ends, *layer;
};

#define FORM(name, arch, keys, ends, layer) { name, arch, keys, ends, layer },
static const struct form forms[] = {
#include "forms.def"
};
#undef FORM

static struct {
    uint64_t layers, width, heads, kv, ffn, vocab, tied, ctx, experts, seed,
        sparse, swap, head;
    double scale;
    const struct form *form;
    char arch[32], type[8], bad[128], extra[128];
} conf = { 2, 256, 8, 4,    768,     512,   1,  256, 0,
           1, 0,   0, 0,    0.02,    NULL,  "llama", "f16", "", "" };

static struct tensor tensors[MAX_TENSORS];
static size_t n_tensors;
static unsigned char *head;
static size_t head_len, head_cap;
static uint64_t n_keys;
static uint32_t draws[N_DRAWS]; /* random weights, already in their type */

static void
die(const char *what)
{
    fprintf(stderr, "mkmodel: %s\n", what);
    exit(1);
}

/* ---- random numbers ---- */

static uint64_t
step(uint64_t *s)
{
    uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Nearly normal: twelve uniform numbers. */
static float
draw(uint64_t *s)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += (double)(step(s) >> 11) * 0x1p-53;
    return (float)(sum * conf.scale);
}

static uint32_t
bits(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    return u;
}

/* Round to nearest even; small numbers by way of a fixed exponent. */
static uint32_t
to_half(float f)
{
    uint32_t u = bits(f), sign = u >> 16 & 0x8000, m = u & 0x7fffffff;
    float magic = 0.5f, g;

    if (m > 0x7f800000)
        return sign | 0x7e00;
    if (m >= 0x477ff000)
        return sign | 0x7c00;
    if (m < 0x38800000) {
        memcpy(&g, &m, sizeof(g));
        return sign | (bits(g + magic) - bits(magic));
    }
    m += 0xc8000fff + (m >> 13 & 1);
    return sign | m >> 13;
}

static uint32_t
to_type(float f, uint32_t type)
{
    uint32_t u = bits(f);

    if (type == F32)
        return u;
    if (type == F16)
        return to_half(f);
    return (u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 64
                                         : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

/* ---- header ---- */

static void
put(const void *p, size_t n)
{
    while (head_len + n > head_cap) {
        head_cap = head_cap * 2 + 4096;
        head = realloc(head, head_cap);
        if (head == NULL)
            die("out of memory");
    }
    memcpy(head + head_len, p, n);
    head_len += n;
}

/* A number of n bytes, in the byte order of the file. */
static void
store(unsigned char *b, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        b[conf.swap ? n - 1 - i : i] = (unsigned char)(v >> 8 * i);
}

static void
put_int(uint64_t v, size_t n)
{
    unsigned char b[8];

    store(b, v, n);
    put(b, n);
}

static void
put_str(const char *s)
{
    put_int(strlen(s), 8);
    put(s, strlen(s));
}

static void
key(const char *name, uint32_t type)
{
    char full[128];

    if (name[0] == '.') {
        snprintf(full, sizeof(full), "%s%s", conf.arch, name);
        name = full;
    }
    put_str(name);
    put_int(type, 4);
    n_keys++;
}

static void
key_int(const char *name, uint64_t v)
{
    key(name, U32);
    put_int(v, 4);
}

static void
key_float(const char *name, float v)
{
    key(name, FLT);
    put_int(bits(v), 4);
}

static void
key_str(const char *name, const char *v)
{
    key(name, STR);
    put_str(v);
}

static void
key_array(const char *name, uint32_t elem)
{
    key(name, ARR);
    put_int(elem, 4);
    put_int(conf.vocab, 8);
}

/* Text up to a space, or to the end; what follows it. */
static const char *
word(const char *s, char *to, size_t size)
{
    size_t n = strcspn(s, " ");

    if (n >= size)
        die("too long a word");
    memcpy(to, s, n);
    to[n] = '\0';
    s += n;
    return s + strspn(s, " ");
}

/* "a,b,c" */
static void
put_words(const char *s)
{
    uint64_t n = 1;
    char one[32];

    for (const char *p = s; *p != '\0'; p++)
        n += *p == ',';
    put_int(STR, 4);
    put_int(n, 8);
    for (; n > 0; n--) {
        snprintf(one, sizeof(one), "%.*s", (int)strcspn(s, ","), s);
        put_str(one);
        s += strcspn(s, ",") + 1;
    }
}

/* "TYPE:NAME=VALUE ..." */
static void
put_form_keys(const char *s)
{
    char one[128];

    while (*s != '\0') {
        char *name, *value;

        s = word(s, one, sizeof(one));
        name = strchr(one, ':');
        value = strchr(one, '=');
        if (name == NULL || value == NULL)
            die("a form whose keys are wrong");
        *value++ = '\0';
        *name = '.';
        if (strncmp(name + 1, "tokenizer.", 10) == 0)
            name++;
        if (one[0] == 'u') {
            key_int(name, strtoull(value, NULL, 10));
        } else if (one[0] == 'f') {
            key_float(name, strtof(value, NULL));
        } else if (one[0] == 's') {
            key_str(name, value);
        } else if (one[0] == 'l') {
            key(name, ARR);
            put_words(value);
        } else {
            key(name, BOOL);
            put_int(*value != '0', 1);
        }
    }
}

/* Token i: three control tokens, 256 bytes, then words of letters. */
static void
put_token(uint64_t i)
{
    static const char *const control[] = { "<unk>", "<s>", "</s>" };
    char name[32];
    size_t at = sizeof(name) - 1;

    if (i < 3) {
        put_str(control[i]);
        return;
    }
    if (i < 259) {
        snprintf(name, sizeof(name), "<0x%02X>", (unsigned)(i - 3));
        put_str(name);
        return;
    }
    name[at] = '\0';
    for (uint64_t n = i - 258; n > 0; n = (n - 1) / 26)
        name[--at] = (char)('a' + (n - 1) % 26);
    put_str(name + at);
}

static void
put_keys(void)
{
    key_str("general.architecture", conf.arch);
    key_str("general.name", "random");
    key_int("general.file_type", 1);
    key_int(".vocab_size", conf.vocab);
    key_int(".context_length", conf.ctx);
    key_int(".embedding_length", conf.width);
    key_int(".block_count", conf.layers);
    key_int(".feed_forward_length", conf.ffn);
    key_int(".attention.head_count", conf.heads);
    key_int(".attention.head_count_kv", conf.kv);
    if (conf.form != NULL) {
        put_form_keys(conf.form->keys);
    } else {
        key_int(".rope.dimension_count", conf.width / conf.heads);
        key_float(".attention.layer_norm_rms_epsilon", 1e-5f);
        key_float(".rope.freq_base", 10000);
    }
    if (conf.form == NULL && conf.experts > 0) {
        key_int(".expert_count", conf.experts);
        key_int(".expert_used_count", 2);
    }
    if (conf.form != NULL && conf.vocab < 259) {
        key_str("tokenizer.ggml.model", "no_vocab");
        return;
    }
    key_str("tokenizer.ggml.model", "llama");
    key_array("tokenizer.ggml.tokens", STR);
    for (uint64_t i = 0; i < conf.vocab; i++)
        put_token(i);
    key_array("tokenizer.ggml.scores", FLT);
    for (uint64_t i = 0; i < conf.vocab; i++)
        put_int(bits(i < 259 ? 0 : -(float)i), 4);
    key_array("tokenizer.ggml.token_type", I32);
    for (uint64_t i = 0; i < conf.vocab; i++)
        put_int(i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1, 4);
    key_int("tokenizer.ggml.bos_token_id", 1);
    key_int("tokenizer.ggml.eos_token_id", 2);
    key_int("tokenizer.ggml.unknown_token_id", 0);
}

/* ---- tensors ---- */

static uint32_t
weight_type(void)
{
    if (strcmp(conf.type, "f16") == 0)
        return F16;
    if (strcmp(conf.type, "bf16") == 0)
        return BF16;
    if (strcmp(conf.type, "f32") != 0)
        die("type is f16, bf16 or f32");
    return F32;
}

static struct tensor *
add(const char *name, uint32_t type, uint64_t d0, uint64_t d1, uint64_t d2)
{
    struct tensor *t;

    if (n_tensors == MAX_TENSORS || strlen(name) >= sizeof(t->name))
        die("too many tensors, or too long a name");
    t = &tensors[n_tensors++];
    memcpy(t->name, name, strlen(name) + 1);
    t->type = type;
    t->ndim = d2 != 0 ? 3 : d1 != 0 ? 2 : 1;
    t->dim[0] = d0;
    t->dim[1] = d1 != 0 ? d1 : 1;
    t->dim[2] = d2 != 0 ? d2 : 1;
    t->dim[3] = 1;
    t->ones = t->ndim == 1;
    return t;
}

static void
add_layer(uint64_t i)
{
    static const struct {
        const char *name;
        char in, out, many;
    } parts[] = {
        { "attn_norm.weight", 'w', 0, 0 },
        { "attn_q.weight", 'w', 'w', 0 },
        { "attn_k.weight", 'w', 'k', 0 },
        { "attn_v.weight", 'w', 'k', 0 },
        { "attn_output.weight", 'w', 'w', 0 },
        { "ffn_norm.weight", 'w', 0, 0 },
        { "ffn_gate_inp.weight", 'w', 'x', 'm' },
        { "ffn_gate_exps.weight", 'w', 'f', 'x' },
        { "ffn_up_exps.weight", 'w', 'f', 'x' },
        { "ffn_down_exps.weight", 'f', 'w', 'x' },
        { "ffn_gate.weight", 'w', 'f', 'd' },
        { "ffn_up.weight", 'w', 'f', 'd' },
        { "ffn_down.weight", 'f', 'w', 'd' },
    };
    uint64_t size[128] = { 0 };
    char name[64];

    size['w'] = conf.width;
    size['k'] = conf.width / conf.heads * conf.kv;
    size['f'] = conf.ffn;
    size['x'] = conf.experts;
    for (size_t j = 0; j < sizeof(parts) / sizeof(parts[0]); j++) {
        char many = parts[j].many;
        bool gate = many == 'm';

        if (many != 0 && (conf.experts > 0) == (many == 'd'))
            continue;
        snprintf(name, sizeof(name), "blk.%u.%s", (unsigned)i, parts[j].name);
        add(name, parts[j].out == 0 || gate ? F32 : weight_type(),
            size[(int)parts[j].in], size[(int)parts[j].out],
            many == 'x' ? conf.experts : 0);
    }
}

static uint64_t
size_of_letter(char c)
{
    uint64_t len = conf.head != 0 ? conf.head : conf.width / conf.heads;
    uint64_t q = len * conf.heads, k = len * conf.kv;
    const struct {
        char c;
        uint64_t n;
    } sizes[] = {
        { 'w', conf.width },   { 'q', q },         { 'k', k },
        { 'Q', q + 2 * k },    { 'h', len },      { 'f', conf.ffn },
        { 'F', 2 * conf.ffn }, { 'v', conf.vocab }, { 'p', conf.ctx },
        { 'H', conf.heads },   { 'x', conf.experts }, { 'r', len / 2 },
        { '1', 1 },            { '2', 2 },
    };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (sizes[i].c == c)
            return sizes[i].n;
    die("a form whose sizes are wrong");
    return 0;
}

/* "NAME:DIMS ..." */
static void
add_form_tensors(const char *s, const char *before)
{
    char one[64], name[64];

    while (*s != '\0') {
        uint64_t dim[3] = { 0 };
        struct tensor *t;
        char *dims;

        s = word(s, one, sizeof(one));
        if (one[0] == '-' && strcmp(before, "blk.0.") == 0)
            continue;
        memmove(one, one + (one[0] == '-'), sizeof(one) - 1);
        dims = strchr(one, ':');
        if (dims == NULL || strlen(dims) > 4)
            die("a form whose tensors are wrong");
        *dims++ = '\0';
        for (size_t i = 0; dims[i] != '\0'; i++)
            dim[i] = size_of_letter(dims[i]);
        snprintf(name, sizeof(name), "%.16s%.40s", before, one);
        t = add(name, dim[1] == 0 ? F32 : weight_type(), dim[0], dim[1],
                dim[2]);
        t->near = t->ones && strstr(name, ".weight") != NULL &&
                  strstr(name, "sinks") == NULL;
        t->ones = false;
        if (strstr(name, ".bias") != NULL ||
            strstr(name, "ffn_gate_inp") != NULL)
            t->type = F32;
    }
}

/* "name:3x0" */
static void
add_extra(void)
{
    char *colon = strchr(conf.extra, ':');
    uint64_t dim[4] = { 1, 1, 1, 1 };
    struct tensor *t;
    uint32_t n = 0;

    if (colon == NULL)
        die("extra=NAME:DIM[xDIM...]");
    *colon = '\0';
    for (char *p = colon; n < 4 && (p == colon || *p == 'x'); n++)
        dim[n] = strtoull(p + 1, &p, 10);
    t = add(conf.extra, weight_type(), 1, 0, 0);
    t->ndim = n;
    memcpy(t->dim, dim, sizeof(dim));
    t->ones = false;
}

static void
add_all(void)
{
    add("token_embd.weight", weight_type(), conf.width, conf.vocab, 0);
    for (uint64_t i = 0; i < conf.layers && conf.form != NULL; i++) {
        char before[16];

        snprintf(before, sizeof(before), "blk.%u.", (unsigned)i);
        add_form_tensors(conf.form->layer, before);
    }
    if (conf.form != NULL) {
        add_form_tensors(conf.form->ends, "");
        return;
    }
    for (uint64_t i = 0; i < conf.layers; i++)
        add_layer(i);
    add("output_norm.weight", F32, conf.width, 0, 0);
    if (!conf.tied)
        add("output.weight", weight_type(), conf.width, conf.vocab, 0);
    if (conf.extra[0] != '\0')
        add_extra();
}

static uint64_t
count_of(const struct tensor *t)
{
    return t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
}

static uint64_t
size_of(const struct tensor *t)
{
    return count_of(t) * (t->type == F32 ? 4 : 2);
}

static uint64_t
padded(uint64_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* ---- writing ---- */

static void
put_tensors(void)
{
    uint64_t off = 0;

    for (size_t i = 0; i < n_tensors; i++) {
        const struct tensor *t = &tensors[i];

        put_str(t->name);
        put_int(t->ndim, 4);
        for (uint32_t d = 0; d < t->ndim; d++)
            put_int(t->dim[d], 8);
        put_int(t->type, 4);
        put_int(off, 8);
        off += padded(size_of(t));
    }
}

static void
put_file_head(FILE *f)
{
    unsigned char *body = head;
    size_t body_len;

    put_keys();
    put_tensors();
    body = head;
    body_len = head_len;
    head = NULL;
    head_len = head_cap = 0;
    put("GGUF", 4);
    put_int(3, 4);
    put_int(n_tensors, 8);
    put_int(n_keys, 8);
    put(body, body_len);
    while (head_len % ALIGN != 0)
        put("", 1);
    fwrite(head, 1, head_len, f);
    free(body);
}

/* n weights; 16 random bits choose each of them. */
static size_t
fill(unsigned char *buf, const struct tensor *t, size_t n, uint64_t *s)
{
    size_t w = t->type == F32 ? 4 : 2;
    uint64_t r = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t v;

        if (i % 4 == 0)
            r = step(s);
        v = t->ones ? bits(1) : draws[r & 0xffff];
        if (t->near) /* up to an eighth from 1 */
            v = bits(1.0f + ((float)(r & 0xff) - 128) / 1024);
        else if (t->type == F32 && weight_type() != F32 && !t->ones)
            v = bits((float)conf.scale * (float)(r & 0xff) / 256);
        r >>= 16;
        store(buf + i * w, v, w);
    }
    return n * w;
}

static void
spoil(unsigned char *buf, const struct tensor *t, uint64_t first, size_t n)
{
    char name[64];
    char kind[8];
    unsigned long long at;
    float f;
    uint32_t v;
    size_t w = t->type == F32 ? 4 : 2;

    if (sscanf(conf.bad, "%63[^:]:%llu:%7s", name, &at, kind) != 3)
        die("bad=NAME:INDEX:nan|inf|big");
    if (strcmp(name, t->name) != 0 || at < first || at - first >= n)
        return;
    f = strcmp(kind, "nan") == 0   ? (float)(1e308 * 10 - 1e308 * 10)
        : strcmp(kind, "inf") == 0 ? (float)(1e308 * 10)
                                   : 1e6f;
    v = to_type(f, t->type);
    store(buf + (at - first) * w, v, w);
}

static void
put_data(FILE *f)
{
    static unsigned char buf[1 << 20];
    uint64_t s = conf.seed;

    for (size_t i = 0; i < n_tensors; i++) {
        const struct tensor *t = &tensors[i];
        uint64_t left = count_of(t), at = 0;
        size_t pad = (size_t)(padded(size_of(t)) - size_of(t));

        while (left > 0) {
            size_t n = left < sizeof(buf) / 4 ? (size_t)left : sizeof(buf) / 4;
            size_t len = fill(buf, t, n, &s);

            if (conf.bad[0] != '\0')
                spoil(buf, t, at, n);
            fwrite(buf, 1, len, f);
            left -= n;
            at += n;
        }
        memset(buf, 0, ALIGN);
        fwrite(buf, 1, pad, f);
    }
}

static void
put_hole(FILE *f)
{
    uint64_t len = head_len;

    for (size_t i = 0; i < n_tensors; i++)
        len += padded(size_of(&tensors[i]));
    if (fflush(f) != 0 || ftruncate(fileno(f), (off_t)len) != 0)
        die("cannot write");
}

static void
set_form(const char *name)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (strcmp(forms[i].name, name) == 0)
            conf.form = &forms[i];
    if (conf.form == NULL)
        die("no such form");
    snprintf(conf.arch, sizeof(conf.arch), "%s", conf.form->arch);
    snprintf(conf.type, sizeof(conf.type), "f32");
    conf.layers = 2;
    conf.width = 32;
    conf.heads = 4;
    conf.kv = 2;
    conf.ffn = 48;
    conf.vocab = 24;
    conf.ctx = 64;
    conf.experts = 4;
    conf.scale = 0.25;
}

static void
set(const char *arg)
{
    static const struct {
        const char *name;
        uint64_t *num;
        char *str;
        size_t size;
    } names[] = {
        { "layers", &conf.layers, NULL, 0 },
        { "width", &conf.width, NULL, 0 },
        { "heads", &conf.heads, NULL, 0 },
        { "kv", &conf.kv, NULL, 0 },
        { "ffn", &conf.ffn, NULL, 0 },
        { "vocab", &conf.vocab, NULL, 0 },
        { "tied", &conf.tied, NULL, 0 },
        { "ctx", &conf.ctx, NULL, 0 },
        { "experts", &conf.experts, NULL, 0 },
        { "seed", &conf.seed, NULL, 0 },
        { "sparse", &conf.sparse, NULL, 0 },
        { "swap", &conf.swap, NULL, 0 },
        { "head", &conf.head, NULL, 0 },
        { "arch", NULL, conf.arch, sizeof(conf.arch) },
        { "type", NULL, conf.type, sizeof(conf.type) },
        { "bad", NULL, conf.bad, sizeof(conf.bad) },
        { "extra", NULL, conf.extra, sizeof(conf.extra) },
    };
    const char *eq = strchr(arg, '=');

    if (eq == NULL)
        die("usage: mkmodel [NAME=VALUE]... OUT");
    if (strncmp(arg, "form=", 5) == 0) {
        set_form(eq + 1);
        return;
    }
    if (strncmp(arg, "scale=", 6) == 0) {
        conf.scale = strtod(eq + 1, NULL);
        return;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i].name) != (size_t)(eq - arg) ||
            strncmp(names[i].name, arg, (size_t)(eq - arg)) != 0)
            continue;
        if (names[i].num != NULL)
            *names[i].num = strtoull(eq + 1, NULL, 10);
        else
            snprintf(names[i].str, names[i].size, "%s", eq + 1);
        return;
    }
    die("no such name");
}

int
main(int argc, char **argv)
{
    uint64_t s;
    FILE *f;

    for (int i = 1; i + 1 < argc; i++)
        set(argv[i]);
    if (argc < 2 || conf.heads == 0)
        die("usage: mkmodel [NAME=VALUE]... OUT");
    f = strcmp(argv[argc - 1], "-") == 0 ? stdout : fopen(argv[argc - 1], "wb");
    if (f == NULL)
        die("cannot create the output");
    s = conf.seed + 1;
    for (size_t i = 0; i < N_DRAWS; i++)
        draws[i] = to_type(draw(&s), weight_type());
    add_all();
    put_file_head(f);
    if (conf.sparse)
        put_hole(f);
    else
        put_data(f);
    if (ferror(f) || fclose(f) != 0)
        die("cannot write");
    free(head);
    return 0;
}
