/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - what a line of a pipe is answered
 *
 * Values of jansson that could not be made for want of memory are NULL, and
 * whatever they go into is NULL then too: it is asked once, for the line.
 */
#include "run/request.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "trust/armor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 9 /* of a number: enough for any float */

json_t *
sov_answer_text(const void *p, size_t len)
{
    static const char odd[] = "\xef\xbf\xbd";
    const unsigned char *c = p;
    struct sov_buf clean = { 0 };
    json_t *value = json_stringn(len > 0 ? p : "", len);
    size_t i, n;
    uint32_t cp;

    for (i = 0; value == NULL && i<len; i += n> 0 ? n : 1) {
        n = sov_utf8_step(c + i, len - i, &cp);
        if (n > 0)
            sov_buf_add(&clean, c + i, n);
        else
            sov_buf_add(&clean, odd, sizeof(odd) - 1);
    }
    if (value == NULL && !clean.bad)
        value = json_stringn((const char *)clean.p, clean.len);
    sov_buf_free(&clean);
    return value;
}

json_t *
sov_answer_real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

struct sov_span
sov_answer_piece(const struct sov_response *a, int32_t id)
{
    struct sov_span piece = sov_tok_piece(a->tok, id);

    return piece.len > 0 ? piece : sov_tok_name(a->tok, id);
}

/* ---- vectors */

/* Numbers, little-endian, as base64. */
static json_t *
as_bytes(const float *x, size_t n)
{
    struct sov_buf b = { 0 };
    char *text = sov_mem_array((4 * n + 2) / 3 + 1, 4);
    json_t *value = NULL;
    size_t i;

    for (i = 0; i < n; i++)
        sov_buf_f32(&b, x[i]);
    if (text != NULL && !b.bad) {
        sov_base64_encode(b.p, b.len, text);
        value = json_string(text);
    }
    sov_buf_free(&b);
    sov_mem_forget(text);
    return value;
}

static json_t *
as_numbers(const float *x, size_t n)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < n && array != NULL; i++)
        if (json_array_append_new(array, sov_answer_real((double)x[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

json_t *
sov_answer_vector(const struct sov_request *r, const struct sov_response *a,
                  size_t i)
{
    const struct sov_reply *reply = a->reply;
    const float *x = reply->x;
    json_t *all = NULL;
    size_t k;

    for (k = 0; k < i; k++)
        x += reply->rows[k] * reply->width;
    if (reply->pool == SOV_POOL_NONE)
        all = json_array();
    for (k = 0; k < reply->rows[i]; k++, x += reply->width) {
        json_t *row =
            r->base64 ? as_bytes(x, reply->width) : as_numbers(x, reply->width);

        if (reply->pool != SOV_POOL_NONE)
            return row;
        if (all == NULL || json_array_append_new(all, row) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

/* ---- what it took */

/* Times in microseconds. */
static json_t *
as_seconds(double s)
{
    return json_real(round(s * 1e6) / 1e6);
}

static json_t *
meter_of(const struct sov_reply *a)
{
    const struct sov_spent *s = &a->spent;
    json_t *joules = s->joules >= 0 ? json_real(s->joules) : json_null();

    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "known_tokens",
                     (json_int_t)a->n_known, "queue_s", as_seconds(s->queue_s),
                     "first_token_s", as_seconds(s->first_s), "total_s",
                     as_seconds(s->total_s), "joules", joules);
}

/* What any answer may have besides, whatever its dialect. */
static bool
add_account(json_t *all, const struct sov_response *a)
{
    if (a->meter && a->reply->rc == 0 &&
        json_object_set_new(all, "meter", meter_of(a->reply)) != 0)
        return false;
    return a->proof == NULL || a->proof[0] == '\0' ||
           json_object_set_new(all, "proof", json_string(a->proof)) == 0;
}

/* ---- all of it */

int
sov_request_answer(const sov_request *r, const struct sov_response *answer,
                   char **line, size_t *len, struct sov_err *err)
{
    json_t *all = r->dialect->answer(r, answer);
    char *text = NULL;
    size_t n;

    *line = NULL;
    if (all != NULL && add_account(all, answer))
        text = json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    json_decref(all);
    if (text == NULL)
        return sov_mem_fail(err);
    n = strlen(text);
    *line = sov_mem_move(text, n + 1, n + 2);
    if (*line == NULL) {
        sov_mem_forget(text);
        return sov_mem_fail(err);
    }
    memcpy(*line + n, "\n", 2);
    *len = n + 1;
    return 0;
}

/* ---- and back again */

bool
sov_answer_line(const json_t *value, uint64_t *line)
{
    json_int_t n = json_integer_value(value);

    if (!json_is_integer(value) || n < 1)
        return false;
    *line = (uint64_t)n;
    return true;
}

int
sov_answer_read(const char *text, size_t len, struct sov_answered *answered,
                struct sov_err *err)
{
    const struct sov_dialect *const *d = sov_dialects;
    struct sov_answered a = { 0 };
    const json_t *id = NULL;
    json_t *json;
    int rc = sov_json_parse_within(text, len, SOV_JSON_DEPTH, SOV_ANSWER_VALUES,
                                   &json, err);

    if (rc < 0)
        return rc;
    while (*d != NULL && !(*d)->read(json, &a, &id))
        d++;
    if (*d == NULL)
        rc = sov_fail(err, SOV_EFORMAT,
                      "it does not say what line it is the answer to");
    if (rc == 0 && id != NULL && !json_is_null(id)) {
        a.id = json_dumps(id, JSON_ENCODE_ANY);
        rc = a.id != NULL ? 0 : sov_mem_fail(err);
    }
    json_decref(json);
    if (rc == 0)
        *answered = a;
    return rc;
}
