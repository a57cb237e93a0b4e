/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors.c - one safetensors file, with the rules of its first reader
 *
 * Every byte of the file has one meaning: the JSON has no key twice, and the
 * tensors cover the data from its beginning to the end of the file, with no
 * hole and no overlap, so that nothing can hide there.
 *
 * Shapes are turned around into GGUF order: [out, in] is dim = { in, out }.
 */
#include "fmt/safetensors.h"

#include "fmt/members.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "tensor/type.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX 8u /* bytes before the JSON */

static uint64_t
header_length(const unsigned char *p)
{
    struct sov_rd rd = sov_rd_over(p, PREFIX);

    return sov_rd_u64(&rd);
}

bool
sov_safetensors_begins(struct sov_span head)
{
    return head.len > PREFIX && head.p[PREFIX] == '{' &&
           header_length(head.p) <= SOV_ST_HEADER_MAX;
}

static bool
is_index(const char *path)
{
    return sov_ends_with(path, ".index.json");
}

static int
safetensors_bid(const struct sov_taste *taste)
{
    struct sov_span head = taste->head;

    if (taste->dir || head.len == 0)
        return 0;
    if (is_index(taste->path) && head.p[0] == '{')
        return 80;
    if (sov_safetensors_begins(head))
        return 60;
    return sov_ends_with(taste->path, ".safetensors") &&
           sov_looks(head) == NULL ? 10 : 0;
}

/* ---- one entry */

/* dtype is the upper-case name of a plain type. */
static int
read_dtype(const json_t *entry, enum sov_type *type, struct sov_err *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const struct sov_type_info *info;
    char lower[16];
    size_t i;

    if (dtype == NULL)
        return sov_fail(err, SOV_EFORMAT, "has no dtype");
    for (i = 0; dtype[i] != '\0' && i < sizeof(lower) - 1; i++)
        lower[i] = dtype[i] >= 'A' && dtype[i] <= 'Z'
                       ? (char)(dtype[i] - 'A' + 'a')
                   : dtype[i] >= 'a' && dtype[i] <= 'z' ? '?' : dtype[i];
    lower[i] = '\0';
    info = dtype[i] == '\0' ? sov_type_by_name(lower) : NULL;
    if (info == NULL || info->block != 1)
        return sov_fail(err, SOV_EFORMAT, "dtype \"%.40s\" is not known",
                        dtype);
    *type = info->type;
    return 0;
}

/* Element i of an array as a number from 0 to 2^63 - 1. */
static bool
number_at(const json_t *array, size_t i, uint64_t *v)
{
    const json_t *x = json_array_get(array, i);

    if (!json_is_integer(x) || json_integer_value(x) < 0)
        return false;
    *v = (uint64_t)json_integer_value(x);
    return true;
}

static int
read_shape(const json_t *entry, struct sov_tensor *t, struct sov_err *err)
{
    const json_t *shape = json_object_get(entry, "shape");
    size_t n = json_array_size(shape);

    if (!json_is_array(shape))
        return sov_fail(err, SOV_EFORMAT, "has no shape");
    if (n > SOV_NDIM_MAX)
        return sov_fail(err, SOV_EFORMAT, "%zu dimensions, the limit is %d",
                        n, SOV_NDIM_MAX);
    t->ndim = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        if (!number_at(shape, i, &t->dim[n - 1 - i]))
            return sov_fail(err, SOV_EFORMAT,
                            "dimension %zu of the shape is not a count", i);
    return sov_tensor_measure(t, err);
}

