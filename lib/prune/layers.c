/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers.c - the layers go without which a text is foretold best
 *
 * One after the other: each round tries what is left without one more, and the
 * one goes whose absence costs least (J. Song et al., "SLEB: Streamlining LLMs
 * through Redundancy Verification and Elimination of Transformer Blocks", ICML
 * 2024).  Only those of little influence (influence.c) are tried.  A round reads
 * the text once up to its last candidate, and from each candidate to the end.
 * The first and the last layer stay.
 */
#include "prune/layers.h"

#include "base/mem.h"
#include "prune/cost.h"
#include "prune/job.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Candidates of a round. */
#define SHORTLIST 8

/* ---- what all judges share ---- */

void
sov_layers_drop(struct sov_layers *l, size_t p)
{
    l->n -= l->step;
    memmove(l->id + p, l->id + p + l->step, (l->n - p) * sizeof(*l->id));
}

/* How many stay of n: the first and the last do, and all of a step. */
static size_t
layers_stay(const struct sov_trim *c, double ratio)
{
    size_t n = c->hp.n_layer, step = sov_trim_step(c);
    size_t go = (n - sov_shape_stay(ratio, n)) / step * step;

    while (go > 0 && go + 2 > n)
        go -= step;
    return n - go;
}

/* Without those in the middle. */
static int
set(struct sov_trim *c, double ratio, struct sov_err *err)
{
    size_t n = c->hp.n_layer, stay = layers_stay(c, ratio);
    uint32_t *id = sov_mem_array(stay, sizeof(*id));
    int rc;

    if (id == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < stay; i++)
        id[i] = (uint32_t)(i + 1 < stay ? i : n - 1);
    rc = sov_trim_keep(&c->layer, id, stay, err);
    free(id);
    return rc;
}

static void
tell(const struct sov_layers *l, const struct sov_trim *c)
{
    char list[160] = "";
    size_t len = 0;

    for (size_t i = 0; i < c->hp.n_layer; i++)
        if (!sov_trim_has(&c->layer, i) && len < sizeof(list) - 12)
            len += (size_t)snprintf(list + len, sizeof(list) - len, " %zu", i);
    sov_prune_tell(l->job, "%zu of %" PRIu32 " layers stay; without%s", l->n,
                   c->hp.n_layer, list);
}

static int
check(const struct sov_trim *c, const struct sov_layers *l, struct sov_err *err)
{
    if (l->stay < c->hp.n_layer)
        return 0;
    if (l->step > 1)
        return sov_fail(err, SOV_EUNSUP,
                        "no layer would go: %zu side by side have to, of which "
                        "one sees all keys, and %" PRIu32
                        " are there in all; the first and the last stay",
                        l->step, c->hp.n_layer);
    return sov_fail(err, SOV_EARG,
                    "no layer of %" PRIu32
                    " would go; the first and the last stay",
                    c->hp.n_layer);
}

static int
choose_by(struct sov_layers *l, struct sov_onward *r, sov_layers_choose choose,
          struct sov_err *err)
{
    double *influence =
        sov_mem_array(sov_onward_net(r)->hp.n_layer, sizeof(*influence));
    int rc = influence == NULL ? sov_mem_fail(err)
                               : sov_layers_influence(r, influence, err);

    if (rc == 0)
        rc = choose(l, r, influence, err);
    free(influence);
    return rc;
}

int
sov_layers_cut(struct sov_trim *c, const struct sov_shape_ask *ask,
               const char *method, sov_layers_choose choose,
               struct sov_err *err)
{
    struct sov_layers l = { .step = sov_trim_step(c), .job = ask->job };
    struct sov_onward *r = NULL;
    double ratio;
    int rc = sov_shape_text(ask, method, err);

    if (rc == 0)
        rc = sov_shape_ratio(c, ask, set, &ratio, err);
    if (rc < 0)
        return rc;
    l.n = c->hp.n_layer;
    l.stay = layers_stay(c, ratio);
    l.id = sov_mem_array(l.n, sizeof(*l.id));
    rc = l.id == NULL ? sov_mem_fail(err) : check(c, &l, err);
    for (size_t i = 0; i < l.n && rc == 0; i++)
        l.id[i] = (uint32_t)i;
    if (rc == 0)
        rc = sov_onward_new(&r, c->model, ask->calib, err);
    if (rc == 0)
        rc = choose_by(&l, r, choose, err);
    if (rc == 0)
        rc = sov_trim_keep(&c->layer, l.id, l.n, err);
    if (rc == 0 && l.job != NULL)
        tell(&l, c);
    sov_onward_free(r);
    free(l.id);
    return rc;
}

