/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - the files of a model, by name, and their digests
 */
#ifndef SOV_FMT_DIGEST_H
#define SOV_FMT_DIGEST_H

#include "sov/hash.h"
#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>

struct sov_digest_row {
    char *name;    /* owned */
    sov_hasher *h; /* owned; between begin and end, or NULL */
    bool done;
    struct sov_digest is; /* once done */
};

struct sov_digests {
    struct sov_digest_row *row;
    size_t n;
    size_t cap;
};

void sov_digests_free(struct sov_digests *d);

/* One more file; its index in *at. */
int sov_digest_add(sov_model *m, const char *name, size_t *at,
                   struct sov_err *err) SOV_MUST_CHECK;

/*
 * Its bytes, in order.  Nothing happens in a model that was not asked for
 * digests.  A second begin does nothing.
 */
int sov_digest_begin(sov_model *m, size_t at,
                     struct sov_err *err) SOV_MUST_CHECK;
int sov_digest_update(sov_model *m, size_t at, const void *buf, size_t len,
                      struct sov_err *err) SOV_MUST_CHECK;
int sov_digest_end(sov_model *m, size_t at, struct sov_err *err) SOV_MUST_CHECK;

/* Hold the file of a part, which is new, as the model's options say. */
struct sov_part;
int sov_digest_hold(sov_model *m, struct sov_part *part,
                    struct sov_err *err) SOV_MUST_CHECK;

/* A file that is in memory, added if it is new; else it must be the same. */
int sov_digest_text(sov_model *m, const char *name, const void *text,
                    size_t len, struct sov_err *err) SOV_MUST_CHECK;

#endif
