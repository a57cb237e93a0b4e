/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trim.c - unit tests of lib/prune: models that lose parts
 *
 * That a model without some parts is the one in which they are zero is tested
 * by tests/cli/trims.sh, for every architecture.
 */
#include "golden.h"
#include "tiny.h"

#include "base/buf.h"
#include "calib/onward.h"
#include "calib/stats.h"
#include "prune/shape.h"
#include "sov/prune.h"

#include <math.h>

static struct sov_err err;

static struct sov_trim *
trim_of(sov_model *m)
{
    struct sov_trim *c = NULL;

    ck_assert_msg(sov_trim_new(&c, m, &err) == 0, "%s", err.msg);
    return c;
}

static sov_plan *
plan_of(struct sov_trim *c)
{
    sov_plan *plan = NULL;

    ck_assert_msg(sov_trim_plan(c, &plan, &err) == 0, "%s", err.msg);
    return plan;
}

static void
refuses(struct sov_trim *c, const char *word)
{
    sov_plan *plan = NULL;

    ck_assert_int_eq(sov_trim_plan(c, &plan, &err), SOV_EUNSUP);
    ck_assert_ptr_null(plan);
    ck_assert_msg(strstr(err.msg, word) != NULL, "%s", err.msg);
}

/* ---- lists */

START_TEST(lists_are_in_order)
{
    static const uint32_t good[] = { 0, 3, 4 }, twice[] = { 1, 1 },
                          far[] = { 5 }, back[] = { 2, 1 };
    struct sov_trim_list l = { NULL, 5, 5 };

    ck_assert(!sov_trim_less(&l) && sov_trim_has(&l, 4) &&
              !sov_trim_has(&l, 5));
    ck_assert_int_eq(sov_trim_keep(&l, twice, 2, &err), SOV_EARG);
    ck_assert_int_eq(sov_trim_keep(&l, far, 1, &err), SOV_EARG);
    ck_assert_int_eq(sov_trim_keep(&l, back, 2, &err), SOV_EARG);
    ck_assert_int_eq(sov_trim_keep(&l, good, 0, &err), SOV_EARG);
    ck_assert(!sov_trim_less(&l));
    ck_assert_int_eq(sov_trim_keep(&l, good, 3, &err), 0);
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(sov_trim_has(&l, i), i != 1 && i != 2);
    free(l.id);
}
END_TEST

/* Of equal scores the first stay. */
START_TEST(the_best_stay)
{
    static const double score[] = { 1, 7, 1, 1, 9 };
    struct sov_trim_list l = { NULL, 5, 5 };

    ck_assert_int_eq(sov_trim_best(&l, score, 3, &err), 0);
    ck_assert_uint_eq(l.n, 3);
    ck_assert_uint_eq(l.id[0], 0);
    ck_assert_uint_eq(l.id[1], 1);
    ck_assert_uint_eq(l.id[2], 4);
    free(l.id);
}
END_TEST

START_TEST(widths_are_good_multiples)
{
    ck_assert_uint_eq(sov_shape_width(0.25, 11008), 8192);
    ck_assert_uint_eq(sov_shape_width(0.25, 768), 576);
    ck_assert_uint_eq(sov_shape_width(0.25, 48), 32);
    ck_assert_uint_eq(sov_shape_width(0.25, 20), 15);
    ck_assert_uint_eq(sov_shape_width(0, 768), 768);
    ck_assert_uint_eq(sov_shape_stay(0.5, 4), 2);
    ck_assert_uint_eq(sov_shape_stay(0.25, 3), 3);
    ck_assert_uint_eq(sov_shape_stay(1, 8), 1);
}
END_TEST

/* ---- metadata */

