/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.c - an importance matrix: sums of squares, and how many there were
 *
 *   general.type = "imatrix"
 *   imatrix.datasets, imatrix.chunk_count, imatrix.chunk_size
 *   NAME.in_sum2  f32 [columns, matrices]   sums of squares
 *   NAME.counts   f32 [1, matrices]         tokens that each matrix saw
 *
 * The file is read as a model, which it is to lib/fmt (of the older form it
 * shows the same tensors), and stays mapped; this only pairs the tensors and
 * looks at every number once.  Tensors with other names are left alone.
 */
#include "calib/stats.h"

#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "fmt/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SUMS   ".in_sum2"
#define COUNTS ".counts"

static float
number(const unsigned char *p, uint64_t i)
{
    return sov_lef32(p + 4 * i);
}

/* ---- opening ---- */

/* "blk.0.attn_q.weight.in_sum2": bytes before the suffix, or 0. */
static size_t
stem(const char *name, const char *suffix)
{
    size_t n = strlen(name), k = strlen(suffix);

    return n > k && strcmp(name + n - k, suffix) == 0 ? n - k : 0;
}

/* The tensor that is called like the first len bytes and the suffix. */
static const struct sov_tensor *
partner(const sov_model *m, const char *name, size_t len, const char *suffix)
{
    char *other = malloc(len + strlen(suffix) + 1);
    int64_t at = -1;

    if (other != NULL) {
        memcpy(other, name, len);
        strcpy(other + len, suffix);
        at = sov_model_find(m, other);
    }
    free(other);
    return at < 0 ? NULL : sov_model_at(m, (size_t)at);
}

static int
check_shapes(const struct sov_tensor *sums, const struct sov_tensor *counts,
             struct sov_err *err)
{
    uint64_t values = sov_tensor_count(sums), matrices;

    if (counts == NULL)
        return sov_fail(err, SOV_EFORMAT, "there are sums and no counts");
    if (sums->type != SOV_TYPE_F32 || counts->type != SOV_TYPE_F32)
        return sov_fail(
            err, SOV_EFORMAT, "the numbers are %s, not f32",
            sov_type_info(
                (int)(sums->type != SOV_TYPE_F32 ? sums : counts)->type)
                ->name);
    matrices = sov_tensor_count(counts);
    if (values == 0 || matrices == 0 || values % matrices != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "%" PRIu64 " sums cannot be of %" PRIu64 " matrices",
                        values, matrices);
    if (values / matrices > SOV_WIDTH_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "%" PRIu64 " columns are over the limit of %" PRIu64,
                        values / matrices, SOV_WIDTH_MAX);
    return 0;
}

static int
refuse(const char *what, uint64_t i, float x, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "%s %" PRIu64 " is %s", what, i,
                    isnan(x)   ? "not a number"
                    : isinf(x) ? "infinite"
                    : x < 0    ? "negative"
                               : "not a whole number");
}

static int
check_numbers(const struct sov_stats_entry *e, struct sov_err *err)
{
    for (uint64_t i = 0; i < e->values; i++) {
        float x = number(e->sum, i);

        if (!(x >= 0 && x <= 0x1.fffffep127f))
            return refuse("sum", i, x, err);
    }
    for (uint64_t i = 0; i < e->matrices; i++) {
        float x = number(e->count, i);

        if (!(x >= 0 && x <= 0x1.fffffep127f && floorf(x) == x))
            return refuse("count", i, x, err);
    }
    return 0;
}

static int
add_entry(struct sov_stats *s, const struct sov_tensor *sums, size_t len,
          struct sov_err *err)
{
    const struct sov_tensor *counts =
        partner(s->model, sums->name, len, COUNTS);
    struct sov_stats_entry *e = &s->entry[s->n];
    int rc = check_shapes(sums, counts, err);

