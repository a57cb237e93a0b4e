/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback.c - rounding that makes up for what it has rounded before
 *
 * Here are the choices: how far H is drawn towards its diagonal, by what that
 * does to some rows on tokens that H has not seen.  feedback_factor.c takes H
 * apart, feedback_rows.c goes through the rows, feedback_unit.c rounds blocks.
 */
#include "compress/feedback.h"

#include "compress/feedback_in.h"

#include "base/mem.h"
#include "quant/codec.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAMP 0.01
/* Tokens for each column from which on H is believed. */
#define MANY 64.0
/* Where nothing can be tried: too much of it fits the text too well. */
#define USUAL_MIX 0.5

/* ---- rows ---- */

static void
chunks(void *arg, size_t first, size_t last, unsigned worker)
{
    for (size_t i = first; i < last; i++)
        sov_fb_chunk(arg, i, worker);
}

static void
add_loss(struct sov_feedback_loss *to, const struct sov_feedback_loss *l)
{
    to->rows += l->rows;
    to->kept += l->kept;
    to->plain += l->plain;
    to->now += l->now;
}

static int
run(struct sov_fb_job *job, struct sov_feedback_loss *loss, struct sov_err *err)
{
    size_t n = (job->n_rows + SOV_FB_ROWS - 1) / SOV_FB_ROWS;
    int rc;

    if (loss != NULL) {
        job->loss = sov_mem_array(n, sizeof(*job->loss));
        if (job->loss == NULL)
            return sov_mem_fail(err);
    }
    rc = sov_fb_work_new(job, err);
    if (rc == 0)
        sov_par_for(n, 1, chunks, job);
    for (size_t i = 0; i < n && rc == 0 && loss != NULL; i++)
        add_loss(loss, &job->loss[i]);
    sov_fb_work_free(job);
    free(job->loss);
    return rc;
}

static int
encode(struct sov_fb_job *job, struct sov_feedback_loss *loss,
       struct sov_err *err)
{
    const struct sov_codec *codec = sov_codec_find(job->type);
    const struct sov_type_info *info = sov_type_info((int)job->type);
    size_t n = job->f->second.n;

    if (codec == NULL || codec->parts == NULL || n % info->block != 0)
        return sov_fail(err, SOV_EARG, "%zu columns are no blocks of %s", n,
                        info != NULL ? info->name : "this type");
    job->k = sov_kern();
    job->parts = codec->parts;
    job->block_bytes = info->bytes;
    job->row_bytes = n / info->block * info->bytes;
    return run(job, loss, err);
}

int
sov_feedback_encode(const struct sov_feedback *f, enum sov_type type,
                    const float *rows, size_t first, size_t n_rows, void *out,
                    struct sov_feedback_loss *loss, struct sov_err *err)
{
    struct sov_fb_job job = {
        .f = f,
        .type = type,
        .rows = rows,
        .first = first,
        .n_rows = n_rows,
        .out = out,
    };

    return encode(&job, loss, err);
}

/* ---- what it is made of ---- */

/* A power of two and the tokens: the mean of the diagonal near 1. */
static double
scale_of(const float *h, uint64_t tokens, size_t n)
{
    double mean = 0;
    int exponent;

    for (size_t i = 0; i < n; i++)
        mean += (double)h[i * n + i];
    mean /= (double)n * (double)tokens;
    (void)frexp(mean > 0 && isfinite(mean) ? mean : 1.0, &exponent);
    return ldexp(1.0 / (double)tokens, -exponent);
}

static double
mean_diagonal(const struct sov_fb_second *s)
{
    double sum = 0;

    for (size_t i = 0; i < s->n; i++)
        sum += s->scale * (double)s->h[i * s->n + i];
    sum /= (double)s->n;
    return sum > 0 ? sum : 1.0;
}

/* Few tokens say little: as many as four times the columns will do, and with so
 * many more there is nothing left to try. */
static double
usual_draw(const struct sov_moments *m)
{
    double k = (double)m->k, n = (double)m->fit.n;

    return n < MANY * k ? k / (k + 4.0 * n) : 0.0;
}

static int
make(struct sov_feedback *f, double draw, double damp, struct sov_err *err)
{
    const struct sov_moments *m = f->m;
    struct sov_fb_second *s = &f->second;

    sov_fb_factor_free(&f->factor);
    *s = (struct sov_fb_second){ .n = m->k, .h = m->fit.h, .draw = draw };
    s->scale = scale_of(m->fit.h, m->fit.n, m->k);
    if (m->wide != NULL && m->wide->fit.n > 0 && draw > 0) {
        s->wide = m->wide->fit.h;
        s->wide_scale = s->scale * (double)m->fit.n / (double)m->wide->fit.n;
    }
    s->damp = damp * mean_diagonal(s);
    return sov_fb_factor_new(&f->factor, s, err);
}

