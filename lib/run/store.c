/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - blocks of keys and values that timelines take, share and give back
 *
 * Always holds:
 * 1. A block that was never taken, or is in the free list, is zero.
 * 2. A block in the list of those kept has a name and no holder; every other
 *    block with a name is held.
 * 3. No two blocks have the same name.
 */
#include "run/store.h"

#include <string.h>

/* The places of the index: as many as blocks or more, so that chains are
 * short. */
static uint32_t
places(uint32_t n)
{
    uint32_t p = 16;

    while (p < n && p < UINT32_C(1) << 31)
        p *= 2;
    return p;
}

void
sov_store_place(struct sov_store *p, struct sov_arena *a)
{
    p->n_places = places(p->n);
    p->place = sov_arena_take(a, p->n_places, sizeof(*p->place));
    p->block = sov_arena_take(a, p->n, sizeof(*p->block));
    p->at = sov_arena_take(a, (uint64_t)p->n + 1 + p->n_lent, sizeof(*p->at));
}

unsigned char *
sov_store_memory(const struct sov_store *p, struct sov_arena *a)
{
    return sov_arena_take(a, (uint64_t)p->heads * p->bytes,
                          (uint64_t)p->n + p->local);
}

void
sov_store_begin(struct sov_store *p, unsigned char *memory)
{
    sov_cache_lay(p->at, memory, (size_t)p->n + p->local, p->bytes);
    p->n_fresh = p->n;
    p->n_free = p->n_kept = 0;
    p->free = p->oldest = p->newest = SOV_NO_BLOCK;
    memset(p->place, 0xff, p->n_places * sizeof(*p->place));
}

static void
wipe(const struct sov_store *p, uint32_t b)
{
    size_t i;

    for (i = 0; i < p->n_layer; i++)
        if (p->kv[i].local == p->local)
            sov_cache_wipe(&p->kv[i], b);
}

uint32_t
sov_store_room(const struct sov_store *p)
{
    return p->n_fresh + p->n_free + p->n_kept;
}

/* ---- the index */

static uint32_t *
place_of(const struct sov_store *p, const unsigned char *name)
{
    uint32_t i;

    memcpy(&i, name, sizeof(i));
    return &p->place[i & (p->n_places - 1)];
}

uint32_t
sov_store_find(const struct sov_store *p,
               const unsigned char name[SOV_SHA256_LEN])
{
    uint32_t b = *place_of(p, name);

    while (b != SOV_NO_BLOCK &&
           memcmp(p->block[b].name, name, SOV_SHA256_LEN) != 0)
        b = p->block[b].chain;
    return b;
}

void
sov_store_name(struct sov_store *p, uint32_t b,
               const unsigned char name[SOV_SHA256_LEN])
{
    struct sov_block *block = &p->block[b];
    uint32_t *place = place_of(p, name);

    memcpy(block->name, name, SOV_SHA256_LEN);
    block->named = true;
    block->chain = *place;
    *place = b;
}

void
sov_store_unname(struct sov_store *p, uint32_t b)
{
    struct sov_block *block = &p->block[b];
    uint32_t *at = place_of(p, block->name);

    while (*at != b)
        at = &p->block[*at].chain;
    *at = block->chain;
    block->named = false;
    memset(block->name, 0, sizeof(block->name));
}

/* ---- those that are kept */

static void
keep(struct sov_store *p, uint32_t b)
{
    struct sov_block *block = &p->block[b];

    block->next = SOV_NO_BLOCK;
    block->prev = p->newest;
    if (p->newest != SOV_NO_BLOCK)
        p->block[p->newest].next = b;
    else
        p->oldest = b;
    p->newest = b;
    p->n_kept++;
}

static void
unkeep(struct sov_store *p, uint32_t b)
{
    const struct sov_block *block = &p->block[b];

    if (block->prev != SOV_NO_BLOCK)
        p->block[block->prev].next = block->next;
    else
        p->oldest = block->next;
    if (block->next != SOV_NO_BLOCK)
        p->block[block->next].prev = block->prev;
    else
        p->newest = block->prev;
    p->n_kept--;
}

static void
give_up_oldest(struct sov_store *p)
{
    uint32_t b = p->oldest;

    unkeep(p, b);
    sov_store_unname(p, b);
    sov_store_hold(p, b);
    sov_store_drop(p, b);
}

void
sov_store_forget(struct sov_store *p)
{
    while (p->n_kept > 0)
        give_up_oldest(p);
}

/* ---- holders */

/* Blocks come in order at first, so that a timeline is read as one stream. */
uint32_t
sov_store_take(struct sov_store *p)
{
    uint32_t b;

    if (p->n_free == 0 && p->n_fresh == 0 && p->n_kept > 0)
        give_up_oldest(p);
    if (p->n_free > 0) {
        b = p->free;
        p->free = p->block[b].next;
        p->n_free--;
    } else if (p->n_fresh > 0) {
        b = p->n - p->n_fresh--;
    } else {
        return SOV_NO_BLOCK;
    }
    p->block[b].refs = 1;
    return b;
}

void
sov_store_hold(struct sov_store *p, uint32_t b)
{
    if (b >= p->n)
        return;
    if (p->block[b].refs == 0 && p->block[b].named)
        unkeep(p, b);
    p->block[b].refs++;
}

void
sov_store_drop(struct sov_store *p, uint32_t b)
{
    struct sov_block *block = &p->block[b];

    if (b >= p->n || --block->refs > 0)
        return;
    if (block->named) {
        keep(p, b);
        return;
    }
    wipe(p, b);
    block->next = p->free;
    p->free = b;
    p->n_free++;
}
