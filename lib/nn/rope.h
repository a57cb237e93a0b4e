/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rope.h - rotary positions
 *
 * Pair i of a head turns by position * freq[i].  Angles are computed in
 * double with base/fmath, so that all machines agree.
 */
#ifndef SOV_NN_ROPE_H
#define SOV_NN_ROPE_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

enum sov_rope_pairs {
    SOV_ROPE_NORM, /* pairs (2 i, 2 i + 1) */
    SOV_ROPE_NEOX, /* pairs (i, i + n_rot / 2) */
    SOV_ROPE_NONE,
};

/*
 * freq[n_rot / 2] = base^(-2 i / n_rot) * scale / factor[i]; factor may be
 * NULL.  Numbers that give no finite or a much too fast turn are SOV_EFORMAT.
 */
int sov_rope_freqs(double *freq, size_t n_rot, double base, double scale,
                   const float *factor, struct sov_err *err) SOV_MUST_CHECK;

/*
 * YaRN: freq as above, with scale 1 / stretch, goes back to what it would be
 * without a scale where a pair turns more than beta_fast times in n_ctx
 * positions, stays where it turns less than beta_slow times, and is in between
 * for the pairs in between.
 */
struct sov_rope_yarn {
    double stretch;
    double n_ctx;
    double beta_fast, beta_slow;
};

int sov_rope_yarn(double *freq, size_t n_rot, double base,
                  const struct sov_rope_yarn *yarn,
                  struct sov_err *err) SOV_MUST_CHECK;

/* turn[n_rot] = cos, sin of each pair at a position, times size */
void sov_rope_turn(const double *freq, size_t n_rot, double size, uint32_t pos,
                   float *turn);

/* Turn one head of at least n_rot numbers in place. */
void sov_rope_apply(enum sov_rope_pairs pairs, const float *turn, size_t n_rot,
                    float *head);

#endif
