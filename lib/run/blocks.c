/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocks.c - the table of a timeline: in which blocks its positions are
 *
 * A session's table has blocks for all its positions.  It writes only
 * to those that nobody else holds and that have no name: a block that a fork
 * holds as well, or that is lent, is copied first, and one that has a name
 * loses it.
 *
 * The name of a full block is a digest of the one before it and of its tokens;
 * before the first there is the session's root, in which the tenant is.  So a
 * name stands for a whole beginning, and no two tenants have one in common.
 *
 * A second table says where the windows of layers that see no more are.  It has
 * blocks from local_first up to local_end, and nothing real elsewhere: those
 * that the next token sees, and where the session is alone some before, so that
 * it can be cut back a little.  They are taken as a pass needs them and given
 * back when they have left the window; the store has always enough (batch.c).
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
    const struct sov_store *store = &s->batch->store;
    uint32_t b = begun(s);
    uint32_t refs;
    size_t j;

    if (part[i].n == 0 || b == SOV_NO_BLOCK)
        return false;
    if (b >= store->n)
        return true;
    refs = store->block[b].refs;
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

/* Make a block of a table the session's own. */
static void
own(struct sov_store *store, uint32_t *block)
{
    uint32_t old = *block;
    size_t i;

    if (sov_store_owned(store, old)) {
        if (store->block[old].named)
            sov_store_unname(store, old);
        return;
    }
    *block = sov_store_take(store);
    for (i = 0; i < store->n_layer; i++)
        if (store->kv[i].local == store->local)
            sov_cache_copy(&store->kv[i], old, *block);
    sov_store_drop(store, old);
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

        if (part[i].n > 0 && s->pos % KEYS != 0)
            own(&b->store, &s->block[s->pos / KEYS]);
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
    if (n > 0 && b != SOV_NO_BLOCK && !sov_store_owned(&s->batch->store, b))
        wanted++;
    return wanted;
}

/* ---- windows */

/* The first block that a token at pos sees in a window. */
static uint32_t
first_seen(const struct sov_session *s, uint32_t pos)
{
    uint32_t window = s->batch->net->hp.window;

    return pos >= window ? (pos + 1 - window) / KEYS : 0;
}

bool
sov_blocks_seen(const struct sov_session *s, uint32_t pos)
{
    return s->batch->local.heads == 0 || pos == 0 ||
           s->local_first <= first_seen(s, pos);
}

/* Give back those up to first. */
static void
leave(struct sov_session *s, uint32_t first)
{
    struct sov_store *local = &s->batch->local;

    for (; s->local_first < first && s->local_first < s->local_end;
         s->local_first++) {
        sov_store_drop(local, s->local[s->local_first]);
        s->local[s->local_first] = sov_store_hole(local);
    }
}

void
sov_blocks_slide(struct sov_session *s, size_t n)
{
    struct sov_store *local = &s->batch->local;
    uint32_t end = (uint32_t)sov_blocks_of(s->pos + n);
    uint32_t keep = s->batch->local_keep;

    if (local->heads == 0)
        return;
    if (keep == 0)
        leave(s, first_seen(s, s->pos));
    else
        leave(s, end > keep ? end - keep : 0);
    if (n > 0 && s->pos % KEYS != 0)
        own(local, &s->local[s->pos / KEYS]);
    while (s->local_end < end)
        s->local[s->local_end++] = sov_store_take(local);
}

/* ---- names */

/* Name a full block; if there is one of that name it is the same bits, and is
 * held in place of this one. */
static void
name_block(struct sov_store *store, uint32_t *block,
           const unsigned char name[SOV_SHA256_LEN])
{
    uint32_t other;

    if (*block >= store->n || store->block[*block].named)
        return;
    other = sov_store_find(store, name);
    if (other == SOV_NO_BLOCK) {
        sov_store_name(store, *block, name);
        return;
    }
    sov_store_hold(store, other);
    sov_store_drop(store, *block);
    *block = other;
}

