/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.c - samples of a teacher's distributions, out of a file
 *
 * The file is mapped.  Header, model and index are checked when it is opened,
 * each block when it is read; what is decoded is a possible sample whatever
 * the bytes are, and lies in memory that is taken once for so many tokens.
 */
#include "distill/cache_in.h"

#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what can be */

int
sov_few_check(const struct sov_few_about *a, struct sov_err *err)
{
    if (a->n_draws == 0 || a->n_draws > SOV_FEW_MAX)
        return sov_fail(err, SOV_EARG,
                        "%" PRIu32 " draws of a token, the limit is %d",
                        a->n_draws, SOV_FEW_MAX);
    if (a->n_vocab < a->n_draws || a->n_vocab < 2 || a->n_vocab > SOV_VOCAB_MAX)
        return sov_fail(err, SOV_EARG,
                        "%" PRIu32 " draws from a vocabulary of %" PRIu32,
                        a->n_draws, a->n_vocab);
    if (a->n_tokens == 0 || a->n_tokens > SOV_FEW_TOKENS)
        return sov_fail(err, SOV_EARG,
                        "samples for %" PRIu64 " tokens, the limit is %" PRIu64,
                        a->n_tokens, SOV_FEW_TOKENS);
    if (a->n_ctx == 0 || a->n_ctx > SOV_CTX_MAX)
        return sov_fail(err, SOV_EARG, "sequences of %" PRIu32 " tokens",
                        a->n_ctx);
    if (!((double)a->temp >= SOV_TEMP_LEAST * 0.999 &&
          (double)a->temp <= SOV_TEMP_MOST))
        return sov_fail(err, SOV_EARG, "a temperature of %g", (double)a->temp);
    return 0;
}

uint64_t
sov_few_model_bytes(const struct sov_few_about *a)
{
    return (uint64_t)a->n_vocab + 2 * (uint64_t)a->n_draws + 1 + SOV_XXH3_LEN;
}

void
sov_few_sum(struct sov_sum *hash, const unsigned char *head,
            const uint64_t *number, const void *p, size_t len,
            unsigned char out[SOV_XXH3_LEN])
{
    unsigned char n[8];

    sov_sum_add(hash, head, SOV_XXH3_LEN);
    if (number != NULL) {
        sov_put64(n, *number);
        sov_sum_add(hash, n, sizeof(n));
    }
    sov_sum_add(hash, p, len);
    sov_sum_take(hash, out);
}

/* ---- opening */

static int
damaged(const char *what, uint64_t at, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "the samples are damaged: %s at byte %" PRIu64, what, at);
}

static int
read_header(struct sov_few_cache *c, struct sov_rd *rd, struct sov_err *err)
{
    struct sov_few_about *a = &c->about;
    struct sov_span magic = sov_rd_bytes(rd, SOV_FEW_TEXT);
    uint32_t version = sov_rd_u32(rd), len = sov_rd_u32(rd), temp;
    unsigned char sum[SOV_XXH3_LEN];
    struct sov_span id[3];

    if (rd->bad || memcmp(magic.p, SOV_FEW_MAGIC, SOV_FEW_TEXT) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "these are no samples of a teacher's distributions");
    if (version != SOV_FEW_VERSION || len != SOV_FEW_HEAD)
        return sov_fail(err, SOV_EUNSUP,
                        "samples of version %" PRIu32 ", known is %d", version,
                        SOV_FEW_VERSION);
    for (int i = 0; i < 3; i++)
        id[i] = sov_rd_bytes(rd, SOV_SHA256_LEN);
    a->n_tokens = sov_rd_u64(rd);
    a->seed = sov_rd_u64(rd);
    a->n_ctx = sov_rd_u32(rd);
    a->n_vocab = sov_rd_u32(rd);
    a->n_draws = sov_rd_u32(rd);
    temp = sov_rd_u32(rd);
    memcpy(&a->temp, &temp, sizeof(temp));
    c->block = sov_rd_u32(rd);
    a->apart = sov_rd_u32(rd) & 1;
    sov_rd_bytes(rd, 24);
    magic = sov_rd_bytes(rd, SOV_XXH3_LEN);
    if (rd->bad)
        return damaged("the end", c->size, err);
    memcpy(a->teacher, id[0].p, SOV_SHA256_LEN);
    memcpy(a->tokenizer, id[1].p, SOV_SHA256_LEN);
    memcpy(a->text, id[2].p, SOV_SHA256_LEN);
    memcpy(c->sum, magic.p, SOV_XXH3_LEN);
    sov_xxh3(c->p, SOV_FEW_HEAD - SOV_XXH3_LEN, sum);
    return memcmp(sum, c->sum, SOV_XXH3_LEN) == 0 ? 0
                                                  : damaged("header", 0, err);
}

