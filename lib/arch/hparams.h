/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hparams.h - the numbers of an architecture out of a model's metadata
 *
 * Every number is checked against limits.h and against the others here, once,
 * so that what follows may multiply and divide.  Whether the tensors agree is
 * the business of bind.h.
 */
#ifndef SOV_ARCH_HPARAMS_H
#define SOV_ARCH_HPARAMS_H

#include "nn/fn.h"
#include "sov/err.h"
#include "sov/meta.h"

#include <stdbool.h>
#include <stdint.h>

struct sov_arch;

struct sov_hparams {
    uint32_t n_embd;
    uint32_t n_layer;
    uint32_t n_ctx;      /* that the model was trained with */
    uint32_t k_len;      /* of a head */
    uint32_t v_len;
    uint32_t n_rot;      /* even, at most k_len */
    float norm_eps;
    float attn_scale;
    float attn_cap;      /* 0: none */
    float logit_cap;     /* 0: none */
    float embd_scale;    /* each 1 where a model has none */
    float residual_scale;
    float logit_scale;   /* logits are taken times this */
    double rope_base;
    double rope_scale;   /* positions are taken times this */
    bool rope_yarn;
    double yarn_fast, yarn_slow;
    double rope_size;    /* queries and keys grow by this */
    float temp_scale;    /* queries grow with the logarithm of their position
                            in contexts of n_ctx_orig, times this; 0: no */
    double local_base;   /* in layers that see a window */
    uint32_t n_ctx_orig; /* context before it was stretched */
    uint32_t window;     /* keys that a local layer sees; 0: there is none */
    uint32_t n_expert;   /* 0: none */
    uint32_t n_used;     /* of them for a token */
    float expert_scale;
    int pool;            /* pooling_type; -1: the model does not say */
    enum sov_fn fn;      /* of the feed-forward */
    uint32_t n_label;    /* scores of a text, where there are any */
    bool *local;         /* [n_layer], owned */
    uint32_t *n_head;    /* [n_layer], owned; 1 or more */
    uint32_t *n_kv;      /* a divisor of n_head */
    uint32_t *n_ff;      /* of each expert, if there are some */
};

/* The keys of arch.  On failure nothing is owned. */
int sov_hparams_read(struct sov_hparams *hp, const sov_meta *meta,
                     const struct sov_arch *arch,
                     struct sov_err *err) SOV_MUST_CHECK;
void sov_hparams_done(struct sov_hparams *hp);

#endif
