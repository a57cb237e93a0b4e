/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_nn.c - unit tests of lib/nn against plain sums in double
 */
#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "nn/attn.h"
#include "nn/mat.h"
#include "nn/rope.h"
#include "quant/codec.h"
#include "sov/base.h"

#include <math.h>
#include <string.h>

static uint64_t counter;

static void
fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sov_rng_unit(3, 9, counter++) * 2.0f - 1.0f;
}

static void
nn_open(struct sov_nn *nn, bool precise, size_t room)
{
    *nn = (struct sov_nn){ .k = sov_kern(), .precise = precise,
                           .room = room };
    ck_assert_int_eq(sov_nn_ready(nn, NULL), 0);
}

/* ---- matrices */

#define N_IN  512
#define N_OUT 37
#define COLS  70

static float x[COLS * N_IN];
static float w[N_OUT * N_IN];
static float bias[N_OUT];
static float y[COLS * (N_OUT + 3)];

/* Products of a type agree with those of its decoded weights. */
static void
check_mat(enum sov_type type, bool precise, size_t n_cols, double tolerance)
{
    const struct sov_type_info *info = sov_type_info(type);
    struct sov_mat m = { .type = type, .n_in = N_IN, .n_out = N_OUT,
                         .row_bytes = N_IN / info->block * info->bytes,
                         .bias = bias };
    unsigned char *data = sov_mem_array(N_OUT, m.row_bytes);
    struct sov_input in = { .x = x, .stride = N_IN, .n = N_IN,
                            .n_cols = n_cols };
    struct sov_mul mul = { &m, y, N_OUT + 3 };
    struct sov_nn nn;

    nn_open(&nn, precise, sov_mat_room(N_IN));
    in.a32 = sov_mem_aligned(n_cols * 2, sizeof(*in.a32));
    in.a256 = sov_mem_aligned(n_cols * 2, sizeof(*in.a256));
    in.half = sov_mem_aligned(n_cols * N_IN, sizeof(*in.half));
    in.bf16 = sov_mem_aligned(n_cols * sov_input_bf16(N_IN), 2);
    in.forms = sov_mat_forms(&nn, &m, 1);
    m.data = data;
    fill(w, N_OUT * N_IN);
    sov_codec_find(type)->encode(w, NULL, data, N_OUT * N_IN, 1);
    sov_codec_find(type)->decode(data, w, N_OUT * N_IN);
    for (size_t c = 0; c < n_cols; c++)
        sov_input_column(&nn, &in, c);
    sov_mat_mul(&nn, &mul, 1, &in);
    for (size_t c = 0; c < n_cols; c++)
        for (size_t r = 0; r < N_OUT; r++) {
            double want = (double)bias[r];

            for (size_t i = 0; i < N_IN; i++)
                want += (double)w[r * N_IN + i] * (double)x[c * N_IN + i];
            ck_assert_msg(fabs((double)y[c * (N_OUT + 3) + r] - want) <=
                              tolerance,
                          "%s row %zu of column %zu: %g %g", info->name, r, c,
                          (double)y[c * (N_OUT + 3) + r], want);
        }
    sov_nn_done(&nn);
    sov_mem_free_aligned(in.a32);
    sov_mem_free_aligned(in.a256);
    sov_mem_free_aligned(in.half);
    sov_mem_free_aligned(in.bf16);
    free(data);
}

START_TEST(products)
{
    static const enum sov_type types[] = {
        SOV_TYPE_F32,  SOV_TYPE_F16,  SOV_TYPE_BF16, SOV_TYPE_Q8_0,
        SOV_TYPE_Q4_0, SOV_TYPE_Q4_1, SOV_TYPE_Q5_0, SOV_TYPE_Q4_K,
        SOV_TYPE_Q5_K, SOV_TYPE_Q6_K,
    };

    fill(x, COLS * N_IN);
    fill(bias, N_OUT);
    for (unsigned threads = 1; threads <= 3; threads++) {
        sov_set_threads(threads);
        for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
            for (size_t n = 1; n <= COLS; n += 23) {
                check_mat(types[t], true, n, 2e-5);
                /* activations of 8 bits: a part in 256 of the largest, at
                 * random, 512 times */
                check_mat(types[t], false, n, 0.3);
            }
    }
}
END_TEST

