/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta_text.c - the value of a key out of text, as people type it, and back
 *
 * Numbers are decimal and whole: what follows one makes it wrong.  Arrays are
 * JSON.
 */
#include "sov/meta.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "fmt/vtype.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum sov_vtype type;
    int64_t min; /* of integers */
    uint64_t max;
} types[] = {
    { "u8", SOV_V_U8, 0, UINT8_MAX },
    { "i8", SOV_V_I8, INT8_MIN, INT8_MAX },
    { "u16", SOV_V_U16, 0, UINT16_MAX },
    { "i16", SOV_V_I16, INT16_MIN, INT16_MAX },
    { "u32", SOV_V_U32, 0, UINT32_MAX },
    { "i32", SOV_V_I32, INT32_MIN, INT32_MAX },
    { "u64", SOV_V_U64, 0, UINT64_MAX },
    { "i64", SOV_V_I64, INT64_MIN, INT64_MAX },
    { "f32", SOV_V_F32, 0, 0 },
    { "f64", SOV_V_F64, 0, 0 },
    { "bool", SOV_V_BOOL, 0, 0 },
    { "str", SOV_V_STR, 0, 0 },
};

#define N_TYPES (sizeof(types) / sizeof(types[0]))

/* Row of a type. */
static size_t
row_of(enum sov_vtype type)
{
    size_t i = 0;

    while (i + 1 < N_TYPES && types[i].type != type)
        i++;
    return i;
}

/* "u32" or "u32[]" */
static bool
parse_type(const char *name, enum sov_vtype *type, enum sov_vtype *elem)
{
    size_t len = strlen(name);
    bool array = len > 2 && strcmp(name + len - 2, "[]") == 0;

    if (array)
        len -= 2;
    for (size_t i = 0; i < N_TYPES; i++) {
        if (strlen(types[i].name) != len ||
            memcmp(types[i].name, name, len) != 0)
            continue;
        *elem = types[i].type;
        *type = array ? SOV_V_ARR : types[i].type;
        return true;
    }
    return false;
}

/* ---- single values */

static int
not_a(const char *text, const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_EARG, "'%.60s' is not %s", text, what);
}

static void
put_int(struct sov_buf *b, enum sov_vtype type, uint64_t v)
{
    for (uint32_t i = 0; i < sov_vtype_size(type); i++)
        sov_buf_u8(b, (uint8_t)(v >> 8 * i));
}

static int
out_of_range(const char *text, enum sov_vtype type, struct sov_err *err)
{
    size_t i = row_of(type);

    return sov_fail(err, SOV_EARG,
                    "%.60s does not fit into %s: %" PRId64 " to %" PRIu64, text,
                    types[i].name, types[i].min, types[i].max);
}

static int
text_int(struct sov_buf *b, enum sov_vtype type, const char *text,
         struct sov_err *err)
{
    const char *digits = text + (*text == '-');
    size_t row = row_of(type);
    bool negative = *text == '-';
    uint64_t v;
    char *end;

    if (*digits < '0' || *digits > '9')
        return not_a(text, "a whole number", err);
    errno = 0;
    v = strtoull(digits, &end, 10);
    if (*end != '\0')
        return not_a(text, "a whole number", err);
    if (errno == ERANGE ||
        v > (negative ? 0 - (uint64_t)types[row].min : types[row].max))
        return out_of_range(text, type, err);
    put_int(b, type, negative ? 0 - v : v);
    return 0;
}

static int
put_float(struct sov_buf *b, enum sov_vtype type, double d, const char *text,
          struct sov_err *err)
{
    uint64_t u;

    if (!isfinite(d) || (type == SOV_V_F32 && !isfinite((float)d)))
        return sov_fail(err, SOV_EARG, "%.60s does not fit into %s", text,
                        types[row_of(type)].name);
    memcpy(&u, &d, sizeof(u));
    if (type == SOV_V_F32)
        sov_buf_f32(b, (float)d);
    else
        sov_buf_u64(b, u);
    return 0;
}

static int
text_float(struct sov_buf *b, enum sov_vtype type, const char *text,
           struct sov_err *err)
{
    char *end;
    double d;

    if (*text == '\0' || strspn(text, "+-.0123456789eE") != strlen(text))
        return not_a(text, "a number", err);
    d = strtod(text, &end);
    if (*end != '\0')
        return not_a(text, "a number", err);
    return put_float(b, type, d, text, err);
}

