/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_delta.c - any bytes as a file of what training has moved
 *
 * The first byte says whether the sum is made right before it is checked:
 * behind it is all that there is to find.  What is accepted can be merged, and
 * leaves finite weights.
 */
#include "distill/delta.h"
#include "sys/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
merge(const struct sov_delta *d)
{
    static const struct sov_local outer = { 0.7, 0.9 };
    size_t n = (size_t)d->count;
    float *x = calloc(3 * n + 1, sizeof(*x));
    size_t i;

    if (x == NULL ||
        (sov_delta_merge(&outer, d, 1, x, x + n, x + 2 * n, n, NULL) < 0 &&
         !d->masked))
        abort();
    for (i = 0; i < 3 * n; i++)
        if (!isfinite(x[i]))
            abort();
    free(x);
}

/* It and another one: twice the same, of other workers, of no workers. */
static void
pair(const struct sov_delta *d)
{
    struct sov_delta both[2] = { *d, *d };
    size_t n = (size_t)d->count;

    if (sov_delta_check(both, 2, d->base, n, NULL) == 0)
        abort();
    both[1].worker++;
    both[1].sum[0] ^= 1;
    if (sov_delta_check(both, 2, d->base, n, NULL) == 0 && d->workers != 0 &&
        d->workers != 2)
        abort();
    both[1].workers++;
    if (sov_delta_check(both, 2, d->base, n, NULL) == 0)
        abort();
    both[1] = *d;
    both[1].base[5] ^= 1;
    if (sov_delta_check(both, 2, d->base, n, NULL) == 0)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_delta d = { 0 };
    unsigned char *p;
    int rc;

    if (size == 0)
        return 0;
    p = malloc(size);
    if (p == NULL)
        abort();
    memcpy(p, data + 1, --size);
    if (data[0] % 2 == 1 && size >= SOV_XXH3_LEN)
        sov_xxh3(p, size - SOV_XXH3_LEN, p + size - SOV_XXH3_LEN);
    if (sov_delta_parse(&d, p, size, NULL) == 0) {
        if (d.numbers < p || (d.masked ? 8 : 4) * d.count > size)
            abort();
        rc = sov_delta_check(&d, 1, d.base, (size_t)d.count, NULL);
        if (rc == 0)
            merge(&d);
        pair(&d);
    }
    free(p);
    return 0;
}
