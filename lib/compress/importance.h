/* SPDX-License-Identifier: Apache-2.0 */
/*
 * importance.h - what an error costs, column by column
 *
 * The encoders minimise squared errors, each weighed by what comes in through
 * its column.  Where that is known from, and of which tensors, is settled here
 * once, before the first is read; the workers then ask row by row.
 */
#ifndef SOV_COMPRESS_IMPORTANCE_H
#define SOV_COMPRESS_IMPORTANCE_H

#include "sov/hash.h"
#include "sov/model.h"
#include "sov/stats.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_importance;
struct sov_merge;

/* What was found, for people. */
struct sov_importance_facts {
    size_t wanted;  /* matrices that are made of other blocks */
    size_t used;    /* of these, with an entry of the statistics */
    size_t missing; /* without one, where there should be one */
    const char *first_missing;
    size_t spare;    /* entries that belong to no tensor of the model */
    uint64_t unseen; /* experts that saw nothing; all columns count the same */
    const char *first_unseen;
    uint64_t which_unseen;
};

/*
 * May the statistics of any model lack this one?  llama-imatrix leaves output
 * and embeddings out; rows of the latter are looked up and not multiplied.
 */
bool sov_importance_optional(const char *name);

/*
 * Of a plan whose tensor i is the model's tensor i; all is borrowed.  stats may
 * be NULL.  An entry of another length than its tensor's is SOV_EFORMAT, and so
 * are statistics without any that is needed.
 */
int sov_importance_new(struct sov_importance **imp, const sov_model *model,
                       const sov_plan *plan, const struct sov_merge *merge,
                       const sov_stats *stats,
                       struct sov_err *err) SOV_MUST_CHECK;
void sov_importance_free(struct sov_importance *imp);

const struct sov_importance_facts *
sov_importance_facts(const struct sov_importance *imp);

/* Where a worker keeps the row it had last.  max: weights of a piece. */
struct sov_importance_view {
    float *w; /* owned; [max] */
    size_t tensor;
    uint64_t first;
    size_t n; /* 0: nothing yet */
};

int sov_importance_view_new(struct sov_importance_view *view, size_t max,
                            struct sov_err *err) SOV_MUST_CHECK;
void sov_importance_view_free(struct sov_importance_view *view);

/*
 * Of the n weights from weight `first` of tensor i, all in one row: how much
 * the error of each counts, or NULL: all the same.  It stays until the view is
 * asked again.
 */
const float *sov_importance_row(const struct sov_importance *imp,
                                struct sov_importance_view *view, size_t i,
                                uint64_t first, size_t n);

/*
 * What is asked for is put near 1 on average, by a power of two, which changes no
 * choice, and no column is below a millionth of that, for blocks of columns that
 * nothing came in through would have scales that nothing decides.  So what the
 * encoders multiply and add up neither overflows nor vanishes.
 */
void sov_importance_temper(float *w, size_t n);

/* A digest of all that it can answer. */
int sov_importance_digest(const struct sov_importance *imp,
                          unsigned char digest[SOV_XXH3_LEN],
                          struct sov_err *err) SOV_MUST_CHECK;

#endif