static int
text_bool(struct sov_buf *b, const char *text, struct sov_err *err)
{
    bool yes = strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "false") != 0)
        return sov_fail(err, SOV_EARG, "'%.60s' is neither true nor false",
                        text);
    sov_buf_u8(b, yes);
    return 0;
}

static int
check_utf8(const char *text, size_t len, struct sov_err *err)
{
    uint32_t cp;

    for (size_t i = 0, step; i < len; i += step) {
        step = sov_utf8_step(text + i, len - i, &cp);
        if (step == 0)
            return sov_fail(err, SOV_EARG, "byte %zu is not UTF-8", i);
    }
    return 0;
}

static int
text_value(struct sov_buf *b, enum sov_vtype type, const char *text, size_t len,
           struct sov_err *err)
{
    int rc;

    if (type == SOV_V_STR) {
        rc = check_utf8(text, len, err);
        if (rc == 0)
            sov_buf_add(b, text, len);
        return rc;
    }
    if (strlen(text) != len)
        return sov_fail(err, SOV_EARG, "has a NUL byte");
    if (type == SOV_V_BOOL)
        return text_bool(b, text, err);
    if (type == SOV_V_F32 || type == SOV_V_F64)
        return text_float(b, type, text, err);
    return text_int(b, type, text, err);
}

/* ---- arrays */

static int
json_value(struct sov_buf *b, enum sov_vtype type, const json_t *v,
           struct sov_err *err)
{
    char text[32];

    if (type == SOV_V_STR && json_is_string(v)) {
        sov_buf_str(b, json_string_value(v), json_string_length(v));
        return 0;
    }
    if (type == SOV_V_BOOL && json_is_boolean(v)) {
        sov_buf_u8(b, json_is_true(v));
        return 0;
    }
    if ((type == SOV_V_F32 || type == SOV_V_F64) && json_is_number(v)) {
        snprintf(text, sizeof(text), "%.17g", json_number_value(v));
        return put_float(b, type, json_number_value(v), text, err);
    }
    if (types[row_of(type)].max > 0 && json_is_integer(v)) {
        snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(v));
        return text_int(b, type, text, err);
    }
    return sov_fail(err, SOV_EARG, "is not %s", types[row_of(type)].name);
}

static int
text_array(struct sov_buf *b, enum sov_vtype elem, const char *text, size_t len,
           uint64_t *n, struct sov_err *err)
{
    json_t *json = NULL;
    int rc = sov_json_parse(text, len, &json, err);

    if (rc == 0 && !json_is_array(json))
        rc = sov_fail(err, SOV_EARG, "is not a JSON array");
    *n = json_array_size(json);
    for (size_t i = 0; i < *n && rc == 0; i++) {
        rc = json_value(b, elem, json_array_get(json, i), err);
        if (rc < 0)
            sov_err_wrap(err, "element %zu", i);
    }
    json_decref(json);
    return rc;
}

/* ---- a key */

static int
set_value(sov_meta *meta, struct sov_kv *kv, const char *text, size_t len,
          struct sov_err *err)
{
    struct sov_buf b = { 0 };
    int rc;

    if (kv->type == SOV_V_ARR)
        rc = text_array(&b, kv->elem, text, len, &kv->n, err);
    else
        rc = text_value(&b, kv->type, text, len, err);
    if (rc == 0 && b.bad)
        rc = sov_mem_fail(err);
    kv->val.p = b.p;
    kv->val.len = b.len;
    if (rc == 0)
        rc = sov_meta_set(meta, kv, err);
    sov_buf_free(&b);
    return rc;
}

