/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_kern_nn.c - the kernels of inference: every instruction set against
 * kern/generic, and that against plain sums
 */
#include "unit.h"

#include "base/fmath.h"
#include "base/le.h"
#include "base/mem.h"
#include "base/rng.h"
#include "kern/kern.h"
#include "tensor/half.h"

#include <math.h>
#include <string.h>

#define N_MAX    2048
#define COLS_MAX 9

/* bytes of a piece of activations of either kind, at most */
#define PIECE sizeof(struct sov_a32)

static const char *const isas[] = { "avx2",       "avxvnni",    "avx512",
                                    "avx512vbmi", "avx512bf16", "neon" };

#define ROWS_MAX 11

/* of panels */
#define PANEL_N    768
#define PANEL_COLS 600

/* Types with an integer form, and where their blocks have half floats. */
static const struct dot_type {
    enum sov_type type;
    int n_halves;
    size_t half[2];
} dot_types[] = {
    { SOV_TYPE_Q8_0, 1, { 0 } },      { SOV_TYPE_Q4_0, 1, { 0 } },
    { SOV_TYPE_Q4_1, 2, { 0, 2 } },   { SOV_TYPE_Q5_0, 1, { 0 } },
    { SOV_TYPE_Q5_1, 2, { 0, 2 } },   { SOV_TYPE_IQ4_NL, 1, { 0 } },
    { SOV_TYPE_MXFP4, 0, { 0 } },     { SOV_TYPE_NVFP4, 0, { 0 } },
    { SOV_TYPE_Q1_0, 1, { 0 } },      { SOV_TYPE_Q2_0, 1, { 0 } },
    { SOV_TYPE_Q2_K, 2, { 80, 82 } }, { SOV_TYPE_Q3_K, 1, { 108 } },
    { SOV_TYPE_Q4_K, 2, { 0, 2 } },   { SOV_TYPE_Q5_K, 2, { 0, 2 } },
    { SOV_TYPE_Q6_K, 1, { 208 } },    { SOV_TYPE_IQ4_XS, 1, { 0 } },
    { SOV_TYPE_IQ3_XXS, 1, { 0 } },   { SOV_TYPE_IQ3_S, 1, { 0 } },
    { SOV_TYPE_IQ2_XXS, 1, { 0 } },   { SOV_TYPE_IQ2_XS, 1, { 0 } },
    { SOV_TYPE_IQ2_S, 1, { 0 } },     { SOV_TYPE_IQ1_S, 1, { 0 } },
    { SOV_TYPE_IQ1_M, 0, { 0 } },     { SOV_TYPE_TQ1_0, 1, { 52 } },
    { SOV_TYPE_TQ2_0, 1, { 64 } },
#define SPARSE(name, SYM, keep, bits) { SOV_TYPE_##SYM, 1, { 0 } },
#include "quant/sparse.def"
#undef SPARSE
};

#define N_DOT_TYPES (sizeof(dot_types) / sizeof(dot_types[0]))

static uint64_t counter;

static uint32_t
random32(void)
{
    uint32_t out[4];

    sov_rng_block(7, 1, counter++, out);
    return out[0];
}

/* kind 0: ordinary; 1: from tiny to huge; 2: any bits at all; 3: zeros */
static void
fill(float *x, size_t n, int kind)
{
    static const float odd[] = { 0.0f,   -0.0f,  INFINITY, -INFINITY, NAN,
                                 1e-45f, -3e38f, 3e38f,    127.5f };
    size_t i;

    for (i = 0; i < n; i++) {
        uint32_t r = random32();
        float u = (float)(int32_t)r / 2147483648.0f;

        if (kind == 0)
            x[i] = 3.0f * u;
        else if (kind == 1)
            x[i] = u * (float)sov_exp((double)(random32() % 160) - 90.0);
        else if (kind == 2 && r % 3 == 0)
            x[i] = odd[r / 3 % (sizeof(odd) / sizeof(odd[0]))];
        else if (kind == 2)
            memcpy(&x[i], &r, 4);
        else
            x[i] = 0;
    }
}

