/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settled.h - the types that a sheet names, one for each matrix of a model
 */
#ifndef SOV_COMPRESS_SETTLED_H
#define SOV_COMPRESS_SETTLED_H

#include "base/map.h"
#include "sov/allot.h"
#include "sov/model.h"

/* Start with { 0 }. */
struct sov_settled {
    const struct sov_sheet *sheet; /* borrowed; NULL: there is none */
    struct sov_map names;
};

/* Sheet and model must have the same matrices, and types must divide their
 * rows: SOV_EFORMAT names what does not. */
int sov_settled_take(struct sov_settled *s, const struct sov_sheet *sheet,
                     const sov_model *model,
                     struct sov_err *err) SOV_MUST_CHECK;
void sov_settled_free(struct sov_settled *s);

/* Where the model has a tensor that a plan names: SOV_EFORMAT if it does not. */
int sov_settled_find(const sov_model *model, const char *name, size_t *at,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Of a matrix of that model. */
enum sov_type sov_settled_type(const struct sov_settled *s, const char *name);

/* The type that most of its weights have, of blocks if there are any. */
enum sov_type sov_settled_base(const struct sov_settled *s,
                               const sov_model *model);

#endif
