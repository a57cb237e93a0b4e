/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep.c - all windows of a text through one layer, looked at on the way
 */
#include "calib/calib_in.h"

#include <string.h>

static void
begin_window(struct sov_calib *c, struct sov_walk *w, size_t stream,
             size_t window)
{
    const struct sov_stretch stretch = {
        .ids = c->ids + window * c->n_ctx,
        .n = c->n_ctx,
        .block = c->block,
        .n_out = c->n_ctx,
    };

    sov_walk_begin(w, sov_calib_net(c, stream), &c->pass, &stretch);
}

int
sov_calib_embed(struct sov_calib *c, struct sov_err *err)
{
    struct sov_walk w;
    size_t s, i;
    int rc = 0;

    for (s = 0; s < c->n_streams && rc == 0; s++)
        for (i = 0; i < c->n_windows && rc == 0; i++) {
            begin_window(c, &w, s, i);
            sov_walk_embed(&w);
            rc = sov_hidden_put(&c->hidden[s], i, c->pass.x, err);
        }
    sov_calib_let_go_embeddings(c);
    return rc;
}

/* ---- looking ---- */

/* The experts that are looked at this time; both streams may choose others for
 * a token, so only what the last one feeds counts. */
static void
add_experts(struct sov_calib *c, struct sov_calib_look *l,
            const struct sov_entering *in, bool held)
{
    size_t i;

    for (i = 0; i < l->n; i++) {
        size_t slot = in->first[l->first + i];
        const float *x = in->x + slot * in->stride;

        sov_moments_add(&l->m[i], held, x, in->stride, x, in->stride,
                        in->first[l->first + i + 1] - slot, c->room);
    }
    if (l->want_wide)
        sov_moments_add(&l->wide, held, in->x, in->stride, in->x, in->stride,
                        in->n_cols, c->room);
}

/* What the stream of the first lacks in the second, in units of what is added
 * to it here. */
static void
add_lack(struct sov_calib *c, struct sov_calib_look *l,
         const struct sov_entering *in, bool held)
{
    size_t n = c->net->hp.n_embd;
    size_t i;

    for (i = 0; i < in->n_cols * n; i++)
        c->stood[i] = (c->stood[i] - c->pass.x[i]) / c->net->hp.residual_scale;
    sov_moments_add_lack(&l->m[0], held, in->x, in->stride, c->stood, n,
                         in->n_cols, c->room);
}

/* What the first stream has here. */
static void
keep_columns(struct sov_calib *c, const struct sov_calib_look *l,
             const struct sov_entering *in)
{
    size_t n = c->net->hp.n_embd;
    size_t i;

    for (i = 0; i < in->n_cols; i++)
        memcpy(c->seen + i * in->n, in->x + i * in->stride,
               in->n * sizeof(*c->seen));
    if (l->out > 0)
        memcpy(c->stood, c->pass.x, in->n_cols * n * sizeof(*c->stood));
}

/* And the second. */
static void
add_pair(struct sov_calib *c, struct sov_calib_look *l,
         const struct sov_entering *in, bool held)
{
    sov_moments_add(&l->m[0], held, c->seen, in->n, in->x, in->stride,
                    in->n_cols, c->room);
    if (l->out > 0)
        add_lack(c, l, in, held);
}

static void
add_moments(struct sov_calib *c, struct sov_calib_look *l, size_t stream,
            const struct sov_entering *in, bool held)
{
    bool last = stream + 1 == c->n_streams;

    if (in->first != NULL && last)
        add_experts(c, l, in, held);
    else if (in->first != NULL)
        return;
    else if (c->n_streams == 1)
        sov_moments_add(&l->m[0], held, in->x, in->stride, in->x, in->stride,
                        in->n_cols, c->room);
    else if (!last)
        keep_columns(c, l, in);
    else
        add_pair(c, l, in, held);
}

static void
count_columns(struct sov_intake *t, const struct sov_entering *in)
{
    size_t i;

    if (in->first == NULL)
        sov_intake_add(t, 0, in->x, in->stride, in->n_cols);
    for (i = 0; i < t->n && in->first != NULL; i++)
        sov_intake_add(t, i, in->x + in->first[i] * in->stride, in->stride,
                       in->first[i + 1] - in->first[i]);
}

