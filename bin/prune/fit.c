/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit.c - the matrices that keep more weights than others, for a size
 *
 * A pattern for all matrices makes a file larger or smaller in steps of a fifth.
 * What is left of a size when all have the same is given to some of them, which
 * keep eight more of each 64 weights: of each kind of matrix (those that such a
 * step costs the same) the same share, evenly over the layers, and one or two
 * more or less, so that as little as can be is left in the end.
 */
#include "prune/prune.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kinds whose numbers are tried around their share, and how far around it. */
#define KINDS 8
#define LESS  2
#define MORE  3

struct kind {
    uint64_t step; /* bytes */
    size_t n;      /* matrices */
    size_t take;   /* that keep more */
    size_t seen;   /* while they are gone through */
};

struct fit {
    uint64_t *step; /* [n] owned; of each tensor */
    size_t n;
    struct kind *kind; /* [n_kinds] owned; small steps first */
    size_t n_kinds;
    size_t best[KINDS];
    uint64_t most; /* bytes of the best so far */
    uint64_t left; /* that may be used */
};

static int
by_step(const void *a, const void *b)
{
    const struct kind *x = a, *y = b;

    return x->step < y->step ? -1 : x->step > y->step;
}

static struct kind *
kind_of(const struct fit *f, uint64_t step)
{
    for (size_t i = 0; i < f->n_kinds; i++)
        if (f->kind[i].step == step)
            return &f->kind[i];
    return NULL;
}

static uint64_t
padded(uint64_t size, uint64_t align)
{
    return (size + align - 1) / align * align;
}

static int
find_kinds(struct fit *f, const sov_plan *less, const sov_plan *more,
           uint64_t align, struct sov_err *err)
{
    f->n = sov_plan_count(less);
    f->step = calloc(f->n + 1, sizeof(*f->step));
    f->kind = calloc(f->n + 1, sizeof(*f->kind));
    if (f->step == NULL || f->kind == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < f->n; i++) {
        struct kind *k;

        f->step[i] = padded(sov_plan_at(more, i)->size, align) -
                     padded(sov_plan_at(less, i)->size, align);
        if (f->step[i] == 0)
            continue;
        k = kind_of(f, f->step[i]);
        if (k == NULL)
            k = &f->kind[f->n_kinds++];
        k->step = f->step[i];
        k->n++;
    }
    qsort(f->kind, f->n_kinds, sizeof(*f->kind), by_step);
    return 0;
}

/* Numbers of kind i and those before it, with what is left of the size. */
static void
try_kinds(struct fit *f, size_t i, uint64_t used, size_t take[KINDS])
{
    const struct kind *k = &f->kind[i];
    size_t first, last;

    if (used > f->left)
        return;
    if (i == f->n_kinds || i == KINDS) {
        if (used > f->most)
            memcpy(f->best, take, sizeof(f->best));
        f->most = used > f->most ? used : f->most;
        return;
    }
    first = k->take > LESS ? k->take - LESS : 0;
    last = k->take + MORE < k->n ? k->take + MORE : k->n;
    for (take[i] = first; take[i] <= last; take[i]++)
        try_kinds(f, i + 1, used + take[i] * k->step, take);
}

/* The same share of each, and what is left to the best of those around it. */
static void
share_out(struct fit *f)
{
    uint64_t all = 0, fixed = 0;
    size_t take[KINDS] = { 0 };

    for (size_t i = 0; i < f->n_kinds; i++)
        all += f->kind[i].step * f->kind[i].n;
    for (size_t i = 0; i < f->n_kinds; i++) {
        struct kind *k = &f->kind[i];
        double share = (double)f->left / (double)all;

        k->take = (size_t)(share * (double)k->n);
        k->take = k->take < k->n ? k->take : k->n;
        if (i >= KINDS)
            fixed += k->take * k->step;
    }
    try_kinds(f, 0, fixed, take);
    for (size_t i = 0; i < f->n_kinds && i < KINDS; i++)
        f->kind[i].take = f->best[i];
}

/* Is this one, in the order of the file, among those of its kind? */
static bool
keeps_more(const struct fit *f, size_t tensor)
{
    struct kind *k = f->step[tensor] > 0 ? kind_of(f, f->step[tensor]) : NULL;
    size_t before;

    if (k == NULL)
        return false;
    before = k->seen++ * k->take / k->n;
    return k->seen * k->take / k->n > before;
}

/* "NAME=32:64", where the name is nothing but itself. */
static char *
rule_for(const char *name, uint32_t keep)
{
    char *text = malloc(2 * strlen(name) + 32), *to = text;

    if (text == NULL)
        return NULL;
    for (; *name != '\0'; name++) {
        if (strchr("*?[]\\", *name) != NULL)
            *to++ = '\\';
        *to++ = *name;
    }
    snprintf(to, 32, "=%" PRIu32 ":64", keep);
    return text;
}

static int
make_rules(struct prune *p, const struct fit *f, const sov_plan *plan,
           uint32_t keep, struct sov_err *err)
{
    p->fitted = calloc(f->n + 1, sizeof(*p->fitted));
    if (p->fitted == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < f->n; i++) {
        if (!keeps_more(f, i))
            continue;
        p->fitted[p->n_fitted] = rule_for(sov_plan_at(plan, i)->name, keep);
        if (p->fitted[p->n_fitted++] == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
    }
    prune_options.tensor_ratios =
        (struct sov_opt_list){ (const char **)p->fitted, p->n_fitted };
    return prune_rules(p, err);
}

int
prune_fit(struct prune *p, const sov_plan *less, const sov_plan *more,
          uint32_t keep, uint64_t align, struct sov_err *err)
{
    struct fit f = { .left = prune_options.target_size - sov_plan_bytes(less) };
    int rc = find_kinds(&f, less, more, align, err);

    if (rc == 0 && f.n_kinds > 0)
        share_out(&f);
    if (rc == 0 && f.most > 0)
        rc = make_rules(p, &f, less, keep, err);
    p->packed_bytes = sov_plan_bytes(less) + f.most;
    free(f.step);
    free(f.kind);
    return rc;
}

void
prune_fit_end(struct prune *p)
{
    for (size_t i = 0; i < p->n_fitted; i++)
        free(p->fitted[i]);
    free(p->fitted);
}
