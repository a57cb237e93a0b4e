/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diverge.c - what two models say of the same text, token by token
 *
 * Both read window after window, side by side, some rows of logits at a time.
 * Rows are compared by all threads, each for itself, and added up in order, so
 * that figures do not depend on who compared what.  Neither the text nor the
 * models' answers are kept: memory is that of the sessions.
 */
#include "measure/answers.h"
#include "measure/spread.h"
#include "measure/window.h"

#include "base/fmath.h"
#include "base/le.h"
#include "base/mem.h"
#include "kern/kern.h"
#include "sys/par.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LANES 8
/* What is less likely than e to this is not counted where a base is a file,
 * which does not tell it apart. */
#define LEAST -16.0f

/* What a worker has for itself: rows of n_vocab. */
struct desk {
    float *base; /* of a file, decoded */
    float *p;    /* e to the base's */
    float *q;    /* e to the other's */
};

struct run {
    const struct sov_diverge_opts *o;
    uint32_t n_ctx;
    uint32_t n_vocab;
    uint32_t n_rows;    /* compared at once */
    uint64_t n_windows;
    const int32_t *ids; /* [n_windows * n_ctx] */
    int32_t *window;    /* [n_ctx] */
    struct desk *desk;  /* [n_desks] */
    unsigned n_desks;
    struct sov_guess *guess; /* [n_rows] */
    bool *strange;           /* [n_rows] the file has no row there */
    unsigned char *out;      /* [n_rows] rows for the sink, or NULL */
    struct sov_spread *spread;

    /* The rows at hand: */
    uint64_t at;    /* number of the first, of all */
    uint32_t first; /* its place in the window */
};

/* ---- one row ---- */

static double
lanes_sum(const double *v)
{
    double sum = 0;

    for (int l = 0; l < LANES; l++)
        sum += v[l];
    return sum;
}

static double
sum_of(const float *x, size_t n)
{
    double lane[LANES] = { 0 };
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += (double)x[i + l];
    for (; i < n; i++)
        lane[i % LANES] += (double)x[i];
    return lanes_sum(lane);
}

/* The sum of p * (x - y). */
static double
sum_apart(const float *p, const float *x, const float *y, size_t n)
{
    double lane[LANES] = { 0 };
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] +=
                (double)p[i + l] * ((double)x[i + l] - (double)y[i + l]);
    for (; i < n; i++)
        lane[i % LANES] += (double)p[i] * ((double)x[i] - (double)y[i]);
    return lanes_sum(lane);
}

/* The first of the largest. */
static size_t
likeliest(const float *x, size_t n, float top)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] == top)
            return i;
    return n;
}

/* e[n] = e to (x - top); the logarithm of the sum of e to all x. */
static double
powers(const float *x, float *e, size_t n, float top)
{
    memcpy(e, x, n * sizeof(*e));
    sov_kern()->exp(e, n, top);
    return (double)top + sov_log(sum_of(e, n));
}

/* Are the base's numbers logarithms of probabilities already, cut below? */
static bool
rounded(const struct run *r)
{
    return r->o->file != NULL && sov_answers_kept(r->o->file, 0) == NULL;
}

/*
 * From the base's x to y, which are logits.  Those of a session are made to sum
 * up to 1; what a file says are probabilities already.
 */
static double
divergence(const struct run *r, struct desk *w, const float *x, float top,
           double log_x, const float *y, double log_y)
{
    size_t n = r->n_vocab;
    double all, apart;

    if (rounded(r))
        for (size_t i = 0; i < n; i++)
            w->p[i] = x[i] > LEAST ? w->p[i] : 0;
    all = sum_of(w->p, n);
    apart = sum_apart(w->p, x, y, n);
    if (!rounded(r))
        return apart / all + (log_y - log_x);
    return sov_exp((double)top) * (apart + all * log_y);
}

static void
compare_row(struct run *r, struct desk *w, const float *x, const float *y,
            int32_t id, struct sov_guess *g, unsigned char *out)
{
    const struct sov_kern *k = sov_kern();
    size_t n = r->n_vocab;
    float top = k->max(x, n), other;
    double log_x = powers(x, w->p, n, top), log_y;

    g->base_nll = (rounded(r) ? 0 : log_x) - (double)x[id];
    if (out != NULL)
        sov_answers_put_row(out, x, n, log_x);
    g->nll = g->base_nll;
    g->kld = 0;
    g->same_top = true;
    if (y == NULL)
        return;
    other = k->max(y, n);
    log_y = powers(y, w->q, n, other);
    g->nll = log_y - (double)y[id];
    g->kld = divergence(r, w, x, top, log_x, y, log_y);
    g->same_top = likeliest(x, n, top) == likeliest(y, n, other);
}