static void
set_arrays(sov_meta *m)
{
    static const uint32_t ff[] = { 512, 512 }, heads[] = { 4, 4 };
    struct sov_kv kv = { .key = "llama.feed_forward_length",
                         .type = SOV_V_ARR,
                         .elem = SOV_V_U32,
                         .n = 2,
                         .val = { (const void *)ff, sizeof(ff) } };

    ck_assert_int_eq(sov_meta_set(m, &kv, &err), 0);
    kv.key = "llama.attention.head_count";
    kv.val.p = (const void *)heads;
    ck_assert_int_eq(sov_meta_set(m, &kv, &err), 0);
}

START_TEST(arrays_have_one_number_for_each_layer)
{
    static const uint32_t second[] = { 1 };
    const struct tiny t = { .type = SOV_TYPE_F16, .change = set_arrays };
    sov_model *m = tiny_open(&t);
    struct sov_trim *c = trim_of(m);
    const struct sov_kv *kv;
    uint64_t n = 0;
    sov_plan *plan;

    ck_assert_int_eq(sov_trim_keep(&c->layer, second, 1, &err), 0);
    plan = plan_of(c);
    ck_assert_int_eq(
        sov_meta_u64(sov_plan_meta(plan), "llama.block_count", &n, &err), 0);
    ck_assert_uint_eq(n, 1);
    kv = sov_meta_find(sov_plan_meta(plan), "llama.feed_forward_length");
    ck_assert_uint_eq(kv->n, 1);
    ck_assert_int_eq(sov_kv_int(kv, 0), 512);
    kv = sov_meta_find(sov_plan_meta(plan), "llama.attention.head_count");
    ck_assert_uint_eq(kv->n, 1);
    for (size_t i = 0; i < sov_plan_count(plan); i++)
        ck_assert_ptr_null(strstr(sov_plan_at(plan, i)->name, "blk.1."));
    sov_plan_free(plan);
    sov_trim_free(c);
    sov_model_close(m);
}
END_TEST

/* Where there is an array, layers may differ; else they may not. */
START_TEST(layers_have_one_width)
{
    for (int arrays = 0; arrays < 2; arrays++) {
        const struct tiny t = { .type = SOV_TYPE_F16,
                                .change = arrays ? set_arrays : NULL };
        sov_model *m = tiny_open(&t);
        struct sov_trim *c = trim_of(m);
        sov_plan *plan;

        ck_assert_int_eq(sov_shape_first(&c->of[1].ffn, 256, &err), 0);
        if (arrays) {
            const struct sov_kv *kv;

            plan = plan_of(c);
            kv =
                sov_meta_find(sov_plan_meta(plan), "llama.feed_forward_length");
            ck_assert_int_eq(sov_kv_int(kv, 0), 512);
            ck_assert_int_eq(sov_kv_int(kv, 1), 256);
            sov_plan_free(plan);
        } else {
            refuses(c, "another feed_forward_length");
        }
        sov_trim_free(c);
        sov_model_close(m);
    }
}
END_TEST

static void
set_unknown(sov_meta *m)
{
    static const uint32_t x[] = { 1, 2 };
    const struct sov_kv kv = { .key = "llama.rope.dimension_sections",
                               .type = SOV_V_ARR,
                               .elem = SOV_V_U32,
                               .n = 2,
                               .val = { (const void *)x, sizeof(x) } };

    ck_assert_int_eq(sov_meta_set(m, &kv, &err), 0);
}

START_TEST(unknown_arrays_are_refused)
{
    static const uint32_t first[] = { 0 };
    const struct tiny t = { .type = SOV_TYPE_F16, .change = set_unknown };
    sov_model *m = tiny_open(&t);
    struct sov_trim *c = trim_of(m);

    ck_assert_int_eq(sov_trim_keep(&c->layer, first, 1, &err), 0);
    refuses(c, "dimension_sections");
    sov_trim_free(c);
    sov_model_close(m);
}
END_TEST

/* ---- quantized tensors */

static int
add_bytes(void *arg, const void *p, size_t len, struct sov_err *e)
{
    (void)e;
    sov_buf_add(arg, p, len);
    return 0;
}