/* the same bits, or both NaN */
static bool
same(float a, float b)
{
    return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

static void
assert_same(const float *a, const float *b, size_t n, const char *what,
            const char *isa)
{
    size_t i;

    for (i = 0; i < n; i++)
        ck_assert_msg(same(a[i], b[i]), "%s %s [%zu of %zu]: %.9g %.9g", isa,
                      what, i, n, (double)a[i], (double)b[i]);
}

static size_t
length(int i)
{
    return i < 70 ? (size_t)i : (size_t)(i - 60) * 97 % N_MAX;
}

/* What goes back through functions of each number. */
static void
training_agrees(const struct sov_kern *g, const struct sov_kern *k,
                const float *a, const float *b, size_t n)
{
    static float c[N_MAX], y[2][N_MAX], z[2][N_MAX];

    fill(c, n, 0);
    g->silu_back(a, b, c, y[0], y[1], n);
    k->silu_back(a, b, c, z[0], z[1], n);
    assert_same(y[0], z[0], n, "silu_back g", k->isa);
    assert_same(y[1], z[1], n, "silu_back u", k->isa);
    memcpy(y, z, sizeof(y));
    g->mul_axpy(0.7f, a, b, y[0], n);
    k->mul_axpy(0.7f, a, b, z[0], n);
    assert_same(y[0], z[0], n, "mul_axpy", k->isa);
    g->norm_back(a, b, 0.9f, c, true, y[1], n);
    k->norm_back(a, b, 0.9f, c, true, z[1], n);
    assert_same(y[1], z[1], n, "norm_back, added", k->isa);
    memcpy(y[0], c, n * sizeof(*c));
    memcpy(z[0], c, n * sizeof(*c));
    g->norm_back(a, b, 0.9f, y[0], false, y[0], n);
    k->norm_back(a, b, 0.9f, z[0], false, z[0], n);
    assert_same(y[0], z[0], n, "norm_back", k->isa);
}

static void
vectors_agree(const struct sov_kern *g, const struct sov_kern *k, int kind,
              size_t n)
{
    static float a[N_MAX], b[N_MAX], y[N_MAX], z[N_MAX];
    float r[10];

    fill(a, n, kind);
    fill(b, n, kind);
    r[0] = g->dot_f32(a, b, n);
    r[1] = k->dot_f32(a, b, n);
    r[2] = g->sumsq(a, n);
    r[3] = k->sumsq(a, n);
    r[4] = g->sum(a, n);
    r[5] = k->sum(a, n);
    assert_same(&r[0], &r[1], 1, "dot_f32", k->isa);
    assert_same(&r[2], &r[3], 1, "sumsq", k->isa);
    assert_same(&r[4], &r[5], 1, "sum", k->isa);
    if (kind < 2) /* the place of a NaN matters */
        ck_assert(g->max(a, n) == k->max(a, n));

    memcpy(y, b, n * sizeof(*y));
    memcpy(z, b, n * sizeof(*z));
    g->axpy(1.7f, a, y, n);
    k->axpy(1.7f, a, z, n);
    assert_same(y, z, n, "axpy", k->isa);
    g->scale(a, 0.3f, b, y, n);
    k->scale(a, 0.3f, b, z, n);
    assert_same(y, z, n, "scale", k->isa);
    g->silu_mul(a, b, y, n);
    k->silu_mul(a, b, z, n);
    assert_same(y, z, n, "silu_mul", k->isa);
    training_agrees(g, k, a, b, n);
    memcpy(y, a, n * sizeof(*y));
    memcpy(z, a, n * sizeof(*z));
    g->exp(y, n, 0.25f);
    k->exp(z, n, 0.25f);
    assert_same(y, z, n, "exp", k->isa);
}

START_TEST(vectors)
{
    const struct sov_kern *g = sov_kern_for("generic");
    size_t s;
    int i, kind;

    for (s = 0; s < sizeof(isas) / sizeof(isas[0]); s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        for (i = 0; k != NULL && i < 85; i++)
            for (kind = 0; kind < 4; kind++)
                vectors_agree(g, k, kind, length(i));
    }
}
END_TEST

static void
tables_agree(const struct sov_kern *g, const struct sov_kern *k, size_t n_a,
             size_t n_b, size_t n)
{
    static float a[9 * 301], b[9 * 301], y[9 * 128], z[9 * 128];
    size_t cut = n < 128 ? n : 128;

    fill(a, n_a * (n + 1), 1);
    fill(b, n_b * (n + 1), 0);
    g->dots(a, n + 1, n_a, b, n + 1, n_b, n, y, n_a + 2);
    k->dots(a, n + 1, n_a, b, n + 1, n_b, n, z, n_a + 2);
    for (size_t j = 0; j < n_b; j++) {
        assert_same(y + j * (n_a + 2), z + j * (n_a + 2), n_a, "dots", k->isa);
        for (size_t i = 0; i < n_a; i++)
            ck_assert(y[j * (n_a + 2) + i] ==
                      g->dot_f32(a + i * (n + 1), b + j * (n + 1), n));
    }
    fill(y, 9 * 128, 0);
    memcpy(z, y, sizeof(z));
    g->mix(b, a, n + 1, n_a, y, cut);
    k->mix(b, a, n + 1, n_a, z, cut);
    assert_same(y, z, cut, "mix", k->isa);
    g->mixes(b, n + 1, n_b, a, n + 1, n_a, y, 128, cut);
    k->mixes(b, n + 1, n_b, a, n + 1, n_a, z, 128, cut);
    assert_same(y, z, 9 * 128, "mixes", k->isa);
}

START_TEST(tables)
{
    static const size_t lens[] = { 1, 5, 16, 31, 48, 64, 77, 100, 128, 300 };
    const struct sov_kern *g = sov_kern_for("generic");
    size_t s, l, a, b;

    for (s = 0; s < sizeof(isas) / sizeof(isas[0]); s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        for (l = 0; k != NULL && l < sizeof(lens) / sizeof(lens[0]); l++)
            for (a = 1; a <= 9; a++)
                for (b = 1; b <= 9; b += a % 3 + 1)
                    tables_agree(g, k, a, b, lens[l]);
    }
}
END_TEST

/* n_b columns, panels one apart; of what is left of y's rows nothing is
 * touched.  Numbers are floats, or pairs of bf16 (any bits). */
static void
outer_agrees(const struct sov_kern *g, const struct sov_kern *k, size_t n_a,
             size_t n_b, size_t n, int kind)
{
    enum { N = 64, PANELS = 7, WIDE = PANELS * SOV_OUTER + 3, ROWS = 17 };
    static float a[(N + 3) * ROWS], b[PANELS * (N + 1) * SOV_OUTER];
    static float y[ROWS * WIDE], z[ROWS * WIDE];
    bool across = n_a == SOV_OUTER;
    struct sov_outer o = {
        .a = a,
        .a_row = across ? 1 : N + 3,
        .a_step = across ? SOV_OUTER : 1,
        .n_a = n_a,
        .b = b,
        .b_stride = (n + 1) * SOV_OUTER,
        .n_b = n_b,
        .n = n,
        .y_stride = WIDE,
        .add = kind % 2 != 0,
    };
    int bf16;

    fill(a, (N + 3) * ROWS, kind);
    fill(b, PANELS * (N + 1) * SOV_OUTER, kind == 1 ? 1 : 0);
    for (bf16 = 0; bf16 < 2; bf16++) {
        fill(y, ROWS * WIDE, kind);
        memcpy(z, y, sizeof(z));
        o.y = y;
        (bf16 ? g->outer_bf16 : g->outer)(&o);
        o.y = z;
        (bf16 ? k->outer_bf16 : k->outer)(&o);
        assert_same(y, z, ROWS * WIDE, bf16 ? "outer_bf16" : "outer", k->isa);
    }
}

/* What moves numbers into place, and what is behind them untouched. */
static void
moves_agree(const struct sov_kern *g, const struct sov_kern *k, size_t n_i,
            size_t n, int kind)
{
    enum { N = 70, ROOM = (N + 2) * SOV_OUTER };
    static float x[SOV_OUTER * (N + 5)];
    static uint32_t y[ROOM], z[ROOM];

    fill(x, SOV_OUTER * (N + 5), kind);
    memset(y, 1, sizeof(y));
    memset(z, 1, sizeof(z));
    g->panel(x, N + 5, n_i, n, y);
    k->panel(x, N + 5, n_i, n, z);
    ck_assert_msg(memcmp(y, z, sizeof(y)) == 0, "%s panel %zu %zu", k->isa, n_i,
                  n);
    /* of a NaN only that it is one is fixed */
    for (size_t i = 0; i < SOV_OUTER * (N + 5); i++)
        x[i] = isnan(x[i]) ? NAN : x[i];
    g->panel_pairs(x, SOV_OUTER + 3, n_i, n, (void *)y);
    k->panel_pairs(x, SOV_OUTER + 3, n_i, n, (void *)z);
    ck_assert_msg(memcmp(y, z, sizeof(y)) == 0, "%s pairs %zu %zu", k->isa, n_i,
                  n);
    g->to_bf16(x, (void *)y, n);
    k->to_bf16(x, (void *)z, n);
    ck_assert_msg(memcmp(y, z, sizeof(y)) == 0, "%s to_bf16 %zu", k->isa, n);
}

START_TEST(outer)
{
    const struct sov_kern *g = sov_kern_for("generic");
    size_t s, n_b, n;

    for (s = 0; s < sizeof(isas) / sizeof(isas[0]); s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        for (n_b = 0; k != NULL && n_b <= 112; n_b += n_b < 50 ? 1 : 7)
            for (n = 0; n <= 64; n = n < 5 ? n + 1 : n * 2 - 1)
                outer_agrees(g, k, 1 + (n_b + n) % 17, n_b, n,
                             (int)((n + n_b) % 4));
        for (n = 0; k != NULL && n <= 70; n++)
            moves_agree(g, k, 1 + n % SOV_OUTER, n, (int)(n / 16 % 3));
    }
}
END_TEST

START_TEST(activations)
{
    static float x[N_MAX];
    static struct sov_a32 a, b;
    static struct sov_a256 c, d;
    const struct sov_kern *g = sov_kern_for("generic");
    size_t s, n;
    int kind, turn;

    for (s = 0; s < sizeof(isas) / sizeof(isas[0]); s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        for (turn = 0; k != NULL && turn < 80; turn++) {
            kind = turn % 4;
            n = (size_t)(turn / 4 % 8 + 1) * 32;
            fill(x, 256, kind);
            if (turn % 5 == 0)
                for (size_t i = 0; i < 256; i++)
                    x[i] *= 1e-44f; /* subnormal */
            memset(&a, 1, sizeof(a));
            memset(&b, 2, sizeof(b));
            g->to_a32(x, &a, n);
            k->to_a32(x, &b, n);
            ck_assert_mem_eq(a.q, b.q, sizeof(a.q));
            ck_assert_mem_eq(a.sum, b.sum, sizeof(a.sum));
            assert_same(a.d, b.d, 8, "a32", k->isa);
            assert_same(a.s, b.s, 8, "a32", k->isa);
            memset(&c, 1, sizeof(c));
            memset(&d, 2, sizeof(d));
            g->to_a256(x, &c, 256);
            k->to_a256(x, &d, 256);
            ck_assert_mem_eq(c.q, d.q, sizeof(c.q));
            ck_assert_mem_eq(c.sum, d.sum, sizeof(c.sum));
            assert_same(&c.d, &d.d, 1, "a256", k->isa);
        }
    }
}
END_TEST

/* Ordinary scales in a block: d from 2^-7 to 2^-5, either sign for mins. */
static void
tame_block(unsigned char *block, const struct dot_type *t)
{
    int i;

    for (i = 0; i < t->n_halves; i++) {
        unsigned char *high = block + t->half[i] + 1;

        *high = (unsigned char)(0x20 | (*high & (i == 0 ? 0x07 : 0x87)));
    }
    if (t->type == SOV_TYPE_MXFP4)
        block[0] = (unsigned char)(120 | (block[0] & 7));
    if (t->type == SOV_TYPE_IQ1_M) /* the exponent's bits of its half */
        block[55] = (unsigned char)(0x20 | (block[55] & 0x0f));
}

/* Blocks of any bits, their scales made ordinary if tame. */
static void
fill_row(unsigned char *row, const struct dot_type *t, size_t n, bool tame)
{
    const struct sov_type_info *info = sov_type_info(t->type);
    size_t size = n / info->block * info->bytes;
    size_t i, at;

    for (i = 0; i < size; i++)
        row[i] = (unsigned char)random32();
    for (at = 0; tame && at < size; at += info->bytes)
        tame_block(row + at, t);
}

static size_t
make_acts(const struct sov_kern *k, enum sov_type type, const float *x,
          size_t n, size_t n_cols, unsigned char *acts)
{
    bool small = k->act_of[type] == SOV_ACT_A32;
    size_t stride = (n + 255) / 256 *
                    (small ? sizeof(struct sov_a32) : sizeof(struct sov_a256));

    for (size_t c = 0; c < n_cols; c++) {
        void *a = acts + c * stride;

        if (small)
            k->to_a32(x + c * n, a, n);
        else
            k->to_a256(x + c * n, a, n);
    }
    return stride;
}

static void
dots_agree(const struct sov_kern *g, const struct sov_kern *k,
           const struct dot_type *t, size_t n, size_t n_rows, size_t n_cols,
           int kind)
{
    static unsigned char w[ROWS_MAX * N_MAX * 2];
    static float x[N_MAX * COLS_MAX];
    unsigned char *acts = sov_mem_aligned(COLS_MAX * (N_MAX / 256), PIECE);
    const struct sov_type_info *info = sov_type_info(t->type);
    float y[(ROWS_MAX + 1) * COLS_MAX], z[(ROWS_MAX + 1) * COLS_MAX];
    size_t w_stride = n / info->block * info->bytes + 6 * (n_cols % 2);
    size_t stride, i;

    ck_assert_ptr_nonnull(acts);
    for (i = 0; i < n_rows; i++)
        fill_row(w + i * w_stride, t, n, kind != 2);
    fill(x, n * n_cols, kind);
    stride = make_acts(g, t->type, x, n, n_cols, acts);
    fill(y, sizeof(y) / sizeof(*y), 0);
    memcpy(z, y, sizeof(z));
    g->dot[t->type](w, w_stride, n_rows, acts, stride, n_cols, n, y,
                    n_rows + 1);
    k->dot[t->type](w, w_stride, n_rows, acts, stride, n_cols, n, z,
                    n_rows + 1);
    assert_same(y, z, sizeof(y) / sizeof(*y), info->name, k->isa);
    sov_mem_free_aligned(acts);
}

START_TEST(integer_dots)
{
    const struct sov_kern *g = sov_kern_for("generic");
    size_t s, t, n, c;
    int kind;

    for (s = 0; s < sizeof(isas) / sizeof(isas[0]); s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        for (t = 0; k != NULL && t < N_DOT_TYPES; t++) {
            enum sov_type type = dot_types[t].type;
            size_t step = sov_type_info(type)->block;

            ck_assert_ptr_nonnull(k->dot[type]);
            if (k->dot[type] == g->dot[type])
                continue;
            for (n = step; n <= N_MAX; n += n < 10 * step ? step : 256)
                for (c = 1; c <= COLS_MAX; c++)
                    for (kind = 0; kind < 4; kind++)
                        dots_agree(g, k, &dot_types[t], n,
                                   1 + counter % ROWS_MAX, c, kind);
        }
    }
}
END_TEST

/* Panels and strips of rows against the dot products of the specification. */
static void
panels_agree(const struct sov_kern *g, const struct sov_kern *k,
             const struct dot_type *t, size_t n, size_t n_rows, size_t n_cols,
             int kind)
{
    static unsigned char w[70 * 4096];
    static float x[PANEL_N * PANEL_COLS], y[71 * PANEL_COLS],
        z[71 * PANEL_COLS];
    unsigned char *acts = sov_mem_aligned(n_cols * (PANEL_N / 256), PIECE);
    const struct sov_type_info *info = sov_type_info(t->type);
    size_t w_stride = n / info->block * info->bytes + 6 * (n_cols % 2);
    size_t stride, i;

    ck_assert_ptr_nonnull(acts);
    for (i = 0; i < n_rows; i++)
        fill_row(w + i * w_stride, t, n, kind != 2);
    fill(x, n * n_cols, kind);
    stride = make_acts(g, t->type, x, n, n_cols, acts);
    for (i = 0; i < (n_rows + 1) * n_cols; i++)
        y[i] = z[i] = (float)i;
    g->dot[t->type](w, w_stride, n_rows, acts, stride, n_cols, n, y,
                    n_rows + 1);
    k->many[t->type](w, w_stride, n_rows, acts, stride, n_cols, n, z,
                     n_rows + 1);
    assert_same(y, z, (n_rows + 1) * n_cols, info->name, k->isa);
    for (i = 0; i < (n_rows + 1) * n_cols; i++)
        z[i] = (float)i;
    k->dot[t->type](w, w_stride, n_rows, acts, stride, n_cols, n, z,
                    n_rows + 1);
    assert_same(y, z, (n_rows + 1) * n_cols, info->name, k->isa);
    sov_mem_free_aligned(acts);
}

START_TEST(panels)
{
    const struct sov_kern *g = sov_kern_for("generic");
    static const size_t rows[] = { 1, 16, 31, 32, 33, 64, 70 };
    size_t s, t, c, turn = 0;

    for (s = 0; s < sizeof(isas) / sizeof(isas[0]); s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        for (t = 0; k != NULL && t < N_DOT_TYPES; t++) {
            enum sov_type type = dot_types[t].type;
            size_t step = sov_type_info(type)->block;

            if (k->many[type] == NULL)
                continue;
            for (c = 1; c <= 25; c += c < 13 ? 1 : 6, turn++)
                panels_agree(g, k, &dot_types[t],
                             step * (1 + turn % (PANEL_N / step)),
                             rows[turn % 7], c, (int)(turn % 4));
            panels_agree(g, k, &dot_types[t], step, 3, PANEL_COLS, 0);
        }
    }
}
END_TEST

/* Every type that is stored in blocks has an integer form. */
START_TEST(all_types_have_dots)
{
    const struct sov_kern *g = sov_kern_for("generic");
    size_t n = 0;
    int i;

    for (i = 0; i < SOV_TYPE_GGUF_MAX; i++)
        if (g->decode[i] != NULL && sov_type_info(i)->kind == SOV_KIND_BLOCK) {
            ck_assert_ptr_nonnull(g->dot[i]);
            n++;
        }
    ck_assert_uint_eq(n, N_DOT_TYPES);
}
END_TEST

/* Integers of the largest size everywhere: no sum may run over. */
static void
largest_agree(const struct sov_kern *g, const struct sov_kern *k,
              const struct dot_type *t, int byte, int sign)
{
    const struct sov_type_info *info = sov_type_info(t->type);
    unsigned char *acts = sov_mem_aligned(2, PIECE);
    unsigned char row[2 * 256];
    float x[256];
    float y, z;
    size_t i;

    ck_assert_ptr_nonnull(acts);
    memset(row, byte, sizeof(row));
    for (i = 0; i < 256 / info->block; i++)
        tame_block(row + i * info->bytes, t);
    for (i = 0; i < 256; i++)
        x[i] = (float)sign;
    make_acts(g, t->type, x, 256, 1, acts);
    g->dot[t->type](row, 0, 1, acts, PIECE, 1, 256, &y, 1);
    k->dot[t->type](row, 0, 1, acts, PIECE, 1, 256, &z, 1);
    assert_same(&y, &z, 1, info->name, k->isa);
    if (k->many[t->type] != NULL)
        k->many[t->type](row, 0, 1, acts, PIECE, 1, 256, &z, 1);
    assert_same(&y, &z, 1, info->name, k->isa);
    sov_mem_free_aligned(acts);
}

START_TEST(largest_integers)
{
    const struct sov_kern *g = sov_kern_for("generic");
    size_t s, t;
    int byte;

    for (s = 0; s < sizeof(isas) / sizeof(isas[0]); s++) {
        const struct sov_kern *k = sov_kern_for(isas[s]);

        for (t = 0; k != NULL && t < N_DOT_TYPES; t++)
            for (byte = 0; byte < 256; byte++) {
                largest_agree(g, k, &dot_types[t], byte, 1);
                largest_agree(g, k, &dot_types[t], byte, -1);
            }
    }
}
END_TEST

/* The value an activation stands for. */
static double
act_value(enum sov_act kind, const unsigned char *acts, size_t i)
{
    const struct sov_a32 *a = (const void *)acts;
    const struct sov_a256 *b = (const void *)acts;

    if (kind == SOV_ACT_A32)
        return (double)a[i / 256].d[i % 256 / 32] * a[i / 256].q[i % 256];
    return (double)b[i / 256].d * b[i / 256].q[i % 256];
}

START_TEST(generic_against_decoded_weights)
{
    const struct sov_kern *g = sov_kern_for("generic");
    unsigned char *acts = sov_mem_aligned(8, PIECE);
    static unsigned char row[N_MAX * 2];
    static float x[N_MAX], w[N_MAX];
    size_t t, i, turn;
    float y;

    ck_assert_ptr_nonnull(acts);
    for (t = 0; t < N_DOT_TYPES; t++)
        for (turn = 0; turn < 20; turn++) {
            enum sov_type type = dot_types[t].type;
            size_t n = sov_type_info(type)->block * (1 + turn % 8);
            double sum = 0, size = 0;

            fill_row(row, &dot_types[t], n, true);
            fill(x, n, 0);
            make_acts(g, type, x, n, 1, acts);
            g->decode[type](row, w, n);
            for (i = 0; i < n; i++) {
                double p = (double)w[i] * act_value(g->act_of[type], acts, i);

                sum += p;
                size += fabs(p);
            }
            /* a min is taken times s, which is d * sum a little rounded */
            for (i = 0; i < n / 32; i++) {
                const struct sov_a32 *a =
                    (const struct sov_a32 *)(const void *)acts + i / 8;

                if (type == SOV_TYPE_Q4_1 || type == SOV_TYPE_Q5_1)
                    sum += (double)sov_f16_to_f32(sov_le16(
                               row + i * sov_type_info(type)->bytes + 2)) *
                           ((double)a->s[i % 8] -
                            (double)a->d[i % 8] * a->sum[i % 8]);
            }
            g->dot[type](row, 0, 1, acts, 0, 1, n, &y, 1);
            ck_assert_msg(fabs((double)y - sum) <= 4e-7 * size, "%s %g %g",
                          sov_type_info(type)->name, (double)y, sum);
        }
    sov_mem_free_aligned(acts);
}
END_TEST

START_TEST(exp_is_close)
{
    const struct sov_kern *g = sov_kern_for("generic");
    float x[6] = { 0.0f, -INFINITY, INFINITY, 100.0f, -200.0f, NAN };
    int i;

    g->exp(x, 6, 0);
    ck_assert(x[0] == 1.0f && x[1] == 0.0f && isinf(x[2]) && isinf(x[3]) &&
              x[4] == 0.0f && isnan(x[5]));
    for (i = -8700; i < 8800; i++) {
        float v = (float)i / 100.0f;
        double want = sov_exp((double)v);

        g->exp(&v, 1, 0);
        ck_assert_msg(fabs((double)v - want) <= 2e-7 * want, "exp(%d / 100)",
                      i);
    }
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("kern_nn");

    tcase_add_test(tc, vectors);
    tcase_add_test(tc, tables);
    tcase_add_test(tc, outer);
    tcase_add_test(tc, activations);
    tcase_add_test(tc, all_types_have_dots);
    tcase_add_test(tc, integer_dots);
    tcase_add_test(tc, panels);
    tcase_add_test(tc, largest_integers);
    tcase_add_test(tc, generic_against_decoded_weights);
    tcase_add_test(tc, exp_is_close);
    return unit_main("kern_nn", tc);
}
