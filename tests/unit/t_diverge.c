/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_diverge.c - unit tests of lib/measure: two models beside each other,
 * against plain sums, and the file that predictions are kept in
 */
#include "tinytok.h"

#include "base/le.h"
#include "measure/answers.h"
#include "measure/spread.h"
#include "sov/base.h"
#include "sov/measure.h"

#include <math.h>

#define N_IDS  120
#define WINDOW 12

/* Two models, of which the second has coarser weights. */
struct pair {
    sov_model *model[2];
    sov_session *session[2];
    sov_tok *tok;
    int32_t ids[N_IDS];
};

static void
open_pair(struct pair *p, uint32_t n_logits)
{
    static const enum sov_type types[2] = { SOV_TYPE_F32, SOV_TYPE_Q4_0 };
    struct sov_session_opts opts = { .n_logits = n_logits };
    struct sov_err err;

    for (int i = 0; i < 2; i++) {
        struct tiny t = { .type = types[i], .change = tiny_tokenizer };

        p->model[i] = tiny_open(&t);
        ck_assert_msg(sov_session_open(&p->session[i], p->model[i], &opts,
                                       &err) == 0, "%s", err.msg);
    }
    ck_assert_int_eq(sov_tok_load(&p->tok, sov_model_meta(p->model[0]), &err),
                     0);
    for (int i = 0; i < N_IDS; i++)
        p->ids[i] = (i * 29 + i / 7) % TINY_VOCAB;
}

static void
close_pair(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        sov_session_close(p->session[i]);
        sov_model_close(p->model[i]);
    }
    sov_tok_free(p->tok);
}

static struct sov_diverge_opts
opts_of(const struct pair *p)
{
    return (struct sov_diverge_opts){
        .session = p->session[1],
        .base = p->session[0],
        .tok = p->tok,
        .ids = p->ids,
        .n = N_IDS,
        .n_ctx = WINDOW,
    };
}

/* ---- by hand */

static void
log_p(sov_session *s, const int32_t *ids, size_t n, double *p)
{
    const float *logits;
    double sum = 0;

    sov_session_truncate(s, 0);
    ck_assert_int_eq(sov_session_eval(s, ids, n, SOV_LOGITS_LAST, NULL), 0);
    logits = sov_session_logits(s, 0);
    for (size_t v = 0; v < TINY_VOCAB; v++)
        sum += exp((double)logits[v]);
    for (size_t v = 0; v < TINY_VOCAB; v++)
        p[v] = (double)logits[v] - log(sum);
}

static size_t
top_of(const double *p)
{
    size_t top = 0;

    for (size_t v = 1; v < TINY_VOCAB; v++)
        top = p[v] > p[top] ? v : top;
    return top;
}

static void
by_hand(const struct pair *p, struct sov_divergence *d)
{
    double nll = 0, base = 0, kld = 0, kld2 = 0, most = 0, shift = 0, n = 0;
    double a[TINY_VOCAB], b[TINY_VOCAB];
    size_t same = 0;

    for (size_t at = 0; at + WINDOW <= N_IDS; at += WINDOW) {
        int32_t ids[WINDOW];

        memcpy(ids, p->ids + at, sizeof(ids));
        if (tiny_wants_bos)
            ids[0] = TINY_BOS;
        for (size_t i = WINDOW / 2; i + 1 < WINDOW; i++, n++) {
            double k = 0, moved;

            log_p(p->session[0], ids, i + 1, a);
            log_p(p->session[1], ids, i + 1, b);
            for (size_t v = 0; v < TINY_VOCAB; v++)
                k += exp(a[v]) * (a[v] - b[v]);
            kld += k;
            kld2 += k * k;
            most = k > most ? k : most;
            base -= a[ids[i + 1]];
            nll -= b[ids[i + 1]];
            moved = exp(a[ids[i + 1]]) - exp(b[ids[i + 1]]);
            shift += moved * moved;
            same += top_of(a) == top_of(b);
        }
    }
    *d = (struct sov_divergence){ .windows = N_IDS / WINDOW,
                                  .tokens = (uint64_t)n,
                                  .kld_most = most };
    d->ppl.value = exp(nll / n);
    d->base_ppl.value = exp(base / n);
    d->ratio.value = (nll - base) / n;
    d->kld.value = kld / n;
    d->kld.error = sqrt((kld2 / n - kld / n * kld / n) / (n - 1));
    d->same_top.value = (double)same / n;
    d->shift.value = sqrt(shift / n);
}

