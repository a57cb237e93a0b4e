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
 *     jsd:B  B KL(p | m) + (1 - B) KL(q | m), m = B p + (1 - B) q, 0 < B < 1
 *     sfkl:A KL(p | m), m = A p + (1 - A) q, 0 <= A < 1
 *     srkl:A KL(q | m), m = (1 - A) p + A q, 0 <= A < 1
 *     few    cross-entropy against a sample of p         q - counts / N
 *
 * Gradients of a loss at temperature T are those of T^2 times it.  Mixed:
 * alpha * that + (1 - alpha) * ce, the latter always at temperature 1; so with
 * alpha = 0, as with ce, temperature and teacher do not matter.
 *
 * sfkl:0 is fkl and srkl:0 is rkl.  jsd goes to 0 at both ends, where it is
 * B fkl and (1 - B) rkl to first order, and is not made larger there: so its
 * scale has no jump, and the ends themselves, where nothing would be learnt,
 * are refused.  `few` does not know the entropy of p, which fkl takes away: it
 * is larger than fkl by that, with the same gradient on average.
 *
 * Probabilities below e^-70 of the likeliest count as e^-70 of it, so that all
 * losses are finite where logits are not NaN or +inf.  A teacher with fewer
 * tokens than the student gives -inf for those that it does not have.  What is
 * not finite in logits is not finite in the gradient.
 */
#ifndef SOV_TRAIN_LOSS_H
#define SOV_TRAIN_LOSS_H

#include "kern/kern.h"
#include "sov/err.h"
#include "train/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tokens of a slab at most: also the block in which gradients of the head are
 * summed over tokens. */
#define SOV_SLAB 256

#define SOV_TEMP_LEAST 0.01
#define SOV_TEMP_MOST  100.0

/* What a cache keeps of a teacher's distribution for one token. */
struct sov_few {
    uint32_t n;            /* different tokens; 0: nothing is known, */
    const int32_t *id;     /* increasing, */
    const uint32_t *count; /* how often each was drawn: N in all */
};

struct sov_slab {
    const struct sov_kern *k; /* NULL: that of this machine */
    size_t n;                 /* tokens, up to SOV_SLAB */
    size_t n_vocab;
    size_t stride;       /* of z and teacher */
    const int32_t *next; /* [n] the token that came next; -1: not scored */
    sov_real *teacher;   /* [n][stride] logits, or NULL; is spoiled */
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
    double alpha; /* share of it beside cross-entropy, 0 to 1 */
    double temp;  /* from SOV_TEMP_LEAST to SOV_TEMP_MOST */
};

/* "ce", "jsd:0.5" ... with alpha 1 and temperature 1; SOV_EARG names the
 * rows. */
int sov_loss_parse(struct sov_loss *loss, const char *text,
                   struct sov_err *err) SOV_MUST_CHECK;

/* The same loss out of samples of a teacher: fkl becomes few, others are
 * SOV_EARG. */
int sov_loss_sampled(struct sov_loss *loss, struct sov_err *err) SOV_MUST_CHECK;

/* Are alpha and temperature possible? */
int sov_loss_check(const struct sov_loss *loss,
                   struct sov_err *err) SOV_MUST_CHECK;

const char *sov_loss_name(const struct sov_loss *loss);

/* Does it need a teacher's logits, or a sample of them? */
bool sov_loss_wants_teacher(const struct sov_loss *loss);
bool sov_loss_wants_few(const struct sov_loss *loss);

/* On all threads; a token at a time. */
void sov_loss_run(const struct sov_loss *loss, const struct sov_slab *slab);

#endif
