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
    if ((t.prompt.p != NULL) == (t.messages.p != NULL))
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sov_request *r = NULL;
    struct sov_err err = { 0 };

    if (sov_request_parse(&r, (const char *)data, size, &err) == 0) {
        use(r);
        use_text(r);
        use_text(r);
        use(r); /* what was taken may be taken again */
    } else if (r != NULL || err.msg[0] == '\0') {
        abort();
    }
    sov_request_free(r);
    if (sov_request_check_text((const char *)data, size, &err) == 0)
        check((struct sov_span){ data, size });
    return 0;
}
