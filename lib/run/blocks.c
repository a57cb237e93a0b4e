/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks.c - the table of a timeline: in which blocks its positions are
 *
 * A session's table has blocks for all its positions.  It writes only
 * to those that nobody else holds and that have no name: a block that a fork
 * holds as well is copied first, and one that has a name loses it.
 *
 * The name of a full block is a digest of the one before it and of its tokens;
 * before the first there is the session's root, in which the tenant is.  So a
 * name stands for a whole beginning, and no two tenants have one in common.
 */
#include "run/session.h"

#include <inttypes.h>
#include <string.h>

#define KEYS SOV_BLOCK_KEYS

_Static_assert(SOV_BLOCK == SOV_BLOCK_KEYS, "as run.h says");

static void
name_of(const unsigned char *before, const int32_t *ids,
        unsigned char name[SOV_SHA256_LEN])
{
    struct {
        unsigned char before[SOV_SHA256_LEN];
        int32_t ids[KEYS];
    } all;

    memcpy(all.before, before, sizeof(all.before));
    memcpy(all.ids, ids, sizeof(all.ids));
    sov_sha256(&all, sizeof(all), name);
}

/* The block that the next token goes to, if it is there and holds others. */
static uint32_t
begun(const struct sov_session *s)
{
    return s->pos % KEYS != 0 ? s->block[s->pos / KEYS] : SOV_NO_BLOCK;
}

/* Does part i write to a block that somebody else still holds then? */
static bool
must_copy(const struct sov_batch_part *part, size_t i)
{
    const struct sov_session *s = part[i].session;
    uint32_t b = begun(s);
    uint32_t refs;
    size_t j;

    if (part[i].n == 0 || b == SOV_NO_BLOCK)
        return false;
    refs = s->batch->store.block[b].refs;
    for (j = 0; j < i && refs > 1; j++)
        if (part[j].n > 0 && begun(part[j].session) == b)
            refs--; /* that one has a copy by now */
    return refs > 1;
}

/* More blocks that n more tokens need. */
static uint32_t
more_for(const struct sov_session *s, size_t n)
{
    uint32_t all = (uint32_t)sov_blocks_of(s->pos + n);

    return all > s->n_blocks ? all - s->n_blocks : 0;
}

/* Blocks that the parts would take. */
static uint32_t
wanted_by(const struct sov_batch_part *part, size_t n)
{
    uint32_t wanted = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        wanted += more_for(part[i].session, part[i].n);
        wanted += must_copy(part, i);
    }
    return wanted;
}

/* Make the block that the next token goes to the session's own. */
static void
own(struct sov_session *s)
{
    struct sov_batch *b = s->batch;
    uint32_t old = begun(s);
    uint32_t copy;
    size_t i;

    if (old == SOV_NO_BLOCK)
        return;
    if (b->store.block[old].refs == 1) {
        if (b->store.block[old].named)
            sov_store_unname(&b->store, old);
        return;
    }
    copy = sov_store_take(&b->store);
    for (i = 0; i < b->store.n_layer; i++)
        sov_cache_copy(&b->store.kv[i], old, copy);
    sov_store_drop(&b->store, old);
    s->block[s->pos / KEYS] = copy;
}

int
sov_blocks_take(struct sov_batch *b, const struct sov_batch_part *part,
                size_t n, struct sov_err *err)
{
    uint32_t wanted = wanted_by(part, n);
    uint32_t room = sov_store_room(&b->store);
    size_t i;

    if (wanted > room)
        return sov_fail(err, SOV_EMEM,
                        "%" PRIu32 " blocks of keys and values are needed, "
                        "%" PRIu32 " of %" PRIu32 " are free",
                        wanted, room, b->store.n);
    for (i = 0; i < n; i++) {
        struct sov_session *s = part[i].session;

        if (part[i].n > 0)
            own(s);
        while (s->n_blocks < sov_blocks_of(s->pos + part[i].n))
            s->block[s->n_blocks++] = sov_store_take(&b->store);
    }
    return 0;
}

uint32_t
sov_session_wants(const sov_session *s, size_t n)
{
    size_t left = s->batch->n_ctx - s->pos;
    uint32_t b = begun(s);
    uint32_t wanted;

    n = n < left ? n : left;
    wanted = more_for(s, n);
    if (n > 0 && b != SOV_NO_BLOCK && s->batch->store.block[b].refs > 1)
        wanted++;
    return wanted;
}

void
sov_blocks_name(struct sov_session *s, uint32_t from)
{
    struct sov_store *store = &s->batch->store;
    uint32_t i;

    for (i = from / KEYS; s->batch->reuse && i < s->pos / KEYS; i++) {
        const unsigned char *before = s->root;
        unsigned char name[SOV_SHA256_LEN];
        uint32_t other;

        if (i > 0 && !store->block[s->block[i - 1]].named)
            return;
        if (i > 0)
            before = store->block[s->block[i - 1]].name;
        if (store->block[s->block[i]].named)
            continue;
        name_of(before, s->ids + (size_t)i * KEYS, name);
        other = sov_store_find(store, name);
        if (other == SOV_NO_BLOCK) {
            sov_store_name(store, s->block[i], name);
            continue;
        }
        /* the same tokens after the same ones: the same bits */
        sov_store_hold(store, other);
        sov_store_drop(store, s->block[i]);
        s->block[i] = other;
    }
}

/* The rings are the session's alone. */
static void
wipe_rings(const struct sov_session *s)
{
    const struct sov_store *store = &s->batch->store;
    size_t i, b;

    for (i = 0; i < store->n_layer; i++)
        for (b = 0; store->kv[i].ring && b < store->kv[i].n_blocks; b++)
            if (b < sov_blocks_of(s->n_read))
                sov_cache_wipe(&store->kv[i], (uint32_t)b);
}

void
sov_blocks_drop(struct sov_session *s, uint32_t n)
{
    if (n == 0 && s->n_blocks > 0)
        wipe_rings(s);
    while (s->n_blocks > n)
        sov_store_drop(&s->batch->store, s->block[--s->n_blocks]);
}

/* The name that the next block's is made of; NULL: the last one is not full,
 * or has none. */
static const unsigned char *
name_before(const struct sov_session *s)
{
    const struct sov_block *last;

    if (s->pos == 0)
        return s->root;
    last = &s->batch->store.block[s->block[(s->pos - 1) / KEYS]];
    return s->pos % KEYS == 0 && last->named ? last->name : NULL;
}

size_t
sov_session_recall(sov_session *s, const int32_t *ids, size_t n)
{
    struct sov_store *store = &s->batch->store;
    const unsigned char *before = name_before(s);
    unsigned char name[SOV_SHA256_LEN];
    size_t at = 0;
    uint32_t b;

    if (!s->batch->reuse || before == NULL)
        return 0;
    while (n - at > KEYS && s->batch->n_ctx - s->pos >= KEYS) {
        name_of(before, ids + at, name);
        b = sov_store_find(store, name);
        if (b == SOV_NO_BLOCK)
            break;
        sov_store_hold(store, b);
        before = store->block[b].name;
        s->block[s->n_blocks++] = b;
        memcpy(s->ids + s->pos, ids + at, KEYS * sizeof(*ids));
        s->pos += KEYS;
        at += KEYS;
    }
    s->n_read = s->pos > s->n_read ? s->pos : s->n_read;
    return at;
}
