/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hashfile.c - files and pipes through a hasher
 *
 * A regular file is mapped, a window at a time, while the disk reads the next
 * ones; a pipe is read by a task of its own, a few buffers ahead.
 */
#include "sys/hash.h"
#include "base/mem.h"
#include "sys/par.h"
#include "sys/queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WINDOW ((uint64_t)64 << 20)
#define AHEAD  ((uint64_t)128 << 20)
#define CHUNK  ((size_t)2 << 20)
#define N_BUFS 4

/* Where the file system cannot map. */
static int
read_window(sov_hasher *h, const struct sov_file *f, uint64_t off, size_t len,
            struct sov_err *err)
{
    unsigned char *buf = malloc(CHUNK);
    int rc = buf != NULL ? 0 : sov_mem_fail(err);

    while (rc == 0 && len > 0) {
        size_t n = len < CHUNK ? len : CHUNK;

        rc = sov_file_pread(f, buf, n, off, err);
        if (rc == 0)
            rc = sov_hasher_update(h, buf, n, err);
        off += n;
        len -= n;
    }
    free(buf);
    return rc;
}

static int
hash_window(sov_hasher *h, const struct sov_file *f, uint64_t off, size_t len,
            struct sov_err *err)
{
    void *p = mmap(NULL, len, PROT_READ, MAP_SHARED, f->fd, (off_t)off);
    int rc;

    if (p == MAP_FAILED)
        return read_window(h, f, off, len, err);
    madvise(p, len, MADV_SEQUENTIAL);
    rc = sov_hasher_update(h, p, len, err);
    munmap(p, len);
    return rc;
}

static int
hash_regular(sov_hasher *h, const struct sov_file *f, struct sov_err *err)
{
    uint64_t asked = 0;
    int rc = 0;

    for (uint64_t off = 0; rc == 0 && off < f->size; off += WINDOW) {
        uint64_t left = f->size - off;
        uint64_t ahead = left < AHEAD ? left : AHEAD;

        if (off + ahead > asked) {
            sov_file_will_need(f, asked, off + ahead - asked);
            asked = off + ahead;
        }
        rc = hash_window(h, f, off, (size_t)(left < WINDOW ? left : WINDOW),
                         err);
    }
    return rc;
}

struct buf {
    int64_t n; /* bytes, or a failure */
    unsigned char p[CHUNK];
};

struct reader {
    struct sov_file *file;
    struct sov_queue *empty;
    struct sov_queue *full;
    struct sov_err err;
};

static int
read_ahead(void *arg)
{
    struct reader *r = arg;
    struct buf *b;
    int64_t n = 1;

    while (n > 0 && (b = sov_queue_get(r->empty)) != NULL) {
        n = sov_file_next(r->file, b->p, CHUNK, &r->err);
        b->n = n;
        if (n < (int64_t)CHUNK)
            n = 0;
        if (!sov_queue_put(r->full, b))
            n = 0;
    }
    sov_queue_close(r->full);
    return 0;
}

/* Everything that the reader puts into full, and back into empty. */
static int
hash_buffers(sov_hasher *h, struct reader *r, struct sov_err *err)
{
    struct sov_task *task = NULL;
    struct buf *b;
    int rc = sov_task_start(&task, read_ahead, r, err);

    if (rc < 0)
        return rc;
    while (rc == 0 && (b = sov_queue_get(r->full)) != NULL) {
        if (b->n < 0)
            rc = (int)b->n;
        else
            rc = sov_hasher_update(h, b->p, (size_t)b->n, err);
        sov_queue_put(r->empty, b);
        if (rc < 0 && b->n < 0 && err != NULL)
            *err = r->err;
    }
    sov_queue_close(r->empty);
    sov_queue_close(r->full);
    sov_task_join(task);
    return rc;
}

static int
hash_pipe(sov_hasher *h, struct sov_file *f, struct sov_err *err)
{
    struct reader r = { .file = f };
    struct buf *bufs = malloc(N_BUFS * sizeof(*bufs));
    int rc = 0;

    r.empty = sov_queue_new(N_BUFS);
    r.full = sov_queue_new(N_BUFS);
    if (bufs == NULL || r.empty == NULL || r.full == NULL)
        rc = sov_mem_fail(err);
    for (int i = 0; rc == 0 && i < N_BUFS; i++)
        sov_queue_put(r.empty, &bufs[i]);
    if (rc == 0)
        rc = hash_buffers(h, &r, err);
    sov_queue_free(r.empty);
    sov_queue_free(r.full);
    free(bufs);
    return rc;
}

int
sov_hasher_file(sov_hasher *h, struct sov_file *f, struct sov_err *err)
{
    /* files of /proc and /sys have no size and are read like a pipe */
    if (f->regular && f->size > 0)
        return hash_regular(h, f, err);
    return hash_pipe(h, f, err);
}

int
sov_hash_file(struct sov_file *f, unsigned what, struct sov_digest *digest,
              struct sov_err *err)
{
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, what, err);

    if (rc == 0)
        rc = sov_hasher_file(h, f, err);
    if (rc == 0)
        rc = sov_hasher_final(h, digest, err);
    sov_hasher_free(h);
    return rc;
}

int
sov_hasher_path(sov_hasher *h, const char *path, struct sov_err *err)
{
    struct sov_file f;
    int rc = sov_file_open(&f, path, err);

    if (rc < 0)
        return rc;
    rc = sov_hasher_file(h, &f, err);
    sov_file_close(&f);
    return rc;
}

int
sov_hash_path(const char *path, unsigned what, struct sov_digest *digest,
              struct sov_err *err)
{
    struct sov_file f;
    int rc = sov_file_open(&f, path, err);

    if (rc < 0)
        return rc;
    rc = sov_hash_file(&f, what, digest, err);
    sov_file_close(&f);
    return rc;
}
