/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd.c - how often a 64-bit hash was seen
 *
 * Open addressing, half full at most; places are chosen with a number drawn
 * for this process (base/map.h), so that no text can choose where it goes.
 */
#include "distill/crowd.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 1024 /* entries */

void
sov_crowd_free(struct sov_crowd *c)
{
    free(c->key);
    free(c->times);
    *c = (struct sov_crowd){ .most = c->most };
}

void
sov_crowd_clear(struct sov_crowd *c)
{
    if (c->n > 0 && c->cap > FIRST) /* the next one may need less */
        sov_crowd_free(c);
    if (c->n > 0)
        memset(c->key, 0, c->cap * sizeof(*c->key));
    c->n = 0;
}

/* Where the key is, or is to go. */
static size_t
place_of(const struct sov_crowd *c, uint64_t key)
{
    for (size_t i = (size_t)((key ^ c->odd[0]) * c->odd[1] >> 20);; i++) {
        i &= c->cap - 1;
        if (c->key[i] == 0 || c->key[i] == key)
            return i;
    }
}

static bool
grow(struct sov_crowd *c)
{
    struct sov_crowd bigger = {
        .cap = c->cap > 0 ? 2 * c->cap : FIRST,
        .n = c->n,
        .most = c->most,
    };

    sov_map_key(bigger.odd);
    bigger.key = sov_mem_array(bigger.cap, sizeof(*bigger.key));
    bigger.times = sov_mem_array(bigger.cap, sizeof(*bigger.times));
    if (bigger.key == NULL || bigger.times == NULL) {
        sov_crowd_free(&bigger);
        return false;
    }
    for (size_t i = 0; i < c->cap; i++) {
        size_t k;

        if (c->key[i] == 0)
            continue;
        k = place_of(&bigger, c->key[i]);
        bigger.key[k] = c->key[i];
        bigger.times[k] = c->times[i];
    }
    sov_crowd_free(c);
    *c = bigger;
    return true;
}

int
sov_crowd_add(struct sov_crowd *c, uint64_t key, uint32_t *before,
              struct sov_err *err)
{
    size_t i;

    key += key == 0;
    *before = 0;
    if (c->cap > 0) {
        i = place_of(c, key);
        if (c->key[i] == key) {
            *before = c->times[i];
            c->times[i] += *before < UINT32_MAX;
            return 0;
        }
    }
    if (c->n >= c->most)
        return 1;
    if (2 * c->n >= c->cap && !grow(c))
        return sov_mem_fail(err);
    i = place_of(c, key);
    c->key[i] = key;
    c->times[i] = 1;
    c->n++;
    return 0;
}