static int
check_fields(struct sov_few_cache *c, struct sov_err *err)
{
    int rc = sov_few_check(&c->about, err);

    if (rc < 0 && err != NULL)
        err->rc = SOV_EFORMAT; /* nobody asked for it, it stands there */
    if (rc < 0)
        return sov_err_wrap(err, "header of the samples");
    if (c->block == 0 || c->block > SOV_FEW_BLOCK)
        return sov_fail(err, SOV_EFORMAT,
                        "blocks of %" PRIu32 " tokens, the limit is %" PRIu32,
                        c->block, SOV_FEW_BLOCK);
    c->n_blocks = (c->about.n_tokens - 1) / c->block + 1;
    return 0;
}

static int
read_model(struct sov_few_cache *c, struct sov_rd *rd, struct sov_err *err)
{
    struct sov_few_model *m = &c->model;
    uint64_t len = sov_few_model_bytes(&c->about) - SOV_XXH3_LEN;
    unsigned char sum[SOV_XXH3_LEN];
    const unsigned char *begin = rd->left.p;
    struct sov_span shares = sov_rd_bytes(rd, c->about.n_vocab), given;

    m->n_vocab = c->about.n_vocab;
    m->n_draws = c->about.n_draws;
    m->shares = shares.p;
    for (uint32_t i = 1; i <= m->n_draws; i++)
        m->sizes[i] = sov_rd_u16(rd);
    m->evenness = sov_rd_u8(rd);
    given = sov_rd_bytes(rd, SOV_XXH3_LEN);
    if (rd->bad)
        return damaged("the end", c->size, err);
    sov_few_sum(c->hash, c->sum, NULL, begin, (size_t)len, sum);
    if (memcmp(sum, given.p, SOV_XXH3_LEN) != 0 || !sov_few_model_sane(m))
        return damaged("what blocks are coded by", SOV_FEW_HEAD, err);
    return 0;
}

/* Where block i begins; i may be their number. */
static uint64_t
block_at(const struct sov_few_cache *c, uint64_t i)
{
    return i == 0 ? c->begin : sov_le64(c->p + c->index + 8 * (i - 1));
}

static int
read_index(struct sov_few_cache *c, struct sov_err *err)
{
    unsigned char sum[SOV_XXH3_LEN];
    const unsigned char *foot;
    uint64_t left;

    if (c->size - c->begin < SOV_FEW_FOOT)
        return damaged("the end", c->size, err);
    foot = c->p + c->size - SOV_FEW_FOOT;
    left = c->size - SOV_FEW_FOOT - c->begin;
    c->index = sov_le64(foot);
    if (memcmp(foot + 8, SOV_FEW_END, SOV_FEW_TEXT) != 0 ||
        c->n_blocks > left / 8 ||
        c->index != c->size - SOV_FEW_FOOT - 8 * c->n_blocks)
        return damaged("it was cut short; the end", c->size, err);
    sov_few_sum(c->hash, c->sum, NULL, c->p + c->index,
                (size_t)(8 * c->n_blocks + 8 + SOV_FEW_TEXT), sum);
    if (memcmp(sum, foot + 8 + SOV_FEW_TEXT, SOV_XXH3_LEN) != 0)
        return damaged("index", c->index, err);
    for (uint64_t i = 0; i < c->n_blocks; i++)
        if (block_at(c, i + 1) > c->index ||
            block_at(c, i + 1) < block_at(c, i) ||
            block_at(c, i + 1) - block_at(c, i) < SOV_XXH3_LEN)
            return damaged("an entry of the index", c->index + 8 * i, err);
    return block_at(c, c->n_blocks) == c->index
               ? 0
               : damaged("the end of the blocks", c->index, err);
}

