/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_corpus.c - any bytes as texts to learn from
 *
 * The first byte says the form of the documents, 8: through a pipe, 16: all
 * rules, 32: copies and lines are looked for.
 */
#include "fuzz_model.h"

#include "base/text.h"
#include "distill/corpus.h"
#include "distill/sieve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_err(const struct sov_err *err)
{
    if (err->rc == SOV_OK || err->msg[0] == '\0' ||
        strchr(err->msg, '\n') != NULL)
        abort();
}

static void
check_text(struct sov_span text)
{
    for (size_t at = 0, n; at < text.len; at += n) {
        uint32_t c;

        n = sov_utf8_step(text.p + at, text.len - at, &c);
        if (n == 0 || c == 0)
            abort();
    }
}

static void
check_report(const sov_sieve *s, bool json)
{
    struct sov_err err = { 0 };
    char *text;
    size_t len;

    if (sov_sieve_report(s, json, &text, &len, &err) < 0)
        abort();
    check_text((struct sov_span){ (unsigned char *)text, len });
    free(text);
}

static void
use(sov_corpus *c, sov_sieve *s)
{
    struct sov_corpus_counts counts;
    struct sov_err err = { 0 };
    bool ended = true;
    struct sov_doc doc;
    struct sov_span text;
    int rc;

    while ((rc = sov_corpus_next(c, &doc, &err)) > 0) {
        if (doc.begins != ended)
            abort();
        ended = doc.ends;
        check_text(doc.text);
        if (sov_sieve_take(s, &doc, &text, &err) > 0)
            check_text(text);
    }
    if (rc < 0)
        check_err(&err);
    sov_corpus_count(c, &counts);
    check_report(s, false);
    check_report(s, true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_sieve_opts o = { 0 };
    struct sov_err err = { 0 };
    const char *name;
    sov_corpus *c;
    sov_sieve *s;
    char path[64];
    int fd;

    if (size == 0)
        return 0;
    o.filter = (data[0] & 16) != 0;
    o.exact = (data[0] & 32) != 0;
    o.near = o.exact ? 0.8 : 0;
    o.lines = o.exact ? 1 : 0;
    fd = fuzz_fd(data + 1, size - 1, data[0] & 8 && size < FUZZ_PIPE);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    name = path;
    if (sov_sieve_new(&s, &o, &err) < 0)
        abort();
    if (sov_corpus_open(&c, &name, 1, (enum sov_corpus_form)(data[0] % 8 % 5),
                        &err) < 0) {
        check_err(&err);
    } else {
        use(c, s);
        sov_corpus_close(c);
    }
    sov_sieve_free(s);
    close(fd);
    return 0;
}
