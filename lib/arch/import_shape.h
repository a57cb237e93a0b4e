/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_shape.h - what the config.json of a decoder says, whoever made it
 */
#ifndef SOV_ARCH_IMPORT_SHAPE_H
#define SOV_ARCH_IMPORT_SHAPE_H

#include "arch/import.h"

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
    double eps;
    double rope_base;
    bool tied;
    const json_t *rope;    /* what stretches positions, or NULL */
    const char *rope_type; /* likewise */
};

/*
 * Read it: eps is the member that holds the norms' epsilon, act the names of
 * the activations that the network can have, NULL after the last.
 */
int sov_shape_read(struct sov_shape *s, const json_t *config, const char *arch,
                   const char *eps, const char *const act[],
                   struct sov_err *err) SOV_MUST_CHECK;

/* A key behind the architecture's name. */
int sov_shape_put(const struct sov_import *im, const struct sov_shape *s,
                  const char *key, uint64_t v,
                  struct sov_err *err) SOV_MUST_CHECK;
int sov_shape_put_real(const struct sov_import *im, const struct sov_shape *s,
                       const char *key, double v,
                       struct sov_err *err) SOV_MUST_CHECK;

/*
 * The keys that all decoders have, with the norms' epsilon behind eps; lengths:
 * also the lengths of heads where they follow from the width.
 */
int sov_shape_keys(const struct sov_import *im, const struct sov_shape *s,
                   const char *eps, bool lengths,
                   struct sov_err *err) SOV_MUST_CHECK;

/* What stretches positions, as keys and tensors. */
int sov_shape_rope(struct sov_import *im, const struct sov_shape *s,
                   struct sov_err *err) SOV_MUST_CHECK;

/* general.file_type, by the tensor `name`. */
int sov_shape_file_type(const struct sov_import *im, const char *name,
                        struct sov_err *err) SOV_MUST_CHECK;

#endif
