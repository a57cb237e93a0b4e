/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats_make.c - an importance matrix of our own, and its file
 *
 *   general.type = "imatrix"
 *   imatrix.datasets, imatrix.chunk_count, imatrix.chunk_size
 *   NAME.in_sum2  f32 [columns, matrices]   sums of squares
 *   NAME.counts   f32 [1, matrices]         tokens that each matrix saw
 *   NAME.in_sum   f32 [columns, matrices]   plain sums
 *
 * What is made has the numbers of that file already, so that nothing depends
 * on whether it was written and read in between.
 */
#include "calib/stats.h"

#include "base/buf.h"
#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "fmt/plan.h"
#include "base/text.h"
#include "sov/calib.h"
#include "sov/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
sov_stats_make(sov_stats **stats, const char *dataset, uint64_t chunks,
               uint64_t chunk_size, struct sov_err *err)
{
    struct sov_stats *s = sov_mem_array(1, sizeof(*s));
    char safe[SOV_DATASET_MAX + 1];

    *stats = NULL;
    if (s == NULL)
        return sov_mem_fail(err);
    s->chunks = chunks;
    s->chunk_size = chunk_size;
    sov_text_safe(dataset, strlen(dataset), safe, sizeof(safe));
    s->dataset = sov_mem_array(1, sizeof(*s->dataset));
    if (s->dataset != NULL)
        s->dataset[0] = sov_mem_dup(safe, strlen(safe));
    if (s->dataset == NULL || s->dataset[0] == NULL) {
        sov_stats_close(s);
        return sov_mem_fail(err);
    }
    s->n_datasets = 1;
    *stats = s;
    return 0;
}

static unsigned char *
put_number(unsigned char *to, float x)
{
    sov_putf32(to, x);
    return to + 4;
}

int
sov_stats_take(sov_stats *s, const char *name, size_t columns, size_t matrices,
               const double *square, const double *sum, const uint64_t *count,
               struct sov_err *err)
{
    size_t values = columns * matrices;
    struct sov_stats_entry *e;
    unsigned char *to;

    if (sov_mem_grow((void **)&s->entry, s->n, &s->cap, sizeof(*s->entry),
                     err) < 0)
        return SOV_EMEM;
    e = &s->entry[s->n];
    *e = (struct sov_stats_entry){ .values = values, .matrices = matrices };
    e->name = sov_mem_dup(name, strlen(name));
    e->own = to = sov_mem_array(2 * values + matrices, 4);
    s->n++;
    if (e->name == NULL || to == NULL)
        return sov_mem_fail(err);
    e->sum = to;
    for (size_t i = 0; i < values; i++)
        to = put_number(to, (float)square[i]);
    e->count = to;
    for (size_t i = 0; i < matrices; i++)
        to = put_number(to, (float)count[i]);
    e->plain = to;
    for (size_t i = 0; i < values; i++)
        to = put_number(to, (float)sum[i]);
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    const struct sov_stats_entry *x = a, *y = b;

    return strcmp(x->name, y->name);
}

int
sov_stats_made(sov_stats *s, struct sov_err *err)
{
    int rc = 0;

    if (s->n > 0)
        qsort(s->entry, s->n, sizeof(*s->entry), by_name);
    for (size_t i = 0; i < s->n && rc >= 0; i++)
        rc = sov_map_add(&s->names, s->entry[i].name, strlen(s->entry[i].name),
                         i, err);
    return rc < 0 ? rc : 0;
}

/* ---- the file ---- */

static int
set_meta(sov_meta *meta, const sov_stats *s, struct sov_err *err)
{
    struct sov_buf text = { 0 };
    struct sov_kv kv = {
        .key = "imatrix.datasets",
        .type = SOV_V_ARR,
        .elem = SOV_V_STR,
        .n = s->n_datasets,
    };
    int rc = sov_meta_set_str(meta, "general.type", "imatrix", err);

    for (size_t i = 0; i < s->n_datasets; i++)
        sov_buf_str(&text, s->dataset[i], strlen(s->dataset[i]));
    kv.val = (struct sov_span){ text.p, text.len };
    if (rc == 0)
        rc = text.bad ? sov_mem_fail(err) : sov_meta_set(meta, &kv, err);
    sov_buf_free(&text);
    if (rc == 0)
        rc = sov_meta_set_u32(meta, "imatrix.chunk_count", (uint32_t)s->chunks,
                              err);
    if (rc == 0)
        rc = sov_meta_set_u32(meta, "imatrix.chunk_size",
                              (uint32_t)s->chunk_size, err);
    return rc;
}

