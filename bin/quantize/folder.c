/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder.c - a Hugging Face folder as output
 */
#include "quantize/quantize.h"

#include "cli/names.h"
#include "cli/tool.h"

#include <string.h>

/* Types of whole models that a folder can have, and their number in GGUF. */
static const struct {
    enum sov_type type;
    uint32_t file_type;
} plain[] = {
    { SOV_TYPE_F32, 0 },
    { SOV_TYPE_F16, 1 },
    { SOV_TYPE_BF16, 32 },
};

#define N_PLAIN (sizeof(plain) / sizeof(plain[0]))

/* The type that -t asks for; SOV_TYPE_NONE: copy. */
static int
wanted(const struct quantize *q, sov_meta *meta, enum sov_type *type,
       struct sov_err *err)
{
    *type = SOV_TYPE_NONE;
    if (strcmp(q->type, "copy") == 0)
        return 0;
    for (size_t i = 0; i < N_PLAIN; i++) {
        if (strcmp(q->type, sov_type_info((int)plain[i].type)->name) != 0)
            continue;
        *type = plain[i].type;
        return sov_meta_set_u32(meta, "general.file_type", plain[i].file_type,
                                err);
    }
    return sov_fail(err, SOV_EUNSUP,
                    "a Hugging Face folder cannot hold %s; it has f32, f16 or "
                    "bf16",
                    q->type);
}

static int
copy_meta(sov_meta **copy, const sov_meta *from, struct sov_err *err)
{
    int rc = sov_meta_new(copy, err);

    for (size_t i = 0; i < sov_meta_count(from) && rc == 0; i++)
        rc = sov_meta_set(*copy, sov_meta_at(from, i), err);
    return rc;
}

int
quantize_folder(struct quantize *q, struct sov_err *err)
{
    sov_meta *meta = NULL;
    enum sov_type type;
    int rc = copy_meta(&meta, sov_model_meta(q->model), err);

    if (rc == 0)
        rc = wanted(q, meta, &type, err);
    if (rc == 0)
        rc = quantize_edit(q, meta, err);
    if (rc == 0) {
        rc = sov_export_new(&q->folder, q->model, meta, type, err);
        if (rc < 0)
            sov_err_wrap(err, "%s", sov_name_in(q->source));
    }
    sov_meta_free(meta);
    return rc;
}

/* What others want to know about the tensors. */
int
quantize_folder_meta(void *arg, sov_meta *meta, struct sov_err *err)
{
    (void)arg;
    return sov_meta_set_str(meta, "safetensors.format", "pt", err);
}
