/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_feedback - how long rounding with error feedback takes
 *
 *     bench_feedback TYPE COLUMNS ROWS [EFFORT]
 *
 * Inputs are random, each number with something of the one before it.  What is
 * told is the time for the factor, which serves all matrices of an input, and
 * for the rows, on all threads; and what of the plain encoder's loss is left.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "calib/moments.h"
#include "compress/feedback.h"
#include "kern/kern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKENS  ((size_t)4096)
#define AT_ONCE ((size_t)64)

static struct sov_err err;
static uint64_t counter;

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
fail(void)
{
    fprintf(stderr, "bench_feedback: %s\n", err.msg);
    exit(1);
}

static float
uniform(void)
{
    uint32_t out[4];

    sov_rng_block(1, 2, counter++, out);
    return (float)(int32_t)out[0] / 2147483648.0f;
}

/* The sums of all tokens, a few of them at a time. */
static void
make_moments(struct sov_moments *m, size_t k)
{
    float *x = sov_mem_array(AT_ONCE * k, sizeof(float));
    float *turned = sov_mem_array(AT_ONCE * k, sizeof(float));

    *m = (struct sov_moments){ .k = k };
    m->fit.h = sov_mem_array(k * k, sizeof(float));
    m->fit.c = sov_mem_array(k * k, sizeof(float));
    if (x == NULL || turned == NULL || m->fit.h == NULL || m->fit.c == NULL)
        exit(1);
    for (; m->fit.n < TOKENS; m->fit.n += AT_ONCE) {
        for (size_t t = 0; t < AT_ONCE; t++)
            for (size_t i = 0; i < k; i++) {
                float last = i > 0 ? x[t * k + i - 1] : 0.0f;

                x[t * k + i] = uniform() + 0.7f * last;
                turned[i * AT_ONCE + t] = x[t * k + i];
            }
        sov_kern()->mixes(turned, AT_ONCE, k, x, k, AT_ONCE, m->fit.h, k, k);
    }
    for (size_t i = 0; i < k * k; i++) /* inputs have become smaller */
        m->fit.c[i] = 0.01f * m->fit.h[i];
    free(turned);
    free(x);
}

static enum sov_type
type_named(const char *name)
{
    for (int i = 0; i < SOV_TYPE_GGUF_MAX; i++) {
        const struct sov_type_info *info = sov_type_info(i);

        if (info != NULL && strcmp(info->name, name) == 0)
            return (enum sov_type)i;
    }
    fprintf(stderr, "bench_feedback: no type %s\n", name);
    exit(2);
}

int
main(int argc, char **argv)
{
    struct sov_feedback_opts opts = { .effort = argc > 4 ? atoi(argv[4]) : 0 };
    struct sov_feedback_loss loss = { 0 };
    struct sov_feedback *f;
    struct sov_moments m;
    size_t k, n;
    float *rows;
    void *out;
    double t0, t1, t2;

    if (argc < 4) {
        fprintf(stderr, "usage: bench_feedback TYPE COLUMNS ROWS [EFFORT]\n");
        return 2;
    }
    opts.type = type_named(argv[1]);
    k = (size_t)atol(argv[2]);
    n = (size_t)atol(argv[3]);
    rows = sov_mem_array(n, k * sizeof(float));
    out = sov_mem_array(n, 4 * k);
    if (rows == NULL || out == NULL)
        return 1;
    make_moments(&m, k);
    for (size_t i = 0; i < n * k; i++)
        rows[i] = uniform() + uniform() + uniform();
    t0 = seconds();
    if (sov_feedback_new(&f, &m, &opts, &err) < 0)
        fail();
    t1 = seconds();
    if (sov_feedback_encode(f, opts.type, rows, 0, n, out, &loss, &err) < 0)
        fail();
    t2 = seconds();
    printf("%s %zu x %zu: factor %.2f s, rows %.2f s, %.1f million weights a "
           "second; %.3f of the plain loss\n",
           argv[1], n, k, t1 - t0, t2 - t1, (double)(n * k) / (t2 - t1) / 1e6,
           loss.now / loss.plain);
    sov_feedback_free(f);
    free(m.fit.h);
    free(m.fit.c);
    free(rows);
    free(out);
    return 0;
}
