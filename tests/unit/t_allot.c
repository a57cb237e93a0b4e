/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_allot.c - unit tests of lib/compress: which type each matrix gets
 */
#include "tinytok.h"

#include "base/rng.h"
#include "compress/knap.h"
#include "sov/allot.h"
#include "sov/base.h"

#include <math.h>

/* ---- budgets */

#define ITEMS   5
#define OPTIONS 4

static uint64_t drawn;

static uint64_t
draw(uint64_t n)
{
    return (uint64_t)(sov_rng_unit(5, 8, drawn++) * (double)n);
}

struct best {
    double loss;
    uint64_t bytes;
    double cost;
};

static struct best
sum(const struct sov_knap_item *item, const size_t *pick)
{
    struct best b = { 0 };

    for (size_t i = 0; i < ITEMS; i++) {
        const struct sov_knap_option *o = &item[i].option[pick[i]];

        b.loss += o->loss;
        b.bytes += o->bytes;
        b.cost += o->cost;
    }
    return b;
}

/* Of all choices the least loss within both budgets; negative: there is none. */
static double
by_trying(const struct sov_knap_item *item, uint64_t bytes, double cost)
{
    double least = -1;

    for (size_t k = 0; k < 1024; k++) {
        size_t pick[ITEMS];
        struct best b;

        for (size_t i = 0; i < ITEMS; i++)
            pick[i] = k >> (2 * i) & 3;
        b = sum(item, pick);
        if (b.bytes <= bytes && b.cost <= cost && (least < 0 || b.loss < least))
            least = b.loss;
    }
    return least;
}

static void
make_items(struct sov_knap_item *item, struct sov_knap_option (*o)[OPTIONS])
{
    for (size_t i = 0; i < ITEMS; i++) {
        uint64_t size = 1 + draw(20);
        double alpha = 0.1 + (double)draw(1000) / 100;

        for (size_t k = 0; k < OPTIONS; k++) {
            o[i][k].bytes = size * (10 + draw(30));
            o[i][k].loss = alpha * pow(0.9, (double)(o[i][k].bytes / size)) *
                           (0.8 + (double)draw(100) / 250);
            o[i][k].cost = (double)size * (double)(1 + draw(9));
        }
        item[i] = (struct sov_knap_item){ o[i], OPTIONS };
    }
}

START_TEST(near_the_best_within_budgets)
{
    struct sov_knap_option o[ITEMS][OPTIONS];
    struct sov_knap_item item[ITEMS];
    size_t pick[ITEMS], far = 0;
    struct best b;

    for (int t = 0; t < 600; t++) {
        uint64_t bytes = 100 + draw(2500);
        double cost = t % 3 == 0 ? (double)(20 + draw(400)) : INFINITY;
        double least;
        int rc;

        make_items(item, o);
        least = by_trying(item, bytes, cost);
        rc = sov_knap_solve(item, ITEMS, bytes, cost, pick, NULL);
        b = sum(item, pick);
        if (rc == SOV_KNAP_LARGE) {
            ck_assert(least < 0 && b.bytes > bytes);
            for (size_t i = 0; i < ITEMS; i++)
                for (size_t k = 0; k < OPTIONS; k++)
                    ck_assert(o[i][k].bytes >= o[i][pick[i]].bytes);
        } else if (rc == SOV_KNAP_SLOW) {
            ck_assert(b.bytes <= bytes);
            far += least >= 0;
        } else {
            ck_assert_int_eq(rc, SOV_KNAP_FITS);
            ck_assert(b.bytes <= bytes && b.cost <= cost * (1 + 1e-12));
            ck_assert(least >= 0 && b.loss >= least * (1 - 1e-12));
            far += b.loss > 1.1 * least;
        }
    }
    ck_assert_msg(far < 30, "%zu of 600 are far from the best", far);
}
END_TEST

START_TEST(one_item_and_one_option)
{
    const struct sov_knap_option o = { 10, 1.0, 5.0 };
    const struct sov_knap_item item = { &o, 1 };
    size_t pick = 7;

    ck_assert_int_eq(sov_knap_solve(&item, 1, 10, 5, &pick, NULL),
                     SOV_KNAP_FITS);
    ck_assert_uint_eq(pick, 0);
    ck_assert_int_eq(sov_knap_solve(&item, 1, 9, 5, &pick, NULL),
                     SOV_KNAP_LARGE);
    ck_assert_int_eq(sov_knap_solve(&item, 1, 10, 4, &pick, NULL),
                     SOV_KNAP_SLOW);
}
END_TEST