/* ---- rotary positions */

START_TEST(turns_keep_length_and_add_up)
{
    double freq[8];
    float turn[16], back[16], head[20], was[20];
    const float factors[8] = { 1, 1, 2, 2, 3, 3, 4, 0 };

    ck_assert_int_eq(sov_rope_freqs(freq, 16, 10000, 1, NULL, NULL), 0);
    ck_assert(freq[0] == 1.0);
    ck_assert(fabs(freq[4] - 0.01) < 1e-12);
    for (int pairs = SOV_ROPE_NORM; pairs <= SOV_ROPE_NEOX; pairs++) {
        fill(head, 20);
        memcpy(was, head, sizeof(was));
        sov_rope_turn(freq, 16, 1, 100, turn);
        sov_rope_apply((enum sov_rope_pairs)pairs, turn, 16, head);
        ck_assert_mem_eq(head + 16, was + 16, 4 * sizeof(float));
        ck_assert(head[0] != was[0] && head[15] != was[15]);
        for (int i = 0; i < 16; i += 2) {
            back[i] = turn[i];
            back[i + 1] = -turn[i + 1];
        }
        sov_rope_apply((enum sov_rope_pairs)pairs, back, 16, head);
        for (int i = 0; i < 16; i++)
            ck_assert(fabsf(head[i] - was[i]) < 1e-6f);
    }
    ck_assert_int_eq(sov_rope_freqs(freq, 16, 10000, 1, factors, NULL),
                     SOV_EFORMAT);
    ck_assert_int_eq(sov_rope_freqs(freq, 16, 1e-9, 1, NULL, NULL),
                     SOV_EFORMAT);
    ck_assert_int_eq(sov_rope_freqs(freq, 16, 10000, INFINITY, NULL, NULL),
                     SOV_EFORMAT);
}
END_TEST

/* ---- attention */

#define CTX  2100

/* Not rows of a type. */
#define PAGES SOV_TYPE_Q8_0

/* Memory of a cache, and a table of all its blocks, which are in no order. */
static uint32_t *
cache_open(struct sov_cache *kv, size_t n_blocks)
{
    uint32_t *block = sov_mem_array(n_blocks, sizeof(*block));
    struct sov_place *place = sov_mem_array(n_blocks, sizeof(*place));

    sov_cache_sizes(kv);
    sov_cache_lay(place, sov_mem_aligned(n_blocks, kv->n_kv * kv->bytes),
                  n_blocks, kv->bytes);
    kv->place = place;
    for (size_t i = 0; i < n_blocks; i++)
        block[i] = (uint32_t)i;
    for (size_t i = n_blocks - 1; i > 0; i--) {
        size_t j = (size_t)(sov_rng_unit(5, 1, counter++) * (double)i);
        uint32_t one = block[i];

        block[i] = block[j];
        block[j] = one;
    }
    return block;
}

static void
cache_close(struct sov_cache *kv)
{
    sov_mem_free_aligned(kv->place[0].p);
    free((void *)kv->place);
}

/* Cut into tiles, and done. */
static void
attention_of(const struct sov_nn *nn, struct sov_attn *at)
{
    size_t n_cols = 0;
    struct sov_tile *tile;

    for (size_t i = 0; i < at->n_seq; i++)
        n_cols += at->seq[i].n_cols;
    tile = sov_mem_array(sov_attn_tiles(at->kv, at->n_head, n_cols),
                         sizeof(*tile));
    sov_attn_cut(at, tile);
    sov_attn(nn, at);
    free(tile);
}

/* One query by the textbook. */
static void
attend(const float *q, const float *keys, const float *values, size_t n,
       size_t k_stride, size_t v_stride, size_t k_len, size_t v_len,
       double *out)
{
    double p[CTX];
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double s = 0;

        for (size_t d = 0; d < k_len; d++)
            s += (double)q[d] * (double)keys[i * k_stride + d];
        p[i] = exp(s / sqrt((double)k_len));
        sum += p[i];
    }
    for (size_t d = 0; d < v_len; d++) {
        out[d] = 0;
        for (size_t i = 0; i < n; i++)
            out[d] += p[i] / sum * (double)values[i * v_stride + d];
    }
}

