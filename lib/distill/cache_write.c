/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_write.c - samples of a teacher's distributions, to a file
 *
 * The first LEARN tokens wait in memory: they say how all others are coded.
 * From then on a block leaves as soon as it is full.
 */
#include "distill/cache_out.h"

#include "base/le.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK SOV_FEW_OUT_BLOCK
#define LEARN 32768 /* tokens */

int
sov_few_writer_new(sov_few_writer **writer, sov_sink *sink,
                   const struct sov_few_about *about, struct sov_err *err)
{
    sov_few_writer *w;
    int rc = sov_few_check(about, err);

    *writer = NULL;
    if (rc < 0)
        return rc;
    w = sov_mem_array(1, sizeof(*w));
    if (w == NULL)
        return sov_mem_fail(err);
    w->sink = sink;
    w->about = *about;
    w->shares = sov_mem_array(about->n_vocab, 1);
    w->hash = sov_sum_new();
    if (w->shares == NULL || w->hash == NULL) {
        sov_few_writer_free(w);
        return sov_mem_fail(err);
    }
    *writer = w;
    return 0;
}

void
sov_few_writer_free(sov_few_writer *w)
{
    if (w == NULL)
        return;
    free(w->shares);
    sov_sum_free(w->hash);
    free(w->wait.size);
    free(w->wait.top);
    free(w->wait.id);
    free(w->wait.count);
    free(w->top);
    sov_buf_free(&w->index);
    free(w);
}

static int
put(sov_few_writer *w, const void *p, size_t len, struct sov_err *err)
{
    w->at += len;
    return sov_sink_write(w->sink, p, len, err);
}

/* ---- what stands before the blocks */

void
sov_few_writer_head(sov_few_writer *w, unsigned char h[SOV_FEW_HEAD])
{
    const struct sov_few_about *a = &w->about;

    memset(h, 0, SOV_FEW_HEAD);
    memcpy(h, SOV_FEW_MAGIC, SOV_FEW_TEXT);
    sov_put32(h + 8, SOV_FEW_VERSION);
    sov_put32(h + 12, SOV_FEW_HEAD);
    memcpy(h + 16, a->teacher, SOV_SHA256_LEN);
    memcpy(h + 48, a->tokenizer, SOV_SHA256_LEN);
    memcpy(h + 80, a->text, SOV_SHA256_LEN);
    sov_put64(h + 112, a->n_tokens);
    sov_put64(h + 120, a->seed);
    sov_put32(h + 128, a->n_ctx);
    sov_put32(h + 132, a->n_vocab);
    sov_put32(h + 136, a->n_draws);
    sov_putf32(h + 140, a->temp);
    sov_put32(h + 144, BLOCK);
    sov_put32(h + 148, a->apart);
    sov_xxh3(h, SOV_FEW_HEAD - SOV_XXH3_LEN, w->sum);
    memcpy(h + SOV_FEW_HEAD - SOV_XXH3_LEN, w->sum, SOV_XXH3_LEN);
}

static int
put_model(sov_few_writer *w, struct sov_err *err)
{
    unsigned char sum[SOV_XXH3_LEN];
    struct sov_buf b = { 0 };
    int rc = SOV_EMEM;

    sov_buf_add(&b, w->shares, w->about.n_vocab);
    for (uint32_t i = 1; i <= w->about.n_draws; i++)
        sov_buf_u16(&b, w->model.sizes[i]);
    sov_buf_u8(&b, w->model.evenness);
    if (!b.bad) {
        sov_few_sum(w->hash, w->sum, NULL, b.p, b.len, sum);
        sov_buf_add(&b, sum, sizeof(sum));
    }
    rc = b.bad ? sov_mem_fail(err) : put(w, b.p, b.len, err);
    sov_buf_free(&b);
    return rc;
}

static int
begin(sov_few_writer *w, struct sov_err *err)
{
    unsigned char head[SOV_FEW_HEAD];
    int rc = sov_few_learn(&w->model, &w->wait, w->about.n_vocab,
                           w->about.n_draws, w->shares, err);

    sov_few_writer_head(w, head);
    if (rc == 0)
        rc = put(w, head, sizeof(head), err);
    if (rc == 0)
        rc = put_model(w, err);
    w->begun = rc == 0;
    return rc;
}

/* ---- blocks */

static int
put_block(sov_few_writer *w, size_t first, size_t n, size_t at,
          struct sov_err *err)
{
    unsigned char sum[SOV_XXH3_LEN];
    struct sov_buf b = { 0 };
    int rc;

