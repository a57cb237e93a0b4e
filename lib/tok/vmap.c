/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmap.c - from a text to the token it is
 */
#include "tok/vmap.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>

int
sov_vmap_init(struct sov_vmap *m, size_t n, struct sov_err *err)
{
    uint64_t cap = 64;

    while (cap < 2 * (uint64_t)n)
        cap *= 2;
    m->slot = sov_mem_array((size_t)cap, sizeof(*m->slot));
    if (m->slot == NULL)
        return sov_mem_fail(err);
    m->mask = cap - 1;
    m->n = 0;
    sov_map_key(m->key);
    return 0;
}

void
sov_vmap_free(struct sov_vmap *m)
{
    free(m->slot);
    m->slot = NULL;
    m->n = 0;
}

static void
put(struct sov_vmap *m, uint64_t h, uint32_t id)
{
    uint64_t i = h & m->mask;

    while (m->slot[i].id != 0)
        i = (i + 1) & m->mask;
    m->slot[i] = (struct sov_vslot){ (uint32_t)(h >> 32), id + 1 };
}

/* Twice the slots. */
static int
widen(struct sov_vmap *m, const unsigned char *base, const uint32_t *off,
      struct sov_err *err)
{
    struct sov_vmap wide = { .mask = 2 * m->mask + 1,
                             .n = m->n,
                             .key = { m->key[0], m->key[1] } };

    wide.slot = sov_mem_array((size_t)(wide.mask + 1), sizeof(*wide.slot));
    if (wide.slot == NULL)
        return sov_mem_fail(err);
    for (uint64_t i = 0; i <= m->mask; i++) {
        uint32_t id = m->slot[i].id;

        if (id != 0)
            put(&wide,
                sov_vmap_hash(m->key, base + off[id - 1],
                              off[id] - off[id - 1]),
                id - 1);
    }
    free(m->slot);
    *m = wide;
    return 0;
}

int
sov_vmap_add(struct sov_vmap *m, const unsigned char *base, const uint32_t *off,
             uint32_t id, struct sov_err *err)
{
    const unsigned char *p = base + off[id];
    size_t len = off[id + 1] - off[id];
    uint32_t other;

    if (sov_vmap_get(m, base, off, p, len, &other))
        return 1;
    if (2 * (m->n + 1) > m->mask + 1 && widen(m, base, off, err) < 0)
        return SOV_EMEM;
    put(m, sov_vmap_hash(m->key, p, len), id);
    m->n++;
    return 0;
}
