/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gguf_read.c - the header of one GGUF file
 *
 * Nothing in the file is believed.  A count is compared with the bytes that
 * are left before anything is done with it; a length is a wish that the window
 * (in.h) grants as bytes arrive; every name is checked before it is stored;
 * and when all is read, each tensor lies within the file, aligned.
 *
 * Versions 2 and 3 are the same.  A big-endian file, as s390x machines write
 * it, has no flag: its version number looks byte-swapped.
 */
#include "fmt/gguf_read.h"

#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "fmt/gguf.h"
#include "fmt/meta.h"
#include "fmt/vtype.h"
#include "tensor/type.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY_BYTES    14u /* smallest key: length, 1 byte, type, 1 byte */
#define TENSOR_BYTES 25u /* smallest tensor: length, 1 byte, ndim, type, off */

struct gguf {
    sov_model *m;
    size_t part;
    struct sov_in *in;
    sov_meta *meta;
    uint64_t at; /* place of the field being read, for messages */
    uint64_t n_keys;
    uint64_t n_tensors;
    uint64_t align;
    uint64_t data; /* where the data section begins */
    char key[SOV_KEY_MAX + 1];
};

/* The next len bytes, if metadata may still grow by so many. */
static int
want(struct gguf *g, uint64_t len, struct sov_err *err)
{
    uint64_t at = sov_in_offset(g->in);

    if (len <= g->in->rd.left.len)
        return 0;
    if (at > SOV_META_MAX || len > SOV_META_MAX - at)
        return sov_fail(err, SOV_EFORMAT,
                        "the header is over the limit of %" PRIu64 " bytes",
                        SOV_META_MAX);
    return sov_in_need(g->in, len, err);
}

/* A field of n bytes begins here. */
static int
field(struct gguf *g, uint64_t n, struct sov_err *err)
{
    g->at = sov_in_offset(g->in);
    return want(g, n, err);
}

static int
over_limit(const char *what, uint64_t v, uint64_t limit, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "%s %" PRIu64 " is over the limit of %" PRIu64, what, v,
                    limit);
}

static int
read_count(struct gguf *g, const char *what, uint64_t max, uint64_t smallest,
           uint64_t *n, struct sov_err *err)
{
    int rc = field(g, 8, err);

    if (rc < 0)
        return rc;
    *n = sov_rd_u64(&g->in->rd);
    if (*n > max)
        return over_limit(what, *n, max, err);
    if (*n > sov_in_left(g->in) / smallest)
        return sov_fail(err, SOV_EFORMAT,
                        "%s %" PRIu64 " cannot be in the %" PRIu64
                        " bytes that are left",
                        what, *n, sov_in_left(g->in));
    return 0;
}

static int
read_start(struct gguf *g, struct sov_err *err)
{
    struct sov_rd *rd = &g->in->rd;
    uint32_t version;
    int rc;

    rc = field(g, 8, err);
    if (rc < 0)
        return rc;
    if (memcmp(sov_rd_bytes(rd, 4).p, SOV_GGUF_MAGIC, 4) != 0)
        return sov_fail(err, SOV_EFORMAT, "does not start with \"%s\"",
                        SOV_GGUF_MAGIC);
    g->at += 4;
    version = sov_rd_u32(rd);
    if (version != 0 && (version & 0xffff) == 0) {
        version = __builtin_bswap32(version);
        rd->big = true;
        g->m->part[g->part]->big = true;
    }
    if (version < 2 || version > SOV_GGUF_VERSION)
        return sov_fail(err, SOV_EFORMAT,
                        "GGUF version %" PRIu32 ", only 2 and 3 are known",
                        version);
    rc = read_count(g, "number of tensors", SOV_TENSORS_MAX, TENSOR_BYTES,
                    &g->n_tensors, err);
    if (rc == 0)
        rc = read_count(g, "number of keys", SOV_KEYS_MAX, KEY_BYTES,
                        &g->n_keys, err);
    return rc;
}

/* ---- keys */

