/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.c - texts that a teacher makes, to learn from
 *
 * Some samples more than the desk has places are asked for ahead.  They are
 * complete in any order and leave in theirs: line[i % ahead] is sample i until
 * then.
 */
#include "distill/make.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "distill/limits.h"
#include "distill/repair.h"
#include "sov/desk.h"
#include "sov/request.h"
#include "sys/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PLACES 16
#define AHEAD  4 /* samples for each place */

struct maker {
    const struct sov_make_opts *o;
    sov_desk *desk;
    uint64_t asked, put; /* the next sample of each kind */
    size_t ahead;
    char **line;     /* [ahead] owned */
    int32_t *prompt; /* [n_prompt_most] */
    size_t most;     /* tokens of a prompt */
    int32_t end;     /* what the stream has behind a document, or -1 */
    struct sov_buf text, repaired;
    struct sov_make_counts counts;
};

/* ---- asking ---- */

/* The tokens of sample i's prompt. */
static size_t
find_prompt(struct maker *m, uint64_t i)
{
    const sov_tokens *t = m->o->prompts;
    int32_t bos = sov_tok_bos(m->o->tok);
    uint64_t docs = t != NULL ? sov_tokens_docs(t) : 0;
    uint64_t at, n;

    if (docs > 0) {
        at = sov_tokens_doc(t, i % docs);
        n = sov_tokens_doc(t, i % docs + 1) - at;
        n = n < m->most ? n : m->most;
        sov_tokens_get(t, at, (size_t)n, m->prompt);
        if (n > 0 && m->prompt[n - 1] == m->end)
            n--;
        if (n > 0)
            return (size_t)n;
    }
    m->prompt[0] = bos;
    return bos >= 0;
}

static int
ask(struct maker *m, struct sov_err *err)
{
    struct sov_ask a = {
        .tag = m->asked,
        .ids = m->prompt,
        .n_tokens = m->o->n_tokens > 0 ? m->o->n_tokens : UINT64_MAX,
        .sampler = m->o->sampler,
        .end = -1,
    };

    a.n_ids = find_prompt(m, m->asked);
    if (a.n_ids == 0)
        return sov_fail(err, SOV_EARG,
                        "the model has no token that begins a text: give "
                        "prompts");
    a.sampler.seed = sov_request_seed(m->o->seed, m->asked);
    m->asked++;
    return sov_desk_add(m->desk, &a, err);
}

/* ---- what was made ---- */

/* The text of ids as UTF-8, as JSON; NULL: no memory. */
static json_t *
text_of(struct maker *m, const int32_t *ids, size_t n)
{
    struct sov_doc doc = { .begins = true };

    m->text.len = 0;
    for (size_t i = 0; i < n; i++) {
        struct sov_span s = sov_tok_piece_after(m->o->tok, ids, i, ids[i]);

        sov_buf_add(&m->text, s.p, s.len);
    }
    if (m->text.bad ||
        sov_doc_repair(&doc, (struct sov_span){ m->text.p, m->text.len },
                       &m->repaired, NULL) < 0)
        return NULL;
    return json_stringn(doc.text.len > 0 ? (const char *)doc.text.p : "",
                        doc.text.len);
}

static int
add(json_t *o, const char *name, json_t *value)
{
    return json_object_set_new(o, name, value);
}

static json_t *
object_of(struct maker *m, const struct sov_reply *r)
{
    uint64_t seed = sov_request_seed(m->o->seed, r->tag);
    json_t *o = json_object();
    int bad = 0;

    bad |= add(o, "text", text_of(m, r->ids, r->n_prompt + r->n_made));
    bad |= add(o, "prompt", text_of(m, r->ids, r->n_prompt));
    bad |= add(o, "index", json_integer((json_int_t)r->tag));
    bad |= add(o, "seed", json_integer((json_int_t)seed));
    bad |= add(o, "temperature", json_real((double)m->o->sampler.temp));
    bad |= add(o, "stop", json_string(sov_why_name(r->why)));
    bad |= add(o, "tokens", json_integer((json_int_t)r->n_made));
    if (m->o->digest != NULL)
        bad |= add(o, "teacher", json_string(m->o->digest));
    if (bad == 0)
        return o;
    json_decref(o);
    return NULL;
}

