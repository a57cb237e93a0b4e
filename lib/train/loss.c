/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss.c - from a slab of logits to losses and gradients
 *
 * A token goes three times over its vocabulary, in pieces that stay in the
 * nearest cache:
 *
 *   1  powers of e and their sums; they take the place of the logits
 *   2  with a teacher: the loss and its derivative by q, which takes the
 *      place of the teacher's logits
 *   3  the gradient by the logits, with that of cross-entropy added
 *
 * so that there is no memory to ask for.  Only where both the student's
 * distribution at some temperature and that at 1 are wanted do its logits stay
 * to the end (raw), and powers are taken again.
 *
 * Sums are made of pieces by the kernels and added in f64 in their order, so
 * that a token's bits depend on nothing but its row.
 */
#include "train/loss_row.h"

#include "base/fmath.h"
#include "sys/par.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE SOV_LOSS_PIECE
#define LEAST (-70) /* of exponents */

static const struct sov_loss_row *const rows[] = {
#define LOSS(sym) &sov_loss_##sym,
#include "train/losses.def"
#undef LOSS
};

#define N_ROWS (sizeof(rows) / sizeof(*rows))

/* One token on its way. */
struct token {
    const struct sov_kern *k;
    const struct sov_loss_row *row;
    sov_real value, temp;
    sov_real alpha; /* 0: nothing but cross-entropy */
    size_t n;
    sov_real *z, *teacher;
    const struct sov_few *few;
    int32_t next;
    bool raw;
    sov_real top;          /* the largest logit */
    double log_q, log_1;   /* logarithms of the sums of powers of z - top, */
    sov_real per_q, per_1; /* and 1 by these sums, at temp and at 1 */
    sov_real per_p;
    double mean; /* of the derivative */
};

/* e[n] = e to (x - top) * by */
static void
powers(const struct token *t, const sov_real *x, sov_real top, sov_real by,
       sov_real *e, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        sov_real y = (x[i] - top) * by;

        e[i] = y < (sov_real)LEAST ? (sov_real)LEAST : y;
    }
    sov_loss_exp(t->k, e, n);
}

static size_t
piece_at(const struct token *t, size_t i)
{
    return t->n - i < PIECE ? t->n - i : PIECE;
}

/* The sum of the powers of x, which they replace if they are to be kept. */
static double
sum_powers(const struct token *t, sov_real *x, sov_real top, sov_real by,
           bool keep)
{
    sov_real e[PIECE];
    double sum = 0;
    size_t i, n;

    for (i = 0; i < t->n; i += n) {
        n = piece_at(t, i);
        powers(t, x + i, top, by, e, n);
        sum += sov_loss_sum(t->k, e, n);
        if (keep)
            memcpy(x + i, e, n * sizeof(*e));
    }
    return sum;
}

/* The student's probabilities at temp. */
static void
student(const struct token *t, size_t i, sov_real *q, size_t n)
{
    size_t j;

    if (t->raw)
        powers(t, t->z + i, t->top, 1 / t->temp, q, n);
    else
        memcpy(q, t->z + i, n * sizeof(*q));
    for (j = 0; j < n; j++)
        q[j] *= t->per_q;
}

/* ---- 1 */

/* Of a sample: the sum of counts / N times the exponents. */
static double
few_mean(const struct token *t, double *by_n)
{
    double sum = 0, all = 0;
    uint32_t i;

    for (i = 0; i < t->few->n; i++) {
        double y = (double)(t->z[t->few->id[i]] - t->top);

        sum += t->few->count[i] * (y / (double)t->temp);
        all += t->few->count[i];
    }
    *by_n = all > 0 ? 1 / all : 0;
    return sum * *by_n;
}

static void
take_powers(struct token *t)
{
    double at_1, at_temp;

    t->raw = t->temp != 1 && t->alpha < 1;
    at_1 = sum_powers(t, t->z, t->top, 1, t->temp == 1);
    at_temp =
        t->temp == 1 ? at_1 : sum_powers(t, t->z, t->top, 1 / t->temp, !t->raw);
    t->log_1 = sov_log(at_1);
    t->log_q = sov_log(at_temp);
    t->per_1 = (sov_real)(1 / at_1);
    t->per_q = (sov_real)(1 / at_temp);
}

/* ---- 2 */

