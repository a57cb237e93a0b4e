/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - values of the metadata as text
 */
#include "show/show.h"

#include "cli/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_MAX    32  /* columns of " ... (4096 bytes)" */
#define QUOTE_BYTES 400 /* of an array's strings this much is looked at */

static const char *const vtypes[] = {
    [SOV_V_U8] = "u8",     [SOV_V_I8] = "i8",     [SOV_V_U16] = "u16",
    [SOV_V_I16] = "i16",   [SOV_V_U32] = "u32",   [SOV_V_I32] = "i32",
    [SOV_V_F32] = "f32",   [SOV_V_BOOL] = "bool", [SOV_V_STR] = "str",
    [SOV_V_ARR] = "array", [SOV_V_U64] = "u64",   [SOV_V_I64] = "i64",
    [SOV_V_F64] = "f64",
};

const char *
show_vtype(enum sov_vtype type)
{
    return (size_t)type < sizeof(vtypes) / sizeof(vtypes[0]) ? vtypes[type]
                                                             : "?";
}

/* The front of text[len] in columns, "..." behind it if that is not all. */
static void
shorten(char *buf, size_t size, const char *text, size_t len, size_t columns)
{
    if (sov_text_excerpt(buf, size, text, len, columns) == len)
        return;
    sov_text_excerpt(buf, size - 3, text, len, columns - 3);
    strcat(buf, "...");
}

const char *
show_string(const sov_meta *meta, const char *key, char *buf, size_t size,
            size_t columns)
{
    struct sov_span s;

    if (sov_meta_str(meta, key, &s, NULL) != 0 || s.len == 0)
        return NULL;
    shorten(buf, size, (const char *)s.p, s.len, columns);
    return buf;
}

bool
show_array_str(const struct sov_kv *kv, uint64_t i, struct sov_span *s)
{
    size_t at = 0;

    for (uint64_t k = 0; k <= i; k++)
        if (!sov_kv_next_str(kv, &at, s))
            return false;
    return true;
}

void
show_float(double v, bool single, char *buf, size_t size)
{
    int digits = single ? 6 : 15, most = single ? 9 : 17;

    if (isnan(v) || isinf(v)) {
        snprintf(buf, size, "%s",
                 isnan(v) ? "NaN"
                 : v < 0  ? "-Infinity"
                          : "Infinity");
        return;
    }
    for (; digits <= most; digits++) {
        double back;

        snprintf(buf, size, "%.*g", digits, v);
        back = strtod(buf, NULL);
        if (back == v || (single && (float)back == (float)v))
            return;
    }
}

void
show_number(const struct sov_kv *kv, uint64_t i, char *buf, size_t size)
{
    enum sov_vtype type = kv->type == SOV_V_ARR ? kv->elem : kv->type;

    switch (type) {
    case SOV_V_BOOL:
        snprintf(buf, size, "%s", sov_kv_int(kv, i) != 0 ? "true" : "false");
        break;
    case SOV_V_F32:
    case SOV_V_F64:
        show_float(sov_kv_num(kv, i), type == SOV_V_F32, buf, size);
        break;
    case SOV_V_U64:
        snprintf(buf, size, "%" PRIu64, (uint64_t)sov_kv_int(kv, i));
        break;
    default:
        snprintf(buf, size, "%" PRId64, sov_kv_int(kv, i));
        break;
    }
}

/* A string: all of it, or its front and how long it is. */
static char *
string_value(const struct sov_span s, size_t columns)
{
    size_t size = 4 * columns + 64;
    char *buf = malloc(size);
    size_t n;

    if (buf == NULL)
        return NULL;
    if (sov_text_excerpt(buf, size, (const char *)s.p, s.len, columns) == s.len)
        return buf;
    n = columns > TAIL_MAX ? columns - TAIL_MAX / 2 - 4 : columns / 2;
    sov_text_excerpt(buf, size - TAIL_MAX, (const char *)s.p, s.len, n);
    snprintf(buf + strlen(buf), TAIL_MAX, "... (%zu bytes)", s.len);
    return buf;
}

/* Element i, or the string at *at, as it stands in a list. */
static bool
element(const struct sov_kv *kv, uint64_t i, size_t *at, char *one, size_t size)
{
    struct sov_span s;
    size_t len;

    if (kv->elem != SOV_V_STR) {
        show_number(kv, i, one, size);
        return true;
    }
    if (!sov_kv_next_str(kv, at, &s))
        return false;
    len = s.len < QUOTE_BYTES ? s.len : QUOTE_BYTES;
    one[0] = '"';
    if (sov_text_excerpt(one + 1, size - 8, (const char *)s.p, len, 40) < s.len)
        strcat(one, "...");
    strcat(one, "\"");
    return true;
}

/* "[str x 32000] "<unk>", "<s>", "</s>", ..." */
static char *
array_value(const struct sov_kv *kv, size_t columns)
{
    char one[QUOTE_BYTES + 80];
    size_t size = 4 * columns + sizeof(one) + 64;
    char *buf = malloc(size);
    size_t at = 0, used, len;

    if (buf == NULL)
        return NULL;
    used = (size_t)snprintf(buf, size, "[%s x %" PRIu64 "]",
                            show_vtype(kv->elem), kv->n);
    len = used;
    for (uint64_t i = 0; i < kv->n; i++) {
        bool last = i + 1 == kv->n;
        size_t width;

        if (!element(kv, i, &at, one, sizeof(one)))
            break;
        width = sov_text_width(one) + 1 + (last ? 0 : 1);
        if (used + width + (last ? 0 : 4) > columns) {
            snprintf(buf + len, size - len, " ...");
            break;
        }
        len += (size_t)snprintf(buf + len, size - len, " %s%s", one,
                                last ? "" : ",");
        used += width;
    }
    return buf;
}

char *
show_value(const struct sov_kv *kv, size_t columns)
{
    char *buf;

    if (kv->type == SOV_V_ARR)
        return array_value(kv, columns);
    if (kv->type == SOV_V_STR)
        return string_value(kv->val, columns);
    buf = malloc(64);
    if (buf != NULL)
        show_number(kv, 0, buf, 64);
    return buf;
}
