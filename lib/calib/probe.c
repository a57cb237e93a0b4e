/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - how long a run will take, from what a little of it takes
 */
#include "calib/calib_in.h"

#include "base/mem.h"
#include "base/order.h"
#include "sys/file.h"

#include <stdlib.h>

/* Columns of the moments that are tried. */
#define COLUMNS 2048

/* An even number of each, see sov_calib_usual(). */
#define TRIES_LAYER   4
#define TRIES_MOMENTS 6

int
sov_calib_each_site(const struct sov_calib *c, sov_calib_site_fn fn, void *arg,
                    struct sov_err *err)
{
    size_t i;
    unsigned e;
    int rc = 0;

    for (i = 0; i <= c->net->hp.n_layer; i++) {
        bool head = i == c->net->hp.n_layer;

        for (e = head ? SOV_ENTERS_NONE : SOV_ENTERS_QKV;
             e < (head ? 1 : SOV_N_ENTERS) && rc == 0; e++) {
            struct sov_calib_site site;
            struct sov_calib_look look =
                sov_calib_asked(c, head ? 0 : i, (enum sov_enters)e, &site);

            if (look.wanted)
                rc = fn(arg, &site, look.k, err);
        }
    }
    return rc;
}

uint64_t
sov_calib_tokens(const struct sov_calib *c)
{
    return (uint64_t)c->n_windows * c->n_ctx;
}

double
sov_calib_usual(double *t, size_t n)
{
    return sov_order_take_median(t + 1, n - 1);
}

static int
time_layer(struct sov_calib *c, size_t stream, double *seconds,
           struct sov_err *err)
{
    double t[TRIES_LAYER];
    int i, rc = 0;

    for (i = 0; i < TRIES_LAYER && rc == 0; i++) {
        t[i] = sov_clock();
        rc = sov_calib_one(c, 0, stream, 0, err);
        t[i] = sov_clock() - t[i];
    }
    if (rc < 0)
        return rc;
    *seconds = sov_calib_usual(t, TRIES_LAYER) /
               ((double)sov_calib_work(c, 0, SOV_ENTERS_NONE) * c->n_ctx);
    return 0;
}

static int
time_moments(struct sov_calib *c, double *seconds, struct sov_err *err)
{
    size_t k = c->net->in_max < COLUMNS ? c->net->in_max : COLUMNS;
    size_t n = c->n_ctx < SOV_MOMENT_TOKENS ? c->n_ctx : SOV_MOMENT_TOKENS;
    struct sov_moments m;
    double t[TRIES_MOMENTS];
    int i, rc;

    rc = sov_moments_new(&m, k, 0, c->n_streams > 1, false, err);
    if (rc < 0)
        return rc;
    for (i = 0; i < TRIES_MOMENTS; i++) {
        t[i] = sov_clock();
        sov_moments_add(&m, false, c->pass.x, 0, c->pass.x, 0, n, c->room);
        t[i] = sov_clock() - t[i];
    }
    *seconds =
        sov_calib_usual(t, TRIES_MOMENTS) / ((double)k * (double)k * (double)n);
    sov_moments_free(&m);
    return 0;
}

/* Inputs that go with each other. */
static void
some_inputs(float *x, size_t n)
{
    uint32_t s = 1;
    float last = 0;

    for (size_t i = 0; i < n; i++) {
        s = s * 1664525 + 1013904223;
        x[i] = last = 0.7f * last + (float)(int32_t)s * 0x1p-31f;
    }
}

int
sov_calib_some_moments(struct sov_moments *m, size_t k, bool held, float *x,
                       struct sov_err *err)
{
    uint64_t floats = sov_moments_room(k, true);
    float *room = sov_mem_aligned((size_t)floats, sizeof(*room));
    int rc = room == NULL ? sov_mem_fail(err)
                          : sov_moments_new(m, k, 0, true, held, err);

    if (rc == 0) {
        some_inputs(x, SOV_MOMENT_TOKENS * k);
        sov_moments_add(m, false, x, k, x + k, k, SOV_MOMENT_TOKENS - 1, room);
        if (held)
            sov_moments_add(m, true, x, k, x + k, k, SOV_MOMENT_TOKENS / 2,
                            room);
        sov_moments_finish(m);
    }
    sov_mem_free_aligned(room);
    return rc;
}

double
sov_calib_through(const size_t at[2], const double t[2], size_t k, int power)
{
    double slim = (double)at[0], wide = (double)at[1];
    double base = 1, low = t[0], high = t[1], a, b;

    for (int i = 0; i < power; i++) {
        base *= (double)k;
        low /= slim;
        high /= wide;
    }
    a = (high - low) / (wide - slim);
    a = a > 0 ? a : 0;
    b = high - a * wide;
    if (b < 0) {
        b = 0;
        a = high / wide;
    }
    return base * (a * (double)k + b);
}

int
sov_calib_probe(struct sov_calib *c, struct sov_calib_rates *rates,
                struct sov_err *err)
{
    int rc = 0;
    size_t s;

    *rates = (struct sov_calib_rates){ 0 };
    for (s = 0; s < c->n_streams && rc == 0; s++)
        rc = time_layer(c, s, &rates->layer[s], err);
    return rc == 0 && c->fit != NULL ? time_moments(c, &rates->moments, err)
                                     : rc;
}