static int
finish(struct maker *m, const struct sov_reply *r, struct sov_err *err)
{
    json_t *o;
    char *line;

    if (r->rc < 0) {
        if (err != NULL)
            *err = r->err;
        return sov_err_wrap(err, "sample %" PRIu64, r->tag);
    }
    o = object_of(m, r);
    line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(7));
    json_decref(o);
    if (line == NULL)
        return sov_mem_fail(err);
    m->line[r->tag % m->ahead] = line;
    m->counts.samples++;
    m->counts.tokens += r->n_made;
    return 0;
}

/* All that is complete, and whose turn it is. */
static int
put_lines(struct maker *m, struct sov_err *err)
{
    int rc = 0;

    while (rc == 0 && m->put < m->o->n) {
        char **line = &m->line[m->put % m->ahead];
        size_t len;

        if (*line == NULL)
            break;
        len = strlen(*line);
        (*line)[len] = '\n'; /* in place of its NUL */
        rc = m->o->put(m->o->put_arg, m->put++, *line, len + 1, err);
        free(*line);
        *line = NULL;
        if (rc == 0 && m->o->progress != NULL)
            m->o->progress(m->o->progress_arg, m->put, m->o->n, NULL);
    }
    return rc;
}

static int
step(struct maker *m, struct sov_err *err)
{
    struct sov_reply reply;
    int rc = 0;

    while (rc == 0 && m->asked < m->o->n && m->asked - m->put < m->ahead)
        rc = ask(m, err);
    if (rc == 0)
        rc = sov_desk_step(m->desk, err);
    if (rc < 0)
        return rc;
    rc = 0;
    while (rc == 0 && sov_desk_take(m->desk, &reply)) {
        rc = finish(m, &reply, err);
        sov_reply_free(&reply);
    }
    return rc == 0 ? put_lines(m, err) : rc;
}

/* ---- the whole ---- */

static int
set_up(struct maker *m, struct sov_err *err)
{
    const struct sov_make_opts *o = m->o;
    struct sov_session_opts session = o->session;
    uint32_t ctx;
    int rc;

    if (o->n > SOV_MAKE_MAX)
        return sov_fail(err, SOV_EARG,
                        "%" PRIu64 " samples, the limit is %" PRIu64, o->n,
                        SOV_MAKE_MAX);
    if (session.n_seq == 0)
        session.n_seq = PLACES;
    m->ahead = (size_t)session.n_seq * AHEAD;
    m->asked = m->put = o->first;
    rc = sov_desk_open(&m->desk, o->teacher, o->tok, &session, err);
    if (rc < 0)
        return rc;
    ctx = sov_desk_ctx(m->desk);
    m->most = o->prompt_tokens > 0 ? o->prompt_tokens : ctx / 2;
    if (m->most >= ctx)
        m->most = ctx - 1;
    m->end = sov_tok_eos(o->tok);
    m->most = m->most > 0 ? m->most : 1;
    m->prompt = sov_mem_array(m->most, sizeof(*m->prompt));
    m->line = sov_mem_array(m->ahead, sizeof(*m->line));
    return m->prompt == NULL || m->line == NULL ? sov_mem_fail(err) : 0;
}

static void
clean_up(struct maker *m)
{
    for (size_t i = 0; m->line != NULL && i < m->ahead; i++)
        free(m->line[i]);
    free(m->line);
    free(m->prompt);
    sov_buf_free(&m->text);
    sov_buf_free(&m->repaired);
    sov_desk_close(m->desk);
}

int
sov_make(const struct sov_make_opts *opts, struct sov_make_counts *counts,
         struct sov_err *err)
{
    struct maker m = { .o = opts };
    double began = sov_clock();
    int rc = set_up(&m, err);

    while (rc == 0 && m.put < opts->n) {
        if (opts->stop != NULL && opts->stop(opts->stop_arg))
            rc =
                sov_fail(err, SOV_ENO, "stopped before sample %" PRIu64, m.put);
        else
            rc = step(&m, err);
    }
    m.counts.seconds = sov_clock() - began;
    if (counts != NULL)
        *counts = m.counts;
    clean_up(&m);
    return rc;
}

uint64_t
sov_make_lines(const char *text, size_t len, size_t *whole)
{
    uint64_t n = 0;

    *whole = 0;
    for (const char *p = text, *end = text + len, *nl;
         p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL;
         p = nl + 1) {
        *whole = (size_t)(nl + 1 - text);
        n++;
    }
    return n;
}
