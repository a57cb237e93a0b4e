/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_inspect.c - unit tests of scans, histograms and comparisons
 *
 * Models of one or two tensors are written to a file and looked at; what comes
 * out is compared with the plain formulas over all weights at once.
 */
#include "unit.h"

#include "quant/codec.h"
#include "sov/inspect.h"
#include "sov/write.h"
#include "tensor/half.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

/* A GGUF file of one tensor. */
static void
write_model(const char *to, enum sov_type type, uint64_t row, uint64_t rows,
            const void *bytes)
{
    const struct sov_type_info *info = sov_type_info((int)type);
    struct sov_sink_opts o = { .force = true, .no_sync = true };
    uint64_t dim[2] = { row, rows };
    sov_plan *plan;
    sov_sink *sink;
    sov_writer *w;

    ck_assert_int_eq(sov_plan_new(&plan, NULL, NULL), 0);
    ck_assert_int_eq(sov_plan_add(plan, "t", type, rows > 0 ? 2 : 1, dim, NULL),
                     0);
    ck_assert_int_eq(sov_plan_freeze(plan, 32, NULL), 0);
    ck_assert_int_eq(sov_sink_open(&sink, to, &o, NULL), 0);
    ck_assert_int_eq(sov_writer_begin(&w, plan, &sink, NULL), 0);
    ck_assert_int_eq(
        sov_writer_data(w, bytes,
                        row * (rows > 0 ? rows : 1) / info->block * info->bytes,
                        NULL),
        0);
    ck_assert_int_eq(sov_writer_end(&w, NULL), 0);
    ck_assert_int_eq(sov_sink_commit(&sink, NULL), 0);
    sov_plan_free(plan);
}

static sov_model *
open_model(const char *from)
{
    sov_model *m;
    struct sov_err err;

    ck_assert_msg(sov_model_open(&m, from, SOV_ACCESS_STREAM, &err) == 0, "%s",
                  err.msg);
    return m;
}

struct result {
    struct sov_stats s;
    struct sov_bars bars;
    double q[5];
    int calls;
    int give; /* what found shall return */
};

static int
keep(void *arg, size_t i, const struct sov_stats *s, const sov_hist *h,
     struct sov_err *err)
{
    struct result *r = arg;

    (void)i;
    (void)err;
    r->calls++;
    r->s = *s;
    if (h != NULL) {
        for (int k = 0; k < 5; k++)
            r->q[k] = sov_hist_quantile(h, 0.25 * k);
        sov_hist_bars(h, s->min, s->max, 20, &r->bars);
    }
    return r->give;
}

static struct result
scan(const char *from)
{
    struct result r = { .calls = 0 };
    struct sov_scan what = { .hist = true, .found = keep, .arg = &r };
    sov_model *m = open_model(from);

    ck_assert_int_eq(sov_scan(m, &what, NULL), 0);
    ck_assert_int_eq(r.calls, 1);
    sov_model_close(m);
    return r;
}

static float
noise(uint32_t i)
{
    uint32_t x = i * 2654435761u + 12345u;

    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return (float)((double)x / 4294967296.0 - 0.4) * 3;
}

static int
by_float(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;

    return a < b ? -1 : a > b;
}

