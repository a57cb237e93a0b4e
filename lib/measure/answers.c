/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers.c - the file that llama-perplexity keeps predictions in
 *
 * The file is mapped.  Its head and all ids are looked at when it is opened,
 * and that it is as long as they say; a row when it is asked for.
 */
#include "measure/answers.h"

#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "sys/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "_logits_"
#define STEPS 65535
#define DEPTH 16 /* below the largest, what is not told apart any more */

struct sov_answers {
    struct sov_file file;
    const void *map;
    uint32_t n_ctx;
    uint32_t n_vocab;
    uint32_t n_windows;
    int32_t *id; /* owned */
    const unsigned char *rows; /* of a file, or */
    float *kept;               /* owned: logits in memory */
};

uint32_t
sov_answers_rows(uint32_t n_ctx)
{
    return n_ctx - 1 - n_ctx / 2;
}

size_t
sov_answers_row_bytes(uint32_t n_vocab)
{
    return 2 * (((size_t)n_vocab + 1) / 2 * 2 + 4);
}

/* ---- reading ---- */

static int
check_number(const char *what, uint32_t value, uint64_t least, uint64_t most,
             uint64_t at, struct sov_err *err)
{
    if (value >= least && value <= most)
        return 0;
    return sov_fail(err, SOV_EFORMAT,
                    "at byte %" PRIu64 ": %s is %" PRIu32 ", not %" PRIu64
                    " to %" PRIu64,
                    at, what, value, least, most);
}

static int
read_head(sov_answers *l, struct sov_rd *rd, struct sov_err *err)
{
    struct sov_span magic = sov_rd_bytes(rd, strlen(MAGIC));
    int rc;

    l->n_ctx = sov_rd_u32(rd);
    l->n_vocab = sov_rd_u32(rd);
    l->n_windows = sov_rd_u32(rd);
    if (magic.len == 0 || memcmp(magic.p, MAGIC, magic.len) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "does not begin with \"" MAGIC "\": no predictions "
                        "of llama-perplexity");
    if (rd->bad)
        return sov_fail(err, SOV_EFORMAT, "is cut short in its head");
    rc = check_number("the length of a window", l->n_ctx, 3, SOV_CTX_MAX, 8,
                      err);
    if (rc == 0)
        rc = check_number("the size of the vocabulary", l->n_vocab, 1,
                          SOV_VOCAB_MAX, 12, err);
    if (rc == 0)
        rc = check_number("the number of windows", l->n_windows, 1, INT32_MAX,
                          16, err);
    return rc;
}

/* Bytes of a window: fits, since both factors have a limit. */
static uint64_t
window_bytes(uint32_t n_ctx, uint32_t n_vocab)
{
    return (uint64_t)n_ctx * 4 +
           (uint64_t)sov_answers_rows(n_ctx) * sov_answers_row_bytes(n_vocab);
}

static int
check_length(const sov_answers *l, uint64_t left, struct sov_err *err)
{
    uint64_t each = window_bytes(l->n_ctx, l->n_vocab);

    if (left % each == 0 && left / each == l->n_windows)
        return 0;
    return sov_fail(err, SOV_EFORMAT,
                    "has %" PRIu64 " bytes behind its head, which says %"
                    PRIu32 " windows of %" PRIu64 ": %s",
                    left, l->n_windows, each,
                    left / each < l->n_windows ? "it is cut short"
                                               : "what follows is unknown");
}

static int
read_ids(sov_answers *l, struct sov_rd *rd, struct sov_err *err)
{
    size_t n = (size_t)l->n_windows * l->n_ctx;

    l->id = sov_mem_array(n, sizeof(*l->id));
    if (l->id == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        uint64_t at = sov_rd_offset(rd);
        uint32_t id = sov_rd_u32(rd);

        if (id >= l->n_vocab)
            return sov_fail(err, SOV_EFORMAT,
                            "at byte %" PRIu64 ": token id %" PRId32
                            " is not below %" PRIu32
                            ", the size of the vocabulary",
                            at, (int32_t)id, l->n_vocab);
        l->id[i] = (int32_t)id;
    }
    return 0;
}

static int
load(sov_answers *l, const char *path, struct sov_err *err)
{
    struct sov_rd rd;
    int rc = sov_file_open(&l->file, path, err);

    if (rc < 0)
        return rc;
    if (!l->file.regular)
        rc = sov_file_spool(&l->file, NULL, 0, err);
    if (rc == 0)
        rc = sov_file_map(&l->file, &l->map, err);
    if (rc < 0)
        return rc;
    rd = sov_rd_over(l->map, (size_t)l->file.size);
    rc = read_head(l, &rd, err);
    if (rc == 0)
        rc = check_length(l, rd.left.len, err);
    if (rc == 0)
        rc = read_ids(l, &rd, err);
    l->rows = rd.left.p;
    if (rc < 0)
        sov_err_wrap(err, "%s",
                     strcmp(path, "-") == 0 ? "standard input" : path);
    return rc;
}

