/* SPDX-License-Identifier: Apache-2.0 */
/* canon.c - one way to write a JSON value */
#include "trust/canon.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
put_text(struct sov_buf *out, const char *text)
{
    sov_buf_add(out, text, strlen(text));
}

/* The escapes of JSON.stringify(), which RFC 8785 takes over. */
static void
put_string(struct sov_buf *out, const char *s)
{
    static const char shorts[] = "btn\0fr"; /* 08 to 0d, 0b has none */
    char esc[8];

    sov_buf_u8(out, '"');
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\') {
            sov_buf_u8(out, '\\');
            sov_buf_u8(out, c);
        } else if (c >= 0x08 && c <= 0x0d && c != 0x0b) {
            sov_buf_u8(out, '\\');
            sov_buf_u8(out, (unsigned char)shorts[c - 0x08]);
        } else if (c < 0x20) {
            snprintf(esc, sizeof(esc), "\\u%04x", c);
            put_text(out, esc);
        } else {
            sov_buf_u8(out, c);
        }
    }
    sov_buf_u8(out, '"');
}

static int
by_bytes(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* In ASCII the order of bytes is that of UTF-16, which RFC 8785 wants. */
static bool
ascii(const char *key)
{
    for (; *key != '\0'; key++)
        if (*key < 0x20 || *key > 0x7e)
            return false;
    return true;
}

static int put(struct sov_buf *out, const json_t *json, int depth,
               struct sov_err *err);

static int
put_object(struct sov_buf *out, json_t *json, int depth, struct sov_err *err)
{
    const char **key = sov_mem_array(json_object_size(json), sizeof(*key));
    const char *k;
    json_t *v;
    size_t n = 0;
    int rc = 0;

    if (key == NULL)
        return sov_mem_fail(err);
    json_object_foreach(json, k, v)
    {
        if (!ascii(k))
            rc = sov_fail(err, SOV_EARG, "key \"%s\" is not in ASCII", k);
        key[n++] = k;
    }
    qsort(key, n, sizeof(*key), by_bytes);
    sov_buf_u8(out, '{');
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (i > 0)
            sov_buf_u8(out, ',');
        put_string(out, key[i]);
        sov_buf_u8(out, ':');
        rc = put(out, json_object_get(json, key[i]), depth + 1, err);
    }
    sov_buf_u8(out, '}');
    free(key);
    return rc;
}

static int
put_array(struct sov_buf *out, const json_t *json, int depth,
          struct sov_err *err)
{
    int rc = 0;

    sov_buf_u8(out, '[');
    for (size_t i = 0; i < json_array_size(json) && rc == 0; i++) {
        if (i > 0)
            sov_buf_u8(out, ',');
        rc = put(out, json_array_get(json, i), depth + 1, err);
    }
    sov_buf_u8(out, ']');
    return rc;
}

static int
put(struct sov_buf *out, const json_t *json, int depth, struct sov_err *err)
{
    char num[32];

    if (depth > SOV_CLAIM_DEPTH)
        return sov_fail(err, SOV_EARG, "nested deeper than %d levels",
                        SOV_CLAIM_DEPTH);
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return put_object(out, (json_t *)json, depth, err);
    case JSON_ARRAY:
        return put_array(out, json, depth, err);
    case JSON_STRING:
        put_string(out, json_string_value(json));
        return 0;
    case JSON_INTEGER:
        if (json_integer_value(json) > SOV_JSON_INT_MAX ||
            json_integer_value(json) < -SOV_JSON_INT_MAX)
            return sov_fail(err, SOV_EARG, "an integer beyond 2^53 - 1");
        snprintf(num, sizeof(num), "%" PRId64,
                 (int64_t)json_integer_value(json));
        put_text(out, num);
        return 0;
    case JSON_TRUE:
        put_text(out, "true");
        return 0;
    case JSON_FALSE:
        put_text(out, "false");
        return 0;
    default:
        return sov_fail(err, SOV_EARG, "neither text, integer nor truth value");
    }
}

int
sov_canon_put(struct sov_buf *out, const json_t *json, struct sov_err *err)
{
    int rc = put(out, json, 0, err);

    if (rc == 0 && out->bad)
        rc = sov_mem_fail(err);
    return rc;
}