static void
near(double got, double want, double tolerance, const char *what)
{
    ck_assert_msg(fabs(got - want) <= tolerance * fabs(want), "%s: %.9g %.9g",
                  what, got, want);
}

static void
compare(const struct sov_divergence *d, const struct sov_divergence *want,
        double tolerance)
{
    ck_assert_uint_eq(d->windows, want->windows);
    ck_assert_uint_eq(d->tokens, want->tokens);
    near(d->ppl.value, want->ppl.value, tolerance, "ppl");
    near(d->base_ppl.value, want->base_ppl.value, tolerance, "base_ppl");
    near(d->ratio.value, want->ratio.value, 20 * tolerance, "ratio");
    near(d->kld.value, want->kld.value, tolerance, "kld");
    near(d->kld.error, want->kld.error, tolerance, "error");
    near(d->same_top.value, want->same_top.value, 0, "same_top");
    near(d->shift.value, want->shift.value, 10 * tolerance, "shift");
    near(d->kld_most, want->kld_most, tolerance, "most");
}

START_TEST(divergence_by_hand)
{
    for (int bos = 0; bos < 2; bos++) {
        struct sov_divergence d, want;
        struct sov_diverge_opts o;
        struct sov_err err;
        struct pair p;

        tiny_wants_bos = bos;
        open_pair(&p, 32);
        o = opts_of(&p);
        ck_assert_msg(sov_diverge(&o, &d, &err) == 0, "%s", err.msg);
        ck_assert_uint_eq(sov_session_pos(p.session[0]), 0);
        ck_assert_uint_eq(sov_session_pos(p.session[1]), 0);
        by_hand(&p, &want);
        compare(&d, &want, 1e-4);
        ck_assert(d.kld.value > 0 && d.kld_median < d.kld_99);
        ck_assert(d.kld.low < d.kld.value && d.kld.value < d.kld.high);
        ck_assert(d.ppl.low < d.ppl.value && d.ppl.value < d.ppl.high);
        close_pair(&p);
    }
}
END_TEST

/* Rows at once and threads change nothing, to the bit. */
START_TEST(the_same_every_time)
{
    struct sov_divergence first, d;
    struct sov_diverge_opts o;
    struct pair p;

    for (uint32_t i = 0; i < 4; i++) {
        open_pair(&p, i * i + 1);
        sov_set_threads(i % 3 + 1);
        o = opts_of(&p);
        ck_assert_int_eq(sov_diverge(&o, &d, NULL), 0);
        if (i == 0)
            first = d;
        ck_assert(memcmp(&d.kld, &first.kld, sizeof(d.kld)) == 0);
        ck_assert(memcmp(&d.ratio, &first.ratio, sizeof(d.ratio)) == 0);
        close_pair(&p);
    }
    sov_set_threads(0);
}
END_TEST

START_TEST(a_model_beside_itself)
{
    struct sov_divergence d;
    struct sov_diverge_opts o;
    struct pair p, same;

    open_pair(&p, 8);
    open_pair(&same, 8);
    o = opts_of(&p);
    o.session = same.session[0];
    ck_assert_int_eq(sov_diverge(&o, &d, NULL), 0);
    ck_assert(d.kld.value == 0 && d.ratio.value == 0 && d.shift.value == 0);
    ck_assert(d.same_top.value == 1 && d.kld_most == 0);
    close_pair(&p);
    close_pair(&same);
}
END_TEST

