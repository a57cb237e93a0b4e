/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_prune.c - unit tests of lib/prune: which weights go, patterns, plans
 */
#include "prune/method.h"
#include "sov/base.h"
#include "sov/io.h"
#include "tiny.h"

#include "base/rng.h"

#include <math.h>

static uint64_t drawn;

static float
draw(void)
{
    return (float)sov_rng_unit(21, 4, drawn++) * 2.0f - 1.0f;
}

/* ---- how many */

START_TEST(counts_are_exact)
{
    struct sov_prune_share s = { .pattern = { .rows = 1 } };

    for (size_t k = 1; k <= 1000; k++)
        for (int percent = 0; percent <= 100; percent++) {
            s.ratio = percent / 100.0;
            ck_assert_uint_eq(sov_prune_goes(&s, k), k * (size_t)percent / 100);
        }
    s.ratio = 1 / 3.0;
    ck_assert_uint_eq(sov_prune_goes(&s, 300), 100);
    ck_assert_uint_eq(sov_prune_goes(&s, 299), 99);
    s.ratio = 0.999999;
    ck_assert_uint_eq(sov_prune_goes(&s, 4096), 4095);

    s.pattern = (struct sov_prune_pattern){ 1, 32, 64 };
    ck_assert_uint_eq(sov_prune_goes(&s, 64), 32);
    ck_assert_uint_eq(sov_prune_goes(&s, 7), 3);
    s.pattern = (struct sov_prune_pattern){ 1, 3, 4 };
    ck_assert_uint_eq(sov_prune_goes(&s, 4), 1);
    ck_assert_uint_eq(sov_prune_goes(&s, 3), 0);
    s.pattern = (struct sov_prune_pattern){ 1, 4, 4 };
    ck_assert_uint_eq(sov_prune_goes(&s, 4), 0);
}
END_TEST

/* What is asked for is met to a weight of each row, so to a thousandth where
 * rows have a thousand. */
START_TEST(a_budget_is_met)
{
    static const size_t k[] = { 64, 172, 256, 768, 1000, 2048, 8192, 14336 };
    struct sov_prune_share s = { .pattern = { .rows = 1 } };

    for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++)
        for (int n = 1; n < 1000; n++) {
            double is, short_by;

            s.ratio = n / 1000.0;
            is = (double)sov_prune_goes(&s, k[i]) / (double)k[i];
            short_by = s.ratio - is;
            ck_assert_msg(short_by > -1e-9 && short_by * (double)k[i] < 1,
                          "%zu: %g in place of %g", k[i], is, s.ratio);
            ck_assert(k[i] < 1000 || short_by <= 0.001);
        }
}
END_TEST

/* ---- which */

/* One after the other, as a person would do it. */
static void
lowest_by_hand(const float *score, size_t n, size_t go, unsigned char *gone)
{
    memset(gone, 0, n);
    for (; go > 0; go--) {
        size_t best = n;

        for (size_t i = 0; i < n; i++)
            if (!gone[i] && (best == n || score[i] < score[best]))
                best = i;
        gone[best] = 1;
    }
}

START_TEST(the_lowest_go_first_and_of_equals_the_first)
{
    float score[700];
    unsigned char gone[700], want[700];

    for (size_t n = 1; n <= 700; n += n < 140 ? 1 : 37)
        for (int kind = 0; kind < 4; kind++) {
            size_t go = (size_t)(sov_rng_unit(3, 1, drawn++) * (double)(n + 1));

            for (size_t i = 0; i < n; i++) {
                float x = fabsf(draw());

                score[i] = kind == 0   ? x
                           : kind == 1 ? floorf(x * 4)
                           : kind == 2 ? ldexpf(x, (int)(i % 60) - 140)
                                       : 1 + ldexpf(floorf(x * 8), -23);
            }
            sov_prune_lowest(score, n, go, gone);
            lowest_by_hand(score, n, go, want);
            ck_assert_msg(memcmp(gone, want, n) == 0, "n %zu go %zu kind %d", n,
                          go, kind);
        }
}
END_TEST

START_TEST(infinite_scores_stay_longest)
{
    float score[200];
    unsigned char gone[200];

    for (size_t i = 0; i < 200; i++)
        score[i] = i % 2 ? INFINITY : 0x1.fffffep127f;
    sov_prune_lowest(score, 200, 101, gone);
    for (size_t i = 0; i < 200; i++)
        ck_assert_int_eq(gone[i], i % 2 == 0 || i == 1);
}
END_TEST

