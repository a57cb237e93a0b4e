/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.c - the content root of a model
 *
 * The tree of RFC 6962: a leaf is SHA-256(00 | bytes), a node SHA-256(01 |
 * left | right), and the left part of n leaves is the largest power of two
 * below n.  Pairing neighbours level by level, with the odd one moving up as
 * it is, gives the same tree.
 */
#include "sov/index.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

#define SIGNATURE_KEYS "sov.sig."
#define GGUF_VERSION   3

struct tree {
    unsigned char (*hash)[SOV_SHA256_LEN]; /* owned; of the leaves */
    size_t n;
    struct sov_buf leaf; /* the one that is being put together */
};

static void
leaf_begin(struct tree *t, unsigned char kind)
{
    t->leaf.len = 0;
    sov_buf_u8(&t->leaf, 0);
    sov_buf_u8(&t->leaf, kind);
}

static void
leaf_end(struct tree *t)
{
    if (!t->leaf.bad)
        sov_sha256(t->leaf.p, t->leaf.len, t->hash[t->n++]);
}

static void
tree_root(struct tree *t, unsigned char root[SOV_SHA256_LEN])
{
    unsigned char pair[1 + 2 * SOV_SHA256_LEN] = { 1 };

    for (size_t n = t->n; n > 1; n = (n + 1) / 2) {
        for (size_t i = 0; i < n / 2; i++) {
            memcpy(pair + 1, t->hash[2 * i], 2 * SOV_SHA256_LEN);
            sov_sha256(pair, sizeof(pair), t->hash[i]);
        }
        if (n % 2 == 1)
            memmove(t->hash[n / 2], t->hash[n - 1], SOV_SHA256_LEN);
    }
    memcpy(root, t->hash[0], SOV_SHA256_LEN);
}

/* ---- leaves */

static int
by_key(const void *a, const void *b)
{
    const struct sov_kv *const *x = a, *const *y = b;

    return strcmp((*x)->key, (*y)->key);
}

static void
put_value(struct sov_buf *leaf, const struct sov_kv *kv)
{
    if (kv->type == SOV_V_STR) {
        sov_buf_str(leaf, kv->val.p, kv->val.len);
        return;
    }
    if (kv->type == SOV_V_ARR) {
        sov_buf_u32(leaf, (uint32_t)kv->elem);
        sov_buf_u64(leaf, kv->n);
    }
    sov_buf_add(leaf, kv->val.p, kv->val.len);
}

static int
put_keys(struct tree *t, const sov_meta *meta, struct sov_err *err)
{
    size_t all = sov_meta_count(meta), n = 0;
    const struct sov_kv **kv = sov_mem_array(all, sizeof(const void *));

    if (kv == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < all; i++) {
        const struct sov_kv *one = sov_meta_at(meta, i);

        if (strncmp(one->key, SIGNATURE_KEYS, strlen(SIGNATURE_KEYS)) != 0)
            kv[n++] = one;
    }
    qsort(kv, n, sizeof(const void *), by_key);
    for (size_t i = 0; i < n; i++) {
        leaf_begin(t, 1);
        sov_buf_u32(&t->leaf, (uint32_t)kv[i]->type);
        sov_buf_str(&t->leaf, kv[i]->key, strlen(kv[i]->key));
        put_value(&t->leaf, kv[i]);
        leaf_end(t);
    }
    free(kv);
    return 0;
}

struct named {
    const struct sov_tensor *t;
    const struct sov_digest *digest;
};

static int
by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;

    return strcmp(x->t->name, y->t->name);
}

static int
put_tensor(struct tree *t, const struct named *one, struct sov_err *err)
{
    const struct sov_tensor *w = one->t;

    if ((one->digest->has & SOV_HASH_VERITY) == 0 ||
        one->digest->size != w->size)
        return sov_fail(err, SOV_EARG, "tensor %.80s: no digest of it",
                        w->name);
    if (w->type >= SOV_TYPE_GGUF_MAX)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %.80s: no content root, GGUF has no type %s",
                        w->name, sov_type_info(w->type)->name);
    leaf_begin(t, 2);
    sov_buf_str(&t->leaf, w->name, strlen(w->name));
    sov_buf_u32(&t->leaf, (uint32_t)w->type);
    sov_buf_u32(&t->leaf, w->ndim);
    for (uint32_t d = 0; d < w->ndim; d++)
        sov_buf_u64(&t->leaf, w->dim[d]);
    sov_buf_u64(&t->leaf, w->size);
    sov_buf_add(&t->leaf, one->digest->verity, SOV_SHA256_LEN);
    leaf_end(t);
    return 0;
}

static int
put_tensors(struct tree *t, const struct sov_tensor *const *tensor,
            const struct sov_digest *digest, size_t n, struct sov_err *err)
{
    struct named *all = sov_mem_array(n, sizeof(*all));
    int rc = 0;

    if (all == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        all[i] = (struct named){ tensor[i], &digest[i] };
    qsort(all, n, sizeof(*all), by_name);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (i > 0 && by_name(&all[i - 1], &all[i]) == 0)
            rc = sov_fail(err, SOV_EARG, "there are two tensors %.80s",
                          all[i].t->name);
        else
            rc = put_tensor(t, &all[i], err);
    }
    free(all);
    return rc;
}

int
sov_content_root(const sov_meta *meta, const struct sov_tensor *const *tensor,
                 const struct sov_digest *digest, size_t n,
                 unsigned char root[SOV_SHA256_LEN], struct sov_err *err)
{
    struct tree t = { 0 };
    int rc;

    t.hash = sov_mem_array(1 + sov_meta_count(meta) + n, SOV_SHA256_LEN);
    if (t.hash == NULL)
        return sov_mem_fail(err);
    leaf_begin(&t, 0);
    sov_buf_add(&t.leaf, "GGUF", 4);
    sov_buf_u32(&t.leaf, GGUF_VERSION);
    leaf_end(&t);
    rc = put_keys(&t, meta, err);
    if (rc == 0)
        rc = put_tensors(&t, tensor, digest, n, err);
    if (rc == 0 && t.leaf.bad)
        rc = sov_mem_fail(err);
    if (rc == 0)
        tree_root(&t, root);
    sov_buf_free(&t.leaf);
    free(t.hash);
    return rc;
}