START_TEST(moments_are_the_plain_formulas)
{
    /* more than a slab, and a last piece that is not full */
    static const size_t sizes[] = { 1, 7, 256, 16384, 16385, 1500000, 2100003 };

    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        size_t n = sizes[k];
        float *x = malloc(n * sizeof(*x));
        double sum = 0, square = 0, low = HUGE_VAL, high = -HUGE_VAL;
        uint64_t zeros = 0, total = 0;
        struct result one, many;

        for (size_t i = 0; i < n; i++) {
            x[i] = i % 9 == 0 ? (i % 18 == 0 ? 0.0f : -0.0f)
                              : noise((uint32_t)i) + 100;
            sum += (double)x[i];
            zeros += x[i] == 0;
            low = fmin(low, (double)x[i]);
            high = fmax(high, (double)x[i]);
        }
        for (size_t i = 0; i < n; i++)
            square += ((double)x[i] - sum / (double)n) *
                      ((double)x[i] - sum / (double)n);
        write_model(path, SOV_TYPE_F32, n, 0, x);
        sov_set_threads(1);
        one = scan(path);
        sov_set_threads(5);
        many = scan(path);
        ck_assert_mem_eq(&one.s, &many.s, sizeof(one.s));
        ck_assert_mem_eq(&one.bars, &many.bars, sizeof(one.bars));
        ck_assert_uint_eq(one.s.n, n);
        ck_assert_uint_eq(one.s.zeros, zeros);
        ck_assert_uint_eq(one.s.first_bad, n);
        ck_assert_double_eq(one.s.min, low);
        ck_assert_double_eq(one.s.max, high);
        ck_assert_double_eq_tol(one.s.mean, sum / (double)n, 1e-9);
        ck_assert_double_eq_tol(one.s.std, sqrt(square / (double)n), 1e-9);
        ck_assert_double_eq_tol(
            one.s.rms, hypot(sum / (double)n, sqrt(square / (double)n)), 1e-9);
        for (size_t i = 0; i < one.bars.n; i++)
            total += one.bars.count[i];
        ck_assert_uint_eq(total + one.bars.below + one.bars.above, n);
        ck_assert_uint_eq(one.bars.below + one.bars.above, 0);
        qsort(x, n, sizeof(*x), by_float);
        for (int q = 0; q < 5; q++) {
            double want = (double)x[(size_t)(0.25 * q * (double)(n - 1) + 0.5)];

            ck_assert_double_eq_tol(one.q[q], want, fabs(want) / 1024 + 1e-30);
        }
        free(x);
    }
}
END_TEST

START_TEST(halves_have_exact_quantiles_and_bars)
{
    enum { N = 10007 };
    uint16_t h[N];
    float x[N];
    struct result r;

    for (uint32_t i = 0; i < N; i++) {
        h[i] = sov_f32_to_f16(noise(i) * (i % 50 == 0 ? 1e-6f : 1));
        x[i] = sov_f16_to_f32(h[i]);
    }
    write_model(path, SOV_TYPE_F16, N, 0, h);
    r = scan(path);
    qsort(x, N, sizeof(*x), by_float);
    for (int q = 0; q < 5; q++)
        ck_assert_double_eq(r.q[q],
                            (double)x[(size_t)(0.25 * q * (N - 1) + 0.5)]);
    for (size_t k = 0; k < r.bars.n; k++) {
        double from = r.bars.low + (double)k * r.bars.width;
        double to = from + r.bars.width;
        uint64_t want = 0;

        for (int i = 0; i < N; i++) {
            double v = (double)x[i];

            want +=
                v >= 0 ? v >= from && v < to : v > from && v <= to && to <= 0;
        }
        ck_assert_uint_eq(r.bars.count[k], want);
    }
}
END_TEST

START_TEST(one_number_has_a_histogram)
{
    float x[100];
    struct result r;

    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < 100; i++)
            x[i] = k == 0 ? 0 : k == 1 ? 1.1f : -3e38f;
        write_model(path, SOV_TYPE_F32, 10, 10, x);
        r = scan(path);
        ck_assert_double_eq(r.q[2], (double)x[0]);
        ck_assert_uint_ge(r.bars.n, 1);
        ck_assert_uint_eq(r.bars.below + r.bars.above, 0);
    }
}
END_TEST

START_TEST(what_is_no_number_is_found)
{
    enum { N = 40000 };
    static float x[N];
    struct result r;

    for (uint32_t i = 0; i < N; i++)
        x[i] = noise(i);
    x[17000] = NAN;
    x[33000] = NAN;
    x[20001] = -INFINITY;
    x[35000] = 70000;
    x[12] = -65504;
    write_model(path, SOV_TYPE_F32, 200, 200, x);
    r = scan(path);
    ck_assert_uint_eq(r.s.nan, 2);
    ck_assert_uint_eq(r.s.first_nan, 17000);
    ck_assert_uint_eq(r.s.inf, 1);
    ck_assert_uint_eq(r.s.first_inf, 20001);
    ck_assert_uint_eq(r.s.first_bad, 17000);
    ck_assert_uint_eq(r.s.beyond, 1);
    ck_assert_uint_eq(r.s.first_beyond, 35000);
    ck_assert_double_eq(r.s.min, -65504);
    ck_assert_double_eq(r.s.max, 70000);
    for (int i = 0; i < N; i++)
        x[i] = NAN;
    write_model(path, SOV_TYPE_F32, 200, 200, x);
    r = scan(path);
    ck_assert_uint_eq(r.s.nan, N);
    ck_assert(isnan(r.s.min) && isnan(r.s.mean) && isnan(r.q[0]));
    ck_assert_uint_eq(r.bars.n, 0);
}
END_TEST

