/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_lora.c - unit tests of adapters: what callers may ask for, and that a part
 * of a merged tensor is the same whoever asks for it
 *
 * That answers with adapters are right is judged by those of another runtime,
 * in tests/cli/lora.sh.
 */
#include "tiny.h"

#include "arch/arch.h"
#include "arch/lora.h"
#include "compress/merge.h"
#include "sov/run.h"

#include <math.h>

#define RANK 5

/* A random adapter for attn_q of layer 0 and embeddings. */
static sov_model *
adapter_of_rank(uint64_t rank, enum sov_access access)
{
    const struct tiny_tensor list[] = {
        { "blk.0.attn_q.weight.lora_a", SOV_TYPE_F32, TINY_EMBD, rank },
        { "blk.0.attn_q.weight.lora_b", SOV_TYPE_F32, rank, 256 },
        { "token_embd.weight.lora_a", SOV_TYPE_F16, rank, TINY_VOCAB },
        { "token_embd.weight.lora_b", SOV_TYPE_F16, rank, TINY_EMBD },
        { "output_norm.weight", SOV_TYPE_F32, TINY_EMBD, 1 },
    };
    const size_t n = sizeof(list) / sizeof(list[0]);
    struct sov_sink_opts opts = { .force = true, .no_sync = true };
    const struct tiny none = { 0 };
    struct sov_err err;
    sov_model *model;
    sov_plan *plan;
    sov_sink *sink;
    sov_writer *w;
    sov_meta *m;

    tiny_counter = 1000;
    ck_assert_int_eq(sov_plan_new(&plan, NULL, &err), 0);
    m = sov_plan_meta(plan);
    ck_assert_int_eq(sov_meta_set_str(m, "general.architecture", "llama", NULL),
                     0);
    ck_assert_int_eq(sov_meta_set_str(m, "general.type", "adapter", NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(m, "adapter.type", "lora", NULL), 0);
    ck_assert_int_eq(sov_meta_set_f32(m, "adapter.lora.alpha", 10, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        uint64_t dim[2] = { list[i].in, list[i].out };

        ck_assert_int_eq(sov_plan_add(plan, list[i].name, list[i].type,
                                      list[i].out > 1 ? 2 : 1, dim, &err),
                         0);
    }
    ck_assert_int_eq(sov_plan_freeze(plan, 32, &err), 0);
    ck_assert_int_eq(sov_sink_open(&sink, tiny_path(), &opts, &err), 0);
    ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, &err), 0);
    for (size_t i = 0; i < n; i++)
        tiny_data(&none, w, &list[i], list[i].out);
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    sov_plan_free(plan);
    ck_assert_int_eq(sov_model_open(&model, tiny_path(), access, &err), 0);
    unlink(tiny_path());
    return model;
}

static sov_model *
adapter_open(enum sov_access access)
{
    return adapter_of_rank(RANK, access);
}

START_TEST(what_is_there_is_told)
{
    sov_model *file = adapter_open(SOV_ACCESS_MAP);
    struct sov_err err;
    sov_lora *lora;

    ck_assert_int_eq(sov_lora_new(&lora, file, &err), 0);
    ck_assert_uint_eq(sov_lora_count(lora), 2);
    ck_assert_str_eq(sov_lora_name(lora, 0), "blk.0.attn_q.weight");
    ck_assert_str_eq(sov_lora_name(lora, 1), "token_embd.weight");
    ck_assert_ptr_null(sov_lora_name(lora, 2));
    ck_assert_str_eq(sov_lora_unused(lora, 0), "output_norm.weight");
    ck_assert_ptr_null(sov_lora_unused(lora, 1));
    ck_assert_uint_eq(
        sov_lora_bytes(lora),
        RANK * (4 * (TINY_EMBD + 256) + 2 * (TINY_VOCAB + TINY_EMBD)));
    sov_lora_free(lora);
    sov_model_close(file);
    sov_lora_free(NULL);
}
END_TEST

START_TEST(a_stream_has_no_adapter)
{
    sov_model *file = adapter_open(SOV_ACCESS_STREAM);
    sov_lora *lora = NULL;
    struct sov_err err;

    ck_assert_int_eq(sov_lora_new(&lora, file, &err), SOV_EARG);
    ck_assert_ptr_null(lora);
    sov_model_close(file);
}
END_TEST

