/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmap.h - from a text to the token it is
 *
 * The texts stand one after the other in an arena that belongs to somebody
 * else, text i from off[i] to off[i + 1].  A slot is eight bytes: half of the
 * hash and the number; open addressing, at most half full.  The hash
 * multiplies under the key of sov_map_key(), so that no file can choose names
 * that collide.
 */
#ifndef SOV_TOK_VMAP_H
#define SOV_TOK_VMAP_H

#include "sov/err.h"
#include "tok/work.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sov_vslot {
    uint32_t tag;
    uint32_t id; /* number + 1; 0: free */
};

struct sov_vmap {
    struct sov_vslot *slot; /* owned */
    uint64_t mask;          /* slots - 1 */
    size_t n;
    uint64_t key[2];
};

/* Room for at least n texts before it has to grow. */
int sov_vmap_init(struct sov_vmap *m, size_t n,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_vmap_free(struct sov_vmap *m);

/* Add text id of the arena; 1 if another one with its text is there. */
int sov_vmap_add(struct sov_vmap *m, const unsigned char *base,
                 const uint32_t *off, uint32_t id, struct sov_err *err);

static inline uint64_t
sov_vmap_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 x = (unsigned __int128)a * b;

    return (uint64_t)x ^ (uint64_t)(x >> 64);
}

static inline uint64_t
sov_vmap_load(const unsigned char *p, size_t n)
{
    uint64_t v = 0;
    uint32_t a, b;

    if (n >= 8) {
        memcpy(&v, p, 8);
    } else if (n >= 4) {
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        v = (uint64_t)a << 32 | b;
    } else if (n > 0) {
        v = (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1];
    }
    return v;
}

/* Of bytes, under a key; no result may depend on it. */
static inline uint64_t
sov_vmap_hash(const uint64_t key[2], const unsigned char *p, size_t len)
{
    uint64_t h = key[1] ^ len;

    for (; len > 16; p += 16, len -= 16)
        h = sov_vmap_mix(sov_vmap_load(p, 8) ^ key[0],
                         sov_vmap_load(p + 8, 8) ^ h);
    if (len > 8)
        return sov_vmap_mix(sov_vmap_load(p, 8) ^ key[0],
                            sov_vmap_load(p + len - 8, 8) ^ h);
    return sov_vmap_mix(sov_vmap_load(p, len) ^ key[0], h);
}

/* The number of a text in *id. */
static inline bool
sov_vmap_get(const struct sov_vmap *m, const unsigned char *base,
             const uint32_t *off, const unsigned char *p, size_t len,
             uint32_t *id)
{
    uint64_t h = sov_vmap_hash(m->key, p, len);
    uint64_t i = h & m->mask;

    SOV_STEPS(1 + len / 16);
    for (; m->slot[i].id != 0; i = (i + 1) & m->mask) {
        uint32_t k = m->slot[i].id - 1;

        SOV_STEPS(1);
        if (m->slot[i].tag == (uint32_t)(h >> 32) &&
            off[k + 1] - off[k] == len && memcmp(base + off[k], p, len) == 0) {
            *id = k;
            return true;
        }
    }
    return false;
}

#endif
