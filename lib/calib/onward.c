/* SPDX-License-Identifier: Apache-2.0 */
/*
 * onward.c - a text through a model as it is, for who looks at what comes out
 *
 * It is a calibration of one stream that nobody fits anything in; what it has
 * besides are a second place for what stands between layers, and logits.
 */
#include "calib/onward.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "calib/calib_in.h"
#include "sys/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Logits that are there at once, if one column has not more. */
#define LOGITS ((size_t)1 << 22)

struct sov_onward {
    struct sov_calib *c; /* owned */
    struct sov_hidden mark;
    float *before; /* [n_ctx, n_embd] owned */
    float *logits; /* [n_cols, n_vocab] owned, from the first loss on */
    size_t n_cols;
};

int
sov_onward_new(struct sov_onward **out, sov_model *model,
               const struct sov_calib_opts *opts, struct sov_err *err)
{
    struct sov_onward *r = sov_mem_array(1, sizeof(*r));
    int rc;

    *out = NULL;
    if (r == NULL)
        return sov_mem_fail(err);
    r->mark.fd = -1;
    rc = sov_calib_new(&r->c, model, opts, NULL, err);
    if (rc == 0)
        r->before = sov_mem_array(r->c->hidden[0].each, sizeof(*r->before));
    if (rc == 0 && r->before == NULL)
        rc = sov_mem_fail(err);
    if (rc < 0) {
        sov_onward_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

void
sov_onward_free(struct sov_onward *r)
{
    if (r == NULL)
        return;
    sov_calib_free(r->c);
    sov_hidden_free(&r->mark);
    free(r->before);
    free(r->logits);
    free(r);
}

const struct sov_net *
sov_onward_net(const struct sov_onward *r)
{
    return r->c->net;
}

uint64_t
sov_onward_tokens(const struct sov_onward *r)
{
    return sov_calib_tokens(r->c);
}

static void
begin_window(struct sov_calib *c, struct sov_walk *w, size_t window)
{
    const struct sov_stretch stretch = {
        .ids = c->ids + window * c->n_ctx,
        .n = c->n_ctx,
        .block = c->block,
        .n_out = c->n_ctx,
    };

    sov_walk_begin(w, c->net, &c->pass, &stretch);
}

int
sov_onward_begin(struct sov_onward *r, struct sov_err *err)
{
    return sov_calib_embed(r->c, err);
}

int
sov_onward_layer(struct sov_onward *r, size_t layer, sov_onward_look look,
                 void *arg, struct sov_err *err)
{
    struct sov_calib *c = r->c;
    int rc = 0;

    for (size_t i = 0; i < c->n_windows && rc == 0; i++) {
        struct sov_onward_seen seen = {
            .layer = layer,
            .window = i,
            .n = c->n_ctx,
            .before = r->before,
            .after = c->pass.x,
            .pass = &c->pass,
        };
        struct sov_walk w;

        begin_window(c, &w, i);
        rc = sov_hidden_get(&c->hidden[0], i, c->pass.x, err);
        if (rc < 0)
            break;
        memcpy(r->before, c->pass.x, c->hidden[0].each * sizeof(float));
        sov_walk_layer(&w, layer);
        while (sov_walk_on(&w) != SOV_ENTERS_NONE)
            ;
        if (look != NULL)
            rc = look(arg, &seen, err);
        if (rc == 0)
            rc = sov_hidden_put(&c->hidden[0], i, c->pass.x, err);
    }
    sov_calib_let_go(c, layer);
    return rc;
}

/* All windows from one place to the other. */
static int
copy_hidden(struct sov_onward *r, const struct sov_hidden *from,
            struct sov_hidden *to, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < r->c->n_windows && rc == 0; i++) {
        rc = sov_hidden_get(from, i, r->before, err);
        if (rc == 0)
            rc = sov_hidden_put(to, i, r->before, err);
    }
    return rc;
}

int
sov_onward_mark(struct sov_onward *r, struct sov_err *err)
{
    const struct sov_hidden *h = &r->c->hidden[0];
    int rc = 0;

    if (r->mark.each == 0)
        rc = sov_hidden_new(&r->mark, r->c->n_windows, h->each, h->mem == NULL,
                            err);
    return rc == 0 ? copy_hidden(r, h, &r->mark, err) : rc;
}

int
sov_onward_back(struct sov_onward *r, struct sov_err *err)
{
    return copy_hidden(r, &r->mark, &r->c->hidden[0], err);
}

/* ---- loss ---- */

static size_t
logits_at_once(const struct sov_onward *r)
{
    size_t n = r->c->net->n_vocab;
    size_t cols = n < LOGITS ? LOGITS / n : 1;

    return cols < r->c->n_ctx ? cols : r->c->n_ctx;
}

static int
take_logits(struct sov_onward *r, struct sov_err *err)
{
    size_t n = r->c->net->n_vocab;

    if (r->logits != NULL)
        return 0;
    if (r->c->net->head.data == NULL)
        return sov_fail(err, SOV_EUNSUP, "the model has no logits");
    r->n_cols = logits_at_once(r);
    r->logits = sov_mem_array(r->n_cols * n, sizeof(*r->logits));
    return r->logits == NULL ? sov_mem_fail(err) : 0;
}

struct losses {
    const struct sov_onward *r;
    const int32_t *next; /* of each column: the token behind it */
    double *nats;        /* [n_cols] */
};

static void
lose(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct losses *l = arg;
    const struct sov_kern *k = l->r->c->pass.nn.k;
    size_t n = l->r->c->net->n_vocab;

    (void)worker;
    for (size_t i = first; i < last; i++) {
        float *x = l->r->logits + i * n;
        float most = k->max(x, n), right = x[l->next[i]];

        k->exp(x, n, most);
        l->nats[i] =
            sov_log((double)k->sum(x, n)) + (double)most - (double)right;
    }
}

/* Columns of a window from `first` on, whose followers are known. */
static void
lose_columns(struct sov_onward *r, size_t window, size_t first, size_t n,
             double *nats)
{
    struct sov_calib *c = r->c;
    struct losses l = { r, c->ids + window * c->n_ctx + first + 1, nats };
    struct sov_walk w;

    begin_window(c, &w, window);
    w.logits = r->logits;
    w.n_out = n;
    for (size_t i = 0; i < n; i++)
        c->pass.wanted[i] = (uint32_t)(first + i);
    sov_walk_end(&w);
    sov_par_for(n, 1, lose, &l);
}

int
sov_onward_loss(struct sov_onward *r, double *loss, struct sov_err *err)
{
    struct sov_calib *c = r->c;
    size_t each = c->n_ctx - 1;
    double *nats, sum = 0;
    int rc = take_logits(r, err);

    if (rc < 0)
        return rc;
    nats = sov_mem_array(r->n_cols, sizeof(*nats));
    if (nats == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < c->n_windows && rc == 0; i++) {
        rc = sov_hidden_get(&c->hidden[0], i, c->pass.x, err);
        for (size_t at = 0; at < each && rc == 0; at += r->n_cols) {
            size_t n = each - at < r->n_cols ? each - at : r->n_cols;

            lose_columns(r, i, at, n, nats);
            for (size_t j = 0; j < n; j++)
                sum += nats[j];
        }
    }
    free(nats);
    if (rc == 0 && !isfinite(sum))
        rc = sov_fail(err, SOV_EFORMAT,
                      "the model gives logits that are not finite");
    if (rc == 0)
        *loss = sum / ((double)each * (double)c->n_windows);
    return rc;
}

/* ---- what it will take ---- */

#define TRIES 4 /* of losses; the first does not count */

/* Whatever stands in the pass, as if some columns of the first window were at
 * the end. */
static int
time_loss(struct sov_onward *r, double *seconds, struct sov_err *err)
{
    size_t each = r->c->n_ctx - 1, n;
    double t[TRIES], *nats;
    int rc = take_logits(r, err);

    if (rc < 0)
        return rc;
    n = each < r->n_cols ? each : r->n_cols;
    nats = sov_mem_array(n, sizeof(*nats));
    if (nats == NULL)
        return sov_mem_fail(err);
    for (int i = 0; i < TRIES; i++) {
        t[i] = sov_clock();
        lose_columns(r, 0, 0, n, nats);
        t[i] = sov_clock() - t[i];
    }
    free(nats);
    *seconds = sov_calib_usual(t, TRIES) / (double)n;
    return 0;
}

int
sov_onward_probe(struct sov_onward *r, bool loss,
                 struct sov_onward_rates *rates, struct sov_err *err)
{
    struct sov_calib_rates of;
    int rc = sov_calib_probe(r->c, &of, err);

    if (rc < 0)
        return rc;
    *rates =
        (struct sov_onward_rates){ .layer = of.layer[0], .tally = of.tally };
    return loss && r->c->net->head.data != NULL
               ? time_loss(r, &rates->loss, err)
               : 0;
}

uint64_t
sov_onward_products(const struct sov_onward *r)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < r->c->net->hp.n_layer; i++)
        sum += sov_calib_work(r->c, i, SOV_ENTERS_NONE);
    return sum;
}

uint64_t
sov_onward_looked(const struct sov_onward *r)
{
    return sov_calib_products(r->c, 0);
}

uint64_t
sov_onward_tallied(const struct sov_onward *r)
{
    return sov_calib_tallied(r->c);
}

/* What stands between layers, of one stream. */
static uint64_t
hidden_bytes(const struct sov_onward *r)
{
    return (uint64_t)r->c->n_windows * r->c->hidden[0].each * sizeof(float);
}

uint64_t
sov_onward_memory(const struct sov_onward *r, bool marks)
{
    uint64_t bytes = sov_calib_memory(r->c) + r->c->hidden[0].each * 4;

    if (!marks)
        return bytes;
    return bytes + logits_at_once(r) * r->c->net->n_vocab * sizeof(float) +
           (r->c->hidden[0].mem != NULL ? hidden_bytes(r) : 0);
}

uint64_t
sov_onward_scratch(const struct sov_onward *r, bool marks)
{
    uint64_t bytes = sov_calib_scratch(r->c);

    return bytes + (marks && r->c->hidden[0].mem == NULL ? hidden_bytes(r) : 0);
}
