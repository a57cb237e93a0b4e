/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - digests of all that a model is read from
 *
 * A pipe is hashed as its bytes are used (sov_in has a tap for that), members
 * of an archive while they are put aside, side files when they are read, and
 * plain files at the end, through the descriptor that was opened.
 */
#include "fmt/format.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK       ((size_t)4 << 20)   /* enough for all threads */
#define CHUNK_ALONE ((size_t)128 << 10) /* what a hasher takes alone */

void
sov_digests_free(struct sov_digests *d)
{
    for (size_t i = 0; i < d->n; i++) {
        sov_hasher_free(d->row[i].h);
        free(d->row[i].name);
    }
    free(d->row);
    memset(d, 0, sizeof(*d));
}

int
sov_digest_add(sov_model *m, const char *name, size_t *at, struct sov_err *err)
{
    struct sov_digests *d = &m->digests;
    char *copy;
    int rc;

    rc = sov_mem_grow((void **)&d->row, d->n, &d->cap, sizeof(*d->row), err);
    if (rc < 0)
        return rc;
    copy = sov_mem_dup(name, strlen(name));
    if (copy == NULL)
        return sov_mem_fail(err);
    d->row[d->n] = (struct sov_digest_row){ .name = copy };
    *at = d->n++;
    return 0;
}

int
sov_digest_begin(sov_model *m, size_t at, struct sov_err *err)
{
    sov_hasher *h;
    int rc;

    if (m->opts.hash == 0 || m->digests.row[at].h != NULL)
        return 0;
    rc = sov_hasher_new(&h, m->opts.hash, err);
    if (rc < 0)
        return rc;
    m->digests.row[at].h = h;
    if (m->opts.begin == NULL)
        return 0;
    return m->opts.begin(m->opts.arg, m, at, h, err);
}

int
sov_digest_update(sov_model *m, size_t at, const void *buf, size_t len,
                  struct sov_err *err)
{
    if (m->opts.hash == 0 || m->digests.row[at].h == NULL)
        return 0;
    return sov_hasher_update(m->digests.row[at].h, buf, len, err);
}

int
sov_digest_end(sov_model *m, size_t at, struct sov_err *err)
{
    struct sov_digest_row *row = &m->digests.row[at];
    int rc;

    if (m->opts.hash == 0 || row->h == NULL || row->done)
        return 0;
    rc = sov_hasher_final(row->h, &row->is, err);
    if (rc < 0)
        return rc;
    row->done = true;
    if (!(m->opts.hash & SOV_HASH_GROUPS)) {
        sov_hasher_free(row->h);
        row->h = NULL;
    }
    return 0;
}

/* The same bytes again, or somebody changed them under us. */
static int
check_again(const struct sov_digest_row *row, unsigned what, const void *text,
            size_t len, struct sov_err *err)
{
    struct sov_digest is = { 0 };
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, what & ~(unsigned)SOV_HASH_GROUPS, err);

    if (rc == 0)
        rc = sov_hasher_update(h, text, len, err);
    if (rc == 0)
        rc = sov_hasher_final(h, &is, err);
    sov_hasher_free(h);
    if (rc == 0 && (is.size != row->is.size ||
                    memcmp(is.sha256, row->is.sha256, sizeof(is.sha256)) ||
                    memcmp(is.verity, row->is.verity, sizeof(is.verity)) ||
                    memcmp(is.xxh3, row->is.xxh3, sizeof(is.xxh3))))
        rc = sov_fail(err, SOV_EIO, "the file was changed while it was read");
    return rc;
}

int
sov_digest_text(sov_model *m, const char *name, const void *text, size_t len,
                struct sov_err *err)
{
    size_t at;
    int rc;

    for (at = 0; at < m->digests.n; at++)
        if (strcmp(m->digests.row[at].name, name) == 0)
            break;
    if (at < m->digests.n)
        return m->opts.hash == 0 || !m->digests.row[at].done
                   ? 0
                   : check_again(&m->digests.row[at], m->opts.hash, text, len,
                                 err);
    rc = sov_digest_add(m, name, &at, err);
    if (rc == 0)
        rc = sov_digest_begin(m, at, err);
    if (rc == 0)
        rc = sov_digest_update(m, at, text, len, err);
    return rc < 0 ? rc : sov_digest_end(m, at, err);
}

/* ---- at the end ---- */

/* What nobody wanted of a pipe was not for nothing. */
static int
finish_pipe(sov_model *m, struct sov_part *part, struct sov_err *err)
{
    uint64_t n;
    int rc = sov_in_rest(&part->in, UINT64_MAX, &n, err);

    if (rc == 0 && !m->digests.row[part->digest].done)
        rc = sov_digest_begin(m, part->digest, err);
    return rc < 0 ? rc : sov_digest_end(m, part->digest, err);
}

