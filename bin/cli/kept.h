/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept.h - what a run under --resume leaves when it is stopped
 *
 * From sov_kept_begin() on a signal or an end without an output says which
 * file is kept and that the same command goes on from there.
 */
#ifndef SOV_CLI_KEPT_H
#define SOV_CLI_KEPT_H

#include "sov/err.h"

#include <stdint.h>

struct sov_kept {
    char *part;
    char *last_words;
};

/* part is being written; of all its bytes so many are there already. */
int sov_kept_begin(struct sov_kept *k, const char *part, uint64_t there,
                   uint64_t all, struct sov_err *err) SOV_MUST_CHECK;

/* After all else: is there something to go on from? */
void sov_kept_end(struct sov_kept *k);

#endif
