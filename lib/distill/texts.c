/* SPDX-License-Identifier: Apache-2.0 */
/*
 * texts.c - from the names of files to a stream of tokens
 */
#include "distill/texts.h"

#include <inttypes.h>
#include <stdlib.h>

struct way {
    const struct sov_texts *o;
    sov_corpus *corpus;
    sov_sieve *sieve;
    sov_tokens *tokens;
    uint64_t told; /* bytes, to progress */
};

static void
clean_up(struct way *w)
{
    sov_corpus_close(w->corpus);
    sov_sieve_free(w->sieve);
    sov_tokens_free(w->tokens);
}

static int
set_up(struct way *w, struct sov_err *err)
{
    const struct sov_texts *o = w->o;
    int rc = sov_corpus_open(&w->corpus, o->paths, o->n, o->form, err);

    if (rc == 0)
        rc = sov_sieve_new(&w->sieve, &o->sieve, err);
    if (rc == 0)
        rc = sov_tokens_new(&w->tokens, o->tok, err);
    return rc;
}

static void
tell_progress(struct way *w, const struct sov_doc *doc)
{
    struct sov_corpus_counts counts;

    if (w->o->progress == NULL)
        return;
    sov_corpus_count(w->corpus, &counts);
    if (counts.bytes - w->told < (1 << 20))
        return;
    w->told = counts.bytes;
    w->o->progress(w->o->progress_arg, counts.bytes, 0, doc->name);
}

static int
read_all(struct way *w, struct sov_err *err)
{
    struct sov_span text;
    struct sov_doc doc;
    int rc;

    while ((rc = sov_corpus_next(w->corpus, &doc, err)) > 0) {
        rc = sov_sieve_take(w->sieve, &doc, &text, err);
        if (rc > 0)
            rc = sov_tokens_add(w->tokens, text, doc.begins,
                                doc.ends && !doc.cut, err);
        if (rc < 0)
            return rc;
        tell_progress(w, &doc);
    }
    return rc < 0 ? rc : sov_tokens_end(w->tokens, err);
}

/* Is there anything at all? */
static int
check(const struct way *w, struct sov_err *err)
{
    const char *rule = sov_sieve_blame(w->sieve);
    struct sov_sieve_counts c;

    if (sov_tokens_docs(w->tokens) > 0)
        return 0;
    sov_sieve_count(w->sieve, &c);
    if (c.docs == 0)
        return sov_fail(err, SOV_EFORMAT, "there is no text in %s",
                        w->o->n == 1 ? w->o->paths[0] : "what is named");
    if (rule == NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "none of %" PRIu64 " documents is kept", c.docs);
    return sov_fail(err, SOV_EFORMAT,
                    "none of %" PRIu64 " documents is kept; what most of them "
                    "are left out for is \"%s\" (--rules %s=off lets it "
                    "pass)",
                    c.docs, rule, rule);
}

static int
tell(const struct way *w, struct sov_texts_told *told, struct sov_err *err)
{
    size_t len;
    int rc;

    sov_corpus_count(w->corpus, &told->corpus);
    sov_sieve_count(w->sieve, &told->sieve);
    rc = sov_sieve_report(w->sieve, false, &told->report, &len, err);
    if (rc == 0)
        rc = sov_sieve_report(w->sieve, true, &told->report_json, &len, err);
    return rc;
}

void
sov_texts_told_free(struct sov_texts_told *told)
{
    free(told->report);
    free(told->report_json);
    *told = (struct sov_texts_told){ 0 };
}

int
sov_texts_read(sov_tokens **tokens, const struct sov_texts *texts,
               struct sov_texts_told *told, struct sov_err *err)
{
    struct way w = { .o = texts };
    int rc = set_up(&w, err);

    *tokens = NULL;
    if (told != NULL)
        *told = (struct sov_texts_told){ 0 };
    if (rc == 0)
        rc = read_all(&w, err);
    if (rc == 0 && told != NULL)
        rc = tell(&w, told, err);
    if (rc == 0)
        rc = check(&w, err);
    if (rc == 0) {
        *tokens = w.tokens;
        w.tokens = NULL;
    } else if (told != NULL && rc != SOV_EFORMAT) {
        sov_texts_told_free(told);
    }
    clean_up(&w);
    return rc;
}
