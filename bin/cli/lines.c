/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.c - lines of several files, one by one, as they come
 */
#include "cli/lines.h"

#include "cli/names.h"
#include "cli/target.h"

#include <stdlib.h>
#include <string.h>

#define READ 65536 /* bytes that are read at once */

static const char *const standard_input[] = { "-" };

int
sov_lines_open(struct sov_lines *l, const char *const *files, size_t n_files,
               size_t max, struct sov_err *err)
{
    *l = (struct sov_lines){ .files = files, .n_files = n_files, .max = max };
    if (n_files == 0) {
        l->files = standard_input;
        l->n_files = 1;
    }
    l->source = calloc(l->n_files, sizeof(*l->source));
    if (l->source == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    sov_target_make_room(l->n_files);
    for (size_t i = 0; i < l->n_files; i++)
        if (sov_source_open(&l->source[i], l->files[i], err) < 0)
            return sov_err_wrap(err, "%s", sov_name_in(l->files[i]));
    return 0;
}

void
sov_lines_forget(struct sov_lines *l)
{
    if (l->clean < l->begin)
        explicit_bzero(l->buf + l->clean, l->begin - l->clean);
    if (l->end < l->used)
        explicit_bzero(l->buf + l->end, l->used - l->end);
    l->clean = l->begin;
    l->used = l->end;
}

void
sov_lines_close(struct sov_lines *l)
{
    for (size_t i = 0; i < l->n_files && l->source != NULL; i++)
        sov_source_close(l->source[i]);
    free(l->source);
    l->begin = l->end = 0;
    sov_lines_forget(l);
    free(l->buf);
    *l = (struct sov_lines){ 0 };
}

static void
begin_next(struct sov_lines *l)
{
    l->begin = l->seen = l->end = l->clean = 0;
    l->ended = false;
    l->number = 0;
    l->name = sov_name_in(l->files[l->file]);
    l->src = l->source[l->file++];
}

/* Room for one more read. */
static int
make_room(struct sov_lines *l, struct sov_err *err)
{
    size_t cap = l->cap > 0 ? l->cap : 2 * READ;
    char *bigger;

    if (l->begin > 0) {
        memmove(l->buf, l->buf + l->begin, l->end - l->begin);
        l->seen -= l->begin;
        l->end -= l->begin;
        l->begin = l->clean = 0;
    }
    while (cap - l->end < READ)
        cap *= 2;
    if (cap == l->cap)
        return 0;
    bigger = malloc(cap);
    if (bigger == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (l->used > 0) {
        memcpy(bigger, l->buf, l->end);
        explicit_bzero(l->buf, l->used);
    }
    free(l->buf);
    l->used = l->end;
    l->buf = bigger;
    l->cap = cap;
    return 0;
}

static int
read_more(struct sov_lines *l, struct sov_err *err)
{
    int64_t n;
    int rc = make_room(l, err);

    if (rc < 0)
        return rc;
    n = sov_source_some(l->src, l->buf + l->end, READ, err);
    if (n < 0)
        return sov_err_wrap(err, "%s", l->name);
    l->end += (size_t)n;
    l->used = l->end > l->used ? l->end : l->used;
    l->ended = n == 0;
    return 0;
}

/* The new line behind the next line, if it is there. */
static const char *
find_end(struct sov_lines *l)
{
    const char *p = l->seen < l->end
                        ? memchr(l->buf + l->seen, '\n', l->end - l->seen)
                        : NULL;

    l->seen = p != NULL ? (size_t)(p - l->buf) : l->end;
    return p;
}

static int
too_long(const struct sov_lines *l, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "the line is longer than the limit of %zu bytes", l->max);
}

/* Go behind a line that is too long, in the memory of one read. */
static int
pass_over(struct sov_lines *l, struct sov_err *err)
{
    while (find_end(l) == NULL && !l->ended) {
        int rc;

        l->begin = l->seen = l->end = l->clean = 0;
        rc = read_more(l, err);
        if (rc < 0)
            return rc;
    }
    l->begin = l->seen < l->end ? l->seen + 1 : l->end;
    l->seen = l->begin;
    return too_long(l, err);
}

/* Bytes that the next line, with its carriage return, may have. */
static size_t
longest(const struct sov_lines *l, const char *end)
{
    bool two = end != NULL && end > l->buf + l->begin && end[-1] == '\r';

    return two ? l->max + 1 : l->max;
}

/* The line that ends here. */
static int
give(struct sov_lines *l, struct sov_span *line, size_t end)
{
    line->p = (const unsigned char *)l->buf + l->begin;
    line->len = end - l->begin;
    if (end < l->end && line->len > 0 && line->p[line->len - 1] == '\r')
        line->len--;
    l->begin = l->seen = end < l->end ? end + 1 : end;
    return 1;
}

/* Nothing more to read for the next line, or for the end of all? */
static bool
is_there(struct sov_lines *l)
{
    if (l->src == NULL)
        return l->file == l->n_files;
    return find_end(l) != NULL || l->end - l->begin > l->max + 1 ||
           (l->ended && l->begin < l->end);
}

/* One step towards it, which may wait. */
static int
go_on(struct sov_lines *l, struct sov_err *err)
{
    if (l->src == NULL) {
        begin_next(l);
        return 0;
    }
    if (!l->ended)
        return read_more(l, err);
    sov_source_close(l->src);
    l->src = l->source[l->file - 1] = NULL;
    return 0;
}

int
sov_lines_next(struct sov_lines *l, struct sov_span *line, struct sov_err *err)
{
    const char *p;

    while (!is_there(l)) {
        int rc = go_on(l, err);

        if (rc < 0)
            return rc;
    }
    if (l->src == NULL)
        return 0;
    l->number++;
    p = find_end(l);
    return l->seen - l->begin > longest(l, p) ? pass_over(l, err)
                                              : give(l, line, l->seen);
}

bool
sov_lines_ready(struct sov_lines *l)
{
    return l->src != NULL && find_end(l) != NULL;
}

int
sov_lines_soon(struct sov_lines *l, struct sov_err *err)
{
    while (!is_there(l)) {
        int rc;

        if (l->src != NULL && !l->ended && !sov_source_ready(l->src))
            return 0;
        rc = go_on(l, err);
        if (rc < 0)
            return rc;
    }
    return 1;
}