static void
check_attention(size_t n_head, size_t n_kv, size_t k_len, size_t v_len,
                size_t pos, size_t n_cols, enum sov_type type,
                double tolerance)
{
    struct sov_cache kv = { .type = type, .paged = type == PAGES, .n_kv = n_kv, .n_ctx = CTX,
                            .k_len = k_len, .v_len = v_len };
    size_t n = pos + n_cols;
    float *keys = sov_mem_array(n, n_kv * k_len * sizeof(float));
    float *values = sov_mem_array(n, n_kv * v_len * sizeof(float));
    float *q = sov_mem_array(n_cols, n_head * k_len * sizeof(float));
    float *o = sov_mem_array(n_cols, n_head * v_len * sizeof(float));
    uint32_t *block = cache_open(&kv, sov_blocks_of(CTX));
    float used_k[512], used_v[512];
    double want[128];
    struct sov_nn nn;
    struct sov_attn_seq seq = { .block = block, .pos = pos,
                                .n_cols = n_cols };
    struct sov_attn at = { .kv = &kv, .n_head = n_head, .seq = &seq,
                           .n_seq = 1, .q = q,
                           .q_stride = n_head * k_len, .o = o,
                           .o_stride = n_head * v_len };

    nn_open(&nn, true, sov_attn_room(&kv, n_head));
    nn.share = sov_mem_array(sov_attn_share(&kv, n_head) + 1, 1);
    at.scale = 1.0f / sqrtf((float)k_len);
    fill(keys, n * n_kv * k_len);
    fill(values, n * n_kv * v_len);
    fill(q, n_cols * n_head * k_len);
    for (size_t i = 0; i < n; i++) {
        memcpy(used_k, keys + i * n_kv * k_len, n_kv * k_len * sizeof(float));
        memcpy(used_v, values + i * n_kv * v_len,
               n_kv * v_len * sizeof(float));
        sov_cache_put(&nn, &kv, block, i, used_k, used_v);
    }
    attention_of(&nn, &at);
    for (size_t c = 0; c < n_cols; c++)
        for (size_t h = 0; h < n_head; h++) {
            size_t g = h / (n_head / n_kv);

            attend(q + (c * n_head + h) * k_len, keys + g * k_len,
                   values + g * v_len, pos + c + 1, n_kv * k_len,
                   n_kv * v_len, k_len, v_len, want);
            for (size_t d = 0; d < v_len; d++)
                ck_assert_msg(
                    fabs((double)o[(c * n_head + h) * v_len + d] - want[d]) <=
                        tolerance,
                    "head %zu of column %zu at %zu", h, c, pos);
        }
    sov_nn_done(&nn);
    free(nn.share);
    free(keys);
    free(values);
    free(q);
    free(o);
    free(block);
    cache_close(&kv);
}

START_TEST(attention)
{
    for (unsigned threads = 1; threads <= 3; threads++) {
        sov_set_threads(threads);
        check_attention(4, 2, 64, 64, 0, 1, SOV_TYPE_F32, 2e-6);
        check_attention(4, 2, 64, 64, 63, 1, SOV_TYPE_F32, 2e-6);
        check_attention(4, 4, 64, 32, 64, 70, SOV_TYPE_F32, 2e-6);
        check_attention(6, 2, 20, 24, 100, 100, SOV_TYPE_F32, 2e-6);
        check_attention(71, 1, 16, 16, 10, 5, SOV_TYPE_F32, 2e-6);
        check_attention(8, 2, 128, 128, 3, 130, SOV_TYPE_F16, 1e-3);
        check_attention(8, 2, 128, 128, 3, 130, SOV_TYPE_BF16, 1e-2);
        check_attention(4, 2, 64, 64, 1020, 9, SOV_TYPE_F32, 2e-6);
        check_attention(4, 2, 36, 20, 2047, 2, SOV_TYPE_F16, 1e-3);
        check_attention(4, 2, 36, 20, 2047, 2, SOV_TYPE_BF16, 1e-2);
        check_attention(4, 2, 64, 64, 0, 1, PAGES, 2e-2);
        check_attention(4, 2, 64, 64, 63, 1, PAGES, 2e-2);
        check_attention(4, 4, 64, 32, 64, 70, PAGES, 2e-2);
        check_attention(6, 2, 20, 24, 100, 100, PAGES, 2e-2);
        check_attention(71, 1, 16, 16, 10, 5, PAGES, 2e-2);
        check_attention(8, 2, 128, 128, 3, 130, PAGES, 2e-2);
    }
}
END_TEST

