/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calibrated_cost.c - what calibrated rounding will take
 *
 * Time is measured on small pieces: a window through the first layer, as it is
 * and with blocks of zeros in the types that will be, the moments of a window,
 * and the rounding of some rows of two widths to each type, of which what grows
 * with the square and the cube of the columns follows.
 */
#include "compress/calibrated_in.h"

#include "base/mem.h"
#include "calib/moments.h"
#include "kern/kern.h"
#include "quant/codec.h"

#include <stdlib.h>
#include <string.h>

/* Widths that rounding is tried with, unless all are slimmer, and rows for each
 * thread.  Twice these where there are widths of HUGE, and so on: what does not
 * fit the caches takes longer. */
#define WIDE 1024
#define SLIM 512
#define HUGE 4096
#define ROWS 64

/* Tries, of what takes seconds FEW; the first does not count. */
#define TRIES 6
#define FEW   2

/* Seconds of one input, and of a row of each type, of so many columns. */
struct rounding {
    size_t k[2];
    double made[2];
    double row[SOV_TYPE_GGUF_MAX][2];
};

struct cost {
    const struct sov_calibrated *c;
    struct rounding r;
    double rounding; /* seconds so far */
    double moments;  /* multiplications of a token */
};

/* ---- rounding ---- */

/* How many weights become each type. */
static void
count_types(const struct sov_calibrated *c, uint64_t n[SOV_TYPE_GGUF_MAX])
{
    int64_t tied = sov_model_find(c->job->model, "token_embd.weight");

    for (size_t i = 0; i < SOV_TYPE_GGUF_MAX; i++)
        n[i] = 0;
    for (size_t i = 0; i < sov_plan_count(c->job->plan); i++) {
        const struct sov_tensor *t = sov_plan_at(c->job->plan, i);

        if (sov_calibrated_wants(c, i) || (int64_t)i == tied)
            n[t->type] += sov_tensor_count(t);
    }
}

/* The type that most of them get. */
static enum sov_type
usual_type(const uint64_t n[SOV_TYPE_GGUF_MAX])
{
    size_t most = 0;

    for (size_t i = 0; i < SOV_TYPE_GGUF_MAX; i++)
        if (n[i] > n[most])
            most = i;
    return (enum sov_type)most;
}

static int
tries(size_t k)
{
    return k > 2 * WIDE ? FEW : TRIES;
}

/* Rows of each type. */
static int
time_rows(const struct sov_feedback *f, const uint64_t types[SOV_TYPE_GGUF_MAX],
          float *x, struct rounding *r, int w, struct sov_err *err)
{
    size_t n = ROWS * sov_threads();
    int rc = 0;

    for (size_t type = 0; type < SOV_TYPE_GGUF_MAX && rc == 0; type++) {
        const struct sov_codec *codec = sov_codec_find((enum sov_type)type);
        struct sov_feedback_loss loss = { 0 };
        int many = tries(r->k[w]);
        double t[TRIES];

        if (types[type] == 0 || codec == NULL || codec->parts == NULL)
            continue;
        for (int i = 0; i < many && rc == 0; i++) {
            t[i] = sov_clock();
            rc = sov_feedback_encode(f, (enum sov_type)type, x, 0, n,
                                     x + n * r->k[w], &loss, err);
            t[i] = sov_clock() - t[i];
        }
        if (rc == 0)
            r->row[type][w] = sov_calib_usual(t, (size_t)many) / (double)n;
    }
    return rc;
}

/* One width; x has room for its inputs, its rows and what they become. */
static int
time_width(const struct sov_calibrated *c,
           const uint64_t types[SOV_TYPE_GGUF_MAX], float *x,
           struct rounding *r, int w, struct sov_err *err)
{
    struct sov_feedback_opts o = {
        .draw = -1,
        .mix = -1,
        .effort = c->job->effort,
        .type = usual_type(types),
        .rows = x,
        .n_rows = SOV_CALIBRATED_SAMPLE,
    };
    struct sov_feedback *f = NULL;
    struct sov_moments m = { 0 };
    int many = tries(r->k[w]);
    double t[TRIES];
    int rc = sov_calib_some_moments(&m, r->k[w], true, x, err);

    for (int i = 0; i < many && rc == 0; i++) {
        sov_feedback_free(f);
        f = NULL;
        t[i] = sov_clock();
        rc = sov_feedback_new(&f, &m, &o, err);
        t[i] = sov_clock() - t[i];
    }
    if (rc == 0)
        rc = time_rows(f, types, x, r, w, err);
    sov_feedback_free(f);
    sov_moments_free(&m);
    if (rc == 0)
        r->made[w] = sov_calib_usual(t, (size_t)many);
    return rc;
}

static int
time_rounding(const struct sov_calibrated *c, uint64_t widest,
              struct rounding *r, struct sov_err *err)
{
    size_t rows = 2 * ROWS * sov_threads() + SOV_CALIBRATED_SAMPLE;
    size_t by = widest >= 2 * HUGE ? 4 : widest >= HUGE ? 2 : 1;
    uint64_t types[SOV_TYPE_GGUF_MAX];
    float *x;
    int rc;

