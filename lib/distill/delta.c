/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta.c - what a worker's training has moved, as a file
 */
#include "distill/delta.h"
#include "base/le.h"
#include "base/mem.h"
#include "base/rd.h"
#include "distill/limits.h"
#include "sys/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MERGE ((size_t)1 << 18) /* numbers at once */

int
sov_delta_head(const struct sov_delta *d, uint32_t version, struct sov_err *err)
{
    if (version != SOV_DELTA_VERSION && version != SOV_DELTA_MASKED)
        return sov_fail(err, SOV_EUNSUP, "version %u, this is of version %d",
                        (unsigned)version, SOV_DELTA_MASKED);
    if (d->masked && (d->bits != SOV_LOCAL_BITS || d->worker == 0))
        return sov_fail(err, SOV_EFORMAT,
                        "masked in units of 2^-%u by worker %u",
                        (unsigned)d->bits, (unsigned)d->worker);
    if (d->bits < SOV_DELTA_BITS_MIN || d->bits > SOV_DELTA_BITS_MAX)
        return sov_fail(err, SOV_EFORMAT, "units of 2^-%u, from %d to %d",
                        (unsigned)d->bits, SOV_DELTA_BITS_MIN,
                        SOV_DELTA_BITS_MAX);
    if (d->tokens == 0 || d->tokens > SOV_DELTA_TOKENS)
        return sov_fail(err, SOV_EFORMAT, "%llu tokens, from 1 to 2^50",
                        (unsigned long long)d->tokens);
    if (d->worker > d->workers || d->workers > SOV_DELTA_FILES ||
        (d->worker == 0) != (d->workers == 0))
        return sov_fail(err, SOV_EFORMAT, "worker %u of %u, at most %u",
                        (unsigned)d->worker, (unsigned)d->workers,
                        (unsigned)SOV_DELTA_FILES);
    return 0;
}

/* All that stands before the numbers. */
static int
parse_head(struct sov_delta *d, struct sov_rd *rd, struct sov_err *err)
{
    struct sov_span magic = sov_rd_bytes(rd, strlen(SOV_DELTA_MAGIC));
    struct sov_span base, silos = { 0 }, rest;
    uint32_t version = sov_rd_u32(rd);
    int rc;

    d->bits = sov_rd_u32(rd);
    d->count = sov_rd_u64(rd);
    d->tokens = sov_rd_u64(rd);
    base = sov_rd_bytes(rd, SOV_SHA256_LEN);
    d->worker = sov_rd_u32(rd);
    d->workers = sov_rd_u32(rd);
    d->masked = version == SOV_DELTA_MASKED;
    if (d->masked)
        silos = sov_rd_bytes(rd, SOV_SHA256_LEN);
    rest = sov_rd_bytes(rd, SOV_DELTA_HEAD - sov_rd_offset(rd));
    if (rd->bad || memcmp(magic.p, SOV_DELTA_MAGIC, magic.len) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "not a file of what training has moved");
    rc = sov_delta_head(d, version, err);
    if (rc < 0)
        return rc;
    while (rest.len > 0 && rest.p[rest.len - 1] == 0)
        rest.len--;
    if (rest.len > 0)
        return sov_fail(err, SOV_EFORMAT, "byte %zu is not 0",
                        (size_t)(d->masked ? 103 : 71) + rest.len);
    memcpy(d->base, base.p, SOV_SHA256_LEN);
    if (d->masked)
        memcpy(d->silos, silos.p, SOV_SHA256_LEN);
    return 0;
}

int
sov_delta_parse(struct sov_delta *d, const void *p, size_t len,
                struct sov_err *err)
{
    struct sov_rd rd = sov_rd_over(p, len);
    unsigned char want[SOV_XXH3_LEN];
    struct sov_delta got = { 0 };
    struct sov_span sum;
    size_t wide;
    int rc = parse_head(&got, &rd, err);

    if (rc < 0)
        return rc;
    wide = got.masked ? 8 : 4;
    if (rd.left.len < SOV_XXH3_LEN ||
        (rd.left.len - SOV_XXH3_LEN) % wide != 0 ||
        (rd.left.len - SOV_XXH3_LEN) / wide != got.count)
        return sov_fail(err, SOV_EFORMAT, "%llu numbers do not fit %zu bytes",
                        (unsigned long long)got.count, len);
    got.numbers = sov_rd_bytes(&rd, wide * got.count).p;
    sum = sov_rd_bytes(&rd, SOV_XXH3_LEN);
    sov_xxh3(p, len - SOV_XXH3_LEN, want);
    if (memcmp(want, sum.p, SOV_XXH3_LEN) != 0)
        return sov_fail(err, SOV_EFORMAT, "damaged: its checksum is another");
    memcpy(got.sum, want, SOV_XXH3_LEN);
    *d = got;
    return 0;
}

int
sov_delta_open(struct sov_delta *d, const char *path, struct sov_err *err)
{
    struct sov_file file;
    const void *map = NULL;
    struct stat st;
    int rc;

    /* a pipe would wait for somebody at its other end */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return sov_fail(err, SOV_EARG, "%s: not a regular file", path);
    rc = sov_file_open(&file, path, err);
    if (rc < 0)
        return rc;
    if (!file.regular)
        rc = sov_fail(err, SOV_EARG, "not a regular file");
    if (rc == 0)
        rc = sov_file_map(&file, &map, err);
    if (rc == 0)
        rc = sov_delta_parse(d, map, (size_t)file.size, err);
    if (rc < 0) {
        if (map != NULL)
            sov_file_unmap(map, file.size);
        sov_file_close(&file);
        sov_err_wrap(err, "%s", path);
        return rc;
    }
    d->file = file;
    d->map = map;
    return 0;
}