static void
compare_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    struct run *r = arg;
    struct desk *w = &r->desk[worker];

    for (size_t i = first; i < last; i++) {
        const struct sov_diverge_opts *o = r->o;
        const float *x = w->base, *y = NULL;

        if (o->file == NULL)
            x = sov_session_logits(o->base, i);
        else if (sov_answers_kept(o->file, 0) != NULL)
            x = sov_answers_kept(o->file, r->at + i);
        else
            r->strange[i] = !sov_answers_row(o->file, r->at + i, w->base);
        if (o->keep != NULL)
            memcpy(sov_answers_kept(o->keep, r->at + i), x,
                   r->n_vocab * sizeof(*x));
        if (o->session != NULL)
            y = sov_session_logits(o->session, i);
        if (!r->strange[i])
            compare_row(r, w, x, y, r->window[r->first + i + 1], &r->guess[i],
                        r->out == NULL ? NULL
                                       : r->out + i * sov_answers_row_bytes(
                                                          r->n_vocab));
    }
}

/* ---- windows ---- */

static int
read_both(const struct run *r, uint32_t from, uint32_t n, enum sov_logits what,
          struct sov_err *err)
{
    int rc = 0;

    if (r->o->base != NULL)
        rc = sov_session_eval(r->o->base, r->window + from, n, what, err);
    if (rc == 0 && r->o->session != NULL)
        rc = sov_session_eval(r->o->session, r->window + from, n, what, err);
    return rc;
}

/* n rows behind the tokens from place `from` of the window on. */
static int
score(struct run *r, uint64_t window, uint32_t from, uint32_t n,
      struct sov_err *err)
{
    int rc = read_both(r, from, n, SOV_LOGITS_ALL, err);

    if (rc < 0)
        return rc;
    r->at = window * sov_answers_rows(r->n_ctx) + (from - r->n_ctx / 2);
    r->first = from;
    sov_par_for(n, 1, compare_rows, r);
    for (uint32_t i = 0; i < n; i++) {
        const struct sov_guess *g = &r->guess[i];

        if (r->strange[i])
            return sov_fail(err, SOV_EFORMAT,
                            "row %" PRIu64 " of the predictions holds no "
                            "logarithms of probabilities",
                            r->at + i);
        if (!isfinite(g->nll) || !isfinite(g->base_nll) || !isfinite(g->kld))
            return sov_fail(err, SOV_EFORMAT,
                            "the model gives logits that are not numbers");
        sov_spread_add(r->spread, window, g);
    }
    if (r->out == NULL)
        return 0;
    return sov_sink_write(r->o->sink, r->out,
                          n * sov_answers_row_bytes(r->n_vocab), err);
}

static void
forget(const struct run *r)
{
    if (r->o->base != NULL)
        sov_session_truncate(r->o->base, 0);
    if (r->o->session != NULL)
        sov_session_truncate(r->o->session, 0);
}

static int
score_window(struct run *r, uint64_t window, struct sov_err *err)
{
    uint32_t from = r->n_ctx / 2, end = r->n_ctx - 1;
    int rc;

    memcpy(r->window, r->ids + window * r->n_ctx,
           r->n_ctx * sizeof(*r->window));
    if (sov_tok_adds_bos(r->o->tok) && sov_tok_bos(r->o->tok) >= 0)
        r->window[0] = sov_tok_bos(r->o->tok);
    forget(r);
    rc = read_both(r, 0, from, SOV_LOGITS_NONE, err);
    while (rc == 0 && from < end) {
        uint32_t n = end - from < r->n_rows ? end - from : r->n_rows;

        rc = score(r, window, from, n, err);
        from += n;
    }
    return rc;
}

static int
put_head(const struct run *r, struct sov_err *err)
{
    unsigned char head[SOV_ANSWERS_HEAD], id[4];
    int rc;

    sov_answers_put_head(head, r->n_ctx, r->n_vocab, (uint32_t)r->n_windows);
    rc = sov_sink_write(r->o->sink, head, sizeof(head), err);
    for (size_t i = 0; i < r->n_windows * r->n_ctx && rc == 0; i++) {
        sov_put32(id, (uint32_t)r->ids[i]);
        rc = sov_sink_write(r->o->sink, id, sizeof(id), err);
    }
    return rc;
}

static int
score_all(struct run *r, struct sov_err *err)
{
    uint64_t n = r->n_windows * r->n_ctx;
    int rc = r->o->sink != NULL ? put_head(r, err) : 0;

    for (uint64_t i = 0; i < r->n_windows && rc == 0; i++) {
        if (r->o->progress != NULL)
            r->o->progress(r->o->progress_arg, i * r->n_ctx, n, NULL);
        rc = score_window(r, i, err);
    }
    if (rc == 0 && r->o->progress != NULL)
        r->o->progress(r->o->progress_arg, n, n, NULL);
    forget(r);
    return rc;
}

/* ---- what there is to do ---- */

static int
check_session(const struct run *r, const sov_session *s, struct sov_err *err)
{
    if (s == NULL)
        return 0;
    if (sov_session_vocab(s) != r->n_vocab)
        return sov_fail(err, SOV_EFORMAT,
                        "a vocabulary of %" PRIu32 " tokens, and the base has "
                        "%" PRIu32, sov_session_vocab(s), r->n_vocab);
    if (r->n_ctx > sov_session_ctx(s) || r->n_ctx < 3)
        return sov_fail(err, SOV_EARG,
                        "windows of %" PRIu32 " tokens in a context of %"
                        PRIu32, r->n_ctx, sov_session_ctx(s));
    return sov_window_check(s, r->o->tok, r->ids,
                            (size_t)r->n_windows * r->n_ctx, err);
}