/* ---- readers */

START_TEST(readers_by_day_and_release)
{
    static const char *const bad[] = { "",        "b",         "b12a",
                                       "2024",    "2024-13",   "2024-00-01",
                                       "24-01-1", "2024-1-01", "2024-01-32",
                                       "b-1",     "yesterday", "2024-01-01 ",
                                       "b99999999" };
    uint32_t date = 7;
    struct sov_err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(sov_compat_parse(&date, bad[i], &err), SOV_EARG);
    ck_assert_uint_eq(date, 7);
    ck_assert_int_eq(sov_compat_parse(&date, "2023-08-20", &err), SOV_EARG);
    ck_assert_int_eq(sov_compat_parse(&date, "b1045", &err), SOV_EARG);
    ck_assert_int_eq(sov_compat_parse(&date, "b1046", &err), 0);
    ck_assert_uint_eq(date, 20230821);
    ck_assert_int_eq(sov_compat_parse(&date, "2024-02-27", &err), 0);
    ck_assert_uint_eq(date, 20240227);
    ck_assert(sov_compat_since(SOV_TYPE_IQ4_XS) == date);
    ck_assert_int_eq(sov_compat_parse(&date, "2024-02", &err), 0);
    ck_assert_uint_eq(date, 20240201);
    ck_assert(sov_compat_since(SOV_TYPE_IQ4_XS) > date);
    ck_assert_int_eq(sov_compat_parse(&date, "b999999", &err), 0);
    ck_assert(sov_compat_since(SOV_TYPE_Q2_0) <= date);
    ck_assert(sov_compat_since(SOV_TYPE_F8_E4M3) == UINT32_MAX);
}
END_TEST

static bool
is_our_own(int type)
{
#define SPARSE(name, SYM, keep, bits) \
    if (type == SOV_TYPE_##SYM)       \
        return true;
#include "quant/sparse.def"
#undef SPARSE
    return false;
}

/* Nothing that this version can make is left out of the table, but for what
 * llama.cpp does not read at all. */
START_TEST(all_types_have_a_day)
{
    for (int i = 0; i < SOV_TYPE_GGUF_MAX; i++) {
        const struct sov_type_info *info = sov_type_info(i);

        if (info != NULL && info->kind != SOV_KIND_ACT)
            ck_assert_msg((sov_compat_since(info->type) == UINT32_MAX) ==
                              is_our_own(i),
                          "%s", info->name);
    }
}
END_TEST

/* ---- sheets */

static char text[65536];
static size_t text_len;

static int
take(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    (void)arg;
    (void)err;
    ck_assert(text_len + len < sizeof(text));
    memcpy(text + text_len, buf, len);
    text_len += len;
    return 0;
}

static void
write_sheet(const struct sov_sheet *s)
{
    sov_sink *sink;

    text_len = 0;
    ck_assert_int_eq(sov_sink_call(&sink, "text", take, NULL, NULL), 0);
    ck_assert_int_eq(sov_sheet_write(s, sink, NULL), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, NULL), 0);
    text[text_len] = '\0';
}

START_TEST(sheets_come_back)
{
    char a[] = "blk.0.\"q\".weight", b[] = "token_embd.weight";
    struct sov_sheet_row rows[2] = {
        { a, SOV_TYPE_Q4_K, 1000, 1.25e-4, 0.5 },
        { b, SOV_TYPE_F16, 2000, NAN, NAN },
    };
    struct sov_sheet s = { .row = rows, .n = 2, .bytes = 3000, .bpw = 4.5,
                           .kld = NAN, .speed = NAN };
    struct sov_sheet *back;
    struct sov_err err;

    write_sheet(&s);
    ck_assert_msg(sov_sheet_parse(&back, text, text_len, &err) == 0, "%s",
                  err.msg);
    ck_assert_uint_eq(back->n, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_str_eq(back->row[i].name, rows[i].name);
        ck_assert_int_eq(back->row[i].type, rows[i].type);
    }
    ck_assert(strstr(text, "\"loss\": 0.000125, \"alpha\": 0.5") != NULL);
    ck_assert(strstr(text, "nan") == NULL && strstr(text, "null") == NULL);
    sov_sheet_free(back);
}
END_TEST

