/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.h - keys and values of what was read, and attention over them
 *
 * A cache holds rows of a plain type, those of one head one after the other,
 *
 *     k [n_kv][n_slots] rows of k_len   v [n_kv][n_slots] rows of v_len
 *
 * or pages of 64 keys in eight bits, as struct sov_page (kern.h) draws them:
 *
 *     k [n_kv][n_slots / 64] pages
 *
 * Position p is kept in slot p % n_slots.  There is one for each, but in a
 * layer that sees a window alone: sov_cache_slots() says how many it takes.
 * What is computed does not depend on it.
 *
 * With rows the softmax of a query goes over a span of SOV_SPAN_KEYS at once:
 * the largest score, then the sum of the exponentials in the 16 lanes of
 * kern.h, then the values in the order of their positions; later spans are
 * added to the first in order, weighed by their sums.  With pages it goes page
 * by page, as struct sov_attn_span says.  So it does not matter in what pieces the queries
 * come, nor who does them.
 */
#ifndef SOV_NN_ATTN_H
#define SOV_NN_ATTN_H

#include "nn/nn.h"

/* The cache of one layer; memory is the caller's. */
struct sov_cache {
    bool paged;
    enum sov_type type;      /* of rows */
    struct sov_page page;    /* of pages */
    size_t n_kv;
    size_t n_ctx;            /* positions */
    size_t n_slots;          /* of them that are kept; 0: all */
    size_t k_len, v_len;
    size_t k_bytes, v_bytes; /* of a row */
    unsigned char *k;
    unsigned char *v;        /* of rows */
};

/*
 * Slots for keys [first, end) that are seen at once, at most n_keys of them:
 * tiles, or spans of pages, are whole.
 */
size_t sov_cache_slots(const struct sov_cache *kv, uint64_t n_keys);

/* Set the row or page sizes of a cache; gives the bytes of keys and values
 * (pages hold both and count as keys). */
uint64_t sov_cache_bytes(struct sov_cache *kv, uint64_t *k_bytes,
                         uint64_t *v_bytes);

/*
 * Keep key k[n_kv * k_len] and value v[n_kv * v_len] of position pos; both are
 * used up.  Different positions may be kept by different threads at once.
 */
void sov_cache_put(const struct sov_nn *nn, const struct sov_cache *kv,
                   size_t pos, float *k, float *v);

/*
 * o[c][n_head * v_len] = attention of queries q[c][n_head * k_len], at
 * positions pos + c, over all keys from first[c] up to their own, or with both
 * up to the last column's, or up to before end[c]; on all threads.  A score s
 * becomes
 * cap * tanh(s / cap) if there is a cap.  The sink of a head is one more
 * score, of a key without a value.
 */
struct sov_attn {
    const struct sov_cache *kv;
    size_t n_head; /* a multiple of n_kv */
    float scale;
    size_t pos;
    size_t n_cols;
    const uint32_t *first; /* [n_cols], not falling; NULL: all begin at 0 */
    const uint32_t *end;   /* likewise, in place of pos; or NULL */
    bool both;
    float cap;             /* 0: none */
    const float *sink;     /* [n_head], or NULL */
    const float *q;
    size_t q_stride;
    float *o;
    size_t o_stride;
};

void sov_attn(const struct sov_nn *nn, const struct sov_attn *at);

/*
 * The same by hand, inside a parallel region: units 0 .. sov_attn_units() - 1
 * may be done in any order by any workers, each once; all of them together are
 * sov_attn().  Keys and values of all columns must be there before the first
 * unit begins.
 */
size_t sov_attn_units(const struct sov_attn *at);
void sov_attn_unit(const struct sov_nn *nn, const struct sov_attn *at,
                   size_t first, size_t last, unsigned worker);

/* Floats of scratch that a worker needs; 0 if they cannot be counted. */
size_t sov_attn_room(const struct sov_cache *kv, size_t n_head);

/* Bytes that all workers need together, nn.share, zero at first; UINT64_MAX
 * if they cannot be counted. */
uint64_t sov_attn_share(const struct sov_cache *kv, size_t n_head);

#endif