/* ---- by what is lost ---- */

/* Places of a round, those of the least influence, in order. */
static size_t
shortlist(const struct sov_layers *l, const double *influence,
          size_t place[SHORTLIST])
{
    double sum[SHORTLIST];
    size_t n = 0;

    for (size_t p = 1; p + l->step < l->n; p++) {
        double s = 0;
        size_t worst = 0;

        for (size_t i = 0; i < l->step; i++)
            s += influence[l->id[p + i]];
        if (n < SHORTLIST) {
            sum[n] = s;
            place[n++] = p;
            continue;
        }
        for (size_t i = 1; i < n; i++)
            if (sum[i] >= sum[worst])
                worst = i;
        if (s >= sum[worst])
            continue;
        for (size_t i = worst; i + 1 < n; i++) {
            sum[i] = sum[i + 1];
            place[i] = place[i + 1];
        }
        sum[n - 1] = s;
        place[n - 1] = p;
    }
    return n;
}

static int
through(struct sov_onward *r, const struct sov_layers *l, size_t first,
        size_t last, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = first; i < last && rc == 0; i++)
        rc = sov_onward_layer(r, l->id[i], NULL, NULL, err);
    return rc;
}

/* The best place of some, which are in order. */
static int
try_places(struct sov_layers *l, struct sov_onward *r, const size_t *place,
           size_t n, size_t *best, struct sov_err *err)
{
    double least = INFINITY, loss;
    size_t at = 0;
    int rc = sov_onward_begin(r, err);

    *best = place[0];
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = through(r, l, at, place[i], err);
        at = place[i];
        if (rc == 0)
            rc = sov_onward_mark(r, err);
        if (rc == 0)
            rc = through(r, l, at + l->step, l->n, err);
        if (rc == 0)
            rc = sov_onward_loss(r, &loss, err);
        if (rc == 0 && loss < least) {
            least = loss;
            *best = place[i];
        }
        if (rc == 0)
            rc = sov_onward_back(r, err);
    }
    return rc;
}

static int
choose(struct sov_layers *l, struct sov_onward *r, const double *influence,
       struct sov_err *err)
{
    int rc = 0;

    while (rc == 0 && l->n > l->stay) {
        size_t place[SHORTLIST] = { 1 }, best;
        size_t n = shortlist(l, influence, place);

        rc = try_places(l, r, place, n, &best, err);
        if (rc == 0)
            sov_layers_drop(l, best);
    }
    return rc;
}

static int
cut(struct sov_trim *c, const struct sov_shape_ask *ask, struct sov_err *err)
{
    return sov_layers_cut(c, ask, "layers", choose, err);
}

/* ---- what it takes ---- */

/* Where candidates stand, the text says: here they are far apart. */
void
sov_layers_rounds(size_t n, size_t stay, size_t step, double *layers,
                  double *losses)
{
    *layers = *losses = 0;
    for (; n > stay && n > step + 1; n -= step) {
        size_t places = n - step - 1;
        size_t tried = places < SHORTLIST ? places : SHORTLIST;
        double each = (double)places / (double)tried, place = 0;

        for (size_t i = 0; i < tried; i++) {
            place = ((double)i + 0.5) * each + 0.5;
            *layers += (double)(n - step) - place;
        }
        *layers += place; /* up to the last of them, on the way */
        *losses += (double)tried;
    }
}

static int
work(struct sov_trim *c, const struct sov_shape_ask *ask,
     struct sov_shape_work *w, struct sov_err *err)
{
    double ratio, layers;
    int rc = sov_shape_ratio(c, ask, set, &ratio, err);

    if (rc < 0)
        return rc;
    sov_layers_rounds(c->hp.n_layer, layers_stay(c, ratio), sov_trim_step(c),
                      &layers, &w->losses);
    w->passes = 1 + layers / (double)c->hp.n_layer;
    w->marks = true;
    return 0;
}

const struct sov_prune_method sov_prune_method_layers = {
    .name = "layers",
    .about = "layers that a text is foretold without",
    .needs = SOV_PRUNE_TEXT,
    .cut = cut,
    .work = work,
};