static double
compare(struct token *t)
{
    sov_real top = sov_loss_max(t->k, t->teacher, t->n);
    sov_real p[PIECE], q[PIECE];
    double loss = 0;
    size_t i, j, n;

    t->per_p =
        (sov_real)(1 / sum_powers(t, t->teacher, top, 1 / t->temp, true));
    t->mean = 0;
    for (i = 0; i < t->n; i += n) {
        sov_real *g = t->teacher + i;

        n = piece_at(t, i);
        for (j = 0; j < n; j++)
            p[j] = g[j] * t->per_p;
        student(t, i, q, n);
        loss += t->row->piece(t->k, t->value, p, q, g, n);
        t->mean += t->row->direct ? 0 : sov_loss_dot(t->k, q, g, n);
    }
    return loss;
}

/* ---- 3 */

/* z = a * the gradient of the loss at temp + b * that of cross-entropy, but
 * for the tokens that came next or are in a sample. */
static void
mix(const struct token *t, sov_real a, sov_real b)
{
    sov_real mean = (sov_real)t->mean;
    sov_real q[PIECE], e[PIECE];
    size_t i, j, n;

    for (i = 0; i < t->n; i += n) {
        sov_real *z = t->z + i;

        n = piece_at(t, i);
        student(t, i, q, n);
        if (t->raw)
            powers(t, z, t->top, 1, e, n);
        else
            memcpy(e, z, n * sizeof(*e)); /* temp is 1, or b is 0 */
        if (t->row->from != SOV_FROM_TEACHER || a == 0)
            for (j = 0; j < n; j++)
                q[j] *= a;
        else if (t->row->direct)
            for (j = 0; j < n; j++)
                q[j] = a * t->teacher[i + j];
        else
            for (j = 0; j < n; j++)
                q[j] = a * (q[j] * (t->teacher[i + j] - mean));
        for (j = 0; j < n; j++)
            z[j] = q[j] + b * (e[j] * t->per_1);
    }
}

static void
run_token(struct token *t, double *loss, double *ce)
{
    sov_real b = 1 - t->alpha, a = t->alpha * t->temp;
    double sum = 0, by_n = 0, next;
    uint32_t i;

    t->top = sov_loss_max(t->k, t->z, t->n);
    next = (double)(t->z[t->next] - t->top);
    if (t->row->from == SOV_FROM_SAMPLE && t->alpha > 0) {
        sum = few_mean(t, &by_n);
        a = by_n > 0 ? a : 0;
    }
    take_powers(t);
    if (t->row->from == SOV_FROM_TEACHER && t->alpha > 0)
        sum = compare(t);
    else if (t->row->from == SOV_FROM_SAMPLE && a > 0)
        sum = t->log_q - sum;
    mix(t, a, b);
    if (b > 0)
        t->z[t->next] -= b;
    for (i = 0; a > 0 && t->few != NULL && i < t->few->n; i++)
        t->z[t->few->id[i]] -=
            (sov_real)((double)a * (t->few->count[i] * by_n));
    *ce = t->log_1 - next;
    *loss = (double)a * (double)t->temp * sum + (double)b * *ce;
}

struct job {
    const struct sov_loss *loss;
    const struct sov_slab *slab;
    const struct sov_kern *k;
};

static void
run_tokens(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *job = arg;
    const struct sov_slab *s = job->slab;
    const struct sov_loss *l = job->loss;
    bool plain = l->row->from == SOV_FROM_TEXT || l->alpha == 0;
    size_t i;

    (void)worker;
    for (i = first; i < last; i++) {
        struct token t = {
            .k = job->k,
            .row = l->row,
            .value = (sov_real)l->value,
            .temp = plain ? 1 : (sov_real)l->temp,
            .alpha = plain ? 0 : (sov_real)l->alpha,
            .n = s->n_vocab,
            .z = s->z + i * s->stride,
            .next = s->next[i],
        };

        if (l->row->from == SOV_FROM_TEACHER && !plain)
            t.teacher = s->teacher + i * s->stride;
        if (l->row->from == SOV_FROM_SAMPLE && !plain)
            t.few = &s->few[i];
        s->loss[i] = s->ce[i] = 0;
        if (t.next < 0)
            memset(t.z, 0, t.n * sizeof(*t.z));
        else
            run_token(&t, &s->loss[i], &s->ce[i]);
    }
}

