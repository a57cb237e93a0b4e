/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.h - an importance matrix, read from a file or made here
 */
#ifndef SOV_CALIB_STATS_H
#define SOV_CALIB_STATS_H

#include "base/map.h"
#include "sov/model.h"
#include "sov/stats.h"

struct sov_stats_entry {
    char *name;               /* owned */
    const unsigned char *sum; /* f32 as in a file: of squares */
    const unsigned char *count;
    const unsigned char *plain; /* sums; NULL in a file that is read */
    uint64_t values;
    uint64_t matrices;
    void *own; /* what these are in, if they were made */
};

struct sov_stats {
    sov_model *model;              /* of the file; NULL: they were made */
    struct sov_stats_entry *entry; /* owned */
    size_t n;
    size_t cap;
    struct sov_map names;
    char **dataset; /* owned */
    size_t n_datasets;
    uint64_t chunks;
    uint64_t chunk_size;
};

/* Begin to make some: of one text, of which so much was read. */
int sov_stats_make(sov_stats **stats, const char *dataset, uint64_t chunks,
                   uint64_t chunk_size, struct sov_err *err) SOV_MUST_CHECK;

/* What entered a tensor: sums [matrices, columns], counts [matrices]. */
int sov_stats_take(sov_stats *s, const char *name, size_t columns,
                   size_t matrices, const double *square, const double *sum,
                   const uint64_t *count, struct sov_err *err) SOV_MUST_CHECK;

/* SOV_EFORMAT: entry i has not a value for each column of this tensor. */
int sov_stats_fits(const sov_stats *s, size_t i, const struct sov_tensor *t,
                   struct sov_err *err) SOV_MUST_CHECK;

/* After the last of them: entries are in the order of their names. */
int sov_stats_made(sov_stats *s, struct sov_err *err) SOV_MUST_CHECK;

#endif
