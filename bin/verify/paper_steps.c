/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_steps.c - the history of a model, and what its steps took
 *
 * A claim may say what it took: sov_compute with flop, wall_s and joules, as
 * numbers or texts; what a teacher did whose words come from a cache is never
 * in that.  Where it does not, seconds are those from its start to its end, and
 * operations are estimated of what it did:
 *
 *   training      6 x parameters x tokens, as Kaplan et al., Scaling Laws for
 *                 Neural Language Models (arXiv:2001.08361), 2.1, have it: 2
 *                 there and 4 back
 *   a teacher     2 x bytes of it x tokens, where its size is known; where it
 *                 is not, the step took more than is estimated
 *   calibration   2 x bytes of the model x tokens: one pass there, and a
 *                 parameter for each byte, which is too many where it takes two
 *   others        none: a few operations for each weight
 */
#include "verify/paper.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct sov_param *
paper_param(const struct sov_param *p, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (p[i].key != NULL && strcmp(p[i].key, key) == 0)
            return &p[i];
    return NULL;
}

const char *
paper_param_text(const struct sov_param *p, size_t n, const char *key)
{
    const struct sov_param *v = paper_param(p, n, key);

    return v != NULL && (v->kind == SOV_PARAM_STR || v->kind == SOV_PARAM_REAL)
               ? v->str
               : NULL;
}

/* A number, as such or as text; NaN if it is neither. */
static double
number(const struct sov_param *p, size_t n, const char *key)
{
    const struct sov_param *v = paper_param(p, n, key);
    char *end;
    double x;

    if (v == NULL)
        return NAN;
    if (v->kind == SOV_PARAM_INT)
        return v->num >= 0 ? (double)v->num : NAN;
    if (v->kind != SOV_PARAM_STR && v->kind != SOV_PARAM_REAL)
        return NAN;
    x = strtod(v->str, &end);
    return end != v->str && *end == '\0' && isfinite(x) && x >= 0 ? x : NAN;
}

const struct sov_claim *
paper_test(const struct paper *p, size_t i)
{
    for (size_t k = 0; k < sov_claims_count(p->claims); k++) {
        const struct sov_claim *c = sov_claims_at(p->claims, k);

        if (c->trust == SOV_TRUST_GOOD &&
            sov_statement_is_test(&c->statement) &&
            sov_claim_is_of(c, p->set.file, p->set.n) && i-- == 0)
            return c;
    }
    return NULL;
}

/* ---- what a step took */

static double
bytes_of(const struct sov_statement *st, const char *role)
{
    double sum = 0;

    for (size_t i = 0; i < st->n_dependencies; i++)
        if (st->dependency[i].role != NULL && st->dependency[i].has_size &&
            strcmp(st->dependency[i].role, role) == 0)
            sum += (double)st->dependency[i].digest.size;
    return sum > 0 ? sum : NAN;
}

static void
estimate(struct paper_step *s)
{
    const struct sov_statement *st = &s->claim->statement;
    double tokens = number(st->internal, st->n_internal, "tokens");
    double weights = number(st->internal, st->n_internal, "parameters");
    double calib = number(st->external, st->n_external, "calib_tokens");

    s->flop = 0;
    if (!isnan(tokens)) {
        double teacher = bytes_of(st, "teacher");

        s->flop_short = isnan(teacher) &&
                        (paper_param(st->external, st->n_external, "teacher") ||
                         paper_param(st->external, st->n_external, "cache"));
        if (!isnan(teacher))
            s->flop += 2 * teacher * tokens;
        s->tokens = tokens < 1e18 ? (uint64_t)tokens : 0;
        s->flop += 6 * weights * tokens;
    }
    if (!isnan(calib))
        s->flop += 2 * bytes_of(st, "parent") * calib;
}

static void
weigh(struct paper_step *s)
{
    const struct sov_statement *st = &s->claim->statement;
    const struct sov_param *told =
        paper_param(st->extra, st->n_extra, "sov_compute");
    double wall = NAN;

    estimate(s);
    s->joules = NAN;
    s->seconds = -1;
    if (st->started > 0 && st->finished >= st->started)
        s->seconds = st->finished - st->started;
    if (told == NULL || told->kind != SOV_PARAM_MAP)
        return;
    s->joules = number(told->item, told->n, "joules");
    s->flop_told = !isnan(number(told->item, told->n, "flop"));
    if (s->flop_told) {
        s->flop = number(told->item, told->n, "flop");
        s->flop_short =
            paper_param(st->external, st->n_external, "cache") != NULL;
    }
    wall = number(told->item, told->n, "wall_s");
    if (wall < 1e15)
        s->seconds = (int64_t)wall;
}

/* ---- the history */

static bool
is_step(const struct paper *p, const struct sov_claim *c)
{
    for (size_t i = 0; i < p->n_steps; i++)
        if (strcmp(p->step[i].claim->id, c->id) == 0)
            return true;
    return false;
}

/* The claim about the model, and all that it leads to, near ones first. */
int
paper_steps(struct paper *p, struct sov_err *err)
{
    p->step = calloc(sov_claims_count(p->claims) + 1, sizeof(*p->step));
    if (p->step == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (p->leaf != NULL)
        p->step[p->n_steps++].claim = p->leaf;
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct sov_statement *st = &p->step[i].claim->statement;

        weigh(&p->step[i]);
        for (size_t k = 0; k < st->n_dependencies; k++) {
            const char *id = st->dependency[k].claim;
            const struct sov_claim *c =
                id != NULL ? sov_claims_find(p->claims, id) : NULL;

            if (c != NULL && !is_step(p, c))
                p->step[p->n_steps++].claim = c;
        }
    }
    return 0;
}