    sov_few_encode(&w->model, &w->wait, first, n, at, &b);
    if (b.bad) {
        sov_buf_free(&b);
        return sov_mem_fail(err);
    }
    sov_few_sum(w->hash, w->sum, &w->block, b.p, b.len, sum);
    rc = put(w, sum, sizeof(sum), err);
    if (rc == 0)
        rc = put(w, b.p, b.len, err);
    sov_buf_free(&b);
    w->block++;
    sov_buf_u64(&w->index, w->at);
    if (rc == 0)
        rc = w->index.bad ? sov_mem_fail(err) : sov_few_writer_note(w, err);
    return rc;
}

/* All that waits. */
static int
put_blocks(sov_few_writer *w, struct sov_err *err)
{
    struct sov_few_list *l = &w->wait;
    size_t at = 0;
    int rc = w->begun ? 0 : begin(w, err);

    for (size_t i = 0; i < l->n && rc == 0; i++) {
        l->top[i] =
            sov_few_top(&w->model, l->count + at, l->size[i], w->top[i]);
        at += l->size[i];
    }
    at = 0;
    for (size_t i = 0, n; i < l->n && rc == 0; i += n) {
        n = l->n - i < BLOCK ? l->n - i : BLOCK;
        rc = put_block(w, i, n, at, err);
        for (size_t j = i; j < i + n; j++)
            at += l->size[j];
    }
    l->n = l->n_ids = 0;
    return rc;
}

/* ---- what is added */

static int
make_room(sov_few_writer *w, struct sov_err *err)
{
    struct sov_few_list *l = &w->wait;
    size_t cap = w->begun ? BLOCK : LEARN, ids = cap * w->about.n_draws;

    if (l->size != NULL)
        return 0;
    l->size = sov_mem_array(cap, sizeof(*l->size));
    l->top = sov_mem_array(cap, sizeof(*l->top));
    w->top = sov_mem_array(cap, sizeof(*w->top));
    l->id = sov_mem_array(ids, sizeof(*l->id));
    l->count = sov_mem_array(ids, sizeof(*l->count));
    if (l->size == NULL || l->top == NULL || w->top == NULL || l->id == NULL ||
        l->count == NULL)
        return sov_mem_fail(err);
    return 0;
}

/* What is not a sample of so many draws must not be coded as one. */
static int
check_sample(const sov_few_writer *w, const struct sov_few *few,
             struct sov_err *err)
{
    uint64_t sum = 0;
    int32_t last = -1;

    for (uint32_t i = 0; i < few->n && i <= w->about.n_draws; i++) {
        if (few->id[i] <= last || (uint32_t)few->id[i] >= w->about.n_vocab ||
            few->count[i] == 0)
            return sov_fail(err, SOV_EARG,
                            "a sample with token %" PRId32 " behind %" PRId32,
                            few->id[i], last);
        last = few->id[i];
        sum += few->count[i];
    }
    if (sum == w->about.n_draws)
        return 0;
    return sov_fail(err, SOV_EARG,
                    "a sample of %" PRIu64 " draws, not %" PRIu32, sum,
                    w->about.n_draws);
}

int
sov_few_writer_add(sov_few_writer *w, const struct sov_few *few, float top,
                   struct sov_err *err)
{
    struct sov_few_list *l = &w->wait;
    int rc = check_sample(w, few, err);

    if (rc == 0)
        rc = make_room(w, err);
    if (rc < 0)
        return rc;
    memcpy(l->id + l->n_ids, few->id, few->n * sizeof(*few->id));
    memcpy(l->count + l->n_ids, few->count, few->n * sizeof(*few->count));
    l->n_ids += few->n;
    w->top[l->n] = top;
    l->size[l->n++] = (uint8_t)few->n;
    w->n++;
    return l->n == (w->begun ? BLOCK : LEARN) ? put_blocks(w, err) : 0;
}

int
sov_few_writer_end(sov_few_writer *w, struct sov_err *err)
{
    unsigned char sum[SOV_XXH3_LEN];
    uint64_t index;
    int rc;

    if (w->n != w->about.n_tokens)
        return sov_fail(err, SOV_EARG,
                        "samples of %" PRIu64 " tokens, not of %" PRIu64, w->n,
                        w->about.n_tokens);
    rc = put_blocks(w, err);
    if (rc < 0)
        return rc;
    index = w->at;
    sov_buf_u64(&w->index, index);
    sov_buf_add(&w->index, SOV_FEW_END, SOV_FEW_TEXT);
    if (w->index.bad)
        return sov_mem_fail(err);
    sov_few_sum(w->hash, w->sum, NULL, w->index.p, w->index.len, sum);
    rc = put(w, w->index.p, w->index.len, err);
    return rc == 0 ? put(w, sum, sizeof(sum), err) : rc;
}