/* Of few windows nothing is drawn. */
START_TEST(few_windows_have_no_interval)
{
    struct sov_divergence d;
    struct sov_diverge_opts o;
    struct pair p;

    open_pair(&p, 8);
    o = opts_of(&p);
    o.n = 7 * WINDOW + WINDOW - 1;
    ck_assert_int_eq(sov_diverge(&o, &d, NULL), 0);
    ck_assert_uint_eq(d.windows, 7);
    ck_assert(isnan(d.kld.low) && isnan(d.kld.high) && d.kld.error > 0);
    close_pair(&p);
}
END_TEST

/* ---- a file */

static const char *
file_path(void)
{
    static char path[64];

    snprintf(path, sizeof(path), "logits-%ld", (long)getpid());
    return path;
}

static sov_sink *
file_sink(void)
{
    struct sov_sink_opts opts = { .force = true, .no_sync = true };
    sov_sink *sink;

    ck_assert_int_eq(sov_sink_open(&sink, file_path(), &opts, NULL), 0);
    return sink;
}

START_TEST(through_a_file)
{
    struct sov_divergence direct, d;
    struct sov_diverge_opts o;
    struct sov_err err;
    sov_answers *l;
    struct pair p;
    size_t n;

    for (int alone = 0; alone < 2; alone++) {
        open_pair(&p, 8);
        o = opts_of(&p);
        ck_assert_int_eq(sov_diverge(&o, &direct, &err), 0);
        o.sink = file_sink();
        o.session = alone ? NULL : p.session[1];
        ck_assert_msg(sov_diverge(&o, &d, &err) == 0, "%s", err.msg);
        if (alone)
            ck_assert(d.ppl.value == direct.base_ppl.value);
        else
            ck_assert(d.kld.value == direct.kld.value);
        ck_assert_uint_eq(sov_sink_count(o.sink),
                          sov_answers_bytes(WINDOW, TINY_VOCAB, 10));
        ck_assert_int_eq(sov_sink_commit(&o.sink, &err), 0);

        ck_assert_msg(sov_answers_open(&l, file_path(), &err) == 0, "%s",
                      err.msg);
        ck_assert_uint_eq(sov_answers_ctx(l), WINDOW);
        ck_assert_uint_eq(sov_answers_vocab(l), TINY_VOCAB);
        ck_assert_int_eq(
            memcmp(sov_answers_ids(l, &n), p.ids, sizeof(p.ids)), 0);
        ck_assert_uint_eq(n, N_IDS);
        o = (struct sov_diverge_opts){ .session = p.session[1],
                                       .file = l,
                                       .tok = p.tok };
        ck_assert_msg(sov_diverge(&o, &d, &err) == 0, "%s", err.msg);
        compare(&d, &direct, 2e-3);
        sov_answers_close(l);
        unlink(file_path());
        close_pair(&p);
    }
}
END_TEST

/* In memory nothing is rounded. */
START_TEST(through_memory)
{
    struct sov_divergence direct, d;
    struct sov_diverge_opts o;
    struct sov_err err;
    sov_answers *l;
    struct pair p;

    open_pair(&p, 8);
    o = opts_of(&p);
    ck_assert_int_eq(sov_diverge(&o, &direct, &err), 0);
    ck_assert_int_eq(sov_answers_new(&l, WINDOW, TINY_VOCAB, p.ids, N_IDS - 1,
                                    &err), 0);
    o.keep = l;
    o.session = NULL;
    ck_assert_int_eq(sov_diverge(&o, &d, &err), SOV_EARG); /* a window less */
    o.n--;
    ck_assert_int_eq(sov_diverge(&o, &d, &err), 0);
    sov_answers_close(l);
    ck_assert_int_eq(
        sov_answers_new(&l, WINDOW, TINY_VOCAB, p.ids, N_IDS, &err), 0);
    o.keep = l;
    o.n = N_IDS;
    ck_assert_msg(sov_diverge(&o, &d, &err) == 0, "%s", err.msg);
    ck_assert(d.ppl.value == direct.base_ppl.value);
    o = (struct sov_diverge_opts){ .session = p.session[1],
                                   .file = l,
                                   .tok = p.tok };
    ck_assert_msg(sov_diverge(&o, &d, &err) == 0, "%s", err.msg);
    ck_assert(memcmp(&d.kld, &direct.kld, sizeof(d.kld)) == 0);
    ck_assert(memcmp(&d.ratio, &direct.ratio, sizeof(d.ratio)) == 0);
    sov_answers_close(l);
    close_pair(&p);
}
END_TEST

