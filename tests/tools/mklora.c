/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mklora - a random adapter for a model, for tests
 *
 *     mklora [NAME=VALUE]... MODEL OUT
 *
 *     rank=4 alpha=8 seed=1 type=f32 size=0.2
 *     alpha=none   no such key
 *     only=PAT     only matrices whose names match the shell pattern
 *     skip=PAT     not these
 *     embd=1       token_embd.weight, too
 *     norms=1      and weights of norms, which change nothing
 *     bad=KIND     something that is wrong: see bend()
 *
 * It writes the file with its own few lines, not with the library's writer.
 * The same arguments give the same bytes.
 */
#include "kern/kern.h"
#include "sov/model.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TENSORS 4096
#define ALIGN       32

enum { U32 = 4, FLT = 6, STR = 8, ARR = 9 };

struct tensor {
    char name[96];
    uint32_t type, ndim;
    uint64_t dim[4];
};

static uint64_t rank = 4, seed = 1, embd, norms;
static double size = 0.2;
static const char *alpha = "8", *only = "*", *skip = "", *bad = "";
static const char *type_name = "f32";

static struct tensor tensors[MAX_TENSORS];
static size_t n_tensors;
static unsigned char *head;
static size_t head_len, head_cap;
static uint64_t n_keys;

static void
die(const char *what)
{
    fprintf(stderr, "mklora: %s\n", what);
    exit(1);
}

static bool
is_bad(const char *kind)
{
    return strcmp(bad, kind) == 0;
}

/* ---- tensors */

static struct tensor *
add(const char *name, const char *suffix, uint32_t type, uint64_t d0,
    uint64_t d1, uint64_t d2)
{
    struct tensor *t = &tensors[n_tensors++];

    if (n_tensors == MAX_TENSORS)
        die("too many tensors");
    snprintf(t->name, sizeof(t->name), "%.80s%s", name, suffix);
    t->type = type;
    t->ndim = d2 > 1 ? 3 : d1 > 0 ? 2 : 1;
    t->dim[0] = d0;
    t->dim[1] = d1 > 0 ? d1 : 1;
    t->dim[2] = d2 > 1 ? d2 : 1;
    t->dim[3] = 1;
    return t;
}

static bool
ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);

    return n >= k && strcmp(name + n - k, end) == 0;
}

static bool
is_wanted(const struct sov_tensor *t)
{
    if (t->ndim < 2 || !ends_with(t->name, ".weight") ||
        strcmp(t->name, "position_embd.weight") == 0 ||
        strcmp(t->name, "token_types.weight") == 0)
        return false;
    if (embd == 0 && strcmp(t->name, "token_embd.weight") == 0)
        return false;
    return fnmatch(only, t->name, 0) == 0 && fnmatch(skip, t->name, 0) != 0;
}

static void
add_pair(const struct sov_tensor *t, uint32_t type)
{
    bool by_row = strcmp(t->name, "token_embd.weight") == 0 && !is_bad("turn");
    uint64_t in = by_row ? t->dim[1] : t->dim[0];
    uint64_t out = by_row ? t->dim[0] : t->dim[1];

    if (by_row)
        add(t->name, ".lora_a", type, rank, in, 1);
    else
        add(t->name, ".lora_a", type, in, rank, t->dim[2]);
    add(t->name, ".lora_b", type, rank, out, t->dim[2]);
}

static void
add_all(const sov_model *model, uint32_t type)
{
    for (size_t i = 0; i < sov_model_count(model); i++) {
        const struct sov_tensor *t = sov_model_at(model, i);

        if (is_wanted(t))
            add_pair(t, type);
        else if (norms != 0 && t->ndim == 1 &&
                 ends_with(t->name, "_norm.weight"))
            add(t->name, "", SOV_TYPE_F32, t->dim[0], 0, 0);
    }
}

/* What is wrong with the tensors. */
static void
bend(void)
{
    struct tensor *a = &tensors[0], *b = &tensors[1];

    if (is_bad("nob"))
        n_tensors--;
    else if (is_bad("noa"))
        tensors[n_tensors - 2] = tensors[n_tensors - 1], n_tensors--;
    else if (is_bad("none"))
        n_tensors = 0;
    else if (is_bad("rank"))
        b->dim[0]++;
    else if (is_bad("high"))
        b->dim[1]--;
    else if (is_bad("wide"))
        a->dim[0]++;
    else if (is_bad("stack"))
        a->ndim = b->ndim = 3, a->dim[2] = b->dim[2] = 2;
    else if (is_bad("alone"))
        a->ndim = 3, a->dim[2] = 2;
    else if (is_bad("deep"))
        a->ndim = 4, a->dim[3] = 2;
    else if (is_bad("type"))
        a->type = SOV_TYPE_I32;
    else if (is_bad("empty"))
        a->dim[1] = b->dim[0] = 0;
    else if (is_bad("suffix"))
        add("blk.0.attn_q.weight", ".lora_c", SOV_TYPE_F32, 4, 4, 1);
    else if (is_bad("name"))
        add("blk.99.attn_q.weight", ".lora_a", SOV_TYPE_F32, 32, 4, 1),
            add("blk.99.attn_q.weight", ".lora_b", SOV_TYPE_F32, 4, 32, 1);
    else if (is_bad("vector"))
        add("output_norm.weight", ".lora_a", SOV_TYPE_F32, 32, 4, 1),
            add("output_norm.weight", ".lora_b", SOV_TYPE_F32, 4, 1, 1);
}

static uint64_t
count_of(const struct tensor *t)
{
    return t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
}