START_TEST(columns_of_blocks_leave_in_whole_blocks)
{
    const struct tiny t = { .type = SOV_TYPE_Q4_K };
    sov_model *m = tiny_open(&t);
    struct sov_trim *c = trim_of(m);
    int64_t at = sov_model_find(m, "blk.0.ffn_down.weight");
    const struct sov_tensor *was = sov_model_at(m, (size_t)at);
    size_t block = sov_type_info(SOV_TYPE_Q4_K)->bytes;
    uint32_t id[256];
    sov_plan *plan;

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(sov_shape_first(&c->of[i].ffn, 288, &err), 0);
    refuses(c, "whole blocks of 256");
    for (uint32_t i = 0; i < 256; i++)
        id[i] = 256 + i;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(sov_trim_keep(&c->of[i].ffn, id, 256, &err), 0);
    plan = plan_of(c);
    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        struct sov_buf b = { 0 };

        if (strcmp(sov_plan_at(plan, i)->name, was->name) != 0)
            continue;
        ck_assert_int_eq(sov_trim_tensor(c, plan, i, add_bytes, &b, &err), 0);
        ck_assert_uint_eq(b.len, TINY_EMBD * block);
        for (size_t r = 0; r < TINY_EMBD; r++)
            ck_assert_mem_eq(b.p + r * block,
                             (const char *)was->data + (2 * r + 1) * block,
                             block);
        sov_buf_free(&b);
    }
    sov_plan_free(plan);
    sov_trim_free(c);
    sov_model_close(m);
}
END_TEST

/* ---- biases */

/* Statistics of a text in which every input was always the same. */
static sov_stats *
constant(float *x, size_t k, const char *what)
{
    double *square = calloc(k, sizeof(double)),
           *sum = calloc(k, sizeof(double));
    const uint64_t n = 64;
    sov_stats *s;

    ck_assert_int_eq(sov_stats_make(&s, "x", 1, 64, &err), 0);
    for (size_t i = 0; i < k; i++) {
        x[i] = (float)(i % 7) / 8 - 0.25f;
        square[i] = (double)n * (double)x[i] * (double)x[i];
        sum[i] = (double)n * (double)x[i];
    }
    for (int l = 0; l < 2; l++) {
        char name[64];

        snprintf(name, sizeof(name), "blk.%d.%s.weight", l, what);
        ck_assert_int_eq(sov_stats_take(s, name, k, 1, square, sum, &n, &err),
                         0);
    }
    ck_assert_int_eq(sov_stats_made(s, &err), 0);
    free(square);
    free(sum);
    return s;
}

static const float *
floats(const sov_model *m, const char *name)
{
    int64_t at = sov_model_find(m, name);

    return at < 0 ? NULL : sov_model_at(m, (size_t)at)->data;
}

/* Channels of feed-forwards, one by one, and key heads, each of two query heads
 * of 64. */
static void
makes_up(const char *what, size_t k, size_t group, bool biases)
{
    const struct tiny t = { .type = SOV_TYPE_F32, .biases = biases };
    sov_model *m = tiny_open(&t);
    struct sov_trim *c = trim_of(m);
    bool heads = group > 1;
    const struct sov_trim_list *l = heads ? &c->of[1].kv : &c->of[1].ffn;
    char weight[64], bias[64];
    float x[512];
    sov_stats *s = constant(x, k, what);
    const struct sov_flow f = { NULL, s };
    const float *w, *b;

    snprintf(weight, sizeof(weight), "blk.1.%s.weight", what);
    snprintf(bias, sizeof(bias), "blk.1.%s.bias", what);
    w = floats(m, weight);
    b = floats(m, bias);
    ck_assert_int_eq(heads ? sov_heads_cut(c, &f, 0.5, NULL, &err)
                           : sov_ffn_cut(c, &f, 0.5, NULL, &err),
                     0);
    ck_assert_uint_eq(l->n, k / group / 2);
    ck_assert_uint_eq(c->n_own, 2);
    ck_assert_str_eq(c->own[1].name, bias);
    ck_assert_int_eq(b != NULL, biases);
    for (size_t r = 0; r < TINY_EMBD; r++) {
        double whole = b != NULL ? (double)b[r] : 0;
        double less = (double)c->own[1].x[r];

        for (size_t i = 0; i < k; i++) {
            double y = (double)w[r * k + i] * (double)x[i];

            whole += y;
            less += sov_trim_has(l, i / group) ? y : 0;
        }
        ck_assert_double_le(fabs(whole - less), 1e-6);
    }
    sov_plan_free(plan_of(c));
    sov_stats_close(s);
    sov_trim_free(c);
    sov_model_close(m);
}

