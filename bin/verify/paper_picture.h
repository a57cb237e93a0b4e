/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_picture.h - the history of a model as boxes and ways, and their places
 *
 * A box for each model with a claim, and for each one that went in without, a
 * way from what went in to what came out.  The model itself is at the bottom,
 * in row 0, and a box stands above all that was made from it: its row is the
 * longest way to the model.
 *
 *     row 2   [ tale                      ]   dashed: no claim of its own
 *                   |              |
 *     row 1   [ prune: a.gguf ]    |          a way that goes further passes
 *                   |              |          rows in bends, where no box is
 *     row 0   [ distill: tale-small.gguf ]
 *
 * All ways of a box that go further are one as far as they go together.
 */
#ifndef SOV_VERIFY_PAPER_PICTURE_H
#define SOV_VERIFY_PAPER_PICTURE_H

#include "verify/paper.h"

struct picture_box {
    const struct sov_claim *claim; /* or NULL */
    const struct sov_resource *is; /* what went in without a claim */
    const char *role;
    size_t by;   /* the step that it went into first */
    size_t more; /* files of it beside that one */
    bool bend;   /* it is none, but a place where a way passes */
    size_t row;
    int x, wide;     /* from the left, and how wide */
    size_t trunk, n; /* its bends, one for each row from below it on */
    size_t n_way;    /* that come in */
};

struct picture_edge {
    size_t from, to;
    const char *role;
    size_t turn; /* which of the ways into `to`, from the left */
};

struct picture {
    struct picture_box *box;   /* owned; bends behind all others */
    size_t n, n_boxes;         /* of them; without bends */
    struct picture_edge *edge; /* owned */
    size_t n_edges;
    size_t rows;
    int wide; /* of all columns */
};

/* Boxes of the model and its history, in rows; `box` is so wide, a bend so,
 * and there is a gap between two. */
int paper_picture(const struct paper *p, struct picture *pic, int box, int bend,
                  int gap, struct sov_err *err) SOV_MUST_CHECK;
void paper_picture_free(struct picture *pic);

/* Where the way leaves for its last row: the last bend above `to`, or `from`. */
size_t paper_picture_before(const struct picture *pic,
                            const struct picture_edge *e);

#endif