/* A half of infinity as the scale of one block. */
START_TEST(broken_scales_are_counted_in_blocks)
{
    unsigned char b[100 * 34];
    struct result r;

    memset(b, 1, sizeof(b));
    b[34 * 7] = b[34 * 50] = 0x00;
    b[34 * 7 + 1] = b[34 * 50 + 1] = 0x7c;
    write_model(path, SOV_TYPE_Q8_0, 320, 10, b);
    r = scan(path);
    ck_assert_uint_eq(r.s.bad_blocks, 2);
    ck_assert_uint_eq(r.s.first_bad, 7 * 32);
    ck_assert_uint_eq(r.s.inf + r.s.nan, 64);
}
END_TEST

START_TEST(every_type_is_known_or_says_so)
{
    unsigned char block[512] = { 0 };
    float x[256];

    for (int type = 0; type < 512; type++) {
        const struct sov_type_info *info = sov_type_info(type);
        int rc;

        if (info == NULL) {
            ck_assert(!sov_weights_known((enum sov_type)type));
            continue;
        }
        rc = sov_weights_decode(info->type, block, x, info->block, NULL);
        if (info->kind == SOV_KIND_ACT)
            ck_assert_int_eq(rc, SOV_EUNSUP);
        else
            ck_assert_int_eq(rc, 0);
        ck_assert_int_eq(sov_weights_known(info->type), rc == 0);
        if (info->block > 1)
            ck_assert_int_eq(
                sov_weights_decode(info->type, block, x, info->block - 1, NULL),
                SOV_EARG);
    }
}
END_TEST