static int
read_key(struct gguf *g, struct sov_err *err)
{
    struct sov_span key;
    uint64_t len;
    int rc;

    rc = field(g, 8, err);
    if (rc < 0)
        return rc;
    len = sov_rd_u64(&g->in->rd);
    if (len > SOV_KEY_MAX)
        return over_limit("length", len, SOV_KEY_MAX, err);
    if (len == 0)
        return sov_fail(err, SOV_EFORMAT, "is empty");
    rc = field(g, len, err);
    if (rc < 0)
        return rc;
    key = sov_rd_bytes(&g->in->rd, len);
    if (!sov_name_ok(key))
        return sov_fail(err, SOV_EFORMAT,
                        "is not UTF-8 or has control characters");
    memcpy(g->key, key.p, key.len);
    g->key[key.len] = '\0';
    if (sov_meta_find(g->meta, g->key) != NULL)
        return sov_fail(err, SOV_EFORMAT, "stands there twice");
    return 0;
}

/* Are n truth values all 0 or 1? */
static int
check_bools(struct sov_span val, struct sov_err *err)
{
    for (size_t i = 0; i < val.len; i++)
        if (val.p[i] > 1)
            return sov_fail(err, SOV_EFORMAT,
                            "truth value is %d, not 0 or 1", val.p[i]);
    return 0;
}

/*
 * Bytes of n strings that begin here; they are in the window then.  Each is
 * asked for when the one before it is there, so the number n costs nothing.
 */
static int
measure_strings(struct gguf *g, uint64_t n, uint64_t *bytes,
                struct sov_err *err)
{
    uint64_t at = g->at, sum = 0, len;
    struct sov_rd peek;
    int rc;

    for (uint64_t i = 0; i < n; i++) {
        g->at = at + sum;
        rc = want(g, sum + 8, err);
        if (rc < 0)
            return rc;
        peek = g->in->rd;
        sov_rd_bytes(&peek, sum);
        len = sov_rd_u64(&peek);
        if (len > SOV_STR_MAX) {
            rc = over_limit("length", len, SOV_STR_MAX, err);
            return sov_err_wrap(err, "string %" PRIu64, i);
        }
        sum += 8 + len; /* below 2^30 + 2^28 */
        rc = want(g, sum, err);
        if (rc < 0)
            return rc;
    }
    *bytes = sum;
    return 0;
}

static int
array_bytes(struct gguf *g, struct sov_kv *kv, uint64_t *bytes,
            struct sov_err *err)
{
    uint32_t elem, size;
    int rc;

    rc = field(g, 12, err);
    if (rc < 0)
        return rc;
    elem = sov_rd_u32(&g->in->rd);
    kv->n = sov_rd_u64(&g->in->rd);
    size = sov_vtype_size(elem);
    if (elem == SOV_V_ARR)
        return sov_fail(err, SOV_EFORMAT, "array of arrays");
    if (size == 0 && elem != SOV_V_STR)
        return sov_fail(err, SOV_EFORMAT,
                        "array of type %" PRId32 ", which is not known",
                        (int32_t)elem);
    kv->elem = (enum sov_vtype)elem;
    g->at += 4;
    if (kv->n > SOV_ARR_MAX)
        return over_limit("number of elements", kv->n, SOV_ARR_MAX, err);
    g->at += 8;
    if (size == 0)
        return measure_strings(g, kv->n, bytes, err);
    *bytes = kv->n * size; /* below 2^31 */
    return 0;
}

static int
value_bytes(struct gguf *g, struct sov_kv *kv, uint64_t *bytes,
            struct sov_err *err)
{
    uint32_t type;
    int rc;

    rc = field(g, 4, err);
    if (rc < 0)
        return rc;
    type = sov_rd_u32(&g->in->rd);
    *bytes = sov_vtype_size(type);
    if (*bytes == 0 && type != SOV_V_STR && type != SOV_V_ARR)
        return sov_fail(err, SOV_EFORMAT,
                        "value of type %" PRId32 ", which is not known",
                        (int32_t)type);
    kv->type = (enum sov_vtype)type;
    kv->elem = kv->type;
    kv->n = 1;
    if (type == SOV_V_ARR)
        return array_bytes(g, kv, bytes, err);
    if (type != SOV_V_STR)
        return 0;
    rc = field(g, 8, err);
    if (rc < 0)
        return rc;
    *bytes = sov_rd_u64(&g->in->rd);
    if (*bytes > SOV_STR_MAX)
        return over_limit("length", *bytes, SOV_STR_MAX, err);
    return 0;
}

