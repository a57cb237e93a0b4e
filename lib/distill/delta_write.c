/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta_write.c - what a worker's training has moved, to a file
 */
#include "base/le.h"
#include "base/mem.h"
#include "distill/delta.h"
#include "sys/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)16384) /* numbers at once */

/* Units in which all that has moved fits 32 bits. */
static int
bits_for(const float *base, const float *w, size_t n, uint32_t *bits,
         struct sov_err *err)
{
    float most = 0;
    int e = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        float d = fabsf(base[i] - w[i]);

        if (!(d < 1024))
            return sov_fail(err, SOV_ENO,
                            "weight %zu is not finite, or has "
                            "moved by 1024 or more",
                            i);
        most = d > most ? d : most;
    }
    frexpf(most, &e);
    *bits = (uint32_t)(31 - e < SOV_DELTA_BITS_MAX && most > 0
                           ? 31 - e
                           : SOV_DELTA_BITS_MAX);
    return 0;
}

static int
put(sov_sink *sink, struct sov_sum *sum, const unsigned char *p, size_t n,
    struct sov_err *err)
{
    sov_sum_add(sum, p, n);
    return sov_sink_write(sink, p, n, err);
}

static int
put_head(sov_sink *sink, struct sov_sum *sum, const struct sov_delta *d,
         size_t n, struct sov_err *err)
{
    unsigned char bytes[SOV_DELTA_HEAD] = SOV_DELTA_MAGIC;

    sov_put32(bytes + 8, d->masked ? SOV_DELTA_MASKED : SOV_DELTA_VERSION);
    sov_put32(bytes + 12, d->bits);
    sov_put64(bytes + 16, n);
    sov_put64(bytes + 24, d->tokens);
    memcpy(bytes + 32, d->base, SOV_SHA256_LEN);
    sov_put32(bytes + 64, d->worker);
    sov_put32(bytes + 68, d->workers);
    if (d->masked)
        memcpy(bytes + 72, d->silos, SOV_SHA256_LEN);
    return put(sink, sum, bytes, sizeof(bytes), err);
}

static int
put_numbers(sov_sink *sink, struct sov_sum *sum, const struct sov_delta *d,
            const float *base, const float *w, size_t n, struct sov_err *err)
{
    double by = ldexp(1, (int)d->bits);
    unsigned char bytes[4 * 1024];
    size_t at, i;
    int rc = 0;

    for (at = 0; at < n && rc == 0; at += i) {
        for (i = 0; i < sizeof(bytes) / 4 && at + i < n; i++) {
            double x = ((double)base[at + i] - (double)w[at + i]) * by;

            sov_put32(bytes + 4 * i, (uint32_t)(int32_t)lrint(x));
        }
        rc = put(sink, sum, bytes, 4 * i, err);
    }
    return rc;
}

static int
put_masked(sov_sink *sink, struct sov_sum *sum, const sov_mask *mask,
           const float *base, const float *w, size_t n, struct sov_err *err)
{
    const double by = ldexp(1, SOV_LOCAL_BITS);
    unsigned char bytes[8 * 1024];
    uint64_t x[1024];
    size_t at, i, of;
    int rc = 0;

    for (at = 0; at < n && rc == 0; at += of) {
        of = n - at < 1024 ? n - at : 1024;
        for (i = 0; i < of; i++)
            x[i] = (uint64_t)llrint(((double)base[at + i] - (double)w[at + i]) *
                                    by);
        sov_mask_add(mask, at, x, of);
        for (i = 0; i < of; i++)
            sov_put64(bytes + 8 * i, x[i]);
        rc = put(sink, sum, bytes, 8 * of, err);
    }
    return rc;
}

int
sov_delta_write(sov_sink *sink, const struct sov_delta *d, const sov_mask *mask,
                const float *base, const float *w, size_t n,
                struct sov_err *err)
{
    unsigned char end[SOV_XXH3_LEN];
    struct sov_delta head = *d;
    struct sov_sum *sum;
    int rc;

    rc = bits_for(base, w, n, &head.bits, err);
    head.masked = mask != NULL;
    if (head.masked)
        head.bits = SOV_LOCAL_BITS;
    if (rc == 0)
        rc = sov_delta_head(&head, SOV_DELTA_VERSION, err);
    if (rc < 0)
        return rc;
    sum = sov_sum_new();
    if (sum == NULL)
        return sov_mem_fail(err);
    rc = put_head(sink, sum, &head, n, err);
    if (rc == 0)
        rc = mask != NULL ? put_masked(sink, sum, mask, base, w, n, err)
                          : put_numbers(sink, sum, &head, base, w, n, err);
    sov_sum_take(sum, end);
    sov_sum_free(sum);
    return rc == 0 ? sov_sink_write(sink, end, sizeof(end), err) : rc;
}

int
sov_delta_digest(const float *w, size_t n, unsigned char digest[SOV_SHA256_LEN],
                 struct sov_err *err)
{
    unsigned char *bytes = sov_mem_array(PIECE, 4);
    sov_hasher *h = NULL;
    struct sov_digest d;
    size_t at, i;
    int rc;

    rc = bytes == NULL ? sov_mem_fail(err)
                       : sov_hasher_new(&h, SOV_HASH_SHA256, err);
    for (at = 0; at < n && rc == 0; at += PIECE) {
        size_t of = n - at < PIECE ? n - at : PIECE;

        for (i = 0; i < of; i++)
            sov_putf32(bytes + 4 * i, w[at + i]);
        rc = sov_hasher_update(h, bytes, 4 * of, err);
    }
    if (rc == 0)
        rc = sov_hasher_final(h, &d, err);
    if (rc == 0)
        memcpy(digest, d.sha256, SOV_SHA256_LEN);
    sov_hasher_free(h);
    free(bytes);
    return rc;
}
