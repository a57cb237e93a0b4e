/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors_write.c - the header of a safetensors file, and the index of
 * several
 *
 * The JSON has __metadata__ first, its keys sorted, then the tensors in the
 * order of their bytes, and spaces up to a multiple of 8, as the first writer
 * of the format has it.  safetensors.h has the picture.
 */
#include "fmt/safetensors.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "fmt/plan.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_REST 128 /* of an entry: all but its name, at most */

static void
put_text(struct sov_buf *b, const char *text)
{
    sov_buf_add(b, text, strlen(text));
}

static void
put_number(struct sov_buf *b, uint64_t v)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, v);
    put_text(b, text);
}

/* UTF-8 as a JSON string. */
static void
put_string(struct sov_buf *b, const void *text, size_t len)
{
    const unsigned char *p = text;
    char code[8];

    sov_buf_u8(b, '"');
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '"' || p[i] == '\\') {
            sov_buf_u8(b, '\\');
            sov_buf_u8(b, p[i]);
        } else if (p[i] < 0x20) {
            snprintf(code, sizeof(code), "\\u%04x", p[i]);
            put_text(b, code);
        } else {
            sov_buf_u8(b, p[i]);
        }
    }
    sov_buf_u8(b, '"');
}

/* ---- __metadata__ */

static bool
is_ours(const struct sov_kv *kv)
{
    return kv->type == SOV_V_STR &&
           strncmp(kv->key, SOV_ST_PREFIX, strlen(SOV_ST_PREFIX)) == 0 &&
           kv->key[strlen(SOV_ST_PREFIX)] != '\0';
}

static int
by_key(const void *a, const void *b)
{
    const struct sov_kv *const *x = a, *const *y = b;

    return strcmp((*x)->key, (*y)->key);
}