START_TEST(bad_sheets_are_refused)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        { "", "JSON" },
        { "[]", "no plan" },
        { "{}", "no plan" },
        { "{\"schema\": 1}", "no plan" },
        { "{\"schema\": \"sov.plan/2\"}",
          "its schema is \"sov.plan/2\", and this version reads" },
        { "{\"schema\": \"sov.plan/1\"}", "no list of 1 to" },
        { "{\"schema\": \"sov.plan/1\", \"tensors\": []}", "no list of 1 to" },
        { "{\"schema\": \"sov.plan/1\", \"tensors\": [3]}",
          "tensors[0] has no name" },
        { "{\"schema\": \"sov.plan/1\", \"tensors\": [{\"name\": \"\"}]}",
          "tensors[0] has no name" },
        { "{\"schema\": \"sov.plan/1\", \"tensors\": "
          "[{\"name\": \"a\\u0000b\"}]}", "JSON" },
        { "{\"schema\": \"sov.plan/1\", \"tensors\": [{\"name\": \"a\"}]}",
          "tensor a has no type" },
        { "{\"schema\": \"sov.plan/1\", \"tensors\": "
          "[{\"name\": \"a\", \"type\": \"q9\"}]}",
          "tensor a: there is no type 'q9'" },
        { "{\"schema\": \"sov.plan/1\", \"tensors\": "
          "[{\"name\": \"a\", \"type\": \"i32\"}]}",
          "tensor a: there is no type 'i32'" },
        { "{\"schema\": \"sov.plan/1\", \"tensors\": "
          "[{\"name\": \"a\", \"type\": \"f8_e4m3\"}]}",
          "tensor a: there is no type 'f8_e4m3'" },
        { "{\"schema\": \"sov.plan/1\", \"tensors\": "
          "[{\"name\": \"a\", \"type\": \"q4_k\"}, "
          "{\"name\": \"a\", \"type\": \"q4_k\"}]}",
          "tensor a is there twice" },
    };
    struct sov_sheet *s;
    struct sov_err err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(
            sov_sheet_parse(&s, bad[i].text, strlen(bad[i].text), &err),
            SOV_EFORMAT);
        ck_assert(s == NULL);
        ck_assert_msg(strstr(err.msg, bad[i].why) != NULL, "%s: %s",
                      bad[i].why, err.msg);
    }
}
END_TEST

/* ---- choosing for a model */

#define N_IDS 700

static int32_t ids[N_IDS];

static sov_allot *
open_allot(sov_model *model, sov_tok *tok, bool speed)
{
    struct sov_allot_opts o = { .effort = 1, .speed = speed };
    struct sov_err err;
    sov_allot *a;

    for (int i = 0; i < N_IDS; i++)
        ids[i] = (i * 31 + i / 5) % TINY_VOCAB;
    o.tok = tok;
    o.ids = ids;
    o.n_ids = tok != NULL ? N_IDS : 0;
    ck_assert_msg(sov_allot_new(&a, model, &o, &err) == 0, "%s", err.msg);
    return a;
}

static void
free_all(sov_allot *a, sov_tok *tok, sov_model *model)
{
    sov_allot_free(a);
    sov_tok_free(tok);
    sov_model_close(model);
}

START_TEST(sizes_are_kept)
{
    struct tiny t = { .type = SOV_TYPE_F16, .change = tiny_tokenizer };
    sov_model *model = tiny_open(&t);
    struct sov_sheet *s;
    struct sov_err err;
    sov_tok *tok = NULL;
    double before = INFINITY;
    uint64_t least, most;
    sov_allot *a;

    ck_assert_int_eq(sov_tok_load(&tok, sov_model_meta(model), NULL), 0);
    a = open_allot(model, tok, false);
    least = sov_allot_least(a);
    most = sov_allot_most(a);
    for (int i = 0; i <= 40; i++) {
        uint64_t bytes = least + (most - least) * (uint64_t)i / 40;

        ck_assert_msg(sov_allot_solve(a, bytes, 0, &s, &err) == 0, "%s",
                      err.msg);
        ck_assert_uint_le(sov_allot_bytes(a, s), bytes);
        if (i > 0 && i < 18) /* below q8_0, behind which there is a gap */
            ck_assert_uint_ge(sov_allot_bytes(a, s), bytes - bytes / 50);
        ck_assert(s->kld <= before * 1.001 && isnan(s->speed));
        before = s->kld;
        sov_sheet_free(s);
    }
    ck_assert(before == 0); /* all stays */
    ck_assert_int_eq(sov_allot_solve(a, least - 1, 0, &s, &err), SOV_ENO);
    ck_assert(strstr(err.msg, "the least is") != NULL);
    ck_assert_uint_eq(sov_allot_bytes(a, s), least);
    sov_sheet_free(s);
    free_all(a, tok, model);
}
END_TEST

