/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corpus.c - documents, out of whatever holds texts
 *
 * Bytes come from a file, or from a member of an archive, which is an input
 * like a file; they are in buf as far as the next document needs it:
 *
 *     buf   | given | document ... : not read yet |  room  |
 *                   ^begin      ^seen             ^end
 *
 * seen is where the search for the document's end goes on.
 */
#include "distill/corpus.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "distill/limits.h"
#include "distill/listing.h"
#include "distill/repair.h"
#include "sov/run.h"
#include "sys/archive.h"
#include "sys/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD 512               /* bytes that show whether it is an archive */
#define READ ((size_t)1 << 18) /* bytes at once */

struct sov_corpus {
    struct sov_listing list;
    size_t next; /* file of it */
    enum sov_corpus_form asked;

    struct sov_file file;
    bool open;
    sov_archive *archive; /* or NULL */
    unsigned char head[HEAD];
    size_t n_head, at_head; /* of it, given already */

    char *name; /* of the input: a file, or a member */
    bool reading;
    bool goes_on; /* what was given last was not all of its document */
    enum sov_corpus_form form;
    uint64_t line; /* the one that begins at begin, */
    uint64_t here; /* and that of the document being looked for */

    char *buf; /* owned */
    size_t cap, begin, seen, end;
    bool ended;

    struct sov_buf text; /* what had to be repaired */
    json_t *object;      /* the line that text is lent from */
    struct sov_corpus_counts counts;
};

/* ---- bytes ---- */

static const char *
name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Up to len bytes; 0 at the end. */
static int64_t
pull(sov_corpus *c, void *buf, size_t len, struct sov_err *err)
{
    size_t left = c->n_head - c->at_head;
    int64_t n;

    if (c->archive != NULL)
        return sov_archive_read(c->archive, buf, len, err);
    if (left > 0) {
        left = left < len ? left : len;
        memcpy(buf, c->head + c->at_head, left);
        c->at_head += left;
        return (int64_t)left;
    }
    n = sov_file_next(&c->file, buf, len, err);
    return n < 0 ? sov_err_wrap(err, "%s", c->name) : n;
}

static int
make_room(sov_corpus *c, struct sov_err *err)
{
    size_t cap = c->cap > 0 ? c->cap : 2 * READ;
    char *bigger;

    if (c->begin > 0) {
        memmove(c->buf, c->buf + c->begin, c->end - c->begin);
        c->seen -= c->begin;
        c->end -= c->begin;
        c->begin = 0;
    }
    while (cap - c->end < READ)
        cap *= 2;
    if (cap == c->cap)
        return 0;
    bigger = realloc(c->buf, cap);
    if (bigger == NULL)
        return sov_mem_fail(err);
    c->buf = bigger;
    c->cap = cap;
    return 0;
}

static int
read_more(sov_corpus *c, struct sov_err *err)
{
    int rc = make_room(c, err);
    int64_t n;

    if (rc < 0)
        return rc;
    n = pull(c, c->buf + c->end, READ, err);
    if (n < 0)
        return (int)n;
    c->end += (size_t)n;
    c->ended = n == 0;
    return 0;
}

/* The new line behind the present line, or NULL where the input ends first;
 * more than max bytes of a line are refused. */
static int
find_line(sov_corpus *c, uint64_t max, const char **end, struct sov_err *err)
{
    int rc = 0;

    *end = NULL;
    while (rc == 0) {
        if (c->seen < c->end)
            *end = memchr(c->buf + c->seen, '\n', c->end - c->seen);
        if (*end != NULL || c->ended)
            break;
        c->seen = c->end;
        if (c->end - c->begin > max)
            break;
        rc = read_more(c, err);
    }
    if (rc == 0 &&
        (*end != NULL ? (size_t)(*end - c->buf) : c->end) - c->begin > max)
        rc = sov_fail(err, SOV_EFORMAT,
                      "%.200s: line %" PRIu64 " is longer than %" PRIu64
                      " bytes",
                      c->name, c->line, max);
    return rc;
}

/* ---- inputs ---- */

static bool
ends_in(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);

    return n > m && strcasecmp(name + n - m, end) == 0;
}

