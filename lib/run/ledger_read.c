/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_read.c - what an earlier run left
 *
 * Both files are read line by line, and nothing in them is believed: an answer
 * that is none, or is of a line that has one, is an error and changes nothing.
 * Only what stands behind the last new line may be cut off.
 */
#include "run/ledger.h"

#include "base/limits.h"
#include "base/mem.h"
#include "run/request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define READ ((size_t)1 << 16) /* bytes at once, where lines are short */

/* ---- lines of a file */

typedef int (*line_fn)(struct sov_ledger *l, uint64_t number,
                       struct sov_span line, struct sov_err *err);

struct reader {
    const sov_append *file;
    unsigned char *buf; /* owned, [cap] */
    size_t cap;
    size_t n;         /* bytes in it */
    uint64_t off;     /* of the first of them */
    uint64_t line;    /* number of the next */
    sov_hasher *hash; /* of whole lines, or NULL */
};

/* As many more bytes as there is room for, making room if there is none. */
static int
fill(struct reader *r, struct sov_err *err)
{
    uint64_t left = sov_append_size(r->file) - r->off - r->n;
    size_t n;
    int rc;

    if (r->n == r->cap) {
        if (r->cap > SOV_ANSWER_MAX)
            return sov_fail(err, SOV_EFORMAT,
                            "line %" PRIu64 " is longer than %llu bytes",
                            r->line, (unsigned long long)SOV_ANSWER_MAX);
        rc = sov_mem_grow((void **)&r->buf, r->cap, &r->cap, 1, err);
        if (rc < 0)
            return rc;
    }
    n = left < r->cap - r->n ? (size_t)left : r->cap - r->n;
    rc = sov_append_read(r->file, r->buf + r->n, n, r->off + r->n, err);
    r->n += n;
    return rc;
}

/* All whole lines in the buffer. */
static int
give(struct reader *r, struct sov_ledger *l, line_fn fn, struct sov_err *err)
{
    unsigned char *p = r->buf;
    unsigned char *nl;
    size_t used;
    int rc = 0;

    while (rc == 0 &&
           (nl = memchr(p, '\n', r->n - (size_t)(p - r->buf))) != NULL) {
        struct sov_span line = { p, (size_t)(nl - p) };

        rc = fn(l, r->line++, line, err);
        p = nl + 1;
    }
    used = (size_t)(p - r->buf);
    if (rc == 0 && r->hash != NULL)
        rc = sov_hasher_update(r->hash, r->buf, used, err);
    memmove(r->buf, p, r->n - used);
    r->n -= used;
    r->off += used;
    return rc;
}

/* Give all whole lines to fn, and to hash; *whole are their bytes. */
static int
each_line(struct sov_ledger *l, const sov_append *file, line_fn fn,
          sov_hasher *hash, uint64_t *whole, struct sov_err *err)
{
    struct reader r = { .file = file, .line = 1, .cap = READ, .hash = hash };
    int rc = 0;

    if (file == NULL)
        return 0;
    r.buf = sov_mem_array(r.cap, 1);
    if (r.buf == NULL)
        return sov_mem_fail(err);
    while (rc == 0 && r.off + r.n < sov_append_size(file)) {
        rc = fill(&r, err);
        if (rc == 0)
            rc = give(&r, l, fn, err);
    }
    *whole = r.off;
    free(r.buf);
    return rc;
}

/* ---- the journal */

static bool
read_hex(const char *p, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t v = 0;

    for (size_t i = 0; i < 16; i++) {
        const char *d = p[i] != '\0' ? strchr(digits, p[i]) : NULL;

        if (d == NULL)
            return false;
        v = v << 4 | (uint64_t)(d - digits);
    }
    *out = v;
    return true;
}

/* "17 0f3c9a5be11d7702" */
static bool
read_note(struct sov_span line, struct sov_ledger_entry *e)
{
    const char *p = (const char *)line.p;
    size_t n = 0;

    e->line = 0;
    for (; n < line.len && p[n] >= '0' && p[n] <= '9' && n < 18; n++)
        e->line = e->line * 10 + (uint64_t)(p[n] - '0');
    return n > 0 && e->line > 0 && line.len == n + 17 && p[n] == ' ' &&
           read_hex(p + n + 1, &e->digest);
}

static int
take_note(struct sov_ledger *l, uint64_t number, struct sov_span line,
          struct sov_err *err)
{
    struct sov_ledger_entry e;
    int rc;

