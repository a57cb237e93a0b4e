/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distill.c - sov-distill --merge once more; what was trained is not
 */
#include "prove/prove.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static int
read_lora(sov_prove *p, struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_by_name(p->quant.type);
    int rc = sov_prove_str(p, "train_lora", &p->distill.lora, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (info == NULL)
        return sov_fail(err, SOV_EUNSUP, "there is no type '%.40s'",
                        p->quant.type);
    p->distill.lora_type = info->type;
    p->quant.type = "copy";
    return 0;
}

static int
read_all(sov_prove *p, struct sov_err *err)
{
    int rc = sov_prove_param(p, "deltas") != NULL
                 ? sov_prove_str(p, "type", &p->quant.type, err)
                 : sov_fail(err, SOV_EUNSUP,
                            "it was trained: training gives the same bytes on "
                            "one class of machines alone");

    if (rc == 1)
        return sov_fail(err, SOV_EFORMAT, "the claim names no type");
    if (rc == 0 && sov_prove_param(p, "student") == NULL)
        rc = sov_fail(err, SOV_EUNSUP,
                      "what was merged began as a new model; only what began "
                      "as one that is there can be re-computed");
    if (rc == 0)
        rc = sov_prove_real(p, "outer_lr", &p->distill.outer_lr, err);
    if (rc >= 0)
        rc = sov_prove_uint(p, "seed", &p->distill.seed, err);
    if (rc >= 0)
        rc = read_lora(p, err);
    /* what a run would need, and merging only looks at */
    p->distill.alpha = 0.5;
    p->distill.temp = 1;
    p->distill.batch = p->distill.accumulate = 1;
    p->distill.max_memory = p->o.max_memory;
    p->distill.most =
        p->distill.lora == NULL && rc >= 0 && strcmp(p->quant.type, "f16") == 0
            ? 65504
            : 0;
    p->map = true;
    return rc < 0 ? rc : 0;
}

static int
merge(sov_prove *p, const char **path, size_t n, struct sov_err *err)
{
    int rc = sov_distill_merge(&p->merge, &p->distill, path, n, err);

    for (size_t i = 0; i < n && rc == 0; i++) { /* are they still the same? */
        struct sov_digest d;

        rc = sov_hash_path(path[i], SOV_HASH_SHA256, &d, err);
        if (rc == 0 &&
            memcmp(d.sha256, sov_prove_of(p, "delta", i)->what->digest.sha256,
                   SOV_SHA256_LEN) != 0)
            rc = sov_fail(err, SOV_EIO, "%s: changed while it was read",
                          path[i]);
    }
    return rc;
}

static int
ready(sov_prove *p, struct sov_err *err)
{
    const char **path;
    size_t n = 0;
    int rc;

    while (sov_prove_of(p, "delta", n) != NULL)
        n++;
    path = sov_mem_array(n, sizeof(*path));
    if (path == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        path[i] = sov_prove_of(p, "delta", i)->path;
    p->distill.student = p->source;
    rc = merge(p, path, n, err);
    free(path);
    if (rc == 0)
        rc = sov_quant_new(&p->quant_job, sov_distill_model(p->merge),
                           &p->quant, err);
    if (rc == 0)
        p->plan = sov_quant_plan(p->quant_job);
    return rc;
}

static int
run(sov_prove *p, const struct sov_taker *taker, struct sov_err *err)
{
    return sov_quant_take(p->quant_job, taker, err);
}

static const char *const params[] = {
    "output", "deltas", "student",    "arch",     "tokenizer",
    "seed",   "type",   "train_lora", "outer_lr", NULL,
};

const struct sov_deed_row sov_deed_distill = {
    .name = "distill",
    .params = params,
    .arithmetic = SOV_MERGE_ARITHMETIC,
    .read = read_all,
    .ready = ready,
    .run = run,
};
