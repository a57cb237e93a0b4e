/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.h - tensors that are made of others while they are read
 *
 * The experts of a layer are published as a tensor for each, or as codes with
 * their scales in a second tensor; GGUF has one tensor of them all.  A recipe
 * says how that comes about, row by row, so that nothing is ever held whole:
 *
 *     piece 0   rows first, first + step, ... of tensor `from`
 *     piece 1   ...                                             below it
 *
 * Or, woven, a row of each piece in turn.  A row of the result is `cols`
 * elements, whatever its dimensions are; a row of a source is what these are
 * made of.
 */
#ifndef SOV_FMT_MAKE_H
#define SOV_FMT_MAKE_H

#include "sov/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sov_make {
#define MAKE(sym, fn, out, in, side) SOV_MAKE_##sym,
#include "fmt/makes.def"
#undef MAKE
};

#define SOV_NO_TENSOR SIZE_MAX

struct sov_piece {
    size_t from;    /* index of a tensor in the model as loaded */
    size_t side;    /* of its scales, or SOV_NO_TENSOR */
    uint64_t first; /* its first row */
};

struct sov_recipe {
    enum sov_make make;
    const struct sov_piece *piece;
    size_t n;
    uint64_t rows; /* of each piece */
    uint64_t cols; /* elements of a row */
    uint64_t step; /* from a row of a source to the next that is taken */
    bool woven;
    /* SCALED: so many rows and columns have a scale in common; TURNED: wide are
     * the columns of a source matrix, which are the rows here.  0 is 1. */
    uint64_t tall, wide;
};

struct sov_entry;
struct sov_model;

/* A recipe and the tensors that it speaks of. */
struct sov_made {
    struct sov_recipe recipe; /* piece is owned */
    const struct sov_entry *base; /* borrowed from the model, until its end */
};

/* Is everything where the recipe looks for it?  t is what is made, measured. */
int sov_made_check(const struct sov_made *made, size_t n_base,
                   const struct sov_tensor *t, struct sov_err *err)
    SOV_MUST_CHECK;

/* len bytes at off of what is made; whole blocks. */
int sov_made_read(struct sov_model *m, const struct sov_made *made,
                  const struct sov_tensor *t, uint64_t off, void *buf,
                  size_t len, struct sov_err *err) SOV_MUST_CHECK;

#endif