/* ---- attention in any pieces */

#define LONG 2200 /* positions: three spans */
#define ENDS 45   /* columns looked at */

/* Columns LONG - ENDS on, in passes of step; window 0: all keys. */
static void
attend_in_steps(const struct sov_nn *nn, const struct sov_cache *kv,
                const uint32_t *block, size_t n_head, size_t step,
                uint32_t window, const float *q, float *o)
{
    uint32_t first[ENDS];
    size_t k = n_head * kv->k_len;
    size_t v = n_head * kv->v_len;

    for (size_t i = 0; i < ENDS; i += step) {
        struct sov_attn_seq seq = {
            .block = block, .pos = LONG - ENDS + i,
            .n_cols = ENDS - i < step ? ENDS - i : step,
        };
        struct sov_attn at = { .kv = kv, .n_head = n_head, .scale = 0.3f,
                               .seq = &seq, .n_seq = 1,
                               .q = q + i * k, .q_stride = k,
                               .o = o + i * v, .o_stride = v };

        for (size_t c = 0; c < seq.n_cols; c++)
            first[c] = (uint32_t)(seq.pos + c + 1) - window;
        at.first = window != 0 ? first : NULL;
        attention_of(nn, &at);
    }
}

static void
same_in_any_pieces(size_t n_head, size_t n_kv, size_t k_len, size_t v_len,
                   enum sov_type type, uint32_t window)
{
    static const char *const isas[] = { "avx2", "avx512", "avx512bf16",
                                        "generic", "neon" };
    static const size_t steps[] = { 1, 2, 7, ENDS };
    struct sov_cache kv = { .type = type, .paged = type == PAGES,
                            .n_kv = n_kv, .n_ctx = LONG + 3,
                            .k_len = k_len, .v_len = v_len };
    size_t n_o = ENDS * n_head * v_len;
    float *q = sov_mem_array(ENDS * n_head * k_len, sizeof(*q));
    float *o = sov_mem_array(n_o, sizeof(*o));
    float *want = sov_mem_array(n_o, sizeof(*want));
    uint32_t *block = cache_open(&kv, sov_blocks_of(LONG + 3));
    float k[512], v[512];
    struct sov_nn nn;

    sov_set_threads(3);
    nn_open(&nn, false, sov_attn_room(&kv, n_head));
    nn.share = sov_mem_aligned(sov_attn_share(&kv, n_head) / 64 + 1, 64);
    for (size_t i = 0; i < LONG; i++) {
        fill(k, n_kv * k_len);
        fill(v, n_kv * v_len);
        sov_cache_put(&nn, &kv, block, i, k, v);
    }
    fill(q, ENDS * n_head * k_len);
    attend_in_steps(&nn, &kv, block, n_head, ENDS, window, q, want);
    for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++)
        for (unsigned threads = 1; threads <= 3; threads++) {
            size_t step = steps[(i + threads) % 4];

            if (sov_kern_for(isas[i]) == NULL ||
                (strcmp(isas[i], "generic") == 0 && threads != 2))
                continue;
            nn.k = sov_kern_for(isas[i]);
            sov_set_threads(threads);
            attend_in_steps(&nn, &kv, block, n_head, step, window, q, o);
            ck_assert_msg(memcmp(o, want, n_o * sizeof(*o)) == 0,
                          "%s, %u threads, %zu at once, %zu/%zu of %zu",
                          isas[i], threads, step, n_head, n_kv, k_len);
        }
    sov_nn_done(&nn);
    sov_mem_free_aligned(nn.share);
    cache_close(&kv);
    free(block);
    free(q);
    free(o);
    free(want);
}

START_TEST(attention_in_pieces)
{
    same_in_any_pieces(8, 2, 64, 64, PAGES, 0);
    same_in_any_pieces(8, 2, 64, 64, PAGES, 1100);
    same_in_any_pieces(2, 2, 36, 20, PAGES, 0);
    same_in_any_pieces(37, 1, 16, 32, PAGES, 70);
    same_in_any_pieces(4, 2, 64, 64, SOV_TYPE_F16, 0);
    same_in_any_pieces(4, 2, 64, 32, SOV_TYPE_BF16, 100);
    same_in_any_pieces(37, 1, 36, 20, SOV_TYPE_BF16, 0);
    same_in_any_pieces(4, 2, 64, 64, SOV_TYPE_F32, 1100);
}
END_TEST