/* Turn the value's numbers around; of strings only the lengths. */
static void
swap_value(const struct sov_kv *kv, unsigned char *p, size_t len)
{
    bool strings = kv->type == SOV_V_ARR && kv->elem == SOV_V_STR;
    size_t unit = strings ? 8 : sov_vtype_size(kv->elem);
    uint64_t step = unit;

    for (size_t at = 0; unit > 1 && at < len; at += (size_t)step) {
        for (size_t i = 0; i < unit / 2; i++) {
            unsigned char low = p[at + i];

            p[at + i] = p[at + unit - 1 - i];
            p[at + unit - 1 - i] = low;
        }
        if (strings)
            step = 8 + sov_le64(p + at);
    }
}

static int
read_value(struct gguf *g, struct sov_err *err)
{
    struct sov_kv kv = { .key = g->key };
    unsigned char *block, *p;
    uint64_t bytes;
    int rc;

    rc = value_bytes(g, &kv, &bytes, err);
    if (rc == 0)
        rc = field(g, bytes, err);
    if (rc < 0)
        return rc;
    kv.val.p = g->in->rd.left.p;
    kv.val.len = (size_t)bytes;
    if (kv.elem == SOV_V_BOOL && (rc = check_bools(kv.val, err)) < 0)
        return rc;
    rc = sov_in_own(g->in, kv.val.len, &block, &p, err);
    if (rc < 0)
        return rc;
    kv.val.p = p;
    if (g->in->rd.big)
        swap_value(&kv, p, kv.val.len);
    return sov_meta_take(g->meta, &kv, block, err);
}

static int
read_keys(struct gguf *g, struct sov_err *err)
{
    int rc;

    for (uint64_t i = 0; i < g->n_keys; i++) {
        g->key[0] = '\0';
        rc = read_key(g, err);
        if (rc < 0) {
            if (g->key[0] != '\0')
                sov_err_wrap(err, "%.80s", g->key);
            return sov_err_wrap(err, "key %" PRIu64, i);
        }
        rc = read_value(g, err);
        if (rc < 0)
            return sov_err_wrap(err, "key %" PRIu64 ": %.80s", i, g->key);
    }
    return 0;
}

static int
find_alignment(struct gguf *g, struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(g->meta, SOV_KEY_ALIGN);

    g->align = SOV_GGUF_ALIGN;
    if (kv == NULL)
        return 0;
    if (kv->type != SOV_V_U32)
        return sov_fail(err, SOV_EFORMAT, "key %s: is %s, not u32",
                        SOV_KEY_ALIGN, sov_vtype_name(kv->type));
    g->align = sov_le32(kv->val.p);
    if (g->align == 0 || (g->align & (g->align - 1)) != 0 ||
        g->align > SOV_ALIGN_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "key %s: %" PRIu64 " is not a power of two up to "
                        "%" PRIu64,
                        SOV_KEY_ALIGN, g->align, SOV_ALIGN_MAX);
    return 0;
}

/* ---- tensors */

/*
 * Bytes of the tensor record that begins here, of which all are in the window
 * then, so that its name can be borrowed from there.
 */
static int
grant_record(struct gguf *g, struct sov_err *err)
{
    struct sov_rd peek;
    uint64_t len;
    uint32_t ndim;
    int rc;

    rc = field(g, 8, err);
    if (rc < 0)
        return rc;
    peek = g->in->rd;
    len = sov_rd_u64(&peek);
    if (len > SOV_NAME_MAX)
        return over_limit("length of the name", len, SOV_NAME_MAX, err);
    rc = want(g, 8 + len + 4, err);
    if (rc < 0)
        return rc;
    peek = g->in->rd;
    sov_rd_bytes(&peek, 8 + len);
    ndim = sov_rd_u32(&peek);
    if (ndim > SOV_NDIM_MAX) {
        g->at += 8 + len;
        return over_limit("number of dimensions", ndim, SOV_NDIM_MAX, err);
    }
    if (ndim == 0) {
        g->at += 8 + len;
        return sov_fail(err, SOV_EFORMAT,
                        "number of dimensions 0 is below the limit of 1");
    }
    return want(g, 8 + len + 4 + 8 * (uint64_t)ndim + 4 + 8, err);
}

