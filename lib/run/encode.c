/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode.c - ids of a text, or of a pair, that shall become numbers
 *
 *     BOS text EOS                     where the model has these
 *     BOS query EOS SEP document EOS   likewise
 *
 * or what a template says, a text with {query} and {document} in it.  What
 * stands in a text stays text: {document} in a query is no document, and names
 * of control tokens are these tokens in the template alone.
 */
#include "sov/request.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "tok/tok.h"

#include <stdlib.h>
#include <string.h>

#define TEMPLATE "tokenizer.chat_template.rerank"

/* What all functions here need. */
struct job {
    const sov_tok *tok;
    const struct sov_embed_opts *opts;
    struct sov_ids out;
    size_t fixed; /* ids at the beginning that must not be cut */
    bool was_cut;
};

static int
too_long(const struct job *j, size_t n, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "the text has %zu tokens and the context room for %zu", n,
                    j->opts->most);
}

static int
add_text(struct job *j, struct sov_span text, unsigned flags,
         struct sov_err *err)
{
    int32_t *ids = NULL;
    size_t n = 0;
    size_t i;
    int rc;

    if (j->opts->special)
        flags |= SOV_TOK_SPECIAL;
    rc = sov_tok_encode(j->tok, (const char *)text.p, text.len, flags, &ids, &n,
                        err);
    for (i = 0; i < n && rc == 0; i++)
        rc = sov_ids_add(&j->out, ids[i], err);
    free(ids);
    return rc;
}

/* What ends a text: the last ids, which stay when the text is cut. */
static int
close_text(struct job *j, struct sov_err *err)
{
    size_t body = j->out.n;
    size_t most = j->opts->most;
    size_t n_end;
    int rc = add_text(j, (struct sov_span){ (const unsigned char *)"", 0 },
                      SOV_TOK_EOS, err);

    if (rc < 0 || j->out.n <= most)
        return rc;
    n_end = j->out.n - body;
    if (!j->opts->cut || most <= n_end + j->fixed)
        return too_long(j, j->out.n, err);
    memmove(j->out.p + most - n_end, j->out.p + body,
            n_end * sizeof(*j->out.p));
    j->out.n = most;
    j->was_cut = true;
    return 0;
}

static int
plain_pair(struct job *j, const struct sov_request_embed *e,
           struct sov_err *err)
{
    int rc = add_text(j, e->query, SOV_TOK_BOS, err);

    if (rc == 0 && sov_tok_adds_eos(j->tok))
        rc = sov_ids_add(&j->out, j->tok->eos, err);
    if (rc == 0 && j->tok->add_sep && j->tok->sep >= 0)
        rc = sov_ids_add(&j->out, j->tok->sep, err);
    j->fixed = j->out.n;
    if (rc == 0)
        rc = add_text(j, e->document, SOV_TOK_PLAIN, err);
    return rc == 0 ? close_text(j, err) : rc;
}

/* ---- templates */

static void
add_marked(struct sov_buf *text, struct sov_buf *mark, struct sov_span s,
           bool given)
{
    size_t i;

    sov_buf_add(text, s.p, s.len);
    for (i = 0; i < s.len; i++)
        sov_buf_u8(mark, given);
}

static bool
begins(struct sov_span s, size_t at, const char *word)
{
    size_t n = strlen(word);

    return n <= s.len - at && memcmp(s.p + at, word, n) == 0;
}

static void
fill_template(struct sov_buf *text, struct sov_buf *mark,
              struct sov_span template, struct sov_span query,
              struct sov_span document)
{
    size_t at = 0;

    while (at < template.len) {
        if (begins(template, at, "{query}")) {
            add_marked(text, mark, query, true);
            at += strlen("{query}");
        } else if (begins(template, at, "{document}")) {
            add_marked(text, mark, document, true);
            at += strlen("{document}");
        } else {
            add_marked(text, mark, (struct sov_span){ template.p + at, 1 },
                       false);
            at++;
        }
    }
}

