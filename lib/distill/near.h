/* SPDX-License-Identifier: Apache-2.0 */
/*
 * near.h - which documents are nearly the same as an earlier one
 *
 * Two documents are alike to the degree in which they share phrases of five
 * words: those that both have, among those that any of them has.  That is
 * estimated by MinHash (A. Broder, "On the resemblance and containment of
 * documents", 1997), from 128 numbers of each; so it scatters by 0.035 at 0.8.
 */
#ifndef SOV_DISTILL_NEAR_H
#define SOV_DISTILL_NEAR_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_NEAR_HASHES 128

typedef struct sov_near sov_near;

/* Memory is what it may take; when it is used up, what was remembered first is
 * forgotten. */
int sov_near_new(sov_near **near, double share, uint64_t memory,
                 struct sov_err *err) SOV_MUST_CHECK;
void sov_near_free(sov_near *n);

/*
 * A document by the hashes of its words, which are used up.  1: it is like an
 * earlier one, to the degree *share, and is not remembered; 0: it is.  With
 * less than five words it is like none.
 */
int sov_near_look(sov_near *n, uint32_t *word, size_t n_words, double *share,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Documents that were forgotten. */
uint64_t sov_near_forgotten(const sov_near *n);

#endif
