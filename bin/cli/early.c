/* SPDX-License-Identifier: Apache-2.0 */
/*
 * early.c - a damaged model in an archive is given up at its first bad piece
 */
#include "cli/early.h"

#include "cli/claims.h"
#include "sov/claim.h"

#include <string.h>

#define MAX_LOOKS 4 /* our archives need one */

static bool
is_named(const sov_claims *set, const sov_index *idx)
{
    for (size_t i = 0; i < sov_claims_count(set); i++) {
        const struct sov_claim *claim = sov_claims_at(set, i);

        if (claim->trust == SOV_TRUST_GOOD &&
            sov_claim_names(claim, "index", sov_index_sha256(idx)))
            return true;
    }
    return false;
}

/* The first index that a trusted claim names. */
static int
find_index(struct sov_early *e, sov_model *model, struct sov_err *err)
{
    sov_claims *set = NULL;
    const char *name, *text;
    size_t len;
    int rc = sov_claims_new(&set, err);

    if (rc == 0)
        rc = sov_claims_sides(set, model, NULL, err);
    if (rc == 0)
        rc = sov_claims_check(set, e->ring, err);
    for (size_t i = 0; rc == 0 && e->idx == NULL; i++) {
        sov_index *idx;

        rc = sov_model_side(model, SOV_SIDE_INDEX, i, &name, &text, &len, err);
        if (rc == 0)
            rc = sov_index_parse(&idx, text, len, err);
        if (rc < 0 || rc > 0)
            break;
        if (is_named(set, idx))
            e->idx = idx;
        else
            sov_index_free(idx);
    }
    sov_claims_free(set);
    return rc;
}

static size_t
count_sides(sov_model *model, enum sov_side_kind kind)
{
    const char *name, *text;
    size_t len, n = 0;

    while (sov_model_side(model, kind, n, &name, &text, &len, NULL) == 0)
        n++;
    return n;
}

/* Is there something new to look at?  An archive may have thousands of files,
 * and claims between them that take long to read. */
static bool
is_worth_it(struct sov_early *e, sov_model *model)
{
    size_t claims, n;

    if (e->idx != NULL || e->ring == NULL || e->looks >= MAX_LOOKS)
        return false;
    n = count_sides(model, SOV_SIDE_INDEX);
    claims = n > 0 ? count_sides(model, SOV_SIDE_CLAIMS) : 0;
    if (claims == 0 || n + claims == e->seen)
        return false;
    e->seen = n + claims;
    e->looks++;
    return true;
}

int
sov_early_begin(void *arg, sov_model *model, size_t file, sov_hasher *h,
                struct sov_err *err)
{
    struct sov_early *e = arg;
    const char *name = sov_model_file_name(model, file);
    struct sov_err why = { 0 };

    /* what is wrong with claims or index is told at the end, by the claims */
    if (is_worth_it(e, model) && find_index(e, model, &why) < 0 &&
        why.rc == SOV_EMEM) {
        *err = why;
        return why.rc;
    }
    for (size_t i = 0; e->idx != NULL && i < sov_index_files(e->idx); i++) {
        const struct sov_index_file *f = sov_index_file(e->idx, i);

        if (f->n_groups > 1 && name != NULL && strcmp(f->name, name) == 0)
            return sov_hasher_expect(h, f->group, f->n_groups, err);
    }
    return 0;
}

void
sov_early_end(struct sov_early *e)
{
    sov_index_free(e->idx);
    e->idx = NULL;
}
