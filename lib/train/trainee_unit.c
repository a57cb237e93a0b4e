/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_unit.c - a unit of tokens: its loss, and the gradient of it
 *
 * Logits exist for a slab of tokens at a time; what comes back of them to the
 * stream takes the place of what the head saw.
 */
#include "train/trainee_in.h"

#include <inttypes.h>
#include <string.h>

/* ---- is it one? */

static int
check_tokens(const sov_trainee *t, const struct sov_unit *unit,
             struct sov_err *err)
{
    size_t n = unit->first[unit->n_seq], vocab = t->shape.n_vocab;

    for (size_t i = 0; i < n; i++) {
        if (unit->ids[i] < 0 || (size_t)unit->ids[i] >= vocab ||
            (unit->next[i] >= 0 && (size_t)unit->next[i] >= vocab))
            return sov_fail(err, SOV_EARG,
                            "token %" PRId32 " or %" PRId32
                            " is none of a vocabulary of %zu",
                            unit->ids[i], unit->next[i], vocab);
    }
    return 0;
}

static int
check_unit(const sov_trainee *t, const struct sov_unit *unit,
           struct sov_err *err)
{
    size_t most = sov_shape_unit(&t->shape);

    if (unit->n_seq == 0 || unit->first[0] != 0)
        return sov_fail(err, SOV_EARG, "a unit without a beginning");
    for (size_t i = 0; i < unit->n_seq; i++) {
        size_t from = unit->first[i], to = unit->first[i + 1];

        if (to <= from || to > most || to - from > t->shape.n_ctx)
            return sov_fail(err, SOV_EARG,
                            "tokens %zu to %zu of a unit: %zu are the most, "
                            "%zu of them in a row",
                            from, to, most, t->shape.n_ctx);
    }
    if (unit->teach != NULL && t->teacher == NULL)
        return sov_fail(err, SOV_EARG, "there is no room for a teacher");
    return check_tokens(t, unit, err);
}

/* ---- the head */

/* Rows of the head that are in memory together. */
static size_t
head_part(const struct sov_linear *head)
{
    return head->w != NULL ? head->n_out : SOV_HEAD_ROWS;
}

static void
head_run(const sov_trainee *t, const sov_real *h, size_t n)
{
    const struct sov_linear *head = &t->head;
    size_t part;

    for (size_t at = 0; at < head->n_out; at += part) {
        part = head->n_out - at;
        if (part > head_part(head))
            part = head_part(head);
        sov_prim_mul(&t->prim, n, part, head->n_in,
                     (struct sov_operand){ h, head->n_in, false },
                     (struct sov_operand){ sov_linear_rows(t, head, at, part),
                                           head->n_in, false },
                     t->z + at, t->z_stride, false);
    }
}

/* The gradient of the logits becomes that of the head, and that of h. */
static void
head_back(const sov_trainee *t, sov_real *h, size_t n, bool add, sov_real *grad)
{
    const struct sov_linear *head = &t->head;
    size_t part;

    if (head->at != SOV_NO_PLACE)
        sov_prim_mul(&t->prim, head->n_out, head->n_in, n,
                     (struct sov_operand){ t->z, t->z_stride, true },
                     (struct sov_operand){ h, head->n_in, true },
                     grad + head->at, head->n_in, add);
    for (size_t at = 0; at < head->n_out; at += part) {
        part = head->n_out - at;
        if (part > head_part(head))
            part = head_part(head);
        sov_prim_mul(&t->prim, n, head->n_in, part,
                     (struct sov_operand){ t->z + at, t->z_stride, false },
                     (struct sov_operand){ sov_linear_rows(t, head, at, part),
                                           head->n_in, true },
                     h, head->n_in, at > 0);
    }
}

static void
add_up(const sov_trainee *t, const int32_t *next, size_t n,
       struct sov_tally *tally)
{
    for (size_t i = 0; i < n; i++) {
        if (next[i] < 0)
            continue;
        tally->loss += t->loss[i];
        tally->ce += t->ce[i];
        tally->n++;
    }
}

/* Tokens at .. at + n - 1, of which the head sees h. */
static int
run_slab(sov_trainee *t, const struct sov_unit *unit,
         const struct sov_loss *loss, size_t at, size_t n, sov_real *grad,
         struct sov_tally *tally, struct sov_err *err)
{
    sov_real *h = t->norm + at * t->shape.n_embd;
    struct sov_slab slab = {
        .n = n,
        .n_vocab = t->shape.n_vocab,
        .stride = t->z_stride,
        .next = unit->next + at,
        .teacher = unit->teach != NULL ? t->teacher : NULL,
        .few = unit->few != NULL ? unit->few + at : NULL,
        .z = t->z,
        .loss = t->loss,
        .ce = t->ce,
    };
    int rc = 0;

    if (unit->teach != NULL)
        rc = unit->teach(unit->arg, at, n, t->teacher, t->z_stride, err);
    if (rc < 0)
        return rc;
    head_run(t, h, n);
    sov_loss_run(loss, &slab);
    add_up(t, slab.next, n, tally);
    if (grad != NULL)
        head_back(t, h, n, at > 0, grad);
    return 0;
}