static int
put_metadata(const sov_plan *plan, struct sov_buf *b, struct sov_err *err)
{
    size_t n = sov_meta_count(plan->meta), k = 0;
    const struct sov_kv **list = sov_mem_array(n, sizeof(*list));

    if (list == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        if (is_ours(sov_meta_at(plan->meta, i)))
            list[k++] = sov_meta_at(plan->meta, i);
    qsort(list, k, sizeof(*list), by_key);
    if (k > 0)
        put_text(b, "\"__metadata__\":{");
    for (size_t i = 0; i < k; i++) {
        const char *key = list[i]->key + strlen(SOV_ST_PREFIX);

        if (i > 0)
            sov_buf_u8(b, ',');
        put_string(b, key, strlen(key));
        sov_buf_u8(b, ':');
        put_string(b, list[i]->val.p, list[i]->val.len);
    }
    if (k > 0)
        sov_buf_u8(b, '}');
    free(list);
    return 0;
}

/* ---- tensors */

static void
put_dtype(struct sov_buf *b, enum sov_type type)
{
    sov_buf_u8(b, '"');
    for (const char *p = sov_type_info((int)type)->name; *p != '\0'; p++)
        sov_buf_u8(b, (uint8_t)toupper((unsigned char)*p));
    sov_buf_u8(b, '"');
}

static void
put_entry(struct sov_buf *b, const struct sov_tensor *t, uint64_t off)
{
    put_string(b, t->name, strlen(t->name));
    put_text(b, ":{\"dtype\":");
    put_dtype(b, t->type);
    put_text(b, ",\"shape\":[");
    for (uint32_t i = t->ndim; i > 0; i--) {
        put_number(b, t->dim[i - 1]);
        if (i > 1)
            sov_buf_u8(b, ',');
    }
    put_text(b, "],\"data_offsets\":[");
    put_number(b, off);
    sov_buf_u8(b, ',');
    put_number(b, off + t->size);
    put_text(b, "]}");
}

static int
st_header(const sov_plan *plan, struct sov_buf *b, size_t first, size_t n,
          size_t no, size_t count, struct sov_err *err)
{
    struct sov_buf json = { 0 };
    uint64_t off = 0;
    int rc;

    (void)no;
    (void)count;
    sov_buf_u8(&json, '{');
    rc = put_metadata(plan, &json, err);
    if (rc == 0 && json.len > SOV_ST_ENTRY_MAX)
        rc = sov_fail(err, SOV_EUNSUP,
                      "metadata of %zu bytes is over the limit of %" PRIu64,
                      json.len, SOV_ST_ENTRY_MAX);
    for (size_t i = first; i < first + n && rc == 0; i++) {
        if (json.len > 1)
            sov_buf_u8(&json, ',');
        put_entry(&json, &plan->tensor[i], off);
        if (!sov_add(off, plan->tensor[i].size, &off))
            rc = sov_fail(err, SOV_EARG, "the file would be too large");
    }
    sov_buf_u8(&json, '}');
    while (json.len % 8 != 0 && !json.bad)
        sov_buf_u8(&json, ' ');
    if (rc == 0 && json.len > SOV_ST_HEADER_MAX)
        rc = sov_fail(err, SOV_EUNSUP,
                      "a header of %zu bytes is over the limit of %" PRIu64
                      "; cut the model into several files",
                      json.len, SOV_ST_HEADER_MAX);
    sov_buf_u64(b, json.len);
    sov_buf_add(b, json.p, json.len);
    b->bad = b->bad || json.bad;
    sov_buf_free(&json);
    return rc;
}

static uint64_t
st_entry(const struct sov_tensor *t)
{
    return 2 * strlen(t->name) + 21 * (uint64_t)t->ndim + ENTRY_REST;
}

/* ---- the index */

static int
by_name(const void *a, const void *b)
{
    const struct sov_tensor *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static int
st_index(const sov_plan *plan, struct sov_buf *b, struct sov_err *err)
{
    const struct sov_tensor **list = sov_mem_array(plan->n, sizeof(*list));
    uint64_t total = 0, off;
    size_t file;

    if (list == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < plan->n; i++) {
        list[i] = &plan->tensor[i];
        total += plan->tensor[i].size;
    }
    qsort(list, plan->n, sizeof(*list), by_name);
    put_text(b, "{\n  \"metadata\": {\n    \"total_size\": ");
    put_number(b, total);
    put_text(b, "\n  },\n  \"weight_map\": {");
    for (size_t i = 0; i < plan->n; i++) {
        const char *name;

        sov_plan_place(plan, (size_t)(list[i] - plan->tensor), &file, &off);
        name = plan->file[file].name;
        put_text(b, i > 0 ? ",\n    " : "\n    ");
        put_string(b, list[i]->name, strlen(list[i]->name));
        put_text(b, ": ");
        put_string(b, name, strlen(name));
    }
    put_text(b, "\n  }\n}\n");
    free(list);
    return 0;
}

/* ---- what can be written */

static bool
is_utf8(struct sov_span s)
{
    uint32_t cp;

    for (size_t i = 0, step; i < s.len; i += step) {
        step = sov_utf8_step(s.p + i, s.len - i, &cp);
        if (step == 0)
            return false;
    }
    return true;
}

static int
st_begin(sov_plan *plan, struct sov_err *err)
{
    for (size_t i = 0; i < plan->n; i++) {
        const struct sov_tensor *t = &plan->tensor[i];
        const struct sov_type_info *info = sov_type_info((int)t->type);

        if (info->block > 1)
            return sov_fail(err, SOV_EUNSUP,
                            "tensor %.80s: a safetensors file cannot hold "
                            "%s; give it plain numbers (-t f16)",
                            t->name, info->name);
        if (strcmp(t->name, "__metadata__") == 0)
            return sov_fail(err, SOV_EUNSUP,
                            "tensor %s: a safetensors file cannot have one of "
                            "that name",
                            t->name);
    }
    for (size_t i = 0; i < sov_meta_count(plan->meta); i++) {
        const struct sov_kv *kv = sov_meta_at(plan->meta, i);

        if (is_ours(kv) && !is_utf8(kv->val))
            return sov_fail(err, SOV_EUNSUP,
                            "key %.80s: a safetensors file holds UTF-8 alone",
                            kv->key);
    }
    return 0;
}

const struct sov_form sov_form_safetensors = {
    .name = "safetensors",
    .suffix = ".safetensors",
    .begin = st_begin,
    .header = st_header,
    .entry = st_entry,
    .index = st_index,
    .index_suffix = ".safetensors.index.json",
};
