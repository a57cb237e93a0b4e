/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_make.h - small trainees of every form, and units for them
 *
 * Sizes are odd where they can be, sequences of different lengths.
 */
#ifndef SOV_TESTS_UNIT_TRAINEE_MAKE_H
#define SOV_TESTS_UNIT_TRAINEE_MAKE_H

#include "unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "sov/token.h"
#include "train/loss.h"
#include "train/trainee.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct form {
    const char *name;
    struct sov_shape shape;
};

static const struct form forms[] = {
    { "llama",
      { .arch = "llama",
        .n_layer = 2,
        .n_embd = 24,
        .n_head = 3,
        .n_ff = 37,
        .n_vocab = 53,
        .n_ctx = 19 } },
    { "llama, tied",
      { .arch = "llama",
        .n_layer = 3,
        .n_embd = 20,
        .n_head = 2,
        .n_ff = 33,
        .n_vocab = 300,
        .n_ctx = 19,
        .tied = true } },
    { "llama, shared keys",
      { .arch = "llama",
        .n_layer = 2,
        .n_embd = 33,
        .n_head = 6,
        .n_head_kv = 2,
        .k_len = 8,
        .n_rot = 6,
        .n_ff = 40,
        .n_vocab = 47,
        .n_ctx = 19 } },
    { "llama, one key head",
      { .arch = "llama",
        .n_layer = 1,
        .n_embd = 16,
        .n_head = 8,
        .n_head_kv = 1,
        .n_ff = 20,
        .n_vocab = 31,
        .n_ctx = 19,
        .tied = true } },
    { "llama, window",
      { .arch = "llama",
        .n_layer = 2,
        .n_embd = 16,
        .n_head = 2,
        .n_ff = 24,
        .n_vocab = 31,
        .n_ctx = 19,
        .window = 5 } },
    { "llama, biases",
      { .arch = "llama",
        .n_layer = 2,
        .n_embd = 24,
        .n_head = 3,
        .n_ff = 37,
        .n_vocab = 53,
        .n_ctx = 19,
        .qkv_bias = true,
        .out_bias = true,
        .down_bias = true } },
    { "llama, biases of what is added",
      { .arch = "llama",
        .n_layer = 2,
        .n_embd = 20,
        .n_head = 2,
        .n_head_kv = 1,
        .n_ff = 24,
        .n_vocab = 31,
        .n_ctx = 19,
        .out_bias = true,
        .down_bias = true,
        .tied = true } },
    { "qwen2",
      { .arch = "qwen2",
        .n_layer = 2,
        .n_embd = 24,
        .n_head = 4,
        .n_head_kv = 2,
        .n_ff = 35,
        .n_vocab = 53,
        .n_ctx = 19,
        .tied = true,
        .rope_base = 1e6,
        .eps = 1e-6 } },
    { "qwen3",
      { .arch = "qwen3",
        .n_layer = 2,
        .n_embd = 18,
        .n_head = 4,
        .n_head_kv = 2,
        .k_len = 10,
        .n_ff = 35,
        .n_vocab = 53,
        .n_ctx = 19,
        .rope_base = 1e6,
        .eps = 1e-6 } },
};

#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

static inline double
make_random(uint64_t stream, uint64_t i)
{
    return 2 * sov_rng_unit(7, stream, i) - 1;
}

/* Weights that make all parts of a layer count. */
static inline void
make_weights(sov_trainee *t)
{
    const struct sov_weight *list;
    size_t n = sov_trainee_tensors(t, &list);
    sov_real *w = sov_trainee_weights(t);

    for (size_t i = 0; i < n; i++) {
        bool gains = strstr(list[i].name, "_norm.weight") != NULL;
        double size = list[i].matrix ? 0.4 : 0.3;

        for (uint64_t k = 0; k < list[i].n_in * list[i].n_out; k++)
            w[list[i].at + k] =
                (sov_real)((gains ? 1 : 0) + size * make_random(i, k));
    }
}

static inline sov_trainee *
make_trainee(const struct sov_shape *shape, const struct sov_trainee_opts *opts)
{
    sov_trainee *t = NULL;
    struct sov_err err;
    int rc = sov_trainee_new(&t, shape, opts, &err);

    ck_assert_msg(rc == 0, "%s", err.msg);
    return t;
}

#define MAKE_SEQS   5
#define MAKE_TOKENS 47

/* Sequences of 19, 1, 7, 12 and 8 tokens; some are not scored. */
struct made_unit {
    int32_t ids[MAKE_TOKENS], next[MAKE_TOKENS];
    struct sov_unit unit;
};

static inline void
make_unit(struct made_unit *m, size_t n_vocab)
{
    static const size_t first[MAKE_SEQS + 1] = { 0, 19, 20, 27, 39, 47 };

    for (size_t i = 0; i < MAKE_TOKENS; i++) {
        uint32_t r[4];

        sov_rng_block(3, 1, i, r);
        m->ids[i] = (int32_t)(r[0] % n_vocab);
        m->next[i] = i % 11 == 5 ? -1 : (int32_t)(r[1] % n_vocab);
    }
    m->unit = (struct sov_unit){
        .n_seq = MAKE_SEQS, .first = first, .ids = m->ids, .next = m->next
    };
}

static inline double
make_loss(sov_trainee *t, const struct sov_unit *unit,
          const struct sov_loss *loss, sov_real *grad)
{
    struct sov_tally tally;
    struct sov_err err;
    int rc = sov_trainee_unit(t, unit, loss, grad, &tally, &err);

    ck_assert_msg(rc == 0, "%s", err.msg);
    return tally.loss;
}

static inline double
make_dot(const sov_real *a, const sov_real *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* A random direction of length 1. */
static inline void
make_direction(sov_real *v, uint64_t number, size_t n)
{
    double length;

    for (size_t i = 0; i < n; i++)
        v[i] = (sov_real)make_random(1000 + number, i);
    length = sqrt(make_dot(v, v, n));
    for (size_t i = 0; i < n; i++)
        v[i] = (sov_real)((double)v[i] / length);
}

static inline struct sov_loss
cross_entropy(void)
{
    struct sov_loss loss;
    struct sov_err err;

    ck_assert_msg(sov_loss_parse(&loss, "ce", &err) == 0, "%s", err.msg);
    return loss;
}

static inline float *
floats(size_t n)
{
    float *x = sov_mem_array(n, sizeof(*x));

    ck_assert_ptr_nonnull(x);
    return x;
}

/* Ids of a text of many words. */
static inline void
read_text(const sov_model *model, int32_t *ids, size_t n)
{
    const char *top = getenv("top_srcdir");
    char path[4096], text[16384];
    struct sov_err err;
    int32_t *all;
    sov_tok *tok;
    size_t len, got;
    FILE *f;

    snprintf(path, sizeof(path), "%s/COPYING", top != NULL ? top : ".");
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    len = fread(text, 1, sizeof(text), f);
    fclose(f);
    ck_assert_int_eq(sov_tok_load(&tok, sov_model_meta(model), &err), 0);
    ck_assert_int_eq(sov_tok_encode(tok, text, len, 0, &all, &got, &err), 0);
    ck_assert_uint_ge(got, n);
    memcpy(ids, all, n * sizeof(*ids));
    free(all);
    sov_tok_free(tok);
}

#endif