static void
look_at(struct sov_calib *c, struct sov_walk *w, size_t stream, size_t window)
{
    struct sov_entering in = sov_walk_entering(w);
    struct sov_calib_look *l = &c->look[w->enters];

    if (stream == 0 && !l->counted) {
        count_columns(&l->tally, &in);
        if (in.first != NULL && w->enters == SOV_ENTERS_UP)
            sov_intake_add(&c->router, 0, w->in.x, w->in.stride, w->n);
    }
    if (l->m != NULL)
        add_moments(c, l, stream, &in, sov_calib_is_held(c, window));
}

/* ---- a sweep ---- */

/* One window of one stream: see sov_calib_sweep(). */
static int
sweep_window(struct sov_calib *c, size_t layer, size_t stream, size_t window,
             struct sov_calib_leg leg, struct sov_err *err)
{
    unsigned look = leg.look;
    bool to_end = leg.to_end;
    enum sov_enters at;
    struct sov_walk w;
    int rc;

    begin_window(c, &w, stream, window);
    rc = sov_hidden_get(&c->hidden[stream], window, c->pass.x, err);
    if (rc < 0)
        return rc;
    sov_walk_layer(&w, layer);
    while ((look != 0 || to_end) && (at = sov_walk_on(&w)) != SOV_ENTERS_NONE) {
        if (look >> at & 1)
            look_at(c, &w, stream, window);
        look &= ~(1u << at);
    }
    return to_end ? sov_hidden_put(&c->hidden[stream], window, c->pass.x, err)
                  : 0;
}

static void
tell(struct sov_calib *c, uint64_t work, const char *what)
{
    uint64_t tokens = (uint64_t)c->n_windows * c->n_ctx;
    double part = (double)(c->done + work) / (double)c->all;
    uint64_t all = tokens * c->net->hp.n_layer;
    uint64_t done = (uint64_t)(part * (double)all);

    if (c->progress != NULL)
        c->progress(c->progress_arg, done < all ? done : all, all, what);
}

/* What a stream multiplies for a token on its leg. */
static uint64_t
work_of(const struct sov_calib *c, size_t layer, struct sov_calib_leg leg)
{
    enum sov_enters last = SOV_ENTERS_NONE;
    unsigned i;

    if (leg.look == 0 && !leg.to_end)
        return 0;
    for (i = SOV_ENTERS_QKV; i < SOV_N_ENTERS && !leg.to_end; i++)
        if (leg.look >> i & 1)
            last = (enum sov_enters)i;
    return sov_calib_work(c, layer, last);
}

int
sov_calib_sweep(struct sov_calib *c, size_t layer,
                const struct sov_calib_leg leg[SOV_CALIB_STREAMS],
                struct sov_err *err)
{
    uint64_t work = 0;
    size_t i, s;
    unsigned e;
    int rc = 0;

    for (s = 0; s < c->n_streams; s++)
        work += work_of(c, layer, leg[s]);
    for (i = 0; i < c->n_windows && rc == 0; i++) {
        for (s = 0; s < c->n_streams && rc == 0; s++)
            if (leg[s].look != 0 || leg[s].to_end)
                rc = sweep_window(c, layer, s, i, leg[s], err);
        tell(c, work * (i + 1) / c->n_windows, NULL);
    }
    c->done += work;
    for (e = 0; e < SOV_N_ENTERS; e++)
        c->look[e].counted |= leg[0].look >> e & 1;
    return rc;
}

int
sov_calib_one(struct sov_calib *c, size_t layer, size_t stream, size_t window,
              struct sov_err *err)
{
    struct sov_walk w;
    int rc;

    begin_window(c, &w, stream, window);
    sov_walk_embed(&w);
    rc = sov_hidden_put(&c->hidden[stream], window, c->pass.x, err);
    return rc == 0 ? sweep_window(c, layer, stream, window,
                                  (struct sov_calib_leg){ .to_end = true }, err)
                   : rc;
}

int
sov_calib_sweep_head(struct sov_calib *c, struct sov_err *err)
{
    size_t n = c->net->hp.n_embd;
    struct sov_calib_look *l = &c->look[SOV_ENTERS_NONE];
    struct sov_walk w;
    size_t i, s;
    int rc = 0;

    for (i = 0; i < c->n_windows && rc == 0; i++)
        for (s = 0; s < c->n_streams && rc == 0; s++) {
            struct sov_entering in = { c->pass.norm, n, n, c->n_ctx, NULL };

            begin_window(c, &w, s, i);
            rc = sov_hidden_get(&c->hidden[s], i, c->pass.x, err);
            if (rc < 0)
                break;
            sov_walk_end(&w);
            add_moments(c, l, s, &in, sov_calib_is_held(c, i));
        }
    return rc;
}