START_TEST(integers_are_numbers)
{
    const int16_t a[] = { -32768, -1, 0, 32767 };
    const uint8_t b[] = { 0, 1, 128, 255 };
    float x[4];

    ck_assert_int_eq(sov_weights_decode(SOV_TYPE_I16, a, x, 4, NULL), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_float_eq(x[i], (float)a[i]);
    ck_assert_int_eq(sov_weights_decode(SOV_TYPE_U8, b, x, 4, NULL), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_float_eq(x[i], (float)b[i]);
}
END_TEST

START_TEST(found_ends_a_scan)
{
    float x[4] = { 1, 2, 3, 4 };
    struct result r = { .give = SOV_ENO };
    struct sov_scan what = { .found = keep, .arg = &r };
    sov_model *m;

    write_model(path, SOV_TYPE_F32, 4, 0, x);
    m = open_model(path);
    ck_assert_int_eq(sov_scan(m, &what, NULL), SOV_ENO);
    ck_assert_uint_eq(r.s.n_front, 4);
    ck_assert_float_eq(r.s.front[3], 4);
    sov_model_close(m);
}
END_TEST

/* ---- comparing */

static int
keep_gap(void *arg, size_t i, const struct sov_gap *gap, struct sov_err *err)
{
    (void)i;
    (void)err;
    *(struct sov_gap *)arg = *gap;
    return 0;
}

static struct sov_gap
compare(sov_model *a, sov_model *b)
{
    struct sov_pair pair = { 0, 0 };
    struct sov_gap gap;
    struct sov_compare what = {
        .pair = &pair, .n = 1, .found = keep_gap, .arg = &gap
    };

    ck_assert_int_eq(sov_compare(a, b, &what, NULL), 0);
    sov_model_close(a);
    sov_model_close(b);
    return gap;
}

/* A file as a pipe, read by a process of its own. */
static sov_model *
open_pipe(const char *from)
{
    char fifo[80];
    sov_model *m;
    pid_t pid;

    snprintf(fifo, sizeof(fifo), "%s.fifo", from);
    unlink(fifo);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    pid = fork();
    if (pid == 0) {
        char line[200];

        snprintf(line, sizeof(line), "cat %s > %s", from, fifo);
        execlp("sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    m = open_model(fifo);
    unlink(fifo);
    return m;
}

START_TEST(differences_are_the_plain_formulas)
{
    enum { N = 2100000 };
    float *x = malloc(N * sizeof(*x)), *y = malloc(N * sizeof(*y));
    double error = 0, square = 0;
    char second[80];
    struct sov_gap gap, piped;

    snprintf(second, sizeof(second), "%s.b", path);
    for (uint32_t i = 0; i < N; i++) {
        x[i] = y[i] = noise(i);
        if (i == 1900000) /* the first slab is the same */
            y[i] += 0.5f;
        if (i == 2000000)
            y[i] += 2;
        error += ((double)y[i] - (double)x[i]) * ((double)y[i] - (double)x[i]);
        square += (double)x[i] * (double)x[i];
    }
    write_model(path, SOV_TYPE_F32, 100, N / 100, x);
    write_model(second, SOV_TYPE_F32, 100, N / 100, y);
    gap = compare(open_model(path), open_model(second));
    ck_assert(!gap.same);
    ck_assert_uint_eq(gap.differ, 2);
    ck_assert_uint_eq(gap.first, 1900000);
    ck_assert_double_eq_tol(gap.max, 2, 1e-6);
    ck_assert_double_eq_tol(gap.nmse, error / square, 1e-12);
    ck_assert_double_eq_tol(gap.rms, sqrt(error / N), 1e-9);
    piped = compare(open_pipe(path), open_model(second));
    ck_assert_uint_eq(piped.differ, 2);
    ck_assert_double_eq_tol(piped.nmse, gap.nmse, 1e-12);
    gap = compare(open_model(path), open_model(path));
    ck_assert(gap.same && gap.differ == 0 && gap.nmse == 0);
    unlink(second);
    free(x);
    free(y);
}
END_TEST

START_TEST(types_may_differ)
{
    float x[256] = { 0 }, y[256];
    uint16_t h[256];
    char second[80];
    struct sov_gap gap;

    snprintf(second, sizeof(second), "%s.b", path);
    for (uint32_t i = 0; i < 256; i++) {
        h[i] = sov_f32_to_f16(noise(i));
        x[i] = sov_f16_to_f32(h[i]);
    }
    write_model(path, SOV_TYPE_F32, 256, 0, x);
    write_model(second, SOV_TYPE_F16, 256, 0, h);
    gap = compare(open_model(path), open_model(second));
    ck_assert(!gap.same); /* in bytes, but every number is */
    ck_assert_uint_eq(gap.differ, 0);
    memcpy(y, x, sizeof(x));
    y[3] = NAN;
    x[4] = y[4] = INFINITY;
    write_model(path, SOV_TYPE_F32, 256, 0, x);
    write_model(second, SOV_TYPE_F32, 256, 0, y);
    gap = compare(open_model(path), open_model(second));
    ck_assert_uint_eq(gap.differ, 1);
    ck_assert_uint_eq(gap.bad, 1);
    ck_assert_double_eq(gap.nmse, 0);
    unlink(second);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("inspect");
    int rc;

    snprintf(path, sizeof(path), "t_inspect.%d.gguf", (int)getpid());
    tcase_add_test(tc, moments_are_the_plain_formulas);
    tcase_add_test(tc, halves_have_exact_quantiles_and_bars);
    tcase_add_test(tc, one_number_has_a_histogram);
    tcase_add_test(tc, what_is_no_number_is_found);
    tcase_add_test(tc, broken_scales_are_counted_in_blocks);
    tcase_add_test(tc, every_type_is_known_or_says_so);
    tcase_add_test(tc, integers_are_numbers);
    tcase_add_test(tc, found_ends_a_scan);
    tcase_add_test(tc, differences_are_the_plain_formulas);
    tcase_add_test(tc, types_may_differ);
    rc = unit_main("inspect", tc);
    unlink(path);
    return rc;
}