START_TEST(biases_make_up_for_constants)
{
    for (int biases = 0; biases < 2; biases++) {
        makes_up("ffn_down", 512, 1, biases);
        makes_up("attn_output", 256, 128, biases);
    }
}
END_TEST

/* ---- leaving a layer out */

static double
loss_of(sov_model *m, const int32_t *ids, size_t n, size_t but)
{
    const struct sov_calib_opts opts = {
        .ids = ids, .n_ids = n, .bos = -1, .n_ctx = 32
    };
    struct sov_onward *r;
    double loss = 0;

    ck_assert_msg(sov_onward_new(&r, m, &opts, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(sov_onward_begin(r, &err), 0);
    for (size_t i = 0; i < sov_onward_net(r)->hp.n_layer; i++) {
        /* somebody goes elsewhere and comes back */
        ck_assert_int_eq(sov_onward_mark(r, &err), 0);
        ck_assert_int_eq(sov_onward_layer(r, 0, NULL, NULL, &err), 0);
        ck_assert_int_eq(sov_onward_back(r, &err), 0);
        if (i != but)
            ck_assert_int_eq(sov_onward_layer(r, i, NULL, NULL, &err), 0);
    }
    ck_assert_int_eq(sov_onward_loss(r, &loss, &err), 0);
    sov_onward_free(r);
    return loss;
}

static sov_model *
write_and_open(struct sov_trim *c, sov_plan *plan)
{
    const struct sov_sink_opts opts = { .force = true, .no_sync = true };
    sov_sink *sink;
    sov_writer *w;
    sov_model *m;

    ck_assert_int_eq(sov_plan_freeze(plan, 32, &err), 0);
    ck_assert_int_eq(sov_sink_open(&sink, tiny_path(), &opts, &err), 0);
    ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, &err), 0);
    for (size_t i = 0; i < sov_plan_count(plan); i++) {
        struct sov_buf b = { 0 };

        ck_assert_int_eq(sov_trim_tensor(c, plan, i, add_bytes, &b, &err), 0);
        ck_assert_int_eq(sov_writer_data(w, b.p, b.len, &err), 0);
        sov_buf_free(&b);
    }
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    ck_assert_int_eq(sov_model_open(&m, tiny_path(), SOV_ACCESS_MAP, &err), 0);
    unlink(tiny_path());
    return m;
}

START_TEST(a_loss_without_a_layer_is_that_of_the_model_without_it)
{
    const struct tiny t = { .type = SOV_TYPE_F16 };
    sov_model *m = tiny_open(&t), *less;
    int32_t ids[160];

    for (size_t i = 0; i < 160; i++)
        ids[i] = (int32_t)(i * i % TINY_VOCAB);
    ck_assert(loss_of(m, ids, 160, 0) != loss_of(m, ids, 160, 1));
    for (uint32_t l = 0; l < 2; l++) {
        const uint32_t stay = 1 - l;
        struct sov_trim *c = trim_of(m);
        sov_plan *plan;

        ck_assert_int_eq(sov_trim_keep(&c->layer, &stay, 1, &err), 0);
        plan = plan_of(c);
        less = write_and_open(c, plan);
        ck_assert(loss_of(m, ids, 160, l) == loss_of(less, ids, 160, 9));
        sov_model_close(less);
        sov_plan_free(plan);
        sov_trim_free(c);
    }
    sov_model_close(m);
}
END_TEST

