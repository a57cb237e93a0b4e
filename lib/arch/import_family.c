/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_family.c - published decoders that differ in names and a few habits
 */
#include "arch/import_family.h"

#include "base/limits.h"

#include <stdio.h>
#include <string.h>

#define EMBD "model.embed_tokens.weight"
#define NORM "model.norm.weight"
#define HEAD "lm_head.weight"

static uint64_t
size_of(const struct sov_shape *s, char c)
{
    uint64_t q = s->heads * s->head_dim;
    uint64_t k = s->kv_heads * s->head_dim;

    switch (c) {
    case 'w':
        return s->width;
    case 'q':
        return q;
    case 'k':
        return k;
    case 'Q':
        return q + 2 * k;
    case 'h':
        return s->head_dim;
    case 'f':
        return s->ffn;
    case 'F':
        return 2 * s->ffn;
    default:
        return 0;
    }
}

static bool
is_norm(const char *name)
{
    return strstr(name, "norm") != NULL && strstr(name, ".weight") != NULL;
}

/* One tensor; of norms that are kept less 1, that is added. */
static int
put_one(struct sov_import *im, const struct sov_family *family, const char *to,
        const char *from, uint64_t rows, uint64_t cols, uint32_t heads,
        bool must, struct sov_err *err)
{
    int rc;

    im->plus = family->plus_one && rows == 0 && is_norm(to) ? 1 : 0;
    rc = sov_import_tensor(im, to, from, rows, cols, heads, must, err);
    im->plus = 0;
    return rc;
}

static int
put_layer(struct sov_import *im, const struct sov_family *family,
          const struct sov_shape *s, unsigned layer, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < family->n_parts && rc == 0; i++) {
        const struct sov_part *p = &family->part[i];
        uint64_t heads = p->heads == 'q'   ? s->heads
                         : p->heads == 'k' ? s->kv_heads
                                           : 0;
        char to[64], from[96];

        snprintf(to, sizeof(to), "blk.%u.%s", layer, p->to);
        snprintf(from, sizeof(from), "model.layers.%u.%s", layer, p->from);
        rc = put_one(im, family, to, from, size_of(s, p->rows),
                     size_of(s, p->cols), (uint32_t)heads, p->must, err);
    }
    return rc;
}

/* A head of its own, unless it is the embedding again. */
static int
put_head(struct sov_import *im, const struct sov_family *family,
         const struct sov_shape *s, struct sov_err *err)
{
    int64_t head = sov_model_find(im->model, HEAD);

    if (sov_config_get(im->config, "tie_word_embeddings") != NULL && !s->tied)
        return put_one(im, family, "output.weight", HEAD, s->vocab, s->width,
                       0, true, err);
    if (head >= 0 && !s->tied)
        return put_one(im, family, "output.weight", HEAD, s->vocab, s->width,
                       0, true, err);
    if (head >= 0)
        im->used[head] = true;
    return 0;
}

static int
put_tensors(struct sov_import *im, const struct sov_family *family,
            const struct sov_shape *s, struct sov_err *err)
{
    int rc = put_one(im, family, "token_embd.weight", EMBD, s->vocab, s->width,
                     0, true, err);

    if (rc == 0)
        rc = put_one(im, family, "output_norm.weight", NORM, 0, s->width, 0,
                     true, err);
    if (rc == 0 && family->norm_bias)
        rc = put_one(im, family, "output_norm.bias", "model.norm.bias", 0,
                     s->width, 0, true, err);
    if (rc == 0)
        rc = put_head(im, family, s, err);
    for (uint64_t i = 0; i < s->layers && rc == 0; i++)
        rc = put_layer(im, family, s, (unsigned)i, err);
    return rc;
}

int
sov_import_family(struct sov_import *im, const struct sov_family *family,
                  struct sov_err *err)
{
    struct sov_shape s;
    int rc = sov_shape_read(&s, im->config, family->arch, family->eps,
                            family->act, err);

    if (rc == 0)
        rc = sov_shape_keys(im, &s, family->eps_key, family->lengths, err);
    if (rc == 0 && family->more != NULL)
        rc = family->more(im, &s, err);
    if (rc == 0)
        rc = sov_shape_rope(im, &s, err);
    if (rc == 0)
        rc = sov_shape_file_type(im, EMBD, err);
    if (rc == 0)
        rc = put_tensors(im, family, &s, err);
    if (rc == 0)
        rc = sov_import_vocab(im, s.vocab, err);
    return rc;
}