/* {"text": "..."}: the object, and its text; NULL and an error else. */
static json_t *
parse_line(struct sov_span line, struct sov_span *text, struct sov_err *err)
{
    json_t *o = NULL;
    const json_t *t;

    if (sov_json_parse_within(line.p, line.len, SOV_DOC_DEPTH, SOV_DOC_VALUES,
                              &o, err) < 0)
        return NULL;
    t = json_is_object(o) ? json_object_get(o, "text") : NULL;
    if (json_is_string(t)) {
        *text = (struct sov_span){ (const unsigned char *)json_string_value(t),
                                   json_string_length(t) };
        return o;
    }
    sov_fail(err, SOV_EFORMAT,
             !json_is_object(o) ? "no JSON object"
             : t == NULL        ? "has no \"text\""
                                : "\"text\" is not a string");
    json_decref(o);
    return NULL;
}

/* Has this input, which has no name to go by, lines of JSON? */
static int
look_inside(sov_corpus *c, struct sov_err *err)
{
    struct sov_span text;
    struct sov_err why;
    const char *end;
    size_t at = 0;
    json_t *o;
    int rc = read_more(c, err);

    c->form = SOV_CORPUS_TEXT;
    while (at < c->end && strchr(" \t\r\n", c->buf[at]) != NULL &&
           c->buf[at] != '\0')
        at++;
    if (rc < 0 || at == c->end || c->buf[at] != '{')
        return rc;
    c->seen = at;
    rc = find_line(c, SOV_DOC_LINE_MAX, &end, &why);
    c->seen = 0;
    if (rc == SOV_EFORMAT) /* too long to be one */
        return 0;
    if (rc < 0) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    o = parse_line(
        (struct sov_span){ (unsigned char *)c->buf + at,
                           (end != NULL ? (size_t)(end - c->buf) : c->end) -
                               at },
        &text, NULL);
    if (o != NULL)
        c->form = SOV_CORPUS_JSONL;
    json_decref(o);
    return 0;
}

/* A new input, called so; named: the name says what is in it. */
static int
begin_input(sov_corpus *c, const char *name, bool named, struct sov_err *err)
{
    c->begin = c->seen = c->end = 0;
    c->ended = c->goes_on = false;
    c->line = 1;
    c->reading = true;
    c->counts.files++;
    c->form = c->asked;
    if (c->asked != SOV_CORPUS_AUTO)
        return 0;
    if (ends_in(name, ".jsonl") || ends_in(name, ".ndjson"))
        c->form = SOV_CORPUS_JSONL;
    else if (!named)
        return look_inside(c, err);
    else
        c->form = SOV_CORPUS_TEXT;
    return 0;
}

static void
close_file(sov_corpus *c)
{
    sov_archive_close(c->archive);
    c->archive = NULL;
    if (c->open)
        sov_file_close(&c->file);
    c->open = false;
}

/* Does the name of the present file say anything of what is in it? */
static bool
is_named(const sov_corpus *c)
{
    return c->file.regular && strcmp(c->list.path[c->next - 1], "-") != 0;
}

static bool
is_hidden(const char *member)
{
    for (const char *p = member; p != NULL; p = strchr(p, '/')) {
        p += *p == '/';
        if (*p == '.')
            return true;
    }
    return false;
}

static int
rename_input(sov_corpus *c, const char *path, const char *member,
             struct sov_err *err)
{
    size_t room = strlen(path) + (member ? strlen(member) : 0) + 3;

    free(c->name);
    c->name = sov_mem_array(room, 1);
    if (c->name == NULL)
        return sov_mem_fail(err);
    snprintf(c->name, room, "%s%s%s", path, member != NULL ? ": " : "",
             member != NULL ? member : "");
    return 0;
}

/* The next member that is no hidden one: 1, or 0. */
static int
begin_member(sov_corpus *c, struct sov_err *err)
{
    const char *path = name_of(c->list.path[c->next - 1]);
    struct sov_member m;
    bool single;
    int rc;

    do
        rc = sov_archive_next(c->archive, &m, err);
    while (rc > 0 && !sov_archive_single(c->archive) && is_hidden(m.name));
    if (rc <= 0)
        return rc;
    single = sov_archive_single(c->archive);
    rc = rename_input(c, path, single ? NULL : m.name, err);
    if (rc == 0)
        rc = begin_input(c, m.name, !single || is_named(c), err);
    return rc < 0 ? rc : 1;
}

