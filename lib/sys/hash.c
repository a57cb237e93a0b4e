/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.c - every digest of a stream, and of ranges of it, in one pass
 *
 * Bytes go through in batches.  Of a batch, first everything is hashed that
 * does not wait for anything else: the leaves, in runs, each run a job for any
 * thread; beside them one job for the file's SHA-256, one for its XXH3 and one
 * for the XXH3 of each range, since those can only go from front to back.
 * Then the hashes of the leaves go up the trees, in order.
 *
 * What always holds:
 * 1. `done` bytes have gone through, a multiple of 4096 until the end; up to
 *    64 KiB behind them wait in `buf`, up to the next multiple of 64 KiB at
 *    most, so that a group is compared as soon as its last byte is here.
 * 2. Ranges before `first` are finished.  Only range[first] can be under way:
 *    its tree is `tree`, its XXH3 is xxh[turn].  The range that a batch leaves
 *    under way uses the other one in that batch, since the two may run at the
 *    same time.
 * 3. `part` holds the n_part last bytes of the range under way that are no
 *    leaf yet; only a range that does not begin at a leaf can have any.
 */
#include "sys/hash.h"
#include "base/mem.h"
#include "sov/base.h"
#include "sys/par.h"
#include "sys/sha.h"
#include "sys/tree.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Compiled here: the library's functions are a quarter slower, being made for
 * the oldest CPU of their kind with less optimisation. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#define LEAF        ((size_t)SOV_LEAF_SIZE)
#define BUF_SIZE    ((size_t)64 << 10)
#define RUN_LEAVES  ((size_t)32)
#define BATCH       ((size_t)16 << 20)  /* for all threads */
#define BATCH_ALONE ((size_t)128 << 10) /* for one: stays in its cache */
#define HASH_LEN    ((size_t)SOV_SHA256_LEN)

/* What a batch holds of one range. */
struct piece {
    struct sov_hash_range *range;
    const unsigned char *p;
    size_t len;
    bool begins;
    bool ends;
    size_t fill;    /* bytes that complete `part` */
    size_t n;       /* full leaves behind them */
    bool own;       /* ... which are not leaves of the file */
    unsigned char *hash;
    XXH3_state_t *xxh;
};

enum job_kind { JOB_SHA, JOB_BOTH, JOB_XXH, JOB_LEAVES, JOB_PIECE_XXH };

struct job {
    enum job_kind kind;
    const unsigned char *p;
    size_t n;           /* bytes or leaves */
    unsigned char *out; /* hashes of leaves */
    size_t piece;
};

struct sov_hasher {
    unsigned what;
    struct sov_err err; /* rc < 0: it has failed */
    bool ended;
    uint64_t done;
    size_t n_buf;
    unsigned char buf[BUF_SIZE];

    struct sov_sha sha;
    XXH3_state_t *file_xxh;
    struct sov_tree file_tree;
    struct sov_groups groups;

    struct sov_hash_range *range; /* borrowed */
    size_t n_ranges;
    size_t first;
    unsigned turn;
    XXH3_state_t *xxh[2];
    struct sov_tree tree;
    size_t n_part;
    unsigned char part[SOV_LEAF_SIZE];

    /* of a batch */
    unsigned char *leaf_hash; /* of the file's leaves, then of the ranges' */
    struct piece *piece;
    size_t n_pieces;
    size_t cap_pieces;
    struct job *job;
    size_t n_jobs;
    size_t cap_jobs;
};

static void
put_xxh(XXH128_hash_t v, unsigned char out[SOV_XXH3_LEN])
{
    XXH128_canonical_t c;

    XXH128_canonicalFromHash(&c, v);
    memcpy(out, c.digest, SOV_XXH3_LEN);
}

static void
piece_xxh(const struct piece *piece)
{
    unsigned char *out = piece->range->digest.xxh3;

    if (piece->begins && piece->ends) {
        put_xxh(XXH3_128bits(piece->p, piece->len), out);
        return;
    }
    if (piece->begins)
        XXH3_128bits_reset(piece->xxh);
    XXH3_128bits_update(piece->xxh, piece->p, piece->len);
    if (piece->ends)
        put_xxh(XXH3_128bits_digest(piece->xxh), out);
}