/* Steps of a 65535th of 16 or less, and what is below is cut. */
START_TEST(rows_come_back)
{
    const float x[5] = { 1.0f, 1.0f - 1e-3f, -3.0f, -15.5f, -1000.0f };
    double log_sum = 0;
    unsigned char row[8 + 12];

    for (int i = 0; i < 5; i++)
        log_sum += exp((double)x[i]);
    log_sum = log(log_sum);
    ck_assert_uint_eq(sov_answers_row_bytes(5), sizeof(row));
    memset(row, 0xaa, sizeof(row));
    sov_answers_put_row(row, x, 5, log_sum);
    for (int i = 0; i < 5; i++) {
        double p = (double)sov_lef32(row) * sov_le16(row + 8 + 2 * i) +
                   (double)sov_lef32(row + 4);
        double want = (double)(i == 4 ? -15.0f : i == 3 ? -15.0f : x[i]);

        ck_assert_msg(fabs(p - (want - log_sum)) < 16.0 / 65535, "%d: %g", i,
                      p);
    }
    ck_assert_uint_eq(sov_le16(row + 8), 65535);
    ck_assert_uint_eq(sov_le16(row + 18), 0);
    sov_answers_put_row(row, (const float[5]){ 2, 2, 2, 2, 2 }, 5,
                       2 + log(5.0));
    ck_assert(sov_lef32(row) == 0);
    ck_assert(fabs((double)sov_lef32(row + 4) + log(5.0)) < 1e-6);
}
END_TEST

/* ---- bad files */

static unsigned char file[4096];

/* A good file of two windows of 4 tokens of 5; its length. */
static size_t
make_file(void)
{
    size_t at = SOV_ANSWERS_HEAD;

    memset(file, 0, sizeof(file));
    sov_answers_put_head(file, 4, 5, 2);
    for (uint32_t i = 0; i < 8; i++, at += 4)
        sov_put32(file + at, i % 5);
    for (int i = 0; i < 2; i++, at += sov_answers_row_bytes(5))
        sov_answers_put_row(file + at, (const float[5]){ 0, 1, 2, 3, 4 }, 5,
                           4.4519);
    return at;
}

static int
open_file(size_t len, sov_answers **l, struct sov_err *err)
{
    FILE *f = fopen(file_path(), "wb");
    int rc;

    ck_assert(f != NULL && fwrite(file, 1, len, f) == len && fclose(f) == 0);
    rc = sov_answers_open(l, file_path(), err);
    unlink(file_path());
    return rc;
}

static void
refused(size_t len, const char *why)
{
    struct sov_err err;
    sov_answers *l;

    ck_assert_int_eq(open_file(len, &l, &err), SOV_EFORMAT);
    ck_assert(l == NULL);
    ck_assert_msg(strstr(err.msg, why) != NULL, "%s: %s", why, err.msg);
    ck_assert(strstr(err.msg, file_path()) != NULL);
}

