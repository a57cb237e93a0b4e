/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep.h - matrices that lose weights by what goes through them
 */
#ifndef SOV_PRUNE_SWEEP_H
#define SOV_PRUNE_SWEEP_H

#include "sov/calib.h"
#include "sov/err.h"
#include "sov/prune.h"

#include <stddef.h>

struct sov_prune;
struct sov_prune_sweep;

/*
 * Get ready: the job's fates are decided, and it has a text.  Matrices that are
 * not read by layers or the head are left to whoever comes after; SOV_EARG where
 * the method cannot do without knowing what enters them.
 */
int sov_prune_sweep_new(struct sov_prune_sweep **s, struct sov_prune *job,
                        struct sov_err *err) SOV_MUST_CHECK;
/* Before the run: what it will take, beside what there is already. */
int sov_prune_sweep_cost(struct sov_prune_sweep *s, struct sov_prune_cost *cost,
                         struct sov_err *err) SOV_MUST_CHECK;
/* Let the model read the text, and prune its matrices as they are met; fills the
 * figures of their fates. */
int sov_prune_sweep_run(struct sov_prune_sweep *s,
                        struct sov_err *err) SOV_MUST_CHECK;
void sov_prune_sweep_free(struct sov_prune_sweep *s);

/* After the run, to be closed by whoever takes it: what was seen in the model as
 * it is. */
sov_stats *sov_prune_sweep_stats(struct sov_prune_sweep *s);

/* All bytes of a tensor that it has pruned, or NULL.  s may be NULL. */
const unsigned char *sov_prune_sweep_bytes(const struct sov_prune_sweep *s,
                                           size_t tensor);

#endif
