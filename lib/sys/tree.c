/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - the fs-verity tree above its leaves, in constant memory
 *
 * What always holds: level l has taken level[l].total hashes, of which the
 * last level[l].n < 128 wait in level[l].hash; the hash of every 128 before
 * them went to level l + 1.
 *
 * The descriptor, whose SHA-256 is the file's digest:
 *
 *     0  u8   version 1
 *     1  u8   algorithm 1 (SHA-256)
 *     2  u8   log2 of the block size, 12
 *     3  u8   salt size 0
 *     4  u32  0
 *     8  u64  size of the file, little-endian
 *    16       root hash, 64 bytes zero-padded
 *    80       salt and reserved, 176 zero bytes
 */
#include "sys/tree.h"
#include "base/le.h"
#include "base/mem.h"
#include "sys/par.h"

#include <inttypes.h>
#include <string.h>

#define PAR_GRAIN 8 /* leaves, worth a thread's while from twice as many */

struct many {
    const unsigned char *p;
    unsigned char *out;
};

static void
hash_some(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct many *m = arg;

    (void)worker;
    sov_sha_kern()->leaves(m->p + first * SOV_LEAF_SIZE, last - first,
                           m->out + first * SOV_SHA256_LEN);
}

/* Group number g came out as hash. */
static int
compare_group(const struct sov_groups *g, size_t i, const unsigned char *hash,
              struct sov_err *err)
{
    uint64_t from = (uint64_t)i * SOV_GROUP_SIZE;

    if (g->n_expect == 0)
        return 0;
    if (i >= g->n_expect)
        return sov_fail(err, SOV_ENO,
                        "is longer than the %zu groups of 512 KiB it should "
                        "have", g->n_expect);
    if (memcmp(hash, g->expect + i * SOV_SHA256_LEN, SOV_SHA256_LEN) != 0)
        return sov_fail(err, SOV_ENO,
                        "bytes %" PRIu64 " to %" PRIu64
                        " are not what they should be", from,
                        from + SOV_GROUP_SIZE - 1);
    return 0;
}

static int
see_groups(struct sov_groups *g, const unsigned char *hash, size_t n,
           struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        const unsigned char *h = hash + i * SOV_SHA256_LEN;

        rc = compare_group(g, g->n, h, err);
        if (rc == 0 && g->keep)
            rc = sov_mem_grow((void **)&g->hash, g->n, &g->cap, SOV_SHA256_LEN,
                              err);
        if (rc == 0 && g->keep)
            memcpy(g->hash + g->n * SOV_SHA256_LEN, h, SOV_SHA256_LEN);
        if (rc == 0)
            g->n++;
    }
    return rc;
}

static int add(struct sov_tree *t, unsigned l, const unsigned char *hash,
               size_t n, struct sov_err *err);

/* n full blocks of hashes of level l, at most 128, go one level up. */
static int
go_up(struct sov_tree *t, unsigned l, const unsigned char *block, size_t n,
      struct sov_err *err)
{
    unsigned char out[SOV_LEAF_SIZE];
    struct many m = { block, out };
    int rc = 0;

    if (n < (size_t)2 * PAR_GRAIN)
        hash_some(&m, 0, n, 0);
    else
        sov_par_for(n, PAR_GRAIN, hash_some, &m);
    if (l == 0 && t->groups != NULL)
        rc = see_groups(t->groups, out, n, err);
    return rc < 0 ? rc : add(t, l + 1, out, n, err);
}

static int
add(struct sov_tree *t, unsigned l, const unsigned char *hash, size_t n,
    struct sov_err *err)
{
    int rc = 0;

    t->level[l].total += n;
    while (rc == 0 && n > 0) {
        size_t at = t->level[l].n;
        size_t take = SOV_TREE_FAN - at < n ? SOV_TREE_FAN - at : n;
        size_t full = n / SOV_TREE_FAN;

        if (at == 0 && full > 0) { /* where they lie */
            full = full < SOV_TREE_FAN ? full : SOV_TREE_FAN;
            take = full * SOV_TREE_FAN;
            rc = go_up(t, l, hash, full, err);
        } else {
            memcpy(t->level[l].hash + at * SOV_SHA256_LEN, hash,
                   take * SOV_SHA256_LEN);
            t->level[l].n = (at + take) % SOV_TREE_FAN;
            if (at + take == SOV_TREE_FAN)
                rc = go_up(t, l, t->level[l].hash, 1, err);
        }
        hash += take * SOV_SHA256_LEN;
        n -= take;
    }
    return rc;
}

void
sov_tree_start(struct sov_tree *t, struct sov_groups *groups)
{
    t->groups = groups;
    for (unsigned l = 0; l < SOV_TREE_LEVELS; l++) {
        t->level[l].total = 0;
        t->level[l].n = 0;
    }
}

int
sov_tree_add(struct sov_tree *t, const unsigned char *hash, size_t n,
             struct sov_err *err)
{
    return add(t, 0, hash, n, err);
}

/* The hash at the top; zero for an empty file. */
static int
root(struct sov_tree *t, unsigned char out[SOV_SHA256_LEN],
     struct sov_err *err)
{
    unsigned l = 0;
    int rc = 0;

    memset(out, 0, SOV_SHA256_LEN);
    if (t->level[0].total == 0)
        return 0;
    for (; rc == 0 && t->level[l].total > 1; l++) {
        size_t used = t->level[l].n * SOV_SHA256_LEN;

        if (used == 0)
            continue;
        memset(t->level[l].hash + used, 0, SOV_LEAF_SIZE - used);
        t->level[l].n = 0;
        rc = go_up(t, l, t->level[l].hash, 1, err);
    }
    if (rc == 0)
        memcpy(out, t->level[l].hash, SOV_SHA256_LEN);
    return rc;
}

int
sov_tree_final(struct sov_tree *t, uint64_t size,
               unsigned char digest[SOV_SHA256_LEN], struct sov_err *err)
{
    unsigned char descriptor[256] = { 1, 1, 12 };
    const struct sov_groups *g = t->groups;
    int rc;

    sov_put64(descriptor + 8, size);
    rc = root(t, descriptor + 16, err);
    if (rc == 0 && g != NULL && g->n < g->n_expect)
        rc = sov_fail(err, SOV_ENO,
                      "ends after %" PRIu64 " bytes, in group %zu of %zu",
                      size, g->n, g->n_expect);
    if (rc == 0)
        sov_sha256(descriptor, sizeof(descriptor), digest);
    return rc;
}