START_TEST(bad_files_are_refused)
{
    static const struct {
        size_t at;
        uint32_t value;
        const char *why;
    } bad[] = {
        { 8, 2, "at byte 8: the length of a window is 2, not 3 to 16777216" },
        { 8, 16777217, "the length of a window is 16777217" },
        { 8, 16777216, "cut short" },
        { 8, 5, "cut short" },
        { 12, 0, "at byte 12: the size of the vocabulary is 0" },
        { 12, 16777217, "the size of the vocabulary is 16777217" },
        { 12, 16777216, "cut short" },
        { 16, 0, "at byte 16: the number of windows is 0" },
        { 16, 0x80000000, "the number of windows is 2147483648" },
        { 16, 0x7fffffff, "cut short" },
        { 16, 1, "what follows is unknown" },
        { 20, 5, "at byte 20: token id 5 is not below 5" },
        { 48, 0xffffffff, "at byte 48: token id -1 is not below 5" },
    };
    size_t len = make_file();
    struct sov_err err;
    sov_answers *l;

    ck_assert_msg(open_file(len, &l, &err) == 0, "%s", err.msg);
    sov_answers_close(l);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        make_file();
        sov_put32(file + bad[i].at, bad[i].value);
        refused(len, bad[i].why);
    }
    make_file();
    for (size_t n = 0; n < len; n++)
        refused(n, n < 8    ? "does not begin"
                   : n < 20 ? "cut short in its head"
                            : "cut short");
    refused(len + 1, "what follows is unknown");
    file[0] = 'x';
    refused(len, "does not begin with \"_logits_\"");
    ck_assert_int_eq(sov_answers_open(&l, "no/such/file", &err), SOV_EIO);
}
END_TEST

START_TEST(rows_that_are_no_probabilities)
{
    static const float bad[][2] = {
        { NAN, 0 },  { -1e-6f, 0 },     { INFINITY, -1 },
        { 2, -1 },   { 1e-4f, NAN },    { 1e-4f, -INFINITY },
        { 1, 0.5f }, { 1e-4f, -6.0f },
    };
    size_t len = make_file(), at = SOV_ANSWERS_HEAD + 32;
    struct sov_err err;
    sov_answers *l;
    float p[5];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sov_putf32(file + at, bad[i][0]);
        sov_putf32(file + at + 4, bad[i][1]);
        ck_assert_int_eq(open_file(len, &l, &err), 0);
        ck_assert(!sov_answers_row(l, 0, p));
        ck_assert(sov_answers_row(l, 1, p));
        ck_assert(fabs((double)p[4] - (4 - 4.4519)) < 1e-3);
        sov_answers_close(l);
    }
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    struct sov_divergence d;
    struct sov_diverge_opts o;
    struct sov_err err;
    sov_answers *l;
    struct pair p;

    open_pair(&p, 8);
    o = opts_of(&p);
    o.n = WINDOW - 1;
    ck_assert_int_eq(sov_diverge(&o, &d, &err), SOV_EARG);
    o.n = N_IDS;
    o.n_ctx = TINY_CTX + 1;
    o.n = 0;
    ck_assert_int_eq(sov_diverge(&o, &d, &err), SOV_EARG);
    o = opts_of(&p);
    o.n_ctx = 2;
    ck_assert_int_eq(sov_diverge(&o, &d, &err), SOV_EARG);
    o = opts_of(&p);
    o.base = NULL;
    ck_assert_int_eq(sov_diverge(&o, &d, &err), SOV_EARG);
    p.ids[3] = TINY_VOCAB;
    o = opts_of(&p);
    ck_assert_int_eq(sov_diverge(&o, &d, &err), SOV_EFORMAT);
    ck_assert_int_eq(open_file(make_file(), &l, &err), 0);
    o = (struct sov_diverge_opts){ .session = p.session[1],
                                   .file = l,
                                   .tok = p.tok };
    ck_assert_int_eq(sov_diverge(&o, &d, &err), SOV_EFORMAT);
    ck_assert_msg(strstr(err.msg, "vocabulary of 96") != NULL, "%s", err.msg);
    sov_answers_close(l);
    close_pair(&p);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("diverge");

    tcase_add_test(tc, divergence_by_hand);
    tcase_add_test(tc, the_same_every_time);
    tcase_add_test(tc, a_model_beside_itself);
    tcase_add_test(tc, few_windows_have_no_interval);
    tcase_add_test(tc, through_a_file);
    tcase_add_test(tc, through_memory);
    tcase_add_test(tc, rows_come_back);
    tcase_add_test(tc, bad_files_are_refused);
    tcase_add_test(tc, rows_that_are_no_probabilities);
    tcase_add_test(tc, what_does_not_fit_is_refused);
    return unit_main("diverge", tc);
}