int
sov_meta_set_text(sov_meta *meta, const char *key, const char *type,
                  const char *text, size_t len, struct sov_err *err)
{
    const struct sov_kv *old = sov_meta_find(meta, key);
    struct sov_kv kv = { .key = key, .n = 1 };
    int rc;

    if (type == NULL && old == NULL)
        return sov_fail(err, SOV_EARG,
                        "%.80s is a new key; say its type, as in %.80s:u32=1",
                        key, key);
    if (old != NULL) {
        kv.type = old->type;
        kv.elem = old->elem;
    }
    if (type != NULL && !parse_type(type, &kv.type, &kv.elem))
        return sov_fail(err, SOV_EARG,
                        "%.80s: there is no type '%.20s'; there are u8 i8 u16 "
                        "i16 u32 i32 u64 i64 f32 f64 bool str, and arrays of "
                        "them such as str[]",
                        key, type);
    if (len > SOV_STR_MAX)
        return sov_fail(err, SOV_EARG, "%.80s: %zu bytes are over the limit",
                        key, len);
    rc = set_value(meta, &kv, text, len, err);
    if (rc < 0)
        sov_err_wrap(err, "%.80s (%s%s)", key, types[row_of(kv.elem)].name,
                     kv.type == SOV_V_ARR ? "[]" : "");
    if (rc == SOV_EFORMAT && err != NULL) /* what the JSON parser says */
        err->rc = SOV_EARG;
    return rc == SOV_EFORMAT ? SOV_EARG : rc;
}

/* ---- back to text */

static json_t *
json_of(const struct sov_kv *kv, uint64_t i)
{
    enum sov_vtype type = kv->type == SOV_V_ARR ? kv->elem : kv->type;
    double d = sov_kv_num(kv, i);

    if (type == SOV_V_BOOL)
        return json_boolean(sov_kv_int(kv, i) != 0);
    if (type == SOV_V_F32 || type == SOV_V_F64)
        return isfinite(d) ? json_real(d) : NULL;
    if (type == SOV_V_U64 && sov_kv_int(kv, i) < 0) /* above what JSON holds */
        return NULL;
    return json_integer(sov_kv_int(kv, i));
}

static json_t *
json_array_of(const struct sov_kv *kv)
{
    json_t *list = json_array();
    struct sov_span s;
    size_t at = 0;
    bool ok = list != NULL;

    if (kv->elem == SOV_V_STR)
        while (ok && sov_kv_next_str(kv, &at, &s))
            ok = json_array_append_new(
                     list, json_stringn((const char *)s.p, s.len)) == 0;
    else
        for (uint64_t i = 0; i < kv->n && ok; i++)
            ok = json_array_append_new(list, json_of(kv, i)) == 0;
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* A number, short: the digits that give the same one again. */
static char *
number_text(const struct sov_kv *kv)
{
    double d = sov_kv_num(kv, 0);
    char text[40];

    if (kv->type == SOV_V_BOOL)
        return strdup(sov_kv_int(kv, 0) != 0 ? "true" : "false");
    if (kv->type == SOV_V_U64)
        snprintf(text, sizeof(text), "%" PRIu64, (uint64_t)sov_kv_int(kv, 0));
    else if (kv->type != SOV_V_F32 && kv->type != SOV_V_F64)
        snprintf(text, sizeof(text), "%" PRId64, sov_kv_int(kv, 0));
    else if (isfinite(d))
        snprintf(text, sizeof(text), "%.*g", kv->type == SOV_V_F32 ? 9 : 17, d);
    else
        return NULL;
    return strdup(text);
}

static char *
value_text(const struct sov_kv *kv, size_t *len)
{
    char *text;
    json_t *json;

    if (kv->type == SOV_V_STR) {
        *len = kv->val.len;
        if (check_utf8((const char *)kv->val.p, kv->val.len, NULL) < 0)
            return NULL;
        return sov_mem_dup(kv->val.p, kv->val.len);
    }
    if (kv->type != SOV_V_ARR) {
        text = number_text(kv);
    } else {
        json = json_array_of(kv);
        text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
        json_decref(json);
    }
    *len = text != NULL ? strlen(text) : 0;
    return text;
}

int
sov_kv_text(const struct sov_kv *kv, char **type, char **text, size_t *len,
            struct sov_err *err)
{
    bool array = kv->type == SOV_V_ARR;
    char name[16];

    snprintf(name, sizeof(name), "%s%s",
             types[row_of(array ? kv->elem : kv->type)].name,
             array ? "[]" : "");
    *text = value_text(kv, len);
    if (*text == NULL)
        return sov_fail(err, SOV_EUNSUP, "key %.80s: cannot be put into words",
                        kv->key);
    *type = sov_mem_dup(name, strlen(name));
    if (*type == NULL) {
        free(*text);
        return sov_mem_fail(err);
    }
    return 0;
}
