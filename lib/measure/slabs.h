/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slabs.h - the bytes of many tensors, a slab at a time, read ahead
 *
 * A slab is some whole rows of one tensor, or of a tensor in each of two
 * models; a thread reads the next ones while one is worked on.  The last slab
 * of a tensor says so, and a tensor without bytes has one slab of nothing.
 */
#ifndef SOV_MEASURE_SLABS_H
#define SOV_MEASURE_SLABS_H

#include "sov/inspect.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Weights that are worked on at once: whole blocks of any type. */
#define SOV_SLAB_PIECE 16384

struct sov_slab {
    size_t pair;      /* index */
    uint64_t first;   /* weight of the tensor that it starts with */
    size_t n;         /* weights */
    bool last;        /* of the tensor */
    unsigned char *a; /* bytes of n weights */
    unsigned char *b; /* the same of the other model, if there is one */
    size_t a_len, b_len;
    int rc; /* of reading it */
    struct sov_err err;
};

typedef struct sov_slabs sov_slabs;

/* b may be NULL; everything is borrowed. */
int sov_slabs_start(sov_slabs **slabs, sov_model *a, sov_model *b,
                    const struct sov_pair *pair, size_t n,
                    struct sov_err *err) SOV_MUST_CHECK;

/* The next slab, or NULL at the end. */
struct sov_slab *sov_slabs_next(sov_slabs *slabs);

/* Give it back. */
void sov_slabs_done(sov_slabs *slabs, struct sov_slab *slab);

/* Weights of the largest slab. */
size_t sov_slabs_most(const sov_slabs *slabs);

/* At any time; NULL is fine. */
void sov_slabs_stop(sov_slabs *slabs);

#endif