/* SHA-256 of the file and of its leaves. */
static void
do_both(sov_hasher *h, const struct job *job)
{
    size_t n = job->n / LEAF;

    assert(h->sha.n == 0);
    sov_sha_kern()->both(h->sha.h, job->p, n, job->out);
    h->sha.len += n * LEAF;
    sov_sha_update(&h->sha, job->p + n * LEAF, job->n - n * LEAF);
}

static void
do_job(sov_hasher *h, const struct job *job)
{
    switch (job->kind) {
    case JOB_SHA:
        sov_sha_update(&h->sha, job->p, job->n);
        break;
    case JOB_BOTH:
        do_both(h, job);
        break;
    case JOB_XXH:
        XXH3_128bits_update(h->file_xxh, job->p, job->n);
        break;
    case JOB_LEAVES:
        sov_sha_kern()->leaves(job->p, job->n, job->out);
        break;
    case JOB_PIECE_XXH:
        piece_xxh(&h->piece[job->piece]);
        break;
    }
}

static void
do_jobs(void *arg, size_t first, size_t last, unsigned worker)
{
    sov_hasher *h = arg;

    (void)worker;
    for (size_t i = first; i < last; i++)
        do_job(h, &h->job[i]);
}

static int
add_job(sov_hasher *h, enum job_kind kind, const unsigned char *p, size_t n,
        unsigned char *out, struct sov_err *err)
{
    int rc = sov_mem_grow((void **)&h->job, h->n_jobs, &h->cap_jobs,
                          sizeof(*h->job), err);

    if (rc == 0)
        h->job[h->n_jobs++] = (struct job){
            .kind = kind, .p = p, .n = n, .out = out, .piece = h->n_pieces
        };
    return rc;
}

static int
add_leaves(sov_hasher *h, const unsigned char *p, size_t n, unsigned char *out,
           struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i += RUN_LEAVES)
        rc = add_job(h, JOB_LEAVES, p + i * LEAF,
                     n - i < RUN_LEAVES ? n - i : RUN_LEAVES,
                     out + i * HASH_LEN, err);
    return rc;
}

/*
 * The long jobs first.  Where the kernel can, the stream takes the leaves with
 * it: it waits for itself so much that they cost nothing.
 */
static int
plan_file(sov_hasher *h, const unsigned char *p, size_t n, struct sov_err *err)
{
    bool sha = (h->what & SOV_HASH_SHA256) != 0;
    bool tree = (h->what & SOV_HASH_VERITY) != 0;
    bool both = sha && tree && sov_sha_kern()->both != NULL;
    int rc = 0;

    if (n > 0 && sha)
        rc = add_job(h, both ? JOB_BOTH : JOB_SHA, p, n, h->leaf_hash, err);
    if (rc == 0 && n > 0 && (h->what & SOV_HASH_XXH3) != 0)
        rc = add_job(h, JOB_XXH, p, n, NULL, err);
    if (rc == 0 && tree && !both)
        rc = add_leaves(h, p, n / LEAF, h->leaf_hash, err);
    return rc;
}

/*
 * The piece of r in a batch of n bytes at p.  *own: room for the hashes of
 * leaves that are not the file's.
 */
static int
plan_piece(sov_hasher *h, struct sov_hash_range *r, const unsigned char *p,
           size_t n, unsigned char **own, struct sov_err *err)
{
    uint64_t from = r->off > h->done ? r->off - h->done : 0;
    uint64_t to = r->off + r->len - h->done; /* behind the batch, perhaps */
    struct piece c = { .range = r, .begins = r->off >= h->done };
    int rc;

    c.ends = to <= n;
    c.p = p + from;
    c.len = (size_t)((c.ends ? to : n) - from);
    c.xxh = h->xxh[c.begins ? 1 - h->turn : h->turn];
    c.own = r->off % LEAF != 0;
    if (!c.begins && h->n_part > 0)
        c.fill = LEAF - h->n_part < c.len ? LEAF - h->n_part : c.len;
    c.n = (c.len - c.fill) / LEAF;
    c.hash = c.own ? *own : h->leaf_hash + from / LEAF * HASH_LEN;
    rc = sov_mem_grow((void **)&h->piece, h->n_pieces, &h->cap_pieces,
                      sizeof(*h->piece), err);
    if (rc == 0 && (h->what & SOV_HASH_XXH3) != 0)
        rc = add_job(h, JOB_PIECE_XXH, NULL, 0, NULL, err);
    if (rc == 0 && c.own && (h->what & SOV_HASH_VERITY) != 0) {
        rc = add_leaves(h, c.p + c.fill, c.n, *own, err);
        *own += c.n * HASH_LEN;
    }
    if (rc == 0)
        h->piece[h->n_pieces++] = c;
    return rc;
}

