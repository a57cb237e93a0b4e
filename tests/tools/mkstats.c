/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkstats - an importance matrix for a model, as llama-imatrix writes them
 *
 *     mkstats [NAME=VALUE]... MODEL OUT
 *
 *     form=gguf    or dat, the older form
 *     seed=1
 *     skip=PART    no entry for tensors whose name has this part
 *     bad=NAME:INDEX:VALUE   one sum (nan, inf, -1 and so on)
 *     unseen=NAME:MATRIX     an expert that saw nothing
 *     wide=NAME              an entry with one column too many
 *     scale=X                all sums times X
 *     zero=PART              nothing came in through the first half of the
 *                            columns of tensors whose name has this part
 *     cut=N                  the last N bytes are missing
 *     extra=NAME             one more entry, of four columns
 *
 * There is an entry for every matrix of blk.*.  Like mkmodel it writes with its
 * own few lines.  The same arguments give the same bytes.
 */
#include "sov/model.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN  32
#define TOKENS 512 /* of a chunk */
#define CHUNKS 4

static const char *form = "gguf", *skip = "", *bad = "", *unseen = "",
                  *wide = "", *zero = "", *extra = "", *model_path, *out_path;
static uint64_t seed = 1, cut;
static double scale = 1;

struct bytes {
    unsigned char *p;
    size_t len, cap;
};

static struct bytes head, dir, data;
static uint32_t n_entries;

static void
die(const char *what)
{
    fprintf(stderr, "mkstats: %s\n", what);
    exit(1);
}