/* ---- several timelines */

#define N_SEQ 12

/* Blocks that each has in common with those before it that have as many, and
 * positions that it has for itself. */
static const struct {
    size_t common, own, n_cols;
} shapes[N_SEQ] = {
    { 0, 1, 1 },    { 0, 77, 1 },  { 2, 10, 1 },   { 2, 64, 1 },
    { 2, 65, 3 },   { 3, 1, 1 },   { 18, 130, 1 }, { 18, 1, 1 },
    { 18, 70, 40 }, { 19, 1, 1 },  { 19, 900, 1 }, { 33, 2, 2 },
};

struct company {
    struct sov_cache kv;
    struct sov_attn_seq seq[N_SEQ];
    uint32_t *block; /* of all: those of the first texts come first */
    uint32_t table[N_SEQ][64];
    uint32_t first[64 * N_SEQ];
    size_t n_cols;
};

/* Those of the shapes with something in common have it with all others. */
static void
make_company(struct company *t, const struct sov_nn *nn, size_t n_kv,
             size_t k_len, size_t v_len, uint32_t window)
{
    size_t next = 33; /* free blocks */
    float k[512], v[512];

    t->n_cols = 0;
    for (size_t i = 0; i < N_SEQ; i++) {
        size_t n = shapes[i].common * SOV_BLOCK_KEYS + shapes[i].own;
        struct sov_attn_seq *seq = &t->seq[i];

        *seq = (struct sov_attn_seq){ .block = t->table[i],
                                      .pos = n - shapes[i].n_cols,
                                      .column = t->n_cols,
                                      .n_cols = shapes[i].n_cols };
        for (size_t b = 0; b < sov_blocks_of(n); b++)
            t->table[i][b] =
                t->block[b < shapes[i].common ? b : next++];
        if (i > 0)
            seq->shared = shapes[i - 1].common;
        /* the last one writes those that are common */
        for (size_t p = i + 1 < N_SEQ ? shapes[i].common * SOV_BLOCK_KEYS : 0;
             p < n; p++) {
            fill(k, n_kv * k_len);
            fill(v, n_kv * v_len);
            sov_cache_put(nn, &t->kv, t->table[i], p, k, v);
        }
        for (size_t c = 0; c < seq->n_cols; c++) {
            size_t end = seq->pos + c + 1;

            t->first[t->n_cols++] =
                end > window ? (uint32_t)(end - window) : 0;
        }
    }
}

static void
same_in_company(size_t n_head, size_t n_kv, size_t k_len, size_t v_len,
                enum sov_type type, uint32_t window)
{
    static const char *const isas[] = { "avx2", "avx512", "generic", "neon" };
    struct company *t = sov_mem_array(1, sizeof(*t));
    size_t n_q = n_head * k_len, n_o = n_head * v_len;
    float *q, *o, *want;
    struct sov_nn nn;
    struct sov_attn at;

