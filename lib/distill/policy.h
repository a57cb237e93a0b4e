/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - texts that the student makes while it learns
 */
#ifndef SOV_DISTILL_POLICY_H
#define SOV_DISTILL_POLICY_H

#include "distill/run.h"

/* What of the options does not go with it; nothing is done without it. */
int sov_policy_check(const struct sov_distill_opts *o,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Room for d->made, as many numbers as there are weights. */
int sov_policy_open(struct sov_distill *d, struct sov_err *err) SOV_MUST_CHECK;

/* Before step number `step` (from 0): make some, if it is time. */
int sov_policy_step(struct sov_distill *d, uint64_t step,
                    struct sov_err *err) SOV_MUST_CHECK;

/* Tokens that it makes in all steps. */
uint64_t sov_policy_tokens(const struct sov_distill *d);

/* A sov_units.other: arg is the struct sov_distill. */
size_t sov_policy_read(void *arg, uint64_t step, uint64_t i, int32_t *ids,
                       int32_t *next);

#endif