/* Prune rows by a score of their own, and look at each group. */
static void
check_select(size_t n, size_t k, struct sov_prune_pattern p, double ratio)
{
    float *w = sov_mem_array(n * k, sizeof(*w));
    float *was = sov_mem_array(n * k, sizeof(*w));
    float *score = sov_mem_array(n * k, sizeof(*w));
    float *sum = sov_mem_array(k, sizeof(*w));
    unsigned char *gone = sov_mem_array(k, 1);
    struct sov_prune_share share = { p, ratio };
    struct sov_prune_rows r = { .w = w, .n = n, .k = k, .share = share };
    size_t width = p.of != 0 ? p.of : k;

    for (size_t i = 0; i < n * k; i++) {
        w[i] = i % 17 == 0 ? -0.0f : draw();
        score[i] = floorf(fabsf(draw()) * 64) / 64;
    }
    memcpy(was, w, n * k * sizeof(*w));
    for (size_t row = 0; row < n; row += p.rows) {
        size_t rows = n - row < p.rows ? n - row : p.rows;

        for (size_t j = 0; j < k; j++) {
            double s = 0;

            for (size_t i = row; i < row + rows; i++)
                s += (double)score[i * k + j] * score[i * k + j];
            sum[j] = rows > 1 ? (float)sqrt(s) : score[row * k + j];
        }
        for (size_t at = 0; at < k; at += width) {
            size_t len = k - at < width ? k - at : width;

            lowest_by_hand(sum + at, len, sov_prune_goes(&share, len),
                           gone + at);
        }
        for (size_t i = row; i < row + rows; i++)
            for (size_t j = 0; j < k; j++)
                if (gone[j])
                    was[i * k + j] = 0;
    }
    sov_prune_select(&r, score);
    ck_assert(memcmp(w, was, n * k * sizeof(*w)) == 0);
    free(w);
    free(was);
    free(score);
    free(sum);
    free(gone);
}

START_TEST(patterns_hold_in_every_group)
{
    static const struct sov_prune_pattern p[] = {
        { 1, 0, 0 }, { 1, 2, 4 },   { 1, 4, 8 },     { 1, 32, 64 },
        { 1, 1, 3 }, { 1, 1, 200 }, { 16, 32, 64 },  { 4, 0, 0 },
        { 3, 2, 4 }, { 5, 7, 16 },  { 1, 255, 256 }, { 1, 4, 4 },
    };

    for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++)
        for (size_t k = 1; k < 600; k += k < 10 ? 1 : 97) {
            check_select(1, k, p[i], 0.5);
            check_select(7, k, p[i], 0.3);
            check_select(32, k, p[i], 0.9);
        }
    check_select(2, 1000, p[0], 0);
    check_select(2, 1000, p[0], 1);
}
END_TEST

/* ---- methods */

static void
prune_with(const char *name, float *w, size_t n, size_t k, const float *square,
           struct sov_prune_pattern p)
{
    const struct sov_prune_method *m;
    struct sov_prune_rows r = {
        .w = w, .n = n, .k = k, .square = square, .share = { p, 0.5 }
    };
    void *room;

    ck_assert_int_eq(sov_prune_method_find(&m, name, NULL), 0);
    room = sov_mem_aligned(m->room(n, k), 1);
    ck_assert_int_eq(m->rows(&r, room, NULL), 0);
    sov_mem_free_aligned(room);
}

/* With all inputs alike Wanda is magnitude in each row. */
START_TEST(wanda_of_equal_inputs_is_magnitude)
{
    enum { N = 20, K = 333 };
    static const struct sov_prune_pattern p[] = { { 1, 0, 0 },
                                                  { 1, 2, 4 },
                                                  { 4, 8, 16 } };
    float *a = sov_mem_array(N * K, sizeof(*a));
    float *b = sov_mem_array(N * K, sizeof(*b));
    float square[K];

    for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
        for (size_t j = 0; j < N * K; j++)
            a[j] = b[j] = draw();
        for (size_t j = 0; j < K; j++)
            square[j] = 1;
        prune_with("magnitude", a, N, K, NULL, p[i]);
        prune_with("wanda", b, N, K, square, p[i]);
        ck_assert(memcmp(a, b, N * K * sizeof(*a)) == 0);
    }
    free(a);
    free(b);
}
END_TEST

START_TEST(wanda_heeds_what_enters)
{
    enum { K = 64 };
    float w[K], square[K];

    for (size_t j = 0; j < K; j++) {
        w[j] = j % 2 ? 1 : 2;
        square[j] = j % 2 ? 9 : 1; /* 3 against 2 */
    }
    prune_with("wanda", w, 1, K, square,
               (struct sov_prune_pattern){ .rows = 1 });
    for (size_t j = 0; j < K; j++)
        ck_assert(w[j] == (j % 2 ? 1 : 0));
}
END_TEST

