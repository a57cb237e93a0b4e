/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_shape.h - what config.json says of a model, whoever made it
 */
#ifndef SOV_ARCH_IMPORT_SHAPE_H
#define SOV_ARCH_IMPORT_SHAPE_H

#include "arch/import.h"

struct sov_family;

struct sov_shape {
    const char *arch; /* general.architecture */
    uint64_t width;
    uint64_t ffn;
    uint64_t layers;
    uint64_t heads;
    uint64_t kv_heads;
    uint64_t head_dim;
    uint64_t rotary; /* numbers of a head that turn; even */
    uint64_t vocab;
    uint64_t ctx;
    uint64_t kinds; /* of tokens, of an encoder */
    uint64_t skip;  /* positions that come before the first that is used */
    uint64_t experts;      /* 0: none */
    uint64_t experts_used; /* for a token */
    uint64_t expert_ffn;   /* feed-forward of one */
    double eps;
    double rope_base;
    double local_base; /* in layers that see a window; 0: nothing is said */
    bool tied;
    bool says_tied;        /* config.json does */
    const json_t *rope;    /* what stretches positions, or NULL */
    const char *rope_type; /* likewise */
};

/* Read it, by the names and presets of a family. */
int sov_shape_read(struct sov_shape *s, const json_t *config,
                   const struct sov_family *family,
                   struct sov_err *err) SOV_MUST_CHECK;

/* A key behind the architecture's name. */
int sov_shape_put(const struct sov_import *im, const struct sov_shape *s,
                  const char *key, uint64_t v,
                  struct sov_err *err) SOV_MUST_CHECK;
int sov_shape_put_real(const struct sov_import *im, const struct sov_shape *s,
                       const char *key, double v,
                       struct sov_err *err) SOV_MUST_CHECK;
int sov_shape_put_str(const struct sov_import *im, const struct sov_shape *s,
                      const char *key, const char *v,
                      struct sov_err *err) SOV_MUST_CHECK;

/* The keys that all have, as far as the family has them. */
int sov_shape_keys(const struct sov_import *im, const struct sov_shape *s,
                   const struct sov_family *family,
                   struct sov_err *err) SOV_MUST_CHECK;

/* import_rope.c: find what stretches positions; and put it, as keys and
 * tensors. */
int sov_rope_read(struct sov_shape *s, const json_t *config,
                  struct sov_err *err) SOV_MUST_CHECK;
int sov_rope_put(struct sov_import *im, const struct sov_shape *s,
                 struct sov_err *err) SOV_MUST_CHECK;

/* The factors of Llama 3.1 for n rotary pairs (sov_rope_put() says which). */
struct sov_llama3 {
    double base;
    double factor;
    double low;
    double high;
    uint64_t old_ctx;
};
void sov_rope_llama3(const struct sov_llama3 *l, float *f, size_t n);

/* How much queries and keys grow where "longrope" makes a context of old_ctx
 * one of ctx. */
double sov_rope_growth(uint64_t ctx, uint64_t old_ctx);

#endif
