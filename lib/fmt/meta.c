/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta.c - the metadata of a model: an ordered set of typed keys
 *
 * A growing array in order of the file, and a map from key to index beside
 * it.  Each key and each value is a block of its own, so what sov_meta_at()
 * gave stays where it is while other keys come and go.
 *
 * Always holds: (1) item[i].kv borrows from item[i].key and item[i].val;
 * (2) when indexed, the map has exactly the keys of the array; (3) when not,
 * which only a failed allocation while removing a key can bring about, look-up
 * walks the array.
 */
#include "sov/meta.h"

#include "base/le.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "fmt/gguf.h"
#include "fmt/meta.h"
#include "fmt/vtype.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
    struct sov_kv kv;
    char *key;          /* owned */
    unsigned char *val; /* owned; the value is in it */
};

struct sov_meta {
    struct item *item; /* owned */
    size_t n;
    size_t cap;
    struct sov_map index;
    bool indexed;
};

static const struct {
    const char *name;
    uint32_t size;
} vtypes[] = {
    [SOV_V_U8] = { "u8", 1 },      [SOV_V_I8] = { "i8", 1 },
    [SOV_V_U16] = { "u16", 2 },    [SOV_V_I16] = { "i16", 2 },
    [SOV_V_U32] = { "u32", 4 },    [SOV_V_I32] = { "i32", 4 },
    [SOV_V_F32] = { "f32", 4 },    [SOV_V_BOOL] = { "bool", 1 },
    [SOV_V_STR] = { "string", 0 }, [SOV_V_ARR] = { "array", 0 },
    [SOV_V_U64] = { "u64", 8 },    [SOV_V_I64] = { "i64", 8 },
    [SOV_V_F64] = { "f64", 8 },
};

#define ARCH_MAX 100 /* bytes of the name of an architecture */
#define N_VTYPES (sizeof(vtypes) / sizeof(vtypes[0]))

uint32_t
sov_vtype_size(uint32_t type)
{
    return type < N_VTYPES ? vtypes[type].size : 0;
}

const char *
sov_vtype_name(uint32_t type)
{
    return type < N_VTYPES ? vtypes[type].name : "?";
}

int
sov_meta_new(sov_meta **meta, struct sov_err *err)
{
    sov_meta *m = sov_mem_array(1, sizeof(*m));

    if (m == NULL)
        return sov_mem_fail(err);
    m->indexed = true;
    *meta = m;
    return 0;
}

static void
item_free(struct item *it)
{
    free(it->key);
    free(it->val);
}

void
sov_meta_free(sov_meta *meta)
{
    if (meta == NULL)
        return;
    for (size_t i = 0; i < meta->n; i++)
        item_free(&meta->item[i]);
    free(meta->item);
    sov_map_free(&meta->index);
    free(meta);
}

size_t
sov_meta_count(const sov_meta *meta)
{
    return meta->n;
}

const struct sov_kv *
sov_meta_at(const sov_meta *meta, size_t i)
{
    return i < meta->n ? &meta->item[i].kv : NULL;
}

/* Index of a key, or n. */
static size_t
look_up(const sov_meta *meta, const char *key)
{
    uint64_t at;

    if (meta->indexed) {
        if (sov_map_get(&meta->index, key, strlen(key), &at))
            return (size_t)at;
        return meta->n;
    }
    for (size_t i = 0; i < meta->n; i++)
        if (strcmp(meta->item[i].key, key) == 0)
            return i;
    return meta->n;
}

const struct sov_kv *
sov_meta_find(const sov_meta *meta, const char *key)
{
    return sov_meta_at(meta, look_up(meta, key));
}

const struct sov_kv *
sov_meta_arch_find(const sov_meta *meta, const char *name)
{
    struct sov_span arch;
    char key[ARCH_MAX + 128];
    int n;

    if (sov_meta_str(meta, SOV_KEY_ARCH, &arch, NULL) != 0 ||
        arch.len > ARCH_MAX || memchr(arch.p, '\0', arch.len) != NULL)
        return NULL;
    n = snprintf(key, sizeof(key), "%.*s.%s", (int)arch.len,
                 (const char *)arch.p, name);
    return n < (int)sizeof(key) ? sov_meta_find(meta, key) : NULL;
}

static int
reindex(sov_meta *meta, struct sov_err *err)
{
    int rc = 0;

    sov_map_free(&meta->index);
    memset(&meta->index, 0, sizeof(meta->index));
    meta->indexed = false;
    for (size_t i = 0; i < meta->n && rc == 0; i++)
        rc = sov_map_add(&meta->index, meta->item[i].key,
                         strlen(meta->item[i].key), i, err);
    if (rc == 0)
        meta->indexed = true;
    return rc;
}

/* Does the value have as many bytes as its type says? */
static bool
well_formed(const struct sov_kv *kv)
{
    struct sov_span str;
    uint64_t n = 0;
    size_t at = 0;
    uint32_t size;

    if (kv->type == SOV_V_STR)
        return true;
    if (kv->type != SOV_V_ARR) {
        size = sov_vtype_size(kv->type);
        return size > 0 && kv->val.len == size;
    }
    size = sov_vtype_size(kv->elem);
    if (size > 0)
        return kv->val.len / size == kv->n && kv->val.len % size == 0;
    if (kv->elem != SOV_V_STR)
        return false;
    while (sov_kv_next_str(kv, &at, &str))
        n++;
    return n == kv->n && at == kv->val.len;
}