    if (number == 1) {
        rc = sov_json_parse(line.p, line.len, &l->settings, err);
        if (rc == 0 && !json_is_object(l->settings))
            rc = sov_fail(err, SOV_EFORMAT, "no JSON object");
        return rc == SOV_EFORMAT ? sov_err_wrap(err, "line 1") : rc;
    }
    if (!read_note(line, &e))
        return sov_fail(err, SOV_EFORMAT,
                        "line %" PRIu64 " is no number and digest", number);
    e.at = number;
    rc = sov_mem_grow((void **)&l->note, l->n_notes, &l->note_cap,
                      sizeof(*l->note), err);
    if (rc == 0)
        l->note[l->n_notes++] = e;
    return rc;
}

static int
by_line(const void *a, const void *b)
{
    const struct sov_ledger_entry *x = a;
    const struct sov_ledger_entry *y = b;

    return (x->line > y->line) - (x->line < y->line);
}

static int
by_line_and_place(const void *a, const void *b)
{
    const struct sov_ledger_entry *x = a;
    const struct sov_ledger_entry *y = b;
    int order = by_line(a, b);

    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

/* In the order of lines.  Of one that was begun several times, since the run
 * ended before its answer was written, the last counts. */
static void
sort_notes(struct sov_ledger *l)
{
    size_t n = 0;

    if (l->n_notes > 0)
        qsort(l->note, l->n_notes, sizeof(*l->note), by_line_and_place);
    for (size_t i = 0; i < l->n_notes; i++)
        if (i + 1 == l->n_notes || l->note[i + 1].line != l->note[i].line)
            l->note[n++] = l->note[i];
    l->n_notes = n;
}

/* ---- the answers */

static int
take_answer(struct sov_ledger *l, uint64_t number, struct sov_span line,
            struct sov_err *err)
{
    struct sov_answered a = { 0 };
    struct sov_ledger_entry *note, e;
    int rc = sov_answer_read((const char *)line.p, line.len, &a, err);

    if (rc == SOV_EFORMAT)
        return sov_err_wrap(err, "line %" PRIu64 " is no answer", number);
    if (rc == 0)
        rc = sov_mem_grow((void **)&l->done, l->n_done, &l->done_cap,
                          sizeof(*l->done), err);
    if (rc < 0)
        goto out;
    e = (struct sov_ledger_entry){ .line = a.line };
    note = l->n_notes > 0 ? bsearch(&e, l->note, l->n_notes, sizeof(e), by_line)
                          : NULL;
    if (note != NULL)
        e = *note;
    else
        e.digest = sov_ledger_id_digest(a.id);
    e.line = a.line << 1 | (note == NULL);
    l->done[l->n_done++] = e;
    l->counts.answered++;
    l->counts.failed += a.failed;
    l->counts.unknown += note == NULL;
out:
    free(a.id);
    return rc;
}

/* In the order of lines, each once. */
static int
sort_answers(struct sov_ledger *l, struct sov_err *err)
{
    if (l->n_done > 0)
        qsort(l->done, l->n_done, sizeof(*l->done), by_line);
    for (size_t i = 1; i < l->n_done; i++)
        if (l->done[i].line >> 1 == l->done[i - 1].line >> 1)
            return sov_fail(err, SOV_EFORMAT,
                            "%s: there are two answers to line %" PRIu64,
                            l->name, l->done[i].line >> 1);
    return 0;
}

static int
read_answers(struct sov_ledger *l, struct sov_err *err)
{
    struct sov_digest d;
    sov_hasher *hash = NULL;
    int rc = sov_hasher_new(&hash, SOV_HASH_SHA256, err);

    if (rc == 0)
        rc = each_line(l, l->out, take_answer, hash, &l->whole, err);
    if (rc == 0)
        rc = sov_hasher_final(hash, &d, err);
    sov_hasher_free(hash);
    if (rc < 0)
        return sov_err_wrap(err, "%s", l->name);
    memcpy(l->counts.sha256, d.sha256, sizeof(d.sha256));
    l->counts.whole = l->whole;
    if (l->out != NULL)
        l->counts.cut = sov_append_size(l->out) - l->whole;
    return 0;
}

int
sov_ledger_read(struct sov_ledger *l, struct sov_err *err)
{
    int rc = each_line(l, l->journal, take_note, NULL, &l->noted, err);

    if (rc < 0)
        return sov_err_wrap(err, "%s.journal", l->name);
    sort_notes(l);
    rc = read_answers(l, err);
    return rc == 0 ? sort_answers(l, err) : rc;
}
