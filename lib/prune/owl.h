/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owl.h - more is left in layers that have more outliers
 *
 * Yin and others, "Outlier weighed layerwise sparsity" (2023).  Of a layer's
 * weights, how many have a score |w| |x| (wanda.c) above so many times the
 * layer's mean?  The layers' shares are stretched to a range, and that is by how
 * much more or less of a layer is left than of all of them.
 */
#ifndef SOV_PRUNE_OWL_H
#define SOV_PRUNE_OWL_H

#include "sov/err.h"
#include "sov/model.h"
#include "sov/stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As published. */
#define SOV_OWL_TIMES 5.0
#define SOV_OWL_RANGE 0.08

/*
 * ratio[n] of each layer, whose mean over weight[n] is all; share[n] is how much
 * of a layer are outliers.  None is below 0 or above 1: where that cuts, as much
 * as was cut is missing in the mean.
 */
void sov_owl_spread(const double *share, const double *weight, size_t n,
                    double range, double all, double *ratio);

/*
 * The ratios of a model's layers, blk.0 on, by statistics of what enters its
 * matrices; wanted() says which are pruned.  ratio [n_layers] has to be as long
 * as there are layers.  The model was opened with SOV_ACCESS_MAP.  SOV_EFORMAT:
 * statistics of another model.
 */
int sov_owl_ratios(const sov_model *model, const sov_stats *stats,
                   bool (*wanted)(const void *arg, size_t tensor),
                   const void *arg, double all, double *ratio, size_t n_layers,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif
