/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stale.h - a new model in the place of one that was signed
 */
#ifndef SOV_CLI_STALE_H
#define SOV_CLI_STALE_H

#include "cli/target.h"

#include <stdbool.h>
#include <sys/stat.h>

struct sov_stale {
    const struct sov_target *target; /* borrowed */
    bool may_be;
    bool was_there;
    struct stat was; /* the output as it was before */
};

/* Before the output is replaced. */
void sov_stale_begin(struct sov_stale *s, const struct sov_target *target);

/* Afterwards: warn of claims and an index beside it that are about what was
 * there before.  signed_now: it has new ones; carried: those of its input. */
void sov_stale_say(const struct sov_stale *s, bool signed_now, bool carried);

#endif
