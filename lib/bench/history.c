/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.c - records of many nights, a line each
 *
 * Always holds, whoever dies when:
 *
 *  1. Lines that were whole stay as they are: a history is only added to.
 *  2. A record is one write() behind the end, under the file's lock, and on the
 *     disk before the next one is told of.
 *  3. What stands behind the last new line was left by a writer that died.  The
 *     next writer ends it with a new line of its own, in front of its first
 *     record and in the same write(); from then on it is a bad line.
 *
 * A reader takes no lock.  It reads piece by piece and keeps one line.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "sov/bench.h"
#include "sov/io.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- added to */

static int
ends_torn(const sov_append *file, bool *torn, struct sov_err *err)
{
    uint64_t size = sov_append_size(file);
    char last = '\n';
    int rc = 0;

    if (size > 0)
        rc = sov_append_read(file, &last, 1, size - 1, err);
    *torn = last != '\n';
    return rc;
}

static int
add_one(sov_append *file, const struct sov_bench_record *r, struct sov_err *err)
{
    uint64_t size = sov_append_size(file);
    char *line, *text;
    size_t len;
    bool torn;
    int rc = ends_torn(file, &torn, err);

    if (rc == 0)
        rc = sov_bench_record_write(r, &line, &len, err);
    if (rc < 0)
        return rc;
    text = sov_mem_array(len + 2, 1);
    if (text == NULL) {
        free(line);
        return sov_mem_fail(err);
    }
    text[0] = '\n';
    memcpy(text + 1, line, len);
    rc = sov_append_write(file, torn ? text : line, len + torn, err);
    if (rc < 0 && sov_append_cut(file, size, NULL) < 0)
        sov_err_wrap(err, "a part of a line was written");
    free(text);
    free(line);
    return rc;
}

int
sov_bench_history_add(const char *path, const struct sov_bench_set *set,
                      struct sov_err *err)
{
    const struct sov_sink_opts opts = { .lock = SOV_LOCK_WAIT };
    sov_append *file;
    int rc = sov_append_open(&file, path, true, &opts, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < set->n && rc == 0; i++)
        rc = add_one(file, &set->record[i], err);
    if (rc == 0)
        rc = sov_append_sync(file, err);
    sov_append_close(file);
    return rc;
}

/* ---- read */

#define PIECE ((size_t)1 << 16)

struct reader {
    const char *path;
    sov_source *src;
    unsigned char *buf; /* owned, [cap] */
    size_t cap;
    size_t n;      /* bytes in it */
    size_t looked; /* ... of which no new line is in the first */
    bool over;     /* the line is too long: forget it up to its end */
    sov_bench_record_fn fn;
    void *arg;
    struct sov_bench_losses lost;
    bool tolerant;
};

/* A line is no record: count it, or end. */
static int
lose(struct reader *r, struct sov_err *why, struct sov_err *err)
{
    if (!r->tolerant) {
        sov_fail(err, why->rc, "%s", why->msg);
        return sov_err_wrap(err, "%s: line %" PRIu64, r->path, r->lost.lines);
    }
    if (r->lost.bad++ == 0) {
        r->lost.first = r->lost.lines;
        snprintf(r->lost.why, sizeof(r->lost.why), "%s", why->msg);
    }
    return 0;
}

static int
too_long(struct reader *r, struct sov_err *err)
{
    struct sov_err why;

    sov_fail(&why, SOV_EFORMAT, "it is longer than %d bytes",
             (int)SOV_BENCH_LINE_MAX);
    return lose(r, &why, err);
}

/* One whole line, without its end.  Empty ones mean nothing. */
static int
give(struct reader *r, const unsigned char *line, size_t len,
     struct sov_err *err)
{
    struct sov_bench_record record;
    struct sov_err why;
    int rc;

    r->lost.lines++;
    if (r->over || len > SOV_BENCH_LINE_MAX) {
        r->over = false;
        return too_long(r, err);
    }
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len == 0)
        return 0;
    sov_bench_record_start(&record);
    rc = sov_bench_record_read(&record, line, len, &why);
    if (rc == 0)
        rc = r->fn(r->arg, r->lost.lines, &record, err);
    else if (rc == SOV_EMEM)
        rc = sov_mem_fail(err);
    else
        rc = lose(r, &why, err);
    sov_bench_record_free(&record);
    return rc;
}