/* What rounding the rows to choose by costs on held. */
static int
try_rows(struct sov_feedback *f, const struct sov_feedback_opts *o,
         double *cost, struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info((int)o->type);
    struct sov_feedback_loss loss = { 0 };
    struct sov_fb_job job = {
        .f = f,
        .type = o->type,
        .rows = o->rows,
        .which = o->which,
        .n_rows = o->n_rows,
    };
    int rc;

    if (info != NULL)
        job.out = sov_mem_array(o->n_rows, f->m->k / info->block * info->bytes);
    rc = job.out == NULL ? sov_mem_fail(err) : encode(&job, &loss, err);
    *cost = loss.now;
    free(job.out);
    return rc;
}

/* From the least on, as long as it gets better. */
static int
find_draw(struct sov_feedback *f, const struct sov_feedback_opts *o,
          double damp, struct sov_err *err)
{
    static const double draws[] = { 0.0, 0.1, 0.3, 0.6, 1.0 };
    double best = 0, least = INFINITY;
    int rc = 0;

    for (size_t i = 0; i < 5 && rc == 0; i++) {
        double cost = 0;

        rc = make(f, draws[i], damp, err);
        if (rc == 0)
            rc = try_rows(f, o, &cost, err);
        if (!(cost < least))
            break;
        least = cost;
        best = draws[i];
    }
    if (rc == 0 && f->second.draw != best)
        rc = make(f, best, damp, err);
    return rc;
}

static int
find_mix(struct sov_feedback *f, const struct sov_feedback_opts *o,
         struct sov_err *err)
{
    static const double mixes[] = { 1.0, 0.5, 0.25, 0.0 };
    double best = 1, least = INFINITY;
    int rc = 0;

    for (size_t i = 0; i < 4 && rc == 0; i++) {
        double cost = 0;

        f->mix = mixes[i];
        rc = try_rows(f, o, &cost, err);
        if (!(cost < least))
            break;
        least = cost;
        best = mixes[i];
    }
    f->mix = best;
    return rc;
}

/* Draw and mix, as they are given or as they do best. */
static int
settle(struct sov_feedback *f, const struct sov_feedback_opts *o,
       struct sov_err *err)
{
    double damp = o->damp > 0 ? o->damp : DAMP;
    bool try = f->m->held.n > 0 && o->n_rows > 0;
    int rc;

    if (f->m->fit.c != NULL)
        f->mix = o->mix >= 0 ? o->mix : try ? 1.0 : USUAL_MIX;
    if (o->draw >= 0)
        rc = make(f, o->draw < 1 ? o->draw : 1, damp, err);
    else if (try && usual_draw(f->m) > 0)
        rc = find_draw(f, o, damp, err);
    else
        rc = make(f, usual_draw(f->m), damp, err);
    if (rc == 0 && f->m->fit.c != NULL && o->mix < 0 && try)
        rc = find_mix(f, o, err);
    return rc;
}

/* The diagonal, near 1; no column counts nothing. */
static int
find_importance(struct sov_feedback *f, struct sov_err *err)
{
    const struct sov_moments *m = f->m;
    double scale = scale_of(m->fit.h, m->fit.n, m->k);

    f->importance = sov_mem_array(m->k, sizeof(*f->importance));
    if (f->importance == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < m->k; i++) {
        double x = scale * (double)m->fit.h[i * m->k + i];

        f->importance[i] = x > 0x1p-20 ? (float)x : 0x1p-20f;
    }
    return 0;
}

static int
fill(struct sov_feedback *f, const struct sov_feedback_opts *o,
     struct sov_err *err)
{
    int rc = find_importance(f, err);

    f->effort = o->effort < 1 ? SOV_EFFORT_DEFAULT : o->effort;
    f->effort = f->effort > 9 ? 9 : f->effort;
    return rc < 0 ? rc : settle(f, o, err);
}

int
sov_feedback_new(struct sov_feedback **f, const struct sov_moments *moments,
                 const struct sov_feedback_opts *opts, struct sov_err *err)
{
    struct sov_feedback *made = sov_mem_array(1, sizeof(*made));
    int rc;

    *f = NULL;
    if (made == NULL)
        return sov_mem_fail(err);
    made->m = moments;
    rc = moments->fit.n == 0
             ? sov_fail(err, SOV_EARG, "no tokens to learn from")
             : fill(made, opts, err);
    if (rc < 0) {
        sov_feedback_free(made);
        return rc;
    }
    *f = made;
    return 0;
}

void
sov_feedback_free(struct sov_feedback *f)
{
    if (f == NULL)
        return;
    sov_fb_factor_free(&f->factor);
    free(f->importance);
    free(f);
}

double
sov_feedback_draw(const struct sov_feedback *f)
{
    return f->second.draw;
}

double
sov_feedback_mix(const struct sov_feedback *f)
{
    return f->mix;
}
