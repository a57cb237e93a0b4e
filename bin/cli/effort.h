/* SPDX-License-Identifier: Apache-2.0 */
/*
 * effort.h - what a run took, for its claim: operations, and energy if known
 *
 *     struct sov_effort e = { .power = NULL };
 *
 *     rc = sov_effort_begin(&e, err);
 *     ... sov_effort_look(&e) at least once a minute ...
 *     deed.extra = sov_effort_say(&e, flop, whole);
 *     deed.n_extra = 1;
 *     sov_effort_end(&e);
 *
 * Operations follow from what was done.  Energy is another each time, so it is
 * not said under SOURCE_DATE_EPOCH, which asks for the same bytes.
 */
#ifndef SOV_CLI_EFFORT_H
#define SOV_CLI_EFFORT_H

#include "sov/claim.h"
#include "sov/err.h"
#include "sov/power.h"

#include <stdbool.h>

struct sov_effort {
    sov_power *power; /* NULL: it has not begun */
    char flop[40], joules[40];
    struct sov_param item[3];
    struct sov_param all;
};

/* Before the work. */
int sov_effort_begin(struct sov_effort *e, struct sov_err *err) SOV_MUST_CHECK;
/* Counters go round. */
void sov_effort_look(struct sov_effort *e);
/*
 * The member sov_compute of a claim, borrowed.  whole: all of the work was done
 * since the beginning and on this machine; else the energy is not known.
 */
const struct sov_param *sov_effort_say(struct sov_effort *e, double flop,
                                       bool whole);
void sov_effort_end(struct sov_effort *e);

#endif