/* May this be set?  *at is where the key is, or the number of keys. */
static int
check_item(sov_meta *meta, const struct sov_kv *kv, size_t *at,
           struct sov_err *err)
{
    int rc;

    if (kv->key[0] == '\0' || strlen(kv->key) > SOV_KEY_MAX)
        return sov_fail(err, SOV_EARG, "a key has 1 to %d bytes",
                        (int)SOV_KEY_MAX);
    if (!well_formed(kv))
        return sov_fail(err, SOV_EARG,
                        "key %s: the value is not what its type says", kv->key);
    if (!meta->indexed && (rc = reindex(meta, err)) < 0)
        return rc;
    *at = look_up(meta, kv->key);
    if (*at < meta->n)
        return 0;
    if (meta->n >= SOV_KEYS_MAX)
        return sov_fail(err, SOV_EFORMAT, "more than %d keys",
                        (int)SOV_KEYS_MAX);
    return sov_mem_grow((void **)&meta->item, meta->n, &meta->cap,
                        sizeof(*meta->item), err);
}

int
sov_meta_take(sov_meta *meta, const struct sov_kv *kv, unsigned char *block,
              struct sov_err *err)
{
    struct item it = { *kv, NULL, block };
    size_t at = meta->n;
    int rc;

    rc = check_item(meta, kv, &at, err);
    if (rc == 0) {
        it.key = sov_mem_dup(kv->key, strlen(kv->key));
        if (it.key == NULL)
            rc = sov_mem_fail(err);
    }
    if (rc < 0) {
        item_free(&it);
        return rc;
    }
    it.kv.key = it.key;
    if (it.kv.type != SOV_V_ARR)
        it.kv.n = 1;
    if (at < meta->n) { /* the map borrows the old key: it stays */
        free(it.key);
        it.key = meta->item[at].key;
        it.kv.key = it.key;
        free(meta->item[at].val);
        meta->item[at] = it;
        return 0;
    }
    rc = sov_map_add(&meta->index, it.key, strlen(it.key), meta->n, err);
    if (rc < 0) {
        item_free(&it);
        return rc;
    }
    meta->item[meta->n++] = it;
    return 0;
}

int
sov_meta_set(sov_meta *meta, const struct sov_kv *kv, struct sov_err *err)
{
    struct sov_kv own = *kv;
    unsigned char *val = (unsigned char *)sov_mem_dup(kv->val.p, kv->val.len);

    if (val == NULL)
        return sov_mem_fail(err);
    own.val.p = val;
    return sov_meta_take(meta, &own, val, err);
}

static int
set_number(sov_meta *meta, const char *key, enum sov_vtype type,
           const unsigned char *bytes, struct sov_err *err)
{
    struct sov_kv kv = { key, type, type, 1, { bytes, sov_vtype_size(type) } };

    return sov_meta_set(meta, &kv, err);
}

int
sov_meta_set_u32(sov_meta *meta, const char *key, uint32_t v,
                 struct sov_err *err)
{
    unsigned char b[4];

    sov_put32(b, v);
    return set_number(meta, key, SOV_V_U32, b, err);
}

int
sov_meta_set_f32(sov_meta *meta, const char *key, float v, struct sov_err *err)
{
    unsigned char b[4];

    sov_putf32(b, v);
    return set_number(meta, key, SOV_V_F32, b, err);
}

int
sov_meta_set_bool(sov_meta *meta, const char *key, bool v, struct sov_err *err)
{
    unsigned char b = v;

    return set_number(meta, key, SOV_V_BOOL, &b, err);
}

int
sov_meta_set_str(sov_meta *meta, const char *key, const char *v,
                 struct sov_err *err)
{
    struct sov_kv kv = {
        key, SOV_V_STR, SOV_V_STR, 1, { (const unsigned char *)v, strlen(v) }
    };

    return sov_meta_set(meta, &kv, err);
}

void
sov_meta_unset(sov_meta *meta, const char *key)
{
    size_t at = look_up(meta, key);

    if (at == meta->n)
        return;
    item_free(&meta->item[at]);
    meta->n--;
    memmove(&meta->item[at], &meta->item[at + 1],
            (meta->n - at) * sizeof(*meta->item));
    (void)reindex(meta, NULL); /* else invariant 3 */
}

size_t
sov_meta_unset_like(sov_meta *meta, const char *pattern)
{
    size_t kept = 0, n = meta->n;

    for (size_t i = 0; i < n; i++) {
        if (fnmatch(pattern, meta->item[i].key, 0) == 0)
            item_free(&meta->item[i]);
        else
            meta->item[kept++] = meta->item[i];
    }
    meta->n = kept;
    if (kept < n)
        (void)reindex(meta, NULL); /* else invariant 3 */
    return n - kept;
}

/* ---- typed reading */