/* ---- vocabularies */

/* A model of this tokenizer, the rows of whose tokens are their numbers. */
static sov_model *
numbered(const char *name)
{
    const struct tiny t = { .type = SOV_TYPE_F16 };
    sov_model *from = golden_model(name), *m;
    sov_tok *tok = golden_tok(name);
    const struct sov_sink_opts opts = { .force = true, .no_sync = true };
    uint64_t dim[2] = { 2, sov_tok_count(tok) };
    sov_plan *plan;
    sov_sink *sink;
    sov_writer *w;

    ck_assert_int_eq(sov_plan_new(&plan, NULL, &err), 0);
    tiny_meta(&t, sov_plan_meta(plan));
    for (size_t i = 0; i < sov_meta_count(sov_model_meta(from)); i++) {
        const struct sov_kv *kv = sov_meta_at(sov_model_meta(from), i);

        if (strncmp(kv->key, "tokenizer.", 10) == 0)
            ck_assert_int_eq(sov_meta_set(sov_plan_meta(plan), kv, &err), 0);
    }
    ck_assert_int_eq(sov_meta_set_u32(sov_plan_meta(plan),
                                      "llama.embedding_length", 2, &err),
                     0);
    ck_assert_int_eq(sov_meta_set_u32(sov_plan_meta(plan),
                                      "llama.attention.key_length", 2, &err),
                     0);
    ck_assert_int_eq(sov_meta_set_u32(sov_plan_meta(plan),
                                      "llama.attention.value_length", 2, &err),
                     0);
    ck_assert_int_eq(
        sov_plan_add(plan, "token_embd.weight", SOV_TYPE_F32, 2, dim, &err), 0);
    ck_assert_int_eq(sov_plan_freeze(plan, 32, &err), 0);
    ck_assert_int_eq(sov_sink_open(&sink, tiny_path(), &opts, &err), 0);
    ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, &err), 0);
    for (uint64_t i = 0; i < dim[1]; i++) {
        const float row[2] = { (float)i, 0 };

        ck_assert_int_eq(sov_writer_data(w, row, sizeof(row), &err), 0);
    }
    ck_assert_int_eq(sov_writer_end(&w, &err), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    sov_plan_free(plan);
    sov_tok_free(tok);
    sov_model_close(from);
    ck_assert_int_eq(sov_model_open(&m, tiny_path(), SOV_ACCESS_MAP, &err), 0);
    unlink(tiny_path());
    return m;
}