void
sov_blocks_name(struct sov_session *s, uint32_t from)
{
    struct sov_batch *b = s->batch;
    uint32_t i;

    for (i = from / KEYS; b->reuse && i < s->pos / KEYS; i++) {
        const unsigned char *before = s->root;
        unsigned char name[SOV_SHA256_LEN];

        if (i > 0 && !b->store.block[s->block[i - 1]].named)
            return;
        if (i > 0)
            before = b->store.block[s->block[i - 1]].name;
        name_of(before, s->ids + (size_t)i * KEYS, name);
        name_block(&b->store, &s->block[i], name);
        if (b->local.heads > 0)
            name_block(&b->local, &s->local[i], name);
    }
}

/* ---- an end */

void
sov_blocks_drop(struct sov_session *s, uint32_t n)
{
    struct sov_store *local = &s->batch->local;

    while (s->n_blocks > n)
        sov_store_drop(&s->batch->store, s->block[--s->n_blocks]);
    while (s->local_end > n && s->local_end > s->local_first) {
        sov_store_drop(local, s->local[--s->local_end]);
        s->local[s->local_end] = sov_store_hole(local);
    }
    if (s->local_end == s->local_first)
        s->local_first = s->local_end = n;
}

/* ---- what others have read */

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

/* Blocks that are there for what a session reads next. */
struct found {
    uint32_t n;      /* put into its tables, behind the end, not yet held */
    uint32_t useful; /* of them: up to where the window is there as well */
    uint32_t first;  /* block from which on windows are there then */
};

static struct found
look_up(struct sov_session *s, const unsigned char *before, const int32_t *ids,
        size_t n)
{
    const struct sov_batch *b = s->batch;
    struct found f = { .first = s->local_first };
    uint32_t first = s->local_first;
    uint32_t at = s->pos / KEYS;

    while (n > KEYS && b->n_ctx - at * KEYS >= KEYS) {
        unsigned char name[SOV_SHA256_LEN];

        name_of(before, ids, name);
        s->block[at] = sov_store_find(&b->store, name);
        if (s->block[at] == SOV_NO_BLOCK)
            break;
        before = b->store.block[s->block[at]].name;
        if (b->local.heads > 0) {
            s->local[at] = sov_store_find(&b->local, name);
            first = s->local[at] != SOV_NO_BLOCK ? first : at + 1;
        }
        at++;
        f.n++;
        if (b->local.heads == 0 || first <= first_seen(s, at * KEYS)) {
            f.useful = f.n;
            f.first = first;
        }
        ids += KEYS;
        n -= KEYS;
    }
    return f;
}

/* Hold the useful ones. */
static void
take_over(struct sov_session *s, struct found f)
{
    struct sov_batch *b = s->batch;
    uint32_t at = s->pos / KEYS;
    uint32_t i;

    for (i = 0; i < f.useful; i++)
        sov_store_hold(&b->store, s->block[s->n_blocks++]);
    if (b->local.heads == 0)
        return;
    for (i = at; i < at + f.n; i++)
        if (i < f.first || i >= at + f.useful)
            s->local[i] = sov_store_hole(&b->local);
        else
            sov_store_hold(&b->local, s->local[i]);
    if (f.useful == 0)
        return;
    leave(s, f.first);
    if (s->local_first < f.first)
        s->local_first = f.first;
    s->local_end = at + f.useful;
}

size_t
sov_session_recall(sov_session *s, const int32_t *ids, size_t n)
{
    const unsigned char *before = name_before(s);
    struct found f;
    size_t known;

    if (!s->batch->reuse || before == NULL)
        return 0;
    f = look_up(s, before, ids, n);
    take_over(s, f);
    known = (size_t)f.useful * KEYS;
    memcpy(s->ids + s->pos, ids, known * sizeof(*ids));
    s->pos += (uint32_t)known;
    s->n_read = s->pos > s->n_read ? s->pos : s->n_read;
    sov_blocks_slide(s, 0);
    return known;
}
