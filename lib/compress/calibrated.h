/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calibrated.h - matrices that are rounded by what goes through them
 */
#ifndef SOV_COMPRESS_CALIBRATED_H
#define SOV_COMPRESS_CALIBRATED_H

#include "sov/calib.h"
#include "sov/err.h"

#include <stddef.h>

struct sov_quant;
struct sov_calibrated;

struct sov_quant_cost;

/* Get ready: sizes are known. */
int sov_calibrated_new(struct sov_calibrated **c, struct sov_quant *job,
                       const struct sov_calib_opts *opts,
                       struct sov_err *err) SOV_MUST_CHECK;
/* Before the run: what it will take. */
int sov_calibrated_cost(struct sov_calibrated *c, struct sov_quant_cost *cost,
                        struct sov_err *err) SOV_MUST_CHECK;
/* Let the model read the text, and round its matrices as they are met; and keep
 * statistics of what was seen. */
int sov_calibrated_run(struct sov_calibrated *c,
                       struct sov_err *err) SOV_MUST_CHECK;
void sov_calibrated_free(struct sov_calibrated *c);

/* After the run. */
const sov_stats *sov_calibrated_stats(const struct sov_calibrated *c);

/* The blocks of a tensor of the plan, or NULL: it is still to be made.  c may
 * be NULL. */
const unsigned char *sov_calibrated_blocks(const struct sov_calibrated *c,
                                           size_t tensor);

#endif