START_TEST(every_method_has_a_name_and_words)
{
    for (size_t i = 0; sov_prune_method_name(i) != NULL; i++) {
        const struct sov_prune_method *m;
        const char *name = sov_prune_method_name(i);

        ck_assert_int_eq(sov_prune_method_find(&m, name, NULL), 0);
        ck_assert_str_eq(m->name, name);
        ck_assert_int_gt(strlen(sov_prune_method_about(i)), 0);
    }
    ck_assert_ptr_null(sov_prune_method_about(1000));
}
END_TEST

/* ---- words */

START_TEST(patterns_are_read_and_written)
{
    static const char *const good[] = {
        "unstructured", "2:4", "32:64", "16x32:64",    "16x",
        "1:256",        "4:4", "1024x", "1024x255:256"
    };
    static const char *const bad[] = {
        "",     "2",     ":4",   "2:",      "0:4",         "5:4",  "2:257",
        "x2:4", "0x2:4", "2:4x", "1025x",   "-2:4",        "2: 4", "16x2",
        "2:4 ", "2:4:8", "x",    "16xx2:4", "4294967298:4"
    };
    struct sov_prune_pattern p;
    char text[SOV_PRUNE_PATTERN_MAX];
    struct sov_err err;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_int_eq(sov_prune_pattern_parse(&p, good[i], &err), 0);
        sov_prune_pattern_text(&p, text);
        ck_assert_str_eq(text, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(sov_prune_pattern_parse(&p, bad[i], &err) == SOV_EARG,
                      "'%s'", bad[i]);
}
END_TEST

static int
parse(const char *text, struct sov_err *err)
{
    struct sov_prune_sheet *s;
    int rc = sov_prune_sheet_parse(&s, text, strlen(text), err);

    ck_assert_int_eq(s == NULL, rc < 0);
    sov_prune_sheet_free(s);
    return rc;
}

#define HEAD "{\"schema\": \"sov.prune-plan/1\", \"method\": \"wanda\", "

START_TEST(plans_are_strict)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "{}", "no plan of pruning" },
        { "[1]", "no plan of pruning" },
        { "{\"schema\": \"sov.plan/1\"}", "its schema is" },
        { "{\"schema\": \"sov.prune-plan/1\", \"tensors\": []}", "method" },
        { HEAD "\"tensors\": 1}", "no list" },
        { HEAD "\"tensors\": [], \"ratio\": 1}", "what is \"ratio\"?" },
        { HEAD "\"tensors\": [1]}", "tensors[0]: there is no name" },
        { HEAD "\"tensors\": [{\"name\": \"\"}]}", "tensors[0]" },
        { HEAD "\"tensors\": [{\"name\": \"a\"}]}", "a: there is no ratio" },
        { HEAD "\"tensors\": [{\"name\": \"a\", \"ratio\": 1.5}]}",
          "between 0 and 1" },
        { HEAD "\"tensors\": [{\"name\": \"a\", \"ratio\": \"1\"}]}",
          "there is no ratio" },
        { HEAD "\"tensors\": [{\"name\": \"a\", \"pattern\": \"2:1\"}]}",
          "cannot be kept" },
        { HEAD "\"tensors\": [{\"name\": \"a\", \"pattern\": 4}]}", "no text" },
        { HEAD "\"tensors\": [{\"name\": \"a\", \"pattern\": \"2:4\", "
               "\"ratio\": 0.5}]}",
          "give one" },
        { HEAD "\"tensors\": [{\"name\": \"a\", \"ration\": 0.5}]}",
          "what is \"ration\"?" },
        { HEAD "\"tensors\": [{\"name\": \"a\", \"ratio\": 0}, "
               "{\"name\": \"a\", \"ratio\": 0}]}",
          "a is there twice" },
    };
    struct sov_err err;

    ck_assert_int_eq(parse(HEAD "\"tensors\": []}", &err), 0);
    ck_assert_int_eq(parse(HEAD "\"tensors\": [{\"name\": \"a\", "
                                "\"pattern\": \"4x\", \"ratio\": 1}]}",
                           &err),
                     0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(parse(bad[i].text, &err), SOV_EFORMAT);
        ck_assert_int_eq(err.rc, SOV_EFORMAT);
        ck_assert_msg(strstr(err.msg, bad[i].says) != NULL, "%s: %s",
                      bad[i].text, err.msg);
        ck_assert_int_eq(parse(bad[i].text, NULL), SOV_EFORMAT);
    }
}
END_TEST

/* ---- a job */

struct bytes {
    unsigned char *p;
    size_t len;
};

static int
take(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    struct bytes *b = arg;

    (void)err;
    b->p = realloc(b->p, b->len + len);
    memcpy(b->p + b->len, buf, len);
    b->len += len;
    return 0;
}

static struct bytes
run_job(sov_model *model, const struct sov_prune_opts *opts,
        struct sov_prune_loss *total)
{
    struct bytes out = { 0 };
    sov_prune *job;
    sov_sink *sink;