static int
add_tensor(sov_plan *plan, const struct sov_stats_entry *e, const char *suffix,
           uint64_t columns, struct sov_err *err)
{
    const uint64_t dim[2] = { columns, e->matrices };
    char name[512];
    int n = snprintf(name, sizeof(name), "%s%s", e->name, suffix);

    if (n < 0 || (size_t)n >= sizeof(name))
        return sov_fail(err, SOV_EUNSUP, "tensor %.80s: the name is too long",
                        e->name);
    return sov_plan_add(plan, name, SOV_TYPE_F32, e->matrices > 1 ? 2 : 1, dim,
                        err);
}

static int
write_entries(sov_writer *w, const sov_stats *s, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < s->n && rc == 0; i++) {
        const struct sov_stats_entry *e = &s->entry[i];

        rc = sov_writer_data(w, e->sum, (size_t)e->values * 4, err);
        if (rc == 0)
            rc = sov_writer_data(w, e->count, (size_t)e->matrices * 4, err);
        if (rc == 0 && e->plain != NULL)
            rc = sov_writer_data(w, e->plain, (size_t)e->values * 4, err);
    }
    return rc;
}

int
sov_stats_plan(sov_plan **out, const sov_stats *s,
               const struct sov_layout *layout, struct sov_err *err)
{
    sov_plan *plan;
    int rc = sov_plan_new(&plan, NULL, err);

    *out = NULL;
    if (rc < 0)
        return rc;
    rc = set_meta(sov_plan_meta(plan), s, err);
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        const struct sov_stats_entry *e = &s->entry[i];

        rc = add_tensor(plan, e, ".in_sum2", e->values / e->matrices, err);
        if (rc == 0)
            rc = add_tensor(plan, e, ".counts", 1, err);
        if (rc == 0 && e->plain != NULL)
            rc = add_tensor(plan, e, ".in_sum", e->values / e->matrices, err);
    }
    if (rc == 0)
        rc = sov_plan_lay(plan, layout, err);
    if (rc < 0) {
        sov_plan_free(plan);
        return rc;
    }
    *out = plan;
    return 0;
}

static int
write_to(const sov_stats *s, const sov_plan *plan,
         const struct sov_taker *taker, sov_sink *const *sink,
         struct sov_err *err)
{
    sov_writer *w;
    int rc = sov_writer_open(&w, plan, taker, sink, 0, err);

    if (rc < 0)
        return rc;
    rc = write_entries(w, s, err);
    if (rc == 0)
        return sov_writer_end(&w, err);
    sov_writer_abort(w);
    return rc;
}

int
sov_stats_write(const sov_stats *s, const sov_plan *plan, sov_sink *const *sink,
                struct sov_err *err)
{
    return write_to(s, plan, NULL, sink, err);
}

int
sov_stats_give(const sov_stats *s, const sov_plan *plan,
               const struct sov_taker *taker, struct sov_err *err)
{
    const struct sov_taker all = { .take = taker->take, .arg = taker->arg };

    return write_to(s, plan, &all, NULL, err);
}

static int
hash_some(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    return sov_hasher_update(arg, buf, len, err);
}

int
sov_stats_sha256(const sov_stats *s, unsigned char sha256[SOV_SHA256_LEN],
                 struct sov_err *err)
{
    const struct sov_layout layout = { .form = "gguf" };
    struct sov_digest digest;
    sov_hasher *h = NULL;
    sov_sink *sink = NULL;
    sov_plan *plan = NULL;
    int rc = sov_stats_plan(&plan, s, &layout, err);

    if (rc == 0)
        rc = sov_hasher_new(&h, SOV_HASH_SHA256, err);
    if (rc == 0)
        rc = sov_sink_call(&sink, "statistics", hash_some, h, err);
    if (rc == 0)
        rc = sov_stats_write(s, plan, &sink, err);
    if (rc == 0)
        rc = sov_hasher_final(h, &digest, err);
    if (rc == 0)
        memcpy(sha256, digest.sha256, SOV_SHA256_LEN);
    sov_sink_abort(sink);
    sov_hasher_free(h);
    sov_plan_free(plan);
    return rc;
}
