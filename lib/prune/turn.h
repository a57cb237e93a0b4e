/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.h - the stream of a model in other directions, fewer of them
 *
 * All that layers read is the stream behind a norm without a mean, and all
 * that they write is added to it: turned as a whole, by rows of Q that are at
 * right angles to each other and of length 1, the model says what it said.
 * What reads the stream becomes W diag(g) Q', where g are the weights of the
 * norm before it; what writes to it Q W; embeddings become E Q'.  With fewer
 * rows of Q than the stream has channels it is the narrower model that keeps
 * most of what goes through (S. Ashkboos et al., "SliceGPT", ICLR 2024; here
 * with one Q for all layers, so that nothing is needed between them).
 */
#ifndef SOV_PRUNE_TURN_H
#define SOV_PRUNE_TURN_H

#include "prune/trim.h"

/* What is done with a tensor. */
struct sov_turn_role {
    enum sov_turn_kind {
        SOV_TURN_NOT,
        SOV_TURN_COLUMNS, /* each row w becomes by (w * gain) Q' */
        SOV_TURN_ROWS,    /* each matrix W becomes Q W */
    } kind;
    const float *gain; /* [n] of turn->gain, or NULL: 1 */
    double by;
};

struct sov_turn {
    size_t n, d;                /* channels of the stream, now and then */
    float *q;                   /* owned; [d, n] */
    float *gain;                /* owned; [2 layers + 1, n] of the norms */
    struct sov_turn_role *role; /* owned; of each tensor of the model */
};

void sov_turn_free(struct sov_turn *t);

/*
 * Turn the rows of t->q among themselves, to where rounding does least.  gain
 * [n]: weights of the last norm that are to stay weights of a norm, which they
 * can behind this; or NULL.  The same bits for any threads.
 */
int sov_turn_axes(struct sov_turn *t, const float *gain,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Bytes that this takes beside q, with gain. */
uint64_t sov_turn_axes_bytes(size_t n, size_t d);

/*
 * Tensor i of the mapped model as it will be, in its own type, in pieces.
 * SOV_EUNSUP: blocks, or a number that its type does not hold.
 */
int sov_turn_tensor(const struct sov_turn *t, const sov_model *model, size_t i,
                    sov_trim_write_fn write, void *arg,
                    struct sov_err *err) SOV_MUST_CHECK;

#endif