static int
plan_ranges(sov_hasher *h, const unsigned char *p, size_t n,
            struct sov_err *err)
{
    unsigned char *own = h->leaf_hash + BATCH / LEAF * HASH_LEN;
    uint64_t end = h->done + n;
    int rc = 0;

    h->n_pieces = 0;
    for (size_t i = h->first; rc == 0 && i < h->n_ranges; i++) {
        struct sov_hash_range *r = &h->range[i];

        if (r->off > end || (r->off == end && r->len > 0))
            break;
        rc = plan_piece(h, r, p, n, &own, err);
    }
    return rc;
}

/* `part`, filled up with zeros, is the next leaf of the range. */
static int
add_part(sov_hasher *h, struct sov_err *err)
{
    unsigned char hash[SOV_SHA256_LEN];

    memset(h->part + h->n_part, 0, LEAF - h->n_part);
    h->n_part = 0;
    sov_sha_kern()->leaves(h->part, 1, hash);
    return sov_tree_add(&h->tree, hash, 1, err);
}

/* What was hashed of a piece goes up its tree. */
static int
grow_tree(sov_hasher *h, const struct piece *c, struct sov_err *err)
{
    size_t rest = c->len - c->fill - c->n * LEAF;
    int rc = 0;

    if (c->begins) {
        sov_tree_start(&h->tree, NULL);
        h->n_part = 0;
    }
    if (c->fill > 0)
        memcpy(h->part + h->n_part, c->p, c->fill);
    h->n_part += c->fill;
    if (h->n_part == LEAF)
        rc = add_part(h, err);
    if (rc == 0)
        rc = sov_tree_add(&h->tree, c->hash, c->n, err);
    if (rest > 0)
        memcpy(h->part + h->n_part, c->p + (c->len - rest), rest);
    h->n_part += rest;
    if (rc == 0 && c->ends && h->n_part > 0)
        rc = add_part(h, err);
    if (rc == 0 && c->ends)
        rc = sov_tree_final(&h->tree, c->range->len, c->range->digest.verity,
                            err);
    return rc;
}

static int
finish_pieces(sov_hasher *h, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < h->n_pieces; i++) {
        const struct piece *c = &h->piece[i];

        if ((h->what & SOV_HASH_VERITY) != 0)
            rc = grow_tree(h, c, err);
        if (c->ends) {
            c->range->digest.has = h->what & (SOV_HASH_VERITY | SOV_HASH_XXH3);
            c->range->digest.size = c->range->len;
            h->first++;
        } else if (c->begins) {
            h->turn = 1 - h->turn;
        }
    }
    return rc;
}

/* The last leaf, if it is not full. */
static int
last_leaf(sov_hasher *h, const unsigned char *p, size_t n, struct sov_err *err)
{
    unsigned char leaf[SOV_LEAF_SIZE] = { 0 };
    unsigned char hash[SOV_SHA256_LEN];

    if (n == 0)
        return 0;
    memcpy(leaf, p, n);
    sov_sha_kern()->leaves(leaf, 1, hash);
    return sov_tree_add(&h->file_tree, hash, 1, err);
}

/* n is a multiple of 4096, but for the end of the file, and at most BATCH. */
static int
batch(sov_hasher *h, const unsigned char *p, size_t n, struct sov_err *err)
{
    size_t full = n - n % LEAF;
    int rc;

    h->n_jobs = 0;
    h->n_pieces = 0;
    rc = plan_file(h, p, n, err);
    if (rc == 0)
        rc = plan_ranges(h, p, n, err);
    if (rc < 0)
        return rc;
    if (n <= BATCH_ALONE)
        do_jobs(h, 0, h->n_jobs, 0);
    else
        sov_par_for(h->n_jobs, 1, do_jobs, h);
    if ((h->what & SOV_HASH_VERITY) != 0)
        rc = sov_tree_add(&h->file_tree, h->leaf_hash, full / LEAF, err);
    if (rc == 0 && (h->what & SOV_HASH_VERITY) != 0)
        rc = last_leaf(h, p + full, n - full, err);
    if (rc == 0)
        rc = finish_pieces(h, err);
    h->done += n;
    return rc;
}