/* Of a file that the kernel holds to its digest: no byte is read. */
static int
ask_kernel(sov_model *m, struct sov_part *part, struct sov_err *err)
{
    struct sov_digest_row *row = &m->digests.row[part->digest];
    struct sov_digest is = { .has = SOV_HASH_VERITY, .size = part->file.size };

    if (m->opts.hold != SOV_HOLD_AUTO && m->opts.hold != SOV_HOLD_VERITY)
        return 0;
    if (sov_file_verity(&part->file, is.verity) != 0)
        return m->opts.hold == SOV_HOLD_AUTO
                   ? 0
                   : sov_fail(err, SOV_EUNSUP,
                              "fs-verity is not on for this file, so the "
                              "kernel does not hold it to a digest");
    row->is = is;
    row->done = true;
    return 0;
}

int
sov_digest_hold(sov_model *m, struct sov_part *part, struct sov_err *err)
{
    const struct sov_model_opts *o = &m->opts;
    struct sov_digest_row *row = &m->digests.row[part->digest];
    int rc;

    if (o->hold == SOV_HOLD_COPY && part->file.regular)
        return sov_file_copy(&part->file, err);
    if (o->hold != SOV_HOLD_LAZY)
        return 0;
    if (!part->file.regular || m->n_parts > 0 || o->known == NULL ||
        o->known->size != part->file.size)
        return sov_fail(err, SOV_ENO,
                        "is not the one plain file whose parts are known");
    rc = sov_guard_open(&part->file.guard, part->file.fd, part->file.size,
                        o->groups, o->n_groups, o->broken, o->broken_arg, err);
    if (rc == 0) {
        row->is = *o->known;
        row->done = true;
    }
    return rc;
}

static int
finish_file(sov_model *m, struct sov_part *part, unsigned char *buf,
            struct sov_err *err)
{
    const struct sov_file *f = &part->file;
    size_t chunk = m->alone ? CHUNK_ALONE : CHUNK;
    uint64_t at = 0;
    int rc = sov_digest_begin(m, part->digest, err);

    while (rc == 0 && at < f->size) {
        size_t n = (size_t)(f->size - at < chunk ? f->size - at : chunk);

        rc = sov_file_pread(f, buf, n, at, err);
        if (rc == 0)
            rc = sov_digest_update(m, part->digest, buf, n, err);
        at += n;
        if (rc == 0 && m->opts.progress != NULL && !m->aside)
            m->opts.progress(m->opts.progress_arg, at, f->size,
                             m->digests.row[part->digest].name);
    }
    if (rc == 0)
        rc = sov_digest_end(m, part->digest, err);
    return rc < 0 ? rc : sov_file_unchanged(f, err);
}

static int
finish_part(sov_model *m, struct sov_part *part, unsigned char *buf,
            struct sov_err *err)
{
    const struct sov_digest_row *row = &m->digests.row[part->digest];
    int rc = 0;

    if (!part->file.regular && part->map == NULL)
        rc = finish_pipe(m, part, err);
    else if (m->opts.hash != 0 && !row->done) {
        rc = ask_kernel(m, part, err);
        if (rc == 0 && !row->done)
            rc = finish_file(m, part, buf, err);
    } else if (part->file.regular && part->file.guard == NULL)
        rc = sov_file_unchanged(&part->file, err);
    return rc < 0 ? sov_part_wrap(part, err) : 0;
}

bool
sov_model_is_plain(const sov_model *m)
{
    return m->bag == NULL && m->n_parts == 1 && m->digests.n == 1 &&
           m->part[0]->file.regular && !m->part[0]->pipe &&
           m->part[0]->file.guard == NULL && m->opts.hash != 0 &&
           !m->digests.row[0].done;
}

void
sov_model_finish_aside(sov_model *m, bool alone)
{
    m->aside = true;
    m->alone = alone;
}

int
sov_model_finish(sov_model *m, struct sov_err *err)
{
    unsigned char *buf = malloc(CHUNK);
    struct sov_err unseen;
    int rc = 0;

    if (err == NULL)
        err = &unseen;
    if (buf == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < m->n_parts && rc == 0; i++)
        rc = finish_part(m, m->part[i], buf, err);
    free(buf);
    if (rc == 0 && m->bag != NULL)
        rc = sov_bag_finish(m, err);
    return rc;
}

/* ---- what it shows ---- */

const char *
sov_model_file_name(const sov_model *m, size_t file)
{
    if (file >= m->digests.n)
        return NULL;
    return m->bag != NULL ? sov_bag_inner(m, m->digests.row[file].name)
                          : m->digests.row[file].name;
}

const struct sov_digest *
sov_model_digest(const sov_model *m, size_t file)
{
    return file < m->digests.n && m->digests.row[file].done
               ? &m->digests.row[file].is
               : NULL;
}

sov_hasher *
sov_model_hasher(const sov_model *m, size_t file)
{
    return file < m->digests.n ? m->digests.row[file].h : NULL;
}