static uint32_t
choose_ctx(const struct sov_diverge_opts *o)
{
    uint32_t n = o->n_ctx != 0 ? o->n_ctx : SOV_PPL_CTX;

    if (o->n_ctx == 0 && sov_session_ctx(o->base) < n)
        n = sov_session_ctx(o->base);
    if (o->n_ctx == 0 && o->session != NULL && sov_session_ctx(o->session) < n)
        n = sov_session_ctx(o->session);
    return n;
}

static int
plan_run(struct run *r, struct sov_err *err)
{
    const struct sov_diverge_opts *o = r->o;
    size_t n = o->n;
    int rc;

    r->ids = o->ids;
    if (o->file != NULL) {
        r->ids = sov_answers_ids(o->file, &n);
        r->n_ctx = sov_answers_ctx(o->file);
        r->n_vocab = sov_answers_vocab(o->file);
    } else {
        r->n_ctx = choose_ctx(o);
        r->n_vocab = sov_session_vocab(o->base);
    }
    r->n_windows = r->n_ctx > 0 ? n / r->n_ctx : 0;
    if (r->n_windows == 0 || r->n_windows > INT32_MAX)
        return sov_fail(err, SOV_EARG,
                        "the text has %zu tokens, one window %" PRIu32, n,
                        r->n_ctx);
    rc = check_session(r, o->base, err);
    if (rc == 0)
        rc = check_session(r, o->session, err);
    r->n_rows = sov_answers_rows(r->n_ctx);
    if (o->base != NULL && sov_session_rows(o->base) < r->n_rows)
        r->n_rows = sov_session_rows(o->base);
    if (o->session != NULL && sov_session_rows(o->session) < r->n_rows)
        r->n_rows = sov_session_rows(o->session);
    return rc;
}

/* Is what shall be kept what is read? */
static int
check_keep(const struct run *r, struct sov_err *err)
{
    const sov_answers *k = r->o->keep;
    size_t n = 0;
    const int32_t *ids = k != NULL ? sov_answers_ids(k, &n) : NULL;

    if (k == NULL ||
        (sov_answers_kept(k, 0) != NULL && sov_answers_ctx(k) == r->n_ctx &&
         sov_answers_vocab(k) == r->n_vocab && n == r->n_windows * r->n_ctx &&
         memcmp(ids, r->ids, n * sizeof(*ids)) == 0))
        return 0;
    return sov_fail(err, SOV_EARG, "no room for what this text gives");
}

static int
make_room(struct run *r, struct sov_err *err)
{
    bool ok = true;

    r->n_desks = sov_threads();
    r->window = sov_mem_array(r->n_ctx, sizeof(*r->window));
    r->guess = sov_mem_array(r->n_rows, sizeof(*r->guess));
    r->strange = sov_mem_array(r->n_rows, sizeof(*r->strange));
    r->desk = sov_mem_array(r->n_desks, sizeof(*r->desk));
    if (r->o->sink != NULL) {
        r->out = sov_mem_array(r->n_rows, sov_answers_row_bytes(r->n_vocab));
        ok = r->out != NULL;
    }
    for (unsigned i = 0; i < r->n_desks && r->desk != NULL && ok; i++) {
        struct desk *w = &r->desk[i];

        w->base = sov_mem_array(r->n_vocab, sizeof(float));
        w->p = sov_mem_array(r->n_vocab, sizeof(float));
        w->q = sov_mem_array(r->n_vocab, sizeof(float));
        ok = w->base != NULL && w->p != NULL && w->q != NULL;
    }
    if (r->window == NULL || r->guess == NULL || r->strange == NULL ||
        r->desk == NULL || !ok)
        return sov_mem_fail(err);
    return sov_spread_new(&r->spread, r->n_windows, err);
}

static void
free_room(struct run *r)
{
    for (unsigned i = 0; i < r->n_desks && r->desk != NULL; i++) {
        free(r->desk[i].base);
        free(r->desk[i].p);
        free(r->desk[i].q);
    }
    free(r->desk);
    free(r->window);
    free(r->guess);
    free(r->strange);
    free(r->out);
    sov_spread_free(r->spread);
}

int
sov_diverge(const struct sov_diverge_opts *opts, struct sov_divergence *d,
            struct sov_err *err)
{
    struct run r = { .o = opts };
    int rc;

    if ((opts->base == NULL) == (opts->file == NULL) ||
        (opts->file != NULL && (opts->session == NULL || opts->sink != NULL ||
                                opts->keep != NULL)) ||
        (opts->session == NULL && opts->sink == NULL && opts->keep == NULL))
        return sov_fail(err, SOV_EARG, "nothing to compare with");
    rc = plan_run(&r, err);
    if (rc == 0)
        rc = check_keep(&r, err);
    if (rc == 0)
        rc = make_room(&r, err);
    if (rc == 0)
        rc = score_all(&r, err);
    if (rc == 0)
        rc = sov_spread_figures(r.spread, d, err);
    free_room(&r);
    return rc;
}
