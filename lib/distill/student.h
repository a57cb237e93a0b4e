/* SPDX-License-Identifier: Apache-2.0 */
/*
 * student.h - what is to be trained, from a line of text
 */
#ifndef SOV_DISTILL_STUDENT_H
#define SOV_DISTILL_STUDENT_H

#include "sov/err.h"
#include "sov/meta.h"
#include "train/trainee.h"

/*
 * "llama,width=256,layers=6,heads=8,kv-heads=4,ffn=768,ctx=256,tied": an
 * architecture, then what it is made of.  Width, layers and heads must be
 * there.  shape->n_vocab says of how many tokens.  SOV_EARG says which word is wrong.
 */
int sov_student_shape(struct sov_shape *shape, const char *spec,
                      struct sov_err *err) SOV_MUST_CHECK;

/* What "r=8,alpha=16,targets=q+v" says. */
struct sov_student_lora {
    size_t rank;
    double alpha;
    char targets[80]; /* "q,v"; "": all matrices */
};

int sov_student_lora(struct sov_student_lora *lora, const char *spec,
                     struct sov_err *err) SOV_MUST_CHECK;

/*
 * The metadata of a model of this shape with the tokenizer of another one;
 * count: its numbers, for its name.
 */
int sov_student_meta(sov_meta **meta, const struct sov_shape *shape,
                     const sov_meta *tokenizer, uint64_t count,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Tokens of the vocabulary that a model's metadata has. */
int sov_student_vocab(const sov_meta *tokenizer, size_t *n,
                      struct sov_err *err) SOV_MUST_CHECK;

/* The metadata of a model that was trained: a copy, without what was true of
 * its old weights alone. */
int sov_student_keep(sov_meta **meta, const sov_meta *old,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif
