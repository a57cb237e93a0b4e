/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix.h - which type each tensor of a model gets
 */
#ifndef SOV_COMPRESS_MIX_H
#define SOV_COMPRESS_MIX_H

#include "sov/model.h"
#include "sov/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_mix_rule;

struct sov_mix {
    const char *name;
    uint32_t file_type; /* general.file_type */
    enum sov_type base;
    enum sov_type head;
    bool pure; /* base for every matrix, no rules */
    bool low;  /* the rules that mixes have in common do not apply */
    bool copy; /* what each tensor has already */
    const struct sov_mix_rule *rule;
};

/* False if there is no mix and no encodable type of that name. */
bool sov_mix_find(struct sov_mix *mix, const char *name);

/* One that stands for types that were chosen one by one, most of them this. */
void sov_mix_own(struct sov_mix *mix, enum sov_type base);

/* i from 0; NULL at the end. */
const char *sov_mix_name(size_t i);

/* What the rules ask about a model, found once. */
struct sov_mix_facts {
    bool tied; /* no output matrix of its own */
    bool falcon;
    bool gqa4;    /* four and more query heads for a value head */
    bool moe4;    /* four and more experts */
    bool moe8;    /* exactly eight */
    bool weighed; /* the importance of the weights is known */
    bool wide;    /* the 70B class */
    uint32_t n_layers;
    size_t n_values;       /* matrices with the role of attn_v ... */
    uint32_t *value_layer; /* ... and their layers, sorted; owned */
};

int sov_mix_facts(struct sov_mix_facts *facts, const sov_model *model,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_mix_facts_free(struct sov_mix_facts *facts);

/* Is it a matrix of weights, which a mix may give another type? */
bool sov_mix_is_matrix(const struct sov_tensor *t);

/* The type of a tensor that is none: see KEEP in mixes.def. */
enum sov_type sov_mix_keep(const struct sov_tensor *t);

/* The type that the rules name for a matrix. */
enum sov_type sov_mix_pick(const struct sov_mix *mix,
                           const struct sov_mix_facts *facts,
                           const struct sov_tensor *t);

/* The same, or what comes nearest if rows of n weights do not divide. */
enum sov_type sov_mix_fit(enum sov_type type, uint64_t n);

/* Has it so few bits that it should know what is important? */
bool sov_mix_is_coarse(const struct sov_mix *mix, enum sov_type type);

#endif
