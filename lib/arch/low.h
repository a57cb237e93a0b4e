/* SPDX-License-Identifier: Apache-2.0 */
/*
 * low.h - adapters bound to the matrices of a network
 */
#ifndef SOV_ARCH_LOW_H
#define SOV_ARCH_LOW_H

#include "arch/bind.h"
#include "arch/lora.h"
#include "nn/low.h"

/* Of the adapters of b: note what they add to the matrix m of tensor t. */
void sov_low_bind(struct sov_bind *b, const struct sov_tensor *t,
                  struct sov_mat *m);

/*
 * The embeddings as the head: head has the matrix of embd, and what adapters
 * add to it is turned round.
 */
void sov_low_bind_tied(struct sov_bind *b, const struct sov_mat *embd,
                       struct sov_mat *head);

/* This matrix cannot have one: b->rc is SOV_EUNSUP if it has. */
void sov_low_none(struct sov_bind *b, const struct sov_mat *m,
                  const char *name);

/* Is every matrix of the adapters used?  If not, b->rc is SOV_EUNSUP. */
void sov_low_check(struct sov_bind *b);

#endif
