/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_request.c - any bytes as a line of a pipe
 */
#include "base/text.h"
#include "sov/request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All text that comes out of JSON is UTF-8. */
static void
check(struct sov_span s)
{
    uint32_t cp;
    size_t n;

    for (size_t i = 0; i < s.len; i += n) {
        n = sov_utf8_step(s.p + i, s.len - i, &cp);
        if (n == 0)
            abort();
    }
}

static void
use_text(sov_request *r)
{
    struct sov_request_text t = { 0 };
    struct sov_err err = { 0 };

    sov_sampler_defaults(&t.sampler);
    if (sov_request_text(r, &t, &err) < 0) {
        if (err.msg[0] == '\0' || t.stops != NULL || t.tenant != NULL)
            abort();
        return;
    }
    if ((t.prompt.p != NULL) + (t.messages.p != NULL) + (t.ids != NULL) != 1 ||
        t.n_top > SOV_TOP_MAX)
        abort();
    if (!(t.sampler.temp >= 0 && t.sampler.temp <= 1000) ||
        !(t.sampler.top_p > 0 && t.sampler.top_p <= 1) ||
        !(t.sampler.min_p >= 0 && t.sampler.min_p <= 1) ||
        !(t.sampler.repeat_penalty > 0 && t.sampler.repeat_penalty <= 1000))
        abort();
    check(t.prompt);
    check(t.messages);
    for (size_t i = 0; i < t.n_stops; i++) {
        if (t.stops[i][0] == '\0')
            abort();
        check((struct sov_span){ (const unsigned char *)t.stops[i],
                                 strlen(t.stops[i]) });
    }
}

static void
use(sov_request *r)
{
    struct sov_request_embed e = { 0 };
    struct sov_err err = { 0 };
    const char *id = sov_request_id(r);

    if (id != NULL)
        check((struct sov_span){ (const unsigned char *)id, strlen(id) });
    if (sov_request_embed(r, &e, &err) < 0) {
        if (err.msg[0] == '\0')
            abort();
        return;
    }
    if ((e.text.p != NULL) + (e.query.p != NULL) + (e.ids != NULL) != 1 ||
        (e.query.p != NULL) != (e.document.p != NULL))
        abort();
    check(e.text);
    check(e.query);
    check(e.document);
    for (size_t i = 0; i < e.n_ids; i++)
        if (e.ids[i] < 0)
            abort();
}

static void
use_vectors(sov_request *r)
{
    struct sov_request_vectors v = { 0 };
    struct sov_err err = { 0 };

    if (sov_request_vectors(r, &v, &err) < 0) {
        if (err.msg[0] == '\0' || v.n != 0)
            abort();
        return;
    }
    if (v.n == 0)
        abort();
    for (size_t i = 0; i < v.n; i++) {
        const struct sov_request_embed *e = &v.texts[i];

        if ((e->text.p != NULL) + (e->query.p != NULL) + (e->ids != NULL) != 1)
            abort();
        check(e->text);
        check(e->query);
        check(e->document);
        for (size_t k = 0; k < e->n_ids; k++)
            if (e->ids[k] < 0)
                abort();
    }
}

/* Whatever came, there is an answer, which says whose it is. */
static void
use_answer(const sov_request *r, int rc, const struct sov_err *why)
{
    struct sov_reply reply = { .rc = rc, .why = SOV_WHY_END };
    const struct sov_response a = { .line = 3, .model = "m", .reply = &reply };
    struct sov_answered back = { 0 };
    struct sov_err err = { 0 };
    char *line;
    size_t len;

    if (rc < 0)
        reply.err = *why;
    if (sov_request_answer(r, &a, &line, &len, &err) < 0)
        abort();
    check((struct sov_span){ (const unsigned char *)line, len });
    if (line[len - 1] != '\n' || strlen(line) != len ||
        sov_answer_read(line, len, &back, &err) < 0 || back.line != 3 ||
        back.failed != (rc < 0))
        abort();
    free(back.id);
    free(line);
}

static void
use_twice(const uint8_t *data, size_t size)
{
    sov_request *r = NULL;
    struct sov_err err = { 0 };
    int rc = sov_request_new(&r, &err);

    if (rc < 0)
        abort();
    rc = sov_request_read(r, (const char *)data, size, &err);
    for (int i = 0; i < 2 && rc == 0; i++) {
        if (sov_request_kind(r) == SOV_REQUEST_VECTORS)
            use_vectors(r);
        else
            use_text(r);
    }
    sov_request_settle(r);
    use_answer(r, rc, &err);
    sov_request_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_answered a = { 0 };
    sov_request *r = NULL;
    struct sov_err err = { 0 };

    if (sov_answer_read((const char *)data, size, &a, &err) == 0 && a.line == 0)
        abort();
    free(a.id);
    use_twice(data, size);

    if (sov_request_parse(&r, (const char *)data, size, &err) == 0) {
        use(r);
        use(r); /* what was taken may be taken again */
    } else if (r != NULL || err.msg[0] == '\0') {
        abort();
    }
    sov_request_free(r);
    if (sov_request_check_text((const char *)data, size, &err) == 0)
        check((struct sov_span){ data, size });
    return 0;
}
