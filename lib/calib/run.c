/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - layer by layer: sweeps, moments of each place, statistics
 */
#include "calib/calib_in.h"
#include "calib/stats.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Places inside a layer. */
#define ALL_PLACES ((1u << SOV_N_ENTERS) - (1u << SOV_ENTERS_QKV))

/* ---- moments of one place ---- */

static void
free_moments(struct sov_calib_look *l)
{
    size_t i;

    for (i = 0; l->m != NULL && i < l->n; i++)
        sov_moments_free(&l->m[i]);
    free(l->m);
    l->m = NULL;
}

static int
new_moments(struct sov_calib *c, struct sov_calib_look *l, struct sov_err *err)
{
    bool held = c->n_windows >= SOV_CALIB_HELD;
    bool pairs = c->n_streams > 1 && l->n_experts == 1;
    size_t i;
    int rc = 0;

    l->m = sov_mem_array(l->n, sizeof(*l->m));
    if (l->m == NULL)
        return sov_mem_fail(err);
    for (i = 0; i < l->n && rc == 0; i++)
        rc = sov_moments_new(&l->m[i], l->k, l->out, pairs, held, err);
    return rc;
}

static int
not_finite(const struct sov_calib_site *site, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "layer %" PRIu32 ": what enters %s has numbers that are "
                    "not finite, or too large to be squared",
                    site->layer,
                    site->enters == SOV_ENTERS_QKV    ? "attention"
                    : site->enters == SOV_ENTERS_OUT  ? "attn_output"
                    : site->enters == SOV_ENTERS_UP   ? "the feed-forward"
                    : site->enters == SOV_ENTERS_DOWN ? "ffn_down"
                                                      : "the head");
}

/* The moments that were collected, in order of the experts. */
static int
fit_all(struct sov_calib *c, struct sov_calib_look *l,
        struct sov_calib_site *site, struct sov_err *err)
{
    size_t i;
    int rc = 0;

    if (l->want_wide)
        sov_moments_finish(&l->wide);
    for (i = 0; i < l->n && rc == 0; i++) {
        sov_moments_finish(&l->m[i]);
        if (l->n_experts > 1)
            l->m[i].wide = &l->wide;
        site->expert = l->first + i;
        rc = sov_moments_finite(&l->m[i])
                 ? c->fit->fit(c->fit->arg, site, &l->m[i], err)
                 : not_finite(site, err);
    }
    l->want_wide = false;
    return rc;
}

/* One place: sweeps up to there until all experts had their turn.  In the last
 * of them the first stream goes on as far as `then` says. */
static int
visit(struct sov_calib *c, struct sov_calib_site *site,
      struct sov_calib_leg then, struct sov_err *err)
{
    struct sov_calib_look *l = &c->look[site->enters];
    bool held = c->n_windows >= SOV_CALIB_HELD;
    size_t at_once = sov_calib_at_once(c, l);
    unsigned here = 1u << site->enters;
    int rc = 0;

    if (l->n_experts > 1)
        rc = sov_moments_new(&l->wide, l->k, 0, false, held, err);
    l->want_wide = l->n_experts > 1;
    for (l->first = 0; l->first < l->n_experts && rc == 0; l->first += l->n) {
        struct sov_calib_leg leg[] = { { here, false }, { here, false } };

        l->n = l->n_experts - l->first;
        l->n = l->n < at_once ? l->n : at_once;
        if (l->first + l->n == l->n_experts)
            leg[0] = (struct sov_calib_leg){ here | then.look, then.to_end };
        rc = new_moments(c, l, err);
        if (rc == 0)
            rc = site->enters == SOV_ENTERS_NONE
                     ? sov_calib_sweep_head(c, err)
                     : sov_calib_sweep(c, site->layer, leg, err);
        if (rc == 0)
            rc = fit_all(c, l, site, err);
        free_moments(l);
    }
    sov_moments_free(&l->wide);
    return rc;
}

/* ---- statistics ---- */

static int
begin_tallies(struct sov_calib *c, size_t layer, struct sov_err *err)
{
    bool sparse = c->net->layer[layer].router.data != NULL;
    unsigned e;
    int rc = 0;

    for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS && rc == 0; e++) {
        struct sov_calib_look *l = &c->look[e];

        l->counted = false;
        rc = sov_intake_new(&l->tally, l->k, l->n_experts, err);
    }
    if (rc == 0 && sparse)
        rc = sov_intake_new(&c->router, c->net->hp.n_embd, 1, err);
    return rc;
}

static int
take_tally(struct sov_calib *c, const struct sov_intake *t, const char *name,
           struct sov_err *err)
{
    return sov_stats_take(c->stats, name, t->k, t->n, t->square, t->sum,
                          t->count, err);
}

