/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed.c - lines of a file that may be compressed
 */
#include "measure/feed.h"

#include "base/mem.h"
#include "measure/limits.h"
#include "sys/archive.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define READ 65536 /* bytes at once */

/* One compressed file, no archive of several. */
static int
begin_archive(struct sov_feed *f, struct sov_err *err)
{
    struct sov_span head = { f->head, f->n_head };
    struct sov_member m;
    int rc = sov_archive_over(&f->archive, &f->file, head, f->name, err);

    if (rc == 0)
        rc = sov_archive_next(f->archive, &m, err);
    if (rc < 0)
        return rc;
    if (rc == 0 || !sov_archive_single(f->archive))
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: an archive of files; give the one that has "
                        "the tasks",
                        f->name);
    return 0;
}

int
sov_feed_open(struct sov_feed *f, const struct sov_file *file,
              const char *name, struct sov_err *err)
{
    enum sov_pack how;
    int64_t n;
    int rc;

    *f = (struct sov_feed){ .file = *file };
    f->name = sov_mem_dup(name, strlen(name));
    rc = f->name == NULL ? sov_mem_fail(err)
                         : sov_hasher_new(&f->hasher, SOV_HASH_SHA256, err);
    if (rc < 0)
        return rc;
    n = sov_file_next(&f->file, f->head, sizeof(f->head), err);
    if (n < 0)
        return sov_err_wrap(err, "%s", name);
    f->n_head = (size_t)n;
    if (sov_archive_look((struct sov_span){ f->head, f->n_head }, &how) != NULL)
        rc = begin_archive(f, err);
    return rc;
}

void
sov_feed_close(struct sov_feed *f)
{
    sov_archive_close(f->archive);
    sov_file_close(&f->file);
    sov_hasher_free(f->hasher);
    free(f->name);
    free(f->buf);
    *f = (struct sov_feed){ .file.fd = -1 };
}

/* Up to len bytes; 0 at the end. */
static int64_t
pull(struct sov_feed *f, void *buf, size_t len, struct sov_err *err)
{
    int64_t n;

    if (f->archive != NULL) {
        n = sov_archive_read(f->archive, buf, len, err);
    } else if (f->at_head < f->n_head) {
        size_t left = f->n_head - f->at_head;

        n = (int64_t)(left < len ? left : len);
        memcpy(buf, f->head + f->at_head, (size_t)n);
        f->at_head += (size_t)n;
    } else {
        n = sov_file_next(&f->file, buf, len, err);
        if (n < 0)
            sov_err_wrap(err, "%s", f->name);
    }
    if (n > 0) {
        int rc = sov_hasher_update(f->hasher, buf, (size_t)n, err);

        n = rc < 0 ? rc : n;
    }
    return n;
}

/* Room for one more read. */
static int
make_room(struct sov_feed *f, struct sov_err *err)
{
    size_t cap = f->cap > 0 ? f->cap : 2 * READ;
    char *bigger;

    if (f->begin > 0) {
        memmove(f->buf, f->buf + f->begin, f->end - f->begin);
        f->seen -= f->begin;
        f->end -= f->begin;
        f->begin = 0;
    }
    while (cap - f->end < READ)
        cap *= 2;
    if (cap == f->cap)
        return 0;
    bigger = realloc(f->buf, cap);
    if (bigger == NULL)
        return sov_mem_fail(err);
    f->buf = bigger;
    f->cap = cap;
    return 0;
}

static int
too_long(const struct sov_feed *f, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "%.160s: line %" PRIu64 " is longer than %" PRIu64
                    " bytes",
                    f->name, f->line + 1, SOV_TASK_LINE_MAX);
}

static int
read_more(struct sov_feed *f, struct sov_err *err)
{
    int64_t n;
    int rc;

    if (f->end - f->begin > SOV_TASK_LINE_MAX)
        return too_long(f, err);
    rc = make_room(f, err);
    if (rc < 0)
        return rc;
    n = pull(f, f->buf + f->end, READ, err);
    if (n < 0)
        return (int)n;
    f->end += (size_t)n;
    f->ended = n == 0;
    return 0;
}

int
sov_feed_next(struct sov_feed *f, struct sov_span *line, struct sov_err *err)
{
    const char *end = NULL;
    size_t len;
    int rc;

    while (end == NULL) {
        if (f->seen < f->end)
            end = memchr(f->buf + f->seen, '\n', f->end - f->seen);
        if (end != NULL)
            break;
        f->seen = f->end;
        if (f->ended && f->begin == f->end)
            return 0;
        if (f->ended)
            break;
        rc = read_more(f, err);
        if (rc < 0)
            return rc;
    }
    len = (end != NULL ? (size_t)(end - f->buf) : f->end) - f->begin;
    *line = (struct sov_span){ (unsigned char *)f->buf + f->begin, len };
    if (len > SOV_TASK_LINE_MAX)
        return too_long(f, err);
    f->begin = f->seen = f->begin + len + (end != NULL);
    if (len > 0 && line->p[len - 1] == '\r')
        line->len--;
    f->line++;
    return 1;
}

int
sov_feed_digest(struct sov_feed *f, unsigned char sha256[SOV_SHA256_LEN],
                struct sov_err *err)
{
    struct sov_digest d;
    int rc;

    while (!f->ended) {
        f->begin = f->seen = f->end = 0;
        rc = read_more(f, err);
        if (rc < 0)
            return rc;
    }
    f->begin = f->seen = f->end = 0;
    rc = sov_hasher_final(f->hasher, &d, err);
    if (rc == 0)
        memcpy(sha256, d.sha256, SOV_SHA256_LEN);
    return rc;
}