static int
wrong_type(const struct sov_kv *kv, const char *want, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "key %s: is %s, not %s", kv->key,
                    sov_vtype_name(kv->type), want);
}

static int64_t
int_at(enum sov_vtype type, const unsigned char *p)
{
    switch (type) {
    case SOV_V_U8:
    case SOV_V_BOOL:
        return p[0];
    case SOV_V_I8:
        return (int8_t)p[0];
    case SOV_V_U16:
        return sov_le16(p);
    case SOV_V_I16:
        return (int16_t)sov_le16(p);
    case SOV_V_U32:
        return sov_le32(p);
    case SOV_V_I32:
        return (int32_t)sov_le32(p);
    case SOV_V_U64:
    case SOV_V_I64:
        return (int64_t)sov_le64(p);
    default:
        return 0;
    }
}

static double
float_at(enum sov_vtype type, const unsigned char *p)
{
    uint64_t u;
    double d;

    if (type == SOV_V_F32)
        return (double)sov_lef32(p);
    u = sov_le64(p);
    memcpy(&d, &u, sizeof(d));
    return d;
}

static bool
is_float(enum sov_vtype type)
{
    return type == SOV_V_F32 || type == SOV_V_F64;
}

static bool
is_int(enum sov_vtype type)
{
    return sov_vtype_size(type) > 0 && !is_float(type) && type != SOV_V_BOOL;
}

static int
read_u64(const struct sov_kv *kv, uint64_t *v, struct sov_err *err)
{
    int64_t x;

    if (kv == NULL)
        return 1;
    if (!is_int(kv->type))
        return wrong_type(kv, "an integer", err);
    x = int_at(kv->type, kv->val.p);
    if (x < 0 && kv->type != SOV_V_U64)
        return sov_fail(err, SOV_EFORMAT, "key %s: %lld is negative", kv->key,
                        (long long)x);
    *v = (uint64_t)x;
    return 0;
}

int
sov_meta_u64(const sov_meta *meta, const char *key, uint64_t *v,
             struct sov_err *err)
{
    return read_u64(sov_meta_find(meta, key), v, err);
}

int
sov_meta_arch_u64(const sov_meta *meta, const char *name, uint64_t *v,
                  struct sov_err *err)
{
    return read_u64(sov_meta_arch_find(meta, name), v, err);
}

int
sov_meta_f64(const sov_meta *meta, const char *key, double *v,
             struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);

    if (kv == NULL)
        return 1;
    if (!is_float(kv->type))
        return wrong_type(kv, "a floating-point number", err);
    *v = float_at(kv->type, kv->val.p);
    return 0;
}

int
sov_meta_bool(const sov_meta *meta, const char *key, bool *v,
              struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);

    if (kv == NULL)
        return 1;
    if (kv->type != SOV_V_BOOL)
        return wrong_type(kv, "true or false", err);
    *v = kv->val.p[0] != 0;
    return 0;
}

int
sov_meta_str(const sov_meta *meta, const char *key, struct sov_span *v,
             struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);

    if (kv == NULL)
        return 1;
    if (kv->type != SOV_V_STR)
        return wrong_type(kv, "a string", err);
    *v = kv->val;
    return 0;
}

/* Type of the elements, and where element i is; NULL if there is none. */
static const unsigned char *
element(const struct sov_kv *kv, uint64_t i, enum sov_vtype *type)
{
    uint32_t size;

    *type = kv->type == SOV_V_ARR ? kv->elem : kv->type;
    size = sov_vtype_size(*type);
    if (size == 0 || i >= kv->val.len / size)
        return NULL;
    return kv->val.p + i * size;
}

double
sov_kv_num(const struct sov_kv *kv, uint64_t i)
{
    enum sov_vtype type;
    const unsigned char *p = element(kv, i, &type);

    if (p == NULL)
        return 0;
    if (is_float(type))
        return float_at(type, p);
    if (type == SOV_V_U64)
        return (double)sov_le64(p);
    return (double)int_at(type, p);
}

/* A double that is no integer in range is cut to it. */
static int64_t
cut(double d)
{
    if (d != d)
        return 0;
    if (d >= 9223372036854775808.0)
        return INT64_MAX;
    if (d < -9223372036854775808.0)
        return INT64_MIN;
    return (int64_t)d;
}

int64_t
sov_kv_int(const struct sov_kv *kv, uint64_t i)
{
    enum sov_vtype type;
    const unsigned char *p = element(kv, i, &type);

    if (p == NULL)
        return 0;
    return is_float(type) ? cut(float_at(type, p)) : int_at(type, p);
}

bool
sov_kv_next_str(const struct sov_kv *kv, size_t *at, struct sov_span *str)
{
    size_t left;
    uint64_t len;

    if (kv->type != SOV_V_ARR || kv->elem != SOV_V_STR || *at > kv->val.len)
        return false;
    left = kv->val.len - *at;
    if (left < 8)
        return false;
    len = sov_le64(kv->val.p + *at);
    if (len > left - 8)
        return false;
    str->p = kv->val.p + *at + 8;
    str->len = (size_t)len;
    *at += 8 + (size_t)len;
    return true;
}