int
sov_few_parse(struct sov_few_cache *c, const void *p, uint64_t size,
              struct sov_err *err)
{
    struct sov_rd rd;
    int rc;

    if (size > SIZE_MAX / 2)
        return damaged("its size, found", size, err);
    c->p = p;
    c->size = size;
    rd = sov_rd_over(p, (size_t)size);
    c->hash = sov_sum_new();
    if (c->hash == NULL)
        return sov_mem_fail(err);
    rc = read_header(c, &rd, err);
    if (rc == 0)
        rc = check_fields(c, err);
    if (rc == 0)
        rc = read_model(c, &rd, err);
    c->begin = sov_rd_offset(&rd);
    return rc == 0 ? read_index(c, err) : rc;
}

static void
free_list(struct sov_few_cache *c)
{
    free(c->list.size);
    free(c->list.top);
    free(c->list.id);
    free(c->list.count);
    c->list = (struct sov_few_list){ 0 };
    c->room = 0;
}

void
sov_few_drop(struct sov_few_cache *c)
{
    sov_sum_free(c->hash);
    free_list(c);
}

static int
open_file(struct sov_few_cache *c, const char *path, struct sov_err *err)
{
    int rc = sov_file_open(&c->file, path, err);

    if (rc < 0)
        return rc;
    if (!c->file.regular)
        return sov_fail(err, SOV_EARG,
                        "samples are read at many places: a pipe will not do");
    rc = sov_file_map(&c->file, &c->map, err);
    return rc == 0 ? sov_few_parse(c, c->map, c->file.size, err) : rc;
}

int
sov_few_open(sov_few_cache **cache, const char *path, struct sov_err *err)
{
    struct sov_few_cache *c = sov_mem_array(1, sizeof(*c));
    int rc;

    *cache = NULL;
    if (c == NULL)
        return sov_mem_fail(err);
    c->file.fd = -1;
    rc = open_file(c, path, err);
    if (rc < 0) {
        sov_few_close(c);
        return sov_err_wrap(err, "%s", path);
    }
    *cache = c;
    return 0;
}

void
sov_few_close(sov_few_cache *c)
{
    if (c == NULL)
        return;
    sov_few_drop(c);
    if (c->map != NULL)
        sov_file_unmap(c->map, c->file.size);
    if (c->file.fd >= 0)
        sov_file_close(&c->file);
    free(c);
}

const struct sov_few_about *
sov_few_about(const sov_few_cache *c)
{
    return &c->about;
}

uint64_t
sov_few_size(const sov_few_cache *c)
{
    return c->size;
}

/* ---- is it the one? */

static int
match_digest(const char *what, const unsigned char *has,
             const unsigned char *want, struct sov_err *err)
{
    char a[17], b[17];

    if (memcmp(has, want, SOV_SHA256_LEN) == 0)
        return 0;
    for (size_t i = 0; i < 8; i++) {
        snprintf(a + 2 * i, 3, "%02x", has[i]);
        snprintf(b + 2 * i, 3, "%02x", want[i]);
    }
    return sov_fail(err, SOV_EFORMAT,
                    "the samples are of another %s: %s..., and this is %s...",
                    what, a, b);
}

static int
match_number(const char *what, double has, double want, struct sov_err *err)
{
    if (has == want)
        return 0;
    return sov_fail(err, SOV_EFORMAT,
                    "the samples are of %s %.17g, and not of %.17g", what, has,
                    want);
}

int
sov_few_match(const sov_few_cache *c, const struct sov_few_about *want,
              struct sov_err *err)
{
    static const unsigned char any[SOV_SHA256_LEN];
    const struct sov_few_about *a = &c->about;
    int rc = match_digest("tokenizer", a->tokenizer, want->tokenizer, err);