static int
end_tallies(struct sov_calib *c, const struct sov_calib_site *site,
            size_t layer, struct sov_err *err)
{
    char router[64];
    unsigned e;
    size_t i;
    int rc = 0;

    for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS; e++) {
        for (i = 0; i < site[e].n_tensors && rc == 0; i++)
            if (site[e].tensor[i] < sov_model_count(c->model))
                rc = take_tally(c, &c->look[e].tally,
                                sov_model_at(c->model, site[e].tensor[i])->name,
                                err);
        sov_intake_free(&c->look[e].tally);
    }
    snprintf(router, sizeof(router), "blk.%zu.ffn_gate_inp.weight", layer);
    if (rc == 0 && c->router.k > 0)
        rc = take_tally(c, &c->router, router, err);
    sov_intake_free(&c->router);
    return rc;
}

/* ---- the layers ---- */

/* The places whose moments are wanted, one after the other.  The first stream
 * stays as it is: at the last of them it goes through all that is left. */
static int
visit_all(struct sov_calib *c, struct sov_calib_site *site,
          struct sov_calib_leg leg[SOV_CALIB_STREAMS], struct sov_err *err)
{
    unsigned wanted = 0;
    unsigned e;
    int rc = 0;

    for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS; e++)
        wanted |= (unsigned)c->look[e].wanted << e;
    leg[0].look &= ~wanted;
    for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS && rc == 0; e++) {
        struct sov_calib_leg then = { 0 };

        if (!(wanted >> e & 1))
            continue;
        if (wanted >> e == 1) {
            then = leg[0];
            leg[0] = (struct sov_calib_leg){ 0 };
        }
        rc = visit(c, &site[e], then, err);
    }
    return rc;
}

static int
run_layer(struct sov_calib *c, size_t layer, struct sov_err *err)
{
    bool to_end =
        layer + 1 < c->net->hp.n_layer || c->look[SOV_ENTERS_NONE].wanted;
    struct sov_calib_leg leg[] = { { ALL_PLACES, to_end }, { 0, to_end } };
    struct sov_calib_site site[SOV_N_ENTERS];
    unsigned e;
    int rc;

    for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS; e++)
        c->look[e] = sov_calib_asked(c, layer, (enum sov_enters)e, &site[e]);
    rc = begin_tallies(c, layer, err);
    if (rc == 0)
        rc = visit_all(c, site, leg, err);
    if (rc == 0)
        rc = sov_calib_sweep(c, layer, leg, err);
    if (rc == 0)
        rc = end_tallies(c, site, layer, err);
    sov_calib_let_go(c, layer);
    return rc;
}

/* The first stream alone, up to what the head sees. */
static int
run_to_head(struct sov_calib *c, struct sov_moments *m, struct sov_err *err)
{
    const struct sov_calib_leg leg[SOV_CALIB_STREAMS] = { { 0, true } };
    struct sov_calib_look *l = &c->look[SOV_ENTERS_NONE];
    size_t i;
    int rc = sov_calib_embed(c, err);

    for (i = 0; i < c->net->hp.n_layer && rc == 0; i++) {
        rc = sov_calib_sweep(c, i, leg, err);
        sov_calib_let_go(c, i);
    }
    l->m = m;
    if (rc == 0)
        rc = sov_calib_sweep_head(c, err);
    l->m = NULL;
    return rc;
}

int
sov_calib_tied(struct sov_calib *c, struct sov_moments *m, struct sov_err *err)
{
    const struct sov_calib_site head = { .enters = SOV_ENTERS_NONE };
    size_t streams = c->n_streams;
    int rc;

    *m = (struct sov_moments){ 0 };
    if (!sov_calib_is_tied(c))
        return 1;
    rc = sov_moments_new(m, c->net->hp.n_embd, 0, false,
                         c->n_windows >= SOV_CALIB_HELD, err);
    c->n_streams = 1;
    if (rc == 0)
        rc = run_to_head(c, m, err);
    c->n_streams = streams;
    if (rc == 0)
        sov_moments_finish(m);
    if (rc == 0 && !sov_moments_finite(m))
        rc = not_finite(&head, err);
    if (rc < 0)
        sov_moments_free(m);
    return rc;
}

int
sov_calib_run(struct sov_calib *c, struct sov_err *err)
{
    struct sov_calib_site head;
    size_t i;
    int rc = 0;

    c->look[SOV_ENTERS_NONE] = sov_calib_asked(c, 0, SOV_ENTERS_NONE, &head);
    rc = sov_calib_embed(c, err);
    for (i = 0; i < c->net->hp.n_layer && rc == 0; i++)
        rc = run_layer(c, i, err);
    if (rc == 0 && c->look[SOV_ENTERS_NONE].wanted)
        rc = visit(c, &head, (struct sov_calib_leg){ 0 }, err);
    return rc == 0 ? sov_stats_made(c->stats, err) : rc;
}

int
sov_stats_collect(sov_stats **stats, sov_model *model,
                  const struct sov_calib_opts *opts, struct sov_err *err)
{
    struct sov_calib *c;
    int rc = sov_calib_new(&c, model, opts, NULL, err);

    *stats = NULL;
    if (rc < 0)
        return rc;
    rc = sov_calib_run(c, err);
    if (rc == 0)
        *stats = sov_calib_stats(c);
    sov_calib_free(c);
    return rc;
}