/* The next file: 0, and it is an input now or an archive of some. */
static int
begin_file(sov_corpus *c, struct sov_err *err)
{
    const char *path = c->list.path[c->next++];
    enum sov_pack how;
    int64_t n;
    int rc;

    c->n_head = c->at_head = 0;
    rc = rename_input(c, name_of(path), NULL, err);
    if (rc == 0)
        rc = sov_file_open(&c->file, path, err);
    if (rc < 0)
        return rc == SOV_EMEM ? rc : sov_err_wrap(err, "%s", name_of(path));
    c->open = true;
    n = sov_file_next(&c->file, c->head, HEAD, err);
    if (n < 0)
        return sov_err_wrap(err, "%s", c->name);
    c->n_head = (size_t)n;
    if (sov_archive_look((struct sov_span){ c->head, c->n_head }, &how) == NULL)
        return begin_input(c, path, is_named(c), err);
    return sov_archive_over(&c->archive, &c->file,
                            (struct sov_span){ c->head, c->n_head }, c->name,
                            err);
}

/* The next input: 1, or 0 after the last one. */
static int
begin_next(sov_corpus *c, struct sov_err *err)
{
    int rc = 0;

    while (rc == 0 && !c->reading) {
        if (c->archive != NULL) {
            rc = begin_member(c, err);
            if (rc != 0)
                return rc;
        }
        close_file(c);
        if (c->next == c->list.n)
            return 0;
        rc = begin_file(c, err);
    }
    return rc < 0 ? rc : 1;
}

/* ---- documents ---- */

/* What is at begin, up to end, which is its document's end or not. */
static int
give(sov_corpus *c, struct sov_doc *doc, size_t end, bool ends)
{
    doc->begins = !c->goes_on;
    doc->ends = ends;
    doc->text =
        (struct sov_span){ (unsigned char *)c->buf + c->begin, end - c->begin };
    c->goes_on = !ends;
    c->begin = c->seen = end;
    return 1;
}

/* As much as may be given at once, cut behind a line or else a character. */
static int
give_part(sov_corpus *c, struct sov_doc *doc)
{
    const char *p = c->buf + c->begin;
    size_t n = SOV_DOC_MAX;
    const char *end = memrchr(p, '\n', n);

    if (end != NULL)
        n = (size_t)(end - p) + 1;
    else
        n -= sov_utf8_tail(p, n);
    return give(c, doc, c->begin + n, false);
}

static int
next_text(sov_corpus *c, struct sov_doc *doc, struct sov_err *err)
{
    doc->line = 0;
    while (!c->ended && c->end - c->begin <= SOV_DOC_MAX) {
        int rc = read_more(c, err);

        if (rc < 0)
            return rc;
    }
    if (c->begin == c->end)
        return 0;
    return c->end - c->begin > SOV_DOC_MAX ? give_part(c, doc)
                                           : give(c, doc, c->end, true);
}

static bool
is_blank(const char *p, size_t n)
{
    while (n > 0 && strchr(" \t\r", p[n - 1]) != NULL && p[n - 1] != '\0')
        n--;
    return n == 0;
}

static int
next_line(sov_corpus *c, struct sov_doc *doc, struct sov_err *err)
{
    const char *end;
    size_t n;
    int rc;

    do {
        rc = find_line(c, SOV_DOC_LINE_MAX, &end, err);
        if (rc < 0)
            return rc;
        if (end == NULL && c->begin == c->end)
            return 0;
        n = (end != NULL ? (size_t)(end - c->buf) : c->end) - c->begin;
        doc->line = c->line++;
        give(c, doc, c->begin + n, true);
        c->begin = c->seen = c->begin + (end != NULL);
    } while (is_blank((const char *)doc->text.p, n));
    if (doc->text.p[n - 1] == '\r')
        doc->text.len--;
    return 1;
}

/* Does its maker say that there was no room for the end? */
static bool
is_cut(const json_t *o)
{
    const char *stop = json_string_value(json_object_get(o, "stop"));

    return stop != NULL && (strcmp(stop, sov_why_name(SOV_WHY_LENGTH)) == 0 ||
                            strcmp(stop, sov_why_name(SOV_WHY_CONTEXT)) == 0);
}

