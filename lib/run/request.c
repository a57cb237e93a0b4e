/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - what a line of a pipe asks for
 */
#include "run/request.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* clang-format off */
const struct sov_dialect *const sov_dialects[] = {
#define DIALECT(name) &sov_dialect_##name,
#include "run/dialects.def"
#undef DIALECT
    NULL,
};
/* clang-format on */

const char *
sov_request_shown(const char *name, char buf[48])
{
    return sov_text_safe(name, strlen(name), buf, 48);
}

int
sov_request_unknown(const char *name, struct sov_err *err)
{
    char buf[48];

    return sov_fail(err, SOV_EFORMAT, "\"%s\" is not a member that is known",
                    sov_request_shown(name, buf));
}

int
sov_request_take_id(sov_request *r, const char *name, struct sov_err *err)
{
    json_t *id = json_object_get(r->json, name);

    if (id == NULL)
        return 0;
    if (!json_is_string(id) && !json_is_integer(id))
        return sov_fail(err, SOV_EFORMAT,
                        "\"%s\" is neither a string nor a whole number", name);
    if (json_string_length(id) > SOV_REQUEST_ID_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "\"%s\" has %zu bytes, the limit is "
                        "%llu",
                        name, json_string_length(id),
                        (unsigned long long)SOV_REQUEST_ID_MAX);
    r->name = json_incref(id);
    r->id = json_dumps(id, JSON_ENCODE_ANY);
    return r->id != NULL ? 0 : sov_mem_fail(err);
}

/* ---- a line */

int
sov_request_new(sov_request **request, struct sov_err *err)
{
    sov_request *r = sov_mem_array(1, sizeof(*r));

    *request = NULL;
    if (r == NULL)
        return sov_mem_fail(err);
    r->dialect = &sov_dialect_own;
    *request = r;
    return 0;
}

/* Which dialect it is, or else looks like; the last takes all. */
static void
recognise(sov_request *r, const char *line, size_t len)
{
    const struct sov_dialect *const *d = sov_dialects;

    while (!(r->json != NULL ? (*d)->is(r->json) : (*d)->looks(line, len)))
        d++;
    r->dialect = *d;
}

int
sov_request_read(sov_request *r, const char *line, size_t len,
                 struct sov_err *err)
{
    int rc;

    if (len > SOV_REQUEST_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "a line of %zu bytes, the limit is %zu", len,
                        SOV_REQUEST_MAX);
    rc = sov_json_parse(line, len, &r->json, err);
    if (rc == 0 && !json_is_object(r->json)) {
        json_decref(r->json);
        r->json = NULL;
        rc = sov_fail(err, SOV_EFORMAT, "not a JSON object");
    }
    recognise(r, line, len);
    return rc == 0 ? r->dialect->open(r, err) : rc;
}

int
sov_request_parse(sov_request **request, const char *line, size_t len,
                  struct sov_err *err)
{
    sov_request *r;
    int rc = sov_request_new(&r, err);

    *request = NULL;
    if (rc == 0)
        rc = sov_request_read(r, line, len, err);
    if (rc < 0) {
        sov_request_free(r);
        return rc;
    }
    *request = r;
    return 0;
}

void
sov_request_settle(sov_request *r)
{
    json_decref(r->json);
    sov_mem_forget(r->ids);
    sov_mem_forget(r->messages);
    free(r->stops);
    free(r->texts);
    r->json = NULL;
    r->ids = NULL;
    r->messages = NULL;
    r->stops = NULL;
    r->texts = NULL;
}

void
sov_request_free(sov_request *r)
{
    if (r == NULL)
        return;
    sov_request_settle(r);
    json_decref(r->name);
    sov_mem_forget(r->id);
    sov_mem_forget(r->model);
    free(r);
}

const char *
sov_request_id(const sov_request *r)
{
    return r->id;
}

enum sov_request_kind
sov_request_kind(const sov_request *r)
{
    return r->kind;
}

/* ---- what else there is */

uint64_t
sov_request_seed(uint64_t seed, uint64_t line)
{
    uint32_t out[4];

    sov_rng_block(seed, 1, line, out); /* 0 is the stream of sampling */
    return (((uint64_t)out[0] << 32) | out[1]) >> 11;
}

int
sov_request_check_text(const char *line, size_t len, struct sov_err *err)
{
    uint32_t cp;
    size_t at, n;

    for (at = 0; at < len; at += n) {
        n = sov_utf8_step(line + at, len - at, &cp);
        if (n == 0)
            return sov_fail(err, SOV_EFORMAT, "byte %zu is not UTF-8", at);
    }
    return 0;
}