/* A session with n times the adapter, taken times scale. */
static int
session_with(const sov_model *model, const sov_lora *lora, float scale,
             size_t n, float *logits)
{
    static const int32_t ids[] = { 3, 1, 4, 1, 5, 92, 6 };
    struct sov_lora_use use[SOV_LORAS_MAX + 1];
    struct sov_session_opts opts = { .precise = true,
                                     .lora = use,
                                     .n_lora = n };
    sov_session *s = NULL;
    struct sov_err err;
    int rc;

    for (size_t i = 0; i < n; i++)
        use[i] = (struct sov_lora_use){ lora, scale };
    rc = sov_session_open(&s, model, &opts, &err);
    if (rc == 0) {
        ck_assert_int_eq(sov_session_eval(s, ids, 7, SOV_LOGITS_LAST, &err), 0);
        memcpy(logits, sov_session_logits(s, 0), TINY_VOCAB * sizeof(*logits));
    }
    sov_session_close(s);
    return rc;
}

START_TEST(scales_and_numbers_of_adapters)
{
    const struct tiny t = { .type = SOV_TYPE_F32 };
    sov_model *model = tiny_open(&t), *file = adapter_open(SOV_ACCESS_MAP);
    float none[TINY_VOCAB], zero[TINY_VOCAB], two[TINY_VOCAB], one[TINY_VOCAB];
    struct sov_err err;
    double far = 0, near = 0;
    sov_lora *lora;

    ck_assert_int_eq(sov_lora_new(&lora, file, &err), 0);
    ck_assert_int_eq(session_with(model, lora, NAN, 1, one), SOV_EARG);
    ck_assert_int_eq(session_with(model, lora, INFINITY, 2, one), SOV_EARG);
    ck_assert_int_eq(session_with(model, lora, 3e38f, 1, one), SOV_EARG);
    ck_assert_int_eq(session_with(model, lora, 1, SOV_LORAS_MAX + 1, one),
                     SOV_EARG);
    ck_assert_int_eq(session_with(model, lora, 0.01f, SOV_LORAS_MAX, one), 0);

    ck_assert_int_eq(session_with(model, lora, 1, 0, none), 0);
    ck_assert_int_eq(session_with(model, lora, 0, 1, zero), 0);
    ck_assert_int_eq(session_with(model, lora, 0.5f, 2, two), 0);
    ck_assert_int_eq(session_with(model, lora, 1, 1, one), 0);
    for (size_t i = 0; i < TINY_VOCAB; i++) {
        ck_assert_msg(none[i] == zero[i], "an adapter times 0 counts");
        far = fmax(far, fabs((double)one[i] - (double)none[i]));
        near = fmax(near, fabs((double)one[i] - (double)two[i]));
    }
    ck_assert_msg(far > 1e-2, "an adapter changes nothing");
    ck_assert_msg(near < 1e-4 * far, "twice a half is not the whole");
    sov_lora_free(lora);
    sov_model_close(file);
    sov_model_close(model);
}
END_TEST

/* The sum by hand, in double. */
static double
by_hand(const float *a, const float *b, size_t row, size_t column)
{
    double sum = 0;

    for (size_t k = 0; k < RANK; k++)
        sum += (double)b[row * RANK + k] * (double)a[k * TINY_EMBD + column];
    return sum;
}

START_TEST(parts_of_a_tensor_are_the_same)
{
    enum { N = 256 * TINY_EMBD };
    const struct tiny t = { .type = SOV_TYPE_F32 };
    sov_model *model = tiny_open(&t), *file = adapter_open(SOV_ACCESS_MAP);
    int64_t q = sov_model_find(model, "blk.0.attn_q.weight");
    const float *a, *b;
    struct sov_lora_use use[2];
    struct sov_merge_view view;
    struct sov_merge *merge;
    struct sov_err err;
    sov_lora *lora;
    float *whole, *part;

    ck_assert_int_eq(sov_lora_new(&lora, file, &err), 0);
    use[0] = (struct sov_lora_use){ lora, 1 };
    use[1] = (struct sov_lora_use){ lora, -0.25f };
    ck_assert_int_eq(sov_merge_new(&merge, model, use, 2, &err), 0);
    ck_assert_int_eq(sov_merge_view_new(&view, merge, N, &err), 0);
    ck_assert(sov_merge_has(merge, (size_t)q));
    ck_assert(!sov_merge_has(
        merge, (size_t)sov_model_find(model, "blk.1.attn_q.weight")));
    whole = calloc(N, sizeof(*whole));
    part = calloc(N, sizeof(*part));
    ck_assert(whole != NULL && part != NULL);

    sov_merge_add(merge, &view, (size_t)q, 0, N, whole);
    a = sov_model_at(file, 0)->data;
    b = sov_model_at(file, 1)->data;
    for (size_t i = 0; i < N; i++) /* alpha / rank is 2 */
        ck_assert(fabs((double)whole[i] - 1.5 * by_hand(a, b, i / TINY_EMBD,
                                                        i % TINY_EMBD)) < 1e-6);
    for (size_t at = 0, n; at < N; at += n) {
        size_t left = TINY_EMBD - at % TINY_EMBD;

        n = at % 7 == 0 && left < TINY_EMBD         ? left
            : left < TINY_EMBD                      ? 1 + left / 3
            : at % 3 == 0 && N - at > 2 * TINY_EMBD ? 2 * TINY_EMBD
                                                    : 100;
        sov_merge_add(merge, &view, (size_t)q, at, n, part + at);
    }
    ck_assert_int_eq(memcmp(whole, part, N * sizeof(*whole)), 0);
    free(whole);
    free(part);
    sov_merge_view_free(&view);
    sov_merge_free(merge);
    sov_lora_free(lora);
    sov_model_close(file);
    sov_model_close(model);
}
END_TEST