static int
run_head(sov_trainee *t, const struct sov_unit *unit,
         const struct sov_loss *loss, sov_real *grad, struct sov_tally *tally,
         struct sov_err *err)
{
    size_t e = t->shape.n_embd, n = unit->first[unit->n_seq];
    int rc = 0;

    sov_prim_norm(&t->prim, t->last, e, t->out_norm.w, (sov_real)t->shape.eps,
                  t->norm, e, t->r_last, n, e);
    for (size_t at = 0, part; at < n && rc == 0; at += part) {
        part = n - at < SOV_SLAB ? n - at : SOV_SLAB;
        rc = run_slab(t, unit, loss, at, part, grad, tally, err);
    }
    if (rc == 0 && grad != NULL)
        sov_prim_norm_back(&t->prim, t->last, e, t->out_norm.w, t->r_last,
                           t->norm, e, t->dx, e, false,
                           sov_grad_at(t, grad, t->out_norm.at), n, e);
    return rc;
}

/* ---- the layers */

static void
embed(sov_trainee *t, const struct sov_unit *unit)
{
    size_t n = unit->first[unit->n_seq];
    sov_real *x = t->layer[0].kept.x;

    for (size_t s = 0; s < unit->n_seq; s++)
        for (size_t i = unit->first[s]; i < unit->first[s + 1]; i++)
            t->place[i] = (uint32_t)(i - unit->first[s]);
    if (t->embd.w == NULL)
        sov_trainee_decode(t->embd.tensor[0], unit->ids, 0, n, x);
    else
        sov_prim_take(&t->prim, t->embd.w, unit->ids, x, n, t->shape.n_embd);
}

static int
run_layers(sov_trainee *t, const struct sov_unit *unit, struct sov_err *err)
{
    size_t n_layer = t->shape.n_layer;
    int rc = 0;

    for (size_t i = 0; i < n_layer && rc == 0; i++)
        rc = sov_learner_run(t, &t->layer[i], unit,
                             i + 1 < n_layer ? t->layer[i + 1].kept.x : t->last,
                             err);
    return rc;
}

static int
back_layers(sov_trainee *t, const struct sov_unit *unit, sov_real *grad,
            struct sov_tally *tally, struct sov_err *err)
{
    size_t n_layer = t->shape.n_layer;
    bool frozen = t->embd.at == SOV_NO_PLACE;
    int rc = 0;

    for (size_t i = n_layer; i-- > 0 && rc == 0;) {
        rc = sov_guides_run(t, unit, i, grad, tally, err);
        /* of the last layer all is still there */
        if (rc == 0 && t->opts.recompute && i + 1 < n_layer)
            rc = sov_learner_again(t, &t->layer[i], unit, err);
        if (rc == 0)
            rc = sov_learner_back(t, &t->layer[i], unit, i > 0 || !frozen, grad,
                                  err);
    }
    if (rc == 0 && !frozen)
        sov_prim_take_back(&t->prim, t->dx, unit->ids, grad + t->embd.at,
                           unit->first[unit->n_seq], t->shape.n_embd);
    return rc;
}

/* Matrices of layers are set by their products, and the head by that of the
 * first slab; all else is added to. */
static void
clear(const sov_trainee *t, sov_real *grad)
{
    for (size_t i = 0; i < t->n_list; i++) {
        const struct sov_weight *w = &t->list[i];
        uint64_t end = i + 1 < t->n_list ? w[1].at : t->count;
        uint64_t from = w->at;

        if (w->matrix && (!w->embedding || w->at == t->head.at))
            from += w->n_in * w->n_out;
        memset(grad + from, 0, (size_t)(end - from) * sizeof(*grad));
    }
}

int
sov_trainee_unit(sov_trainee *t, const struct sov_unit *unit,
                 const struct sov_loss *loss, sov_real *grad,
                 struct sov_tally *tally, struct sov_err *err)
{
    int rc = check_unit(t, unit, err);

    if (rc == 0 && grad != NULL && t->opts.n_match > 0 && unit->show == NULL)
        rc = sov_fail(err, SOV_EARG, "nobody shows what layers shall see");
    if (rc < 0)
        return rc;
    *tally = (struct sov_tally){ 0 };
    if (grad != NULL)
        clear(t, grad);
    sov_pairs_scale(t);
    embed(t, unit);
    rc = run_layers(t, unit, err);
    if (rc == 0)
        rc = run_head(t, unit, loss, grad, tally, err);
    if (rc == 0 && grad != NULL)
        rc = back_layers(t, unit, grad, tally, err);
    for (size_t i = 0; grad == NULL && i < t->shape.n_layer && rc == 0; i++)
        rc = sov_guides_run(t, unit, i, NULL, tally, err);
    if (rc == 0 && grad != NULL)
        sov_pairs_back(t, grad);
    return rc;
}