static int
read_entry(sov_model *m, size_t at, uint64_t data, const char *name,
           const json_t *entry, struct sov_err *err)
{
    struct sov_span text = { (const unsigned char *)name, strlen(name) };
    const json_t *range = json_object_get(entry, "data_offsets");
    struct sov_tensor t = { 0 };
    uint64_t begin, end;
    int rc;

    rc = read_dtype(entry, &t.type, err);
    if (rc == 0)
        rc = read_shape(entry, &t, err);
    if (rc < 0)
        return rc;
    if (json_array_size(range) != 2 || !number_at(range, 0, &begin) ||
        !number_at(range, 1, &end))
        return sov_fail(err, SOV_EFORMAT, "data_offsets are not two counts");
    if (begin > end || end - begin != t.size)
        return sov_fail(err, SOV_EFORMAT,
                        "data_offsets [%" PRIu64 ", %" PRIu64 "], but dtype "
                        "and shape make %" PRIu64 " bytes",
                        begin, end, t.size);
    if (!sov_add(data, begin, &begin)) /* both below 2^63 */
        return sov_fail(err, SOV_EFORMAT, "data_offsets out of range");
    return sov_model_add_tensor(m, &t, text, at, begin, err);
}

/* Can it be a key of a model's metadata? */
static bool
is_key(const char *key)
{
    struct sov_span text = { (const unsigned char *)key, strlen(key) };

    return text.len > 0 && text.len <= SOV_KEY_MAX - strlen(SOV_ST_PREFIX) &&
           sov_name_ok(text);
}

/* The keys of every part; of one that comes again the first holds. */
static int
read_metadata(sov_model *m, const json_t *meta, struct sov_err *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)meta, key, value)
    {
        struct sov_kv kv = { .type = SOV_V_STR, .elem = SOV_V_STR, .n = 1 };
        char *name;
        int rc;

        if (!json_is_string(value))
            return sov_fail(err, SOV_EFORMAT, "%.60s is not a string", key);
        if (!is_key(key)) {
            sov_model_warn(m, "__metadata__: %.60s is left out", key);
            continue;
        }
        if (asprintf(&name, SOV_ST_PREFIX "%s", key) < 0)
            return sov_mem_fail(err);
        kv.key = name;
        kv.val.p = (const unsigned char *)json_string_value(value);
        kv.val.len = json_string_length(value);
        rc = sov_meta_find(m->meta, name) == NULL
                 ? sov_meta_set(m->meta, &kv, err)
                 : 0;
        free(name);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- the header */

static int
add_entries(sov_model *m, size_t at, uint64_t data, struct sov_span text,
            struct sov_err *err)
{
    struct sov_members ms = sov_members_of(text);
    bool has_metadata = false;
    json_t *entry;
    char *name;
    int rc;

    while ((rc = sov_members_next(&ms, &name, &entry, err)) == 0) {
        if (strcmp(name, "__metadata__") != 0)
            rc = read_entry(m, at, data, name, entry, err);
        else if (has_metadata)
            rc = sov_fail(err, SOV_EFORMAT, "stands there twice");
        else
            rc = read_metadata(m, entry, err);
        has_metadata = has_metadata || strcmp(name, "__metadata__") == 0;
        if (rc < 0)
            sov_err_wrap(err, "%.80s", name);
        json_decref(entry);
        free(name);
        if (rc < 0)
            break;
    }
    return rc < 0 ? rc : 0;
}

/* The length makes no sense: is it a file of another kind? */
static int
bad_length(uint64_t len, struct sov_span head, struct sov_err *err)
{
    const char *what = sov_looks(head);

    if (what != NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "not a safetensors file: looks like %s", what);
    return sov_fail(err, SOV_EFORMAT,
                    "header length %" PRIu64 " is over the limit of %" PRIu64,
                    len, SOV_ST_HEADER_MAX);
}

static int
read_header(sov_model *m, size_t at, struct sov_err *err)
{
    struct sov_in *in = &m->part[at]->in;
    struct sov_span text, head;
    uint64_t len;
    int rc;

    rc = sov_in_need(in, PREFIX, err);
    if (rc < 0)
        return rc;
    head = in->rd.left;
    len = sov_rd_u64(&in->rd);
    if (len > SOV_ST_HEADER_MAX)
        return bad_length(len, head, err);
    if (len < 2)
        return sov_fail(err, SOV_EFORMAT, "header length is %" PRIu64, len);
    rc = sov_in_need(in, len, err);
    if (rc < 0)
        return sov_err_wrap(err, "header");
    text = sov_rd_bytes(&in->rd, len);
    while (text.len > 0 && text.p[text.len - 1] == ' ')
        text.len--;
    if (text.len < 2 || text.p[0] != '{' || text.p[text.len - 1] != '}')
        return sov_fail(err, SOV_EFORMAT,
                        "header is not a JSON object with spaces behind it");
    rc = add_entries(m, at, PREFIX + len, text, err);
    return rc < 0 ? sov_err_wrap(err, "header") : 0;
}

int
sov_safetensors_part(sov_model *m, size_t at, struct sov_err *err)
{
    int rc = read_header(m, at, err);

    return rc < 0 ? sov_part_wrap(m->part[at], err) : 0;
}

/* Where the data of a part begins: its window stands there. */
static uint64_t
data_start(const struct sov_part *part)
{
    return sov_in_offset(&part->in);
}

static int
check_coverage(sov_model *m, uint64_t *end, struct sov_err *err)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct sov_entry *e = &m->entry[i];

        if (e->off != end[e->part]) {
            sov_fail(err, SOV_EFORMAT,
                     "tensor %.80s begins at 0x%" PRIx64 ", but the one "
                     "before it ends at 0x%" PRIx64 ": %s",
                     e->t.name, e->off, end[e->part],
                     e->off > end[e->part] ? "a hole" : "an overlap");
            return sov_part_wrap(m->part[e->part], err);
        }
        if (!sov_add(e->off, e->t.size, &end[e->part]))
            return sov_fail(err, SOV_EFORMAT, "data_offsets out of range");
    }
    return 0;
}

