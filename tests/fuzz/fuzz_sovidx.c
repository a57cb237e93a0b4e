/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_sovidx.c - any bytes as an index of a model's digests
 *
 * As they are, and with the size and the checksum put right, which no
 * mutation would hit upon.
 */
#include "base/le.h"
#include "sov/index.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t told;

static void
take(void *arg, const struct sov_index_diff *d)
{
    const struct sov_index_file *f = arg;

    if (d->off > f->digest.size || d->len > f->digest.size - d->off)
        abort();
    told++;
}

/* A file that has nothing in common with the index. */
static void
use_file(const sov_index *x, size_t i)
{
    const struct sov_index_file *f = sov_index_file(x, i);
    struct sov_hash_range *r;
    unsigned char *group = calloc(f->n_groups + 1, SOV_SHA256_LEN);
    size_t n;

    if (group == NULL || sov_index_ranges(x, i, &r, &n, NULL) < 0)
        abort();
    for (size_t k = 0; k < n; k++)
        if (r[k].len == 0 || (k > 0 && r[k].off < r[k - 1].off + r[k - 1].len))
            abort();
    told = 0;
    if (sov_index_diff(x, i, group, f->n_groups, r, n, take, (void *)f) != told)
        abort();
    (void)sov_index_diff(x, i, NULL, 0, r, n, take, (void *)f);
    (void)sov_index_diff(x, i, group, 1, NULL, 0, take, (void *)f);
    free(group);
    free(r);
}

static void
use_tensors(const sov_index *x)
{
    for (size_t i = 0; i < sov_index_tensors(x); i++) {
        const struct sov_index_tensor *t = sov_index_tensor(x, i);

        if (t->digest.size > 0 &&
            (sov_index_holds(x, t->file, t->off) != t ||
             sov_index_holds(x, t->file, t->off + t->digest.size - 1) != t))
            abort();
        (void)sov_index_holds(x, t->file, t->off + t->digest.size);
    }
}

/* What was read can be written, and read again. */
static void
write_again(const sov_index *x)
{
    sov_index *y;
    void *text;
    size_t len;

    if (sov_index_text(sov_index_file(x, 0), sov_index_files(x),
                       sov_index_tensor(x, 0), sov_index_tensors(x), &text,
                       &len, NULL) < 0 ||
        sov_index_parse(&y, text, len, NULL) < 0 ||
        sov_index_tensors(x) != sov_index_tensors(y))
        abort();
    sov_index_free(y);
    free(text);
}

static void
try(const uint8_t *data, size_t size)
{
    struct sov_err err;
    sov_index *x;

    if (sov_index_parse(&x, data, size, &err) < 0) {
        if (err.msg[0] == '\0' || strchr(err.msg, '\n') != NULL)
            abort();
        return;
    }
    for (size_t i = 0; i < sov_index_files(x); i++)
        use_file(x, i);
    use_tensors(x);
    write_again(x);
    sov_index_free(x);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;

    try(data, size);
    if (size < 64)
        return 0;
    copy = malloc(size);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    sov_put64(copy + 24, size);
    sov_sha256(copy, size - SOV_SHA256_LEN, copy + size - SOV_SHA256_LEN);
    try(copy, size);
    free(copy);
    return 0;
}