static int
give_lines(struct reader *r, struct sov_err *err)
{
    unsigned char *p = r->buf, *nl;
    int rc = 0;

    while (rc == 0 &&
           (nl = memchr(p + r->looked, '\n',
                        r->n - (size_t)(p - r->buf) - r->looked)) != NULL) {
        rc = give(r, p, (size_t)(nl - p), err);
        p = nl + 1;
        r->looked = 0;
    }
    r->n -= (size_t)(p - r->buf);
    memmove(r->buf, p, r->n);
    if (r->n > SOV_BENCH_LINE_MAX) {
        r->over = true;
        r->n = 0;
    }
    r->looked = r->n;
    return rc;
}

static int
read_all(struct reader *r, struct sov_err *err)
{
    int64_t got = 1;
    int rc = 0;

    while (rc == 0 && got > 0) {
        if (r->cap - r->n < PIECE) {
            rc = sov_mem_grow((void **)&r->buf, r->cap, &r->cap, 1, err);
            continue;
        }
        got = sov_source_read(r->src, r->buf + r->n, PIECE, err);
        if (got < 0)
            return (int)got;
        r->n += (size_t)got;
        rc = give_lines(r, err);
    }
    r->lost.torn = r->n > 0 || r->over;
    return rc;
}

int
sov_bench_history_each(const char *path, sov_bench_record_fn fn, void *arg,
                       struct sov_bench_losses *lost, struct sov_err *err)
{
    struct reader r = {
        .path = path,
        .fn = fn,
        .arg = arg,
        .cap = 2 * PIECE,
        .tolerant = lost != NULL,
    };
    int rc;

    r.buf = sov_mem_array(r.cap, 1);
    if (r.buf == NULL)
        return sov_mem_fail(err);
    rc = sov_source_open(&r.src, path, err);
    if (rc == 0)
        rc = read_all(&r, err);
    sov_source_close(r.src);
    free(r.buf);
    if (lost != NULL)
        *lost = r.lost;
    return rc;
}

/* ---- kept */

struct keeper {
    const struct sov_bench_filter *filter;
    struct sov_bench_set kept; /* a ring once it has `most` */
    size_t most;
    size_t next; /* the oldest of a full ring */
};

static bool
passes(const struct sov_bench_filter *f, const struct sov_bench_record *r)
{
    return (f->metric == NULL || strcmp(f->metric, r->metric) == 0) &&
           (f->model == NULL || strcmp(f->model, r->model.name) == 0) &&
           (f->machine == NULL || strcmp(f->machine, r->machine.id) == 0) &&
           (f->alike == NULL || sov_bench_record_alike(f->alike, r));
}

static int
keep(void *arg, uint64_t line, const struct sov_bench_record *r,
     struct sov_err *err)
{
    struct keeper *k = arg;
    struct sov_bench_record *to;

    (void)line;
    if (!passes(k->filter, r))
        return 0;
    if (k->kept.n < k->most) {
        to = sov_bench_set_add(&k->kept, err);
    } else {
        to = &k->kept.record[k->next];
        k->next = (k->next + 1) % k->most;
    }
    return to == NULL ? SOV_EMEM : sov_bench_record_copy(to, r, err);
}

/* Move what was kept behind the records of set, the oldest first. */
static int
hand_over(struct keeper *k, struct sov_bench_set *set, struct sov_err *err)
{
    for (size_t i = 0; i < k->kept.n; i++) {
        struct sov_bench_record *from =
            &k->kept.record[(k->next + i) % k->kept.n];
        struct sov_bench_record *to = sov_bench_set_add(set, err);

        if (to == NULL)
            return SOV_EMEM;
        *to = *from;
        sov_bench_record_start(from);
    }
    return 0;
}

int
sov_bench_history_read(const char *path, const struct sov_bench_filter *filter,
                       struct sov_bench_set *set, struct sov_bench_losses *lost,
                       struct sov_err *err)
{
    static const struct sov_bench_filter all = { 0 };
    struct keeper k = { .filter = filter != NULL ? filter : &all };
    int rc;

    k.most = k.filter->last > 0 && k.filter->last < SOV_BENCH_KEEP_MAX
                 ? k.filter->last
                 : SOV_BENCH_KEEP_MAX;
    rc = sov_bench_history_each(path, keep, &k, lost, err);
    if (rc == 0)
        rc = hand_over(&k, set, err);
    sov_bench_set_free(&k.kept);
    return rc;
}