static uint64_t
bytes_of(const struct tensor *t)
{
    const struct sov_type_info *info = sov_type_info((int)t->type);

    if (t->dim[0] % info->block != 0)
        die("rows that are not whole blocks");
    return count_of(t) / info->block * info->bytes;
}

/* ---- header */

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

static void
put_int(uint64_t v, size_t n)
{
    for (; n > 0; n--, v >>= 8) {
        unsigned char b = (unsigned char)v;

        put(&b, 1);
    }
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
    put_str(name);
    put_int(type, 4);
    n_keys++;
}

static void
key_str(const char *name, const char *v)
{
    key(name, STR);
    put_str(v);
}

static void
put_keys(const sov_model *model)
{
    struct sov_span arch = { NULL, 0 };
    char name[64];
    uint32_t u;
    float f;

    if (sov_meta_str(sov_model_meta(model), "general.architecture", &arch,
                     NULL) != 0)
        die("a model of no architecture");
    snprintf(name, sizeof(name), "%.*s", (int)arch.len, (const char *)arch.p);
    if (!is_bad("noarch"))
        key_str("general.architecture", is_bad("arch") ? "other" : name);
    key_str("general.type", is_bad("model") ? "model" : "adapter");
    if (!is_bad("nokind"))
        key_str("adapter.type", is_bad("kind") ? "ia3" : "lora");
    if (strcmp(alpha, "none") != 0) {
        f = strtof(alpha, NULL);
        memcpy(&u, &f, sizeof(u));
        key("adapter.lora.alpha", is_bad("alpha") ? U32 : FLT);
        put_int(u, 4);
    }
    if (is_bad("later")) {
        key("adapter.alora.invocation_tokens", ARR);
        put_int(U32, 4);
        put_int(1, 8);
        put_int(7, 4);
    }
}

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
        off += (bytes_of(t) + ALIGN - 1) / ALIGN * ALIGN;
    }
}

static void
put_head(const sov_model *model, FILE *f)
{
    unsigned char *body;
    size_t body_len;

    put_keys(model);
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
    free(head);
}

/* ---- numbers */

static uint64_t
step(uint64_t *s)
{
    uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void
put_numbers(const struct tensor *t, uint64_t *s, FILE *f)
{
    size_t n = (size_t)t->dim[0];
    const struct sov_type_info *info = sov_type_info((int)t->type);
    size_t len = n / info->block * info->bytes;
    float *x = calloc(n + 1, sizeof(*x));
    unsigned char *out = calloc(len + ALIGN, 1);

    if (x == NULL || out == NULL)
        die("out of memory");
    for (uint64_t r = 0; n > 0 && r < count_of(t) / n; r++) {
        for (size_t i = 0; i < n; i++)
            x[i] = (float)(size * 1.7320508 *
                           ((double)(step(s) >> 11) * 0x1p-52 - 1));
        if (is_bad("nan") && r == 0)
            x[0] = NAN;
        if (t->type == SOV_TYPE_I32)
            memcpy(out, x, len);
        else
            sov_kern()->encode[t->type](x, NULL, out, n, 5);
        fwrite(out, 1, len, f);
    }
    memset(out, 0, ALIGN);
    fwrite(out, 1, (size_t)(ALIGN - bytes_of(t) % ALIGN) % ALIGN, f);
    free(x);
    free(out);
}

/* ---- arguments */

static void
set(const char *arg)
{
    static const struct {
        const char *name;
        uint64_t *num;
        const char **str;
    } names[] = {
        { "rank", &rank, NULL },      { "seed", &seed, NULL },
        { "embd", &embd, NULL },      { "norms", &norms, NULL },
        { "alpha", NULL, &alpha },    { "only", NULL, &only },
        { "skip", NULL, &skip },      { "bad", NULL, &bad },
        { "type", NULL, &type_name },
    };
    const char *eq = strchr(arg, '=');

    if (eq == NULL)
        die("usage: mklora [NAME=VALUE]... MODEL OUT");
    if (strncmp(arg, "size=", 5) == 0) {
        size = strtod(eq + 1, NULL);
        return;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i].name) != (size_t)(eq - arg) ||
            strncmp(names[i].name, arg, (size_t)(eq - arg)) != 0)
            continue;
        if (names[i].num != NULL)
            *names[i].num = strtoull(eq + 1, NULL, 10);
        else
            *names[i].str = eq + 1;
        return;
    }
    die("no such name");
}

int
main(int argc, char **argv)
{
    const struct sov_type_info *type;
    struct sov_err err = { 0 };
    sov_model *model;
    FILE *f;

    if (argc < 3)
        die("usage: mklora [NAME=VALUE]... MODEL OUT");
    for (int i = 1; i + 2 < argc; i++)
        set(argv[i]);
    type = sov_type_by_name(type_name);
    if (type == NULL || sov_kern()->encode[type->type] == NULL)
        die("no such type");
    if (sov_model_open(&model, argv[argc - 2], SOV_ACCESS_STREAM, &err) < 0)
        die(err.msg);
    add_all(model, (uint32_t)type->type);
    if (n_tensors < 2)
        die("no matrices");
    bend();
    f = fopen(argv[argc - 1], "wb");
    if (f == NULL)
        die("cannot create the output");
    put_head(model, f);
    for (size_t i = 0; i < n_tensors; i++)
        put_numbers(&tensors[i], &seed, f);
    if (ferror(f) || fclose(f) != 0)
        die("cannot write");
    sov_model_close(model);
    return 0;
}