static int
encode_template(struct job *j, struct sov_span template, struct sov_span query,
                struct sov_span document, struct sov_err *err)
{
    struct sov_buf text = { 0 };
    struct sov_buf mark = { 0 };
    int rc;

    free(j->out.p);
    j->out = (struct sov_ids){ 0 };
    fill_template(&text, &mark, template, query, document);
    if (text.bad || mark.bad)
        rc = sov_mem_fail(err);
    else
        rc = sov_tok_encode_marked(j->tok, (char *)text.p, text.len,
                                   j->opts->special ? NULL : mark.p,
                                   SOV_TOK_SPECIAL, &j->out.p, &j->out.n, err);
    sov_buf_free(&text);
    sov_buf_free(&mark);
    return rc;
}

/*
 * Cutting ids would take away what the template ends with, so the document is
 * made shorter: a token has a byte or more, so by as many bytes as there are
 * tokens too many, until there is none.
 */
static int
template_pair(struct job *j, struct sov_span template,
              const struct sov_request_embed *e, struct sov_err *err)
{
    struct sov_span document = e->document;
    int rc = encode_template(j, template, e->query, document, err);

    while (rc == 0 && j->out.n > j->opts->most) {
        size_t over = j->out.n - j->opts->most;

        if (!j->opts->cut || document.len == 0)
            return too_long(j, j->out.n, err);
        document.len -= over < document.len ? over : document.len;
        while (document.len > 0 && (document.p[document.len] & 0xc0) == 0x80)
            document.len--; /* not within a character */
        j->was_cut = true;
        rc = encode_template(j, template, e->query, document, err);
    }
    return rc;
}

static int
encode_pair(struct job *j, const sov_meta *meta,
            const struct sov_request_embed *e, struct sov_err *err)
{
    struct sov_span template;
    int rc = sov_meta_str(meta, TEMPLATE, &template, err);

    if (rc == 0 && template.len > SOV_TEMPLATE_MAX)
        rc = sov_fail(err, SOV_EFORMAT,
                      TEMPLATE " has %zu bytes, the limit is "
                               "%llu",
                      template.len, (unsigned long long)SOV_TEMPLATE_MAX);
    if (rc < 0)
        return rc;
    return rc == 0 ? template_pair(j, template, e, err) : plain_pair(j, e, err);
}

/* Ids as they are; the last ones are cut. */
static int
take_ids(struct job *j, const struct sov_request_embed *e, struct sov_err *err)
{
    size_t n = e->n_ids;
    int rc = 0;

    if (n > j->opts->most && !j->opts->cut)
        return too_long(j, n, err);
    j->was_cut = n > j->opts->most;
    n = j->was_cut ? j->opts->most : n;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = sov_ids_add(&j->out, e->ids[i], err);
    return rc;
}

int
sov_embed_encode(const sov_tok *tok, const sov_meta *meta,
                 const struct sov_request_embed *e,
                 const struct sov_embed_opts *opts, int32_t **ids, size_t *n,
                 bool *was_cut, struct sov_err *err)
{
    struct job j = { .tok = tok, .opts = opts };
    int rc;

    if (e->ids != NULL)
        rc = take_ids(&j, e, err);
    else if (e->query.p != NULL)
        rc = encode_pair(&j, meta, e, err);
    else
        rc = add_text(&j, e->text, SOV_TOK_BOS, err);
    if (rc == 0 && e->ids == NULL && e->query.p == NULL)
        rc = close_text(&j, err);
    if (rc == 0 && j.out.n == 0)
        rc = sov_fail(err, SOV_EFORMAT, "the text has no tokens");
    if (rc < 0) {
        free(j.out.p);
        return rc;
    }
    *ids = j.out.p;
    *n = j.out.n;
    *was_cut = j.was_cut;
    return 0;
}
