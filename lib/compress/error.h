/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - what rounding cost, tensor by tensor
 *
 * A worker decodes each row that it has just encoded and compares.  Rows are
 * summed up in a fixed order; the sums of rows then go into bins, one for each
 * few exponents, as whole numbers.  So totals are exact and do not depend on
 * how a tensor was cut into slabs, or who worked on what.
 */
#ifndef SOV_COMPRESS_ERROR_H
#define SOV_COMPRESS_ERROR_H

#include "sov/quant.h"

#include <stddef.h>
#include <stdint.h>

/* Exponents of float, four to a bin: 2^37 rows do not fill one. */
#define SOV_TALLY_BINS 70

struct sov_tally {
    uint64_t bin[SOV_TALLY_BINS];
};

/* v is not negative; 24 bits of it count. */
void sov_tally_add(struct sov_tally *t, double v);
double sov_tally_sum(const struct sov_tally *t);

/* Of some rows. */
struct sov_error {
    uint64_t weights;
    uint64_t weighed; /* of these, with an importance */
    float most;       /* the largest error of a weight */
    struct sov_tally error, power;
    struct sov_tally weighed_error, weighed_power;
};

/* One row: n weights x, their importance or NULL, and what became of them. */
void sov_error_row(struct sov_error *e, const float *x, const float *imp,
                   enum sov_type type, const void *blocks, size_t n);

void sov_error_merge(struct sov_error *e, const struct sov_error *part);

/* The figures for people. */
struct sov_quant_error sov_error_figures(const struct sov_error *e);

#endif
