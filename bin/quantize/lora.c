/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lora.c - the adapters of --lora, which are merged into the weights
 *
 * They are opened before the model, and found unchanged when all is done: what
 * the claim names is what was merged.
 */
#include "quantize/quantize.h"

int
quantize_lora(struct quantize *q, struct sov_err *err)
{
    unsigned hash = q->lineage.key != NULL ? SOV_HASH_SHA256 : 0;
    int rc = sov_adapters_name(&q->adapters, &quantize_options.lora, err);

    if (rc == 0 && q->adapters.n > 0 && q->target.format->folder != NULL)
        rc = sov_fail(err, SOV_EARG,
                      "--lora: merge into a GGUF file first, and make the "
                      "folder of that");
    return rc == 0 ? sov_adapters_open(&q->adapters, hash, err) : rc;
}

int
quantize_lora_finish(struct quantize *q, struct sov_err *err)
{
    bool signing = q->lineage.key != NULL;
    int rc = signing || sov_lineage_options.require != NULL
                 ? sov_adapters_check(&q->adapters, err)
                 : 0;

    for (size_t i = 0; i < q->adapters.n && rc == 0 && signing; i++)
        if (sov_model_digest(q->adapters.item[i].model, 0) == NULL)
            rc = sov_fail(err, SOV_EIO, "%s was not hashed",
                          q->adapters.item[i].path);
    return rc;
}