void
sov_delta_close(struct sov_delta *d)
{
    if (d->map == NULL)
        return;
    sov_file_unmap(d->map, d->file.size);
    sov_file_close(&d->file);
    *d = (struct sov_delta){ 0 };
}

/* Two of them. */
static int
check_pair(const struct sov_delta *a, const struct sov_delta *b, size_t i,
           size_t j, struct sov_err *err)
{
    if (a->workers != b->workers)
        return sov_fail(err, SOV_ENO,
                        "files %zu and %zu: of %u workers, and "
                        "of %u",
                        i, j, (unsigned)a->workers, (unsigned)b->workers);
    if (a->workers > 0 && a->worker == b->worker)
        return sov_fail(err, SOV_ENO, "files %zu and %zu are both of worker %u",
                        i, j, (unsigned)a->worker);
    if (a->masked != b->masked)
        return sov_fail(err, SOV_ENO, "file %zu is masked, and file %zu not",
                        a->masked ? i : j, a->masked ? j : i);
    if (memcmp(a->silos, b->silos, SOV_SHA256_LEN) != 0)
        return sov_fail(err, SOV_ENO,
                        "files %zu and %zu are masked for other silos, or "
                        "for them in another order",
                        i, j);
    if (memcmp(a->sum, b->sum, SOV_XXH3_LEN) == 0)
        return sov_fail(err, SOV_ENO, "files %zu and %zu are the same", i, j);
    return 0;
}

int
sov_delta_check(const struct sov_delta *d, size_t n_deltas,
                const unsigned char base[SOV_SHA256_LEN], size_t n,
                struct sov_err *err)
{
    size_t i, j;
    int rc = 0;

    if (n_deltas == 0 || n_deltas > SOV_DELTA_FILES)
        return sov_fail(err, SOV_EARG, "%zu files, from 1 to %u", n_deltas,
                        (unsigned)SOV_DELTA_FILES);
    for (i = 0; i < n_deltas && rc == 0; i++) {
        if (d[i].count != n || memcmp(d[i].base, base, SOV_SHA256_LEN) != 0)
            return sov_fail(err, SOV_ENO,
                            "file %zu is of training from another model",
                            i + 1);
        for (j = 0; j < i && rc == 0; j++)
            rc = check_pair(&d[j], &d[i], j + 1, i + 1, err);
    }
    if (rc == 0 && d[0].workers > 0 && d[0].workers != n_deltas)
        return sov_fail(err, SOV_ENO, "files of %zu workers, of %u", n_deltas,
                        (unsigned)d[0].workers);
    return rc;
}

/* sum[n] += numbers at .. of files that count by their tokens */
static void
add_plain(const struct sov_delta *d, size_t n_deltas, uint64_t tokens,
          size_t at, int64_t *sum, size_t n)
{
    for (size_t j = 0; j < n_deltas; j++) {
        double by = ldexp((double)d[j].tokens / (double)tokens,
                          SOV_LOCAL_BITS - (int)d[j].bits);
        const unsigned char *p = d[j].numbers + 4 * at;

        for (size_t i = 0; i < n; i++)
            sum[i] += llrint((double)(int32_t)sov_le32(p + 4 * i) * by);
    }
}

/* ... of files whose masks cancel.  Somebody may have written nonsense: no sum
 * of good ones is as large as that. */
static int
add_masked(const struct sov_delta *d, size_t n_deltas, size_t at, int64_t *sum,
           size_t n, struct sov_err *err)
{
    const int64_t most = (int64_t)n_deltas << (SOV_LOCAL_BITS + 10);

    for (size_t i = 0; i < n; i++) {
        uint64_t x = 0;

        for (size_t j = 0; j < n_deltas; j++)
            x += sov_le64(d[j].numbers + 8 * (at + i));
        sum[i] = (int64_t)x;
        if (sum[i] >= most || sum[i] <= -most)
            return sov_fail(err, SOV_ENO,
                            "the masks do not cancel: a file is damaged, or "
                            "its silo masked something else");
    }
    return 0;
}

int
sov_delta_merge(const struct sov_local *l, const struct sov_delta *d,
                size_t n_deltas, float *base, float *u, float *w, size_t n,
                struct sov_err *err)
{
    int64_t *sum = sov_mem_array(n < MERGE ? n : MERGE, sizeof(*sum));
    size_t counts = d[0].masked ? n_deltas : 1;
    uint64_t tokens = 0; /* no more than 2^62 */
    int rc = sum != NULL ? 0 : sov_mem_fail(err);

    for (size_t j = 0; j < n_deltas; j++)
        tokens += d[j].tokens;
    for (size_t at = 0; at < n && rc == 0; at += MERGE) {
        size_t of = n - at < MERGE ? n - at : MERGE;

        memset(sum, 0, of * sizeof(*sum));
        if (d[0].masked)
            rc = add_masked(d, n_deltas, at, sum, of, err);
        else
            add_plain(d, n_deltas, tokens, at, sum, of);
        if (rc == 0)
            sov_local_step(l, sum, counts, base + at, u + at, w + at, of);
    }
    free(sum);
    return rc;
}
