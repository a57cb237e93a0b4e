/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - what was made once more beside what is there
 *
 * The first weight of a tensor that differs is told with its place and both
 * numbers, and how many there are.  Where bytes differ that say the same (of
 * integers, or in a part of a block that holds no weight), the first of them
 * is told.
 */
#include "prove/prove.h"

#include "base/mem.h"
#include "compress/job.h"
#include "fmt/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAX 256 /* weights of a block of any type */

struct sov_prove_diff *
sov_prove_differs(sov_prove *p, enum sov_prove_kind kind, const char *name)
{
    struct sov_prove_diff *d;

    if (sov_mem_grow((void **)&p->diff, p->n_diffs, &p->cap_diffs,
                     sizeof(*p->diff), NULL) < 0)
        return NULL;
    d = &p->diff[p->n_diffs++];
    *d = (struct sov_prove_diff){ .kind = kind, .name = name };
    return d;
}

static int
note(sov_prove *p, enum sov_prove_kind kind, const char *name,
     struct sov_err *err)
{
    return sov_prove_differs(p, kind, name) != NULL ? 0 : sov_mem_fail(err);
}

/* ---- what is known before any weight is ---- */

static bool
same_shape(const struct sov_tensor *a, const struct sov_tensor *b)
{
    for (size_t i = 0; i < SOV_NDIM_MAX; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

static int
compare_tensor(sov_prove *p, size_t i, struct sov_err *err)
{
    const struct sov_tensor *t = sov_plan_at(p->plan, i), *is;
    struct sov_proof_tensor *pt = &p->tensor[i];
    int64_t at = sov_model_find(p->o.made, t->name);

    pt->made = -1;
    pt->diff = p->n_diffs; /* if there is one now */
    if (at < 0)
        return note(p, SOV_PROVE_LACKS, t->name, err);
    is = sov_model_at(p->o.made, (size_t)at);
    if (is->type != t->type)
        return note(p, SOV_PROVE_TYPE, t->name, err);
    if (!same_shape(is, t) || is->size != t->size)
        return note(p, SOV_PROVE_SHAPE, t->name, err);
    pt->made = at;
    pt->diff = SIZE_MAX;
    return 0;
}

static bool
in_plan(const sov_plan *plan, const char *name)
{
    for (size_t i = 0; i < sov_plan_count(plan); i++)
        if (strcmp(sov_plan_at(plan, i)->name, name) == 0)
            return true;
    return false;
}

/* Tensors of the model that come of nothing; seldom, so they are looked for
 * only where their number says so. */
static int
find_spare(sov_prove *p, struct sov_err *err)
{
    int rc = 0;

    if (sov_model_count(p->o.made) == sov_plan_count(p->plan) &&
        p->n_diffs == 0)
        return 0;
    for (size_t i = 0; i < sov_model_count(p->o.made) && rc == 0; i++) {
        const char *name = sov_model_at(p->o.made, i)->name;

        if (!in_plan(p->plan, name))
            rc = note(p, SOV_PROVE_SPARE, name, err);
    }
    return rc;
}

/* Keys that belong to the files, or to who signed them. */
static bool
is_aside(const sov_prove *p, const char *key)
{
    if (strcmp(key, SOV_LINEAGE_KEY) == 0 ||
        strcmp(key, "general.alignment") == 0 || strncmp(key, "split.", 6) == 0)
        return true;
    for (size_t i = 0; i < p->n_unknown; i++)
        if (strcmp(p->unknown[i], key) == 0)
            return true;
    return false;
}

static bool
same_value(const struct sov_kv *a, const struct sov_kv *b)
{
    return a->type == b->type && a->n == b->n &&
           (a->type != SOV_V_ARR || a->elem == b->elem) &&
           a->val.len == b->val.len &&
           (a->val.len == 0 || memcmp(a->val.p, b->val.p, a->val.len) == 0);
}

static int
compare_meta(sov_prove *p, struct sov_err *err)
{
    const sov_meta *should = sov_plan_meta_of(p->plan);
    const sov_meta *is = sov_model_meta(p->o.made);
    int rc = 0;

    if (p->no_meta || is == NULL)
        return 0;
    p->facts.meta_checked = true;
    p->facts.meta_skipped = p->n_unknown;
    for (size_t i = 0; i < sov_meta_count(should) && rc == 0; i++) {
        const struct sov_kv *kv = sov_meta_at(should, i);
        const struct sov_kv *other = sov_meta_find(is, kv->key);

        if (!is_aside(p, kv->key) && (other == NULL || !same_value(kv, other)))
            rc = note(p, SOV_PROVE_META, kv->key, err);
    }
    for (size_t i = 0; i < sov_meta_count(is) && rc == 0; i++) {
        const char *key = sov_meta_at(is, i)->key;

        if (!is_aside(p, key) && sov_meta_find(should, key) == NULL)
            rc = note(p, SOV_PROVE_META, key, err);
    }
    return rc;
}

int
sov_prove_compare_plan(sov_prove *p, struct sov_err *err)
{
    size_t n = sov_plan_count(p->plan);
    int rc = 0;

    p->tensor = sov_mem_array(n, sizeof(*p->tensor));
    if (p->tensor == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = compare_tensor(p, i, err);
    if (rc == 0)
        rc = find_spare(p, err);
    return rc == 0 ? compare_meta(p, err) : rc;
}

/* ---- weights ---- */

/* Some bytes of a tensor, on both sides. */
struct piece {
    const struct sov_tensor *t;
    const unsigned char *is, *should;
    uint64_t off;
    size_t len;
};

static bool
same_number(float a, float b)
{
    return a == b || (a != a && b != b);
}

/* The weights of a block that differ. */
static void
compare_block(struct sov_prove_diff *d, const struct piece *q, size_t at,
              const struct sov_type_info *info,
              void (*decode)(const void *, float *, size_t))
{
    float is[BLOCK_MAX], should[BLOCK_MAX];
    uint64_t first = (q->off + at) / info->bytes * info->block;

    decode(q->is + at, is, info->block);
    decode(q->should + at, should, info->block);
    for (size_t i = 0; i < info->block; i++) {
        if (same_number(is[i], should[i]))
            continue;
        if (d->weights++ > 0)
            continue;
        d->kind = SOV_PROVE_WEIGHTS;
        d->row = (first + i) / q->t->dim[0];
        d->column = (first + i) % q->t->dim[0];
        d->is = is[i];
        d->should = should[i];
    }
}

/* Blocks that lie in the piece as a whole. */
static void
compare_blocks(struct sov_prove_diff *d, const struct piece *q)
{
    const struct sov_type_info *info = sov_type_info((int)q->t->type);
    void (*decode)(const void *, float *, size_t) = sov_job_decoder(q->t->type);
    size_t bytes = info->bytes;

    if (decode == NULL || info->block > BLOCK_MAX)
        return;
    for (size_t at = (bytes - q->off % bytes) % bytes; at + bytes <= q->len;
         at += bytes)
        if (memcmp(q->is + at, q->should + at, bytes) != 0)
            compare_block(d, q, at, info, decode);
}

static int
differ(sov_prove *p, size_t tensor, const struct piece *q, struct sov_err *err)
{
    struct sov_proof_tensor *pt = &p->tensor[tensor];
    struct sov_prove_diff *d;
    size_t i = 0;

    if (pt->diff == SIZE_MAX) {
        d = sov_prove_differs(p, SOV_PROVE_BYTES, q->t->name);
        if (d == NULL)
            return sov_mem_fail(err);
        pt->diff = p->n_diffs - 1;
        while (q->is[i] == q->should[i])
            i++;
        d->offset = q->off + i;
    }
    compare_blocks(&p->diff[pt->diff], q);
    return 0;
}

int
sov_prove_compare(void *prove, size_t tensor, uint64_t off, const void *buf,
                  size_t len, struct sov_err *err)
{
    sov_prove *p = prove;
    const struct sov_proof_tensor *pt = &p->tensor[tensor];
    struct piece q = { .should = buf, .off = off, .len = len };
    int rc = 0;

    if (!pt->chosen || pt->made < 0)
        return 0;
    q.t = sov_model_at(p->o.made, (size_t)pt->made);
    q.is = (const unsigned char *)q.t->data + off;
    p->facts.bytes += len;
    if (memcmp(q.is, q.should, len) != 0)
        rc = differ(p, tensor, &q, err);
    if (off + len == q.t->size)
        sov_model_unneeded(p->o.made, (size_t)pt->made);
    return rc;
}

/* ---- telling ---- */

const struct sov_prove_diff *
sov_prove_diff(const sov_prove *p, size_t i)
{
    return i < p->n_diffs ? &p->diff[i] : NULL;
}

char *
sov_prove_diff_text(const struct sov_prove_diff *d, char *text, size_t size)
{
    static const char *const words[] = {
        [SOV_PROVE_TYPE] = "has another type than the claim makes it",
        [SOV_PROVE_SHAPE] = "has another shape than the claim makes it",
        [SOV_PROVE_LACKS] = "is not there, and the claim makes it",
        [SOV_PROVE_SPARE] = "is there, and the claim makes no such tensor",
        [SOV_PROVE_META] = "of the metadata is not what the claim makes it",
        [SOV_PROVE_STATS] = "of the text are not what the claim says",
    };
    char more[64] = "";

    if (d->weights > 1)
        snprintf(more, sizeof(more), ", and %" PRIu64 " more weights differ",
                 d->weights - 1);
    if (d->kind == SOV_PROVE_WEIGHTS)
        snprintf(text, size,
                 "tensor %.200s: weight %" PRIu64 " of row %" PRIu64
                 " is %.9g and should be %.9g%s",
                 d->name, d->column, d->row, d->is, d->should, more);
    else if (d->kind == SOV_PROVE_BYTES)
        snprintf(text, size,
                 "tensor %.200s: byte %" PRIu64 " differs, and no weight does",
                 d->name, d->offset);
    else
        snprintf(text, size, "%s%.200s %s",
                 d->kind == SOV_PROVE_META    ? "key "
                 : d->kind == SOV_PROVE_STATS ? ""
                                              : "tensor ",
                 d->name, words[d->kind]);
    return text;
}