/* Through the method. */
static sov_model *
without_tokens(sov_model *m, const int32_t *ids, size_t n)
{
    const struct sov_calib_opts calib = { .ids = ids, .n_ids = n, .bos = -1 };
    const struct sov_prune_opts opts = { .method = "vocab",
                                         .ratio = NAN,
                                         .calib = &calib };
    const struct sov_sink_opts sopts = { .force = true, .no_sync = true };
    sov_prune *job;
    sov_sink *sink;
    sov_model *less;

    ck_assert_msg(sov_prune_new(&job, m, &opts, &err) == 0, "%s", err.msg);
    ck_assert_ptr_null(sov_prune_plan(job));
    ck_assert_msg(sov_prune_calibrate(job, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(sov_sink_open(&sink, tiny_path(), &sopts, &err), 0);
    ck_assert_msg(sov_prune_run(job, &sink, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    sov_prune_free(job);
    ck_assert_int_eq(sov_model_open(&less, tiny_path(), SOV_ACCESS_MAP, &err),
                     0);
    unlink(tiny_path());
    return less;
}

static void
encode(const sov_tok *tok, const char *text, size_t len, int32_t **ids,
       size_t *n)
{
    ck_assert_msg(sov_tok_encode(tok, text, len, SOV_TOK_BOS, ids, n, &err) ==
                      0,
                  "%s", err.msg);
}

/* The text that it was trimmed to, and a half of it. */
static void
same_tokens(const sov_tok *was, const sov_tok *now, const float *row,
            const char *text, size_t len)
{
    int32_t *a, *b;
    size_t n, m;

    encode(was, text, len, &a, &n);
    encode(now, text, len, &b, &m);
    ck_assert_uint_eq(n, m);
    for (size_t i = 0; i < n; i++) {
        struct sov_span x = sov_tok_name(was, a[i]);
        struct sov_span y = sov_tok_name(now, b[i]);

        ck_assert_int_eq((int32_t)row[2 * b[i]], a[i]);
        ck_assert(x.len == y.len && memcmp(x.p, y.p, x.len) == 0);
    }
    free(a);
    free(b);
}

/* Any bytes come back, whatever the text was. */
static void
spells_all(const sov_tok *tok, const char *name)
{
    static const char text[] = "zyx QWV \xc3\xa9\xe2\x82\xac \xf0\x9f\x90\xb1 "
                               "0987 _unseen_ \t\xe6\xbc\xa2";
    char back[1024];
    int32_t *ids;
    size_t n, len = 0;

    encode(tok, text, sizeof(text) - 1, &ids, &n);
    for (size_t i = 0; i < n; i++) {
        struct sov_span s = sov_tok_piece_after(tok, ids, i, ids[i]);

        ck_assert(len + s.len < sizeof(back));
        memcpy(back + len, s.p, s.len);
        len += s.len;
    }
    ck_assert_msg(len == sizeof(text) - 1 && memcmp(back, text, len) == 0,
                  "%s: %.*s", name, (int)len, back);
    free(ids);
}

START_TEST(a_text_becomes_the_same_tokens)
{
    const char *name = golden_names[_i];
    sov_model *m, *less;
    sov_tok *was, *now;
    int32_t *ids;
    char *text;
    size_t len, n;

    if (!golden_there("t_trim"))
        return;
    m = numbered(name);
    was = golden_tok(name);
    ck_assert_int_eq(
        sov_read_whole(golden_path("golden/vocab/ggml-vocab-%s.gguf.inp", name),
                       1 << 24, &text, &len, &err),
        0);
    encode(was, text, len, &ids, &n);
    less = without_tokens(m, ids, n);
    ck_assert_msg(sov_tok_load(&now, sov_model_meta(less), &err) == 0, "%s",
                  err.msg);
    ck_assert_uint_lt(sov_tok_count(now), sov_tok_count(was) / 4);
    same_tokens(was, now, floats(less, "token_embd.weight"), text, len);
    same_tokens(was, now, floats(less, "token_embd.weight"), text, 0);
    if (strncmp(name, "bert", 4) != 0)
        spells_all(now, name);
    free(ids);
    free(text);
    sov_tok_free(was);
    sov_tok_free(now);
    sov_model_close(less);
    sov_model_close(m);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("trim");

    tcase_add_test(tc, lists_are_in_order);
    tcase_add_test(tc, the_best_stay);
    tcase_add_test(tc, widths_are_good_multiples);
    tcase_add_test(tc, arrays_have_one_number_for_each_layer);
    tcase_add_test(tc, layers_have_one_width);
    tcase_add_test(tc, unknown_arrays_are_refused);
    tcase_add_test(tc, columns_of_blocks_leave_in_whole_blocks);
    tcase_add_test(tc, biases_make_up_for_constants);
    tcase_add_test(tc, a_loss_without_a_layer_is_that_of_the_model_without_it);
    tcase_add_loop_test(tc, a_text_becomes_the_same_tokens, 0, (int)N_GOLDEN);
    return unit_main("trim", tc);
}
