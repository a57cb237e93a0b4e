/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draft.h - matrices made of other types on trial, and what that costs them
 *
 * Of a model that is mapped.  Weights that are not finite count as zeros.
 */
#ifndef SOV_COMPRESS_DRAFT_H
#define SOV_COMPRESS_DRAFT_H

#include "sov/model.h"
#include "sov/stats.h"
#include "sov/tensor.h"

#include <stddef.h>
#include <stdint.h>

struct sov_draft;

/* All is borrowed; stats may be NULL. */
int sov_draft_new(struct sov_draft **draft, sov_model *model,
                  const sov_stats *stats, int effort,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_draft_free(struct sov_draft *draft);

/*
 * error[n]: the squares of the errors that types type[n] make in tensor i, to
 * the squares of its weights, each weighed by the importance of its column if
 * that is known.  Measured on some rows, the same ones every time.
 */
void sov_draft_errors(struct sov_draft *draft, size_t i,
                      const enum sov_type *type, size_t n, double *error);

/* All of tensor i as that type, into sov_draft_bytes() bytes. */
uint64_t sov_draft_bytes(const struct sov_draft *draft, size_t i,
                         enum sov_type type);
void sov_draft_make(struct sov_draft *draft, size_t i, enum sov_type type,
                    unsigned char *blocks);

#endif