static int
read_tensor(struct gguf *g, struct sov_err *err)
{
    struct sov_rd *rd = &g->in->rd;
    struct sov_tensor t = { 0 };
    struct sov_span name;
    uint32_t type;
    uint64_t off;
    int rc;

    rc = grant_record(g, err);
    if (rc < 0)
        return rc;
    name = sov_rd_str(rd, SOV_NAME_MAX);
    t.ndim = sov_rd_u32(rd);
    for (uint32_t i = 0; i < t.ndim; i++)
        t.dim[i] = sov_rd_u64(rd);
    type = sov_rd_u32(rd);
    off = sov_rd_u64(rd);
    if (type >= SOV_TYPE_GGUF_MAX)
        rc = sov_fail(err, SOV_EFORMAT, "type %" PRId32 " is not known",
                      (int32_t)type);
    t.type = (enum sov_type)type;
    if (rc == 0)
        rc = sov_tensor_measure(&t, err);
    if (rc == 0 && rd->big && !sov_swap_known(t.type))
        rc = sov_fail(err, SOV_EUNSUP, "big-endian %s is not supported",
                      sov_type_info(t.type)->name);
    if (rc == 0 && off % g->align != 0)
        rc = sov_fail(err, SOV_EFORMAT,
                      "offset %" PRIu64 " is not a multiple of the "
                      "alignment %" PRIu64,
                      off, g->align);
    if (rc < 0)
        return sov_err_wrap(err, "%.*s", name.len < 80 ? (int)name.len : 80,
                            (const char *)name.p);
    return sov_model_add_tensor(g->m, &t, name, g->part, off, err);
}

/* All of it inside the file?  Of a pipe the end is not known yet. */
static int
place(struct gguf *g, struct sov_entry *e, struct sov_err *err)
{
    const struct sov_file *file = g->in->file;
    uint64_t limit = file->regular ? file->size : INT64_MAX;
    uint64_t begin, end;

    if (sov_add(g->data, e->off, &begin) && sov_add(begin, e->t.size, &end) &&
        (end <= limit || (e->t.size == 0 && begin - limit < g->align))) {
        e->off = begin;
        return 0;
    }
    return sov_fail(err, SOV_EFORMAT,
                    "tensor %.80s: offset %" PRIu64 " and %" PRIu64
                    " bytes are beyond the end of the file, which has "
                    "%" PRIu64 " bytes of data",
                    e->t.name, e->off, e->t.size,
                    limit > g->data ? limit - g->data : 0);
}

static int
read_tensors(struct gguf *g, struct sov_err *err)
{
    size_t first = g->m->n;
    int rc;

    for (uint64_t i = 0; i < g->n_tensors; i++) {
        rc = read_tensor(g, err);
        if (rc < 0)
            return sov_err_wrap(err, "tensor %" PRIu64, i);
    }
    g->at = sov_in_offset(g->in);
    g->data = g->at;
    if (g->n_tensors > 0 && !sov_pad(g->at, g->align, &g->data))
        return sov_fail(err, SOV_EFORMAT, "the header is too long");
    for (size_t i = first; i < g->m->n; i++) {
        rc = place(g, &g->m->entry[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int
sov_gguf_part(sov_model *m, size_t at, sov_meta *meta, uint64_t *align,
              uint64_t *data, struct sov_err *err)
{
    struct gguf *g = sov_mem_array(1, sizeof(*g));
    int rc;

    if (g == NULL)
        return sov_mem_fail(err);
    g->m = m;
    g->part = at;
    g->in = &m->part[at]->in;
    g->meta = meta;
    rc = read_start(g, err);
    if (rc == 0)
        rc = read_keys(g, err);
    if (rc == 0) {
        g->at = sov_in_offset(g->in);
        rc = find_alignment(g, err);
    }
    if (rc == 0)
        rc = read_tensors(g, err);
    if (rc == SOV_EFORMAT)
        sov_err_wrap(err, "offset 0x%" PRIx64, g->at);
    if (rc < 0)
        sov_part_wrap(m->part[at], err);
    *align = g->align;
    *data = g->data;
    free(g);
    return rc;
}
