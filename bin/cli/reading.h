/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reading.h - the text of --calib, made what a model reads
 */
#ifndef SOV_CLI_READING_H
#define SOV_CLI_READING_H

#include "sov/calib.h"
#include "sov/err.h"
#include "sov/hash.h"
#include "sov/model.h"

#include <stddef.h>
#include <stdint.h>

struct sov_reading {
    struct sov_calib_opts opts; /* ids NULL: there is no text */
    int32_t *ids;               /* owned */
    struct sov_digest is;       /* what was in the text */
    size_t windows;             /* of so many tokens: */
    uint32_t ctx;
};

/* Can both be read: the text at path and the model at source? */
int sov_reading_check(const char *path, const char *source,
                      struct sov_err *err) SOV_MUST_CHECK;

/*
 * Read the text, of which max_tokens at most (0: the usual number) are taken,
 * and say so if they are few.  The model is open; source is its name.
 */
int sov_reading_take(struct sov_reading *r, const char *path,
                     uint64_t max_tokens, const sov_model *model,
                     const char *source, struct sov_err *err) SOV_MUST_CHECK;
void sov_reading_free(struct sov_reading *r);

#endif
