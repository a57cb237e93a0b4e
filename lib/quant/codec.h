/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h - one row per quant type: how its blocks are read and made
 *
 * The functions here are the specification, in plain C.  Faster ones overlay
 * them in kern/ and agree bit for bit; everybody but tests calls through
 * struct sov_kern.
 *
 * n is a number of weights, always a multiple of the type's block.  Blocks are
 * bytes: no alignment is assumed.
 */
#ifndef SOV_QUANT_CODEC_H
#define SOV_QUANT_CODEC_H

#include "sov/tensor.h"

#include <stddef.h>
#include <stdint.h>

/* How hard to search, 1 (fast) to 9 (best). */
#define SOV_EFFORT_DEFAULT 5

struct sov_parts;

struct sov_codec {
    enum sov_type type;

    /* n weights out of blocks, exact: y[i] is the value the type defines. */
    void (*decode)(const void *blocks, float *y, size_t n);

    /*
     * n weights of one row into blocks.  imp[n] weighs the squared error of
     * each (the importance matrix row), or is NULL.  NULL: no encoder yet.
     */
    void (*encode)(const float *x, const float *imp, void *blocks, size_t n,
                   int effort);

    /* Its blocks taken apart (apart.h), or NULL. */
    const struct sov_parts *parts;
};

#define CODEC(name) extern const struct sov_codec sov_codec_##name;
#include "quant/codecs.def"
#undef CODEC

/* NULL if the type has no codec (integers). */
const struct sov_codec *sov_codec_find(enum sov_type type);

/* i from 0; NULL at the end. */
const struct sov_codec *sov_codec_at(size_t i);

#endif