    ck_assert_int_eq(sov_prune_new(&job, model, opts, NULL), 0);
    ck_assert_int_eq(sov_sink_call(&sink, "bytes", take, &out, NULL), 0);
    ck_assert_int_eq(sov_prune_run(job, &sink, NULL), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, NULL), 0);
    *total = sov_prune_loss_total(job);
    sov_prune_free(job);
    return out;
}

/* The file for any threads and memory; its counts; what was not to change. */
START_TEST(a_job_gives_the_same_bytes)
{
    static const enum sov_type types[] = { SOV_TYPE_F32, SOV_TYPE_F16,
                                           SOV_TYPE_BF16 };

    for (size_t i = 0; i < 3; i++) {
        const struct tiny tiny = { .type = types[i] };
        struct sov_prune_opts o = { .method = "magnitude",
                                    .ratio = 0.3,
                                    .measure = true };
        struct sov_prune_loss a, b;
        struct bytes one, other;
        sov_model *m = tiny_open(&tiny);

        sov_set_threads(1);
        one = run_job(m, &o, &a);
        sov_set_threads(3);
        o.max_memory = 24 << 20;
        other = run_job(m, &o, &b);
        ck_assert_uint_eq(one.len, other.len);
        ck_assert(memcmp(one.p, other.p, one.len) == 0);
        ck_assert_uint_gt(a.weights, 0);
        ck_assert_uint_eq(a.zeros, b.zeros);
        ck_assert(a.error == b.error && a.error > 0 && a.error < 0.1);
        /* rows of 256 and 512: floor(76.8), floor(153.6) */
        ck_assert(fabs((double)a.zeros / (double)a.weights - 0.3) < 0.005);
        free(one.p);
        free(other.p);
        sov_model_close(m);
    }
    sov_set_threads(0);
}
END_TEST

static int
try_job(sov_model *model, const struct sov_prune_opts *o, struct sov_err *err)
{
    sov_prune *job = NULL;
    int rc = sov_prune_new(&job, model, o, err);

    sov_prune_free(job);
    return rc;
}

START_TEST(what_cannot_be_done_is_refused)
{
    const struct tiny tiny = { .type = SOV_TYPE_F16 };
    const struct tiny blocks = { .type = SOV_TYPE_Q8_0 };
    struct sov_prune_rule rule = { .name = "blk.9.*", .ratio = 0.5 };
    struct sov_prune_opts o = { .method = "magnitude", .ratio = NAN };
    sov_model *m = tiny_open(&tiny);
    struct sov_err err;

    ck_assert_int_eq(try_job(m, &o, &err), SOV_EARG); /* how much? */
    o.ratio = 0.5;
    ck_assert_int_eq(try_job(m, &o, &err), 0);
    o.method = "magic";
    ck_assert_int_eq(try_job(m, &o, &err), SOV_EARG);
    ck_assert(strstr(err.msg, "there are: magnitude wanda") != NULL);
    o.method = "wanda";
    ck_assert_int_eq(try_job(m, &o, &err), SOV_EARG); /* no statistics */
    o.method = "magnitude";
    o.patterned = true;
    o.pattern = (struct sov_prune_pattern){ 1, 1, 4 };
    ck_assert_int_eq(try_job(m, &o, &err), SOV_EARG); /* 0.75 or 0.5? */
    o.ratio = 0.75;
    ck_assert_int_eq(try_job(m, &o, &err), 0);
    o.rule = &rule;
    o.n_rules = 1;
    ck_assert_int_eq(try_job(m, &o, &err), SOV_EARG); /* matches nothing */
    rule.name = "*";
    rule.ratio = 0;
    ck_assert_int_eq(try_job(m, &o, &err), SOV_EARG); /* nothing goes */
    sov_model_close(m);
    m = tiny_open(&blocks);
    o.n_rules = 0;
    ck_assert_int_eq(try_job(m, &o, &err), SOV_EUNSUP);
    ck_assert(strstr(err.msg, "is q8_0") != NULL);
    sov_model_close(m);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("prune");

    tcase_add_test(tc, counts_are_exact);
    tcase_add_test(tc, a_budget_is_met);
    tcase_add_test(tc, the_lowest_go_first_and_of_equals_the_first);
    tcase_add_test(tc, infinite_scores_stay_longest);
    tcase_add_test(tc, patterns_hold_in_every_group);
    tcase_add_test(tc, wanda_of_equal_inputs_is_magnitude);
    tcase_add_test(tc, wanda_heeds_what_enters);
    tcase_add_test(tc, every_method_has_a_name_and_words);
    tcase_add_test(tc, patterns_are_read_and_written);
    tcase_add_test(tc, plans_are_strict);
    tcase_add_test(tc, a_job_gives_the_same_bytes);
    tcase_add_test(tc, what_cannot_be_done_is_refused);
    return unit_main("prune", tc);
}