static int
next_object(sov_corpus *c, struct sov_doc *doc, struct sov_err *err)
{
    int rc = next_line(c, doc, err);

    if (rc <= 0)
        return rc;
    c->object = parse_line(doc->text, &doc->text, err);
    if (c->object == NULL)
        return sov_err_wrap(err, "%.200s: line %" PRIu64, c->name, doc->line);
    doc->cut = is_cut(c->object);
    return 1;
}

/*
 * Up to a blank line.  seen is where the line begins that is looked at, or,
 * while that has no end yet, how far it was searched; at keeps its beginning.
 */
static int
next_block(sov_corpus *c, struct sov_doc *doc, struct sov_err *err)
{
    size_t at = 0; /* of the line, behind begin */
    const char *end;

    doc->line = c->line;
    for (;;) {
        end = c->seen < c->end
                  ? memchr(c->buf + c->seen, '\n', c->end - c->seen)
                  : NULL;
        c->seen = end != NULL ? (size_t)(end - c->buf) + 1 : c->end;
        if (end == NULL && !c->ended && c->end - c->begin <= SOV_DOC_MAX) {
            int rc = read_more(c, err);

            if (rc < 0)
                return rc;
            continue;
        }
        if (c->seen - c->begin > SOV_DOC_MAX)
            return give_part(c, doc);
        if (end == NULL)
            return c->begin == c->end ? 0 : give(c, doc, c->end, true);
        c->line++;
        if (!is_blank(c->buf + c->begin + at,
                      (size_t)(end - c->buf) - c->begin - at)) {
            at = c->seen - c->begin;
            continue;
        }
        if (at > 0 || c->goes_on) {
            size_t next = c->seen;

            give(c, doc, c->begin + at, true);
            c->begin = c->seen = next;
            return 1;
        }
        c->begin = c->seen;
        doc->line = c->line;
    }
}

static int
next_of_input(sov_corpus *c, struct sov_doc *doc, struct sov_err *err)
{
    switch (c->form) {
    case SOV_CORPUS_JSONL:
        return next_object(c, doc, err);
    case SOV_CORPUS_LINES:
        return next_line(c, doc, err);
    case SOV_CORPUS_BLANK:
        return next_block(c, doc, err);
    case SOV_CORPUS_AUTO:
    case SOV_CORPUS_TEXT:
        break;
    }
    return next_text(c, doc, err);
}

int
sov_corpus_next(sov_corpus *c, struct sov_doc *doc, struct sov_err *err)
{
    int rc;

    for (;;) {
        json_decref(c->object);
        c->object = NULL;
        rc = begin_next(c, err);
        if (rc <= 0)
            return rc;
        *doc = (struct sov_doc){ .name = c->name };
        rc = next_of_input(c, doc, err);
        if (rc < 0)
            return rc;
        c->reading = rc > 0;
        if (rc == 0)
            continue;
        rc = sov_doc_repair(doc, doc->text, &c->text, err);
        if (rc < 0)
            return rc;
        if (doc->text.len > 0 || !doc->begins || !doc->ends)
            break;
        c->counts.empty++;
    }
    c->counts.docs += doc->begins;
    c->counts.bytes += doc->text.len;
    return 1;
}

/* ---- the whole ---- */

int
sov_corpus_open(sov_corpus **corpus, const char *const *paths, size_t n,
                enum sov_corpus_form form, struct sov_err *err)
{
    sov_corpus *c = sov_mem_array(1, sizeof(*c));
    int rc = 0;

    *corpus = NULL;
    if (c == NULL)
        return sov_mem_fail(err);
    c->asked = form;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = sov_listing_add(&c->list, paths[i], err);
    if (rc < 0) {
        sov_corpus_close(c);
        return rc;
    }
    c->counts.skipped = c->list.skipped;
    *corpus = c;
    return 0;
}

void
sov_corpus_close(sov_corpus *c)
{
    if (c == NULL)
        return;
    close_file(c);
    json_decref(c->object);
    sov_listing_free(&c->list);
    sov_buf_free(&c->text);
    free(c->name);
    free(c->buf);
    free(c);
}

void
sov_corpus_count(const sov_corpus *c, struct sov_corpus_counts *counts)
{
    *counts = c->counts;
}