    if (rc < 0)
        return rc;
    e->name = sov_mem_dup(sums->name, len);
    if (e->name == NULL)
        return sov_mem_fail(err);
    s->n++;
    e->sum = sums->data;
    e->count = counts->data;
    e->values = sov_tensor_count(sums);
    e->matrices = sov_tensor_count(counts);
    rc = sov_map_add(&s->names, e->name, len, s->n - 1, err);
    return rc < 0 ? rc : check_numbers(e, err);
}

static int
add_entries(struct sov_stats *s, struct sov_err *err)
{
    size_t n = sov_model_count(s->model);
    int rc = 0;

    s->entry = sov_mem_array(n, sizeof(*s->entry));
    if (s->entry == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(s->model, i);
        size_t sums = stem(t->name, SUMS), counts = stem(t->name, COUNTS);

        if (sums > 0)
            rc = add_entry(s, t, sums, err);
        else if (counts > 0 && partner(s->model, t->name, counts, SUMS) == NULL)
            rc = sov_fail(err, SOV_EFORMAT, "there are counts and no sums");
        if (rc < 0)
            return sov_err_wrap(err, "%.80s", t->name);
    }
    if (s->n == 0)
        return sov_fail(err, SOV_EFORMAT,
                        "no tensor's name ends in \"%s\": not an importance "
                        "matrix",
                        SUMS);
    return 0;
}

/* Names of texts, as they can be shown and written elsewhere. */
static int
read_datasets(struct sov_stats *s, struct sov_err *err)
{
    const struct sov_kv *kv =
        sov_meta_find(sov_model_meta(s->model), "imatrix.datasets");
    char safe[SOV_DATASET_MAX + 1];
    struct sov_span name;
    size_t at = 0;

    if (kv == NULL)
        return 0;
    if (kv->type != SOV_V_ARR || kv->elem != SOV_V_STR)
        return sov_fail(err, SOV_EFORMAT, "key %s: is not an array of strings",
                        kv->key);
    if (kv->n > SOV_DATASETS_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "key %s: number of elements %" PRIu64
                        " is over the limit of %" PRIu64,
                        kv->key, kv->n, SOV_DATASETS_MAX);
    s->dataset = sov_mem_array((size_t)kv->n, sizeof(*s->dataset));
    if (s->dataset == NULL)
        return sov_mem_fail(err);
    while (sov_kv_next_str(kv, &at, &name)) {
        sov_text_safe(name.p, name.len, safe, sizeof(safe));
        s->dataset[s->n_datasets] = sov_mem_dup(safe, strlen(safe));
        if (s->dataset[s->n_datasets] == NULL)
            return sov_mem_fail(err);
        s->n_datasets++;
    }
    return 0;
}

static int
read_meta(struct sov_stats *s, struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(s->model);
    struct sov_span type = { 0 };
    int rc = sov_meta_str(meta, "general.type", &type, err);

    if (rc == 0 && (type.len != 7 || memcmp(type.p, "imatrix", 7) != 0))
        return sov_fail(
            err, SOV_EFORMAT, "key general.type: is \"%.*s\", not \"imatrix\"",
            type.len < 40 ? (int)type.len : 40, (const char *)type.p);
    if (rc >= 0)
        rc = sov_meta_u64(meta, "imatrix.chunk_count", &s->chunks, err);
    if (rc >= 0)
        rc = sov_meta_u64(meta, "imatrix.chunk_size", &s->chunk_size, err);
    return rc < 0 ? rc : read_datasets(s, err);
}

static int
load(struct sov_stats *s, const char *path, struct sov_err *err)
{
    const struct sov_model_opts opts = {
        .access = SOV_ACCESS_MAP,
        .plain = true,
        .hash = SOV_HASH_SHA256,
    };
    int rc = sov_model_load_with(&s->model, path, &opts, err);

    if (rc < 0)
        return rc;
    rc = read_meta(s, err);
    if (rc == 0 && sov_model_file_name(s->model, 1) != NULL)
        rc = sov_fail(err, SOV_EUNSUP, "is in several files");
    if (rc == 0)
        rc = add_entries(s, err);
    if (rc == 0)
        return sov_model_finish(s->model, err);
    return sov_err_wrap(err, "%s",
                        strcmp(path, "-") == 0 ? "standard input" : path);
}

