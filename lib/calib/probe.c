/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - how long a run will take, from what a little of it takes
 */
#include "calib/calib_in.h"

#include "base/mem.h"
#include "base/order.h"
#include "sys/file.h"

#include <stdlib.h>

/* Columns, and rows, of the moments that are tried. */
#define COLUMNS 2048

/* An even number, see sov_calib_usual(). */
#define TRIES 8

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

/* What is tried by turns, as it is done by turns: what one leaves in the caches
 * the next one has to bear. */
struct round {
    struct sov_calib *c;
    struct sov_moments wide; /* as wide as others may be, and as the stream, */
    struct sov_moments slim; /* of places whose products are added to it */
    double layer[SOV_CALIB_STREAMS][TRIES];
    double moments[TRIES];
};

static int
begin_round(struct round *r, struct sov_calib *c, struct sov_err *err)
{
    size_t most = c->net->in_max < COLUMNS ? c->net->in_max : COLUMNS;
    size_t embd = c->net->hp.n_embd < COLUMNS ? c->net->hp.n_embd : COLUMNS;
    bool pairs = c->n_streams > 1;
    int rc;

    *r = (struct round){ .c = c };
    if (c->fit == NULL)
        return 0;
    rc = sov_moments_new(&r->wide, most, pairs ? embd : 0, pairs, false, err);
    return rc == 0 ? sov_moments_new(&r->slim, embd, pairs ? embd : 0, pairs,
                                     false, err)
                   : rc;
}

/* Tokens of a window that moments are tried with. */
static size_t
tokens_of(const struct sov_calib *c)
{
    return c->n_ctx < SOV_MOMENT_TOKENS ? c->n_ctx : SOV_MOMENT_TOKENS;
}

static void
add_moments(const struct sov_calib *c, struct sov_moments *m, bool lack)
{
    size_t n = tokens_of(c);

    sov_moments_add(m, false, c->pass.x, 0, c->pass.x, 0, n, c->room);
    if (lack && m->out > 0)
        sov_moments_add_lack(m, false, c->pass.x, 0, c->pass.x, 0, n, c->room);
}

/* Those of a layer: what enters attention and the feed-forward is as wide as
 * the stream, and so is what attention gives. */
static void
time_moments(struct round *r, int i)
{
    r->moments[i] = sov_clock();
    add_moments(r->c, &r->slim, false);
    add_moments(r->c, &r->slim, true);
    add_moments(r->c, &r->slim, false);
    add_moments(r->c, &r->wide, true);
    r->moments[i] = sov_clock() - r->moments[i];
}

static double
sums_of(const struct round *r, const struct sov_moments *m, bool lack)
{
    const struct sov_calib_site site = { .n_experts = 1,
                                         .out = lack ? m->out : 0 };

    return (double)sov_calib_sums(r->c, &site, m->k);
}

static int
go_round(struct round *r, int i, struct sov_err *err)
{
    struct sov_calib *c = r->c;
    int rc = 0;

    for (size_t s = 0; s < c->n_streams && rc == 0; s++) {
        r->layer[s][i] = sov_clock();
        rc = sov_calib_one(c, 0, s, (size_t)i % c->n_windows, err);
        r->layer[s][i] = sov_clock() - r->layer[s][i];
    }
    if (rc == 0 && r->wide.k > 0)
        time_moments(r, i);
    return rc;
}

static void
take_rates(struct round *r, struct sov_calib_rates *rates)
{
    const struct sov_calib *c = r->c;
    double work = (double)sov_calib_work(c, 0, SOV_ENTERS_NONE) * c->n_ctx;

    for (size_t s = 0; s < c->n_streams; s++)
        rates->layer[s] = sov_calib_usual(r->layer[s], TRIES) / work;
    if (r->wide.k == 0)
        return;
    work = 2 * sums_of(r, &r->slim, false) + sums_of(r, &r->slim, true) +
           sums_of(r, &r->wide, true);
    rates->moments =
        sov_calib_usual(r->moments, TRIES) / (work * (double)tokens_of(c));
}

static int
time_tally(struct sov_calib *c, double *seconds, struct sov_err *err)
{
    size_t k = c->net->hp.n_embd;
    struct sov_intake in;
    double t[TRIES];
    int i, rc = sov_intake_new(&in, k, 1, err);

    if (rc < 0)
        return rc;
    for (i = 0; i < TRIES; i++) {
        t[i] = sov_clock();
        sov_intake_add(&in, 0, c->pass.x, k, c->n_ctx);
        t[i] = sov_clock() - t[i];
    }
    *seconds = sov_calib_usual(t, TRIES) / ((double)k * (double)c->n_ctx);
    sov_intake_free(&in);
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
    struct round r;
    int rc = begin_round(&r, c, err);

    *rates = (struct sov_calib_rates){ 0 };
    for (int i = 0; i < TRIES && rc == 0; i++)
        rc = go_round(&r, i, err);
    if (rc == 0)
        take_rates(&r, rates);
    sov_moments_free(&r.wide);
    sov_moments_free(&r.slim);
    return rc == 0 ? time_tally(c, &rates->tally, err) : rc;
}