static int
batches(sov_hasher *h, const unsigned char *p, size_t n, struct sov_err *err)
{
    size_t most = sov_threads() > 1 ? BATCH : BATCH_ALONE;
    int rc = 0;

    while (rc == 0 && n > 0) {
        size_t take = n < most ? n : most;

        rc = batch(h, p, take, err);
        p += take;
        n -= take;
    }
    return rc;
}

/* Remember a failure, for the calls to come. */
static int
failed(sov_hasher *h, int rc, const struct sov_err *why, struct sov_err *err)
{
    if (rc < 0) {
        h->err = *why;
        h->err.rc = rc;
        if (err != NULL)
            *err = h->err;
    }
    return rc;
}

static int
check_use(const sov_hasher *h, struct sov_err *err)
{
    if (h->ended)
        return sov_fail(err, SOV_EARG, "the hasher has given its digest");
    if (h->err.rc < 0 && err != NULL)
        *err = h->err;
    return h->err.rc;
}

int
sov_hasher_new(sov_hasher **hasher, unsigned what, struct sov_err *err)
{
    sov_hasher *h;

    if ((what & SOV_HASH_GROUPS) != 0 && (what & SOV_HASH_VERITY) == 0)
        return sov_fail(err, SOV_EARG, "groups without verity");
    h = sov_mem_aligned(1, sizeof(*h));
    if (h == NULL)
        return sov_mem_fail(err);
    h->what = what;
    h->groups.keep = (what & SOV_HASH_GROUPS) != 0;
    /* a batch's leaves, and those of its ranges, the first one of which may
     * have begun before */
    h->leaf_hash = sov_mem_array(2 * (BATCH / LEAF) + 1, HASH_LEN);
    h->file_xxh = XXH3_createState();
    h->xxh[0] = XXH3_createState();
    h->xxh[1] = XXH3_createState();
    if (h->leaf_hash == NULL || h->file_xxh == NULL || h->xxh[0] == NULL ||
        h->xxh[1] == NULL) {
        sov_hasher_free(h);
        return sov_mem_fail(err);
    }
    XXH3_128bits_reset(h->file_xxh);
    sov_sha_start(&h->sha);
    sov_tree_start(&h->file_tree, &h->groups);
    *hasher = h;
    return 0;
}

void
sov_hasher_free(sov_hasher *h)
{
    if (h == NULL)
        return;
    XXH3_freeState(h->file_xxh);
    XXH3_freeState(h->xxh[0]);
    XXH3_freeState(h->xxh[1]);
    free(h->leaf_hash);
    free(h->groups.hash);
    free(h->piece);
    free(h->job);
    sov_mem_free_aligned(h);
}

int
sov_hasher_ranges(sov_hasher *h, struct sov_hash_range *range, size_t n,
                  struct sov_err *err)
{
    uint64_t end = h->done + h->n_buf;
    int rc = check_use(h, err);

    if (rc == 0 && h->range != NULL)
        rc = sov_fail(err, SOV_EARG, "the hasher has its ranges");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (range[i].off < end)
            rc = sov_fail(err, SOV_EARG,
                          "range %zu begins at byte %" PRIu64
                          ", before byte %" PRIu64, i, range[i].off, end);
        else if (range[i].len > UINT64_MAX - range[i].off)
            rc = sov_fail(err, SOV_EARG, "range %zu ends nowhere", i);
        else
            end = range[i].off + range[i].len;
    }
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        range[i].digest = (struct sov_digest){ 0 };
    h->range = range;
    h->n_ranges = n;
    return 0;
}

int
sov_hasher_expect(sov_hasher *h, const unsigned char *groups, size_t n,
                  struct sov_err *err)
{
    int rc = check_use(h, err);

    if (rc == 0 && ((h->what & SOV_HASH_VERITY) == 0 ||
                    h->done + h->n_buf > 0 || n == 1))
        rc = sov_fail(err, SOV_EARG,
                      n == 1 ? "a file of one group has none"
                             : "groups need verity and come before the bytes");
    if (rc < 0)
        return rc;
    h->groups.expect = groups;
    h->groups.n_expect = n;
    return 0;
}