int
sov_stats_open(sov_stats **stats, const char *path, struct sov_err *err)
{
    struct sov_stats *s = sov_mem_array(1, sizeof(*s));
    struct sov_err unseen;
    int rc;

    *stats = NULL;
    if (err == NULL)
        err = &unseen;
    if (s == NULL)
        return sov_mem_fail(err);
    rc = load(s, path, err);
    if (rc < 0) {
        sov_stats_close(s);
        return rc;
    }
    *stats = s;
    return 0;
}

void
sov_stats_close(sov_stats *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++) {
        free(s->entry[i].name);
        free(s->entry[i].own);
    }
    for (size_t i = 0; i < s->n_datasets; i++)
        free(s->dataset[i]);
    free(s->entry);
    free(s->dataset);
    sov_map_free(&s->names);
    sov_model_close(s->model);
    free(s);
}

/* ---- what it shows ---- */

size_t
sov_stats_count(const sov_stats *s)
{
    return s->n;
}

const char *
sov_stats_name(const sov_stats *s, size_t i)
{
    return s->entry[i].name;
}

int64_t
sov_stats_find(const sov_stats *s, const char *name)
{
    uint64_t at;

    return sov_map_get(&s->names, name, strlen(name), &at) ? (int64_t)at : -1;
}

uint64_t
sov_stats_values(const sov_stats *s, size_t i)
{
    return s->entry[i].values;
}

int
sov_stats_fits(const sov_stats *s, size_t i, const struct sov_tensor *t,
               struct sov_err *err)
{
    uint64_t want = t->dim[0] * t->dim[2] * t->dim[3];
    uint64_t have = sov_stats_values(s, i);

    if (have == want)
        return 0;
    return sov_fail(err, SOV_EFORMAT,
                    "tensor %.80s has %" PRIu64
                    " columns, its statistics have %" PRIu64
                    ": not of this model",
                    t->name, want, have);
}

void
sov_stats_mean(const sov_stats *s, size_t i, uint64_t first, size_t n,
               float *mean)
{
    const struct sov_stats_entry *e = &s->entry[i];
    uint64_t columns = e->values / e->matrices, end;

    for (uint64_t at = first; at < first + n; at = end) {
        float count = number(e->count, at / columns);

        end = at - at % columns + columns;
        end = end < first + n ? end : first + n;
        for (uint64_t k = at; k < end; k++)
            mean[k - first] = count > 0 ? number(e->sum, k) / count : 1.0f;
    }
}

uint64_t
sov_stats_unseen(const sov_stats *s, size_t i, uint64_t *which)
{
    const struct sov_stats_entry *e = &s->entry[i];
    uint64_t n = 0;

    for (uint64_t k = 0; k < e->matrices; k++)
        if (number(e->count, k) == 0 && n++ == 0)
            *which = k;
    return n;
}

const char *
sov_stats_dataset(const sov_stats *s, size_t i)
{
    return i < s->n_datasets ? s->dataset[i] : NULL;
}

uint64_t
sov_stats_chunks(const sov_stats *s)
{
    return s->chunks;
}

uint64_t
sov_stats_chunk_size(const sov_stats *s)
{
    return s->chunk_size;
}

const char *
sov_stats_format(const sov_stats *s)
{
    return s->model != NULL ? sov_model_format(s->model) : "gguf";
}

int
sov_stats_finish(sov_stats *s, struct sov_err *err)
{
    return s->model != NULL ? sov_model_finish(s->model, err) : 0;
}

const struct sov_digest *
sov_stats_digest(const sov_stats *s)
{
    return s->model != NULL ? sov_model_digest(s->model, 0) : NULL;
}