/* ---- what adapters add to embeddings, while others are at other columns */

enum { COLUMNS = 8 };

static struct sov_walk *walk;
static void (*decode_half)(const void *blocks, float *y, size_t n);
static bool others;

static void
embed_column(size_t c, float *x, unsigned worker)
{
    float tmp[TINY_EMBD];

    memset(x, 0, TINY_EMBD * sizeof(*x));
    sov_low_embed(walk, c, (int32_t)(3 + 5 * c), x, tmp, worker);
}

/* Between the two products of a column another thread does all others. */
static void
decode_between(const void *blocks, float *y, size_t n)
{
    float x[TINY_EMBD];

    decode_half(blocks, y, n);
    if (!others)
        return;
    others = false;
    for (size_t c = 0; c < COLUMNS; c++)
        if (c != 1)
            embed_column(c, x, 1);
    others = true;
}

START_TEST(columns_do_not_meet)
{
    const struct tiny t = { .type = SOV_TYPE_F32 };
    sov_model *model = tiny_open(&t);
    sov_model *file[2] = { adapter_of_rank(RANK, SOV_ACCESS_MAP),
                           adapter_of_rank(3 * RANK, SOV_ACCESS_MAP) };
    struct sov_kern kern = *sov_kern();
    struct sov_pass pass = { .nn = { .k = &kern, .room = 4096 },
                             .n_batch = COLUMNS };
    float alone[TINY_EMBD], among[TINY_EMBD];
    struct sov_lora_use use[2];
    struct sov_arena a = { 0 };
    sov_lora *lora[2];
    struct sov_err err;
    struct sov_net *net;

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(sov_lora_new(&lora[i], file[i], &err), 0);
        use[i] = (struct sov_lora_use){ lora[i], 1 };
    }
    ck_assert_int_eq(sov_net_open(&net, model, use, 2, &err), 0);
    ck_assert_uint_eq(net->embd.n_low, 2);
    sov_set_threads(2);
    ck_assert_int_eq(sov_nn_ready(&pass.nn, &err), 0);
    ck_assert_int_eq(sov_low_place(&pass, net, &a), 0);
    a = (struct sov_arena){ .base = sov_mem_aligned(1, a.used) };
    ck_assert_ptr_nonnull(a.base);
    ck_assert_int_eq(sov_low_place(&pass, net, &a), 0);
    walk = calloc(1, sizeof(*walk));
    ck_assert_ptr_nonnull(walk);
    *walk = (struct sov_walk){ .net = net, .pass = &pass, .n = COLUMNS };

    decode_half = kern.decode[SOV_TYPE_F16];
    kern.decode[SOV_TYPE_F16] = decode_between;
    embed_column(1, alone, 0);
    others = true;
    embed_column(1, among, 0);
    others = false;
    ck_assert(alone[0] != 0);
    ck_assert_int_eq(memcmp(alone, among, sizeof(alone)), 0);

    free(walk);
    sov_mem_free_aligned(a.base);
    sov_nn_done(&pass.nn);
    sov_net_close(net);
    for (int i = 0; i < 2; i++) {
        sov_lora_free(lora[i]);
        sov_model_close(file[i]);
    }
    sov_model_close(model);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("lora");

    tcase_add_test(tc, what_is_there_is_told);
    tcase_add_test(tc, a_stream_has_no_adapter);
    tcase_add_test(tc, scales_and_numbers_of_adapters);
    tcase_add_test(tc, parts_of_a_tensor_are_the_same);
    tcase_add_test(tc, columns_do_not_meet);
    return unit_main("lora", tc);
}