int
sov_safetensors_settle(sov_model *m, struct sov_err *err)
{
    uint64_t *end;
    int rc;

    rc = sov_model_sort(m, err);
    if (rc < 0)
        return rc;
    end = sov_mem_array(m->n_parts, sizeof(*end));
    if (end == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < m->n_parts; i++)
        end[i] = data_start(m->part[i]);
    rc = check_coverage(m, end, err);
    for (size_t i = 0; i < m->n_parts && rc == 0; i++) {
        const struct sov_part *part = m->part[i];

        if (is_index(part->path) || !part->file.regular ||
            end[i] == part->file.size)
            continue;
        sov_fail(err, SOV_EFORMAT,
                 "the tensors end at 0x%" PRIx64 ", the file at 0x%" PRIx64,
                 end[i], part->file.size);
        rc = sov_part_wrap(part, err);
    }
    m->to_the_end = true;
    free(end);
    return rc;
}

/* ---- the row */

char *
sov_dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return sov_mem_dup(".", 1);
    return sov_mem_dup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* NAME-00001-of-00002.safetensors, one of several */
static bool
is_shard(const char *path)
{
    const char *of = NULL;
    const char *at = path;

    while ((at = strstr(at, "-of-")) != NULL)
        of = at++;
    return of != NULL && of - path >= 6 && of[-6] == '-' &&
           strspn(of + 4, "0123456789") == 5 && atoi(of + 4) > 1;
}

static int
safetensors_load(sov_model *m, struct sov_err *err)
{
    bool by_name = strcmp(m->path, "-") != 0 && !m->part[0]->pipe;
    const char *slash = strrchr(m->path, '/');
    int rc;

    if (by_name && (is_index(m->path) || !is_shard(m->path))) {
        m->dir = sov_dir_of(m->path);
        if (m->dir == NULL)
            return sov_mem_fail(err);
    }
    if (is_index(m->path))
        rc = sov_safetensors_index(m, slash != NULL ? slash + 1 : m->path,
                                   err);
    else
        rc = sov_safetensors_part(m, 0, err);
    if (rc == 0)
        rc = sov_safetensors_settle(m, err);
    if (rc == 0 && m->dir != NULL)
        rc = sov_model_load_config(m, err);
    if (rc == 0 && m->dir == NULL && by_name)
        sov_model_warn(m, "one of several shards, read alone: give the "
                       "folder or its index for the whole model");
    return rc;
}

const struct sov_format sov_format_safetensors = {
    .name = "safetensors",
    .bid = safetensors_bid,
    .load = safetensors_load,
};