int
sov_answers_open(sov_answers **answers, const char *path, struct sov_err *err)
{
    sov_answers *l = sov_mem_array(1, sizeof(*l));
    struct sov_err unseen;
    int rc;

    *answers = NULL;
    if (err == NULL)
        err = &unseen;
    if (l == NULL)
        return sov_mem_fail(err);
    l->file.fd = -1;
    rc = load(l, path, err);
    if (rc < 0) {
        sov_answers_close(l);
        return rc;
    }
    *answers = l;
    return 0;
}

void
sov_answers_close(sov_answers *l)
{
    if (l == NULL)
        return;
    if (l->map != NULL)
        sov_file_unmap(l->map, l->file.size);
    sov_file_close(&l->file);
    free(l->id);
    free(l->kept);
    free(l);
}

int
sov_answers_new(sov_answers **answers, uint32_t n_ctx, uint32_t n_vocab,
               const int32_t *ids, size_t n, struct sov_err *err)
{
    sov_answers *l = sov_mem_array(1, sizeof(*l));

    *answers = NULL;
    if (l == NULL)
        return sov_mem_fail(err);
    l->file.fd = -1;
    l->n_ctx = n_ctx;
    l->n_vocab = n_vocab;
    l->n_windows = (uint32_t)(n / n_ctx);
    l->id = sov_mem_array((size_t)l->n_windows * n_ctx, sizeof(*l->id));
    l->kept = sov_mem_array((size_t)l->n_windows * sov_answers_rows(n_ctx),
                            n_vocab * sizeof(*l->kept));
    if (l->id == NULL || l->kept == NULL) {
        sov_answers_close(l);
        return sov_mem_fail(err);
    }
    memcpy(l->id, ids, (size_t)l->n_windows * n_ctx * sizeof(*ids));
    *answers = l;
    return 0;
}

float *
sov_answers_kept(const sov_answers *l, uint64_t i)
{
    return l->kept == NULL ? NULL : l->kept + (size_t)i * l->n_vocab;
}

uint32_t
sov_answers_ctx(const sov_answers *l)
{
    return l->n_ctx;
}

uint32_t
sov_answers_vocab(const sov_answers *l)
{
    return l->n_vocab;
}

const int32_t *
sov_answers_ids(const sov_answers *l, size_t *n)
{
    *n = (size_t)l->n_windows * l->n_ctx;
    return l->id;
}

uint64_t
sov_answers_bytes(uint32_t n_ctx, uint32_t n_vocab, uint64_t n_windows)
{
    return SOV_ANSWERS_HEAD + n_windows * window_bytes(n_ctx, n_vocab);
}

bool
sov_answers_row(const sov_answers *l, uint64_t i, float *p)
{
    const unsigned char *row =
        l->rows + (size_t)i * sov_answers_row_bytes(l->n_vocab);
    float scale = sov_lef32(row);
    float least = sov_lef32(row + 4);
    float most = scale * STEPS + least;

    /* a probability is 1 at most; the sums that made these were rounded */
    if (!(scale >= 0 && scale <= 1 && least > -1000000.0f && most < 0.01f))
        return false;
    for (uint32_t k = 0; k < l->n_vocab; k++)
        p[k] = scale * (float)sov_le16(row + 8 + 2 * (size_t)k) + least;
    return true;
}

/* ---- writing ---- */

void
sov_answers_put_head(unsigned char head[SOV_ANSWERS_HEAD], uint32_t n_ctx,
                    uint32_t n_vocab, uint32_t n_windows)
{
    memcpy(head, MAGIC, strlen(MAGIC));
    sov_put32(head + 8, n_ctx);
    sov_put32(head + 12, n_vocab);
    sov_put32(head + 16, n_windows);
}

/* To the nearest whole number, halves to even; x from 0 to STEPS. */
static uint16_t
nearest(float x)
{
    float y = x + 0x1.8p23f;
    uint32_t u;

    memcpy(&u, &y, sizeof(u));
    u &= 0x3fffff;
    return u < STEPS ? (uint16_t)u : STEPS;
}

void
sov_answers_put_row(unsigned char *row, const float *x, size_t n,
                   double log_sum)
{
    float top = x[0], low = x[0], scale, inverse;

    for (size_t i = 1; i < n; i++) {
        top = x[i] > top ? x[i] : top;
        low = x[i] < low ? x[i] : low;
    }
    low = low > top - DEPTH ? low : top - DEPTH;
    scale = (top - low) / STEPS;
    inverse = scale > 0 ? 1 / scale : 0;
    sov_putf32(row, scale);
    sov_putf32(row + 4, (float)((double)low - log_sum));
    for (size_t i = 0; i < n; i++)
        sov_put16(row + 8 + 2 * i,
                  x[i] > low ? nearest(inverse * (x[i] - low)) : 0);
    if (n % 2 != 0)
        sov_put16(row + 8 + 2 * n, 0);
}