void
sov_loss_run(const struct sov_loss *loss, const struct sov_slab *slab)
{
    struct job job = { loss, slab, slab->k != NULL ? slab->k : sov_kern() };

    assert(loss->alpha == 0 || loss->row->from != SOV_FROM_TEACHER ||
           slab->teacher != NULL);
    assert(loss->alpha == 0 || loss->row->from != SOV_FROM_SAMPLE ||
           slab->few != NULL);
    sov_par_for(slab->n, 1, run_tokens, &job);
}

/* ---- by name */

static int
not_one(const char *text, struct sov_err *err)
{
    char list[96];
    size_t at = 0, i;

    for (i = 0; i < N_ROWS && at < sizeof(list); i++)
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s%s%s",
                               i == 0 ? "" : ", ", rows[i]->name,
                               rows[i]->value != NULL ? ":" : "",
                               rows[i]->value != NULL ? rows[i]->value : "");
    return sov_fail(err, SOV_EARG, "'%.60s' is none of the losses %s", text,
                    list);
}

static int
read_value(const struct sov_loss_row *row, const char *text, double *value,
           struct sov_err *err)
{
    char *end = NULL;

    *value = 0;
    if (row->value == NULL)
        return *text == '\0' ? 0 : not_one(row->name, err);
    if (*text == ':')
        *value = strtod(text + 1, &end);
    if (end == NULL || end == text + 1 || *end != '\0' ||
        strspn(text + 1, "+-.0123456789eE") != strlen(text + 1))
        return sov_fail(err, SOV_EARG, "%s wants a number: %s:%s", row->name,
                        row->name, row->value);
    if (!(*value >= 0 && *value < 1) || (*value == 0 && row->above_0))
        return sov_fail(err, SOV_EARG, "%s%.60s: %s is %s 0 and below 1",
                        row->name, text, row->value,
                        row->above_0 ? "above" : "at least");
    return 0;
}

int
sov_loss_parse(struct sov_loss *loss, const char *text, struct sov_err *err)
{
    size_t len = strcspn(text, ":"), i;
    double value;
    int rc;

    for (i = 0; i < N_ROWS; i++)
        if (strlen(rows[i]->name) == len &&
            memcmp(rows[i]->name, text, len) == 0)
            break;
    if (i == N_ROWS || (rows[i]->value == NULL && text[len] != '\0'))
        return not_one(text, err);
    rc = read_value(rows[i], text + len, &value, err);
    if (rc < 0)
        return rc;
    *loss = (struct sov_loss){ rows[i], value, 1, 1 };
    return 0;
}

int
sov_loss_sampled(struct sov_loss *loss, struct sov_err *err)
{
    if (loss->row != &sov_loss_fkl && loss->row != &sov_loss_few)
        return sov_fail(err, SOV_EARG,
                        "%s needs all that the teacher says; samples of it "
                        "are for fkl alone",
                        loss->row->name);
    loss->row = &sov_loss_few;
    return 0;
}

int
sov_loss_check(const struct sov_loss *loss, struct sov_err *err)
{
    if (!(loss->alpha >= 0 && loss->alpha <= 1))
        return sov_fail(err, SOV_EARG, "alpha is %g, not from 0 to 1",
                        loss->alpha);
    if (!(loss->temp >= SOV_TEMP_LEAST && loss->temp <= SOV_TEMP_MOST))
        return sov_fail(err, SOV_EARG, "a temperature of %g, not from %g to %g",
                        loss->temp, SOV_TEMP_LEAST, SOV_TEMP_MOST);
    return 0;
}

const char *
sov_loss_name(const struct sov_loss *loss)
{
    return loss->row->name;
}

bool
sov_loss_wants_teacher(const struct sov_loss *loss)
{
    return loss->row->from == SOV_FROM_TEACHER && loss->alpha > 0;
}

bool
sov_loss_wants_few(const struct sov_loss *loss)
{
    return loss->row->from == SOV_FROM_SAMPLE && loss->alpha > 0;
}

const struct sov_loss_row sov_loss_ce = {
    .name = "ce",
    .from = SOV_FROM_TEXT,
};

const struct sov_loss_row sov_loss_few = {
    .name = "few",
    .from = SOV_FROM_SAMPLE,
};
