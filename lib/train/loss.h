/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss.h - what training makes smaller
 *
 * A loss sees a slab: some tokens with the logits of the whole vocabulary,
 * which it replaces by their gradient.  So logits of all tokens are never in
 * memory at once, and nothing but a token's own row decides its loss.  With p
 * the teacher's and q the student's probabilities (softmax of logits / temp):
 *
 *     ce     cross-entropy of the next token             q - onehot
 *     fkl    KL(p | q)                                   q - p
 *     rkl    KL(q | p)
 *     jsd:B  B KL(p | m) + (1 - B) KL(q | m), m = B p + (1 - B) q
 *     sfkl:A KL(p | m), m = A p + (1 - A) q
 *     srkl:A KL(q | m), m = (1 - A) p + A q
 *     few    cross-entropy against a sample of p: q - counts / N
 *
 * Gradients of a loss at temperature T are those of T^2 times it.  Mixed:
 * alpha * that + (1 - alpha) * ce.
 */
#ifndef SOV_TRAIN_LOSS_H
#define SOV_TRAIN_LOSS_H

#include "sov/err.h"
#include "train/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tokens of a slab at most: also the block in which gradients of the head are
 * summed over tokens. */
#define SOV_SLAB 256

/* What a cache keeps of a teacher's distribution for one token. */
struct sov_few {
    uint32_t n;            /* different tokens, */
    const int32_t *id;     /* increasing, */
    const uint32_t *count; /* how often each was drawn: N in all */
};

struct sov_slab {
    size_t n; /* tokens, up to SOV_SLAB */
    size_t n_vocab;
    size_t stride;           /* of z and teacher */
    const int32_t *next;     /* [n] the token that came next; -1: not scored */
    const sov_real *teacher; /* [n][stride] logits, or NULL */
    const struct sov_few *few; /* [n], or NULL */
    sov_real *z;               /* [n][stride] logits in, gradient out (of the
                                sum over tokens); 0 for those not scored */
    double *loss;              /* [n] out: what is trained on */
    double *ce;                /* [n] out: nats of the next token; 0 likewise */
};

struct sov_loss_row;

struct sov_loss {
    const struct sov_loss_row *row;
    double value; /* B or A, 0 where the row takes none */
    double alpha; /* share of it beside cross-entropy */
    double temp;
};

/* "ce", "jsd:0.5" ...; SOV_EARG names the rows. */
int sov_loss_parse(struct sov_loss *loss, const char *text,
                   struct sov_err *err) SOV_MUST_CHECK;

/* Does it need a teacher's logits, or a sample of them? */
bool sov_loss_wants_teacher(const struct sov_loss *loss);

/* On all threads; a token at a time. */
void sov_loss_run(const struct sov_loss *loss, const struct sov_slab *slab);

#endif
