/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.c - from a string to a number
 *
 * SipHash-1-3 (Aumasson and Bernstein, 2012) under a key from getrandom(2), so
 * that a file with a million colliding names cannot be made.  No result of the
 * library depends on the key: a map is only ever asked, never walked.
 */
#include "base/map.h"
#include "base/le.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct sov_map_slot {
    const void *key; /* NULL: free */
    size_t len;
    uint64_t hash;
    uint64_t val;
};

static uint64_t
rotl(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static void
sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

static uint64_t
siphash(const uint64_t key[2], const void *p, size_t len)
{
    const unsigned char *b = p;
    uint64_t last = (uint64_t)len << 56;
    uint64_t v[4];
    size_t at;

    v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
    v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
    v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
    v[3] = key[1] ^ UINT64_C(0x7465646279746573);
    for (at = 0; at + 8 <= len; at += 8) {
        uint64_t m = sov_le64(b + at);

        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    for (size_t i = at; i < len; i++)
        last |= (uint64_t)b[i] << 8 * (i - at);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The key of this process, drawn by whoever asks first. */
static const uint64_t *
own_key(void)
{
    /* Threads that race here write one after the other and lose nothing but a
     * map that was filled in between, so the key is drawn under a guard. */
    static uint64_t key[2];
    static int state; /* 0 not drawn, 1 being drawn, 2 there */
    int expect = 0;

    if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) != 2) {
        if (__atomic_compare_exchange_n(&state, &expect, 1, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            if (getrandom(key, sizeof(key), GRND_NONBLOCK) !=
                (ssize_t)sizeof(key)) {
                struct timespec now;

                clock_gettime(CLOCK_REALTIME, &now);
                key[0] = (uint64_t)now.tv_nsec * UINT64_C(0x9e3779b97f4a7c15);
                key[1] = (uint64_t)now.tv_sec ^ (uint64_t)(uintptr_t)&now;
            }
            __atomic_store_n(&state, 2, __ATOMIC_RELEASE);
        }
        while (__atomic_load_n(&state, __ATOMIC_ACQUIRE) != 2)
            ;
    }
    return key;
}

static uint64_t
hash(const void *p, size_t len)
{
    return siphash(own_key(), p, len);
}

void
sov_map_key(uint64_t key[2])
{
    static const unsigned char name[2] = { 'a', 'b' };

    for (int i = 0; i < 2; i++) /* keys of their own, not that of the maps */
        key[i] = hash(&name[i], 1) | 1;
}

void
sov_map_free(struct sov_map *m)
{
    free(m->slot);
    *m = (struct sov_map){ 0 };
}

/* The slot that holds the key, or the free one where it belongs. */
static struct sov_map_slot *
find(struct sov_map_slot *slot, size_t cap, uint64_t h, const void *key,
     size_t len)
{
    size_t i = (size_t)h & (cap - 1);

    while (slot[i].key != NULL &&
           (slot[i].hash != h || slot[i].len != len ||
            memcmp(slot[i].key, key, len) != 0))
        i = (i + 1) & (cap - 1);
    return &slot[i];
}

static int
widen(struct sov_map *m, struct sov_err *err)
{
    size_t cap = m->cap == 0 ? 64 : m->cap * 2;
    struct sov_map_slot *fresh = sov_mem_array(cap, sizeof(*fresh));

    if (fresh == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < m->cap; i++) {
        const struct sov_map_slot *s = &m->slot[i];

        if (s->key != NULL)
            *find(fresh, cap, s->hash, s->key, s->len) = *s;
    }
    free(m->slot);
    m->slot = fresh;
    m->cap = cap;
    return 0;
}

int
sov_map_add(struct sov_map *m, const void *key, size_t len, uint64_t val,
            struct sov_err *err)
{
    uint64_t h = hash(key, len);
    struct sov_map_slot *s;

    if (m->n >= m->cap / 4 * 3 && widen(m, err) < 0)
        return SOV_EMEM;
    s = find(m->slot, m->cap, h, key, len);
    if (s->key != NULL)
        return 1;
    *s = (struct sov_map_slot){ .key = key, .len = len, .hash = h, .val = val };
    m->n++;
    return 0;
}

bool
sov_map_get(const struct sov_map *m, const void *key, size_t len,
            uint64_t *val)
{
    const struct sov_map_slot *s;

    if (m->cap == 0)
        return false;
    s = find(m->slot, m->cap, hash(key, len), key, len);
    if (s->key == NULL)
        return false;
    *val = s->val;
    return true;
}
