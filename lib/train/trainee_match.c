/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_match.c - layers that learn to see what a teacher's layers see
 *
 * What leaves a layer is kept for the way back in any case, since the next one
 * begins with it.  So the comparison is made there, when the gradient of what
 * leaves the layer is in dx, and is added to it.  Where the teacher is wider or
 * narrower a matrix P [width, E] lies behind the parameters of the model, learns
 * as they do, and is written to no file but checkpoints.
 */
#include "train/trainee_in.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM UINT64_C(0x6d61746368) /* of random numbers: "match" */

/* ---- parameters */

static int
check_matches(const sov_trainee *t, struct sov_err *err)
{
    const struct sov_trainee_opts *o = &t->opts;

    if (o->n_match > SOV_MATCHES_MAX || o->match_width == 0 ||
        o->match_width > SOV_WIDTH_MAX)
        return sov_fail(err, SOV_EARG, "%zu layers of width %zu to be seen",
                        o->n_match, o->match_width);
    return sov_match_check(o->match, o->n_match, t->shape.n_layer, SIZE_MAX,
                           err);
}

int
sov_guides_list(sov_trainee *t, struct sov_err *err)
{
    const struct sov_trainee_opts *o = &t->opts;
    struct sov_weight *list;
    int rc;

    t->n_kept = t->n_list;
    if (o->n_match == 0)
        return 0;
    rc = check_matches(t, err);
    if (rc < 0 || o->match_width == t->shape.n_embd)
        return rc;
    list = sov_mem_array(t->n_list + o->n_match, sizeof(*list));
    if (list == NULL)
        return sov_mem_fail(err);
    memcpy(list, t->list, t->n_list * sizeof(*list));
    free(t->list);
    t->list = list;
    for (size_t i = 0; i < o->n_match; i++) {
        struct sov_weight *w = &t->list[t->n_list++];

        snprintf(w->name, sizeof(w->name), "sov.match.%zu.weight", i);
        w->n_in = t->shape.n_embd;
        w->n_out = o->match_width;
        w->at = t->count;
        w->matrix = w->beside = true;
        t->count = (t->count + w->n_in * w->n_out + 15) / 16 * 16;
    }
    return 0;
}

/* Even, of the size that keeps that of what goes through. */
void
sov_guides_init(sov_trainee *t)
{
    for (size_t i = t->n_kept; i < t->n_list; i++) {
        const struct sov_weight *w = &t->list[i];
        double size = sqrt(3 / (double)w->n_in);

        for (uint64_t k = 0; k < w->n_in * w->n_out; k++)
            t->w[w->at + k] =
                (sov_real)(size *
                           (2 * sov_rng_unit(STREAM, i - t->n_kept, k) - 1));
    }
}

/* ---- a unit */

/* What leaves a layer. */
static const sov_real *
leaves(const sov_trainee *t, size_t layer)
{
    return layer + 1 < t->shape.n_layer ? t->layer[layer + 1].kept.x : t->last;
}

/* The way back of n tokens, from seen to dx and P. */
static void
guide_back(const sov_trainee *t, const struct sov_weight *w, size_t at,
           size_t n, sov_real *grad, const sov_real *x)
{
    size_t e = t->shape.n_embd, width = t->opts.match_width;
    struct sov_operand dy = { t->seen, width, false };
    struct sov_operand dy_across = { t->seen, width, true };

    if (w == NULL) {
        sov_prim_add(&t->prim, t->dx + at * e, t->seen, t->dx + at * e, n * e);
        return;
    }
    sov_prim_mul(&t->prim, width, e, n, dy_across,
                 (struct sov_operand){ x, e, true }, grad + w->at, e, at > 0);
    sov_prim_mul(&t->prim, n, e, width, dy,
                 (struct sov_operand){ t->w + w->at, e, true }, t->dx + at * e,
                 e, true);
}

/* Tokens at .. at + n - 1 for match i. */
static int
run_slab(sov_trainee *t, const struct sov_unit *unit, size_t i, size_t at,
         size_t n, sov_real *grad, struct sov_tally *tally, struct sov_err *err)
{
    const struct sov_match *m = &t->opts.match[i];
    const struct sov_weight *w =
        t->n_list > t->n_kept ? &t->list[t->n_kept + i] : NULL;
    size_t e = t->shape.n_embd, width = t->opts.match_width;
    const sov_real *x = leaves(t, m->student) + at * e;
    int rc = unit->show(unit->show_arg, i, at, n, t->shown, err);

    if (rc < 0)
        return rc;
    if (w == NULL)
        memcpy(t->seen, x, n * e * sizeof(*x));
    else
        sov_prim_mul(&t->prim, n, width, e, (struct sov_operand){ x, e, false },
                     (struct sov_operand){ t->w + w->at, e, false }, t->seen,
                     width, false);
    sov_match_run(m, t->prim.k, unit->next + at, n, width, t->seen, t->shown,
                  t->loss);
    for (size_t k = 0; k < n; k++)
        tally->loss += t->loss[k];
    if (grad != NULL)
        guide_back(t, w, at, n, grad, x);
    return 0;
}

int
sov_guides_run(sov_trainee *t, const struct sov_unit *unit, size_t layer,
               sov_real *grad, struct sov_tally *tally, struct sov_err *err)
{
    size_t all = unit->first[unit->n_seq];
    int rc = 0;

    for (size_t i = 0; i < t->opts.n_match && rc == 0; i++) {
        if (t->opts.match[i].student != layer || unit->show == NULL)
            continue;
        for (size_t at = 0, n; at < all && rc == 0; at += n) {
            n = all - at < SOV_SLAB ? all - at : SOV_SLAB;
            rc = run_slab(t, unit, i, at, n, grad, tally, err);
        }
    }
    return rc;
}