    r->k[0] = by * SLIM;
    r->k[1] = by * WIDE;
    count_types(c, types);
    rows = rows < 2 * SOV_MOMENT_TOKENS ? 2 * SOV_MOMENT_TOKENS : rows;
    x = sov_mem_aligned(rows * r->k[1], sizeof(*x));
    if (x == NULL)
        return sov_mem_fail(err);
    rc = time_width(c, types, x, r, 0, err);
    if (rc == 0)
        rc = time_width(c, types, x, r, 1, err);
    sov_mem_free_aligned(x);
    return rc;
}

/* ---- all sites ---- */

static int
add_site(void *arg, const struct sov_calib_site *site, size_t k,
         struct sov_err *err)
{
    struct cost *cost = arg;
    const sov_plan *plan = cost->c->job->plan;

    (void)err;
    cost->rounding += (double)site->n_experts *
                      sov_calib_through(cost->r.k, cost->r.made, k, 2);
    for (size_t i = 0; i < site->n_tensors; i++)
        if (sov_calibrated_wants(cost->c, site->tensor[i]))
            cost->rounding +=
                (double)sov_tensor_rows(sov_plan_at(plan, site->tensor[i])) *
                sov_calib_through(
                    cost->r.k,
                    cost->r.row[sov_plan_at(plan, site->tensor[i])->type], k,
                    1);
    cost->moments += (double)sov_calib_sums(cost->c->calib, site, k);
    return 0;
}

/* Rows of the embeddings where they are the head, too. */
static double
tied_rounding(const struct sov_calibrated *c, const struct rounding *r)
{
    int64_t i = sov_model_find(c->job->model, "token_embd.weight");
    const struct sov_codec *codec;
    const struct sov_tensor *to;

    if (i < 0 || c->off[i] == UINT64_MAX ||
        sov_model_find(c->job->model, "output.weight") >= 0)
        return 0;
    to = sov_plan_at(c->job->plan, (size_t)i);
    codec = sov_codec_find(to->type);
    if (codec == NULL || codec->parts == NULL)
        return 0;
    return sov_calib_through(r->k, r->made, (size_t)to->dim[0], 2) +
           (double)sov_tensor_rows(to) *
               sov_calib_through(r->k, r->row[to->type], (size_t)to->dim[0], 1);
}

/* In the first layer zeros stand for what will be, or what is does again. */
static int
put_first(void *arg, const struct sov_calib_site *site, size_t k,
          struct sov_err *err)
{
    struct sov_calibrated *c = arg;

    (void)k;
    (void)err;
    for (size_t i = 0; i < site->n_tensors && site->layer == 0; i++) {
        size_t tensor = site->tensor[i];

        if (sov_calibrated_wants(c, tensor))
            sov_calib_put(c->calib, tensor,
                          sov_plan_at(c->job->plan, tensor)->type,
                          c->map + c->off[tensor]);
    }
    return 0;
}

static int
put_back(void *arg, const struct sov_calib_site *site, size_t k,
         struct sov_err *err)
{
    struct sov_calibrated *c = arg;

    (void)k;
    (void)err;
    for (size_t i = 0; i < site->n_tensors && site->layer == 0; i++) {
        const struct sov_tensor *t =
            sov_model_at(c->job->model, site->tensor[i]);

        if (sov_calibrated_wants(c, site->tensor[i]))
            sov_calib_put(c->calib, site->tensor[i], t->type, t->data);
    }
    return 0;
}

int
sov_calibrated_cost(struct sov_calibrated *c, struct sov_quant_cost *cost,
                    struct sov_err *err)
{
    double tokens = (double)sov_calib_tokens(c->calib);
    struct sov_calib_rates rates;
    struct cost all = { .c = c };
    double streams = 0;
    uint64_t widest = 0;
    int rc = sov_calib_each_site(c->calib, put_first, c, err);

    for (size_t i = 0; i < sov_plan_count(c->job->plan); i++)
        if (sov_calibrated_wants(c, i) &&
            sov_plan_at(c->job->plan, i)->dim[0] > widest)
            widest = sov_plan_at(c->job->plan, i)->dim[0];
    if (rc == 0)
        rc = sov_calib_probe(c->calib, &rates, err);
    if (rc == 0)
        rc = sov_calib_each_site(c->calib, put_back, c, err);
    if (rc == 0 && widest >= SLIM) /* else it takes no time */
        rc = time_rounding(c, widest, &all.r, err);
    if (rc == 0)
        rc = sov_calib_each_site(c->calib, add_site, &all, err);
    if (rc < 0)
        return rc;
    all.rounding += tied_rounding(c, &all.r);
    for (size_t s = 0; s < 2; s++)
        streams += (double)sov_calib_products(c->calib, s) * rates.layer[s];
    *cost = (struct sov_quant_cost){
        .seconds =
            tokens * (streams + all.moments * rates.moments +
                      (double)sov_calib_tallied(c->calib) * rates.tally) +
            all.rounding,
        .memory = sov_calib_memory(c->calib),
        .scratch = c->size + sov_calib_scratch(c->calib),
    };
    return 0;
}