    t->kv = (struct sov_cache){ .type = type, .paged = type == PAGES,
                                .n_kv = n_kv, .n_ctx = 64 * 64,
                                .k_len = k_len, .v_len = v_len };
    t->block = cache_open(&t->kv, 150);
    sov_set_threads(3);
    nn_open(&nn, false, sov_attn_room(&t->kv, n_head));
    nn.share = sov_mem_aligned(sov_attn_share(&t->kv, n_head) / 64 + 1, 64);
    make_company(t, &nn, n_kv, k_len, v_len, window);
    q = sov_mem_array(t->n_cols * n_q, sizeof(*q));
    o = sov_mem_array(t->n_cols * n_o, sizeof(*o));
    want = sov_mem_array(t->n_cols * n_o, sizeof(*o));
    fill(q, t->n_cols * n_q);
    at = (struct sov_attn){ .kv = &t->kv, .n_head = n_head, .scale = 0.3f,
                            .first = window > 0 ? t->first : NULL, .q = q,
                            .q_stride = n_q, .o = want, .o_stride = n_o };
    for (size_t i = 0; i < N_SEQ; i++) {
        at.seq = &t->seq[i];
        at.n_seq = 1;
        attention_of(&nn, &at);
    }
    at.o = o;
    for (size_t i = 0; i < sizeof(isas) / sizeof(isas[0]); i++)
        for (unsigned threads = 1; threads <= 3; threads++) {
            if (sov_kern_for(isas[i]) == NULL ||
                (strcmp(isas[i], "generic") == 0 && threads != 2))
                continue;
            nn.k = sov_kern_for(isas[i]);
            sov_set_threads(threads);
            at.seq = t->seq;
            at.n_seq = N_SEQ;
            attention_of(&nn, &at);
            ck_assert_msg(memcmp(o, want, t->n_cols * n_o * sizeof(*o)) == 0,
                          "%s, %u threads, %zu/%zu of %zu", isas[i], threads,
                          n_head, n_kv, k_len);
            /* the only tile, of two that share more than a span */
            memset(o, 0, t->n_cols * n_o * sizeof(*o));
            at.seq = t->seq + 9;
            at.n_seq = 2;
            attention_of(&nn, &at);
            ck_assert(memcmp(o + t->seq[9].column * n_o,
                             want + t->seq[9].column * n_o,
                             2 * n_o * sizeof(*o)) == 0);
        }
    sov_nn_done(&nn);
    sov_mem_free_aligned(nn.share);
    cache_close(&t->kv);
    free(t->block);
    free(t);
    free(q);
    free(o);
    free(want);
}

START_TEST(attention_in_company)
{
    same_in_company(8, 2, 64, 64, PAGES, 0);
    same_in_company(8, 2, 64, 64, PAGES, 1100);
    same_in_company(2, 2, 36, 20, PAGES, 0);
    same_in_company(37, 1, 16, 32, PAGES, 70);
    same_in_company(4, 2, 64, 64, SOV_TYPE_F16, 0);
    same_in_company(4, 2, 64, 32, SOV_TYPE_BF16, 100);
    same_in_company(37, 1, 36, 20, SOV_TYPE_BF16, 0);
    same_in_company(4, 2, 64, 64, SOV_TYPE_F32, 1100);
}
END_TEST

START_TEST(blocks_are_copied_and_wiped)
{
    for (int paged = 0; paged < 2; paged++) {
        struct sov_cache kv = { .type = SOV_TYPE_F16, .paged = paged,
                                .n_kv = 3, .k_len = 20, .v_len = 24,
                                .n_ctx = 256 };
        uint32_t *block = cache_open(&kv, 4);
        const unsigned char *p = kv.place[0].p;

        memset(kv.place[0].p, 0x33, 4 * 3 * kv.bytes);
        sov_cache_wipe(&kv, 1);
        sov_cache_wipe(&kv, 2);
        sov_cache_copy(&kv, 3, 1);
        for (size_t h = 0; h < 3; h++)
            for (size_t b = 0; b < 4; b++)
                for (size_t i = 0; i < kv.bytes; i++)
                    ck_assert_int_eq(p[(h * 4 + b) * kv.bytes + i],
                                     b == 2 ? 0 : 0x33);
        cache_close(&kv);
        free(block);
    }
}
END_TEST

START_TEST(arena_counts_and_overflows)
{
    struct sov_arena a = { 0 };

    ck_assert_ptr_null(sov_arena_take(&a, 10, 7));
    ck_assert_uint_eq(a.used, 128);
    ck_assert(!a.overflow);
    sov_arena_take(&a, UINT64_MAX / 2, 3);
    ck_assert(a.overflow);
    a = (struct sov_arena){ .used = UINT64_MAX - 100 };
    sov_arena_take(&a, 200, 1);
    ck_assert(a.overflow);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("nn");

    tcase_add_test(tc, products);
    tcase_add_test(tc, turns_keep_length_and_add_up);
    tcase_add_test(tc, attention);
    tcase_add_test(tc, attention_in_pieces);
    tcase_add_test(tc, attention_in_company);
    tcase_add_test(tc, blocks_are_copied_and_wiped);
    tcase_add_test(tc, arena_counts_and_overflows);
    return unit_main("nn", tc);
}