/* Fill the buffer; it goes through when it is full. */
static int
buffer(sov_hasher *h, const unsigned char **p, size_t *len,
       struct sov_err *err)
{
    size_t room = BUF_SIZE - (size_t)(h->done % BUF_SIZE) - h->n_buf;
    size_t n = *len < room ? *len : room;
    int rc = 0;

    memcpy(h->buf + h->n_buf, *p, n);
    h->n_buf += n;
    *p += n;
    *len -= n;
    if (n == room) {
        n = h->n_buf;
        h->n_buf = 0;
        rc = batches(h, h->buf, n, err);
    }
    return rc;
}

int
sov_hasher_update(sov_hasher *h, const void *buf, size_t len,
                  struct sov_err *err)
{
    const unsigned char *p = buf;
    struct sov_err why = { 0 };
    int rc = check_use(h, err);

    if (rc < 0)
        return rc;
    if (len > UINT64_MAX / 2 - h->done)
        return sov_fail(err, SOV_EARG, "too many bytes");
    if (len > 0 && h->n_buf > 0)
        rc = buffer(h, &p, &len, &why);
    if (rc == 0 && len >= BUF_SIZE) {
        size_t n = len - len % LEAF;

        rc = batches(h, p, n, &why);
        p += n;
        len -= n;
    }
    while (rc == 0 && len > 0)
        rc = buffer(h, &p, &len, &why);
    return failed(h, rc, &why, err);
}

int
sov_hasher_final(sov_hasher *h, struct sov_digest *digest, struct sov_err *err)
{
    struct sov_digest d = { .has = h->what };
    struct sov_err why = { 0 };
    int rc = check_use(h, err);

    if (rc < 0)
        return rc;
    d.size = h->done + h->n_buf;
    rc = batch(h, h->buf, h->n_buf, &why);
    if (rc == 0 && h->first < h->n_ranges)
        rc = sov_fail(&why, SOV_EFORMAT,
                      "range %zu, bytes %" PRIu64 " to %" PRIu64
                      ", reaches behind the end at %" PRIu64, h->first,
                      h->range[h->first].off,
                      h->range[h->first].off + h->range[h->first].len, d.size);
    if (rc == 0 && (h->what & SOV_HASH_VERITY) != 0)
        rc = sov_tree_final(&h->file_tree, d.size, d.verity, &why);
    if (rc < 0)
        return failed(h, rc, &why, err);
    if ((h->what & SOV_HASH_SHA256) != 0)
        sov_sha_final(&h->sha, d.sha256);
    if ((h->what & SOV_HASH_XXH3) != 0)
        put_xxh(XXH3_128bits_digest(h->file_xxh), d.xxh3);
    h->ended = true;
    *digest = d;
    return 0;
}

const unsigned char *
sov_hasher_groups(const sov_hasher *h, size_t *n)
{
    *n = h->groups.keep && h->groups.n > 1 ? h->groups.n : 0;
    return *n > 0 ? h->groups.hash : NULL;
}

/* ---- quick digests alone ---- */

struct sov_sum {
    XXH3_state_t *xxh;
};

void
sov_xxh3(const void *buf, size_t len, unsigned char out[SOV_XXH3_LEN])
{
    put_xxh(XXH3_128bits(buf, len), out);
}

struct sov_sum *
sov_sum_new(void)
{
    struct sov_sum *s = sov_mem_array(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->xxh = XXH3_createState();
    if (s->xxh == NULL) {
        free(s);
        return NULL;
    }
    XXH3_128bits_reset(s->xxh);
    return s;
}

void
sov_sum_free(struct sov_sum *s)
{
    if (s == NULL)
        return;
    XXH3_freeState(s->xxh);
    free(s);
}

void
sov_sum_add(struct sov_sum *s, const void *buf, size_t len)
{
    XXH3_128bits_update(s->xxh, buf, len);
}

void
sov_sum_take(struct sov_sum *s, unsigned char out[SOV_XXH3_LEN])
{
    put_xxh(XXH3_128bits_digest(s->xxh), out);
    XXH3_128bits_reset(s->xxh);
}
