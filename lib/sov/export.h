/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export.h - a model as the folder in which it would be published
 *
 * The way back from an import: tensors get the names, the order of rows and
 * the types of a Hugging Face folder, and config.json, tokenizer.model and what
 * belongs to them are made of the metadata.  Before anything is written all of
 * it is imported once more, in memory: what would not come back as it was is
 * refused, and named.
 */
#ifndef SOV_EXPORT_H
#define SOV_EXPORT_H

#include "sov/err.h"
#include "sov/meta.h"
#include "sov/model.h"
#include "sov/tensor.h"
#include "sov/write.h"

#include <stddef.h>

typedef struct sov_export sov_export;

/*
 * Change what the model shows, for good.  meta (borrowed for the call) is the
 * metadata to keep; type is what matrices will be written as, SOV_TYPE_NONE:
 * what they are.  Vectors become as narrow as the matrices where that changes
 * no number.  SOV_EUNSUP: this model has no such form.
 */
SOV_API int sov_export_new(sov_export **x, sov_model *model,
                           const sov_meta *meta, enum sov_type type,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_export_free(sov_export *x);

/* The files beside the tensors; borrowed. */
SOV_API const struct sov_side *sov_export_sides(const sov_export *x, size_t *n);

#endif