    if (rc == 0 && memcmp(want->teacher, any, sizeof(any)) != 0)
        rc = match_digest("teacher", a->teacher, want->teacher, err);
    if (rc == 0)
        rc = match_digest("text", a->text, want->text, err);
    if (rc == 0)
        rc = match_number("a stream of tokens:", (double)a->n_tokens,
                          (double)want->n_tokens, err);
    if (rc == 0)
        rc = match_number("sequences of tokens:", a->n_ctx, want->n_ctx, err);
    if (rc == 0)
        rc = match_number("sequences of one document each (1: yes):", a->apart,
                          want->apart, err);
    if (rc == 0)
        rc = match_number("a temperature of", (double)a->temp,
                          (double)want->temp, err);
    if (rc == 0 && want->seed != 0)
        rc = match_number("the seed", (double)a->seed, (double)want->seed, err);
    if (rc == 0 && want->n_draws != 0)
        rc = match_number("draws of a token:", a->n_draws, want->n_draws, err);
    if (rc == 0 && a->n_vocab > want->n_vocab)
        rc = sov_fail(err, SOV_EFORMAT,
                      "the samples are of %" PRIu32 " tokens, the student has "
                      "%" PRIu32,
                      a->n_vocab, want->n_vocab);
    return rc;
}

/* ---- reading */

/* For n tokens, and what of a block lies before them. */
static int
make_room(struct sov_few_cache *c, size_t n, struct sov_err *err)
{
    struct sov_few_list *l = &c->list;
    size_t ids;

    l->n = l->n_ids = 0;
    n += c->block;
    if (n <= c->room)
        return 0;
    free_list(c);
    if (__builtin_mul_overflow(n, c->about.n_draws, &ids))
        return sov_mem_fail(err);
    l->size = sov_mem_array(n, sizeof(*l->size));
    l->top = sov_mem_array(n, sizeof(*l->top));
    l->id = sov_mem_array(ids, sizeof(*l->id));
    l->count = sov_mem_array(ids, sizeof(*l->count));
    if (l->size == NULL || l->top == NULL || l->id == NULL ||
        l->count == NULL) {
        free_list(c);
        return sov_mem_fail(err);
    }
    c->room = n;
    return 0;
}

/* The first n tokens of a block, added to the list. */
static int
read_block(struct sov_few_cache *c, uint64_t i, size_t n, bool whole,
           struct sov_err *err)
{
    uint64_t at = block_at(c, i), end = block_at(c, i + 1);
    struct sov_span bytes = { c->p + at + SOV_XXH3_LEN,
                              (size_t)(end - at) - SOV_XXH3_LEN };
    unsigned char sum[SOV_XXH3_LEN];

    sov_few_sum(c->hash, c->sum, &i, bytes.p, bytes.len, sum);
    if (memcmp(sum, c->p + at, SOV_XXH3_LEN) != 0 ||
        !sov_few_decode(&c->model, bytes, n, whole, &c->list))
        return damaged("a block", at, err);
    return 0;
}

int
sov_few_read(sov_few_cache *c, uint64_t at, size_t n, struct sov_few *few,
             float *top, struct sov_err *err)
{
    struct sov_few_list *l = &c->list;
    uint64_t i = at / c->block, end = at + n;
    size_t before = (size_t)(at % c->block), id = 0;
    int rc;

    if (at > c->about.n_tokens || n > c->about.n_tokens - at)
        return sov_fail(err, SOV_EARG,
                        "samples of %zu tokens from %" PRIu64 " on, there are "
                        "%" PRIu64,
                        n, at, c->about.n_tokens);
    rc = make_room(c, n, err);
    for (; rc == 0 && n > 0 && i * c->block < end; i++) {
        uint64_t left = c->about.n_tokens - i * c->block;
        uint64_t all = left < c->block ? left : c->block;
        uint64_t want = end - i * c->block;

        rc = read_block(c, i, (size_t)(want < all ? want : all), want >= all,
                        err);
    }
    for (size_t j = 0; rc == 0 && n > 0 && j < before + n; j++) {
        if (j >= before)
            few[j - before] =
                (struct sov_few){ l->size[j], l->id + id, l->count + id };
        if (j >= before && top != NULL)
            top[j - before] = l->top[j] / 255.0f;
        id += l->size[j];
    }
    return rc;
}