/* To the bit, whatever threads there are. */
START_TEST(the_same_for_any_threads)
{
    char first[sizeof(text)] = "";

    for (unsigned threads = 1; threads <= 3; threads++) {
        struct tiny t = { .type = SOV_TYPE_BF16, .change = tiny_tokenizer };
        sov_model *model = tiny_open(&t);
        struct sov_sheet *s;
        sov_tok *tok = NULL;
        sov_allot *a;

        sov_set_threads(threads);
        ck_assert_int_eq(sov_tok_load(&tok, sov_model_meta(model), NULL), 0);
        a = open_allot(model, tok, false);
        ck_assert_int_eq(
            sov_allot_solve(a, sov_allot_most(a) / 3, 0, &s, NULL), 0);
        ck_assert_int_eq(sov_allot_try(a, s, NULL), 0);
        ck_assert(s->kld > 0);
        write_sheet(s);
        if (threads == 1)
            memcpy(first, text, sizeof(text));
        ck_assert_str_eq(text, first);
        sov_sheet_free(s);
        free_all(a, tok, model);
    }
    sov_set_threads(0);
}
END_TEST

START_TEST(a_divergence_is_kept)
{
    struct tiny t = { .type = SOV_TYPE_F16, .change = tiny_tokenizer };
    sov_model *model = tiny_open(&t);
    struct sov_sheet *s, *half;
    struct sov_err err;
    sov_tok *tok = NULL;
    sov_allot *a;

    ck_assert_int_eq(sov_tok_load(&tok, sov_model_meta(model), NULL), 0);
    a = open_allot(model, tok, false);
    ck_assert_int_eq(
        sov_allot_solve(a, sov_allot_most(a) * 3 / 10, 0, &half, &err), 0);
    ck_assert_int_eq(sov_allot_try(a, half, &err), 0);
    ck_assert_msg(sov_allot_within(a, half->kld, 0, &s, &err) == 0, "%s",
                  err.msg);
    ck_assert(s->kld <= half->kld && s->kld > 0.8 * half->kld);
    ck_assert_uint_le(sov_allot_bytes(a, s),
                      sov_allot_bytes(a, half) + sov_allot_bytes(a, half) / 50);
    sov_sheet_free(s);
    sov_sheet_free(half);
    free_all(a, tok, model);
}
END_TEST

START_TEST(without_a_text)
{
    struct tiny t = { .type = SOV_TYPE_F32 };
    sov_model *model = tiny_open(&t);
    sov_allot *a = open_allot(model, NULL, true);
    struct sov_sheet *s = NULL;
    struct sov_err err;

    ck_assert_int_eq(sov_allot_solve(a, sov_allot_most(a) / 7, 0, &s, &err),
                     0);
    ck_assert(isnan(s->kld) && isnan(s->row[0].loss));
    ck_assert(s->speed > 0 && s->machine[0] != '\0');
    sov_sheet_free(s);
    s = NULL;
    ck_assert_int_eq(sov_allot_solve(a, sov_allot_most(a) / 7, 1e12, &s, &err),
                     SOV_ENO);
    ck_assert(strstr(err.msg, "tokens a second") != NULL);
    sov_sheet_free(s);
    ck_assert_int_eq(sov_allot_within(a, 0.01, 0, &s, &err), SOV_EARG);
    free_all(a, NULL, model);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("allot");

    tcase_add_test(tc, near_the_best_within_budgets);
    tcase_add_test(tc, one_item_and_one_option);
    tcase_add_test(tc, readers_by_day_and_release);
    tcase_add_test(tc, all_types_have_a_day);
    tcase_add_test(tc, sheets_come_back);
    tcase_add_test(tc, bad_sheets_are_refused);
    tcase_add_test(tc, sizes_are_kept);
    tcase_add_test(tc, the_same_for_any_threads);
    tcase_add_test(tc, a_divergence_is_kept);
    tcase_add_test(tc, without_a_text);
    return unit_main("allot", tc);
}
