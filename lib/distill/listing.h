/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h - the files in folders, in an order that is the same everywhere */
#ifndef SOV_DISTILL_LISTING_H
#define SOV_DISTILL_LISTING_H

#include "sov/err.h"

#include <stddef.h>
#include <stdint.h>

/* Start with { 0 }. */
struct sov_listing {
    char **path; /* [n] owned */
    size_t n, cap;
    uint64_t skipped; /* links to folders, and what is no file */
};

void sov_listing_free(struct sov_listing *l);

/* A file, whatever it is, or all files of a folder and of those in it. */
int sov_listing_add(struct sov_listing *l, const char *path,
                    struct sov_err *err) SOV_MUST_CHECK;

#endif
