/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.c - is it the same model?  In milliseconds
 *
 * A digest of a whole file takes longer than what a saved session saves.  So it
 * is one of all that describes the model (metadata, except the tokenizer's and
 * what is said of it in general, and names, types and shapes of its tensors)
 * and of some bytes of each tensor: small ones whole, of others four pieces of
 * 4 KiB, from its beginning to its end.  Whoever trains or quantizes a model
 * again, merges something into it or prunes it changes such bytes somewhere.
 * What is meant to deceive is not found by this: sov-verify is for that.
 *
 *     for each key    u64 length, key, u32 type, u32 type of elements,
 *                     u64 elements, u64 length, value
 *     for each tensor u64 length, name, u32 type, u64 each of four dimensions,
 *                     u64 bytes, pieces
 */
#include "run/saved.h"

#include "arch/lora.h"
#include "base/le.h"
#include "sov/meta.h"

#include <string.h>

#define PIECE  4096
#define PIECES 4

static int
add_number(sov_hasher *h, uint64_t v, size_t len, struct sov_err *err)
{
    unsigned char b[8];

    sov_put64(b, v);
    return sov_hasher_update(h, b, len, err);
}

static int
add_bytes(sov_hasher *h, const void *p, size_t len, struct sov_err *err)
{
    int rc = add_number(h, len, 8, err);

    return rc == 0 ? sov_hasher_update(h, p, len, err) : rc;
}

/* Does the key say nothing of what is computed? */
static bool
is_besides(const char *key)
{
    return strncmp(key, "tokenizer.", 10) == 0 ||
           (strncmp(key, "general.", 8) == 0 &&
            strcmp(key, "general.architecture") != 0);
}

static int
add_key(sov_hasher *h, const struct sov_kv *kv, struct sov_err *err)
{
    int rc = add_bytes(h, kv->key, strlen(kv->key), err);

    if (rc == 0)
        rc = add_number(h, kv->type, 4, err);
    if (rc == 0)
        rc = add_number(h, kv->type == SOV_V_ARR ? kv->elem : 0, 4, err);
    if (rc == 0)
        rc = add_number(h, kv->n, 8, err);
    return rc == 0 ? add_bytes(h, kv->val.p, kv->val.len, err) : rc;
}

static int
add_pieces(sov_hasher *h, const struct sov_tensor *t, struct sov_err *err)
{
    const unsigned char *p = t->data;
    int rc = 0;

    if (p == NULL)
        return 0;
    if (t->size <= PIECE * PIECES)
        return sov_hasher_update(h, p, (size_t)t->size, err);
    for (uint64_t i = 0; i < PIECES && rc == 0; i++)
        rc = sov_hasher_update(h, p + (t->size - PIECE) / (PIECES - 1) * i,
                               PIECE, err);
    return rc;
}

static int
add_tensor(sov_hasher *h, const struct sov_tensor *t, struct sov_err *err)
{
    int rc = add_bytes(h, t->name, strlen(t->name), err);

    if (rc == 0)
        rc = add_number(h, (uint64_t)(int64_t)t->type, 4, err);
    for (size_t i = 0; i < SOV_NDIM_MAX && rc == 0; i++)
        rc = add_number(h, t->dim[i], 8, err);
    if (rc == 0)
        rc = add_number(h, t->size, 8, err);
    return rc == 0 ? add_pieces(h, t, err) : rc;
}

static int
add_model(sov_hasher *h, const sov_model *model, struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(model);
    int rc = 0;

    for (size_t i = 0; i < sov_meta_count(meta) && rc == 0; i++)
        if (!is_besides(sov_meta_at(meta, i)->key))
            rc = add_key(h, sov_meta_at(meta, i), err);
    for (size_t i = 0; i < sov_model_count(model) && rc == 0; i++)
        rc = add_tensor(h, sov_model_at(model, i), err);
    return rc;
}

static int
finish(sov_hasher *h, int rc, unsigned char out[SOV_SHA256_LEN],
       struct sov_err *err)
{
    struct sov_digest d;

    if (rc == 0)
        rc = sov_hasher_final(h, &d, err);
    if (rc == 0)
        memcpy(out, d.sha256, SOV_SHA256_LEN);
    sov_hasher_free(h);
    return rc;
}

int
sov_identity_model(const sov_model *model, unsigned char out[SOV_SHA256_LEN],
                   struct sov_err *err)
{
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, SOV_HASH_SHA256, err);

    if (rc == 0)
        rc = add_model(h, model, err);
    return finish(h, rc, out, err);
}

int
sov_identity_adapters(const struct sov_lora_use *use, size_t n,
                      unsigned char out[SOV_SHA256_LEN], struct sov_err *err)
{
    sov_hasher *h = NULL;
    int rc;

    memset(out, 0, SOV_SHA256_LEN);
    if (n == 0)
        return 0;
    rc = sov_hasher_new(&h, SOV_HASH_SHA256, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        uint32_t scale;

        memcpy(&scale, &use[i].scale, sizeof(scale));
        rc = add_number(h, scale, 4, err);
        if (rc == 0)
            rc = add_model(h, use[i].lora->file, err);
    }
    return finish(h, rc, out, err);
}