static void
put(struct bytes *b, const void *p, size_t len)
{
    while (b->cap - b->len < len) {
        b->cap = b->cap < 4096 ? 4096 : 2 * b->cap;
        b->p = realloc(b->p, b->cap);
        if (b->p == NULL)
            die("out of memory");
    }
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

static void
put_u32(struct bytes *b, uint32_t v)
{
    unsigned char p[4] = { v & 255, v >> 8 & 255, v >> 16 & 255,
                           (unsigned char)(v >> 24) };

    put(b, p, 4);
}

static void
put_u64(struct bytes *b, uint64_t v)
{
    put_u32(b, (uint32_t)v);
    put_u32(b, (uint32_t)(v >> 32));
}

static void
put_f32(struct bytes *b, float x)
{
    uint32_t u;

    memcpy(&u, &x, 4);
    put_u32(b, u);
}

static void
put_str(struct bytes *b, const char *s)
{
    put_u64(b, strlen(s));
    put(b, s, strlen(s));
}

/* ---- what is in it ---- */

static double
unit(uint64_t *s)
{
    uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* "NAME:NUMBER...": the number if the name is this one, else -1; *rest. */
static long long
asked(const char *what, const char *name, const char **rest)
{
    size_t n = strlen(name);
    char *end;
    long long v;

    if (strncmp(what, name, n) != 0 || what[n] != ':')
        return -1;
    v = strtoll(what + n + 1, &end, 10);
    *rest = end;
    return v;
}

/* Means of squares, uneven as they are: a few columns stand out. */
static float *
means(const char *name, uint64_t columns, uint64_t matrices)
{
    float *m = calloc(columns * matrices, sizeof(*m));
    const char *rest = "";
    long long at = asked(bad, name, &rest);
    uint64_t s = seed;

    if (m == NULL)
        die("out of memory");
    for (const char *p = name; *p != '\0'; p++)
        s = s * 31 + (unsigned char)*p;
    for (uint64_t i = 0; i < columns * matrices; i++) {
        double x = unit(&s);

        m[i] = (float)((0.05 + x * x) * (x > 0.98 ? 20 : 1) * scale);
        if (*zero != '\0' && strstr(name, zero) != NULL &&
            i % columns < columns / 2)
            m[i] = 0;
    }
    if (at >= 0 && (uint64_t)at < columns * matrices)
        m[at] = strtof(rest + 1, NULL);
    return m;
}

static void
tensor(const char *name, const char *suffix, uint64_t a, uint64_t b)
{
    static const unsigned char padding[ALIGN];
    char full[256];

    put(&data, padding, (ALIGN - data.len % ALIGN) % ALIGN);
    snprintf(full, sizeof(full), "%s%s", name, suffix);
    put_str(&dir, full);
    put_u32(&dir, 2);
    put_u64(&dir, a);
    put_u64(&dir, b);
    put_u32(&dir, 0);
    put_u64(&dir, data.len);
}

static void
entry(const char *name, uint64_t columns, uint64_t matrices)
{
    float *m = means(name, columns, matrices);
    const char *rest;
    long long none = asked(unseen, name, &rest);

    n_entries++;
    if (strcmp(form, "dat") == 0) {
        put_u32(&data, (uint32_t)strlen(name));
        put(&data, name, strlen(name));
        put_u32(&data, CHUNKS);
        put_u32(&data, (uint32_t)(columns * matrices));
        for (uint64_t i = 0; i < columns * matrices; i++)
            put_f32(&data, (long long)(i / columns) == none ? (float)CHUNKS
                                                            : m[i] * CHUNKS);
    } else {
        tensor(name, ".in_sum2", columns, matrices);
        for (uint64_t i = 0; i < columns * matrices; i++)
            put_f32(&data, (long long)(i / columns) == none
                               ? 0
                               : m[i] * (CHUNKS * TOKENS));
        tensor(name, ".counts", 1, matrices);
        for (uint64_t i = 0; i < matrices; i++)
            put_f32(&data, (long long)i == none ? 0 : CHUNKS * TOKENS);
    }
    free(m);
}

static void
entries(const sov_model *m)
{
    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *t = sov_model_at(m, i);
        size_t n = strlen(t->name);

        if (strncmp(t->name, "blk.", 4) != 0 || t->ndim < 2 || n < 7 ||
            strcmp(t->name + n - 7, ".weight") != 0 ||
            (*skip != '\0' && strstr(t->name, skip) != NULL))
            continue;
        entry(t->name, t->dim[0] + (strcmp(t->name, wide) == 0), t->dim[2]);
    }
    if (*extra != '\0')
        entry(extra, 4, 1);
}

/* ---- the file ---- */

static void
finish_gguf(void)
{
    put(&head, "GGUF", 4);
    put_u32(&head, 3);
    put_u64(&head, 2 * (uint64_t)n_entries);
    put_u64(&head, 4);
    put_str(&head, "general.type");
    put_u32(&head, 8);
    put_str(&head, "imatrix");
    put_str(&head, "imatrix.datasets");
    put_u32(&head, 9);
    put_u32(&head, 8);
    put_u64(&head, 1);
    put_str(&head, "made/up.txt");
    put_str(&head, "imatrix.chunk_count");
    put_u32(&head, 4);
    put_u32(&head, CHUNKS);
    put_str(&head, "imatrix.chunk_size");
    put_u32(&head, 4);
    put_u32(&head, TOKENS);
    put(&head, dir.p, dir.len);
    while (head.len % ALIGN != 0)
        put(&head, "", 1);
}

static void
finish_dat(void)
{
    put_u32(&head, n_entries);
    put_u32(&data, CHUNKS);
    put_u32(&data, 11);
    put(&data, "made/up.txt", 11);
}

static void
read_arguments(int argc, char **argv)
{
    static const struct {
        const char *name;
        const char **text;
    } names[] = { { "form=", &form },  { "skip=", &skip },
                  { "bad=", &bad },    { "unseen=", &unseen },
                  { "wide=", &wide },  { "zero=", &zero },
                  { "extra=", &extra } };
    bool known;

    for (int i = 1; i < argc; i++) {
        known = strchr(argv[i], '=') == NULL;
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            if (strncmp(argv[i], names[k].name, strlen(names[k].name)) == 0) {
                *names[k].text = argv[i] + strlen(names[k].name);
                known = true;
            }
        }
        if (sscanf(argv[i], "seed=%" SCNu64, &seed) == 1 ||
            sscanf(argv[i], "cut=%" SCNu64, &cut) == 1 ||
            sscanf(argv[i], "scale=%lf", &scale) == 1)
            known = true;
        if (!known)
            die("no such argument");
        if (strchr(argv[i], '=') == NULL)
            *(model_path == NULL ? &model_path : &out_path) = argv[i];
    }
    if (out_path == NULL)
        die("usage: mkstats [NAME=VALUE]... MODEL OUT");
}

int
main(int argc, char **argv)
{
    struct sov_err err;
    sov_model *m;
    FILE *f;

    read_arguments(argc, argv);
    if (sov_model_open(&m, model_path, SOV_ACCESS_STREAM, &err) < 0)
        die(err.msg);
    entries(m);
    sov_model_close(m);
    if (strcmp(form, "dat") == 0)
        finish_dat();
    else
        finish_gguf();
    if (cut > data.len)
        die("cut is more than there is");
    f = fopen(out_path, "wb");
    if (f == NULL || fwrite(head.p, 1, head.len, f) != head.len ||
        fwrite(data.p, 1, data.len - cut, f) != data.len - cut ||
        fclose(f) != 0)
        die("cannot write");
    return 0;
}
