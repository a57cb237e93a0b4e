/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.c - the digests of the files of a model, and of the tensors in them
 */
#include "cli/parts.h"

#include <stdlib.h>
#include <string.h>

#define WHAT \
    (SOV_HASH_SHA256 | SOV_HASH_VERITY | SOV_HASH_XXH3 | SOV_HASH_GROUPS)

static int
by_place(const void *a, const void *b, void *tensors)
{
    const struct sov_index_tensor *t = tensors;
    const struct sov_index_tensor *x = &t[*(const size_t *)a];
    const struct sov_index_tensor *y = &t[*(const size_t *)b];

    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    return x->off < y->off ? -1 : x->off > y->off;
}

/* The ranges of file i are those of its tensors that have bytes. */
static int
make_ranges(struct sov_parts *p, size_t i, struct sov_err *err)
{
    size_t n = 0;

    p->range[i] = calloc(p->n_tensors + 1, sizeof(*p->range[i]));
    if (p->range[i] == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t k = 0; k < p->n_tensors; k++) {
        const struct sov_index_tensor *t = &p->tensor[p->order[k]];

        if (t->file != i || t->digest.size == 0)
            continue;
        p->range[i][n].off = t->off;
        p->range[i][n++].len = t->digest.size;
    }
    p->n_ranges[i] = n;
    return n > 0 ? sov_hasher_ranges(p->hasher[i], p->range[i], n, err) : 0;
}

int
sov_parts_new(struct sov_parts *p, const char *const *name, size_t n,
              const struct sov_index_tensor *tensor, size_t n_tensors,
              struct sov_err *err)
{
    int rc = 0;

    *p = (struct sov_parts){ .n = n, .n_tensors = n_tensors };
    p->file = calloc(n, sizeof(*p->file));
    p->hasher = calloc(n, sizeof(sov_hasher *));
    p->range = calloc(n, sizeof(*p->range));
    p->n_ranges = calloc(n, sizeof(*p->n_ranges));
    p->tensor = calloc(n_tensors + 1, sizeof(*p->tensor));
    p->order = calloc(n_tensors + 1, sizeof(*p->order));
    if (p->file == NULL || p->hasher == NULL || p->range == NULL ||
        p->n_ranges == NULL || p->tensor == NULL || p->order == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < n_tensors; i++) {
        p->tensor[i] = tensor[i];
        p->order[i] = i;
    }
    qsort_r(p->order, n_tensors, sizeof(*p->order), by_place, p->tensor);
    for (size_t i = 0; i < n && rc == 0; i++) {
        p->file[i].name = name[i];
        rc = sov_hasher_new(&p->hasher[i], WHAT, err);
        if (rc == 0)
            rc = make_ranges(p, i, err);
    }
    return rc;
}

void
sov_parts_free(struct sov_parts *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->hasher != NULL)
            sov_hasher_free(p->hasher[i]);
        if (p->range != NULL)
            free(p->range[i]);
    }
    free(p->file);
    free(p->hasher);
    free(p->range);
    free(p->n_ranges);
    free(p->tensor);
    free(p->order);
    *p = (struct sov_parts){ 0 };
}

/* The digest of no bytes, for tensors without any. */
static int
digest_nothing(struct sov_digest *digest, struct sov_err *err)
{
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, SOV_HASH_VERITY | SOV_HASH_XXH3, err);

    if (rc == 0)
        rc = sov_hasher_final(h, digest, err);
    sov_hasher_free(h);
    return rc;
}

int
sov_parts_final(struct sov_parts *p, struct sov_err *err)
{
    struct sov_digest nothing;
    size_t k = 0;
    int rc = digest_nothing(&nothing, err);

    for (size_t i = 0; i < p->n && rc == 0; i++) {
        struct sov_index_file *f = &p->file[i];
        size_t at = 0;

        rc = sov_hasher_final(p->hasher[i], &f->digest, err);
        if (rc < 0)
            break;
        f->group = sov_hasher_groups(p->hasher[i], &f->n_groups);
        for (; k < p->n_tensors && p->tensor[p->order[k]].file == i; k++) {
            struct sov_index_tensor *t = &p->tensor[p->order[k]];

            t->digest = t->digest.size > 0 ? p->range[i][at++].digest : nothing;
        }
    }
    return rc;
}

int
sov_parts_index(const struct sov_parts *p, void **text, size_t *len,
                struct sov_err *err)
{
    return sov_index_text(p->file, p->n, p->tensor, p->n_tensors, text, len,
                          err);
}
